#include "run/batch.h"

#include <math.h>
#include <string.h>

#include "data/image.h"

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
    for (size_t i = 0; i < batch->item_count; i++) {
        dd__free(batch->items[i].path);
        dd__free(batch->items[i].message);
    }
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

static void fail_item(dd__item *item, dd_status status, const char *message) {
    item->status = status;
    item->message = dd__copy_string(message);
}

static bool is_blank(const uint8_t *pixels, size_t count) {
    for (size_t i = 1; i < count; i++)
        if (pixels[i] != pixels[0]) return false;
    return true;
}

void dd__batch_read(dd__batch *batch, size_t index, const dd__input *input) {
    dd__item *item = &batch->items[index];
    uint8_t *picture = batch->pixels + index * dd__input_bytes(input);
    dd_status status = dd__input_read(input, item->path, picture);
    item->blank = status == DD_OK && is_blank(picture, dd__input_bytes(input));
    if (status != DD_OK) fail_item(item, status, dd_message());
}

void dd__batch_close(dd__batch *batch, const dd__input *input) {
    size_t bytes = dd__input_bytes(input);
    for (size_t i = 0; i < batch->item_count; i++) {
        dd__item *item = &batch->items[i];
        if (item->status != DD_OK) continue;
        item->picture = batch->picture_count++;
        if (item->picture < i)
            memcpy(batch->pixels + item->picture * bytes, batch->pixels + i * bytes, bytes);
    }
}

/* A network that does not give numbers has not classified the file. */
const float *dd__batch_row(const dd__batch *batch, const dd_model *model, dd__item *item) {
    const float *row = batch->probabilities + item->picture * model->classes;
    if (item->status != DD_OK) return NULL;
    for (unsigned c = 0; c < model->classes; c++) {
        if (isfinite(row[c])) continue;
        fail_item(item, DD_WRONG, "the network's probabilities are not finite");
        return NULL;
    }
    return row;
}
