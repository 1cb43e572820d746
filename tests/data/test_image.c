#include "data/image.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/memory.h"
#include "data/exif.h"
#include "data/jpeg.h"
#include "data/stb.h"
#include "scratch.h"

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin_scratch, end_scratch)

/* A file in memory that stb's writers fill. */
typedef struct buffer {
    uint8_t bytes[1 << 16];
    size_t size;
} buffer;
static buffer file;

static void append(void *user, void *bytes, int size) {
    buffer *to = user;
    assert_true(to->size + (size_t)size <= sizeof to->bytes);
    memcpy(to->bytes + to->size, bytes, (size_t)size);
    to->size += (size_t)size;
}

/* (20, 30, 3), smooth but no two pixels alike. */
static uint8_t colours[20 * 30 * 3];

static void make_colours(void) {
    for (int i = 0; i < 600; i++) {
        colours[3 * i] = (uint8_t)(i % 30 * 8);
        colours[3 * i + 1] = (uint8_t)(i / 30 * 12);
        colours[3 * i + 2] = (uint8_t)(255 - i % 30 * 4);
    }
}

static void write_as(const char *kind) {
    make_colours();
    file.size = 0;
    int done = 0;
    if (!strcmp(kind, "png")) done = stbi_write_png_to_func(append, &file, 30, 20, 3, colours, 90);
    if (!strcmp(kind, "bmp")) done = stbi_write_bmp_to_func(append, &file, 30, 20, 3, colours);
    if (!strcmp(kind, "tga")) done = stbi_write_tga_to_func(append, &file, 30, 20, 3, colours);
    if (!strcmp(kind, "jpg")) done = stbi_write_jpg_to_func(append, &file, 30, 20, 3, colours, 95);
    assert_true(done);
}

static dd_status decode(unsigned channels, dd__image *image) {
    return dd__image_decode(file.bytes, file.size, channels, image);
}

static void test_images_of_every_kind_decode(void **state) {
    (void)state;
    const char *const kinds[] = {"png", "bmp", "tga", "jpg"};
    for (size_t k = 0; k < DD_COUNT(kinds); k++) {
        write_as(kinds[k]);
        dd__image image;
        assert_ok(decode(3, &image));
        assert_int_equal(image.width, 30);
        assert_int_equal(image.height, 20);
        assert_int_equal(image.channels, 3);
        int tolerance = strcmp(kinds[k], "jpg") == 0 ? 12 : 0;
        for (size_t i = 0; i < sizeof colours; i++)
            assert_true(abs(image.pixels[i] - colours[i]) <= tolerance);
        dd__image_clear(&image);
    }
}

static void test_images_cut_off_anywhere_are_refused(void **state) {
    (void)state;
    const char *const kinds[] = {"png", "bmp", "jpg"};
    for (size_t k = 0; k < DD_COUNT(kinds); k++) {
        write_as(kinds[k]);
        size_t whole = file.size;
        for (size_t size = 0; size < whole; size += size < 200 || whole - size < 200 ? 1 : 37) {
            dd__image image;
            dd_status status = dd__image_decode(file.bytes, size, 3, &image);
            if (status != DD_FORMAT || image.pixels)
                fail_msg("%s cut to %zu of %zu bytes: %s", kinds[k], size, whole,
                         dd_status_name(status));
        }
    }
}

static void test_image_cut_off_is_named_so(void **state) {
    (void)state;
    write_as("bmp");
    write_file("cut.bmp", file.bytes, file.size - 1);
    dd__image image;
    assert_fails(dd__image_load(at("cut.bmp"), 1, &image), DD_FORMAT,
                 "cut.bmp: expected more image data, found the end of the file at byte 1893");
    write_as("png");
    write_file("cut.png", file.bytes, file.size - 1);
    assert_fails(dd__image_load(at("cut.png"), 1, &image), DD_FORMAT, "found 11 bytes: cut off");
}

