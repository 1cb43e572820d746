/* views.h: the maps of the op `views`: the image as it is, then, of those that are asked for, moved down,
 * up, right and left, turned counter-clockwise and clockwise, larger and smaller.
 */
#ifndef DD_GRAPH_VIEWS_H
#define DD_GRAPH_VIEWS_H

#include "graph/attributes.h"

/* Numbers of views: 0 is the image, from 1 on they are moved. */
typedef struct dd__view_order {
    uint32_t turned, zoomed; /* the first of these, where there are any */
    uint32_t count;          /* of all */
} dd__view_order;
dd__view_order dd__views_order(const dd__views *views);

/* Counted from the image's middle, pixel (r, c) of a view shows pixel (h, w) of the image:
 * h = keep r + turn c + down, w = keep c - turn r + right. */
typedef struct dd__view {
    double keep, turn, down, right;
} dd__view;
dd__view dd__views_at(const dd__views *views, uint32_t number);

#endif
