#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* held while the function is called */
static dd_log_function *log_function;
static void *log_context;
static atomic_bool stop_requested; /* without a lock inside, so fit for signal handlers */

void dd_set_log(dd_log_function *function, void *context) {
    pthread_mutex_lock(&lock);
    log_function = function;
    log_context = context;
    pthread_mutex_unlock(&lock);
}

void dd__log(dd_log_level level, const char *format, ...) {
    char line[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&lock);
    if (log_function) log_function(log_context, level, line);
    pthread_mutex_unlock(&lock);
}

void dd_interrupt(void) { stop_requested = true; }
void dd_clear_interrupt(void) { stop_requested = false; }
bool dd__interrupted(void) { return stop_requested; }
