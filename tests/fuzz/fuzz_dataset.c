/* IDX and CSV, plain or packed. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_dataset *dataset = NULL;
    bool is_text = size && data[0] >= ' ';
    const char *path = in_file(is_text ? ".csv" : ".idx", data, size);
    dd_status status = dd_dataset_load(path, DD_SPLIT_TRAIN, &dataset);
    check_status(status, dataset != NULL);
    dd_dataset_free(dataset);
    return 0;
}
