/* Files and folders through a model, on one device. */
#include "run/fixture.h"

#include "model/model.h"

typedef struct seen {
    size_t rows, failed;
    int classes[64];
    char last_failure[512], last_label[16];
} seen;

static dd_status see(void *context, const dd_classify_row *row) {
    seen *s = context;
    if (row->status == DD_OK) {
        s->classes[s->rows - s->failed] = row->classes[0];
        snprintf(s->last_label, sizeof s->last_label, "%s", row->labels[0]);
        assert_true(row->probabilities[0] > 0 && row->probabilities[0] <= 1);
    } else {
        s->failed++;
        snprintf(s->last_failure, sizeof s->last_failure, "%s", row->message);
    }
    s->rows++;
    return DD_OK;
}

static void test_a_folder_is_classified_as_its_pixels_are(void **state) {
    (void)state;
    enum { COUNT = 20 };
    char digits[512];
    float rows[COUNT * CLASSES];
    seen s = {0};
    dd_classify_result result;
    dd_classify_options options = {.batch = 8};
    snprintf(digits, sizeof digits, "%s/digits", folder);
    save_digits(digits, COUNT);
    predict_on(device, 64, COUNT, rows);
    const char *paths[] = {digits};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, see, &s, &result), DD_OK);
    assert_int_equal(s.rows, COUNT);
    assert_int_equal(s.failed, 0);
    assert_int_equal(result.files, COUNT);
    assert_int_equal(result.share_count, 1);
    assert_int_equal(result.shares[0].images, COUNT);
    dd_classify_result_clear(&result);
    for (size_t i = 0; i < COUNT; i++)
        for (int c = 0; c < CLASSES; c++)
            assert_true(rows[i * CLASSES + (size_t)s.classes[i]] >= rows[i * CLASSES + (size_t)c]);
}

static void test_a_broken_file_is_a_row_and_not_the_end(void **state) {
    (void)state;
    char mixed[512], broken[600], missing[600];
    snprintf(mixed, sizeof mixed, "%s/mixed", folder);
    save_digits(mixed, 3);
    snprintf(broken, sizeof broken, "%s/0001.png", mixed);
    snprintf(missing, sizeof missing, "%s/nothing.png", mixed);
    assert_int_equal(dd__file_write(broken, "no picture", 10), DD_OK);
    const char *paths[] = {mixed, missing};
    seen s = {0};
    dd_classify_result result;
    assert_int_equal(dd_classify(&device, 1, model, paths, 2, NULL, see, &s, &result), DD_OK);
    assert_int_equal(s.rows, 4);
    assert_int_equal(s.failed, 2);
    assert_int_equal(result.failed, 2);
    dd_classify_result_clear(&result);
    assert_non_null(strstr(s.last_failure, "nothing.png"));
}

static dd_status keep_blank(void *context, const dd_classify_row *row) {
    size_t *rows = context;
    assert_int_equal(row->status, DD_OK);
    assert_string_equal(row->message, "no ink");
    assert_string_equal(row->labels[0], "?");
    assert_true(row->probabilities[0] == 0);
    ++*rows;
    return DD_OK;
}

static void test_a_sheet_without_ink_is_a_row_that_says_so(void **state) {
    (void)state;
    enum { SIDE = 60 };
    char sheet[512];
    uint8_t pixels[SIDE * SIDE];
    size_t rows = 0;
    dd_classify_result result;
    memset(pixels, 230, sizeof pixels);
    snprintf(sheet, sizeof sheet, "%s/sheet.png", folder);
    assert_int_equal(dd__image_save_png(sheet, &(dd__image){SIDE, SIDE, 1, pixels}), DD_OK);
    const char *paths[] = {sheet};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, NULL, keep_blank, &rows, &result),
                     DD_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(result.failed, 0);
    dd_classify_result_clear(&result);
}

static void test_a_network_that_gives_no_numbers_has_classified_nothing(void **state) {
    (void)state;
    char digits[512], file[600];
    dd_model *broken;
    seen s = {0};
    snprintf(digits, sizeof digits, "%s/nan", folder);
    snprintf(file, sizeof file, "%s/nan.safetensors", folder);
    save_digits(digits, 2);
    assert_int_equal(dd_model_save(model, file), DD_OK);
    assert_int_equal(dd_model_load(file, &broken), DD_OK);
    broken->tensors[broken->tensor_count - 1].data[0] = (float)NAN;
    const char *paths[] = {digits};
    assert_int_equal(dd_classify(&device, 1, broken, paths, 1, NULL, see, &s, NULL), DD_OK);
    assert_int_equal(s.rows, 2);
    assert_int_equal(s.failed, 2);
    assert_non_null(strstr(s.last_failure, "not finite"));
    dd_model_free(broken);
}

