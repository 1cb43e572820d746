#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "version.h"

#undef dd__fail
#undef dd__within
#undef dd__no_memory

enum { MESSAGE_SIZE = 8192 };
static _Thread_local char message[MESSAGE_SIZE];

static const struct {
    const char *name;
    int exit_status;
    const char *text;
} statuses[] = {
#define ROW(name, exit_status, text) {#name, exit_status, text},
    DD_STATUS_MAP(ROW)
#undef ROW
};

const char *dd_message(void) { return message; }

const char *dd_status_name(dd_status status) {
    return (size_t)status < DD_COUNT(statuses) ? statuses[status].name : "UNKNOWN";
}

int dd_status_exit(dd_status status) {
    return (size_t)status < DD_COUNT(statuses) ? statuses[status].exit_status : 1;
}

const char *dd_version(void) { return DD_VERSION; }

dd_status dd__fail(dd_status status, const char *format, ...) {
    char text[MESSAGE_SIZE]; /* the arguments may lie in `message` itself */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
    return status;
}

dd_status dd__within(dd_status status, const char *format, ...) {
    if (status == DD_OK) return DD_OK;
    char place[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(place, sizeof place, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= MESSAGE_SIZE - 2) return status;
    /* What does not fit is cut off: the place matters more than the end of the message. */
    if (snprintf(place + length, sizeof place - (size_t)length, ": %s", message) < 0) return status;
    memcpy(message, place, sizeof message);
    return status;
}

dd_status dd__no_memory(size_t bytes) {
    return dd__fail(DD_MEMORY, "out of memory: %zu bytes could not be allocated", bytes);
}
