/* A network, and the graph that is built from it. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_model *model = NULL;
    dd_status status = dd_model_load(in_file(".json", data, size), &model);
    check_status(status, model != NULL);
    dd_model_free(model);
    return 0;
}
