/* Frozen layers: what stays, what changes, and that nothing else of a training is different for them. */
#include "fixture.h"

#include <math.h>

#include "device/device.h"
#include "model/model.h"
#include "train/step.h"

enum { BATCH = 64, EPOCHS = 2 };

/* `norm` and `drop`: what depends on the other images of a batch, and on random numbers. */
#define NETWORK(norm1, norm2, drop)                                                              \
    "{\"deepdigits\": \"network 1\", \"name\": \"frosty\","                                      \
    " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1}, \"layers\": ["                \
    "  {\"op\": \"conv2d\", \"name\": \"conv1\", \"filters\": 8, \"kernel\": 5, \"stride\": 2,"  \
    "   \"activation\": \"relu\"}," norm1 " {\"op\": \"max_pool\", \"kernel\": 2}," drop         \
    "  {\"op\": \"conv2d\", \"name\": \"conv2\", \"filters\": 8, \"kernel\": 3}," norm2          \
    "  {\"op\": \"activation\", \"kind\": \"relu\"}, {\"op\": \"flatten\"},"                     \
    "  {\"op\": \"dense\", \"name\": \"dense1\", \"units\": 24, \"activation\": \"relu\"}," drop \
    "  {\"op\": \"dense\", \"name\": \"logits\", \"units\": 10}, {\"op\": \"softmax\"}]}"
#define NORM(name) "{\"op\": \"batch_norm\", \"name\": \"" name "\"},"
static const char full[] =
    NETWORK(NORM("norm1"), NORM("norm2"), "{\"op\": \"dropout\", \"rate\": 0.25},");
static const char plain[] = NETWORK("", "", "");

static dd_device *reference;
static dd_model *learnt; /* `full`, trained for an epoch: its running values are not 0 and 1 */

static void assert_fine(dd_status status) {
    if (status != DD_OK) fail_msg("%s", dd_message());
}

static dd_model *load(const char *name) {
    dd_model *model;
    assert_fine(dd_model_load(in_run(".", name), &model));
    return model;
}

static int prepare(void **state) {
    if (open_all(state) != 0) return -1;
    dd_train_options options = {.epochs = 1, .batch = BATCH, .seed = 7};
    if (dd__file_write(in_run(".", "full.json"), full, sizeof full - 1) != DD_OK ||
        dd__file_write(in_run(".", "plain.json"), plain, sizeof plain - 1) != DD_OK ||
        dd_device_open("reference", NULL, &reference) != DD_OK ||
        dd_model_load(in_run(".", "full.json"), &learnt) != DD_OK ||
        dd_train(device, learnt, data, NULL, &options, NULL) != DD_OK ||
        dd_model_save(learnt, in_run(".", "learnt.safetensors")) != DD_OK) {
        fprintf(stderr, "%s\n", dd_message());
        return -1;
    }
    return 0;
}

static int finish(void **state) {
    dd_model_free(learnt);
    dd_device_close(reference);
    return close_all(state);
}

/* ---- What stays ------------------------------------------------------------------------- */

/* Everything is on that could move a weight. */
static dd_train_options recipe(const char *run, const char *freeze) {
    return (dd_train_options){.epochs = EPOCHS,
                              .batch = BATCH,
                              .seed = 7,
                              .optimizer = "adamw",
                              .augment = "digits",
                              .schedule = "plateau:patience=1,threshold=100",
                              .freeze = freeze,
                              .output = run ? in_run(run, "") : NULL};
}

static dd_status train(dd_device *on, const char *network, const dd_train_options *options,
                       dd_model **trained) {
    dd_model *model = load(network);
    dd_status status = dd_train(on, model, data, validation, options, NULL);
    dd_clear_interrupt();
    if (trained)
        *trained = model;
    else
        dd_model_free(model);
    return status;
}

static bool is_among(const char *name, const char *const *layers) {
    for (; *layers; layers++)
        if (strncmp(name, *layers, strlen(*layers)) == 0 && name[strlen(*layers)] == '.')
            return true;
    return false;
}

/* Byte by byte the tensors of `layers`; all others have changed, running values too. */
static void assert_frozen(const dd_model *before, const dd_model *after,
                          const char *const *layers) {
    assert_int_equal(before->tensor_count, after->tensor_count);
    for (size_t i = 0; i < after->tensor_count; i++) {
        const dd__tensor *a = &before->tensors[i], *b = &after->tensors[i];
        assert_string_equal(a->name, b->name);
        bool same = memcmp(a->data, b->data, dd__dims_count(&a->dims) * sizeof(float)) == 0;
        if (same != is_among(a->name, layers))
            fail_msg("%s has %schanged", a->name, same ? "not " : "");
    }
}

