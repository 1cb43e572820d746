/* input.h: from a picture's file to what a network takes. */
#ifndef DD_DATA_INPUT_H
#define DD_DATA_INPUT_H

#include "base/status.h"

typedef struct dd__input {
    unsigned height, width, channels; /* of the network's input; channels 1 or 3 */
    dd_prepare mode;
    /* PLAIN: with `crop` a picture keeps its proportions: its shorter side becomes `resize` (0: what covers
     * height and width), and the middle is cut out; else it is stretched. */
    bool crop;
    unsigned resize;
    bool digits; /* AUTO: a picture of the network's size is looked at as well (data/digit.h) */
} dd__input;

/* Of a prepared picture, (height, width, channels). */
size_t dd__input_bytes(const dd__input *input);
/* Reads and prepares the picture in a file. A photograph that is much larger is made smaller while it is
 * decoded, where its format can.
 *   out  (height, width, channels), all written when all is well
 * DD_IO, DD_FORMAT  as dd__image_load;  DD_SHAPE  NONE and another size;  DD_MEMORY */
dd_status dd__input_read(const dd__input *input, const char *path, uint8_t *out);

#endif
