/* Folders of images, as data and as lists of files. */
#include <fcntl.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/files.h"
#include "data/image.h"
#include "data/sources.h"
#include "scratch.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };

static void make_folder(const char *name) { assert_ok(dd__folder_make(at(name))); }

/* A PNG of one colour. */
static void write_image(const char *name, unsigned width, unsigned height, unsigned channels,
                        uint8_t level) {
    uint8_t *pixels = malloc((size_t)width * height * channels);
    memset(pixels, level, (size_t)width * height * channels);
    dd__image image = {width, height, channels, pixels};
    assert_ok(dd__image_save_png(at(name), &image));
    free(pixels);
}

static dd_status load(dd_dataset **data) {
    return dd_dataset_load(scratch_folder, DD_SPLIT_TRAIN, data);
}

static void test_folders_named_by_numbers_are_labels(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("10");
    make_folder("2");
    make_folder("7");
    write_image("10/a.png", 4, 3, 1, 100);
    write_image("2/b.png", 4, 3, 1, 20);
    write_image("2/a.png", 4, 3, 1, 10);
    write_image("7/x.PNG", 4, 3, 1, 70);
    write_text("2/notes.txt", "no image");
    write_text("2/.hidden.png", "no image");
    assert_ok(load(&data));
    assert_int_equal(data->count, 4);
    assert_int_equal(data->width, 4);
    assert_int_equal(data->height, 3);
    assert_int_equal(data->channels, 1);
    assert_int_equal(data->classes, 11);
    const int labels[] = {2, 2, 7, 10}, levels[] = {10, 20, 70, 100};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(dd_dataset_label(data, i), labels[i]);
        assert_int_equal(dd_dataset_pixels(data, i)[0], levels[i]);
    }
    dd_dataset_free(data);
}

static void test_folders_named_by_words_are_classes(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("dog");
    make_folder("cat");
    make_folder("010");
    make_folder("9");
    write_image("dog/a.png", 4, 3, 1, 1);
    write_image("cat/a.png", 4, 3, 1, 2);
    write_image("010/a.png", 4, 3, 1, 3);
    assert_ok(load(&data));
    assert_int_equal(data->classes, 4);
    const char *const names[] = {"9", "010", "cat", "dog"};
    for (unsigned i = 0; i < 4; i++) assert_string_equal(dd_dataset_class_name(data, i), names[i]);
    const int labels[] = {1, 2, 3}; /* "9" has no images */
    for (size_t i = 0; i < 3; i++) assert_int_equal(dd_dataset_label(data, i), labels[i]);
    dd_dataset_free(data);
}

static void test_folder_keeps_colour_only_where_there_is_some(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("0");
    write_image("0/a.png", 4, 3, 1, 9);
    write_image("0/b.png", 4, 3, 3, 77); /* grey, stored as colour */
    assert_ok(load(&data));
    assert_int_equal(data->channels, 1);
    assert_int_equal(dd_dataset_pixels(data, 1)[0], 77);
    assert_int_equal(dd_dataset_pixels(data, 1)[11], 77);
    dd_dataset_free(data);
    const uint8_t red[] = {255, 0, 0, 255, 0, 0};
    dd__image image = {2, 1, 3, (uint8_t *)red};
    assert_ok(dd__image_save_png(at("0/a.png"), &image));
    write_image("0/b.png", 2, 1, 1, 5);
    assert_ok(load(&data));
    assert_int_equal(data->channels, 3);
    assert_memory_equal(dd_dataset_pixels(data, 0), red, 6);
    dd_dataset_free(data);
}

static void test_folder_of_several_sizes_is_prepared_as_digits(void **state) {
    (void)state;
    dd_dataset *data;
    uint8_t digit[PIXELS];
    make_folder("0");
    make_folder("1");
    int label = dd__synthetic_draw(1, DD_SPLIT_TRAIN, 0, digit);
    assert_in_range(label, 0, 9);
    dd__image small = {SIDE, SIDE, 1, digit}, large;
    assert_ok(dd__image_save_png(at("0/a.png"), &small));
    assert_ok(dd__image_resize(&small, 100, 100, &large));
    for (size_t i = 0; i < 10000; i++) large.pixels[i] = (uint8_t)(255 - large.pixels[i]);
    assert_ok(dd__image_save_png(at("1/a.png"), &large));
    dd__image_clear(&large);
    assert_ok(load(&data));
    assert_int_equal(data->width, SIDE);
    assert_int_equal(data->height, SIDE);
    assert_memory_equal(data->pixels, digit, PIXELS);
    assert_true(data->pixels[PIXELS] < 50); /* the corner: paper became black */
    dd_dataset_free(data);
}

