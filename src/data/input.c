#include "data/input.h"

#include <string.h>

#include "base/memory.h"
#include "data/digit.h"
#include "data/image.h"
#include "data/prepare.h"

size_t dd__input_bytes(const dd__input *input) {
    return (size_t)input->height * input->width * input->channels;
}

static dd_status is_mnist_digit(const dd__image *image, bool *is) {
    size_t count = (size_t)image->height * image->width;
    uint8_t *grey = dd__alloc(count, 1);
    if (!grey) return dd__no_memory(count);
    dd__image_copy_channels(image, 1, grey);
    *is = dd__is_mnist_digit(grey, image->height, image->width);
    dd__free(grey);
    return DD_OK;
}

/* What AUTO is for this picture. */
static dd_status settle(const dd__input *input, const dd__image *image, dd_prepare *mode) {
    bool is_ready = image->height == input->height && image->width == input->width;
    *mode = input->mode;
    if (*mode != DD_PREPARE_AUTO) return DD_OK;
    if (is_ready && input->digits) DD_TRY(is_mnist_digit(image, &is_ready));
    bool takes_digits = input->channels == 1 && !input->crop;
    *mode = is_ready ? DD_PREPARE_NONE : takes_digits ? DD_PREPARE_DIGIT : DD_PREPARE_PLAIN;
    return DD_OK;
}

/* Whether digits may be looked for is known only with the size: those pictures stay as they are. */
static unsigned least_side(const dd__input *input) {
    bool is_plain = input->mode == DD_PREPARE_PLAIN ||
                    (input->mode == DD_PREPARE_AUTO && (input->channels != 1 || input->crop));
    unsigned side = input->height > input->width ? input->height : input->width;
    if (!is_plain) return 0;
    return side > input->resize ? side : input->resize;
}

/* The part that crop leaves, in pixels of the picture: where a rectangle of the network's proportions lies in
 * the middle of the picture as it would be once its shorter side is `resize`. As torchvision has it: the longer
 * side is rounded down, the place of the cut to the nearest. */
static dd__box middle_of(const dd__image *image, const dd__input *input) {
    double wide = image->width, high = image->height;
    double shorter = wide < high ? wide : high, scale = (double)input->resize / shorter;
    if (input->resize == 0) {
        double across = input->width / wide, down = input->height / high;
        scale = across > down ? across : down;
    }
    unsigned width = (unsigned)(wide * scale + 1e-6), height = (unsigned)(high * scale + 1e-6);
    if (width < input->width) width = input->width;
    if (height < input->height) height = input->height;
    unsigned left = (width - input->width + 1) / 2, top = (height - input->height + 1) / 2;
    double x = wide / width, y = high / height;
    return (dd__box){left * x, top * y, (left + input->width) * x, (top + input->height) * y};
}

static dd_status prepare_middle(const dd__image *image, const dd__input *input, uint8_t *out) {
    dd__image middle;
    dd__box box = middle_of(image, input);
    DD_TRY(dd__image_resize_part(image, &box, input->width, input->height, &middle));
    memcpy(out, middle.pixels, dd__input_bytes(input));
    dd__image_clear(&middle);
    return DD_OK;
}

static dd_status prepare(const dd__image *image, const dd__input *input, uint8_t *out) {
    dd_prepare mode;
    DD_TRY(settle(input, image, &mode));
    if (mode == DD_PREPARE_PLAIN && input->crop) return prepare_middle(image, input, out);
    return dd__prepare(image, mode, input->height, input->width, input->channels, out);
}

dd_status dd__input_read(const dd__input *input, const char *path, uint8_t *out) {
    dd__image image;
    unsigned least = least_side(input);
    /* ink is told from paper by its colour */
    DD_TRY(dd__image_load_reduced(path, least ? input->channels : 0, least, &image));
    dd_status status = prepare(&image, input, out);
    dd__image_clear(&image);
    return dd__within(status, "%s", path);
}
