#include "run/batch.h"

#include <math.h>

#include "data/image.h"
#include "data/prepare.h"

static size_t image_bytes(const dd_model *model) {
    return (size_t)model->height * model->width * model->channels;
}

size_t dd__batch_bytes(const dd_model *model, size_t room) {
    return room * (image_bytes(model) + model->classes * sizeof(float) + sizeof(dd__item));
}

dd_status dd__batch_create(const dd_model *model, size_t room, dd__batch *batch) {
    *batch = (dd__batch){.items = dd__alloc(room, sizeof *batch->items),
                         .pixels = dd__alloc(room, image_bytes(model)),
                         .probabilities = dd__alloc(room * model->classes, sizeof(float))};
    if (batch->items && batch->pixels && batch->probabilities) return DD_OK;
    dd__batch_clear(batch);
    return dd__no_memory(dd__batch_bytes(model, room));
}

void dd__batch_empty(dd__batch *batch) {
    for (size_t i = 0; i < batch->item_count; i++) dd__free(batch->items[i].message);
    batch->item_count = batch->picture_count = 0;
    batch->computed = false;
}

void dd__batch_clear(dd__batch *batch) {
    dd__batch_empty(batch);
    dd__free(batch->items);
    dd__free(batch->pixels);
    dd__free(batch->probabilities);
    *batch = (dd__batch){0};
}

static dd_status read_image(const dd_model *model, dd_prepare prepare, const char *path,
                            uint8_t *pixels) {
    dd__image image = {0};
    DD_TRY(dd__image_load(path, model->channels, &image));
    dd_status status =
        dd__prepare(&image, prepare, model->height, model->width, model->channels, pixels);
    dd__image_clear(&image);
    return status;
}

static dd_status fail_item(dd__item *item, dd_status status, const char *message) {
    item->status = status;
    item->message = dd__copy_string(message);
    return item->message ? DD_OK : dd__no_memory(1);
}

dd_status dd__batch_read(dd__batch *batch, const dd_model *model, dd_prepare prepare,
                         const char *path, const uint8_t **pixels) {
    dd__item *item = &batch->items[batch->item_count++];
    uint8_t *picture = batch->pixels + batch->picture_count * image_bytes(model);
    *item = (dd__item){.path = path, .picture = batch->picture_count};
    *pixels = NULL;
    dd_status status = read_image(model, prepare, path, picture);
    if (status != DD_OK) return fail_item(item, status, dd_message());
    batch->picture_count++;
    *pixels = picture;
    return DD_OK;
}

/* A network that does not give numbers has not classified the file. */
dd_status dd__batch_row(const dd__batch *batch, const dd_model *model, dd__item *item,
                        const float **row) {
    const float *numbers = batch->probabilities + item->picture * model->classes;
    *row = NULL;
    if (item->status != DD_OK) return DD_OK;
    for (unsigned c = 0; c < model->classes; c++)
        if (!isfinite(numbers[c]))
            return fail_item(item, DD_WRONG, "the network's probabilities are not finite");
    *row = numbers;
    return DD_OK;
}