/* What a list means. */
static const struct row {
    const char *freeze, *layers[7];
} rows[] = {
    {"all-but-head", {"conv1", "norm1", "conv2", "norm2", "dense1"}},
    {"until:norm1", {"conv1", "norm1"}},
    {"until:max_pool1", {"conv1", "norm1"}},
    {"*1", {"conv1", "norm1", "dense1"}},
    {"norm*", {"norm1", "norm2"}},
    {"conv2,norm2", {"conv2", "norm2"}},
    {"n*m1,l*t*s", {"norm1", "logits"}},
    {"until:norm1,logits", {"conv1", "norm1", "logits"}},
};

static void test_frozen_layers_keep_every_bit_and_all_others_change(void **state) {
    (void)state;
    dd_model *trained;
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        dd_train_options options = recipe(NULL, rows[i].freeze);
        assert_fine(train(device, "learnt.safetensors", &options, &trained));
        assert_frozen(learnt, trained, rows[i].layers);
        dd_model_free(trained);
    }
}

static void test_so_they_do_in_parts_with_other_optimizers_and_on_the_reference(void **state) {
    (void)state;
    dd_model *trained;
    dd_train_options options = recipe(NULL, rows[0].freeze);
    options.micro_batch = 16;
    options.keep = DD_KEEP_LAST;
    assert_fine(train(device, "learnt.safetensors", &options, &trained));
    assert_frozen(learnt, trained, rows[0].layers);
    dd_model_free(trained);
    options.optimizer = "sgd";
    options.weight_decay = 0.1;
    assert_fine(train(device, "learnt.safetensors", &options, &trained));
    assert_frozen(learnt, trained, rows[0].layers);
    dd_model_free(trained);
    options.epochs = 1;
    assert_fine(train(reference, "learnt.safetensors", &options, &trained));
    assert_frozen(learnt, trained, rows[0].layers);
    dd_model_free(trained);
}

static void test_files_have_the_tensors_in_the_usual_order(void **state) {
    (void)state;
    dd_model *saved;
    dd_train_options options = recipe("order", "conv2,norm1");
    assert_fine(train(device, "learnt.safetensors", &options, NULL));
    const char *const files[] = {"model.safetensors", "last.safetensors"};
    for (size_t i = 0; i < DD_COUNT(files); i++) {
        assert_fine(dd_model_load(in_run("order", files[i]), &saved));
        assert_frozen(learnt, saved, (const char *[]){"conv2", "norm1", NULL});
        dd_model_free(saved);
    }
}

/* ---- One step --------------------------------------------------------------------------- */

/* The gradients of a step on a batch in parts of `micro` images; and what else the plan holds. */
typedef struct step {
    dd__plan *plan;
    float *gradients; /* (count) */
    size_t count;
} step;

static step step_of(dd_device *on, const dd_model *model, const bool *frozen, uint32_t micro) {
    step s;
    dd__examples examples;
    dd__graph *graph;
    dd__training training = {.count = 512,
                             .batch = BATCH,
                             .micro = micro,
                             .seed = 7,
                             .settings = {.momentum = 0.9f, .weight_decay = 0.1f},
                             .frozen = frozen};
    assert_fine(dd__optimizer_find("sgd", &training.optimizer));
    assert_fine(dd__examples_create(on, model, data, &examples));
    assert_fine(dd__training_graph(model, &training, on, &graph));
    const dd__binding bound[] = {{"images", examples.images}, {"labels", examples.labels}};
    assert_fine(dd__plan_create(on, graph, bound, 2, &s.plan));
    assert_fine(dd__load_parameters(s.plan, model));
    const dd__step start = {
        .seed_low = 7, .step = 5, .epoch = 2, .count = 512, .parts = BATCH / micro};
    assert_fine(dd__set_step(s.plan, &start, NULL));
    for (uint32_t done = 0; done < BATCH; done += micro) assert_fine(dd__plan_run(s.plan));
    s.count = graph->parameters->dims.d[0];
    s.gradients = dd__alloc(s.count, sizeof *s.gradients);
    assert_fine(dd__plan_read(s.plan, micro < BATCH ? "gradient_sums" : "gradients", s.gradients,
                              s.count * sizeof *s.gradients));
    dd__examples_free(&examples);
    return s;
}

