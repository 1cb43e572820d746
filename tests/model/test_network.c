/* The network file: what is accepted, what is computed from it, and how each mistake is named. */
#include "files.h"

#include <math.h>

#include "graph/op.h"
#include "model/network.h"

#define HEAD                                            \
    "{\"deepdigits\": \"network 1\", \"name\": \"t\", " \
    "\"input\": {\"height\": 8, \"width\": 6, \"channels\": 3}, "
#define NETWORK(layers) HEAD "\"layers\": [" layers "]}"
#define X               "{\"name\": \"x\", \"shape\": [2]}"
#define Y               "{\"name\": \"y\", \"layer\": \"r\", \"shape\": [2]}"
#define TENSORS(inputs, outputs)                                                             \
    "{\"deepdigits\": \"network 1\", \"name\": \"t\", \"inputs\": [" inputs                  \
    "], \"outputs\": [" outputs "], \"layers\": [{\"op\": \"activation\", \"name\": \"r\", " \
    "\"kind\": \"relu\", \"inputs\": [\"x\"]}]}"
#define END ", {\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}, {\"op\": \"softmax\"}"

static dd_layer_info layer_named(const dd_model *model, const char *name) {
    dd_model_info info;
    dd_layer_info layer;
    dd_model_describe(model, &info);
    for (size_t i = 0; i < info.layers; i++) {
        assert_fine(dd_model_layer(model, i, &layer));
        if (strcmp(layer.name, name) == 0) return layer;
    }
    fail_msg("no layer %s", name);
    return layer;
}

/* ---- The networks of models/ ----------------------------------------------------------------- */

static void test_seed_has_the_known_counts(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t parameters;
    } known[] = {{"conv1", 1664},   {"norm1", 128}, {"conv2", 204928},  {"norm2", 256},
                 {"conv3", 295168}, {"norm3", 512}, {"dense1", 131584}, {"logits", 5130},
                 {"pool1", 0},      {"drop1", 0},   {"softmax", 0}};
    dd_model *model;
    dd_model_info info;
    assert_fine(dd_model_load("models/seed.json", &model));
    dd_model_describe(model, &info);
    assert_string_equal(info.name, "seed");
    assert_int_equal(info.height, 28);
    assert_int_equal(info.width, 28);
    assert_int_equal(info.channels, 1);
    assert_int_equal(info.classes, 10);
    assert_int_equal(info.layers, 17);
    assert_int_equal(info.parameters, 639370);
    assert_int_equal(info.statistics, 896);
    assert_true(fabs(info.mflop - 30.8) <= 0.2);
    for (size_t i = 0; i < DD_COUNT(known); i++)
        assert_int_equal(layer_named(model, known[i].name).parameters, known[i].parameters);
    assert_false(dd_model_has_tensors(model));
    dd_model_free(model);
}

static void test_seed_layers_have_shapes_settings_and_costs(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(dd_model_load("models/seed.json", &model));
    dd_layer_info conv2 = layer_named(model, "conv2");
    assert_string_equal(conv2.op, "conv2d");
    assert_string_equal(conv2.settings, "filters 128, kernel 5x5, relu");
    assert_int_equal(conv2.rank, 3);
    assert_int_equal(conv2.output[0], 8);
    assert_int_equal(conv2.output[1], 8);
    assert_int_equal(conv2.output[2], 128);
    assert_true(fabs(conv2.mflop - 2 * 8 * 8 * 128 * 1600 / 1e6) <= 0.02);
    dd_layer_info flatten = layer_named(model, "flatten");
    assert_int_equal(flatten.rank, 1);
    assert_int_equal(flatten.output[0], 256);
    dd_layer_info none;
    assert_int_equal(dd_model_layer(model, 17, &none), DD_USAGE);
    assert_message_has("has 17 layers: there is no layer 17");
    dd_model_free(model);
}

static void test_all_shipped_networks_load(void **state) {
    (void)state;
    static const struct {
        const char *path;
        unsigned classes;
        uint64_t parameters;
    } shipped[] = {{"models/lenet5.json", 10, 61706},
                   {"models/small.json", 10, 12810},
                   {"models/lean.json", 10, 335274},
                   {"models/speed.json", 10, 36490},
                   {"models/resnet-small.json", 10, 77754},
                   /* as torchvision counts them */
                   {"models/resnet18.json", 1000, 11689512},
                   {"models/resnet50.json", 1000, 25557032},
                   {"models/mobilenet-v2.json", 1000, 3504872},
                   {"models/vgg11.json", 1000, 132863336},
                   {"models/squeezenet.json", 1000, 1235496}};
    for (size_t i = 0; i < DD_COUNT(shipped); i++) {
        dd_model *model;
        dd_model_info info;
        assert_fine(dd_model_load(shipped[i].path, &model));
        dd_model_describe(model, &info);
        assert_int_equal(info.classes, shipped[i].classes);
        assert_int_equal(info.parameters, shipped[i].parameters);
        dd_model_free(model);
    }
}

