/* Which instructions for small matrices a device has (src/device/matrix.c), with the one in OpenCL C, which every
 * device of groups of 32 has. */
#include "device/fixture.h"

#include "base/memory.h"

static const dd_precision formats[] = {DD_PRECISION_TF32, DD_PRECISION_BF16};

static dd_device *open_device(void) {
    dd_device *device;
    const dd_device_options options = {.kernel_class = DD_CLASS_GPU};
    assert_ok(dd_device_open(NULL, &options, &device));
    return device;
}

static void test_the_instruction_in_opencl_c_multiplies_rightly(void **state) {
    (void)state;
    dd_device *device = open_device();
    for (size_t i = 0; i < DD_COUNT(formats); i++) {
        assert_true(dd_device_has_matrix_units(device, formats[i]));
        assert_non_null(strstr(dd__device_matrix(device, formats[i]), "EMULATED"));
    }
    assert_string_equal(dd__device_matrix(device, DD_PRECISION_BF16), "-DMATRIX -DEMULATED -DBF16");
    dd_device_close(device);
}

static void test_float_and_half_are_no_formats_of_units(void **state) {
    (void)state;
    dd_device *device = open_device();
    assert_false(dd_device_has_matrix_units(device, DD_PRECISION_F32));
    assert_false(dd_device_has_matrix_units(device, DD_PRECISION_F16));
    dd_device_close(device);
}

static void test_a_processor_has_none_and_is_asked_once(void **state) {
    (void)state;
    unsetenv("DEEPDIGITS_MATRIX");
    dd_device *device = open_device();
    clear_log();
    assert_false(dd_device_has_matrix_units(device, DD_PRECISION_TF32));
    assert_true(was_logged("matrix units (-DMATRIX -DPTX -DTF32): there are none"));
    clear_log();
    assert_false(dd_device_has_matrix_units(device, DD_PRECISION_TF32));
    assert_false(was_logged("matrix units"));
    dd_device_close(device);
}

static void test_the_reference_has_none(void **state) {
    (void)state;
    dd_device *device;
    assert_ok(dd_device_open("reference", NULL, &device));
    assert_false(dd_device_has_matrix_units(device, DD_PRECISION_TF32));
    dd_device_close(device);
}

/* cl/matrix.cl with another formula, behind its own. */
static void write_with(const char *formula) {
    char *text, *wrong;
    size_t size, name = strcspn(formula, "(");
    assert_ok(dd__file_read("cl/matrix.cl", 1 << 20, &text, &size));
    char *end = strstr(text, "#if defined(PTX) && ");
    assert_non_null(end);
    wrong = dd__alloc(size + 256, 1);
    snprintf(wrong, size + 256, "%.*s#undef %.*s\n#define %s\n%s", (int)(end - text), text,
             (int)name, formula, formula, end);
    write_program("matrix", wrong);
    dd__free(wrong);
    dd__free(text);
}

/* Each formula of where an element lies is needed, and compared with what is not made of it. */
static void test_units_whose_registers_lie_otherwise_are_found_out(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "A_ROW(l, r) ((l) / 4 + (r) / 2 * 8)",  "A_WORD(l, r) ((l) % 4 + (r) % 2 * 4)",
        "B_WORD(l, r) ((l) % 4 + 4 - (r) * 4)", "B_COLUMN(l, r) (7 - (l) / 4)",
        "C_ROW(l, r) ((l) / 4 + (r) % 2 * 8)",  "C_COLUMN(l, r) ((l) % 4 * 2 + (r) / 2)",
    };
    own_folder();
    for (size_t i = 0; i < DD_COUNT(wrong); i++) {
        write_with(wrong[i]);
        dd_device *device = open_device();
        clear_log();
        for (size_t k = 0; k < DD_COUNT(formats); k++)
            if (dd_device_has_matrix_units(device, formats[k])) fail_msg("%s: found", wrong[i]);
        assert_true(was_logged("a product came out wrong"));
        dd_device_close(device);
    }
    remove_own_folder();
    unsetenv("DEEPDIGITS_CL_DIR");
}

static int emulate(void **state) {
    (void)state;
    return setenv("DEEPDIGITS_MATRIX", "emulated", 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, emulate)
    const struct CMUnitTest tests[] = {
        TEST(test_the_instruction_in_opencl_c_multiplies_rightly),
        TEST(test_float_and_half_are_no_formats_of_units),
        TEST(test_a_processor_has_none_and_is_asked_once),
        TEST(test_the_reference_has_none),
        TEST(test_units_whose_registers_lie_otherwise_are_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
