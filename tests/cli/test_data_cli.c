/* `data`: what info finds, what export writes, as a user sees it. */
#include <cjson/cJSON.h>

#include "cli/program.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CELL = 86 /* of a sheet: 28 * 3 and a gap of 2 */ };

static cJSON *parse(const char *text) {
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(text, &end, true);
    if (!json) fail_msg("not JSON: %s", text);
    return json;
}

static void expect_number(const cJSON *object, const char *key, double expected) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item) || !(item->valuedouble == expected))
        fail_msg("\"%s\": expected %g, found %s", key, expected,
                 item ? cJSON_PrintUnformatted(item) : "nothing");
}

/* ---- Data made here ------------------------------------------------------------------ */

/* What the pixels of a row are. */
enum look { DIM, BLANK, BRIGHT };

/* DIM: black at the edges, inside by `seed`; BRIGHT: that, inverted. */
static unsigned pixel(enum look look, unsigned seed, unsigned k) {
    unsigned r = k / SIDE, c = k % SIDE;
    bool edge = r == 0 || c == 0 || r == SIDE - 1 || c == SIDE - 1;
    unsigned value = edge ? 0 : (r * 7 + c * 3 + seed * 31) % 199 + 1;
    return look == BLANK ? 0 : look == BRIGHT ? 255 - value : value;
}

typedef struct csv {
    char *text;
    size_t used, room;
    bool is_quoted, is_labelled;
} csv;

static void add(csv *file, const char *name, unsigned number, bool first) {
    const char *quote = file->is_quoted ? "\"" : "";
    char digits[16] = "";
    if (file->used + 64 > file->room) {
        file->room = file->room * 2 + 4096;
        file->text = realloc(file->text, file->room);
        assert_non_null(file->text);
    }
    if (number != UINT32_MAX) snprintf(digits, sizeof digits, "%u", number);
    file->used += (size_t)snprintf(file->text + file->used, 64, "%s%s%s%s%s", first ? "" : ",",
                                   quote, name, digits, quote);
}

static void begin_csv(csv *file, bool is_labelled, bool is_quoted) {
    *file = (csv){.is_labelled = is_labelled, .is_quoted = is_quoted};
    if (is_labelled) add(file, "label", UINT32_MAX, true);
    for (unsigned k = 0; k < PIXELS; k++) add(file, "pixel", k, k == 0 && !is_labelled);
    file->text[file->used++] = '\n';
}

static void add_row(csv *file, unsigned label, enum look look, unsigned seed) {
    if (file->is_labelled) add(file, "", label, true);
    for (unsigned k = 0; k < PIXELS; k++)
        add(file, "", pixel(look, seed, k), k == 0 && !file->is_labelled);
    file->text[file->used++] = '\n';
}

static void end_csv(csv *file, const char *name) {
    make_file(name, file->text, file->used);
    free(file->text);
}

/* IDX images, each of `count` seeds `times` over. */
static void make_idx(const char *name, unsigned count, unsigned times) {
    const uint8_t head[] = {0, 0, 8, 3,    0, 0, 0, (uint8_t)(count * times),
                            0, 0, 0, SIDE, 0, 0, 0, SIDE};
    uint8_t *bytes = malloc(sizeof head + (size_t)count * times * PIXELS);
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head);
    for (unsigned i = 0; i < count * times; i++)
        for (unsigned k = 0; k < PIXELS; k++)
            bytes[sizeof head + i * PIXELS + k] = (uint8_t)pixel(DIM, i / times, k);
    make_file(name, bytes, sizeof head + (size_t)count * times * PIXELS);
    free(bytes);
}

/* ---- info ---------------------------------------------------------------------------- */

/* $T/odd: nine images, and three to test with. */
static void need_odd_data(void) {
    csv file;
    if (file_exists("odd")) return;
    assert_int_equal(system("mkdir \"$T/odd\""), 0);
    begin_csv(&file, true, true);
    for (unsigned i = 0; i < 5; i++) add_row(&file, i, DIM, i);
    add_row(&file, 1, DIM, 1);   /* 5: as image 1 */
    add_row(&file, 7, DIM, 2);   /* 6: as image 2, with another label */
    add_row(&file, 9, BLANK, 0); /* 7 and 8: no ink, and alike */
    add_row(&file, 9, BLANK, 0);
    end_csv(&file, "odd/train.csv");
    begin_csv(&file, false, true);
    add_row(&file, 0, DIM, 20);
    add_row(&file, 0, DIM, 3); /* as image 3 of train.csv */
    add_row(&file, 0, DIM, 1); /* as images 1 and 5 */
    end_csv(&file, "odd/test.csv");
}

