/* clock.h: wall time. */
#ifndef DD_BASE_CLOCK_H
#define DD_BASE_CLOCK_H

/* Seconds of a clock that never goes back. */
double dd__seconds(void);

#endif
