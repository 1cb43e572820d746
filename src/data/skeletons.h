/* skeletons.h: how digits are written, stroke by stroke. A skeleton is a way of writing a digit,
 * given by two extremes of it, between which a writer's form lies. */
#ifndef DD_DATA_SKELETONS_H
#define DD_DATA_SKELETONS_H

#include <stdint.h>

enum { DD__SKELETON_POINTS = 12, DD__SKELETON_STROKES = 3 };

typedef struct dd__node {
    int8_t x[2], y[2]; /* in the two extremes; to the right, down; in hundredths */
    uint8_t corner;    /* 1: the pen may turn here at once, 0: smooth */
} dd__node;

typedef struct dd__stroke {
    unsigned count;
    dd__node points[DD__SKELETON_POINTS]; /* (count) on a smooth curve */
} dd__stroke;

typedef struct dd__skeleton {
    unsigned share; /* of its digit's images, in hundredths */
    unsigned count;
    dd__stroke strokes[DD__SKELETON_STROKES]; /* (count) */
} dd__skeleton;

/* By digit, then by way of writing it; the shares of a digit add up to 100. */
extern const dd__skeleton *const dd__skeletons[10];
extern const unsigned dd__skeleton_counts[10];

#endif
