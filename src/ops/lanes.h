/* lanes.h: the width of the vectors along channels. */
#ifndef DD_OPS_LANES_H
#define DD_OPS_LANES_H

#include "device/device.h"

/* The most lanes that the device has and that divide `channels`; 0 when not even 4 do. */
static inline unsigned dd__lanes(const dd_device *device, size_t channels) {
    unsigned native = dd_device_describe(device)->vector_width;
    for (unsigned lanes = native >= 16 ? 16 : native >= 8 ? 8 : 4; lanes >= 4; lanes /= 2)
        if (channels % lanes == 0) return lanes;
    return 0;
}

#endif