static void step_free(step *s) {
    dd__free(s->gradients);
    dd__plan_free(s->plan);
}

/* The flags of a list of layers. */
static void flags_of(const dd_model *model, const char *const *layers, bool *frozen) {
    for (size_t i = 0; i < model->layer_count; i++) {
        frozen[i] = false;
        for (size_t k = 0; layers[k]; k++)
            frozen[i] |= strcmp(model->layers[i].name, layers[k]) == 0;
    }
}

/* The learned parameters' gradients, by name, are those of `expected`. */
static void assert_same_gradients(const step *found, const step *expected, double tolerance) {
    const dd__graph *graph = dd__plan_graph(found->plan);
    double largest = 0;
    size_t compared = 0;
    for (size_t i = 0; i < expected->count; i++)
        largest = fmax(largest, fabs((double)expected->gradients[i]));
    assert_true(largest > 0);
    for (size_t i = 0; i < graph->value_count; i++) {
        const dd__value *value = graph->values[i], *other;
        if (value->base != graph->parameters || value->producer) continue;
        other = dd__graph_find(dd__plan_graph(expected->plan), value->name);
        assert_non_null(other);
        for (size_t k = 0; k < dd__dims_count(&value->dims); k++) {
            float a = found->gradients[value->offset / sizeof(float) + k];
            float b = expected->gradients[other->offset / sizeof(float) + k];
            assert_true(fabs((double)a - (double)b) <= tolerance * largest);
            compared++;
        }
    }
    assert_true(compared > 0);
}

/* Where no layer computes otherwise in training, freezing changes no gradient of what is trained. */
static void test_gradients_are_those_of_the_whole_network(void **state) {
    (void)state;
    static const char *const lists[][4] = {
        {"conv1"}, {"conv2"}, {"dense1"}, {"conv1", "conv2"}, {"conv1", "conv2", "dense1"}};
    dd_model *model = load("plain.json");
    bool frozen[64];
    assert_fine(dd_model_initialize(model, 7));
    for (int d = 0; d < 2; d++) {
        dd_device *on = d ? reference : device;
        step all = step_of(on, model, NULL, BATCH);
        for (size_t i = 0; i < DD_COUNT(lists); i++) {
            flags_of(model, lists[i], frozen);
            step some = step_of(on, model, frozen, BATCH);
            assert_true(some.count < all.count);
            assert_same_gradients(&some, &all, 1e-5);
            step_free(&some);
        }
        step_free(&all);
    }
    dd_model_free(model);
}

static void test_the_device_agrees_with_the_reference(void **state) {
    (void)state;
    bool frozen[64];
    for (size_t i = 0; i < DD_COUNT(rows); i++) {
        flags_of(learnt, rows[i].layers, frozen);
        step here = step_of(device, learnt, frozen, BATCH);
        step there = step_of(reference, learnt, frozen, BATCH);
        assert_same_gradients(&here, &there, 1e-4);
        step_free(&here);
        step_free(&there);
    }
}

/* With all batch norms frozen an image does not know in which part it is. Dropout draws the same numbers,
 * for it has multiples of 8. */
static void test_parts_add_up_to_the_batch_where_norms_are_frozen(void **state) {
    (void)state;
    bool frozen[64];
    static const char *const norms[] = {"norm1", "norm2", NULL};
    flags_of(learnt, norms, frozen);
    step whole = step_of(device, learnt, frozen, BATCH);
    static const uint32_t sizes[] = {1, 16, 32};
    for (size_t i = 0; i < DD_COUNT(sizes); i++) {
        step parts = step_of(device, learnt, frozen, sizes[i]);
        assert_same_gradients(&parts, &whole, 1e-5);
        step_free(&parts);
    }
    step_free(&whole);
}

static void test_moments_are_those_of_what_is_trained(void **state) {
    (void)state;
    bool frozen[64];
    flags_of(learnt, rows[0].layers, frozen);
    step s = step_of(device, learnt, frozen, BATCH);
    const dd__graph *graph = dd__plan_graph(s.plan);
    const size_t head = dd__round_up(24 * 10 * sizeof(float), DD__ALIGNMENT) +
                        dd__round_up(10 * sizeof(float), DD__ALIGNMENT);
    assert_int_equal(dd__value_bytes(graph->parameters), head);
    assert_int_equal(dd__value_bytes(dd__graph_find(graph, "moment1")), head);
    assert_int_equal(dd__value_bytes(dd__graph_find(graph, "gradients")), head);
    step_free(&s);
}