/* ---- What a file may leave out ------------------------------------------------------------------ */

static void test_names_classes_and_preparation_have_defaults(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(
        load_text(NETWORK("{\"op\": \"conv2d\", \"filters\": 2, \"kernel\": 3},"
                          "{\"op\": \"conv2d\", \"name\": \"x\", \"filters\": 2, \"kernel\": 1},"
                          "{\"op\": \"conv2d\", \"filters\": 2, \"kernel\": 1}" END),
                  &model));
    dd_layer_info first, third;
    assert_fine(dd_model_layer(model, 0, &first));
    assert_fine(dd_model_layer(model, 2, &third));
    assert_string_equal(first.name, "conv2d1");
    assert_string_equal(third.name, "conv2d3");
    assert_string_equal(dd_model_class_name(model, 0), "0");
    assert_string_equal(dd_model_class_name(model, 3), "3");
    assert_null(dd_model_class_name(model, 4));
    assert_true(model->preparation.scale[0] == (float)(1.0 / 255.0));
    assert_true(model->preparation.shift[0] == 0.0f);
    dd_model_free(model);
}

static void test_a_model_says_what_it_was_trained_on(void **state) {
    (void)state;
    dd_model *model, *twin;
    assert_fine(load_text("{\"deepdigits\": \"network 1\", \"name\": \"t\","
                          "\"input\": {\"height\": 6, \"width\": 8, \"channels\": 1},"
                          "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}]}",
                          &model));
    assert_false(model->preparation.digits);
    for (int digits = 1; digits >= 0; digits--) {
        assert_fine(dd__model_set_digits(model, digits));
        assert_fine(dd__model_set_digits(model, digits));
        assert_int_equal(model->preparation.digits, digits);
        assert_fine(dd__model_twin(model, &twin));
        assert_int_equal(twin->preparation.digits, digits);
        dd_model_free(twin);
    }
    dd_model_free(model);
}

static void test_a_preparation_may_differ_by_channel(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(load_text("{\"deepdigits\": \"network 1\", \"name\": \"t\","
                          "\"input\": {\"height\": 6, \"width\": 8, \"channels\": 3},"
                          "\"preparation\": {\"scale\": [0.5, 2, -1], \"shift\": 7,"
                          "\"crop\": true, \"resize\": 9},"
                          "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}]}",
                          &model));
    const dd__preparation *p = &model->preparation;
    assert_int_equal(p->channels, 3);
    assert_true(p->scale[0] == 0.5f && p->scale[1] == 2 && p->scale[2] == -1);
    assert_true(p->shift[0] == 7 && p->shift[1] == 7 && p->shift[2] == 7);
    assert_true(p->crop);
    assert_int_equal(p->resize, 9);
    dd_model_free(model);
}

static void test_given_classes_and_preparation_are_used(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(load_text(HEAD
                          "\"preparation\": {\"scale\": 0.5, \"shift\": -1.25},"
                          "\"classes\": [\"a\", \"b\", \"\xc3\xa9\", \"d\"],"
                          "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}]}",
                          &model));
    assert_string_equal(dd_model_class_name(model, 2), "\xc3\xa9");
    assert_true(model->preparation.scale[0] == 0.5f);
    assert_true(model->preparation.shift[0] == -1.25f);
    dd_model_free(model);
}

/* ---- Attributes
 * ------------------------------------------------------------------------------------ */

static void expect_output(const char *layer, unsigned height, unsigned width) {
    char text[2048];
    snprintf(text, sizeof text, NETWORK("%s" END), layer);
    dd_model *model;
    dd_layer_info info;
    assert_fine(load_text(text, &model));
    assert_fine(dd_model_layer(model, 0, &info));
    assert_int_equal(info.output[0], height);
    assert_int_equal(info.output[1], width);
    dd_model_free(model);
}

#define CONV "{\"op\": \"conv2d\", \"filters\": 2, "

static void test_pairs_take_one_number_or_two(void **state) {
    (void)state;
    expect_output(CONV "\"kernel\": 3}", 6, 4);
    expect_output(CONV "\"kernel\": [5, 1]}", 4, 6);
}

static void test_padding_takes_a_word_a_number_or_four_edges(void **state) {
    (void)state;
    expect_output(CONV "\"kernel\": 3, \"padding\": \"valid\"}", 6, 4);
    expect_output(CONV "\"kernel\": 3, \"padding\": \"same\"}", 8, 6);
    expect_output(CONV "\"kernel\": 3, \"padding\": 2}", 10, 8);
    expect_output(CONV "\"kernel\": 3, \"padding\": [1, 0, 2, 3]}", 9, 7);
}

