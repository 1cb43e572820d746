/* Valid files with bytes changed, cut and added: whatever comes, loading ends with a dataset or a
 * message. Crashes and leaks show under -DDD_SANITIZE=address,undefined. */
#include "base/memory.h"
#include "base/random.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/sources.h"
#include "data/stb.h"
#include "scratch.h"

enum { ROOM = 1 << 15 };

static uint8_t valid[ROOM], changed[ROOM + 64];
static size_t valid_size;

static void append(void *user, void *bytes, int size) {
    (void)user;
    assert_true(valid_size + (size_t)size <= ROOM);
    memcpy(valid + valid_size, bytes, (size_t)size);
    valid_size += (size_t)size;
}

static void check_status(dd_status status, bool has_result) {
    assert_true(status == DD_OK ? has_result : !has_result);
    assert_true(status == DD_OK || status == DD_FORMAT || status == DD_IO || status == DD_MEMORY ||
                status == DD_SHAPE);
    assert_true(status == DD_OK || dd_message()[0]);
}

static void load_changed(const char *name, size_t size) {
    dd_dataset *data;
    write_file(name, changed, size);
    dd_status status = dd_dataset_load(at(name), DD_SPLIT_TRAIN, &data);
    check_status(status, data != NULL);
    dd_dataset_free(data);
}

static void decode_changed(const char *name, size_t size) {
    (void)name;
    uint8_t *exact = malloc(size ? size : 1); /* so that one byte too far is seen */
    memcpy(exact, changed, size);
    dd__image image;
    dd_status status = dd__image_decode(exact, size, 1, &image);
    check_status(status, image.pixels != NULL);
    dd__image_clear(&image);
    free(exact);
}

/* Every byte of the first `each` takes a few values, then `rounds` times some bytes at random, a
 * cut, or bytes more. */
static void fuzz(const char *name, size_t each, int rounds,
                 void (*try_changed)(const char *, size_t)) {
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    memcpy(changed, valid, valid_size);
    try_changed(name, valid_size);
    for (size_t i = 0; i < each && i < valid_size; i++)
        for (size_t v = 0; v < DD_COUNT(values); v++) {
            changed[i] = values[v];
            try_changed(name, valid_size);
            changed[i] = valid[i];
        }
    for (int round = 0; round < rounds; round++) {
        uint32_t size = (uint32_t)valid_size, kind = dd__random_below(&random, 4);
        memcpy(changed, valid, valid_size);
        for (uint32_t k = dd__random_below(&random, 8); k-- > 0;)
            changed[dd__random_below(&random, size)] = (uint8_t)dd__random_word(&random);
        if (kind == 0) size = dd__random_below(&random, size + 1);
        if (kind == 1)
            for (uint32_t more = dd__random_below(&random, 64); more-- > 0;)
                changed[size++] = (uint8_t)dd__random_word(&random);
        try_changed(name, size);
    }
}

/* A drawn digit in colour: all its formats have something to do. */
static const uint8_t *colours(void) {
    static uint8_t pixels[28 * 28 * 3];
    uint8_t digit[28 * 28];
    dd__synthetic_draw(1, DD_SPLIT_TRAIN, 3, digit);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(digit[i / 3] ^ (i % 3 * 40 + i / 90));
    return pixels;
}

static void read_valid(const char *name) {
    char *bytes;
    assert_ok(dd__file_read(at(name), ROOM, &bytes, &valid_size));
    memcpy(valid, bytes, valid_size);
    dd__free(bytes);
}

static int begin(void **state) {
    valid_size = 0;
    return begin_scratch(state);
}

static void test_changed_idx_files_do_no_harm(void **state) {
    (void)state;
    const uint8_t header[16] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 28, 0, 0, 0, 28};
    memcpy(valid, header, 16);
    for (uint64_t i = 0; i < 3; i++) dd__synthetic_draw(1, DD_SPLIT_TRAIN, i, valid + 16 + i * 784);
    valid_size = 16 + 3 * 784;
    fuzz("idx", 16, 300, load_changed);
    write_gzip("packed", valid, valid_size);
    read_valid("packed");
    fuzz("idx.gz", valid_size, 1000, load_changed);
}

