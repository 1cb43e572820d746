/* trial.h: what drivers do not say of a device, or say wrongly, is found out by a product whose
 * result is known. */
#ifndef DD_DEVICE_TRIAL_H
#define DD_DEVICE_TRIAL_H

#include "device/recorder.h"

typedef struct dd__trial {
    const char *what;  /* it is found out, for the log */
    dd__launch launch; /* without arguments: it is given a, b and y */
    const float *a, *b, *expected;
    size_t a_count, b_count, y_count;
    float *y; /* (y_count) what came out */
} dd__trial;

/* Whether the device compiles the kernel and y is `expected` to the bit. That it cannot be asked is a
 * reason to do without. */
bool dd__trial_passes(dd_device *device, const dd__trial *trial);

#endif