static void test_bool_and_list_are_read(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(load_text(NETWORK(CONV "\"kernel\": 3, \"bias\": false},"
                                       "{\"op\": \"reshape\", \"shape\": [2, 24]}" END),
                          &model));
    assert_int_equal(layer_named(model, "conv2d1").parameters, 3 * 3 * 3 * 2);
    dd_layer_info reshape = layer_named(model, "reshape1");
    assert_int_equal(reshape.rank, 2);
    assert_int_equal(reshape.output[1], 24);
    dd_model_free(model);
}

static void expect_dims(const dd_model *model, const char *name, unsigned rank,
                        const uint32_t dims[]) {
    dd_layer_info layer = layer_named(model, name);
    assert_int_equal(layer.rank, rank);
    for (unsigned i = 0; i < rank; i++) assert_int_equal(layer.output[i], dims[i]);
}

/* Of layers that work over axes or on many matrices; the image is 8x6x3. */
static void test_layers_over_axes_and_of_matrices_have_shapes(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(load_text(
        NETWORK("{\"op\": \"conv2d_transpose\", \"filters\": 4, \"kernel\": 2, \"stride\": 2},"
                "{\"op\": \"resize\", \"height\": 5, \"width\": 6, \"mode\": \"linear\"},"
                "{\"op\": \"lrn\", \"size\": 3},"
                "{\"op\": \"normalize\", \"axes\": [1, 2]},"
                "{\"op\": \"max_pool\", \"kernel\": 2, \"stride\": 1, \"dilation\": 2},"
                "{\"op\": \"reshape\", \"shape\": [1, 12, 4], \"whole\": true, \"name\": \"a\"},"
                "{\"op\": \"matmul\", \"inputs\": [\"a\", \"a\"], \"transpose_b\": true},"
                "{\"op\": \"log_softmax\"},"
                "{\"op\": \"reduce\", \"kind\": \"mean\", \"axes\": [2]}" END),
        &model));
    expect_dims(model, "conv2d_transpose1", 3, (const uint32_t[]){16, 12, 4});
    expect_dims(model, "resize1", 3, (const uint32_t[]){5, 6, 4});
    expect_dims(model, "max_pool1", 3, (const uint32_t[]){3, 4, 4});
    expect_dims(model, "a", 2, (const uint32_t[]){12, 4});
    expect_dims(model, "matmul1", 2, (const uint32_t[]){12, 12});
    expect_dims(model, "reduce1", 2, (const uint32_t[]){12, 1});
    assert_int_equal(layer_named(model, "conv2d_transpose1").parameters, 2 * 2 * 4 * 3 + 4);
    dd_model_free(model);
}

static void test_lists_may_hold_zeros(void **state) {
    (void)state;
    dd_model *model;
    assert_fine(
        load_text(NETWORK("{\"op\": \"pad\", \"before\": [0, 0, 2, 0], \"after\": [0, 1, 0, 0]},"
                          "{\"op\": \"transpose\", \"order\": [0, 3, 1, 2]},"
                          "{\"op\": \"slice\", \"axis\": 2, \"begin\": 8, \"size\": 3,"
                          " \"step\": -4}" END),
                  &model));
    assert_string_equal(layer_named(model, "pad1").settings, "before 0x0x2x0, after 0x1x0x0");
    assert_string_equal(layer_named(model, "transpose1").settings, "order 0x3x1x2");
    dd_layer_info slice = layer_named(model, "slice1");
    assert_int_equal(slice.rank, 3);
    assert_int_equal(slice.output[0], 3);
    assert_int_equal(slice.output[1], 3);
    assert_int_equal(slice.output[2], 8);
    dd_model_free(model);
}

/* ---- The graph
 * --------------------------------------------------------------------------------------- */

static void build(const dd_model *model, bool training, dd__graph **graph, dd__value **logits,
                  dd__value **y) {
    dd__value *x;
    assert_fine(dd__graph_create(training, 1, graph));
    assert_fine(dd__graph_input(*graph, "input", DD__F32, DD_DIMS(5, 8, 6, 3), &x));
    assert_fine(dd__model_build(model, *graph, x, NULL, logits, y));
}

static void test_logits_are_what_the_closing_softmax_reads(void **state) {
    (void)state;
    dd_model *model;
    dd__graph *graph;
    dd__value *logits, *y;
    assert_fine(load_text(
        NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"d\", \"units\": 4},"
                "{\"op\": \"softmax\"}"),
        &model));
    build(model, false, &graph, &logits, &y);
    assert_string_equal(y->producer->op->name, "softmax");
    assert_ptr_equal(y->producer->in[0], logits);
    assert_int_equal(y->dims.d[0], 5);
    dd__graph_free(graph);
    dd_model_free(model);
}

