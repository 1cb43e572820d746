/* IDX files, made here byte by byte. */
#include "base/memory.h"
#include "data/dataset.h"
#include "scratch.h"

#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

/* Three images of 2x3 and their labels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0,  0,  0,  2,  0,  0,  0,  3,  1,
                                 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 14};

static dd_status load(dd_dataset **data) {
    return dd_dataset_load(scratch_folder, DD_SPLIT_TRAIN, data);
}

static void write_both(void) {
    write_file(IMAGES, images, sizeof images);
    write_file(LABELS, labels, sizeof labels);
}

/* The same file with byte `at_byte` replaced. */
static void write_changed(const char *name, const uint8_t *bytes, size_t size, size_t at_byte,
                          uint8_t value) {
    uint8_t copy[64];
    memcpy(copy, bytes, size);
    copy[at_byte] = value;
    write_file(name, copy, size);
}

static void check_loaded(dd_dataset *data) {
    assert_int_equal(data->count, 3);
    assert_int_equal(data->height, 2);
    assert_int_equal(data->width, 3);
    assert_int_equal(data->channels, 1);
    assert_int_equal(data->classes, 15);
    assert_memory_equal(data->pixels, images + 16, 18);
    assert_int_equal(data->labels[0], 5);
    assert_int_equal(data->labels[2], 14);
    dd_dataset_free(data);
}

static void test_idx_files_load_from_their_folder_plain_gz_and_with_dots(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    assert_ok(load(&data));
    check_loaded(data);
    remove(at(IMAGES));
    remove(at(LABELS));
    write_gzip(IMAGES ".gz", images, sizeof images);
    write_gzip(LABELS ".gz", labels, sizeof labels);
    assert_ok(load(&data));
    check_loaded(data);
    remove(at(IMAGES ".gz"));
    write_file("train-images.idx3-ubyte", images, sizeof images);
    assert_ok(load(&data));
    check_loaded(data);
}

static void test_idx_image_file_takes_labels_only_from_its_sibling(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    assert_ok(dd_dataset_load(at(IMAGES), DD_SPLIT_TEST, &data));
    check_loaded(data);
    remove(at(LABELS));
    assert_ok(dd_dataset_load(at(IMAGES), DD_SPLIT_TRAIN, &data));
    assert_null(data->labels);
    assert_int_equal(data->classes, 10);
    dd_dataset_free(data);
    write_gzip(LABELS ".gz", labels, sizeof labels);
    assert_ok(dd_dataset_load(at(IMAGES), DD_SPLIT_TRAIN, &data));
    check_loaded(data);
}

static void test_idx_of_rank_four_has_channels(void **state) {
    (void)state;
    const uint8_t colour[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0,
                              0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    dd_dataset *data;
    write_file("colour", colour, sizeof colour);
    assert_ok(dd_dataset_load(at("colour"), DD_SPLIT_TRAIN, &data));
    assert_int_equal(data->channels, 3);
    assert_int_equal(data->width, 2);
    dd_dataset_free(data);
}

static void test_idx_header_that_promises_more_images_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    write_changed(IMAGES, images, sizeof images, 7, 4);
    assert_fails(load(&data), DD_FORMAT, "expected 40 bytes as the header says, found 34");
    assert_non_null(strstr(dd_message(), IMAGES));
    assert_null(data);
}

static void test_idx_file_with_bytes_left_over_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    write_changed(IMAGES, images, sizeof images, 7, 2);
    assert_fails(load(&data), DD_FORMAT, "expected 28 bytes as the header says, found 34");
    uint8_t *large = calloc(1, 3 << 20);
    memcpy(large, images, sizeof images);
    write_file(IMAGES, large, 3 << 20);
    assert_fails(load(&data), DD_FORMAT, "expected 34 bytes as the header says, found at least 1");
    free(large);
}

