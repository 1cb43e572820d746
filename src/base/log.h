/* log.h: notices to whoever asked for them with dd_set_log; and the request to stop. */
#ifndef DD_BASE_LOG_H
#define DD_BASE_LOG_H

#include "base/status.h"

void dd__log(dd_log_level level, const char *format, ...) DD_PRINTF(2, 3);

/* Whether dd_interrupt() was called. */
bool dd__interrupted(void);

#endif
