/* merge.c: dd_model_merge, several models as one network, made of layers as any other is:
 *
 *     input -> (views) -+-> 1.conv1 -> .. -> 1.softmax -+-> members -> (views_together) -> each -> mean
 *                       +-> 2.conv1 -> .. -> 2.softmax -+      -> probabilities -> positive -> logits
 *                                                              -> softmax
 *
 * `mean` is over the members and over the views of an image. Its logarithm is what a loss is computed from,
 * and what the closing softmax makes the same mean of again; `positive` keeps it finite where all are sure
 * that a class is out of the question.
 *
 * The mean is that of probabilities, of which none is beyond 1, however sure of itself a member is; that of
 * logits had a larger loss in all of six ensembles (docs/notes.md).
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "graph/views.h"
#include "model/model.h"
#include "model/network.h"
#include "model/tensors.h"

enum { MOST_MEMBERS = 16 /* that `concat` puts side by side */, NAME_BYTES = 256 };
static const double LEAST = 1e-37; /* of probabilities; no device takes it for 0 */

typedef struct merging {
    const dd_model *const *members;
    size_t count;
    dd_merge_options options;
    bool has_views;
    uint32_t views; /* of an image, itself among them */
    dd__json json;
    cJSON *layers;
} merging;

/* ---- Whether they can be one -------------------------------------------------------------------- */

/* What alike models may yet differ in: how a picture becomes an image. */
static dd_status check_pictures(const dd_model *a, const dd_model *b) {
    const dd__preparation *p = &a->preparation, *q = &b->preparation;
    if (p->crop == q->crop && p->resize == q->resize && p->digits == q->digits) return DD_OK;
    char *first =
        cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(a->network, "preparation"));
    char *second =
        cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(b->network, "preparation"));
    dd_status status = dd__fail(DD_SHAPE, "pictures are prepared by %s and %s", first ? first : "",
                                second ? second : "");
    cJSON_free(first);
    cJSON_free(second);
    return status;
}

static dd_status check_pair(const dd_model *a, const dd_model *b) {
    DD_TRY(dd__model_check_alike(a, b));
    return check_pictures(a, b);
}

static dd_status check_members(const dd_model *const *members, size_t count) {
    if (count == 0 || count > MOST_MEMBERS)
        return dd__fail(DD_USAGE, "expected 1 to %d models to merge, found %zu", MOST_MEMBERS,
                        count);
    for (size_t i = 0; i < count; i++) {
        const dd_model *member = members[i];
        if (member->height == 0)
            return dd__fail(DD_USAGE, "model %zu \"%s\" takes tensors, not images", i + 1,
                            member->name);
        if (!member->tensors)
            return dd__fail(DD_USAGE, "model %zu \"%s\" has no weights: train it first", i + 1,
                            member->name);
        DD_TRY(dd__within(check_pair(members[0], member),
                          "model 1 \"%s\" and model %zu \"%s\" do not go together",
                          members[0]->name, i + 1, member->name));
    }
    return DD_OK;
}

/* ---- Layers -------------------------------------------------------------------------------------- */

/* A member's name for something, in the network of all. */
static const char *name_of(char out[NAME_BYTES], size_t member, const char *name) {
    snprintf(out, NAME_BYTES, "%zu.%s", member + 1, name);
    return out;
}

static cJSON *begin_layer(merging *m, const char *op, const char *name) {
    cJSON *layer = dd__json_add_object(&m->json, m->layers, NULL);
    dd__json_add_text(&m->json, layer, "op", op);
    dd__json_add_text(&m->json, layer, "name", name);
    return layer;
}

/* What members read. */
static const char *image_of(const merging *m) { return m->has_views ? "views" : dd__network_image; }

static void add_views(merging *m) {
    const dd_merge_options *o = &m->options;
    cJSON *layer = begin_layer(m, "views", image_of(m));
    if (o->shift != 0) dd__json_add_number(&m->json, layer, "shift", o->shift);
    if (o->rotation != 0) dd__json_add_number(&m->json, layer, "rotation", o->rotation);
    if (o->zoom != 0) dd__json_add_number(&m->json, layer, "zoom", o->zoom);
}

/* The first layer, which reads the image by itself, has to say now which. */
static void add_inputs(merging *m, size_t member, const cJSON *inputs, cJSON *copy, bool first) {
    const cJSON *input;
    char name[NAME_BYTES];
    if (!inputs && !first) return;
    cJSON *list = dd__json_add_array(&m->json, copy, "inputs");
    if (!inputs) dd__json_add_text(&m->json, list, NULL, image_of(m));
    cJSON_ArrayForEach(input, inputs) {
        bool image = strcmp(input->valuestring, dd__network_image) == 0;
        dd__json_add_text(&m->json, list, NULL,
                          image ? image_of(m) : name_of(name, member, input->valuestring));
    }
}

static void copy_layer(merging *m, size_t member, const cJSON *layer, bool first) {
    cJSON *copy = dd__json_add_object(&m->json, m->layers, NULL);
    const cJSON *item;
    char name[NAME_BYTES];
    cJSON_ArrayForEach(item, layer) {
        if (strcmp(item->string, "inputs") == 0) continue;
        if (strcmp(item->string, "name") == 0)
            dd__json_add_text(&m->json, copy, "name", name_of(name, member, item->valuestring));
        else
            dd__json_add(&m->json, copy, item->string, cJSON_Duplicate(item, true));
    }
    add_inputs(m, member, cJSON_GetObjectItemCaseSensitive(layer, "inputs"), copy, first);
}

static const dd_layer_info *last_layer(const dd_model *member) {
    return &member->layers[member->layer_count - 1];
}

static bool gives_probabilities(const dd_model *member) {
    return strcmp(last_layer(member)->op, "softmax") == 0;
}

