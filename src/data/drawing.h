/* drawing.h: from a skeleton to the picture of one digit, each step with its own random numbers. */
#ifndef DD_DATA_DRAWING_H
#define DD_DATA_DRAWING_H

#include "base/random.h"
#include "data/skeletons.h"

enum {
    DD__SIDE = 28,      /* pixels */
    DD__SPAN_LINES = 6, /* lines that a curve is drawn with from point to point */
    DD__LINE_POINTS = DD__SKELETON_POINTS * DD__SPAN_LINES + 1,
};

typedef struct dd__point {
    float x, y; /* to the right, down */
} dd__point;

typedef struct dd__line {
    unsigned count;
    dd__point points[DD__LINE_POINTS]; /* (count) joined by straight lines */
} dd__line;

typedef struct dd__drawing {
    unsigned count;
    dd__line lines[DD__SKELETON_STROKES]; /* (count) */
} dd__drawing;

/* low <= x < high */
float dd__between(dd__random *random, float low, float high);
/* Normal, but not beyond two deviations: no digit should be past recognition. */
float dd__around(dd__random *random, float mean, float deviation);

/* One writer's form of a skeleton: about the unit square. */
void dd__sketch(dd__random *random, const dd__skeleton *skeleton, dd__drawing *out);
/* Bends, squeezes, slants and turns it; the centre of the unit square becomes the origin. */
void dd__warp(dd__random *random, dd__drawing *drawing);
/* Scales it to MNIST's size and draws it with a pen; out (28, 28), bright ink on 0. */
void dd__pen_draw(dd__random *random, dd__drawing *drawing, uint8_t *out);

#endif
