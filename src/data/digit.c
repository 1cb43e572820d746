#include "data/digit.h"

#include <math.h>

typedef struct ink {                   /* what of a picture is no paper */
    unsigned left, right, top, bottom; /* right and bottom: behind the last */
    double mass, x, y;                 /* of the centre, times the mass */
} ink;

static ink find_ink(const uint8_t *pixels, unsigned height, unsigned width) {
    enum { PAPER = 32 }; /* what is below: JPEG blurs black */
    ink found = {.left = width, .top = height};
    for (unsigned y = 0; y < height; y++)
        for (unsigned x = 0; x < width; x++) {
            unsigned level = pixels[(size_t)y * width + x];
            if (level < PAPER) continue;
            if (x < found.left) found.left = x;
            if (x >= found.right) found.right = x + 1;
            if (y < found.top) found.top = y;
            found.bottom = y + 1;
            found.mass += level;
            found.x += level * (x + 0.5);
            found.y += level * (y + 0.5);
        }
    return found;
}

/* MNIST's middle is that of pixel 14 (prepare.c). */
static bool is_in_the_middle(double at, unsigned extent) {
    return fabs(at - (extent / 2.0 + 0.5)) <= extent / 28.0;
}

bool dd__is_mnist_digit(const uint8_t *pixels, unsigned height, unsigned width) {
    ink found = find_ink(pixels, height, width);
    if (found.mass == 0) return false;
    double down = (double)(found.bottom - found.top) / height * 28;
    double across = (double)(found.right - found.left) / width * 28;
    double longer = down > across ? down : across;
    return longer >= 17.5 && longer <= 20.5 && is_in_the_middle(found.x / found.mass, width) &&
           is_in_the_middle(found.y / found.mass, height);
}

bool dd__is_of_mnist_digits(const dd_dataset *dataset) {
    size_t pixels = (size_t)dataset->height * dataset->width, others = 0;
    if (dataset->channels != 1) return false;
    for (size_t i = 0; i < dataset->count && others <= dataset->count / 20; i++)
        others +=
            !dd__is_mnist_digit(dataset->pixels + i * pixels, dataset->height, dataset->width);
    return others <= dataset->count / 20;
}
