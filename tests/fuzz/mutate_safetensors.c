/* Mutations of the header alone, behind its right length; every other one is libFuzzer's own. */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { LENGTH = 8 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
    uint64_t length = size > LENGTH ? data[0] | (uint64_t)data[1] << 8 : size;
    if (seed % 2 || size <= LENGTH || length > size - LENGTH)
        return LLVMFuzzerMutate(data, size, max_size);
    size_t behind = size - LENGTH - length;
    uint8_t *numbers = malloc(behind + 1);
    memcpy(numbers, data + LENGTH + length, behind);
    length = LLVMFuzzerMutate(data + LENGTH, length, max_size - LENGTH - behind);
    for (size_t i = 0; i < LENGTH; i++) data[i] = (uint8_t)(length >> 8 * i);
    memcpy(data + LENGTH + length, numbers, behind);
    free(numbers);
    return LENGTH + length + behind;
}
