/* The model file, and tensors between file, model and graph. */
#include "files.h"

#include <math.h>

#include "base/json.h"
#include "model/safetensors.h"

static const char tiny_text[] =
    "{\"deepdigits\": \"network 1\", \"name\": \"tiny\","
    "\"input\": {\"height\": 4, \"width\": 4, \"channels\": 1}, \"layers\": ["
    "{\"op\": \"conv2d\", \"name\": \"conv\", \"filters\": 2, \"kernel\": 3},"
    "{\"op\": \"batch_norm\", \"name\": \"norm\"}, {\"op\": \"flatten\"},"
    "{\"op\": \"dense\", \"name\": \"logits\", \"units\": 3}, {\"op\": \"softmax\"}]}";

static dd_model *tiny(uint64_t seed) {
    dd_model *model;
    assert_fine(load_text(tiny_text, &model));
    if (seed) assert_fine(dd_model_initialize(model, seed));
    return model;
}

static const dd__tensor *tensor(const dd_model *model, const char *name) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, name) == 0) return &model->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void assert_same_tensors(const dd_model *a, const dd_model *b) {
    assert_int_equal(a->tensor_count, b->tensor_count);
    for (size_t i = 0; i < a->tensor_count; i++) {
        assert_string_equal(a->tensors[i].name, b->tensors[i].name);
        assert_true(dd__dims_equal(&a->tensors[i].dims, &b->tensors[i].dims));
        assert_memory_equal(a->tensors[i].data, b->tensors[i].data,
                            4 * dd__dims_count(&a->tensors[i].dims));
    }
}

