#include <stdlib.h>
#include <string.h>

#include "check/check.h"

static bool wants_selftest(const dd_device *device, const dd_device_options *options) {
    const char *choice = getenv("DEEPDIGITS_SELFTEST");
    if (dd__device_is_reference(device) || (options && options->without_selftest)) return false;
    return !choice || strcmp(choice, "off") != 0;
}

dd_status dd_device_open(const char *selector, const dd_device_options *options,
                         dd_device **device) {
    if (!device) return dd__fail(DD_USAGE, "dd_device_open needs a place for the device");
    *device = NULL;
    dd_device *opened;
    DD_TRY(dd__device_open(selector, options, &opened));
    if (wants_selftest(opened, options)) {
        dd_status status = dd__selftest_verdict(opened);
        if (status != DD_OK) {
            dd_device_close(opened);
            return status;
        }
    }
    *device = opened;
    return DD_OK;
}
