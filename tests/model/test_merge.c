/* Several models as one network: its layers and tensors, and what cannot be merged. What it computes is in
 * tests/run/test_ensemble.c. */
#include "files.h"

#include <math.h>

#include "model/model.h"

#define NETWORK(head, layers)                               \
    "{\"deepdigits\": \"network 1\", \"name\": \"member\"," \
    "\"input\": {\"height\": 8, \"width\": 8, \"channels\": 1}," head "\"layers\": [" layers "]}"
#define PLAIN                                                                               \
    "{\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"fc\", \"units\": 3}, {\"op\": " \
    "\"softmax\"}"

static const char plain_text[] = NETWORK("", PLAIN);
/* Reads the image a second time, and ends in logits. */
static const char branched_text[] =
    NETWORK("", "{\"op\": \"conv2d\", \"name\": \"conv\", \"filters\": 1, \"kernel\": 3,"
                " \"padding\": \"same\"}, {\"op\": \"batch_norm\", \"name\": \"norm\"},"
                "{\"op\": \"add\", \"inputs\": [\"norm\", \"input\"]}, {\"op\": \"flatten\"},"
                "{\"op\": \"dense\", \"name\": \"fc\", \"units\": 3}");

static dd_model *model_of(const char *text, uint64_t seed) {
    dd_model *model;
    assert_fine(load_text(text, &model));
    if (seed) assert_fine(dd_model_initialize(model, seed));
    return model;
}

static const dd__tensor *tensor(const dd_model *model, const char *name) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, name) == 0) return &model->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

/* All of the member's numbers are there under the prefix. */
static void assert_holds(const dd_model *merged, const char *prefix, const dd_model *member) {
    for (size_t i = 0; i < member->tensor_count; i++) {
        const dd__tensor *own = &member->tensors[i];
        char name[200];
        snprintf(name, sizeof name, "%s.%s", prefix, own->name);
        const dd__tensor *found = tensor(merged, name);
        assert_true(dd__dims_equal(&own->dims, &found->dims));
        assert_memory_equal(own->data, found->data, dd__dims_count(&own->dims) * sizeof(float));
    }
}

static void assert_layers(const dd_model *model, const char *expected) {
    char found[1000] = "";
    for (size_t i = 0; i < model->layer_count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", i ? " " : "",
                 model->layers[i].name);
    assert_string_equal(found, expected);
}

static void test_members_stand_side_by_side(void **state) {
    (void)state;
    dd_model *a = model_of(plain_text, 1), *b = model_of(branched_text, 2), *merged, *loaded;
    assert_fine(dd_model_merge((const dd_model *[]){a, b}, 2, NULL, &merged));
    assert_layers(merged,
                  "1.flatten1 1.fc 1.softmax1 2.conv 2.norm 2.add1 2.flatten1 2.fc "
                  "2.probabilities members each mean probabilities positive logits softmax");
    assert_string_equal(merged->name, "ensemble");
    assert_int_equal(merged->layers[3].inputs[0], -1); /* not the member before it */
    assert_int_equal(merged->layers[5].inputs[1], -1);
    assert_int_equal(merged->info.parameters, a->info.parameters + b->info.parameters);
    assert_int_equal(merged->info.statistics, b->info.statistics);
    assert_int_equal(merged->tensor_count, a->tensor_count + b->tensor_count);
    assert_holds(merged, "1", a);
    assert_holds(merged, "2", b);
    assert_fine(dd_model_save(merged, in_folder("merged.safetensors")));
    assert_fine(dd_model_load(in_folder("merged.safetensors"), &loaded));
    assert_true(dd__model_same_network(merged, loaded));
    assert_holds(loaded, "2", b);
    dd_model_free(loaded);
    dd_model_free(merged);
    dd_model_free(a);
    dd_model_free(b);
}

static void test_members_read_the_views(void **state) {
    (void)state;
    dd_model *a = model_of(branched_text, 1), *merged;
    const dd_merge_options how = {.name = "seen", .shift = 1, .zoom = 0.06};
    assert_fine(dd_model_merge((const dd_model *[]){a, a}, 2, &how, &merged));
    assert_layers(merged, "views 1.conv 1.norm 1.add1 1.flatten1 1.fc 1.probabilities "
                          "2.conv 2.norm 2.add1 2.flatten1 2.fc 2.probabilities "
                          "members views_together each mean probabilities positive logits softmax");
    assert_string_equal(merged->name, "seen");
    assert_string_equal(merged->layers[0].settings, "shift 1, zoom 0.06");
    const size_t readers[][2] = {{1, 0}, {3, 1}, {7, 0}, {9, 1}};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(merged->layers[readers[i][0]].inputs[readers[i][1]], 0);
    const dd_layer_info *each = &merged->layers[15];
    assert_int_equal(each->rank, 2);
    assert_int_equal(each->output[0], 2 * 7);
    assert_int_equal(each->output[1], 3);
    assert_true(fabs(merged->info.mflop - 14 * a->info.mflop) <= 1e-9);
    dd_model_free(merged);
    assert_fine(dd_model_merge((const dd_model *[]){a}, 1, &how, &merged));
    assert_layers(merged, "views 1.conv 1.norm 1.add1 1.flatten1 1.fc 1.probabilities "
                          "views_together mean probabilities positive logits softmax");
    dd_model_free(merged);
    dd_model_free(a);
}