static void test_idx_header_that_lies_about_gigabytes_costs_no_memory(void **state) {
    (void)state;
    const uint8_t lie[] = {0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0, 0, 0, 1, 0, 1, 2};
    dd_dataset *data;
    write_file("lie", lie, sizeof lie);
    dd__fail_allocation(3); /* after the reader and a first megabyte: no more is asked for */
    assert_fails(dd_dataset_load(at("lie"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "expected 72057594021150736 bytes as the header says, found 18");
    dd__fail_allocation(0);
}

static void test_idx_dimensions_that_overflow_are_refused(void **state) {
    (void)state;
    uint8_t lie[16] = {0, 0, 8, 3};
    memset(lie + 4, 0xff, 12);
    dd_dataset *data;
    write_file("lie", lie, sizeof lie);
    assert_fails(dd_dataset_load(at("lie"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "promise more bytes than can be");
}

static void test_idx_without_images_or_pixels_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    write_changed(IMAGES, images, 16, 7, 0);
    assert_fails(load(&data), DD_FORMAT, "expected at least 1 for dimension 0 (images), found 0");
    write_changed(IMAGES, images, 16, 15, 0);
    assert_fails(load(&data), DD_FORMAT, "dimension 2 (width), found 0");
}

static void test_idx_magic_number_is_checked(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    write_file(IMAGES, labels, sizeof labels);
    assert_fails(load(&data), DD_FORMAT, "found 0x00000801, a file of labels");
    write_both();
    write_file(LABELS, images, sizeof images);
    assert_fails(load(&data), DD_FORMAT,
                 "expected the magic number 0x00000801 of an IDX file of labels, found 0x00000803");
    write_both();
    write_changed(IMAGES, images, sizeof images, 2, 0x0d); /* floats */
    assert_fails(load(&data), DD_FORMAT, "found 0x00000d03");
    write_text(IMAGES, "x");
    assert_fails(load(&data), DD_FORMAT, "expected an IDX file, found a file of 1 bytes");
    write_file(IMAGES, images, 9);
    assert_fails(load(&data), DD_FORMAT, "expected a header of 16 bytes, found 9 bytes in all");
    write_text(IMAGES, "");
    assert_fails(load(&data), DD_FORMAT, "found a file of 0 bytes");
}

static void test_labels_must_be_as_many_as_images(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    write_changed(LABELS, labels, sizeof labels - 1, 7, 2);
    assert_fails(load(&data), DD_FORMAT, "expected 3 labels, as many as images in ");
    assert_non_null(strstr(dd_message(), "found 2"));
    remove(at(LABELS));
    assert_fails(load(&data), DD_IO, "expected the labels train-labels-idx1-ubyte(.gz) beside it");
}

static void test_the_other_part_alone_is_named(void **state) {
    (void)state;
    dd_dataset *data;
    write_both();
    assert_fails(dd_dataset_load(scratch_folder, DD_SPLIT_TEST, &data), DD_FORMAT,
                 "expected a part for testing (t10k-images-idx3-ubyte, test.csv or test/), found "
                 "only the one for training");
}

/* Returns the bytes of the scratch file `name`. */
static size_t read_back(const char *name, uint8_t *bytes, size_t room) {
    FILE *file = fopen(at(name), "rb");
    size_t size = fread(bytes, 1, room, file);
    fclose(file);
    return size;
}

static void test_damaged_gzip_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    uint8_t bytes[512];
    write_gzip("file", images, sizeof images);
    size_t size = read_back("file", bytes, sizeof bytes - 1);
    bytes[size - 8] ^= 1; /* of the checksum */
    write_file("file", bytes, size);
    assert_fails(dd_dataset_load(at("file"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "incorrect data check");
    bytes[size - 8] ^= 1;
    write_file("file", bytes, size - 3);
    assert_fails(dd_dataset_load(at("file"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "expected more gzip data, found the end of the file at byte");
    bytes[size] = 'x';
    write_file("file", bytes, size + 1);
    assert_fails(dd_dataset_load(at("file"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "expected the file to end with the gzip data");
    bytes[10] = 0xff; /* an unknown kind of block */
    write_file("file", bytes, size);
    assert_fails(dd_dataset_load(at("file"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "the gzip data are damaged near byte");
}

static void test_gzip_members_one_after_the_other_are_one_file(void **state) {
    (void)state;
    dd_dataset *data;
    uint8_t bytes[1024];
    write_gzip("a", images, 20);
    write_gzip("b", images + 20, sizeof images - 20);
    size_t first = read_back("a", bytes, 512), second = read_back("b", bytes + first, 512);
    write_file("both", bytes, first + second);
    assert_ok(dd_dataset_load(at("both"), DD_SPLIT_TRAIN, &data));
    assert_memory_equal(data->pixels, images + 16, 18);
    dd_dataset_free(data);
}

static void test_gzip_that_unpacks_to_more_than_its_header_says_is_cut_short(void **state) {
    (void)state;
    dd_dataset *data;
    size_t size = 64 << 20;
    uint8_t *bomb = calloc(1, size);
    memcpy(bomb, images, sizeof images);
    write_gzip("bomb", bomb, size);
    free(bomb);
    assert_fails(dd_dataset_load(at("bomb"), DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "expected 34 bytes as the header says, found at least 10486");
}

static void test_files_that_cannot_be_read_are_named(void **state) {
    (void)state;
    dd_dataset *data;
    assert_fails(dd_dataset_load(at("nothing"), DD_SPLIT_TRAIN, &data), DD_IO,
                 "nothing: cannot open: No such file or directory");
    assert_fails(dd_dataset_load("", DD_SPLIT_TRAIN, &data), DD_USAGE, "expected a source");
    assert_fails(dd_dataset_load(scratch_folder, DD_SPLIT_TRAIN, &data), DD_FORMAT,
                 "found 0 entries, none of them a folder");
}

static void test_idx_survives_every_failed_allocation(void **state) {
    (void)state;
    dd_dataset *data;
    write_file(IMAGES, images, sizeof images);
    write_gzip(LABELS ".gz", labels, sizeof labels);
    dd_status status = DD_MEMORY;
    size_t failures = 0;
    for (; status == DD_MEMORY; failures++) {
        dd__fail_allocation(failures + 1);
        status = load(&data);
        assert_true(status == DD_OK || data == NULL);
    }
    dd__fail_allocation(0);
    assert_ok(status);
    assert_true(failures > 7);
    check_loaded(data);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin_scratch, end_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_idx_files_load_from_their_folder_plain_gz_and_with_dots),
        SCRATCH_TEST(test_idx_image_file_takes_labels_only_from_its_sibling),
        SCRATCH_TEST(test_idx_of_rank_four_has_channels),
        SCRATCH_TEST(test_idx_header_that_promises_more_images_is_refused),
        SCRATCH_TEST(test_idx_file_with_bytes_left_over_is_refused),
        SCRATCH_TEST(test_idx_header_that_lies_about_gigabytes_costs_no_memory),
        SCRATCH_TEST(test_idx_dimensions_that_overflow_are_refused),
        SCRATCH_TEST(test_idx_without_images_or_pixels_is_refused),
        SCRATCH_TEST(test_idx_magic_number_is_checked),
        SCRATCH_TEST(test_labels_must_be_as_many_as_images),
        SCRATCH_TEST(test_the_other_part_alone_is_named),
        SCRATCH_TEST(test_damaged_gzip_is_refused),
        SCRATCH_TEST(test_gzip_members_one_after_the_other_are_one_file),
        SCRATCH_TEST(test_gzip_that_unpacks_to_more_than_its_header_says_is_cut_short),
        SCRATCH_TEST(test_files_that_cannot_be_read_are_named),
        SCRATCH_TEST(test_idx_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
