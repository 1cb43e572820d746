#include "model/safetensors.h"

#include "files.h"

/* ---- Files made in memory
 * ------------------------------------------------------------------------ */

typedef struct image { /* of a file */
    char bytes[4096];
    size_t size;
} image;

/* A header's length, the header, and data_size bytes counting up from 0. */
static image compose(const char *header, size_t data_size) {
    image file = {.size = 8 + strlen(header) + data_size};
    assert_true(file.size <= sizeof file.bytes);
    for (int i = 0; i < 8; i++) file.bytes[i] = (char)(strlen(header) >> (8 * i) & 0xFF);
    memcpy(file.bytes + 8, header, strlen(header));
    for (size_t i = 0; i < data_size; i++) file.bytes[8 + strlen(header) + i] = (char)i;
    return file;
}

static void refuse(const char *header, size_t data_size, const char *reason) {
    image file = compose(header, data_size);
    dd__safetensors parsed;
    assert_int_equal(dd__safetensors_parse(file.bytes, file.size, &parsed), DD_FORMAT);
    assert_message_has(reason);
}

#define TENSOR(name, dtype, shape, begin, end)                                                   \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end \
    "]}"

/* ---- What is read
 * ---------------------------------------------------------------------------------- */

static void test_tensors_of_all_types_are_found_by_name(void **state) {
    (void)state;
    image file =
        compose("{\"__metadata__\":{\"a\":\"b\"}," TENSOR("z", "F32", "[2]", "4", "12") "," TENSOR(
                    "y", "BF16", "[1,2]", "0",
                    "4") "," TENSOR("scalar", "I64", "[]", "12",
                                    "20") "," TENSOR("empty", "F32", "[3,0,4]", "20", "20") "}   ",
                20);
    dd__safetensors parsed;
    assert_fine(dd__safetensors_parse(file.bytes, file.size, &parsed));
    assert_int_equal(parsed.count, 4);
    assert_string_equal(dd__safetensors_metadata(&parsed, "a"), "b");
    assert_null(dd__safetensors_metadata(&parsed, "b"));
    const dd__stored_tensor *z = dd__safetensors_find(&parsed, "z");
    assert_non_null(z);
    assert_int_equal(z->dims.rank, 1);
    assert_int_equal(z->dims.d[0], 2);
    assert_int_equal(z->data[0], 4);
    assert_string_equal(dd__safetensors_find(&parsed, "y")->dtype, "BF16");
    assert_int_equal(dd__safetensors_find(&parsed, "scalar")->dims.rank, 0);
    assert_int_equal(dd__dims_count(&dd__safetensors_find(&parsed, "empty")->dims), 0);
    assert_null(dd__safetensors_find(&parsed, "x"));
    dd__safetensors_clear(&parsed);
}

static void test_file_without_tensors_or_metadata_is_read(void **state) {
    (void)state;
    image file = compose("{}", 0);
    dd__safetensors parsed;
    assert_fine(dd__safetensors_parse(file.bytes, file.size, &parsed));
    assert_int_equal(parsed.count, 0);
    assert_null(dd__safetensors_find(&parsed, "x"));
    assert_null(dd__safetensors_metadata(&parsed, "x"));
    dd__safetensors_clear(&parsed);
}

static void test_floats_are_little_endian(void **state) {
    (void)state;
    image file = compose("{" TENSOR("x", "F32", "[2]", "0", "8") "}", 8);
    char *data = file.bytes + file.size - 8;
    memcpy(data, "\x00\x00\x80\x3f\x00\x00\x20\xc1", 8);
    dd__safetensors parsed;
    assert_fine(dd__safetensors_parse(file.bytes, file.size, &parsed));
    float numbers[2];
    dd__safetensors_floats(dd__safetensors_find(&parsed, "x"), numbers);
    assert_true(numbers[0] == 1.0f);
    assert_true(numbers[1] == -10.0f);
    dd__safetensors_clear(&parsed);
}

static void test_written_file_is_laid_out_as_documented(void **state) {
    (void)state;
    float first[] = {1, -10}, second[] = {0.5f};
    char names[2][8] = {"b.w", "a"};
    dd__tensor tensors[] = {{names[0], DD_DIMS(1, 2), first}, {names[1], DD_DIMS(1), second}};
    const char *const pairs[][2] = {{"key", "a \"text\""}};
    const char *path = in_folder("x.safetensors");
    assert_fine(dd__safetensors_write(path, pairs, 1, tensors, 2));
    size_t size;
    char *bytes = read_whole(path, &size);
    const char header[] =
        "{\"__metadata__\":{\"key\":\"a \\\"text\\\"\"},\"b.w\":{\"dtype\":\"F32\","
        "\"shape\":[1,2],\"data_offsets\":[0,8]},\"a\":{\"dtype\":\"F32\","
        "\"shape\":[1],\"data_offsets\":[8,12]}}";
    size_t length = strlen(header), padded = (length + 7) / 8 * 8;
    assert_int_equal(size, 8 + padded + 12);
    assert_int_equal((unsigned char)bytes[0], padded);
    assert_memory_equal(bytes + 1, "\0\0\0\0\0\0\0", 7);
    assert_memory_equal(bytes + 8, header, length);
    for (size_t i = length; i < padded; i++) assert_int_equal(bytes[8 + i], ' ');
    assert_memory_equal(bytes + 8 + padded, "\0\0\x80\x3f\0\0\x20\xc1\0\0\0\x3f", 12);
    dd__free(bytes);
}