static void test_an_ensemble_may_be_a_member(void **state) {
    (void)state;
    dd_model *a = model_of(plain_text, 1), *pair, *merged;
    const dd_merge_options views = {.rotation = 5};
    assert_fine(dd_model_merge((const dd_model *[]){a, a}, 2, &views, &pair));
    assert_fine(dd_model_merge((const dd_model *[]){pair, a}, 2, &views, &merged));
    assert_holds(merged, "1.2", a);
    assert_holds(merged, "2", a);
    assert_true(merged->info.mflop > (2 * 9 + 3) * a->info.mflop - 1e-9);
    dd_model_free(merged);
    dd_model_free(pair);
    dd_model_free(a);
}

static void test_classes_and_preparation_are_the_members(void **state) {
    (void)state;
    /* written in two ways, but the same */
    dd_model *a = model_of(NETWORK("\"preparation\": {\"scale\": 0.5, \"shift\": [-1]},"
                                   "\"classes\": [\"x\", \"y\", \"z\"],",
                                   PLAIN),
                           1);
    dd_model *b = model_of(NETWORK("\"preparation\": {\"scale\": [0.5], \"shift\": -1},"
                                   "\"classes\": [\"x\", \"y\", \"z\"],",
                                   PLAIN),
                           1);
    dd_model *merged;
    assert_fine(dd_model_merge((const dd_model *[]){a, b}, 2, NULL, &merged));
    assert_true(merged->preparation.scale[0] == 0.5f && merged->preparation.shift[0] == -1);
    assert_string_equal(dd_model_class_name(merged, 2), "z");
    dd_model_free(merged);
    dd_model_free(a);
    dd_model_free(b);
}

static void assert_refused(const char *text, uint64_t seed, dd_status status, const char *why) {
    dd_model *a = model_of(plain_text, 1), *b = model_of(text, seed), *merged;
    assert_int_equal(dd_model_merge((const dd_model *[]){a, b}, 2, NULL, &merged), status);
    assert_message_has(why);
    dd_model_free(a);
    dd_model_free(b);
}

#define BOTH "model 1 \"member\" and model 2 \"member\" do not go together: "

static void test_members_that_differ_are_refused(void **state) {
    (void)state;
    assert_refused("{\"deepdigits\": \"network 1\", \"name\": \"wide\","
                   "\"input\": {\"height\": 8, \"width\": 9, \"channels\": 1}, \"layers\": [" PLAIN
                   "]}",
                   2, DD_SHAPE,
                   "model 1 \"member\" and model 2 \"wide\" do not go together: images of 8x8x1 "
                   "and 8x9x1");
    assert_refused(NETWORK("", "{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}"), 2,
                   DD_SHAPE, BOTH "3 classes and 4");
    assert_refused(NETWORK("\"classes\": [\"0\", \"2\", \"1\"],", PLAIN), 2, DD_SHAPE,
                   BOTH "class 1 is \"1\" and \"2\"");
    assert_refused(NETWORK("\"preparation\": {\"scale\": 0.25, \"shift\": 0},", PLAIN), 2, DD_SHAPE,
                   BOTH "channel 0 as pixel * 0.00392157 + 0 and pixel * 0.25 + 0");
    assert_refused(NETWORK("\"preparation\": {\"scale\": 0.00392156862745098, \"shift\": 0, "
                           "\"digits\": true},",
                           PLAIN),
                   2, DD_SHAPE,
                   "\"shift\":0} and {\"scale\":0.00392156862745098,\"shift\":0,\"digits\":true}");
    assert_refused(plain_text, 0, DD_USAGE, "model 2 \"member\" has no weights: train it first");
    assert_refused("{\"deepdigits\": \"network 1\", \"name\": \"numbers\","
                   " \"inputs\": [{\"name\": \"x\", \"shape\": [2, 3]}],"
                   " \"outputs\": [{\"name\": \"y\", \"layer\": \"x\", \"shape\": [2, 3]}],"
                   " \"layers\": []}",
                   0, DD_USAGE, "model 2 \"numbers\" takes tensors, not images");
}

static void test_too_few_too_many_and_impossible_views_are_refused(void **state) {
    (void)state;
    dd_model *a = model_of(plain_text, 1), *merged;
    const dd_model *many[17];
    for (size_t i = 0; i < DD_COUNT(many); i++) many[i] = a;
    assert_int_equal(dd_model_merge(many, 0, NULL, &merged), DD_USAGE);
    assert_int_equal(dd_model_merge(many, 1, NULL, &merged), DD_USAGE);
    assert_message_has("expected several models to merge, or views, found model \"member\"");
    assert_int_equal(dd_model_merge(many, 17, NULL, &merged), DD_USAGE);
    assert_message_has("expected 1 to 16 models to merge, found 17");
    const dd_merge_options beyond = {.zoom = 1}, below = {.rotation = -1};
    assert_int_equal(dd_model_merge(many, 1, &beyond, &merged), DD_FORMAT);
    assert_message_has("\"zoom\": expected a number from 0 to 0.99, found 1");
    assert_int_equal(dd_model_merge(many, 2, &below, &merged), DD_FORMAT);
    assert_fine(dd_model_merge(many, 16, NULL, &merged));
    assert_holds(merged, "16", a);
    dd_model_free(merged);
    dd_model_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_stand_side_by_side),
        cmocka_unit_test(test_members_read_the_views),
        cmocka_unit_test(test_an_ensemble_may_be_a_member),
        cmocka_unit_test(test_classes_and_preparation_are_the_members),
        cmocka_unit_test(test_members_that_differ_are_refused),
        cmocka_unit_test(test_too_few_too_many_and_impossible_views_are_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