static void test_png_with_a_flipped_bit_is_refused(void **state) {
    (void)state;
    write_as("png");
    dd__image image;
    file.bytes[60] ^= 4;
    assert_fails(decode(3, &image), DD_FORMAT, "PNG: the chunk at byte 33 is damaged");
    assert_null(image.pixels);
}

/* stb_image would write behind its table. */
static void test_jpeg_with_too_many_huffman_codes_is_refused(void **state) {
    (void)state;
    write_as("jpg");
    dd__image image;
    size_t i = 0;
    while (file.bytes[i] != 0xff || file.bytes[i + 1] != 0xc4) i++;
    memset(file.bytes + i + 5, 255, 16);
    assert_fails(decode(3, &image), DD_FORMAT, "JPEG: expected Huffman tables that fit their");
    assert_non_null(strstr(dd_message(), "found 4080 codes"));
    write_file("bad.jpg", file.bytes, file.size);
    assert_fails(dd__image_size(at("bad.jpg"), &image), DD_FORMAT, "found 4080 codes");
}

/* Puts a segment behind the file's first two bytes. */
static void insert_segment(uint8_t marker, const uint8_t *data, size_t size) {
    const uint8_t head[] = {0xff, marker, (uint8_t)((size + 2) >> 8), (uint8_t)(size + 2)};
    assert_true(file.size + size + 4 <= sizeof file.bytes);
    memmove(file.bytes + 6 + size, file.bytes + 2, file.size - 2);
    memcpy(file.bytes + 2, head, 4);
    memcpy(file.bytes + 6, data, size);
    file.size += size + 4;
}

/* Exif data with a width before the orientation. */
static void insert_orientation(bool big, uint8_t value) {
    const uint8_t small_end[] = {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42,    0, 8, 0, 0, 0,
                                 2,    0,   0,   1,   3, 0, 1,   0,   0,     0, 9, 0, 0, 0,
                                 0x12, 1,   3,   0,   1, 0, 0,   0,   value, 0, 0, 0};
    const uint8_t big_end[] = {'E', 'x',  'i', 'f', 0, 0, 'M', 'M', 0, 42,    0, 0, 0, 8,
                               0,   2,    1,   0,   0, 3, 0,   0,   0, 1,     0, 9, 0, 0,
                               1,   0x12, 0,   3,   0, 0, 0,   1,   0, value, 0, 0};
    insert_segment(0xe1, big ? big_end : small_end, sizeof big_end);
}

/* Colours at (row, column) of a and b differ by no more than JPEG makes them. */
static bool alike(const uint8_t *a, const uint8_t *b) {
    return abs(a[0] - b[0]) <= 12 && abs(a[1] - b[1]) <= 12 && abs(a[2] - b[2]) <= 12;
}

/* Where three corners of the file lie in the upright picture: 0 top left, 1 top right, 2 bottom left, 3 bottom
 * right. As rows: of the file's top left, top right and bottom left. */
static void test_jpeg_is_turned_as_exif_says(void **state) {
    (void)state;
    static const uint8_t places[9][3] = {{0, 1, 2}, {0, 1, 2}, {1, 0, 3}, {3, 2, 1}, {2, 3, 0},
                                         {0, 2, 1}, {1, 3, 0}, {3, 1, 2}, {2, 0, 3}};
    for (unsigned turn = 0; turn <= 9; turn++) { /* 0 and 9 mean nothing */
        write_as("jpg");
        insert_orientation(turn % 2, (uint8_t)turn);
        dd__image image, size;
        assert_ok(decode(3, &image));
        write_file("turned.jpg", file.bytes, file.size);
        assert_ok(dd__image_size(at("turned.jpg"), &size));
        bool lies = turn >= 5 && turn <= 8;
        assert_int_equal(image.width, lies ? 20 : 30);
        assert_int_equal(image.height, lies ? 30 : 20);
        assert_int_equal(size.width, image.width);
        assert_int_equal(size.height, image.height);
        const uint8_t *corners[] = {colours, colours + 29 * 3, colours + (size_t)19 * 30 * 3};
        for (size_t i = 0; i < 3; i++) {
            unsigned place = places[turn % 9][i];
            size_t row = place & 2 ? image.height - 1 : 0, column = place & 1 ? image.width - 1 : 0;
            if (!alike(image.pixels + (row * image.width + column) * 3, corners[i]))
                fail_msg("orientation %u: corner %zu is not at %u", turn, i, place);
        }
        dd__image_clear(&image);
    }
}

