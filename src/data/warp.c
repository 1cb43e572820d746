/* warp.c: what a hand does to a whole digit. A quadratic map makes one half larger than the other
 * and bows what is straight; a smooth displacement field, some plane waves of random direction,
 * bends the rest (in the sense of Simard, Steinkraus, Platt: "Best practices for convolutional
 * neural networks applied to visual document analysis", 2003, but on strokes instead of pixels);
 * an affine map gives width, slant and turn. */
#include <math.h>

#include "data/drawing.h"

enum { WAVES = 3 };

typedef struct ripple {
    dd__point frequency, amplitude; /* radians a unit, units */
    float phase;
} ripple;

typedef struct field {
    float square[2][3]; /* x and y get these of xx, xy, yy */
    ripple waves[WAVES];
    float affine[2][2];
} field;

static field choose(dd__random *random) {
    field made;
    float swing = dd__between(random, 0.015f, 0.055f);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 3; k++) made.square[i][k] = dd__around(random, 0, 0.3f);
    for (int i = 0; i < WAVES; i++) {
        float turn = dd__between(random, 0, 6.2832f), pace = dd__between(random, 3, 9);
        ripple *wave = &made.waves[i];
        wave->frequency = (dd__point){pace * cosf(turn), pace * sinf(turn)};
        wave->amplitude.x = dd__around(random, 0, swing);
        wave->amplitude.y = dd__around(random, 0, swing);
        wave->phase = dd__between(random, 0, 6.2832f);
    }
    float width = expf(dd__around(random, -0.03f, 0.22f)), slant = dd__around(random, 0.1f, 0.25f);
    float angle = dd__around(random, 0, 0.1f), cosine = cosf(angle), sine = sinf(angle);
    made.affine[0][0] = cosine * width;
    made.affine[0][1] = -cosine * slant - sine;
    made.affine[1][0] = sine * width;
    made.affine[1][1] = cosine - sine * slant;
    return made;
}

static dd__point apply(const field *warp, dd__point at) {
    float x = at.x - 0.5f, y = at.y - 0.5f, square[3] = {x * x, x * y, y * y};
    dd__point to = {x, y};
    for (int k = 0; k < 3; k++) {
        to.x += warp->square[0][k] * square[k];
        to.y += warp->square[1][k] * square[k];
    }
    for (int i = 0; i < WAVES; i++) {
        const ripple *wave = &warp->waves[i];
        float height = sinf(wave->frequency.x * x + wave->frequency.y * y + wave->phase);
        to.x += height * wave->amplitude.x;
        to.y += height * wave->amplitude.y;
    }
    return (dd__point){warp->affine[0][0] * to.x + warp->affine[0][1] * to.y,
                       warp->affine[1][0] * to.x + warp->affine[1][1] * to.y};
}

void dd__warp(dd__random *random, dd__drawing *drawing) {
    field warp = choose(random);
    for (unsigned s = 0; s < drawing->count; s++) {
        dd__line *line = &drawing->lines[s];
        for (unsigned i = 0; i < line->count; i++) line->points[i] = apply(&warp, line->points[i]);
    }
}