static void test_info_finds_what_is_odd(void **state) {
    (void)state;
    static const char *const keys[] = {"source",     "split",      "count",          "height",
                                       "width",      "channels",   "mean",           "edge_mean",
                                       "blank",      "duplicates", "contradictions", "shared",
                                       "has_labels", "classes",    "warnings"};
    need_odd_data();
    run("data info \"$T/odd\" --json");
    expect_status(0);
    cJSON *json = parse(out);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        assert_true(i < sizeof keys / sizeof *keys);
        assert_string_equal(item->string, keys[i++]);
    }
    assert_int_equal(i, sizeof keys / sizeof *keys);
    expect_number(json, "count", 9);
    expect_number(json, "blank", 2);
    expect_number(json, "duplicates", 3);
    expect_number(json, "contradictions", 1);
    expect_number(json, "shared", 3); /* images 1, 3 and 5 */
    expect_number(json, "edge_mean", 0);
    static const int counts[] = {1, 2, 1, 1, 1, 0, 0, 1, 0, 2};
    const cJSON *classes = cJSON_GetObjectItem(json, "classes");
    assert_int_equal(cJSON_GetArraySize(classes), 10);
    for (int k = 0; k < 10; k++) expect_number(cJSON_GetArrayItem(classes, k), "count", counts[k]);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "warnings")), 4);
    cJSON_Delete(json);
}

static void test_info_says_in_words_what_is_odd(void **state) {
    (void)state;
    need_odd_data();
    run("data info \"$T/odd\"");
    expect_status(0);
    expect_part(out, "images      9\nsize        28x28x1\n");
    expect_part(out, "blank       2\nduplicates  3\nshared      3 with the test part\n");
    expect_part(out, "warning: no image of class 5, 6, 8: a network cannot learn it\n");
    expect_part(out, "warning: 2 images are blank");
    expect_part(out, "warning: 1 image is byte by byte an earlier one with another label\n");
    expect_part(out, "warning: 3 images are in the test part too");
}

static void test_info_of_the_test_part_looks_at_the_training_part(void **state) {
    (void)state;
    need_odd_data();
    run("data info \"$T/odd\" --split test --json");
    expect_status(0);
    cJSON *json = parse(out);
    expect_number(json, "count", 3);
    expect_number(json, "shared", 2);
    expect_number(json, "duplicates", 0);
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(json, "has_labels")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "classes")), 0);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "split")), "test");
    cJSON_Delete(json);
    run("data info \"$T/odd\" --split test");
    expect_part(out, "labels      none\n");
    expect_part(out, "warning: 2 images are in the training part too");
}

static void test_info_of_data_with_one_part_has_nothing_to_share(void **state) {
    (void)state;
    need_odd_data();
    static const char *const sources[] = {"\"$T/odd/test.csv\"", "synthetic:2000:3", "\"$T/one\""};
    run("data synthesize \"$T/one\" --count 300 --seed 3");
    expect_status(0);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        char line[128];
        snprintf(line, sizeof line, "data info %s --json", sources[i]);
        run(line);
        expect_status(0);
        cJSON *json = parse(out);
        assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, "shared")));
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "warnings")), 0);
        expect_number(json, "duplicates", 0);
        cJSON_Delete(json);
    }
}

static void test_info_finds_a_test_part_that_is_a_copy(void **state) {
    (void)state;
    run("data synthesize \"$T/copied/train\" --count 200 --seed 4");
    expect_status(0);
    assert_int_equal(system("cp -r \"$T/copied/train\" \"$T/copied/test\""), 0);
    run("data info \"$T/copied\" --json");
    expect_status(0);
    cJSON *json = parse(out);
    expect_number(json, "shared", 200);
    cJSON_Delete(json);
}

static void test_info_warns_of_dark_on_bright(void **state) {
    (void)state;
    csv file;
    begin_csv(&file, true, false);
    for (unsigned i = 0; i < 10; i++) add_row(&file, i, BRIGHT, i);
    end_csv(&file, "bright.csv");
    run("data info \"$T/bright.csv\"");
    expect_status(0);
    expect_part(out, "at the edges 255.00\n");
    expect_part(out, "warning: the edges are bright (255 of 255): MNIST's digits");
}