static void test_without_closing_softmax_the_last_value_is_the_logits(void **state) {
    (void)state;
    dd_model *model;
    dd__graph *graph;
    dd__value *logits, *y;
    assert_fine(
        load_text(NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}"), &model));
    build(model, true, &graph, &logits, &y);
    assert_ptr_equal(y, logits);
    dd__graph_free(graph);
    dd_model_free(model);
}

static void test_dropout_adds_nodes_to_a_training_graph_alone(void **state) {
    (void)state;
    dd_model *model;
    dd__graph *training, *inference;
    dd__value *logits, *y;
    assert_fine(load_text(NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dropout\", \"rate\": 0.5},"
                                  "{\"op\": \"dense\", \"units\": 4}"),
                          &model));
    build(model, true, &training, &logits, &y);
    build(model, false, &inference, &logits, &y);
    assert_true(training->node_count > inference->node_count);
    dd__graph_free(training);
    dd__graph_free(inference);
    dd_model_free(model);
}

static void test_inputs_name_earlier_layers_or_the_image(void **state) {
    (void)state;
    dd_model *model;
    dd_layer_info add;
    assert_fine(load_text(
        NETWORK(
            "{\"op\": \"conv2d\", \"name\": \"a\", \"filters\": 3, \"kernel\": 3, \"padding\": 1},"
            "{\"op\": \"add\", \"inputs\": [\"a\", \"input\"]},"
            "{\"op\": \"concat\", \"inputs\": [\"add1\", \"a\"]}" END),
        &model));
    assert_fine(dd_model_layer(model, 2, &add));
    assert_int_equal(add.output[2], 6);
    dd_model_free(model);
}

