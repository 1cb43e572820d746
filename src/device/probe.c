/* probe.c: asks the runtimes in a child process first.
 *
 * Installed runtimes crash, abort or hang inside clGetPlatformIDs (ROCm-OpenCL-Runtime#153, two
 * runtimes that each bring LLVM; OpenCL-SDK#125; Clover without its bitcode files). The list of
 * devices therefore comes from a child, through a pipe. When the child dies, the runtimes are added
 * one by one to a temporary folder that OCL_ICD_VENDORS points to, and those that kill it are left
 * out: this finds the guilty file also when two runtimes only fail together.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/opencl.h"

enum { LIMIT_SECONDS = 20, MAX_ANSWER = 1 << 22 };

static bool started;
static char safe_folder[512]; /* "" unless a runtime is left out */
static char *vendors_before;  /* OCL_ICD_VENDORS as the user set it, or NULL */

bool dd__opencl_started(void) { return started; }

static void remove_safe_folder(void) {
    struct dirent **entries;
    char path[1024];
    if (!safe_folder[0]) return;
    int count = scandir(safe_folder, &entries, NULL, NULL);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", safe_folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') unlink(path);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
    rmdir(safe_folder);
    safe_folder[0] = 0;
}

void dd__opencl_starts(void) { started = true; }

/* The loader has read its folder: what pointed it to ours can go. */
void dd__opencl_has_started(void) {
    if (!safe_folder[0]) return;
    remove_safe_folder();
    if (vendors_before)
        setenv("OCL_ICD_VENDORS", vendors_before, 1);
    else
        unsetenv("OCL_ICD_VENDORS");
    dd__free(vendors_before);
    vendors_before = NULL;
}

/* ---- The answer through the pipe: size, count, found, count of skipped, their lines -------- */

typedef struct answer {
    size_t bytes, count, skipped_count; /* bytes: of all, this struct included */
} answer;

static bool write_all(int pipe, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size) {
        ssize_t written = write(pipe, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static bool send_catalogue(int pipe, const dd__catalogue *catalogue) {
    answer head = {.count = catalogue->count, .skipped_count = catalogue->skipped_count};
    head.bytes = sizeof head + head.count * sizeof(dd__found);
    for (size_t i = 0; i < head.skipped_count; i++) head.bytes += strlen(catalogue->skipped[i]) + 1;
    bool sent = write_all(pipe, &head, sizeof head) &&
                write_all(pipe, catalogue->found, head.count * sizeof(dd__found));
    for (size_t i = 0; sent && i < head.skipped_count; i++)
        sent = write_all(pipe, catalogue->skipped[i], strlen(catalogue->skipped[i]) + 1);
    return sent;
}

static dd_status receive_catalogue(const char *bytes, dd__catalogue *catalogue) {
    answer head;
    memcpy(&head, bytes, sizeof head);
    const char *at = bytes + sizeof head;
    *catalogue = (dd__catalogue){0};
    dd_status status = DD_OK;
    for (size_t i = 0; i < head.count; i++, at += sizeof(dd__found)) {
        dd__found found;
        memcpy(&found, at, sizeof found);
        found.platform = NULL; /* handles mean nothing in another process */
        found.device = NULL;
        DD_TRY_OUT(dd__catalogue_add(catalogue, &found));
        catalogue->found[i].info.index = found.info.index;
    }
    for (size_t i = 0; i < head.skipped_count; i++, at += strlen(at) + 1)
        DD_TRY_OUT(dd__catalogue_skip(catalogue, "%s", at));
out:
    if (status != DD_OK) dd__catalogue_clear(catalogue);
    return status;
}

/* ---- The child ---------------------------------------------------------------------- */

static _Noreturn void be_child(int pipe) {
    int nowhere = open("/dev/null", O_RDWR);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO); /* LLVM explains itself before it aborts; we do better */
        dup2(nowhere, STDERR_FILENO);
    }
    safe_folder[0] = 0; /* the parent's to remove */
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    dd__catalogue catalogue = {0};
    bool done = dd__catalogue_fill(&catalogue) == DD_OK && send_catalogue(pipe, &catalogue);
    _exit(done ? 0 : 1);
}