static void test_exif_that_is_cut_off_is_passed_over(void **state) {
    (void)state;
    const uint8_t whole[] = {'E', 'x', 'i',  'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0,
                             1,   0,   0x12, 1,   3, 0, 1,   0,   0,  0, 6, 0, 0, 0};
    for (size_t size = 0; size <= sizeof whole; size++) {
        uint8_t *exact = malloc(size + 1); /* the sanitizer sees what is read behind it */
        memcpy(exact, whole, size);
        exact = realloc(exact, size ? size : 1);
        assert_int_equal(dd__exif_orientation(exact, size), size < sizeof whole ? 1 : 6);
        free(exact);
    }
    uint8_t far[sizeof whole];
    memcpy(far, whole, sizeof whole);
    memset(far + 10, 0xff, 4); /* the directory's offset */
    assert_int_equal(dd__exif_orientation(far, sizeof far), 1);
}

/* A fourth component in the frame's header is enough to know. */
static void test_jpeg_of_four_inks_is_refused_with_the_reason(void **state) {
    (void)state;
    write_as("jpg");
    size_t i = 0;
    while (file.bytes[i] != 0xff || file.bytes[i + 1] != 0xc0) i++;
    size_t end = i + 2 + file.bytes[i + 3];
    memmove(file.bytes + end + 3, file.bytes + end, file.size - end);
    memcpy(file.bytes + end, "\4\x11\1", 3);
    file.bytes[i + 3] = (uint8_t)(file.bytes[i + 3] + 3);
    file.bytes[i + 9] = 4;
    file.size += 3;
    dd__image image;
    assert_fails(decode(3, &image), DD_FORMAT, "found 4: CMYK");
    write_file("inks.jpg", file.bytes, file.size);
    assert_fails(dd__image_load(at("inks.jpg"), 1, &image), DD_FORMAT, "convert it to RGB");
}

/* With libjpeg; the reduced picture is the average of the pixels that it stands for. */
static void test_jpeg_becomes_smaller_while_it_is_decoded(void **state) {
    (void)state;
    write_as("jpg");
    write_file("large.jpg", file.bytes, file.size);
    dd__image whole, half, same;
    assert_ok(dd__image_load_reduced(at("large.jpg"), 3, 0, &whole));
    assert_ok(dd__image_load_reduced(at("large.jpg"), 3, 11, &same));
    assert_ok(dd__image_load_reduced(at("large.jpg"), 3, 10, &half));
    assert_int_equal(whole.width, 30);
    assert_int_equal(same.width, 30); /* a half of 20 would be less than 11 */
    assert_int_equal(half.width, DD__JPEG_DECODES ? 15 : 30);
    assert_int_equal(half.height, DD__JPEG_DECODES ? 10 : 20);
    assert_memory_equal(same.pixels, whole.pixels, 30 * 20 * 3);
    for (size_t row = 0; DD__JPEG_DECODES && row < 10; row++)
        for (size_t i = 0; i < 45; i++) {
            const uint8_t *p = whole.pixels + 2 * row * 90 + i / 3 * 6 + i % 3;
            int mean = (p[0] + p[3] + p[90] + p[93]) / 4;
            assert_true(abs(half.pixels[row * 45 + i] - mean) <= 12);
        }
    dd__image_clear(&whole);
    dd__image_clear(&half);
    dd__image_clear(&same);
}

