#include "base/log.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

static dd_log_function *log_function;
static void *log_context;
static volatile sig_atomic_t stop_requested;

void dd_set_log(dd_log_function *function, void *context) {
    log_function = function;
    log_context = context;
}

void dd__log(dd_log_level level, const char *format, ...) {
    if (!log_function) return;
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log_function(log_context, level, line);
}

void dd_interrupt(void) { stop_requested = 1; }
void dd_clear_interrupt(void) { stop_requested = 0; }
bool dd__interrupted(void) { return stop_requested != 0; }