static void test_nothing_to_classify_is_said(void **state) {
    (void)state;
    char empty[512];
    snprintf(empty, sizeof empty, "%s/empty", folder);
    assert_int_equal(dd__folder_make(empty), DD_OK);
    const char *paths[] = {empty};
    seen s = {0};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, NULL, see, &s, NULL), DD_USAGE);
    assert_int_equal(s.rows, 0);
}

static void test_below_the_threshold_the_answer_is_a_question_mark(void **state) {
    (void)state;
    char one[512];
    snprintf(one, sizeof one, "%s/one", folder);
    save_digits(one, 1);
    const char *paths[] = {one};
    seen s = {0};
    dd_classify_options options = {.threshold = 1.0};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, see, &s, NULL), DD_OK);
    assert_string_equal(s.last_label, "?");
    options.threshold = 1.5;
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, see, &s, NULL), DD_USAGE);
    options = (dd_classify_options){.top_k = 11};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, see, &s, NULL), DD_USAGE);
}

static dd_status refuse_third(void *context, const dd_classify_row *row) {
    size_t *rows = context;
    (void)row;
    return ++*rows == 3 ? DD_IO : DD_OK;
}

static void test_who_gets_the_rows_can_end_the_job(void **state) {
    (void)state;
    char digits[512];
    size_t rows = 0;
    snprintf(digits, sizeof digits, "%s/ended", folder);
    save_digits(digits, 20);
    const char *paths[] = {digits};
    dd_classify_options options = {.batch = 2};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, refuse_third, &rows, NULL),
                     DD_IO);
    assert_int_equal(rows, 3);
}

static dd_status interrupt(void *context, const dd_classify_row *row) {
    (void)row;
    ++*(size_t *)context;
    dd_interrupt();
    return DD_OK;
}

static void test_an_interrupted_job_ends_with_whole_rows(void **state) {
    (void)state;
    char digits[512];
    size_t rows = 0;
    dd_classify_result result;
    snprintf(digits, sizeof digits, "%s/interrupted", folder);
    save_digits(digits, 40);
    const char *paths[] = {digits};
    dd_classify_options options = {.batch = 2};
    dd_status status =
        dd_classify(&device, 1, model, paths, 1, &options, interrupt, &rows, &result);
    dd_clear_interrupt();
    assert_int_equal(status, DD_INTERRUPTED);
    assert_non_null(strstr(dd_message(), "interrupted after "));
    assert_true(rows > 0 && rows < 40 && rows % 2 == 0);
    assert_int_equal(result.files, rows);
    dd_classify_result_clear(&result);
}

/* Files that take different times to read, on more threads than there are cores. */
static dd_status keep_paths(void *context, const dd_classify_row *row) {
    char **at = context;
    *at += sprintf(*at, "%s\n", strrchr(row->path, '/') + 1);
    return DD_OK;
}

static void test_rows_are_in_order_however_many_threads_read(void **state) {
    (void)state;
    enum { COUNT = 60 };
    char mixed[512], name[64], found[COUNT * 16] = "", expected[COUNT * 16] = "", *end = found;
    snprintf(mixed, sizeof mixed, "%s/threads", folder);
    save_digits(mixed, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        sprintf(name, "%04zu.png", i);
        sprintf(expected + strlen(expected), "%s\n", name);
        if (i % 5) continue;
        char path[640];
        snprintf(path, sizeof path, "%s/%s", mixed, name);
        dd__image large;
        const dd__image small = {28, 28, 1, (uint8_t *)dd_dataset_pixels(data, i)};
        assert_int_equal(dd__image_resize(&small, 900, 900, &large), DD_OK);
        assert_int_equal(dd__image_save_png(path, &large), DD_OK);
        dd__image_clear(&large);
    }
    const char *paths[] = {mixed};
    dd_classify_options options = {.batch = 4, .decode_threads = 7};
    assert_int_equal(dd_classify(&device, 1, model, paths, 1, &options, keep_paths, &end, NULL),
                     DD_OK);
    assert_string_equal(found, expected);
}

/* ---- A model's own preparation --------------------------------------------------------- */

static dd_status keep_row(void *context, const dd_classify_row *row) {
    float *sum = context;
    assert_int_equal(row->status, DD_OK);
    for (unsigned k = 0; k < row->count; k++) sum[row->classes[k]] = row->probabilities[k];
    return DD_OK;
}

