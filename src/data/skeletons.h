/* skeletons.h: how digits are written, stroke by stroke. */
#ifndef DD_DATA_SKELETONS_H
#define DD_DATA_SKELETONS_H

#include <stdint.h>

enum { DD__SKELETON_POINTS = 12, DD__SKELETON_STROKES = 3 };

typedef enum dd__stroke_form {
    DD__STROKE_STRAIGHT, /* lines from point to point */
    DD__STROKE_CURVED,   /* a smooth curve through the points */
    DD__STROKE_CLOSED,   /* the same, back to the first */
} dd__stroke_form;

typedef struct dd__stroke {
    dd__stroke_form form;
    uint8_t count;
    int8_t points[DD__SKELETON_POINTS][2]; /* (count) x to the right, y down, in hundredths */
} dd__stroke;

typedef struct dd__skeleton {
    unsigned count;
    dd__stroke strokes[DD__SKELETON_STROKES]; /* (count) */
} dd__skeleton;

/* By digit, then by way of writing it. */
extern const dd__skeleton *const dd__skeletons[10];
extern const unsigned dd__skeleton_counts[10];

#endif