/* Red on a green that is as dark: grey, there would be nothing on it. */
static void test_folder_of_several_sizes_tells_ink_by_its_colour(void **state) {
    (void)state;
    enum { WIDE = 60 };
    static uint8_t pixels[WIDE][WIDE][3];
    dd_dataset *data;
    size_t bright = 0;
    for (size_t y = 0; y < WIDE; y++)
        for (size_t x = 0; x < WIDE; x++) {
            bool is_ink = y >= 10 && y < 50 && x >= 27 && x < 33;
            pixels[y][x][0] = is_ink ? 255 : 0;
            pixels[y][x][1] = is_ink ? 0 : 130;
        }
    dd__image image = {WIDE, WIDE, 3, &pixels[0][0][0]};
    make_folder("1");
    assert_ok(dd__image_save_png(at("1/a.png"), &image));
    write_image("1/b.png", SIDE, SIDE, 1, 0);
    assert_ok(load(&data));
    for (size_t i = 0; i < PIXELS; i++) bright += data->pixels[i] > 128;
    assert_in_range(bright, 40, 120); /* a one, 20 pixels high */
    dd_dataset_free(data);
}

static void test_folder_has_parts_for_training_and_testing(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("train/3");
    make_folder("test/4");
    write_image("train/3/a.png", 2, 2, 1, 30);
    write_image("test/4/a.png", 2, 2, 1, 40);
    assert_ok(dd_dataset_load(scratch_folder, DD_SPLIT_TRAIN, &data));
    assert_int_equal(dd_dataset_label(data, 0), 3);
    dd_dataset_free(data);
    assert_ok(dd_dataset_load(scratch_folder, DD_SPLIT_TEST, &data));
    assert_int_equal(dd_dataset_label(data, 0), 4);
    dd_dataset_free(data);
    remove_all(at("test"));
    assert_fails(dd_dataset_load(scratch_folder, DD_SPLIT_TEST, &data), DD_FORMAT,
                 "expected a part for testing");
}

static void test_folder_without_images_is_refused(void **state) {
    (void)state;
    dd_dataset *data;
    write_text("notes.txt", "nothing");
    assert_fails(load(&data), DD_FORMAT, "found 1 entries, none of them a folder");
    make_folder("0");
    make_folder("1/deep");
    assert_fails(load(&data), DD_FORMAT, "expected images in its 2 folders, found none");
    assert_null(data);
}

static void test_folder_with_a_bad_image_names_it(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("0");
    write_image("0/a.png", 4, 3, 1, 9);
    write_text("0/b.png", "no image");
    assert_fails(load(&data), DD_FORMAT, "0/b.png: expected an image, found");
    assert_null(data);
}

static void test_folder_survives_every_failed_allocation(void **state) {
    (void)state;
    dd_dataset *data;
    make_folder("0");
    make_folder("x");
    write_image("0/a.png", 4, 3, 1, 9);
    write_image("x/b.png", 5, 3, 3, 9);
    size_t failures = 0;
    for (size_t i = 1; i < 200; i++) { /* one or two that stb_image can do without */
        dd__fail_allocation(i);
        dd_status status = load(&data);
        assert_true(status == DD_OK || (status == DD_MEMORY && !data));
        failures += status == DD_MEMORY;
        dd_dataset_free(data);
    }
    dd__fail_allocation(0);
    assert_in_range(failures, 20, 150);
}

/* The list is these names in the scratch folder. */
static void check_list(dd__names *list, const char *const *names, size_t count) {
    for (size_t i = 0; i < list->count && i < count; i++)
        assert_string_equal(list->names[i], at(names[i]));
    assert_int_equal(list->count, count);
    dd__names_clear(list);
}

static void test_files_are_found_in_the_order_of_their_names(void **state) {
    (void)state;
    make_folder("b/inner");
    make_folder("a");
    make_folder("empty");
    const char *const files[] = {"z.png",         "b/2.jpg",   "b/10.jpeg", "b/inner/x.BMP",
                                 "a/q.gif",       "a/q.txt",   "a/p.pgm",   "b/inner/.hidden.png",
                                 "b/inner/y.psd", "b/noending"};
    for (size_t i = 0; i < DD_COUNT(files); i++) write_text(files[i], "x");
    const char *const expected[] = {"z.png",   "a/p.pgm",       "a/q.gif",      "b/10.jpeg",
                                    "b/2.jpg", "b/inner/x.BMP", "b/inner/y.psd"};
    dd__names list = {.names = NULL};
    const char *path = scratch_folder;
    assert_ok(dd__files_find(&path, 1, &list));
    check_list(&list, expected, DD_COUNT(expected));
}