static void test_graph_of_other_images_is_refused(void **state) {
    (void)state;
    dd_model *model;
    dd__graph *graph;
    dd__value *x, *logits, *y;
    assert_fine(
        load_text(NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}"), &model));
    assert_fine(dd__graph_create(false, 1, &graph));
    assert_fine(dd__graph_input(graph, "input", DD__F32, DD_DIMS(5, 8, 6, 1), &x));
    assert_int_equal(dd__model_build(model, graph, x, NULL, &logits, &y), DD_SHAPE);
    assert_message_has("expected images as 5x8x6x3, found 5x8x6x1");
    dd__graph_free(graph);
    dd_model_free(model);
}

/* ---- Mistakes
 * ------------------------------------------------------------------------------------------ */

#define REST   "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 4}]}"
#define INPUT  "\"input\": {\"height\": 8, \"width\": 6, \"channels\": 3}, "
#define FORMAT "{\"deepdigits\": \"network 1\", "

static const struct {
    const char *text;
    dd_status status;
    const char *message; /* a part of it */
} mistakes[] = {
    /* the file */
    {"", DD_FORMAT, "network.json: line 1, column 1: not valid JSON"},
    {"{\n \"deepdigits\" 1}", DD_FORMAT, "line 2, column"},
    {"[]", DD_FORMAT, "expected an object {...}"},
    {"3", DD_FORMAT, "expected an object {...}"},
    {"{}", DD_FORMAT, "a network file says {\"deepdigits\": \"network 1\", ...}"},
    {"{\"deepdigits\": \"network 2\", \"name\": \"t\", " INPUT REST, DD_FORMAT,
     "\"deepdigits\": expected \"network 1\", found \"network 2\""},
    {FORMAT INPUT REST, DD_FORMAT, "\"name\" is missing"},
    {FORMAT "\"name\": \"\", " INPUT REST, DD_FORMAT, "\"name\": expected a name"},
    {FORMAT "\"name\": \"a\\nb\", " INPUT REST, DD_FORMAT, "a control character"},
    {FORMAT "\"name\": \"\xff\", " INPUT REST, DD_FORMAT, "not valid UTF-8"},
    {FORMAT "\"name\": \"\xed\xa0\x80\", " INPUT REST, DD_FORMAT, "not valid UTF-8"},
    {FORMAT "\"name\": \"t\", \"lairs\": 3, " INPUT REST, DD_FORMAT,
     "\"lairs\" is not known here; known: deepdigits, name, input, preparation, classes, layers"},
    {FORMAT "\"name\": \"t\", \"name\": \"u\", " INPUT REST, DD_FORMAT, "\"name\" is given twice"},
    /* the image */
    {FORMAT "\"name\": \"t\", " REST, DD_FORMAT, "\"input\": expected an object with height"},
    {FORMAT "\"name\": \"t\", \"input\": {\"height\": 8, \"width\": 6}, " REST, DD_FORMAT,
     "\"input\": \"channels\" is missing"},
    {FORMAT "\"name\": \"t\", \"input\": {\"height\": 0, \"width\": 6, \"channels\": 1}, " REST,
     DD_FORMAT, "\"input\": \"height\": expected a whole number from 1 to 65536, found 0"},
    {FORMAT "\"name\": \"t\", \"input\": {\"height\": 1.5, \"width\": 6, \"channels\": 1}, " REST,
     DD_FORMAT, "found 1.5"},
    {FORMAT "\"name\": \"t\", \"input\": {\"height\": 65536, \"width\": 65536, \"channels\": "
            "65536}, " REST,
     DD_FORMAT, "\"input\": 281474976710656 numbers an image are more than"},
    /* preparation and classes */
    {HEAD "\"preparation\": 3, " REST, DD_FORMAT, "\"preparation\": expected an object"},
    {HEAD "\"preparation\": {\"scale\": 1}, " REST, DD_FORMAT,
     "\"preparation\": \"shift\" is missing"},
    {HEAD "\"preparation\": {\"scale\": 1e300, \"shift\": 0}, " REST, DD_FORMAT,
     "\"preparation\": \"scale\": expected a number that fits"},
    {HEAD "\"preparation\": {\"scale\": 0, \"shift\": 0}, " REST, DD_FORMAT,
     "\"preparation\": \"scale\": expected a number that is not 0"},
    {HEAD "\"preparation\": {\"scale\": [1, 2], \"shift\": 0}, " REST, DD_FORMAT,
     "\"scale\": expected a number, or one for each of 3 channels (at most 4), found a list of 2"},
    {HEAD "\"preparation\": {\"scale\": [1, 2, 0], \"shift\": 0}, " REST, DD_FORMAT,
     "\"scale\": expected a number that is not 0"},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": [1, 2, \"a\"]}, " REST, DD_FORMAT,
     "\"shift\": expected a number that fits"},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": 0, \"crop\": 1}, " REST, DD_FORMAT,
     "\"crop\": expected true or false"},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": 0, \"resize\": 9}, " REST, DD_FORMAT,
     "\"resize\": expected \"crop\": true beside it"},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": 0, \"crop\": true, \"resize\": 5}, " REST,
     DD_FORMAT, "\"resize\""},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": 0, \"digits\": 1}, " REST, DD_FORMAT,
     "\"digits\": expected true or false"},
    {HEAD "\"preparation\": {\"scale\": 1, \"shift\": 0, \"digits\": true}, " REST, DD_FORMAT,
     "\"digits\": expected one channel, and no \"crop\""},
    {HEAD "\"classes\": \"01\", " REST, DD_FORMAT, "\"classes\": expected a list of names"},
    {HEAD "\"classes\": [\"0\", 1], " REST, DD_FORMAT, "\"classes\": expected a list of names"},
    {HEAD "\"classes\": [\"0\", \"1\", \"2\"], " REST, DD_SHAPE,
     "\"classes\": 3 names for the 4 numbers of the last layer"},
    /* tensors in place of an image */
    {TENSORS("3", Y), DD_FORMAT, "\"inputs\": expected an object"},
    {TENSORS(X ", " X, Y), DD_FORMAT, "\"inputs\": \"x\" is there twice"},
    {TENSORS(X, Y ", " Y), DD_FORMAT, "\"outputs\": \"y\" is there twice"},
    {TENSORS(X, Y ", {\"name\": \"z\", \"layer\": \"s\", \"shape\": [2]}"), DD_FORMAT,
     "\"outputs\": there is no layer \"s\""},
    {TENSORS("{\"name\": \"x\", \"shape\": [0.5]}", Y), DD_FORMAT,
     "\"shape\": expected whole numbers from 1 on"},
    /* layers */
    {HEAD "\"layers\": []}", DD_FORMAT, "\"layers\": expected a list of layers"},
    {HEAD "\"layers\": {}}", DD_FORMAT, "\"layers\": expected a list of layers"},
    {NETWORK("3"), DD_FORMAT, "layer 1: expected an object"},
    {NETWORK("{\"name\": \"a\"}"), DD_FORMAT, "layer 1 \"a\": \"op\" is missing"},
    {NETWORK("{\"op\": \"convolute\"}"), DD_FORMAT,
     "layer 1: \"convolute\" is not a layer; known: conv2d, "},
    {NETWORK("{\"op\": \"gather\"}"), DD_FORMAT, "layer 1: \"gather\" is not a layer"},
    {NETWORK("{\"op\": \"reduce\", \"kind\": \"sum\", \"axes\": [1, 4]}"), DD_SHAPE,
     "layer 1 \"reduce1\": there is no axis 4 of 4 dimensions"},
    {NETWORK("{\"op\": \"reduce\", \"kind\": \"sum\", \"axes\": [1, 1]}"), DD_SHAPE,
     "layer 1 \"reduce1\": axis 1 is given twice"},
    {NETWORK("{\"op\": \"normalize\", \"axes\": []}"), DD_SHAPE,
     "layer 1 \"normalize1\": expected at least one axis, found none"},
    {NETWORK("{\"op\": \"resize\", \"height\": 8, \"width\": 6, \"scale_width\": 1e-9}"), DD_SHAPE,
     "layer 1 \"resize1\": expected a scale of 0 or at least"},
    {NETWORK("{\"op\": \"resize\", \"height\": 16777216, \"width\": 16777216}"), DD_SHAPE,
     "numbers are more than 2147483647"},
    {NETWORK(
         "{\"op\": \"reshape\", \"shape\": [1, 144, 1], \"name\": \"c\", \"whole\": true},"
         "{\"op\": \"resize\", \"inputs\": [\"input\"], \"height\": 60000, \"width\": 10000},"
         "{\"op\": \"reshape\", \"shape\": [1, 1800000000, 1], \"whole\": true, \"name\": \"d\"},"
         "{\"op\": \"matmul\", \"inputs\": [\"d\", \"c\"], \"transpose_b\": true}"),
     DD_SHAPE, "layer 4 \"matmul1\": 1800000000x144 numbers are more than"},
    {NETWORK("{\"op\": \"conv2d_transpose\", \"filters\": 1048576, \"kernel\": 1024}"), DD_SHAPE,
     "3298534883328 parameters are more than fit"},
    {NETWORK("{\"op\": \"conv2d_transpose\", \"filters\": 1048576, \"kernel\": 1,"
             "\"stride\": 1024}"),
     DD_SHAPE, "numbers are more than 2147483647"},
    {NETWORK("{\"op\": \"matmul\"}"), DD_SHAPE, "matmul takes 2 to 2 inputs, found 1"},
    {NETWORK("{\"op\": \"flatten\", \"name\": \"a b\"}"), DD_FORMAT,
     "layer 1 \"a b\": \"name\": expected 1 to 100 letters, digits, '_', '.' or '-', found \"a "
     "b\""},
    {NETWORK("{\"op\": \"flatten\", \"name\": 3}"), DD_FORMAT, "\"name\": expected a string"},
    {NETWORK("{\"op\": \"flatten\", \"name\": \"input\"}"), DD_FORMAT, "is the name of the image"},
    {NETWORK("{\"op\": \"flatten\", \"name\": \"a\"}, {\"op\": \"softmax\", \"name\": \"a\"}"),
     DD_FORMAT, "layer 2 \"a\": \"name\": an earlier layer is called \"a\" too"},
    {NETWORK("{\"op\": \"flatten\", \"name\": \"dense2\"}, {\"op\": \"dense\", \"units\": 3},"
             "{\"op\": \"dense\", \"units\": 3}"),
     DD_FORMAT, "layer 3 \"dense2\": \"name\": an earlier layer is called \"dense2\" too"},
    {NETWORK("{\"op\": \"add\", \"inputs\": \"input\"}"), DD_FORMAT,
     "layer 1 \"add1\": \"inputs\": expected a list of layers' names"},
    {NETWORK("{\"op\": \"add\", \"inputs\": [\"input\", \"later\"]}, {\"op\": \"flatten\", "
             "\"name\": \"later\"}"),
     DD_FORMAT,
     "layer 1 \"add1\": \"inputs\": \"later\" is neither an earlier layer nor \"input\""},
    {NETWORK("{\"op\": \"add\", \"inputs\": [\"input\"]}"), DD_SHAPE,
     "layer 1 \"add1\": add takes 2 to 2"},
    {NETWORK("{\"op\": \"global_max_pool\", \"inputs\": [\"input\", \"input\"]}"), DD_SHAPE,
     "layer 1 \"global_max_pool1\": \"inputs\": expected at most 1, found 2"},
    {NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"units\": 3, \"inputs\": [\"flatten1\", "
             "\"flatten1\"]}"),
     DD_SHAPE, "layer 2 \"dense1\": "},
    {NETWORK(
         "{\"op\": \"flatten\", \"name\": \"a\"}, {\"op\": \"flatten\", \"inputs\": [\"input\"]},"
         "{\"op\": \"dense\", \"units\": 3}"),
     DD_FORMAT, "layer 1 \"a\": no later layer reads it"},
    /* views, which are rows of the batch until they are stacked */
    {NETWORK("{\"op\": \"views\", \"shift\": 1}" END), DD_SHAPE,
     "the last layer \"softmax1\" gives 5 rows for one image: expected stack_views"},
    {NETWORK("{\"op\": \"views\", \"zoom\": 0.1}, {\"op\": \"arithmetic\", \"kind\": \"add\","
             "\"inputs\": [\"views1\", \"input\"]}" END),
     DD_SHAPE, "layer 2 \"arithmetic1\": it reads 3 views of each image, and 1"},
    {NETWORK("{\"op\": \"views\", \"zoom\": 0.1}, {\"op\": \"stack_views\", \"count\": 2}" END),
     DD_SHAPE, "layer 2 \"stack_views1\": expected 2 views of each image, found 3x8x6x3"},
    {NETWORK("{\"op\": \"views\", \"zoom\": 1.5}" END), DD_FORMAT,
     "layer 1 \"views1\": \"zoom\": expected a number from 0 to 0.99, found 1.5"},
    {NETWORK("{\"op\": \"views\"}" END), DD_SHAPE,
     "layer 1 \"views1\": expected a shift, a rotation or a zoom above 0"},
    /* attributes */
    {NETWORK("{\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"d\"}"), DD_FORMAT,
     "layer 2 \"d\": \"units\" is missing: "},
    {NETWORK(CONV "\"kernel\": 3, \"fliters\": 3}" END), DD_FORMAT,
     "layer 1 \"conv2d1\": \"fliters\" is not known here; known: filters, kernel, stride, "
     "padding, "},
    {NETWORK(CONV "\"kernel\": 3, \"kernel\": 3}" END), DD_FORMAT, "\"kernel\" is given twice"},
    {NETWORK("{\"op\": \"flatten\", \"units\": 3}" END), DD_FORMAT,
     "layer 1 \"flatten1\": \"units\" is not known here; known: name, inputs, op"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 0, \"kernel\": 3}" END), DD_FORMAT,
     "\"filters\": expected a whole number from 1 to 1048576, found 0"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 1.5, \"kernel\": 3}" END), DD_FORMAT, "found 1.5"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 1e99, \"kernel\": 3}" END), DD_FORMAT,
     "found 1e+99"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": \"8\", \"kernel\": 3}" END), DD_FORMAT,
     "found \"8\""},
    {NETWORK(CONV "\"kernel\": [3]}" END), DD_FORMAT,
     "\"kernel\": expected a number or a list of 2, found a list"},
    {NETWORK(CONV "\"kernel\": [3, -1]}" END), DD_FORMAT, "found -1"},
    {NETWORK(CONV "\"kernel\": null}" END), DD_FORMAT, "found null"},
    {NETWORK(CONV "\"kernel\": 3, \"padding\": \"full\"}" END), DD_FORMAT,
     "\"padding\": expected \"valid\", \"same\", a number or [top, left, bottom, right], found "
     "\"full\""},
    {NETWORK(CONV "\"kernel\": 3, \"padding\": [1, 2]}" END), DD_FORMAT, "or a list of 4"},
    {NETWORK(CONV "\"kernel\": 3, \"bias\": 1}" END), DD_FORMAT,
     "\"bias\": expected true or false, found 1"},
    {NETWORK(CONV "\"kernel\": 3, \"activation\": \"rellu\"}" END), DD_FORMAT,
     "\"activation\": expected one of linear, relu, "},
    {NETWORK("{\"op\": \"dropout\", \"rate\": 1.5}" END), DD_FORMAT,
     "\"rate\": expected a number from 0 to "},
    {NETWORK("{\"op\": \"transpose\", \"order\": [0, 3, -1, 2]}" END), DD_FORMAT,
     "\"order\": expected a whole number from 0 to 5, found -1"},
    {NETWORK("{\"op\": \"pad\", \"after\": [0, 2147483000, 2147483000, 2147483000]}" END), DD_SHAPE,
     "layer 1 \"pad1\": 1x2147483008x2147483006x2147483003 numbers are more than 2147483647"},
    {NETWORK("{\"op\": \"reshape\", \"shape\": 3}" END), DD_FORMAT,
     "\"shape\": expected a list of at most 6 numbers, found 3"},
    {NETWORK("{\"op\": \"reshape\", \"shape\": [1,1,1,1,1,1,1]}" END), DD_FORMAT,
     "at most 6 numbers"},
    /* shapes */
    {NETWORK("{\"op\": \"max_pool\", \"kernel\": 2}, {\"op\": \"conv2d\", \"name\": \"c\", "
             "\"filters\": 2,"
             "\"kernel\": 5}" END),
     DD_SHAPE, "layer 2 \"c\": kernel 5x5 does not fit input 4x3"},
    {NETWORK("{\"op\": \"concat\", \"axis\": 0, \"inputs\": [\"input\", \"input\"]}" END), DD_SHAPE,
     "layer 1 \"concat1\": its output is 2x8x6x3: expected a batch of 1"},
    {NETWORK("{\"op\": \"reshape\", \"shape\": [5, 5]}" END), DD_SHAPE, "layer 1 \"reshape1\": "},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 4, \"kernel\": 1, \"groups\": 2}" END), DD_SHAPE,
     "layer 1 \"conv2d1\": 2 groups do not divide 3 channels"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 2, \"kernel\": 1}"), DD_SHAPE,
     "the last layer \"conv2d1\" gives 1x8x6x2 for one image: expected one number a class"},
    {NETWORK("{\"op\": \"conv2d\", \"filters\": 1048576, \"kernel\": 1}, {\"op\": \"conv2d\","
             "\"name\": \"c\", \"filters\": 1048576, \"kernel\": 1}" END),
     DD_SHAPE, "layer 2 \"c\": "},
};