static void test_a_quoted_csv_says_where_a_number_is_wrong(void **state) {
    (void)state;
    csv file;
    begin_csv(&file, true, true);
    add_row(&file, 3, DIM, 0);
    add_row(&file, 300, DIM, 1);
    end_csv(&file, "wrong.csv");
    run("data info \"$T/wrong.csv\"");
    expect_status(2);
    expect_part(err, "wrong.csv: line 3, column 1 (label): expected a whole number from 0 to 255, "
                     "found \"300\"");
    assert_string_equal(out, "");
}

/* ---- export -------------------------------------------------------------------------- */

/* Whether two files have the same bytes. */
static bool are_equal(const char *one, const char *other) {
    char line[512];
    snprintf(line, sizeof line, "cmp -s \"$T/%s\" \"$T/%s\"", one, other);
    return system(line) == 0;
}

/* Exports the same 12 digits to $T/<name> in some way. */
static void export_to(const char *name, const char *options) {
    char line[256];
    snprintf(line, sizeof line, "data export synthetic:12:9 \"$T/%s\" %s", name, options);
    run(line);
    expect_status(0);
    expect_part(err, "wrote 12 images to ");
}

/* The names of all files below $T/<name>, a line each. */
static char *list(const char *name) {
    char line[256];
    snprintf(line, sizeof line, "cd \"$T/%s\" && find . -type f | sort >\"$T/list\"", name);
    assert_int_equal(system(line), 0);
    return read_text("list");
}

static bool folders_are_equal(const char *one, const char *other) {
    char line[256];
    snprintf(line, sizeof line, "diff -r \"$T/%s\" \"$T/%s\" >\"$T/difference\"", one, other);
    return system(line) == 0;
}

static void test_augmented_export_follows_ranges_seed_and_epoch(void **state) {
    (void)state;
    export_to("plain", "");
    export_to("augmented", "--augmented");
    export_to("again", "--augment digits --epoch 1 --seed 42");
    export_to("epoch", "--augmented --epoch 2");
    export_to("seed", "--augmented --seed 43");
    export_to("ranges", "--augment rotation=90");
    export_to("none", "--augment none");
    assert_true(folders_are_equal("augmented", "again"));
    assert_true(folders_are_equal("plain", "none"));
    static const char *const others[] = {"plain", "epoch", "seed", "ranges"};
    char *expected = list("augmented");
    assert_int_equal(count_lines(expected), 12);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(folders_are_equal("augmented", others[i]));
        char *found = list(others[i]); /* classes and numbers stay */
        assert_string_equal(found, expected);
        free(found);
    }
    free(expected);
}

static void test_the_first_images_are_augmented_as_among_all(void **state) {
    (void)state;
    run("data export synthetic:40:9 \"$T/all\" --augmented");
    expect_status(0);
    run("data export synthetic:40:9 \"$T/some\" --augmented --count 5");
    expect_status(0);
    char *names = list("some");
    assert_int_equal(count_lines(names), 5);
    for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
        char one[128], other[128];
        snprintf(one, sizeof one, "some/%s", name);
        snprintf(other, sizeof other, "all/%s", name);
        assert_true(are_equal(one, other));
    }
    free(names);
}

static void test_only_augmenting_opens_a_device(void **state) {
    (void)state;
    run_with("DEEPDIGITS_DEVICE=nonsense", "data export synthetic:5 \"$T/no-device\" "
                                           "--sheet \"$T/no-device.png\"");
    expect_status(0);
    run_with("DEEPDIGITS_DEVICE=nonsense", "data export synthetic:5 \"$T/device\" --augmented");
    expect_status(2);
    expect_part(err, "nonsense");
    assert_false(file_exists("device"));
}

