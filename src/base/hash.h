/* hash.h: names for things by their content (xxHash's XXH3, not for secrets). */
#ifndef DD_BASE_HASH_H
#define DD_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint32_t dd__hash32(const void *bytes, size_t size);
/* 128 bits as 32 hexadecimal digits and a NUL. */
void dd__hash_name(const void *bytes, size_t size, char out[33]);

#endif