static void test_every_mistake_is_named_with_its_place(void **state) {
    (void)state;
    for (size_t i = 0; i < DD_COUNT(mistakes); i++) {
        dd_model *model = NULL;
        dd_status status = load_text(mistakes[i].text, &model);
        if (status != mistakes[i].status)
            print_error("%s gave %s: %s\n", mistakes[i].text, dd_status_name(status), dd_message());
        assert_int_equal(status, mistakes[i].status);
        assert_message_has(mistakes[i].message);
        assert_message_has("network.json: ");
        assert_null(strstr(dd_message(), "\n"));
        assert_null(model);
    }
}

static void test_place_of_a_layer_is_not_said_twice(void **state) {
    (void)state;
    dd_model *model;
    load_text(NETWORK("{\"op\": \"conv2d\", \"name\": \"c\", \"filters\": 2, \"kernel\": 9}" END),
              &model);
    char expected[512];
    snprintf(expected, sizeof expected, "%s: layer 1 \"c\": kernel 9x9 does not fit input 8x6",
             in_folder("network.json"));
    assert_memory_equal(dd_message(), expected, strlen(expected));
}

static void test_network_of_too_many_layers_is_refused(void **state) {
    (void)state;
    size_t room = 128 * 1024;
    char *text = calloc(room, 1);
    assert_non_null(text);
    strcpy(text, HEAD "\"layers\": [{\"op\": \"flatten\"}");
    char *end = text + strlen(text);
    for (int i = 0; i < DD__NETWORK_LAYERS; i++) {
        memcpy(end, ",{\"op\": \"flatten\"}", 18);
        end += 18;
    }
    strcpy(end, "]}");
    dd_model *model;
    assert_int_equal(load_text(text, &model), DD_FORMAT);
    assert_message_has("\"layers\": 4001 layers are more than 4000");
    free(text);
}

