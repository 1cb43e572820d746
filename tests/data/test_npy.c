/* NumPy's files, in and out. */
#include "scratch.h"

#include "deepdigits.h"

static void write_npy(const char *name, const char *dict, const void *numbers, size_t size) {
    char file[512] = "\x93NUMPY\x01";
    int length = snprintf(file + 10, sizeof file - 10, "%s", dict);
    file[8] = (char)length;
    memcpy(file + 10 + length, numbers, size);
    write_file(name, file, 10 + (size_t)length + size);
}

static void test_what_is_written_is_read(void **state) {
    (void)state;
    float numbers[] = {1, -2.5f, 3e30f, 0, 5, 6};
    dd_array array = {.rank = 2, .dims = {2, 3}, .data = numbers}, found;
    assert_int_equal(dd_array_save(at("a.npy"), &array), DD_OK);
    assert_int_equal(dd_array_load(at("a.npy"), &found), DD_OK);
    assert_int_equal(found.rank, 2);
    assert_int_equal(found.dims[1], 3);
    assert_false(found.whole);
    assert_memory_equal(found.data, numbers, sizeof numbers);
    dd_array_clear(&found);
    array.rank = 0;
    assert_int_equal(dd_array_save(at("a.npy"), &array), DD_OK);
    assert_int_equal(dd_array_load(at("a.npy"), &found), DD_OK);
    assert_int_equal(found.rank, 0);
    assert_true(found.data[0] == 1);
    dd_array_clear(&found);
}

static void test_other_types_become_floats(void **state) {
    (void)state;
    dd_array found;
    write_npy("i.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }",
              (int64_t[]){-7, 1 << 20}, 16);
    assert_int_equal(dd_array_load(at("i.npy"), &found), DD_OK);
    assert_true(found.whole && found.rank == 1 && found.data[0] == -7 && found.data[1] == 1 << 20);
    dd_array_clear(&found);
    write_npy("h.npy", "{'descr': '<f2', 'fortran_order': False, 'shape': (1, 1), }",
              (uint16_t[]){0x3e00}, 2);
    assert_int_equal(dd_array_load(at("h.npy"), &found), DD_OK);
    assert_true(!found.whole && found.rank == 2 && found.data[0] == 1.5f);
    dd_array_clear(&found);
}

static void test_what_is_no_array_is_refused(void **state) {
    (void)state;
    static const char *const dicts[] = {
        "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296,4294967296), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'fortran_order': False, 'shape': (1,), }",
        "",
    };
    dd_array found;
    for (size_t i = 0; i < DD_COUNT(dicts); i++) {
        write_npy("bad.npy", dicts[i], (float[]){1}, 4);
        assert_int_equal(dd_array_load(at("bad.npy"), &found), DD_FORMAT);
        assert_true(dd_message()[0]);
    }
    write_file("bad.npy", "\x93NUMPY\x01", 7);
    assert_int_equal(dd_array_load(at("bad.npy"), &found), DD_FORMAT);
    assert_int_equal(dd_array_load(at("nothing.npy"), &found), DD_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_other_types_become_floats),
        cmocka_unit_test(test_what_is_no_array_is_refused),
    };
    return cmocka_run_group_tests(tests, begin_scratch, end_scratch);
}