/* Reads until the answer is complete (true), the pipe closes or the time is over (false). */
static bool read_answer(int pipe, char *buffer, bool *timed_out) {
    double end = dd__seconds() + LIMIT_SECONDS;
    size_t used = 0;
    answer head = {0};
    for (;;) {
        if (used >= sizeof head) memcpy(&head, buffer, sizeof head);
        if (head.bytes && used >= head.bytes) return true;
        double left = end - dd__seconds();
        struct pollfd waiting = {.fd = pipe, .events = POLLIN};
        int ready = left > 0 ? poll(&waiting, 1, (int)(left * 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR) continue;
        *timed_out = ready == 0;
        if (ready <= 0) return false;
        ssize_t got = read(pipe, buffer + used, MAX_ANSWER - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        used += (size_t)got;
    }
}

static void say_death(int status, bool timed_out, char *how, size_t size) {
    if (timed_out)
        snprintf(how, size, "did not answer within %d s", LIMIT_SECONDS);
    else if (WIFSIGNALED(status))
        snprintf(how, size, "crashed (signal %d, %s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(how, size, "ended the process (exit status %d)", WEXITSTATUS(status));
}

/* DD_OK and a catalogue; or DD_OK and how[0] != 0, how the child died. Without a child (no memory,
 * no processes left) it is the caller's turn: `tried` is false. */
static dd_status ask_child(dd__catalogue *catalogue, bool *tried, char *how, size_t size) {
    int ends[2] = {-1, -1}, status = 0;
    bool timed_out = false;
    how[0] = 0;
    char *buffer = dd__alloc(MAX_ANSWER, 1);
    *tried = buffer && pipe(ends) == 0;
    pid_t child = *tried ? fork() : -1;
    *tried = child >= 0;
    if (child == 0) be_child(ends[1]);
    if (ends[1] >= 0) close(ends[1]);
    dd_status result = DD_OK;
    if (*tried) {
        fcntl(ends[0], F_SETFD, FD_CLOEXEC);
        bool complete = read_answer(ends[0], buffer, &timed_out);
        /* it has nothing more to do, and drivers hang at exit (intel/compute-runtime#927) */
        if (complete || timed_out) kill(child, SIGKILL);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
        if (complete)
            result = receive_catalogue(buffer, catalogue);
        else
            say_death(status, timed_out, how, size);
    }
    if (ends[0] >= 0) close(ends[0]);
    dd__free(buffer);
    return result;
}

/* ---- Which runtime it was --------------------------------------------------------------- */

static int is_icd(const struct dirent *entry) { return dd__ends_with(entry->d_name, ".icd"); }

static const char *vendors_folder(void) {
    const char *own = getenv("OCL_ICD_VENDORS");
    return own && *own ? own : "/etc/OpenCL/vendors";
}

/* A link to the runtime's file in the safe folder; how the child died with it, or "". */
static dd_status try_runtime(const char *folder, const char *name, dd__catalogue *catalogue,
                             char *how, size_t size) {
    char from[2048], resolved[4096], to[1024];
    bool tried;
    how[0] = 0;
    DD_TRY(dd__path_join(from, sizeof from, folder, name));
    DD_TRY(dd__path_join(to, sizeof to, safe_folder, name));
    if (!realpath(from, resolved) || symlink(resolved, to) != 0) {
        snprintf(how, size, "cannot be read (%s)", strerror(errno));
        return DD_OK;
    }
    dd__catalogue found = {0};
    dd_status status = ask_child(&found, &tried, how, size);
    if (status != DD_OK || !tried || how[0]) {
        unlink(to);
        return status;
    }
    dd__catalogue_clear(catalogue);
    *catalogue = found;
    return DD_OK;
}

static dd_status make_safe_folder(void) {
    const char *temporary = getenv("TMPDIR"), *before = getenv("OCL_ICD_VENDORS");
    DD_TRY(dd__path_join(safe_folder, sizeof safe_folder,
                         temporary && *temporary ? temporary : "/tmp", "deepdigits-XXXXXX"));
    if (!mkdtemp(safe_folder)) {
        dd_status status =
            dd__fail(DD_IO, "%s: cannot make a folder: %s", safe_folder, strerror(errno));
        safe_folder[0] = 0;
        return status;
    }
    static bool registered;
    if (!registered) registered = atexit(remove_safe_folder) == 0;
    vendors_before = before ? dd__copy_string(before) : NULL;
    setenv("OCL_ICD_VENDORS", safe_folder, 1);
    return DD_OK;
}

/* Every file of the folder in turn; the catalogue of those that work, with a line for each other.
 * `died` is how all of them together ended the child. */
static dd_status leave_out_broken(dd__catalogue *catalogue, const char *died) {
    struct dirent **entries = NULL;
    char folder[1024], how[256];
    snprintf(folder, sizeof folder, "%s", vendors_folder());
    int count = scandir(folder, &entries, is_icd, alphasort);
    dd__catalogue blamed = {0};
    dd_status status = make_safe_folder();
    for (int i = 0; i < count && status == DD_OK; i++) {
        status = try_runtime(folder, entries[i]->d_name, catalogue, how, sizeof how);
        if (status == DD_OK && how[0])
            status = dd__catalogue_skip(&blamed,
                                        "%s/%s: this OpenCL runtime %s when asked for its devices "
                                        "and is left out; remove the file to be rid of it",
                                        folder, entries[i]->d_name, how);
    }
    for (int i = 0; i < count; i++) free(entries[i]);
    free(entries);
    if (status == DD_OK && catalogue->count == 0) {
        dd__found reference = dd__reference_device();
        status = dd__catalogue_add(catalogue, &reference);
    }
    for (size_t i = 0; i < blamed.skipped_count && status == DD_OK; i++)
        status = dd__catalogue_skip(catalogue, "%s", blamed.skipped[i]);
    if (status == DD_OK && count <= 0)
        status = dd__catalogue_skip(catalogue, "%s: this OpenCL runtime %s and is left out", folder,
                                    died);
    dd__catalogue_clear(&blamed);
    return status;
}

dd_status dd__probe(dd__catalogue *catalogue) {
    char how[256];
    bool tried;
    *catalogue = (dd__catalogue){0};
    DD_TRY(ask_child(catalogue, &tried, how, sizeof how));
    if (!tried) return dd__catalogue_fill(catalogue);
    if (!how[0]) return DD_OK;
    dd__log(DD_LOG_WARNING, "an OpenCL runtime %s; looking for the one at fault", how);
    dd_status status = leave_out_broken(catalogue, how);
    if (status != DD_OK) dd__catalogue_clear(catalogue);
    return status;
}

/* ---- Once for each set of runtimes ----------------------------------------------------- */

/* Names the runtimes by their files: a new or updated one is probed again. */
static void name_runtimes(char name[33]) {
    static const char *const settings[] = {"OCL_ICD_VENDORS", "OCL_ICD_FILENAMES",
                                           "LD_LIBRARY_PATH", "LD_PRELOAD", "RUSTICL_ENABLE"};
    char text[16384];
    size_t used = 0;
    for (size_t i = 0; i < DD_COUNT(settings) && used < sizeof text - 4096; i++) {
        const char *value = getenv(settings[i]);
        used += (size_t)snprintf(text + used, 2048, "%.2000s\n", value ? value : "");
    }
    struct dirent **entries = NULL;
    int count = scandir(vendors_folder(), &entries, is_icd, alphasort);
    for (int i = 0; i < count; i++) {
        char path[2048];
        struct stat file = {0};
        snprintf(path, sizeof path, "%s/%s", vendors_folder(), entries[i]->d_name);
        if (used < sizeof text - 512 && stat(path, &file) == 0)
            used += (size_t)snprintf(text + used, 512, "%.255s %lld %lld\n", entries[i]->d_name,
                                     (long long)file.st_size, (long long)file.st_mtime);
        free(entries[i]);
    }
    free(entries);
    dd__hash_name(text, used, name);
}

static bool passed_before(const char *path, const char *name) {
    char *text = NULL;
    size_t size = 0;
    if (!dd__is_file(path) || dd__file_read(path, 65536, &text, &size) != DD_OK) return false;
    bool found = strstr(text, name) != NULL;
    dd__free(text);
    return found;
}

dd_status dd__probe_once(void) {
    char folder[4096], path[4096] = "", name[33], line[64];
    if (started || safe_folder[0]) return DD_OK;
    name_runtimes(name);
    bool remember = dd__cache_is_on() && dd__cache_folder(folder, sizeof folder) == DD_OK &&
                    dd__path_join(path, sizeof path, folder, "runtimes.txt") == DD_OK;
    if (remember && passed_before(path, name)) return DD_OK;
    dd__catalogue catalogue = {0};
    DD_TRY(dd__probe(&catalogue));
    for (size_t i = 0; safe_folder[0] && i < catalogue.skipped_count; i++)
        dd__log(DD_LOG_WARNING, "%s", catalogue.skipped[i]);
    dd__catalogue_clear(&catalogue);
    snprintf(line, sizeof line, "%s\n", name);
    if (remember && !safe_folder[0] && dd__folder_make(folder) == DD_OK &&
        dd__file_write(path, line, strlen(line)) != DD_OK)
        dd__log(DD_LOG_VERBOSE, "the probe of the runtimes is not remembered: %s", dd_message());
    return DD_OK;
}