static void test_files_named_are_taken_whatever_their_names(void **state) {
    (void)state;
    write_text("noending", "x");
    const char *paths[2];
    char first[512], second[512];
    strcpy(first, at("noending"));
    strcpy(second, at("not-there.png"));
    paths[0] = first;
    paths[1] = second;
    dd__names list = {.names = NULL};
    assert_ok(dd__files_find(paths, 2, &list));
    const char *const expected[] = {"noending", "not-there.png"};
    check_list(&list, expected, 2);
}

static void test_files_behind_links_in_circles_are_found_once(void **state) {
    (void)state;
    make_folder("a/b");
    write_text("a/b/1.png", "x");
    assert_int_equal(symlink("..", at("a/b/up")), 0);
    assert_int_equal(symlink(".", at("a/b/here")), 0);
    assert_int_equal(symlink("b/1.png", at("a/link.png")), 0);
    assert_int_equal(symlink("nowhere", at("a/broken.png")), 0);
    char path[512];
    strcpy(path, at("a"));
    const char *const only = path;
    dd__names list = {.names = NULL};
    assert_ok(dd__files_find(&only, 1, &list));
    const char *const expected[] = {"a/broken.png", "a/link.png", "a/b/1.png"};
    check_list(&list, expected, 3);
}

static dd_status add_to_list(void *context, const char *path) {
    return dd__names_add(context, path);
}

static dd_status find_in_list(const char *path, char end, dd__names *list) {
    const char *dash = "-";
    int input = open(path, O_RDONLY);
    assert_true(input >= 0);
    const dd__files_search search = {
        .list = input, .end = end, .function = add_to_list, .context = list};
    dd_status status = dd__files_search_run(&search, &dash, 1);
    close(input);
    return status;
}

static void test_files_come_from_a_list_line_by_line(void **state) {
    (void)state;
    make_folder("a");
    write_text("a/1.png", "x");
    char lines[2048];
    snprintf(lines, sizeof lines, "%s\r\n\n%s", at("x y.dat"), at("a"));
    write_text("list", lines);
    const char *dash = "-";
    dd__names list = {.names = NULL};
    assert_ok(find_in_list(at("list"), '\n', &list));
    const char *const expected[] = {"x y.dat", "a/1.png"};
    check_list(&list, expected, 2);
    assert_ok(dd__files_find(&dash, 1, &list));
    assert_string_equal(list.names[0], "-");
    dd__names_clear(&list);
}

static void test_files_of_a_list_that_ends_paths_with_nul_may_have_any_name(void **state) {
    (void)state;
    char bytes[2048], odd[512];
    snprintf(odd, sizeof odd, "%s", at("two\nlines \xff\r"));
    size_t length = strlen(odd), used = 0;
    memcpy(bytes, odd, length + 1);
    used = length + 1;
    bytes[used++] = 0;               /* an empty path is none */
    memcpy(bytes + used, "last", 4); /* without an end */
    write_file("list", bytes, used + 4);
    dd__names list = {.names = NULL};
    assert_ok(find_in_list(at("list"), 0, &list));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.names[0], odd);
    assert_string_equal(list.names[1], "last");
    dd__names_clear(&list);
}

static void test_files_search_ends_when_it_is_told_to(void **state) {
    (void)state;
    int ends[2];
    const char *dash = "-";
    dd__names list = {.names = NULL};
    const atomic_bool stop = true;
    assert_int_equal(pipe(ends), 0); /* nothing will ever come */
    const dd__files_search search = {
        .list = ends[0], .end = '\n', .stop = &stop, .function = add_to_list, .context = &list};
    assert_int_equal(dd__files_search_run(&search, &dash, 1), DD_INTERRUPTED);
    close(ends[0]);
    close(ends[1]);
}

/* Each folder has links to all others before it. */
static void test_folders_with_many_links_are_walked_once(void **state) {
    (void)state;
    enum { FOLDERS = 150 };
    for (int i = 0; i < FOLDERS; i++) {
        char name[64], target[64];
        snprintf(name, sizeof name, "%03d", i);
        make_folder(name);
        snprintf(name, sizeof name, "%03d/x.png", i);
        write_text(name, "x");
        for (int k = 0; k < i; k++) {
            snprintf(name, sizeof name, "%03d/to%03d", i, k);
            snprintf(target, sizeof target, "../%03d", k);
            assert_int_equal(symlink(target, at(name)), 0);
        }
    }
    const char *path = scratch_folder;
    dd__names list = {.names = NULL};
    assert_ok(dd__files_find(&path, 1, &list));
    assert_int_equal(list.count, FOLDERS);
    dd__names_clear(&list);
}