/* ---- Runs ------------------------------------------------------------------------------- */

static void stop_at_once(void *context, const dd_train_progress *progress) {
    unsigned *calls = context;
    if (!progress->epoch_done) ++*calls;
    dd_interrupt();
}

/* Norms of either kind, in parts; each step a call of its own. What goes on begins without weights. */
static void test_a_run_that_stops_after_every_step_ends_the_same(void **state) {
    (void)state;
    dd_train_options unbroken = recipe("unbroken", "until:norm1"), broken = unbroken;
    unsigned steps = 0;
    unbroken.micro_batch = broken.micro_batch = 32;
    assert_fine(train(device, "learnt.safetensors", &unbroken, NULL));
    broken.output = in_run("broken", "");
    broken.progress = stop_at_once;
    broken.context = &steps;
    dd_status status;
    while ((status = train(device, broken.resume ? "full.json" : "learnt.safetensors", &broken,
                           NULL)) == DD_INTERRUPTED)
        broken.resume = true;
    assert_fine(status);
    assert_int_equal(steps, EPOCHS * 512 / BATCH);
    assert_same_file(in_run("unbroken", "model.safetensors"),
                     in_run("broken", "model.safetensors"));
    assert_same_file(in_run("unbroken", "last.safetensors"), in_run("broken", "last.safetensors"));
}

static void test_a_run_records_what_is_frozen_and_goes_on_so(void **state) {
    (void)state;
    dd_run *run;
    dd_train_options options = recipe("record", "conv1,norm1");
    options.epochs = 1;
    assert_fine(train(device, "learnt.safetensors", &options, NULL));
    assert_fine(dd_run_load(in_run("record", ""), &run));
    assert_string_equal(run->options.freeze, "conv1,norm1");
    dd_run_free(run);
    options.resume = true;
    options.epochs = 2;
    options.freeze = NULL;
    assert_int_equal(train(device, "full.json", &options, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "freeze: the run to go on with has \"conv1,norm1\""));
    options.freeze = "conv1,norm1";
    assert_fine(train(device, "full.json", &options, NULL));
}

/* Runs of before there was the option do not speak of it. */
static void test_an_older_run_goes_on_with_nothing_frozen(void **state) {
    (void)state;
    char command[1024];
    const char *state_file = in_run("older", "checkpoint/state.safetensors");
    dd_train_options options = recipe("older", NULL);
    options.epochs = 1;
    assert_fine(train(device, "learnt.safetensors", &options, NULL));
    snprintf(command, sizeof command, "sed -i 's/%s/%*s/' %s && ! grep -q freeze %s",
             "\\\\\"freeze\\\\\":\\\\\"\\\\\",", 16, "", state_file, state_file);
    assert_int_equal(system(command), 0);
    options.resume = true;
    options.epochs = 2;
    assert_fine(train(device, "full.json", &options, NULL));
}

static void test_lists_that_mean_nothing_or_everything_name_the_layers(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"conv3",
         "freeze: \"conv3\" means no layer of network \"frosty\"; those with parameters are "
         "conv1, norm1, conv2, norm2, dense1, logits"},
        {"conv1,conv", "\"conv\" means no layer"},
        {"until:conv3", "\"until:conv3\" means no layer"},
        {"until:conv*", "\"until:conv*\" means no layer"},
        {"*", "\"*\" leaves nothing of network \"frosty\" to train; its layers with parameters are "
              "conv1, norm1"},
        {"all-but-head,logits", "leaves nothing"},
        {"until:softmax1", "leaves nothing"},
        {"conv1,", "expected all-but-head, until:LAYER or layers' names"},
        {",conv1", "expected all-but-head"},
        {"until:", "expected all-but-head"},
    };
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        dd_train_options options = recipe("wrong", wrong[i][0]);
        assert_int_equal(train(device, "learnt.safetensors", &options, NULL), DD_USAGE);
        if (!strstr(dd_message(), wrong[i][1])) fail_msg("%s", dd_message());
        assert_false(dd__is_file(in_run("wrong", "run.json")));
        bool readable = i < 7; /* without a network */
        assert_int_equal(dd_train_options_check(&options), readable ? DD_OK : DD_USAGE);
    }
}

/* ---- Ops without a gradient -------------------------------------------------------------- */

