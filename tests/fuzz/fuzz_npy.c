/* NumPy's arrays. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_array array;
    dd_status status = dd_array_load(in_file(".npy", data, size), &array);
    check_status(status, array.data != NULL);
    dd_array_clear(&array);
    return 0;
}