static void test_wrong_export_options_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {
        {"export synthetic:5 \"$T/x\" --augment turn=3", "there is no setting \"turn\"; there are "
                                                         "rotation"},
        {"export synthetic:5 \"$T/x\" --augment rotation=200", "expected a number from 0 to 180"},
        {"export synthetic:5 \"$T/x\" --epoch 2", "--epoch: expected --augmented as well"},
        {"export synthetic:5 \"$T/x\" --augmented --epoch 0", "--epoch: expected a whole number"},
        {"export synthetic:5 --sheet \"$T/x.jpg\"", "--sheet: expected a name that ends in .png"},
        {"export synthetic:5 --sheet .png", "--sheet: expected a name that ends in .png"},
        {"export synthetic:20000 --augmented --count 20000 --sheet \"$T/x.png\"",
         "pixels are too many: expected a smaller --count"},
        {"export synthetic:5 --sheet \"$T/no/such/x.png\"", "no/such/x.png"},
        {"export synthetic:5", "expected data export DATA DIR, or DATA --sheet F.png"},
        {"info synthetic:5 \"$T/x\"", "expected data info DATA"},
        {"info synthetic:5 --augmented", "--augmented is for export and synthesize"},
        {"info synthetic:5 --augment none", "--augment is for export and synthesize"},
        {"info synthetic:5 --sheet \"$T/x.png\"", "--sheet is for export and synthesize"},
        {"show synthetic:5", "expected info, export or synthesize, found \"show\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[256];
        snprintf(line, sizeof line, "data %s", wrong[i][0]);
        run(line);
        expect_status(2);
        expect_part(err, wrong[i][1]);
        assert_string_equal(out, "");
        assert_false(file_exists("x"));
        assert_false(file_exists("x.png"));
        assert_int_equal(count_entries("", "part-"), 0);
    }
}

/* ---- Sheets -------------------------------------------------------------------------- */

/* The size that a PNG's header gives. */
static void expect_size(const char *name, size_t width, size_t height) {
    char *text = read_text(name);
    const uint8_t *bytes = (const uint8_t *)text;
    assert_memory_equal(bytes, "\x89PNG\r\n\x1A\n", 8);
    assert_int_equal((size_t)bytes[18] << 8 | bytes[19], width);
    assert_int_equal((size_t)bytes[22] << 8 | bytes[23], height);
    free(text);
}

static void test_sheets_have_ten_images_in_a_row(void **state) {
    (void)state;
    run("data export synthetic:300:2 --sheet \"$T/hundred.png\"");
    expect_status(0);
    expect_size("hundred.png", 10 * CELL + 2, 10 * CELL + 2);
    run("data export synthetic:300:2 --sheet \"$T/some.PNG\" --count 21");
    expect_status(0);
    expect_size("some.PNG", 10 * CELL + 2, 3 * CELL + 2);
    run("data synthesize \"$T/made\" --sheet \"$T/made.png\" --count 7");
    expect_status(0);
    expect_size("made.png", 10 * CELL + 2, CELL + 2);
}

static void test_augmented_sheets_have_an_image_a_row(void **state) {
    (void)state;
    run("data export synthetic:300:2 --sheet \"$T/ten.png\" --augmented");
    expect_status(0);
    expect_size("ten.png", 10 * CELL + 2, 10 * CELL + 2);
    run("data export synthetic:300:2 --sheet \"$T/four.png\" --augmented --count 4");
    expect_status(0);
    expect_size("four.png", 10 * CELL + 2, 4 * CELL + 2);
    run("data export synthetic:300:2 --sheet \"$T/later.png\" --augmented --count 4 --epoch 2");
    expect_status(0);
    assert_false(are_equal("four.png", "later.png"));
    /* An image ten times over is what an epoch that changes nothing shows. */
    make_idx("three", 3, 1);
    make_idx("thirty", 3, 10);
    run("data export \"$T/three\" --sheet \"$T/three.png\" --augment none");
    expect_status(0);
    run("data export \"$T/thirty\" --sheet \"$T/thirty.png\"");
    expect_status(0);
    assert_true(are_equal("three.png", "thirty.png"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info_finds_what_is_odd),
        cmocka_unit_test(test_info_says_in_words_what_is_odd),
        cmocka_unit_test(test_info_of_the_test_part_looks_at_the_training_part),
        cmocka_unit_test(test_info_of_data_with_one_part_has_nothing_to_share),
        cmocka_unit_test(test_info_finds_a_test_part_that_is_a_copy),
        cmocka_unit_test(test_info_warns_of_dark_on_bright),
        cmocka_unit_test(test_a_quoted_csv_says_where_a_number_is_wrong),
        cmocka_unit_test(test_augmented_export_follows_ranges_seed_and_epoch),
        cmocka_unit_test(test_the_first_images_are_augmented_as_among_all),
        cmocka_unit_test(test_only_augmenting_opens_a_device),
        cmocka_unit_test(test_wrong_export_options_are_refused),
        cmocka_unit_test(test_sheets_have_ten_images_in_a_row),
        cmocka_unit_test(test_augmented_sheets_have_an_image_a_row),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