/* ---- What is refused
 * --------------------------------------------------------------------------------- */

static void test_file_shorter_than_its_length_field_is_refused(void **state) {
    (void)state;
    dd__safetensors parsed;
    assert_int_equal(dd__safetensors_parse("1234567", 7, &parsed), DD_FORMAT);
    assert_message_has("expected at least 8 bytes, found 7");
}

static void test_header_longer_than_the_file_is_refused(void **state) {
    (void)state;
    image file = compose("{}", 0);
    file.bytes[0] = 3;
    dd__safetensors parsed;
    assert_int_equal(dd__safetensors_parse(file.bytes, file.size, &parsed), DD_FORMAT);
    assert_message_has("says it has 3 bytes: the file has 2 after it");
}

static void test_header_beyond_the_format_limit_is_refused(void **state) {
    (void)state;
    image file = compose("{}", 0);
    dd__safetensors parsed;
    memcpy(file.bytes, "\x01\xe1\xf5\x05\0\0\0\0", 8); /* 100,000,001 */
    assert_int_equal(dd__safetensors_parse(file.bytes, file.size, &parsed), DD_FORMAT);
    assert_message_has("100000001 bytes: at most 100000000");
    memset(file.bytes, 0xFF, 8);
    assert_int_equal(dd__safetensors_parse(file.bytes, file.size, &parsed), DD_FORMAT);
    assert_message_has("18446744073709551615 bytes");
}

static void test_header_of_millions_of_items_is_refused_before_it_is_parsed(void **state) {
    (void)state;
    size_t length = 9 * 1000 * 1000;
    char *bytes = malloc(8 + length);
    assert_non_null(bytes);
    memset(bytes, ',', 8 + length);
    for (int i = 0; i < 8; i++) bytes[i] = (char)(length >> (8 * i) & 0xFF);
    bytes[8] = '{';
    dd__safetensors parsed;
    assert_int_equal(dd__safetensors_parse(bytes, 8 + length, &parsed), DD_FORMAT);
    assert_message_has("more than 4000000 items");
    free(bytes);
}

static void test_header_that_is_not_an_object_is_refused(void **state) {
    (void)state;
    refuse("", 4, "expected '{' at byte 8");
    refuse("[]", 0, "expected '{' at byte 8");
    refuse(" {}", 0, "expected '{' at byte 8");
    refuse("{\"x\":", 0, "header: line 1, column");
    refuse("{} {}", 0, "not valid JSON");
}

static void test_metadata_that_is_not_texts_is_refused(void **state) {
    (void)state;
    refuse("{\"__metadata__\":[]}", 0, "\"__metadata__\": expected an object of texts");
    refuse("{\"__metadata__\":{\"a\":1}}", 0, "\"__metadata__\": expected an object of texts");
    refuse("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "\"__metadata__\" is given twice");
}

static void test_tensor_with_wrong_members_is_refused(void **state) {
    (void)state;
    refuse("{\"x\":3}", 0, "tensor \"x\": expected an object");
    refuse("{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4,
           "tensor \"x\": \"data_offsets\" is missing");
    refuse("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"y\":0}}", 4,
           "tensor \"x\": \"y\" is not known here");
    refuse("{\"x\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
           "tensor \"x\": \"dtype\" is given twice");
    refuse("{\"x\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
           "tensor \"x\": \"dtype\": expected a string");
    refuse("{" TENSOR("x", "F4", "[1]", "0", "4") "}", 4,
           "tensor \"x\": \"dtype\": \"F4\" is not known");
    refuse("{" TENSOR("x\\ny", "F32", "[1]", "0", "4") "}", 4, "control character");
}

static void test_shape_that_is_no_list_of_extents_is_refused(void **state) {
    (void)state;
    refuse("{" TENSOR("x", "F32", "4", "0", "4") "}", 4, "\"shape\": expected a list");
    refuse("{" TENSOR("x", "F32", "[-1]", "0", "4") "}", 4, "\"shape\": expected whole numbers");
    refuse("{" TENSOR("x", "F32", "[0.5]", "0", "4") "}", 4, "\"shape\": expected whole numbers");
    refuse("{" TENSOR("x", "F32", "[4294967296]", "0", "4") "}", 4,
           "\"shape\": expected whole numbers from 0 to 4294967295");
    refuse("{" TENSOR("x", "F32", "[\"1\"]", "0", "4") "}", 4, "\"shape\": expected whole numbers");
    refuse("{" TENSOR("x", "F32", "[1,1,1,1,1,1,1]", "0", "4") "}", 4, "at most 6 extents");
}

