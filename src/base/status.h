/* status.h: errors are values. A failing call returns a dd_status and leaves one message.
 *
 *     return dd__fail(DD_FORMAT, "expected 4 bytes, found %zu", n);     the innermost reason
 *     return dd__within(status, "%s: layer %d", path, i);               puts the place before it
 *     DD_TRY(call());                                                   hands a failure on
 */
#ifndef DD_BASE_STATUS_H
#define DD_BASE_STATUS_H

#include "deepdigits.h"

#if defined(__GNUC__)
#define DD_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define DD_PRINTF(text, first)
#endif

#define DD_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sets the thread's message and returns `status`. */
dd_status dd__fail(dd_status status, const char *format, ...) DD_PRINTF(2, 3);
/* Puts "<place>: " before the thread's message and returns `status`, unless it is DD_OK. */
dd_status dd__within(dd_status status, const char *format, ...) DD_PRINTF(2, 3);
/* The message for an allocation that failed. */
dd_status dd__no_memory(size_t bytes);
#ifdef __clang_analyzer__
/* Tells clang-tidy, which sees one file at a time, that these hand their status back. */
#define dd__fail(status, ...)   ((void)(dd__fail)(status, __VA_ARGS__), (status))
#define dd__within(status, ...) ((void)(dd__within)(status, __VA_ARGS__), (status))
#define dd__no_memory(bytes)    ((void)(dd__no_memory)(bytes), DD_MEMORY)
#endif

#define DD_TRY(expression)                    \
    do {                                      \
        dd_status dd__try = (expression);     \
        if (dd__try != DD_OK) return dd__try; \
    } while (0)

/* The same in functions that clean up at `out` and return `status`. */
#define DD_TRY_OUT(expression)         \
    do {                               \
        status = (expression);         \
        if (status != DD_OK) goto out; \
    } while (0)

#endif
