/* paper.h: what a picture was written on, taken away. */
#ifndef DD_DATA_PAPER_H
#define DD_DATA_PAPER_H

#include "data/image.h"

/* How ink differs from paper. */
typedef struct dd__ink_colour {
    double towards[3]; /* the difference, by channel, of no particular length */
    bool bright;       /* whether it is brighter: a guess, */
    bool sure;         /* and whether that is a good one */
} dd__ink_colour;

/* Of a picture with 1 or 3 channels. DD_MEMORY */
dd_status dd__paper_find_colour(const dd__image *image, dd__ink_colour *ink);

/* How much each pixel of the picture differs from the paper around it towards the ink's colour:
 * contrast (height, width, 1), 0 paper, 255 the most. Light and shadow divide out.
 *   reach  pixels; strokes up to twice as wide are told from shadows
 *   dark   (height, width, 1) the picture itself in one channel, ink dark
 * The caller clears both, after a failure too. DD_MEMORY */
dd_status dd__paper_remove(const dd__image *image, const dd__ink_colour *ink, unsigned reach,
                           dd__image *dark, dd__image *contrast);

/* Takes away, in place, what is joined to the picture's border: from each pixel the level that one
 * can keep to on the way there. Edges of tables, dark corners, fingers and ruled lines go, and ink
 * across a line keeps what it has beyond it. DD_MEMORY */
dd_status dd__paper_drop_border(dd__image *contrast);

#endif