static void assert_same_files(const char *a, const char *b) {
    size_t size_a, size_b;
    char *bytes_a = read_whole(a, &size_a), *bytes_b = read_whole(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(bytes_a, bytes_b, size_a);
    dd__free(bytes_a);
    dd__free(bytes_b);
}

/* ---- Initial values
 * ------------------------------------------------------------------------------ */

static void test_initial_values_are_those_of_the_layers(void **state) {
    (void)state;
    dd_model *model = tiny(3);
    static const char *const order[] = {"conv.weight", "conv.bias",     "norm.gamma",
                                        "norm.beta",   "logits.weight", "logits.bias",
                                        "norm.mean",   "norm.variance"};
    assert_int_equal(model->tensor_count, DD_COUNT(order));
    for (size_t i = 0; i < DD_COUNT(order); i++)
        assert_string_equal(model->tensors[i].name, order[i]);
    const dd__tensor *weight = tensor(model, "conv.weight");
    assert_int_equal(dd__dims_count(&weight->dims), 18);
    double limit = sqrt(6.0 / (9 + 18)), largest = 0;
    for (size_t i = 0; i < 18; i++) largest = fmax(largest, fabs((double)weight->data[i]));
    assert_true(largest <= limit);
    assert_true(largest >= limit / 2);
    assert_true(tensor(model, "conv.bias")->data[1] == 0.0f);
    assert_true(tensor(model, "norm.gamma")->data[1] == 1.0f);
    assert_true(tensor(model, "norm.mean")->data[1] == 0.0f);
    assert_true(tensor(model, "norm.variance")->data[1] == 1.0f);
    dd_model_free(model);
}

static void test_seed_alone_decides_the_initial_values(void **state) {
    (void)state;
    dd_model *a = tiny(5), *b = tiny(5), *c = tiny(6);
    assert_same_tensors(a, b);
    assert_memory_not_equal(a->tensors[0].data, c->tensors[0].data, 18 * sizeof(float));
    assert_fine(dd_model_initialize(c, 5));
    assert_same_tensors(a, c);
    dd_model_free(a);
    dd_model_free(b);
    dd_model_free(c);
}

/* ---- Save and load
 * ------------------------------------------------------------------------------- */

static void test_saved_model_loads_with_the_same_tensors(void **state) {
    (void)state;
    dd_model *model = tiny(7), *loaded;
    model->tensors[0].data[0] = NAN; /* bits, not values, are kept */
    model->tensors[0].data[1] = -0.0f;
    model->tensors[0].data[2] = 1e-42f;
    assert_fine(dd_model_save(model, in_folder("a.safetensors")));
    assert_fine(dd_model_load(in_folder("a.safetensors"), &loaded));
    assert_same_tensors(model, loaded);
    dd_model_info info;
    dd_model_describe(loaded, &info);
    assert_string_equal(info.name, "tiny");
    assert_string_equal(dd_model_class_name(loaded, 2), "2");
    assert_true(loaded->preparation.scale[0] == model->preparation.scale[0]);
    dd_model_free(model);
    dd_model_free(loaded);
}

static void test_saving_again_gives_the_same_bytes(void **state) {
    (void)state;
    dd_model *model = tiny(7), *loaded;
    assert_fine(dd_model_save(model, in_folder("a.safetensors")));
    assert_fine(dd_model_save(model, in_folder("b.safetensors")));
    assert_same_files(in_folder("a.safetensors"), in_folder("b.safetensors"));
    assert_fine(dd_model_load(in_folder("a.safetensors"), &loaded));
    assert_fine(dd_model_save(loaded, in_folder("b.safetensors")));
    assert_same_files(in_folder("a.safetensors"), in_folder("b.safetensors"));
    dd_model_free(model);
    dd_model_free(loaded);
}

static void test_model_is_known_by_content_whatever_its_name(void **state) {
    (void)state;
    dd_model *model = tiny(7), *loaded;
    assert_fine(dd_model_save(model, in_folder("model")));
    assert_fine(dd_model_load(in_folder("model"), &loaded));
    assert_same_tensors(model, loaded);
    dd_model_free(loaded);
    assert_fine(dd__file_write(in_folder("network"), tiny_text, strlen(tiny_text)));
    assert_fine(dd_model_load(in_folder("network"), &loaded));
    assert_false(dd_model_has_tensors(loaded));
    dd_model_free(model);
    dd_model_free(loaded);
}

static void test_network_without_tensors_is_not_saved(void **state) {
    (void)state;
    dd_model *model = tiny(0);
    assert_int_equal(dd_model_save(model, in_folder("none.safetensors")), DD_USAGE);
    assert_message_has("network \"tiny\" was neither initialised nor trained");
    assert_false(dd__is_file(in_folder("none.safetensors")));
    dd_model_free(model);
}

static void test_failed_save_leaves_no_file(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    int before = count_files(0);
    assert_int_equal(dd_model_save(model, in_folder("missing/a.safetensors")), DD_IO);
    assert_message_has("missing/a.safetensors: cannot write");
    assert_int_equal(dd_model_save(model, test_folder), DD_IO);
    assert_int_equal(count_files(0), before);
    dd_model_free(model);
}

static void test_transfer_gives_the_tensors_that_fit(void **state) {
    (void)state;
    size_t taken, all;
    dd_model *from = tiny(1), *model = tiny(2), *other, *empty;
    assert_fine(dd_model_transfer(model, from, &taken, &all));
    assert_int_equal(taken, all);
    assert_int_equal(all, model->tensor_count);
    assert_same_tensors(model, from);
    /* another network, of which one tensor has the name and the shape */
    assert_fine(dd_model_load("models/small.json", &empty));
    assert_int_equal(dd_model_transfer(empty, from, &taken, &all), DD_USAGE);
    assert_message_has("has no weights");
    assert_fine(dd_model_load("models/lenet5.json", &other));
    assert_fine(dd_model_initialize(empty, 3));
    assert_fine(dd_model_initialize(other, 3));
    assert_fine(dd_model_transfer(other, empty, &taken, &all));
    assert_int_equal(taken, 1); /* logits.bias */
    assert_int_equal(dd_model_transfer(other, from, &taken, &all), DD_USAGE);
    assert_message_has("no tensor of");
    dd_model_free(from);
    dd_model_free(model);
    dd_model_free(other);
    dd_model_free(empty);
}

static void test_twin_has_the_network_and_no_tensors(void **state) {
    (void)state;
    dd_model *model = tiny(1), *twin;
    assert_fine(dd__model_twin(model, &twin));
    assert_true(dd__model_same_network(model, twin));
    assert_false(dd_model_has_tensors(twin));
    dd__model_swap_tensors(model, twin);
    assert_true(dd_model_has_tensors(twin));
    assert_false(dd_model_has_tensors(model));
    dd_model_free(model);
    dd_model_free(twin);
}

static void test_shipped_seed_survives_save_and_load(void **state) {
    (void)state;
    dd_model *model, *loaded;
    assert_fine(dd_model_load("models/seed.json", &model));
    assert_fine(dd_model_initialize(model, 42));
    assert_fine(dd_model_save(model, in_folder("seed.safetensors")));
    assert_fine(dd_model_load(in_folder("seed.safetensors"), &loaded));
    assert_same_tensors(model, loaded);
    dd_model_free(model);
    dd_model_free(loaded);
}

/* ---- Files that are not the model they claim to be
 * --------------------------------------------------- */

/* Writes the tiny model with other pairs or tensors, and sees it refused. */
static void refuse(const char *const pairs[][2], size_t pair_count, const dd__tensor *tensors,
                   size_t count, dd_status status, const char *reason) {
    const char *path = in_folder("bad.safetensors");
    dd_model *model = NULL;
    assert_fine(dd__safetensors_write(path, pairs, pair_count, tensors, count));
    assert_int_equal(dd_model_load(path, &model), status);
    assert_message_has(reason);
    assert_message_has(path);
    assert_null(model);
}

static void test_file_of_another_program_is_refused(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    const char *const foreign[][2] = {{"format", "pt"}};
    const char *const later[][2] = {{"deepdigits", "model 2"}, {"network", tiny_text}};
    const char *const alone[][2] = {{"deepdigits", "model 1"}};
    refuse(foreign, 1, model->tensors, 8, DD_FORMAT,
           "no \"deepdigits\" in the metadata: expected a model of deepdigits, found 8 tensors "
           "without a network");
    refuse(NULL, 0, model->tensors, 8, DD_FORMAT, "no \"deepdigits\" in the metadata");
    refuse(later, 2, model->tensors, 8, DD_FORMAT, "expected \"model 1\", found \"model 2\"");
    refuse(alone, 1, model->tensors, 8, DD_FORMAT, "no \"network\" in the metadata");
    dd_model_free(model);
}

static void test_bad_network_in_a_model_is_named(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    const char *const pairs[][2] = {{"deepdigits", "model 1"}, {"network", "{\"x\":"}};
    refuse(pairs, 2, model->tensors, 8, DD_FORMAT, "bad.safetensors: network: line 1, column");
    dd_model_free(model);
}

static void test_missing_extra_and_misshapen_tensors_are_named(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    const char *const pairs[][2] = {{"deepdigits", "model 1"}, {"network", tiny_text}};
    dd__tensor tensors[9];
    memcpy(tensors, model->tensors, 8 * sizeof *tensors);
    refuse(pairs, 2, tensors, 7, DD_FORMAT, "tensor \"norm.variance\" (2) is missing");
    tensors[8] = tensors[0];
    char other[] = "conv.weights";
    tensors[8].name = other;
    refuse(pairs, 2, tensors, 9, DD_FORMAT,
           "tensor \"conv.weights\" does not belong to the network");
    tensors[0].dims = DD_DIMS(3, 3, 2, 1);
    refuse(pairs, 2, tensors, 8, DD_SHAPE,
           "tensor \"conv.weight\": expected 3x3x1x2, found 3x3x2x1");
    dd_model_free(model);
}

static void test_tensor_of_another_type_is_refused(void **state) {
    (void)state;
    dd_model *model = tiny(7), *loaded;
    const char *path = in_folder("i32.safetensors");
    assert_fine(dd_model_save(model, path));
    size_t size;
    char *bytes = read_whole(path, &size), *at = NULL;
    for (size_t i = 0; i + 3 < size && !at; i++)
        if (memcmp(bytes + i, "F32", 3) == 0) at = bytes + i;
    assert_non_null(at);
    *at = 'I';
    assert_fine(dd__file_write(path, bytes, size));
    assert_int_equal(dd_model_load(path, &loaded), DD_FORMAT);
    assert_message_has("tensor \"conv.weight\": expected F32, found I32");
    dd__free(bytes);
    dd_model_free(model);
}

/* ---- Between a model and a graph
 * ------------------------------------------------------------------------ */

typedef struct stretches {
    dd__graph *graph;
    float *parameters, *statistics;
} stretches;

static stretches stretch(const dd_model *model, bool training) {
    stretches s;
    dd__value *x, *logits, *y;
    assert_fine(dd__graph_create(training, 1, &s.graph));
    assert_fine(dd__graph_input(s.graph, "x", DD__F32, DD_DIMS(2, 4, 4, 1), &x));
    assert_fine(dd__model_build(model, s.graph, x, NULL, &logits, &y));
    size_t parameters = dd__value_bytes(s.graph->parameters);
    size_t statistics = dd__value_bytes(s.graph->statistics);
    s.parameters = malloc(parameters);
    s.statistics = malloc(statistics);
    assert_non_null(s.parameters);
    assert_non_null(s.statistics);
    memset(s.parameters, 0xAB, parameters);
    memset(s.statistics, 0xAB, statistics);
    return s;
}

static void release(stretches *s) {
    dd__graph_free(s->graph);
    free(s->parameters);
    free(s->statistics);
}

static void test_store_puts_tensors_at_their_offsets_and_zeros_between(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    stretches s = stretch(model, true);
    assert_fine(dd__model_store(model, s.graph, s.parameters, s.statistics));
    const dd__value *weight = dd__graph_find(s.graph, "logits.weight");
    assert_memory_equal((char *)s.parameters + weight->offset, tensor(model, "logits.weight")->data,
                        dd__value_bytes(weight));
    const dd__value *variance = dd__graph_find(s.graph, "norm.variance");
    assert_true(*(float *)((char *)s.statistics + variance->offset) == 1.0f);
    const dd__value *bias = dd__graph_find(s.graph, "conv.bias");
    const char *behind = (char *)s.parameters + bias->offset + dd__value_bytes(bias);
    for (size_t i = 0; i < DD__ALIGNMENT - dd__value_bytes(bias); i++)
        assert_int_equal(behind[i], 0);
    release(&s);
    dd_model_free(model);
}

static void test_fetch_brings_back_what_store_put(void **state) {
    (void)state;
    dd_model *model = tiny(7), *other = tiny(0);
    stretches s = stretch(model, true);
    assert_fine(dd__model_store(model, s.graph, s.parameters, s.statistics));
    assert_fine(dd__model_fetch(other, s.graph, s.parameters, s.statistics));
    assert_same_tensors(model, other);
    s.parameters[0] = 123;
    assert_fine(dd__model_fetch(other, s.graph, s.parameters, s.statistics));
    assert_true(tensor(other, "conv.weight")->data[0] == 123.0f);
    release(&s);
    dd_model_free(model);
    dd_model_free(other);
}

static void test_training_and_inference_graphs_have_the_same_stretches(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    stretches a = stretch(model, true), b = stretch(model, false);
    assert_fine(dd__model_store(model, a.graph, a.parameters, a.statistics));
    assert_fine(dd__model_store(model, b.graph, b.parameters, b.statistics));
    assert_int_equal(dd__value_bytes(a.graph->parameters), dd__value_bytes(b.graph->parameters));
    assert_memory_equal(a.parameters, b.parameters, dd__value_bytes(a.graph->parameters));
    assert_memory_equal(a.statistics, b.statistics, dd__value_bytes(a.graph->statistics));
    release(&a);
    release(&b);
    dd_model_free(model);
}

static void test_store_names_the_tensor_that_does_not_fit(void **state) {
    (void)state;
    dd_model *model = tiny(7), *empty = tiny(0);
    stretches s = stretch(model, false);
    assert_int_equal(dd__model_store(empty, s.graph, s.parameters, s.statistics), DD_SHAPE);
    assert_message_has(
        "has no tensor \"conv.weight\": it was neither loaded, initialised nor trained");
    model->tensors[1].dims = DD_DIMS(1);
    assert_int_equal(dd__model_store(model, s.graph, s.parameters, s.statistics), DD_SHAPE);
    assert_message_has("tensor \"conv.bias\": expected 2, found 1");
    model->tensors[1].dims = DD_DIMS(2);
    model->tensors[1].name[0] = 'k';
    assert_int_equal(dd__model_store(model, s.graph, s.parameters, s.statistics), DD_SHAPE);
    assert_message_has("no tensor \"conv.bias\"");
    release(&s);
    dd_model_free(model);
    dd_model_free(empty);
}

static void test_store_and_fetch_refuse_a_graph_of_another_network(void **state) {
    (void)state;
    dd_model *model = tiny(7), *other;
    assert_fine(load_text("{\"deepdigits\": \"network 1\", \"name\": \"other\","
                          "\"input\": {\"height\": 4, \"width\": 4, \"channels\": 1}, \"layers\": ["
                          "{\"op\": \"conv2d\", \"name\": \"conv\", \"filters\": 2, \"kernel\": 3},"
                          "{\"op\": \"batch_norm\", \"name\": \"norm\"}, {\"op\": \"flatten\"}]}",
                          &other));
    stretches s = stretch(other, false);
    assert_int_equal(dd__model_store(model, s.graph, s.parameters, s.statistics), DD_SHAPE);
    assert_message_has("tensor \"logits.weight\" does not belong to the graph");
    dd_model *before = tiny(7);
    assert_int_equal(dd__model_fetch(model, s.graph, s.parameters, s.statistics), DD_SHAPE);
    assert_message_has("network \"tiny\" has 55 parameters and statistics, the graph 28");
    assert_same_tensors(model, before);
    release(&s);
    dd_model_free(model);
    dd_model_free(before);
    dd_model_free(other);
}

/* ---- Damage
 * ------------------------------------------------------------------------------------------------- */

static void load_damaged(const char *bytes, size_t size) {
    const char *path = in_folder("damaged.safetensors");
    FILE *file = fopen(path, "wb"); /* not dd__file_write, which waits for the disk each time */
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    dd_model *model = NULL;
    dd_status status = dd_model_load(path, &model);
    if (status == DD_OK) {
        dd_model_free(model);
        return;
    }
    assert_true(status == DD_FORMAT || status == DD_SHAPE);
    assert_message_has(path);
}

static void test_every_truncation_is_refused(void **state) {
    (void)state;
    dd_model *model = tiny(7), *loaded = NULL;
    const char *path = in_folder("a.safetensors");
    assert_fine(dd_model_save(model, path));
    size_t size;
    char *bytes = read_whole(path, &size);
    for (size_t i = 0; i < size; i++) {
        dd__safetensors file;
        assert_int_equal(dd__safetensors_parse(bytes, i, &file), DD_FORMAT);
    }
    assert_fine(dd__file_write(path, bytes, size - 1));
    assert_int_equal(dd_model_load(path, &loaded), DD_FORMAT);
    assert_message_has("bytes");
    dd__free(bytes);
    dd_model_free(model);
}

/* Each byte of the header replaced by those that mean something to JSON, and by its neighbours. */
static void test_no_damaged_byte_does_harm(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    assert_fine(dd_model_save(model, in_folder("a.safetensors")));
    size_t size;
    char *bytes = read_whole(in_folder("a.safetensors"), &size);
    for (size_t i = 0; i < size; i++) {
        char kept = bytes[i];
        const char others[] = {(char)(kept ^ 1), (char)(kept ^ 0x80), 0, '9', '"', '-', ','};
        for (size_t j = 0; j < sizeof others; j++) {
            bytes[i] = others[j];
            load_damaged(bytes, size);
        }
        bytes[i] = kept;
    }
    dd__free(bytes);
    dd_model_free(model);
}

static void test_every_failing_allocation_is_reported(void **state) {
    (void)state;
    dd_model *model = tiny(7);
    const char *path = in_folder("a.safetensors");
    assert_fine(dd_model_save(model, path));
    size_t countdown = 1;
    for (dd_status status = DD_MEMORY; status != DD_OK; countdown++) {
        dd_model *loaded = NULL;
        dd__fail_allocation(countdown);
        status = dd_model_load(path, &loaded);
        dd__fail_allocation(0);
        if (status == DD_OK)
            dd_model_free(loaded);
        else
            assert_int_equal(status, DD_MEMORY);
        assert_true(countdown < 10000);
    }
    assert_true(countdown > 10);
    for (countdown = 1; countdown < 10; countdown++) {
        dd__fail_allocation(countdown);
        dd_model_initialize(model, 7);
        dd__fail_allocation(0);
        assert_true(dd_model_has_tensors(model));
    }
    dd_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_values_are_those_of_the_layers),
        cmocka_unit_test(test_seed_alone_decides_the_initial_values),
        cmocka_unit_test(test_saved_model_loads_with_the_same_tensors),
        cmocka_unit_test(test_saving_again_gives_the_same_bytes),
        cmocka_unit_test(test_model_is_known_by_content_whatever_its_name),
        cmocka_unit_test(test_network_without_tensors_is_not_saved),
        cmocka_unit_test(test_failed_save_leaves_no_file),
        cmocka_unit_test(test_transfer_gives_the_tensors_that_fit),
        cmocka_unit_test(test_twin_has_the_network_and_no_tensors),
        cmocka_unit_test(test_shipped_seed_survives_save_and_load),
        cmocka_unit_test(test_file_of_another_program_is_refused),
        cmocka_unit_test(test_bad_network_in_a_model_is_named),
        cmocka_unit_test(test_missing_extra_and_misshapen_tensors_are_named),
        cmocka_unit_test(test_tensor_of_another_type_is_refused),
        cmocka_unit_test(test_store_puts_tensors_at_their_offsets_and_zeros_between),
        cmocka_unit_test(test_fetch_brings_back_what_store_put),
        cmocka_unit_test(test_training_and_inference_graphs_have_the_same_stretches),
        cmocka_unit_test(test_store_names_the_tensor_that_does_not_fit),
        cmocka_unit_test(test_store_and_fetch_refuse_a_graph_of_another_network),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_no_damaged_byte_does_harm),
        cmocka_unit_test(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
