#include "base/random.h"

#include <math.h>

void dd__philox(uint64_t seed, uint32_t stream, uint32_t c0, uint32_t c1, uint32_t out[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32), c2 = stream, c3 = 0;
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

dd__random dd__random_start(uint64_t seed, uint32_t stream) {
    return (dd__random){.seed = seed, .stream = stream, .word = 4};
}

uint32_t dd__random_word(dd__random *random) {
    if (random->word == 4) {
        dd__philox(random->seed, random->stream, (uint32_t)random->counter,
                   (uint32_t)(random->counter >> 32), random->block);
        random->counter++;
        random->word = 0;
    }
    return random->block[random->word++];
}

float dd__random_uniform(dd__random *random) {
    return (float)(dd__random_word(random) >> 8) * 0x1p-24f;
}

/* Box and Muller 1958; one of the pair is enough here. */
float dd__random_normal(dd__random *random) {
    double radius = sqrt(-2 * log(1.0 - (double)dd__random_uniform(random)));
    return (float)(radius * cos(6.283185307179586 * (double)dd__random_uniform(random)));
}

/* Lemire, "Fast random integer generation in an interval", 2019. */
uint32_t dd__random_below(dd__random *random, uint32_t bound) {
    uint32_t lowest = (0u - bound) % bound;
    for (;;) {
        uint64_t product = (uint64_t)dd__random_word(random) * bound;
        if ((uint32_t)product >= lowest) return (uint32_t)(product >> 32);
    }
}

static uint32_t mix(uint32_t x) { /* murmur3's finalizer */
    x ^= x >> 16;
    x *= 0x85EBCA6Bu;
    x ^= x >> 13;
    x *= 0xC2B2AE35u;
    return x ^ (x >> 16);
}

uint32_t dd__permute(uint64_t seed, uint32_t epoch, uint32_t position, uint32_t count) {
    uint32_t half = 1;
    while (half < 16 && (UINT64_C(1) << (2 * half)) < count) half++;
    uint32_t mask = (UINT32_C(1) << half) - 1, key[4];
    dd__philox(seed, DD__STREAM_SHUFFLE, epoch, 0, key);
    uint32_t x = position;
    do {
        uint32_t left = x >> half, right = x & mask;
        for (uint32_t round = 0; round < 6; round++) {
            uint32_t next = left ^ (mix(right + key[round & 3] + round * 0x9E3779B9u) & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= count);
    return x;
}