static void test_network_file_larger_than_a_megabyte_is_refused(void **state) {
    (void)state;
    size_t size = DD__NETWORK_BYTES + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    assert_fine(dd__file_write(in_folder("large.json"), text, size));
    assert_fine(dd__file_write(in_folder("large"), text, size));
    dd_model *model;
    assert_int_equal(dd_model_load(in_folder("large.json"), &model), DD_IO);
    assert_message_has("larger than 1048576 bytes");
    assert_int_equal(dd_model_load(in_folder("large"), &model), DD_FORMAT);
    assert_message_has("neither a model (.safetensors) nor a network");
    free(text);
}

static void test_missing_file_and_folder_are_named(void **state) {
    (void)state;
    dd_model *model;
    assert_int_equal(dd_model_load("models/none.json", &model), DD_IO);
    assert_message_has("models/none.json: cannot open");
    assert_int_equal(dd_model_load("models", &model), DD_IO);
    assert_message_has("models: expected a file, found a folder");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seed_has_the_known_counts),
        cmocka_unit_test(test_seed_layers_have_shapes_settings_and_costs),
        cmocka_unit_test(test_all_shipped_networks_load),
        cmocka_unit_test(test_names_classes_and_preparation_have_defaults),
        cmocka_unit_test(test_given_classes_and_preparation_are_used),
        cmocka_unit_test(test_a_model_says_what_it_was_trained_on),
        cmocka_unit_test(test_a_preparation_may_differ_by_channel),
        cmocka_unit_test(test_pairs_take_one_number_or_two),
        cmocka_unit_test(test_padding_takes_a_word_a_number_or_four_edges),
        cmocka_unit_test(test_bool_and_list_are_read),
        cmocka_unit_test(test_lists_may_hold_zeros),
        cmocka_unit_test(test_layers_over_axes_and_of_matrices_have_shapes),
        cmocka_unit_test(test_logits_are_what_the_closing_softmax_reads),
        cmocka_unit_test(test_without_closing_softmax_the_last_value_is_the_logits),
        cmocka_unit_test(test_dropout_adds_nodes_to_a_training_graph_alone),
        cmocka_unit_test(test_inputs_name_earlier_layers_or_the_image),
        cmocka_unit_test(test_graph_of_other_images_is_refused),
        cmocka_unit_test(test_every_mistake_is_named_with_its_place),
        cmocka_unit_test(test_place_of_a_layer_is_not_said_twice),
        cmocka_unit_test(test_network_of_too_many_layers_is_refused),
        cmocka_unit_test(test_network_file_larger_than_a_megabyte_is_refused),
        cmocka_unit_test(test_missing_file_and_folder_are_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