static void test_changed_csv_files_do_no_harm(void **state) {
    (void)state;
    char number[8];
    for (size_t i = 0; i < 2 * 785; i++) {
        snprintf(number, sizeof number, "%u%c", (unsigned)(i * 37 % 256),
                 i % 785 == 784 ? '\n' : ',');
        append(NULL, number, (int)strlen(number));
    }
    fuzz("a.csv", 100, 1000, load_changed);
}

static void test_changed_png_files_do_no_harm(void **state) {
    (void)state;
    assert_true(stbi_write_png_to_func(append, NULL, 28, 28, 3, colours(), 84));
    fuzz("png", valid_size, 1000, decode_changed);
}

/* Behind the right checksums of its chunks, so that the decoder itself meets the bytes. */
static void decode_with_checksums(const char *name, size_t size) {
    for (size_t i = 8; i + 12 <= size;) {
        uint32_t length = (uint32_t)changed[i] << 24 | (uint32_t)changed[i + 1] << 16 |
                          (uint32_t)changed[i + 2] << 8 | changed[i + 3];
        if (length > size - i - 12) break;
        uint32_t sum = (uint32_t)crc32(0, changed + i + 4, length + 4);
        for (size_t k = 0; k < 4; k++) changed[i + 8 + length + k] = (uint8_t)(sum >> (24 - 8 * k));
        i += length + 12;
    }
    decode_changed(name, size);
}

static void test_changed_png_files_with_right_checksums_do_no_harm(void **state) {
    (void)state;
    assert_true(stbi_write_png_to_func(append, NULL, 28, 28, 3, colours(), 84));
    fuzz("png", valid_size, 1000, decode_with_checksums);
}

static void test_changed_jpeg_files_do_no_harm(void **state) {
    (void)state;
    assert_true(stbi_write_jpg_to_func(append, NULL, 28, 28, 3, colours(), 90));
    fuzz("jpg", valid_size, 1000, decode_changed);
}

static void test_changed_bmp_and_tga_files_do_no_harm(void **state) {
    (void)state;
    assert_true(stbi_write_bmp_to_func(append, NULL, 28, 28, 3, colours()));
    fuzz("bmp", 60, 1000, decode_changed);
    valid_size = 0;
    assert_true(stbi_write_tga_to_func(append, NULL, 28, 28, 3, colours()));
    fuzz("tga", 60, 1000, decode_changed);
}

/* The smallest forms of what there is no writer for. */
static void test_changed_gif_psd_and_pnm_files_do_no_harm(void **state) {
    (void)state;
    static const char gif[] =
        "GIF89a\3\0\3\0\x91\0\0\xff\xff\xff\0\0\0\xff\0\0\0\xff\0!\xf9\4\1\0\0"
        "\0\0,\0\0\0\0\3\0\3\0\0\2\4\x84\x8f\xa9\5\0;";
    static const char psd[] =
        "8BPS\0\1\0\0\0\0\0\0\0\3\0\0\0\2\0\0\0\2\0\x8\0\3\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0abcdefghijkl";
    static const char pgm[] = "P5\n# grey\n4 4\n255\nabcdefghijklmnop";
    static const char ppm[] = "P3 2 2 100 1 2 3 4 5 6 7 8 9 10 11 100";
    memcpy(valid, gif, valid_size = sizeof gif - 1);
    fuzz("gif", valid_size, 2000, decode_changed);
    memcpy(valid, psd, valid_size = sizeof psd - 1);
    fuzz("psd", valid_size, 2000, decode_changed);
    memcpy(valid, pgm, valid_size = sizeof pgm - 1);
    fuzz("pgm", valid_size, 2000, decode_changed);
    memcpy(valid, ppm, valid_size = sizeof ppm - 1);
    fuzz("ppm", valid_size, 2000, decode_changed);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_changed_idx_files_do_no_harm),
        SCRATCH_TEST(test_changed_csv_files_do_no_harm),
        SCRATCH_TEST(test_changed_png_files_do_no_harm),
        SCRATCH_TEST(test_changed_png_files_with_right_checksums_do_no_harm),
        SCRATCH_TEST(test_changed_jpeg_files_do_no_harm),
        SCRATCH_TEST(test_changed_bmp_and_tga_files_do_no_harm),
        SCRATCH_TEST(test_changed_gif_psd_and_pnm_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
