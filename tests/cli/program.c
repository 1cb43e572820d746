#include "cli/program.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

char folder[4096];
int status;
char *out, *err;

static const char *program(void) {
    const char *path = getenv("DEEPDIGITS_PROGRAM");
    if (path) return path;
    fprintf(stderr, "set DEEPDIGITS_PROGRAM to the program to test\n");
    exit(2);
}

static void inside(char *path, size_t size, const char *name) {
    int length = snprintf(path, size, "%s/%s", folder, name);
    assert_true(length > 0 && (size_t)length < size);
}

int program_setup(void **state) {
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/deepdigits-cli-XXXXXX", temporary ? temporary : "/tmp");
    if (access(program(), X_OK) != 0 || !mkdtemp(folder)) return -1;
    return setenv("T", folder, 1);
}

int program_teardown(void **state) {
    (void)state;
    free(out);
    free(err);
    return system("rm -rf \"$T\"");
}

/* ---- Running ------------------------------------------------------------------------- */

pid_t start(const char *environment, const char *arguments) {
    char line[8192];
    int length = snprintf(line, sizeof line,
                          "exec >\"$T/out\" 2>\"$T/err\" </dev/null; "
                          "exec env %s \"$DEEPDIGITS_PROGRAM\" %s",
                          environment, arguments);
    assert_true(length > 0 && (size_t)length < sizeof line);
    char shell[] = "sh", option[] = "-c";
    char *words[] = {shell, option, line, NULL};
    pid_t process;
    assert_int_equal(posix_spawn(&process, "/bin/sh", NULL, NULL, words, environ), 0);
    return process;
}

void finish(pid_t process) {
    int how;
    assert_int_equal(waitpid(process, &how, 0), process);
    status = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    free(out);
    free(err);
    out = read_text("out");
    err = read_text("err");
}

void run_with(const char *environment, const char *arguments) {
    finish(start(environment, arguments));
}

void run(const char *arguments) { run_with("", arguments); }

const char *errors_so_far(void) {
    free(err);
    err = file_exists("err") ? read_text("err") : calloc(1, 1);
    return err;
}

void expect_status(int expected) {
    if (status == expected) return;
    fail_msg("expected exit status %d, found %d\nstandard output:\n%s\nstandard error:\n%s",
             expected, status, out, err);
}

void expect_part(const char *text, const char *part) {
    if (strstr(text, part)) return;
    fail_msg("expected \"%s\" in\n%s\nstandard error:\n%s", part, text, err);
}

/* ---- Files --------------------------------------------------------------------------- */

void make_file(const char *name, const void *bytes, size_t size) {
    char path[8192];
    inside(path, sizeof path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

bool file_exists(const char *name) {
    char path[8192];
    inside(path, sizeof path, name);
    return access(path, F_OK) == 0;
}

char *read_text(const char *name) {
    char path[8192];
    inside(path, sizeof path, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    char *text = calloc((size_t)size + 1, 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    return text;
}

size_t count_entries(const char *name, const char *part) {
    char path[8192];
    size_t count = 0;
    inside(path, sizeof path, name);
    DIR *entries = opendir(path);
    assert_non_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_name[0] == '.' && strlen(entry->d_name) < 3) continue;
        count += strstr(entry->d_name, part) != NULL;
    }
    closedir(entries);
    return count;
}

size_t count_lines(const char *text) {
    size_t count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

void need_model(void) {
    if (file_exists("run/model.safetensors")) return;
    run("train --model models/small.json --data synthetic:512 --output \"$T/run\" --epochs 1");
    expect_status(0);
}
