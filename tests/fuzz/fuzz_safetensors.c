/* The container, and the model in it. */
#include "fuzz.h"
#include "model/safetensors.h"

static void read_container(const uint8_t *data, size_t size) {
    dd__safetensors file;
    if (dd__safetensors_parse((const char *)data, size, &file) != DD_OK) return;
    for (size_t i = 0; i < file.count; i++) {
        const dd__stored_tensor *tensor = &file.tensors[i];
        if (dd__safetensors_find(&file, tensor->name) != tensor) abort();
        if (strcmp(tensor->dtype, "F32") != 0) continue;
        float *numbers = malloc(tensor->end - tensor->begin + 1);
        dd__safetensors_floats(tensor, numbers);
        free(numbers);
    }
    dd__safetensors_clear(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    dd_model *model = NULL;
    read_container(data, size);
    dd_status status = dd_model_load(in_file(".safetensors", data, size), &model);
    check_status(status, model != NULL);
    dd_model_free(model);
    return 0;
}