static void test_grey_and_colour_jpeg_agree(void **state) {
    (void)state;
    dd__image grey, colour;
    write_as("jpg");
    assert_ok(decode(1, &grey));
    assert_ok(decode(3, &colour));
    for (size_t i = 0; i < 600; i++) {
        const uint8_t *p = colour.pixels + 3 * i;
        int expected = (p[0] * 299 + p[1] * 587 + p[2] * 114 + 500) / 1000;
        assert_true(abs(grey.pixels[i] - expected) <= 2);
    }
    dd__image_clear(&grey);
    dd__image_clear(&colour);
}

/* None of them may be waited for or read without an end. */
static void test_what_is_no_file_is_refused_at_once(void **state) {
    (void)state;
    dd__image image;
    assert_int_equal(mkfifo(at("pipe.png"), 0600), 0);
    assert_fails(dd__image_load(at("pipe.png"), 1, &image), DD_IO, "expected a file, found a pipe");
    assert_fails(dd__image_size(at("pipe.png"), &image), DD_IO, "expected a file, found a pipe");
    assert_fails(dd__image_load("/dev/zero", 1, &image), DD_IO, "expected a file, found a device");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", at("s.png"));
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_fails(dd__image_load(at("s.png"), 1, &image), DD_IO, "expected a file, found a socket");
    close(listener);
    write_text("huge.png", "x");
    assert_int_equal(truncate(at("huge.png"), (off_t)10 << 30), 0);
    assert_fails(dd__image_load(at("huge.png"), 1, &image), DD_IO,
                 "huge.png: expected at most 268435456 bytes, found 10737418240");
    assert_int_equal(symlink("nowhere", at("link.png")), 0);
    assert_fails(dd__image_load(at("link.png"), 1, &image), DD_IO, "link.png: cannot open");
    assert_int_equal(symlink("self.png", at("self.png")), 0);
    assert_fails(dd__image_load(at("self.png"), 1, &image), DD_IO, "self.png: cannot open");
}

static void test_files_that_are_no_images_are_refused(void **state) {
    (void)state;
    dd__image image;
    write_text("text.png", "hello, this is no image at all");
    assert_fails(
        dd__image_load(at("text.png"), 1, &image), DD_FORMAT,
        "text.png: expected an image, found a damaged or unknown file: unknown image type");
    write_text("empty.png", "");
    assert_fails(dd__image_load(at("empty.png"), 1, &image), DD_FORMAT,
                 "empty.png: expected an image, found an empty file");
    assert_fails(dd__image_load(at("none.png"), 1, &image), DD_IO,
                 "none.png: cannot open: No such file or directory");
    assert_fails(dd__image_load(scratch_folder, 1, &image), DD_IO,
                 "expected a file, found a folder");
    assert_fails(dd__image_size(scratch_folder, &image), DD_IO, "found a folder");
    assert_fails(dd__image_size(at("text.png"), &image), DD_FORMAT, "unknown image type");
    assert_fails(dd__image_size(at("empty.png"), &image), DD_FORMAT, "found an empty file");
}

static uint8_t *put(uint8_t *to, uint32_t value) {
    for (int i = 0; i < 4; i++) *to++ = (uint8_t)(value >> (24 - 8 * i));
    return to;
}

static uint8_t *put_chunk(uint8_t *to, const char *name, const uint8_t *data, uint32_t size) {
    uint8_t *begin = put(to, size);
    memcpy(begin, name, 4);
    if (size) memcpy(begin + 4, data, size);
    return put(begin + 4 + size, (uint32_t)crc32(0, begin, size + 4));
}

