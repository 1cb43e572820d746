/* The picture of a network: every layer and every input is in it, and names cannot break out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "deepdigits.h"

static char path[] = "/tmp/deepdigits-diagram-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    return remove(path);
}

static char *diagram_of(const char *network) {
    dd_model *model;
    char *text;
    size_t size;
    assert_int_equal(dd_model_load(network, &model), DD_OK);
    assert_int_equal(dd_model_diagram(model, path), DD_OK);
    dd_model_free(model);
    assert_int_equal(dd__file_read(path, 1 << 20, &text, &size), DD_OK);
    return text;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (; (text = strstr(text, what)); text++) found++;
    return found;
}

static void test_every_layer_is_a_box_and_every_input_an_arrow(void **state) {
    (void)state;
    dd_model *model;
    dd_model_info info;
    size_t inputs = 0;
    assert_int_equal(dd_model_load("models/resnet-small.json", &model), DD_OK);
    dd_model_describe(model, &info);
    char *text = diagram_of("models/resnet-small.json");
    for (size_t i = 0; i < info.layers; i++) {
        dd_layer_info layer;
        assert_int_equal(dd_model_layer(model, i, &layer), DD_OK);
        assert_non_null(strstr(text, layer.name));
        inputs += layer.input_count;
    }
    assert_true(inputs > info.layers); /* it has residual connections */
    assert_int_equal(count(text, "<rect"), info.layers + 1);
    assert_int_equal(count(text, "marker-end"), inputs);
    dd__free(text);
    dd_model_free(model);
}

/* As the page's table and `inspect` have them. */
static void test_numbers_are_written_as_in_the_table(void **state) {
    (void)state;
    char *text = diagram_of("models/seed.json");
    assert_non_null(strstr(text, ">28 &#215; 28 &#215; 1<"));
    assert_non_null(strstr(text, ">24 &#215; 24 &#215; 64<"));
    assert_non_null(strstr(text, ">256<"));
    assert_non_null(strstr(text, ">204,928 parameters, 26.214 MFLOP<"));
    assert_non_null(strstr(text, ">128 parameters<")); /* batch normalization computes nothing */
    assert_non_null(strstr(text, ">639,370 parameters, 30.689 MFLOP<"));
    for (const char *at = text; *at; at++) assert_true((unsigned char)*at < 0x80);
    dd__free(text);
}

/* Small enough for a telephone, whatever the texts are. */
static void test_long_texts_are_squeezed_into_their_box(void **state) {
    (void)state;
    static const char network[] =
        "{\"deepdigits\":\"network 1\",\"name\":\"n\","
        "\"input\":{\"height\":2,\"width\":2,\"channels\":1},"
        "\"layers\":[{\"op\":\"flatten\"},{\"op\":\"dense\",\"units\":2,\"name\":"
        "\"a.name.that.is.far.longer.than.the.box.in.which.it.would.have.to.stand\"}]}";
    char file[64];
    snprintf(file, sizeof file, "%s.json", path);
    assert_int_equal(dd__file_write(file, network, sizeof network - 1), DD_OK);
    char *text = diagram_of(file);
    assert_int_equal(count(text, "textLength"), 1);
    assert_non_null(strstr(text, "viewBox=\"0 0 364 "));
    dd__free(text);
    assert_int_equal(remove(file), 0);
}

static void test_a_network_name_with_markup_is_escaped(void **state) {
    (void)state;
    static const char network[] =
        "{\"deepdigits\":\"network 1\",\"name\":\"<script>&\\\"\","
        "\"input\":{\"height\":2,\"width\":2,\"channels\":1},"
        "\"layers\":[{\"op\":\"flatten\"},{\"op\":\"dense\",\"units\":2}]}";
    char file[64];
    snprintf(file, sizeof file, "%s.json", path);
    assert_int_equal(dd__file_write(file, network, sizeof network - 1), DD_OK);
    char *text = diagram_of(file);
    assert_null(strstr(text, "<script>"));
    assert_non_null(strstr(text, "&lt;script&gt;&amp;&quot;"));
    dd__free(text);
    assert_int_equal(remove(file), 0);
}

static void test_an_unwritable_path_is_named(void **state) {
    (void)state;
    dd_model *model;
    assert_int_equal(dd_model_load("models/seed.json", &model), DD_OK);
    assert_int_equal(dd_model_diagram(model, "/nowhere/at/all.svg"), DD_IO);
    assert_non_null(strstr(dd_message(), "/nowhere/at/all.svg"));
    dd_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_layer_is_a_box_and_every_input_an_arrow),
        cmocka_unit_test(test_numbers_are_written_as_in_the_table),
        cmocka_unit_test(test_long_texts_are_squeezed_into_their_box),
        cmocka_unit_test(test_a_network_name_with_markup_is_escaped),
        cmocka_unit_test(test_an_unwritable_path_is_named),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
