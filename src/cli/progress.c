#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* One process has one standard error, and so one of these. The stream's own lock, which a thread may
 * take again, guards it: notices of the library come from several threads. */
static struct {
    bool quiet, verbose, bar;
    bool drawn; /* a bar stands in the terminal's last line */
    double due; /* when the next bar may be drawn */
    bool told_of_building;
} console;

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Notes --------------------------------------------------------------------------- */

bool cli_is_quiet(void) { return console.quiet; }

void cli_note(const char *format, ...) {
    if (console.quiet) return;
    flockfile(stderr);
    cli_bar_clear();
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* The first run on a device must not look hung, nor bury its results under a line a program: the
 * first notice of building is said, with where the programs are kept, the others with --verbose. */
static void note_building(const char *line) {
    static dd_cache_info cache; /* 4 KiB */
    if (console.told_of_building) return;
    console.told_of_building = true;
    const char *what = strncmp(line, "building ", 9) == 0 ? "building kernels, once" : line;
    if (dd_cache_describe(&cache) == DD_OK)
        cli_note("%s; kept in %s", what, cache.folder);
    else
        cli_note("%s", what);
}

static void take_log(void *context, dd_log_level level, const char *line) {
    (void)context;
    if (level == DD_LOG_WARNING)
        cli_note("warning: %s", line);
    else if (level == DD_LOG_INFO && strstr(line, "building ") && !console.verbose)
        note_building(line);
    else if (level == DD_LOG_INFO || console.verbose)
        cli_note("%s", line);
}

void cli_progress_start(cli_progress_mode mode, bool quiet, bool verbose) {
    console.quiet = quiet;
    console.verbose = verbose && !quiet;
    console.bar = !quiet && (mode == CLI_PROGRESS_ALWAYS ||
                             (mode == CLI_PROGRESS_AUTO && isatty(STDERR_FILENO)));
    dd_set_log(take_log, NULL);
}

/* ---- The bar ------------------------------------------------------------------------- */

static size_t terminal_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 20) return 100;
    return size.ws_col;
}

bool cli_bar_due(void) { return console.bar && cli_seconds() >= console.due; }

void cli_bar_clear(void) {
    flockfile(stderr);
    if (console.drawn) fputs("\r\033[K", stderr);
    console.drawn = false;
    funlockfile(stderr);
}

void cli_bar(const char *format, ...) {
    char line[512];
    if (!cli_bar_due()) return;
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    flockfile(stderr);
    fprintf(stderr, "\r\033[K%.*s", (int)terminal_width() - 1, line);
    fflush(stderr);
    console.drawn = true;
    funlockfile(stderr);
    console.due = cli_seconds() + 0.1;
}

const char *cli_duration(double seconds, char *out, size_t size) {
    if (!(seconds >= 0) || seconds > 1e8) {
        snprintf(out, size, "-");
        return out;
    }
    unsigned whole = (unsigned)(seconds + 0.5), hours = whole / 3600;
    if (hours)
        snprintf(out, size, "%u:%02u:%02u", hours, whole / 60 % 60, whole % 60);
    else
        snprintf(out, size, "%u:%02u", whole / 60, whole % 60);
    return out;
}

const char *cli_bytes(uint64_t bytes, char *out, size_t size) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    for (; value >= 1024 && unit < 4; unit++) value /= 1024;
    snprintf(out, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

/* ---- Training ------------------------------------------------------------------------ */

/* The bar takes what the terminal's line has left. */
static void draw_training(const dd_train_progress *now) {
    enum { MOST = 24, FRAME = 3 };
    char epoch[32], figures[128], left[32], bar[MOST + 1];
    double share = now->steps ? (double)now->step / (double)now->steps : 0;
    int used = snprintf(epoch, sizeof epoch, "epoch %u/%u", now->epoch, now->epochs);
    used += snprintf(figures, sizeof figures,
                     "%3.0f %%  loss %.4f  accuracy %.2f %%  %.0f images/s  %s left", 100 * share,
                     now->loss, 100 * now->accuracy, now->images_per_second,
                     cli_duration(now->seconds_left, left, sizeof left));
    int room = (int)terminal_width() - 1 - used - FRAME - 1, width = room < MOST ? room : MOST;
    if (width < 0) width = 0;
    for (int i = 0; i < width; i++) bar[i] = i < (int)(share * width) ? '#' : '.';
    bar[width] = '\0';
    cli_bar("%s [%s] %s", epoch, bar, figures);
}

void cli_train_progress(void *context, const dd_train_progress *now) {
    (void)context;
    char spent[32], left[32], validation[96] = "";
    if (!now->epoch_done) {
        if (cli_bar_due()) draw_training(now);
        return;
    }
    if (isfinite(now->validation_loss))
        snprintf(validation, sizeof validation, "  validation loss %.4f  accuracy %.2f %%",
                 now->validation_loss, 100 * now->validation_accuracy);
    bool last = now->epoch >= now->epochs;
    cli_duration(now->seconds_left, left, sizeof left);
    cli_note("epoch %u/%u  loss %.4f  accuracy %.2f %%%s  lr %.2g  %.0f images/s  %s%s%s%s",
             now->epoch, now->epochs, now->loss, 100 * now->accuracy, validation,
             now->learning_rate, now->images_per_second,
             cli_duration(now->seconds, spent, sizeof spent), last ? "" : ", ", last ? "" : left,
             last ? "" : " left");
}
