/* synthetic.c: digits drawn from skeletons, for when there are no others.
 *
 * A digit is written in one of several ways (skeletons.c), by a hand that is never the same
 * (sketch.c, warp.c), with some pen (pen.c). Image i of a seed and split is the same whatever the
 * count. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/drawing.h"
#include "data/sources.h"

enum {
    DIGITS = 10,
    MOST = 10000000, /* images that fit a computer */
    BLOCKS = 1024,   /* Philox blocks set aside for an image */
};

static const dd__skeleton *choose(dd__random *random, unsigned digit) {
    const dd__skeleton *skeleton = dd__skeletons[digit];
    uint32_t rest = dd__random_below(random, 100);
    while (rest >= skeleton->share) rest -= (skeleton++)->share;
    return skeleton;
}

int dd__synthetic_draw(uint64_t seed, dd_split split, uint64_t index, uint8_t *out) {
    uint32_t half = split == DD_SPLIT_TEST ? UINT32_C(1) << 31 : 0;
    uint32_t ten = (uint32_t)(index / DIGITS) | half;
    unsigned digit = dd__permute(seed, ten, (uint32_t)(index % DIGITS), DIGITS);
    dd__random random = dd__random_start(seed, DD__STREAM_SYNTHETIC);
    random.counter = (uint64_t)half << 32 | index * BLOCKS;
    dd__drawing drawing;
    dd__sketch(&random, choose(&random, digit), &drawing);
    dd__warp(&random, &drawing);
    dd__pen_draw(&random, &drawing, out);
    return (int)digit;
}

bool dd__is_synthetic(const char *source) {
    size_t length = strlen("synthetic");
    return strncmp(source, "synthetic", length) == 0 &&
           (source[length] == 0 || source[length] == ':');
}

/* A number from `least` to `most` at *text, which it moves behind it. */
static bool read_number(const char **text, uint64_t least, uint64_t most, uint64_t *number) {
    if (**text < '0' || **text > '9') return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    *number = value;
    return errno == 0 && value >= least && value <= most;
}

static dd_status parse(const char *source, uint64_t *count, uint64_t *seed) {
    const char *text = source + strlen("synthetic");
    if (*text == ':') {
        text++;
        if (!read_number(&text, 1, MOST, count) || (*text && *text != ':'))
            return dd__fail(DD_USAGE,
                            "\"%s\": expected a count from 1 to %d in synthetic[:COUNT[:SEED]]",
                            source, MOST);
    }
    if (*text == ':') {
        text++;
        if (!read_number(&text, 0, UINT64_MAX, seed) || *text)
            return dd__fail(DD_USAGE,
                            "\"%s\": expected a seed from 0 to %" PRIu64
                            " in synthetic[:COUNT[:SEED]]",
                            source, UINT64_MAX);
    }
    return DD_OK;
}

dd_status dd__synthetic_load(const char *source, dd_split split, dd_dataset **dataset) {
    *dataset = NULL;
    uint64_t count = split == DD_SPLIT_TEST ? 2000 : 10000, seed = 42;
    DD_TRY(parse(source, &count, &seed));
    dd_dataset *made;
    DD_TRY(dd__dataset_new((size_t)count, DD__SIDE, DD__SIDE, 1, true, &made));
    for (size_t i = 0; i < made->count; i++)
        made->labels[i] =
            dd__synthetic_draw(seed, split, i, made->pixels + i * DD__SIDE * DD__SIDE);
    dd_status status = dd__dataset_check_labels(made, DIGITS);
    if (status == DD_OK)
        *dataset = made;
    else
        dd_dataset_free(made);
    return status;
}