/* The name of what gives its probabilities. */
static const char *output_of(const merging *m, char out[NAME_BYTES], size_t member) {
    const dd_model *model = m->members[member];
    return name_of(out, member,
                   gives_probabilities(model) ? last_layer(model)->name : "probabilities");
}

static void add_member(merging *m, size_t member) {
    const dd_model *model = m->members[member];
    const cJSON *layers = cJSON_GetObjectItemCaseSensitive(model->network, "layers"), *layer;
    char name[NAME_BYTES];
    cJSON_ArrayForEach(layer, layers) copy_layer(m, member, layer, layer == layers->child);
    if (!gives_probabilities(model)) begin_layer(m, "softmax", output_of(m, name, member));
}

static void add_shape(merging *m, cJSON *layer, const char *key, const uint32_t *numbers,
                      size_t count) {
    cJSON *list = dd__json_add_array(&m->json, layer, key);
    for (size_t i = 0; i < count; i++) dd__json_add_number(&m->json, list, NULL, numbers[i]);
}

/* From the members' probabilities to their mean. */
static void add_mean(merging *m) {
    const uint32_t each[] = {(uint32_t)m->count * m->views, m->members[0]->classes};
    const uint32_t axis = 1;
    char name[NAME_BYTES];
    if (m->count > 1) {
        cJSON *concat = begin_layer(m, "concat", "members");
        cJSON *inputs = dd__json_add_array(&m->json, concat, "inputs");
        for (size_t i = 0; i < m->count; i++)
            dd__json_add_text(&m->json, inputs, NULL, output_of(m, name, i));
    }
    if (m->has_views)
        dd__json_add_number(&m->json, begin_layer(m, "stack_views", "views_together"), "count",
                            m->views);
    if (m->count > 1) add_shape(m, begin_layer(m, "reshape", "each"), "shape", each, 2);
    cJSON *mean = begin_layer(m, "reduce", "mean");
    dd__json_add_text(&m->json, mean, "kind", "mean");
    add_shape(m, mean, "axes", &axis, 1);
    begin_layer(m, "flatten", "probabilities");
    cJSON *positive = begin_layer(m, "activation", "positive");
    dd__json_add_text(&m->json, positive, "kind", "clip");
    dd__json_add_number(&m->json, positive, "alpha", LEAST);
    dd__json_add_text(&m->json, begin_layer(m, "activation", "logits"), "kind", "log");
    begin_layer(m, "softmax", "softmax");
}

/* ---- The whole ----------------------------------------------------------------------------------- */

static void add_network(merging *m, const char *name) {
    static const char *const same[] = {"deepdigits", "input", "preparation", "classes"};
    const cJSON *first = m->members[0]->network;
    cJSON *network = dd__json_add_object(&m->json, NULL, NULL);
    for (size_t i = 0; i < DD_COUNT(same); i++)
        dd__json_add(&m->json, network, same[i],
                     cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(first, same[i]), true));
    dd__json_add_text(&m->json, network, "name", name);
    m->layers = dd__json_add_array(&m->json, network, "layers");
    if (m->has_views) add_views(m);
    for (size_t i = 0; i < m->count; i++) add_member(m, i);
    add_mean(m);
}

static dd_status copy_tensors(const merging *m, dd__tensor *tensors) {
    char name[NAME_BYTES];
    for (size_t i = 0; i < m->count; i++)
        for (size_t k = 0; k < m->members[i]->tensor_count; k++, tensors++) {
            const dd__tensor *from = &m->members[i]->tensors[k];
            size_t numbers = dd__dims_count(&from->dims);
            tensors->dims = from->dims;
            tensors->name = dd__copy_string(name_of(name, i, from->name));
            tensors->data = dd__alloc(numbers, sizeof *tensors->data);
            if (!tensors->name || !tensors->data)
                return dd__no_memory(numbers * sizeof *tensors->data);
            memcpy(tensors->data, from->data, numbers * sizeof *tensors->data);
        }
    return DD_OK;
}

static dd_status take_tensors(const merging *m, dd_model *model) {
    size_t count = 0;
    for (size_t i = 0; i < m->count; i++) count += m->members[i]->tensor_count;
    dd__tensor *tensors = dd__alloc(count, sizeof *tensors);
    if (!tensors) return dd__no_memory(count * sizeof *tensors);
    dd_status status = copy_tensors(m, tensors);
    if (status == DD_OK) status = dd__tensors_take(model, &tensors, &count);
    dd__tensors_free(tensors, count);
    return status;
}

static uint32_t count_views(const dd_merge_options *o) {
    const dd__views views = {(float)o->shift, (float)o->rotation, (float)o->zoom};
    return dd__views_order(&views).count;
}

dd_status dd_model_merge(const dd_model *const *members, size_t count,
                         const dd_merge_options *options, dd_model **out) {
    merging m = {.members = members, .count = count};
    if (options) m.options = *options;
    m.has_views = m.options.shift != 0 || m.options.rotation != 0 || m.options.zoom != 0;
    m.views = count_views(&m.options);
    DD_TRY(check_members(members, count));
    if (count == 1 && !m.has_views)
        return dd__fail(DD_USAGE, "expected several models to merge, or views, found model \"%s\"",
                        members[0]->name);
    add_network(&m, m.options.name ? m.options.name : "ensemble");
    dd_model *model = NULL;
    dd_status status = m.json.failed ? dd__no_memory(DD__NETWORK_BYTES)
                                     : dd__model_from_network(m.json.root, &model);
    cJSON_Delete(m.json.root);
    if (status == DD_OK) status = take_tensors(&m, model);
    if (status == DD_OK)
        *out = model;
    else
        dd_model_free(model);
    return status;
}
