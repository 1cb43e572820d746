/* stroke.c: by distances, as Borgefors measures them: "Distance transformations in digital images",
 * 1986: 3 to a neighbour, 4 across a corner, in two sweeps. */
#include "data/stroke.h"

#include "base/memory.h"

enum { STEP = 3, CORNER = 4, FAR = 1 << 20, MIDDLE = 128 /* ink is from here */ };

static void lower(int *distance, int by) {
    if (by < *distance) *distance = by;
}

/* Towards `from`: -1 from the left and above, 1 from the right and below. */
static void sweep(const dd__image *size, int *at, unsigned x, unsigned y, int from) {
    int width = (int)size->width;
    bool beside = from < 0 ? x > 0 : x + 1 < size->width;
    bool above = from < 0 ? y > 0 : y + 1 < size->height;
    if (beside) lower(at, at[from] + STEP);
    if (!above) return;
    const int *other = at + from * width;
    lower(at, *other + STEP);
    if (x > 0) lower(at, other[-1] + CORNER);
    if (x + 1 < size->width) lower(at, other[1] + CORNER);
}

/* From each pixel to the nearest that is ink (or is not), in thirds of a pixel. */
static int *measure(const dd__image *ink, bool to_ink) {
    size_t count = (size_t)ink->width * ink->height;
    int *distance = dd__alloc(count, sizeof *distance);
    if (!distance || ink->width == 0) return distance;
    for (size_t i = 0; i < count; i++) distance[i] = (ink->pixels[i] >= MIDDLE) == to_ink ? 0 : FAR;
    for (size_t i = 0; i < count; i++)
        sweep(ink, distance + i, (unsigned)(i % ink->width), (unsigned)(i / ink->width), -1);
    for (size_t i = count; i-- > 0;)
        sweep(ink, distance + i, (unsigned)(i % ink->width), (unsigned)(i / ink->width), 1);
    return distance;
}

/* Across a stroke of width w, distances to its sides have the mean w / 4. */
dd_status dd__stroke_width(const dd__image *ink, double *width) {
    size_t count = (size_t)ink->width * ink->height;
    double sum = 0, pixels = 0;
    int *distance = measure(ink, false);
    if (!distance) return dd__no_memory(count * sizeof *distance);
    for (size_t i = 0; i < count; i++) {
        if (distance[i] == 0 || distance[i] >= FAR) continue;
        sum += distance[i] / (double)STEP - 0.5;
        pixels++;
    }
    dd__free(distance);
    *width = pixels > 0 ? 4 * sum / pixels : 0;
    return DD_OK;
}

dd_status dd__stroke_widen(dd__image *ink, double by) {
    size_t count = (size_t)ink->width * ink->height;
    int *distance = measure(ink, by > 0);
    if (!distance) return dd__no_memory(count * sizeof *distance);
    for (size_t i = 0; i < count; i++) {
        double apart = distance[i] / (double)STEP;
        double cover = by > 0 ? by + 1 - apart : apart + by;
        cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
        ink->pixels[i] = (uint8_t)(cover * 255 + 0.5);
    }
    dd__free(distance);
    return DD_OK;
}