/* A PNG of this header whose pixels are `size` zeros, packed. */
static void write_zeros_png(uint32_t width, uint32_t height, uint8_t bits, uint8_t colour,
                            size_t size) {
    uint8_t header[13] = {0}, *zeros = calloc(size, 1), *packed = malloc(compressBound(size));
    uLong packed_size = compressBound(size);
    put(put(header, width), height);
    header[8] = bits;
    header[9] = colour;
    assert_int_equal(compress(packed, &packed_size, zeros, size), Z_OK);
    assert_true(packed_size + 100 < sizeof file.bytes);
    memcpy(file.bytes, "\x89PNG\r\n\x1a\n", 8);
    uint8_t *to = put_chunk(file.bytes + 8, "IHDR", header, 13);
    to = put_chunk(to, "IDAT", packed, (uint32_t)packed_size);
    file.size = (size_t)(put_chunk(to, "IEND", NULL, 0) - file.bytes);
    free(zeros);
    free(packed);
}

static void test_image_larger_than_the_limit_is_refused_before_it_is_decoded(void **state) {
    (void)state;
    dd__image image;
    write_zeros_png(20000, 20000, 8, 0, 100);
    assert_fails(decode(1, &image), DD_FORMAT,
                 "expected at most 100000000 pixels, found 20000x20000");
}

static void test_png_with_fewer_pixels_than_its_header_says_is_refused(void **state) {
    (void)state;
    dd__image image;
    write_zeros_png(100, 100, 8, 0, 5000);
    assert_fails(decode(1, &image), DD_FORMAT, "not enough pixels");
}

static void test_png_bomb_is_refused(void **state) {
    (void)state;
    dd__image image;
    write_zeros_png(8, 8, 8, 0, (size_t)40 << 20); /* 64 pixels and 40 MiB */
    assert_fails(decode(1, &image), DD_FORMAT,
                 "expected as many pixels as its size says, found far more data");
    assert_null(image.pixels);
}

static void test_sixteen_bit_png_keeps_its_upper_bits(void **state) {
    (void)state;
    dd__image image;
    write_zeros_png(4, 4, 16, 0, 4 * 9);
    assert_ok(decode(1, &image));
    assert_int_equal(image.pixels[0], 0);
    dd__image_clear(&image);
    write_text("deep.pgm", "P5 2 1 65535\n\xab\xcd\x01\x00");
    assert_int_equal(truncate(at("deep.pgm"), 17), 0);
    assert_ok(dd__image_load(at("deep.pgm"), 1, &image));
    assert_int_equal(image.pixels[0], 0xab);
    assert_int_equal(image.pixels[1], 1);
    dd__image_clear(&image);
}

static void test_transparency_becomes_white(void **state) {
    (void)state;
    const uint8_t pixels[] = {0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 128, 255, 0, 0, 255};
    dd__image image;
    file.size = 0;
    assert_true(stbi_write_png_to_func(append, &file, 4, 1, 4, pixels, 16));
    assert_ok(decode(1, &image));
    const uint8_t expected[] = {255, 0, 127, 76};
    assert_memory_equal(image.pixels, expected, 4);
    dd__image_clear(&image);
    assert_ok(decode(3, &image));
    assert_int_equal(image.pixels[9], 255);
    assert_int_equal(image.pixels[10], 0);
    dd__image_clear(&image);
}

static void test_pnm_of_text_and_of_other_largest_values_decodes(void **state) {
    (void)state;
    dd__image image;
    write_text("a.pgm", "P2\n# a comment\n3 1\n15\n0 5 15\n");
    assert_ok(dd__image_load(at("a.pgm"), 1, &image));
    const uint8_t grey[] = {0, 85, 255};
    assert_memory_equal(image.pixels, grey, 3);
    dd__image_clear(&image);
    write_text("a.ppm", "P3 1 1 255 10 20 30");
    assert_ok(dd__image_load(at("a.ppm"), 3, &image));
    const uint8_t colour[] = {10, 20, 30};
    assert_memory_equal(image.pixels, colour, 3);
    dd__image_clear(&image);
    write_text("a.pgm", "P5 2 1 255\nab");
    assert_ok(dd__image_load(at("a.pgm"), 3, &image));
    assert_memory_equal(image.pixels, "aaabbb", 6);
    dd__image_clear(&image);
}

