/* random.h: counter-based random numbers (Philox4x32-10; Salmon, Moraes, Dror, Shaw: "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011). A number depends on (seed, stream, counter) alone,
 * so any order and any device give the same ones: cl/common.cl computes the same function. */
#ifndef DD_BASE_RANDOM_H
#define DD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a stream of numbers is for; keeps uses of one seed apart. Dropout layers add
 * their number. */
enum dd__stream {
    DD__STREAM_SHUFFLE = 1,
    DD__STREAM_SPLIT = 2,
    DD__STREAM_SYNTHETIC = 3,
    DD__STREAM_TEST = 4,
    DD__STREAM_AUGMENT = 5,        /* up to 16 */
    DD__STREAM_INITIAL = 0x100000, /* + hash of the parameter's name */
    DD__STREAM_DROPOUT = 0x1000,   /* + number of the layer */
};

/* out: 4 words for counter (c0, c1, stream, 0) under key seed. */
void dd__philox(uint64_t seed, uint32_t stream, uint32_t c0, uint32_t c1, uint32_t out[4]);

/* Numbers one after the other from one (seed, stream), for code on the host. */
typedef struct dd__random {
    uint64_t seed;
    uint32_t stream, word, block[4];
    uint64_t counter;
} dd__random;

dd__random dd__random_start(uint64_t seed, uint32_t stream);
uint32_t dd__random_word(dd__random *random);
/* 0 <= x < 1, 24 bits */
float dd__random_uniform(dd__random *random);
/* mean 0, standard deviation 1 */
float dd__random_normal(dd__random *random);
/* 0 <= x < bound, without bias; bound >= 1 */
uint32_t dd__random_below(dd__random *random, uint32_t bound);

/* A permutation of 0..count-1 that needs no table: where `position` of epoch `epoch` finds its
 * example. A six-round Feistel network on the next even power of two, walked until it falls inside
 * (Black, Rogaway: "Ciphers with arbitrary finite domains", 2002). count >= 1, position < count. */
uint32_t dd__permute(uint64_t seed, uint32_t epoch, uint32_t position, uint32_t count);

#endif