/* One dense layer, whose answer can be computed here: logit c is the mean of channel c as prepared. */
static void test_channels_have_scales_and_shifts_of_their_own(void **state) {
    (void)state;
    enum { SIDE = 4, PIXELS = SIDE * SIDE };
    static const char network[] = "{\"deepdigits\": \"network 1\", \"name\": \"rgb\","
                                  "\"input\": {\"height\": 4, \"width\": 4, \"channels\": 3},"
                                  "\"preparation\": {\"scale\": [0.01, 0.02, -0.005], \"shift\": "
                                  "[-1, 0.5, 2], \"crop\": true},"
                                  "\"classes\": [\"red\", \"green\", \"blue\"],"
                                  "\"layers\": [{\"op\": \"flatten\"}, {\"op\": \"dense\", "
                                  "\"units\": 3}, {\"op\": \"softmax\"}]}";
    static const double scale[] = {0.01, 0.02, -0.005}, shift[] = {-1, 0.5, 2};
    const uint8_t color[] = {200, 90, 30};
    char file[512], saved[512], pictures[512], picture[600];
    dd_model *rgb, *loaded;
    snprintf(file, sizeof file, "%s/rgb.json", folder);
    snprintf(saved, sizeof saved, "%s/rgb.safetensors", folder);
    assert_int_equal(dd__file_write(file, network, strlen(network)), DD_OK);
    assert_int_equal(dd_model_load(file, &rgb), DD_OK);
    assert_int_equal(dd_model_initialize(rgb, 1), DD_OK);
    for (size_t t = 0; t < rgb->tensor_count; t++) {
        bool is_weight = strstr(rgb->tensors[t].name, "weight") != NULL;
        size_t count = is_weight ? PIXELS * 3 * 3 : 3; /* (inputs, units) */
        for (size_t i = 0; i < count; i++)
            rgb->tensors[t].data[i] = is_weight && i / 3 % 3 == i % 3
                                          ? 1.0f / PIXELS
                                          : 0; /* input i / 3 is channel i / 3 % 3 */
    }
    assert_int_equal(dd_model_save(rgb, saved), DD_OK);
    assert_int_equal(dd_model_load(saved, &loaded), DD_OK);
    uint8_t pixels[8 * 10 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = color[i % 3];
    snprintf(pictures, sizeof pictures, "%s/rgb/green", folder);
    assert_int_equal(dd__folder_make(pictures), DD_OK);
    snprintf(picture, sizeof picture, "%s/a.png", pictures);
    assert_int_equal(dd__image_save_png(picture, &(dd__image){10, 8, 3, pixels}), DD_OK);
    double expected[3], sum = 0;
    for (int c = 0; c < 3; c++) sum += expected[c] = exp(color[c] * scale[c] + shift[c]);
    float found[3] = {0};
    const char *paths[] = {picture};
    dd_classify_options options = {.top_k = 3};
    assert_int_equal(dd_classify(&device, 1, loaded, paths, 1, &options, keep_row, found, NULL),
                     DD_OK);
    for (int c = 0; c < 3; c++) assert_true(fabs((double)found[c] - expected[c] / sum) < 1e-5);
    /* and where a folder becomes a dataset, on the device */
    dd_dataset *folders;
    dd_evaluation *evaluation;
    snprintf(pictures, sizeof pictures, "%s/rgb", folder);
    assert_int_equal(dd_dataset_load_for(loaded, pictures, DD_SPLIT_TRAIN, false, &folders), DD_OK);
    assert_int_equal(dd_dataset_label(folders, 0), 1); /* green, though it is the only folder */
    assert_int_equal(dd_evaluate(device, loaded, folders, 0, &evaluation), DD_OK);
    assert_true(fabs(evaluation->loss + log(expected[1] / sum)) < 1e-5);
    dd_evaluation_free(evaluation);
    dd_dataset_free(folders);
    dd_model_free(loaded);
    dd_model_free(rgb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_is_classified_as_its_pixels_are),
        cmocka_unit_test(test_a_broken_file_is_a_row_and_not_the_end),
        cmocka_unit_test(test_a_sheet_without_ink_is_a_row_that_says_so),
        cmocka_unit_test(test_a_network_that_gives_no_numbers_has_classified_nothing),
        cmocka_unit_test(test_nothing_to_classify_is_said),
        cmocka_unit_test(test_below_the_threshold_the_answer_is_a_question_mark),
        cmocka_unit_test(test_who_gets_the_rows_can_end_the_job),
        cmocka_unit_test(test_an_interrupted_job_ends_with_whole_rows),
        cmocka_unit_test(test_rows_are_in_order_however_many_threads_read),
        cmocka_unit_test(test_channels_have_scales_and_shifts_of_their_own),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