static void test_pnm_that_is_wrong_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"P5 2 2 255\nabc", "PNM: expected at least 4 bytes of pixels, found 3: cut off"},
        {"P5 2 1 65535\nabc", "PNM: expected 4 bytes of pixels, found 3: cut off"},
        {"P2 2 1 255 1", "PNM: expected a pixel, found the end of the file"},
        {"P2 2 1 255 1 256", "PNM: expected at most 255 for a pixel"},
        {"P2 2 1 255 1 x", "PNM: expected a pixel, found byte 0x78"},
        {"P2 9 1 255 1 2", "PNM: expected at least 9 bytes of pixels, found 4: cut off"},
        {"P5 0 1 255\n", "found 0"},
        {"P5 1 1 0\nx", "found 0"},
        {"P5 1 1 70000\nx", "PNM: expected at most 65535 for a largest value"},
        {"P5 16777216 16777216 255\nx", "expected at most 100000000 pixels"},
        {"P5 99999999999 1 255\nx", "PNM: expected at most 16777216 for a width"},
        {"P5 10000 10000 255\nx", "PNM: expected at least 100000000 bytes of pixels, found 1"},
        {"P5 12", "PNM: expected a height, found the end of the file"},
    };
    for (size_t i = 0; i < DD_COUNT(cases); i++) {
        dd__image image;
        assert_fails(
            dd__image_decode((const uint8_t *)cases[i].text, strlen(cases[i].text), 1, &image),
            DD_FORMAT, cases[i].message);
        assert_null(image.pixels);
    }
}

static void test_saved_png_reads_back_the_same(void **state) {
    (void)state;
    make_colours();
    dd__image image = {30, 20, 3, colours}, back;
    assert_ok(dd__image_save_png(at("saved.png"), &image));
    assert_ok(dd__image_size(at("saved.png"), &back));
    assert_int_equal(back.width, 30);
    assert_int_equal(back.height, 20);
    assert_int_equal(back.channels, 3);
    assert_null(back.pixels);
    assert_ok(dd__image_load(at("saved.png"), 3, &back));
    assert_memory_equal(back.pixels, colours, sizeof colours);
    dd__image_clear(&back);
}

static void test_failed_save_leaves_the_old_file_and_no_other(void **state) {
    (void)state;
    make_colours();
    dd__image image = {30, 20, 3, colours};
    assert_fails(dd__image_save_png(at("no/such.png"), &image), DD_IO, "such.png: cannot write");
    write_text("old.png", "old");
    dd__fail_allocation(1);
    assert_fails(dd__image_save_png(at("old.png"), &image), DD_MEMORY, "old.png: not enough");
    dd__fail_allocation(0);
    char *bytes;
    size_t size;
    assert_ok(dd__file_read(at("old.png"), 100, &bytes, &size));
    assert_string_equal(bytes, "old");
    dd__free(bytes);
    DIR *folder = opendir(scratch_folder);
    int entries = 0;
    while (readdir(folder)) entries++;
    closedir(folder);
    assert_int_equal(entries, 3); /* ., .. and old.png */
}

static void test_resize_averages_areas(void **state) {
    (void)state;
    uint8_t pixels[] = {0, 100, 40, 40, 200, 100, 40, 40};
    dd__image image = {4, 2, 1, pixels}, small, large;
    assert_ok(dd__image_resize(&image, 2, 1, &small));
    assert_int_equal(small.pixels[0], 100);
    assert_int_equal(small.pixels[1], 40);
    assert_ok(dd__image_resize(&small, 4, 2, &large));
    assert_int_equal(large.pixels[0], 100);
    assert_int_equal(large.pixels[1], 85); /* bilinear: a quarter of the way */
    assert_int_equal(large.pixels[7], 40);
    dd__image_clear(&large);
    assert_fails(dd__image_resize(&small, 0, 5, &large), DD_SHAPE, "cannot be resized to 0x5");
    dd__image_clear(&small);
}