static void test_pipes_in_folders_are_found_by_their_names(void **state) {
    (void)state;
    assert_int_equal(mkfifo(at("a.png"), 0600), 0);
    assert_int_equal(mkfifo(at("b"), 0600), 0);
    const char *path = scratch_folder, *const expected[] = {"a.png"};
    dd__names list = {.names = NULL};
    assert_ok(dd__files_find(&path, 1, &list));
    check_list(&list, expected, 1);
}

static void test_folder_is_prepared_for_a_target(void **state) {
    (void)state;
    static const char *const names[] = {"cat", "dog", "eel"};
    const dd__target target = {
        .input = {2, 2, 3, DD_PREPARE_AUTO, false, 0, false}, .class_names = names, .classes = 3};
    dd_dataset *loaded;
    make_folder("eel");
    make_folder("cat");
    write_image("eel/a.png", 7, 5, 1, 50);
    write_image("cat/a.png", 2, 2, 3, 60);
    assert_ok(dd__dataset_load(scratch_folder, DD_SPLIT_TRAIN, &target, &loaded));
    assert_int_equal(loaded->count, 2);
    assert_int_equal(loaded->channels, 3);
    assert_int_equal(loaded->classes, 3);
    assert_string_equal(dd_dataset_class_name(loaded, 2), "eel");
    assert_int_equal(dd_dataset_label(loaded, 0), 0);
    assert_int_equal(dd_dataset_label(loaded, 1), 2);
    for (size_t i = 0; i < 12; i++) assert_int_equal(dd_dataset_pixels(loaded, 1)[i], 50);
    dd_dataset_free(loaded);
    make_folder("fox"); /* no class of the target: all are named by the folders */
    write_image("fox/a.png", 3, 3, 1, 50);
    assert_ok(dd__dataset_load(scratch_folder, DD_SPLIT_TRAIN, &target, &loaded));
    assert_string_equal(dd_dataset_class_name(loaded, 1), "eel");
    assert_int_equal(dd_dataset_label(loaded, 1), 1);
    dd_dataset_free(loaded);
}

static void test_files_list_with_an_endless_line_is_refused(void **state) {
    (void)state;
    char *line = malloc(100000);
    memset(line, 'a', 100000);
    write_file("list", line, 100000);
    free(line);
    dd__names list = {.names = NULL};
    assert_fails(find_in_list(at("list"), '\n', &list), DD_USAGE,
                 "standard input: expected paths of at most 4096 bytes");
    dd__names_clear(&list);
}

static void test_files_of_very_deep_folders_are_found(void **state) {
    (void)state;
    char start[4096];
    assert_non_null(getcwd(start, sizeof start));
    assert_int_equal(chdir(scratch_folder), 0);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(mkdir("d", 0777), 0);
        assert_int_equal(chdir("d"), 0);
    }
    FILE *file = fopen("deep.png", "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chdir(start), 0);
    const char *path = scratch_folder;
    dd__names list = {.names = NULL};
    assert_ok(dd__files_find(&path, 1, &list));
    assert_int_equal(list.count, 1);
    dd__names_clear(&list);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, begin_scratch, end_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(test_folders_named_by_numbers_are_labels),
        SCRATCH_TEST(test_folders_named_by_words_are_classes),
        SCRATCH_TEST(test_folder_keeps_colour_only_where_there_is_some),
        SCRATCH_TEST(test_folder_of_several_sizes_is_prepared_as_digits),
        SCRATCH_TEST(test_folder_of_several_sizes_tells_ink_by_its_colour),
        SCRATCH_TEST(test_folder_has_parts_for_training_and_testing),
        SCRATCH_TEST(test_folder_without_images_is_refused),
        SCRATCH_TEST(test_folder_with_a_bad_image_names_it),
        SCRATCH_TEST(test_folder_survives_every_failed_allocation),
        SCRATCH_TEST(test_files_are_found_in_the_order_of_their_names),
        SCRATCH_TEST(test_files_named_are_taken_whatever_their_names),
        SCRATCH_TEST(test_files_behind_links_in_circles_are_found_once),
        SCRATCH_TEST(test_files_come_from_a_list_line_by_line),
        SCRATCH_TEST(test_files_of_a_list_that_ends_paths_with_nul_may_have_any_name),
        SCRATCH_TEST(test_files_search_ends_when_it_is_told_to),
        SCRATCH_TEST(test_folders_with_many_links_are_walked_once),
        SCRATCH_TEST(test_pipes_in_folders_are_found_by_their_names),
        SCRATCH_TEST(test_folder_is_prepared_for_a_target),
        SCRATCH_TEST(test_files_list_with_an_endless_line_is_refused),
        SCRATCH_TEST(test_files_of_very_deep_folders_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