static void test_shape_that_does_not_fill_its_offsets_is_refused(void **state) {
    (void)state;
    refuse("{" TENSOR("x", "F32", "[2]", "0", "4") "}", 4, "2 of F32 do not take 4 bytes");
    refuse("{" TENSOR("x", "F16", "[1]", "0", "4") "}", 4, "1 of F16 do not take 4 bytes");
    refuse("{" TENSOR("x", "F32", "[2,0]", "0", "4") "}", 4, "2x0 of F32 do not take 4 bytes");
    /* 2^31 x 2^31 x 4 bytes are 2^64, which is 0 to whoever does not look */
    refuse("{" TENSOR("x", "F32", "[2147483648,2147483648]", "0", "0") "}", 0,
           "2147483648x2147483648 of F32 do not take 0 bytes");
    refuse("{" TENSOR("x", "F32", "[4294967295,4294967295,4294967295,4294967295]", "0", "4") "}", 4,
           "do not take 4 bytes");
}

static void test_offsets_outside_the_data_are_refused(void **state) {
    (void)state;
    refuse("{" TENSOR("x", "F32", "[1]", "4", "8") "}", 4, "[4, 8] lies outside the 4 bytes");
    refuse("{" TENSOR("x", "F32", "[1]", "8", "4") "}", 8, "[8, 4] lies outside the 8 bytes");
    refuse("{" TENSOR("x", "F32", "[1]", "-4", "0") "}", 4, "[-4, 0] lies outside");
    refuse("{" TENSOR("x", "F32", "[1]", "0", "1e300") "}", 4, "lies outside");
    refuse("{" TENSOR("x", "F32", "[1]", "0.5", "4.5") "}", 8, "lies outside");
    refuse("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8,
           "expected [begin, end]");
    refuse("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":4}}", 8,
           "expected [begin, end]");
}

static void test_holes_overlaps_and_leftover_data_are_refused(void **state) {
    (void)state;
    refuse("{" TENSOR("x", "F32", "[1]", "0", "4") "," TENSOR("y", "F32", "[1]", "8", "12") "}", 12,
           "tensor \"y\" begins at byte 8 of the data: expected 4");
    refuse("{" TENSOR("x", "F32", "[2]", "0", "8") "," TENSOR("y", "F32", "[2]", "4", "12") "}", 12,
           "tensor \"y\" begins at byte 4 of the data: expected 8");
    refuse("{" TENSOR("x", "F32", "[1]", "0", "4") "," TENSOR("y", "F32", "[1]", "0", "4") "}", 4,
           "begins at byte 0 of the data: expected 4");
    refuse("{" TENSOR("x", "F32", "[1]", "4", "8") "}", 8,
           "tensor \"x\" begins at byte 4 of the data: expected 0");
    refuse("{" TENSOR("x", "F32", "[1]", "0", "4") "}", 5, "take 4 bytes: the file has 5");
    refuse("{}", 1, "take 0 bytes: the file has 1");
}

static void test_tensor_that_is_there_twice_is_refused(void **state) {
    (void)state;
    refuse("{" TENSOR("x", "F32", "[1]", "0", "4") "," TENSOR("x", "F32", "[1]", "4", "8") "}", 8,
           "tensor \"x\" is there twice");
}

static void test_writing_into_a_missing_folder_fails_with_its_path(void **state) {
    (void)state;
    const char *path = in_folder("missing/x.safetensors");
    assert_int_equal(dd__safetensors_write(path, NULL, 0, NULL, 0), DD_IO);
    assert_message_has(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensors_of_all_types_are_found_by_name),
        cmocka_unit_test(test_file_without_tensors_or_metadata_is_read),
        cmocka_unit_test(test_floats_are_little_endian),
        cmocka_unit_test(test_written_file_is_laid_out_as_documented),
        cmocka_unit_test(test_file_shorter_than_its_length_field_is_refused),
        cmocka_unit_test(test_header_longer_than_the_file_is_refused),
        cmocka_unit_test(test_header_beyond_the_format_limit_is_refused),
        cmocka_unit_test(test_header_of_millions_of_items_is_refused_before_it_is_parsed),
        cmocka_unit_test(test_header_that_is_not_an_object_is_refused),
        cmocka_unit_test(test_metadata_that_is_not_texts_is_refused),
        cmocka_unit_test(test_tensor_with_wrong_members_is_refused),
        cmocka_unit_test(test_shape_that_is_no_list_of_extents_is_refused),
        cmocka_unit_test(test_shape_that_does_not_fill_its_offsets_is_refused),
        cmocka_unit_test(test_offsets_outside_the_data_are_refused),
        cmocka_unit_test(test_holes_overlaps_and_leftover_data_are_refused),
        cmocka_unit_test(test_tensor_that_is_there_twice_is_refused),
        cmocka_unit_test(test_writing_into_a_missing_folder_fails_with_its_path),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