/* Narrower and higher: areas are averaged across, and lines are between others down. */
static void test_resize_treats_each_axis_by_itself(void **state) {
    (void)state;
    uint8_t pixels[] = {0, 80, 200, 200, 100, 180, 0, 0}; /* (2, 4) */
    dd__image image = {4, 2, 1, pixels}, out;
    assert_ok(dd__image_resize(&image, 2, 4, &out));
    const uint8_t expected[] = {40, 200, 65, 150, 115, 50, 140, 0};
    for (size_t i = 0; i < 8; i++) assert_true(abs(out.pixels[i] - expected[i]) <= 1);
    dd__image_clear(&out);
    const dd__box right = {2, 0, 4, 2};
    assert_ok(dd__image_resize_part(&image, &right, 1, 2, &out));
    assert_int_equal(out.pixels[0], 200);
    assert_int_equal(out.pixels[1], 0);
    dd__image_clear(&out);
}

static void test_image_survives_every_failed_allocation(void **state) {
    (void)state;
    const char *const kinds[] = {"png", "jpg", "bmp", "tga"};
    for (size_t k = 0; k < DD_COUNT(kinds); k++) {
        write_as(kinds[k]);
        size_t failures = 0;
        for (size_t i = 1; i < 60; i++) { /* the last are more than there are */
            dd__image image;
            dd__fail_allocation(i);
            dd_status status = decode(1, &image);
            assert_true(status == DD_OK || (status == DD_MEMORY && !image.pixels));
            failures += status == DD_MEMORY;
            if (i == 59) assert_ok(status);
            dd__image_clear(&image);
        }
        dd__fail_allocation(0);
        assert_true(failures > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_of_every_kind_decode),
        cmocka_unit_test(test_images_cut_off_anywhere_are_refused),
        SCRATCH_TEST(test_image_cut_off_is_named_so),
        cmocka_unit_test(test_png_with_a_flipped_bit_is_refused),
        SCRATCH_TEST(test_jpeg_with_too_many_huffman_codes_is_refused),
        SCRATCH_TEST(test_jpeg_is_turned_as_exif_says),
        cmocka_unit_test(test_exif_that_is_cut_off_is_passed_over),
        SCRATCH_TEST(test_jpeg_of_four_inks_is_refused_with_the_reason),
        SCRATCH_TEST(test_jpeg_becomes_smaller_while_it_is_decoded),
        cmocka_unit_test(test_grey_and_colour_jpeg_agree),
        SCRATCH_TEST(test_what_is_no_file_is_refused_at_once),
        SCRATCH_TEST(test_files_that_are_no_images_are_refused),
        cmocka_unit_test(test_image_larger_than_the_limit_is_refused_before_it_is_decoded),
        cmocka_unit_test(test_png_with_fewer_pixels_than_its_header_says_is_refused),
        cmocka_unit_test(test_png_bomb_is_refused),
        SCRATCH_TEST(test_sixteen_bit_png_keeps_its_upper_bits),
        cmocka_unit_test(test_transparency_becomes_white),
        SCRATCH_TEST(test_pnm_of_text_and_of_other_largest_values_decodes),
        cmocka_unit_test(test_pnm_that_is_wrong_is_refused),
        SCRATCH_TEST(test_saved_png_reads_back_the_same),
        SCRATCH_TEST(test_failed_save_leaves_the_old_file_and_no_other),
        cmocka_unit_test(test_resize_averages_areas),
        cmocka_unit_test(test_resize_treats_each_axis_by_itself),
        cmocka_unit_test(test_image_survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
