#include "base/hash.h"

#include <stdio.h>
#include <xxhash.h>

uint32_t dd__hash32(const void *bytes, size_t size) { return (uint32_t)XXH3_64bits(bytes, size); }

void dd__hash_name(const void *bytes, size_t size, char out[33]) {
    XXH128_hash_t hash = XXH3_128bits(bytes, size);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}