static const char blind[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"blind\","
    " \"input\": {\"height\": 28, \"width\": 28, \"channels\": 1}, \"layers\": ["
    "  {\"op\": \"conv2d\", \"name\": \"conv1\", \"filters\": 4, \"kernel\": 5, \"stride\": 2},"
    "  {\"op\": \"lrn\", \"name\": \"local\", \"size\": 3},"
    "  {\"op\": \"conv2d\", \"name\": \"conv2\", \"filters\": 4, \"kernel\": 3, \"stride\": 2},"
    "  {\"op\": \"lrn\", \"name\": \"again\", \"size\": 3}, {\"op\": \"flatten\"},"
    "  {\"op\": \"dense\", \"name\": \"logits\", \"units\": 10}, {\"op\": \"softmax\"}]}";

static void test_ops_without_a_gradient_are_all_named_unless_they_lie_below(void **state) {
    (void)state;
    assert_fine(dd__file_write(in_run(".", "blind.json"), blind, sizeof blind - 1));
    dd_train_options options = recipe("blind", "");
    assert_int_equal(train(device, "blind.json", &options, NULL), DD_USAGE);
    if (!strstr(dd_message(), "no gradient flows through op \"lrn\" (layer \"local\"), op \"lrn\" "
                              "(layer \"again\"): what lies before can only be frozen"))
        fail_msg("%s", dd_message());
    assert_false(dd__is_file(in_run("blind", "run.json")));
    options.freeze = "until:local";
    assert_int_equal(train(device, "blind.json", &options, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "through op \"lrn\" (layer \"again\"):"));
    options.freeze = "until:again";
    assert_fine(train(device, "blind.json", &options, NULL));
}

/* ---- Other classes ---------------------------------------------------------------------- */

/* Whether a digit is 5 or more. */
static void test_a_frozen_network_learns_other_classes(void **state) {
    (void)state;
    dd_dataset *all, *first, *second;
    dd_model *two;
    dd_train_result result;
    const size_t count = 1280, pixels = 28 * 28;
    uint8_t *images = dd__alloc(count, pixels);
    int32_t *labels = dd__alloc(count, sizeof *labels);
    assert_fine(dd_dataset_load("synthetic:1280:5", DD_SPLIT_TRAIN, &all));
    for (size_t i = 0; i < count; i++) {
        memcpy(images + i * pixels, dd_dataset_pixels(all, i), pixels);
        labels[i] = dd_dataset_label(all, i) >= 5;
    }
    dd_dataset_free(all);
    assert_fine(dd_dataset_create(images, labels, count, 28, 28, 1, 2, &all));
    assert_fine(dd_dataset_divide(all, 0.2, 42, &first, &second));
    dd_model *seed;
    assert_fine(dd_model_load("models/seed.safetensors", &seed));
    assert_fine(dd_model_for_classes(seed, 2, NULL, 7, &two));
    dd_train_options options = {
        .epochs = 1, .batch = 16, .seed = 7, .freeze = "all-but-head", .learning_rate = 3e-3};
    assert_fine(dd_train(device, two, first, second, &options, &result));
    assert_true(result.validation_accuracy > 0.85); /* chance: 0.5 */
    dd_model_free(two);
    dd_model_free(seed);
    dd_dataset_free(first);
    dd_dataset_free(second);
    dd_dataset_free(all);
    dd__free(images);
    dd__free(labels);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frozen_layers_keep_every_bit_and_all_others_change),
        cmocka_unit_test(test_so_they_do_in_parts_with_other_optimizers_and_on_the_reference),
        cmocka_unit_test(test_files_have_the_tensors_in_the_usual_order),
        cmocka_unit_test(test_gradients_are_those_of_the_whole_network),
        cmocka_unit_test(test_the_device_agrees_with_the_reference),
        cmocka_unit_test(test_parts_add_up_to_the_batch_where_norms_are_frozen),
        cmocka_unit_test(test_moments_are_those_of_what_is_trained),
        cmocka_unit_test(test_a_run_that_stops_after_every_step_ends_the_same),
        cmocka_unit_test(test_a_run_records_what_is_frozen_and_goes_on_so),
        cmocka_unit_test(test_an_older_run_goes_on_with_nothing_frozen),
        cmocka_unit_test(test_lists_that_mean_nothing_or_everything_name_the_layers),
        cmocka_unit_test(test_ops_without_a_gradient_are_all_named_unless_they_lie_below),
        cmocka_unit_test(test_a_frozen_network_learns_other_classes),
    };
    return cmocka_run_group_tests(tests, prepare, finish);
}
