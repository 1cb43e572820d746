/* The report's page: what is in it, whatever the run was like, and what cannot get into it. What its
 * script makes of it is looked at in a browser. */
#include <math.h>

#include <cjson/cJSON.h>

#include "base/memory.h"
#include "data/image.h"
#include "data/scratch.h"
#include "report/markup.h"
#include "report/page.h"

static dd_device *device;

static int open_device(void **state) {
    dd_device_options options = {.without_selftest = true};
    return begin_scratch(state) || dd_device_open(NULL, &options, &device) != DD_OK ? -1 : 0;
}

static int close_device(void **state) {
    dd_device_close(device);
    return end_scratch(state);
}

/* ---- Runs ------------------------------------------------------------------------------ */

#define NETWORK                                                                             \
    "{\"deepdigits\":\"network 1\",\"name\":\"%s\","                                        \
    "\"input\":{\"height\":28,\"width\":28,\"channels\":1},"                                \
    "\"layers\":[{\"op\":\"flatten\"},{\"op\":\"dense\",\"units\":10,\"name\":\"logits\"}," \
    "{\"op\":\"softmax\"}]}"

static dd_model *make_model(const char *name) {
    char text[1024];
    dd_model *model;
    snprintf(text, sizeof text, NETWORK, name);
    write_text("network.json", text);
    assert_int_equal(dd_model_load(at("network.json"), &model), DD_OK);
    return model;
}

/* Trains for `epochs` on 200 synthetic digits, of which `fraction` are for validation. */
static const char *train_on(const char *source, const char *name, unsigned epochs,
                            double fraction) {
    dd_dataset *all, *first = NULL, *second = NULL;
    dd_model *model = make_model("tiny");
    dd_train_options options = {.epochs = epochs,
                                .batch = 32,
                                .augment = "rotation=15",
                                .output = at(name),
                                .command = "deepdigits train"};
    assert_int_equal(dd_dataset_load(source, DD_SPLIT_TRAIN, &all), DD_OK);
    if (fraction > 0) assert_int_equal(dd_dataset_divide(all, fraction, 7, &first, &second), DD_OK);
    assert_int_equal(dd_train(device, model, first ? first : all, second, &options, NULL), DD_OK);
    dd_dataset_free(second);
    dd_dataset_free(first);
    dd_dataset_free(all);
    dd_model_free(model);
    return at(name);
}

static const char *train(const char *name, unsigned epochs, double fraction) {
    return train_on("synthetic:200", name, epochs, fraction);
}

/* ---- Pages ----------------------------------------------------------------------------- */

static char *page_of(const char *run) {
    char path[600], *text;
    size_t size;
    snprintf(path, sizeof path, "%s/report.html", run);
    assert_int_equal(dd__file_read(path, 1 << 24, &text, &size), DD_OK);
    return text;
}

static cJSON *data_of(const char *page) {
    static const char before[] = "<script type=\"application/json\" id=\"report\">";
    const char *begin = strstr(page, before), *end;
    assert_non_null(begin);
    begin += sizeof before - 1;
    end = strstr(begin, "</script>");
    assert_non_null(end);
    cJSON *data = cJSON_ParseWithLength(begin, (size_t)(end - begin));
    assert_non_null(data);
    return data;
}

static cJSON *report_on(const char *run, const char *source) {
    assert_int_equal(dd_report(device, run, source), DD_OK);
    char *page = page_of(run);
    cJSON *data = data_of(page);
    dd__free(page);
    return data;
}

/* The value at "evaluation.samples.0.label". */
static const cJSON *find(const cJSON *data, const char *path) {
    char word[64];
    for (size_t length; *path; path += length + (path[length] == '.')) {
        length = strcspn(path, ".");
        snprintf(word, sizeof word, "%.*s", (int)length, path);
        data = cJSON_IsArray(data) ? cJSON_GetArrayItem(data, atoi(word))
                                   : cJSON_GetObjectItemCaseSensitive(data, word);
        if (!data) fail_msg("\"%s\" is missing", path);
    }
    return data;
}

static double number(const cJSON *data, const char *path) {
    const cJSON *item = find(data, path);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *text(const cJSON *data, const char *path) {
    const char *found = cJSON_GetStringValue(find(data, path));
    assert_non_null(found);
    return found;
}

static int length(const cJSON *data, const char *path) {
    const cJSON *item = find(data, path);
    assert_true(cJSON_IsArray(item));
    return cJSON_GetArraySize(item);
}

static double sum(const cJSON *data, const char *path) {
    double all = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, find(data, path)) all += item->valuedouble;
    return all;
}

static size_t occurrences(const char *page, const char *what) {
    size_t found = 0;
    for (; (page = strstr(page, what)); page++) found++;
    return found;
}

/* ---- A whole run ----------------------------------------------------------------------- */

static void test_the_page_holds_curves_network_data_and_mistakes(void **state) {
    (void)state;
    cJSON *data = report_on(train("whole", 2, 0.25), NULL);
    char row[64];
    double all = 0, right = 0;
    assert_string_equal(text(data, "model.name"), "tiny");
    assert_string_equal(text(data, "run.command"), "deepdigits train");
    assert_string_equal(text(data, "run.options.seed"), "42");
    assert_string_equal(text(data, "run.data.division"), "7");
    assert_string_equal(text(data, "run.outcome"), "finished");
    assert_string_equal(text(data, "files.0"), "model.safetensors");
    assert_int_equal(length(data, "epochs"), 2);
    assert_int_equal(length(data, "model.layers"), 3);
    assert_int_equal((int)number(data, "model.layers.1.parameters"), 7850);
    assert_int_equal((int)sum(data, "data.training"), 150);
    assert_int_equal((int)sum(data, "data.evaluated"), 50);
    assert_string_equal(text(data, "evaluation.set"), "validation");
    for (int i = 0; i < 10; i++) {
        snprintf(row, sizeof row, "evaluation.confusion.%d", i);
        all += sum(data, row);
        snprintf(row, sizeof row, "evaluation.confusion.%d.%d", i, i);
        right += number(data, row);
    }
    assert_int_equal((int)all, 50);
    assert_true(fabs(number(data, "evaluation.accuracy") - right / 50) <= 1e-12);
    assert_int_equal(length(data, "evaluation.wrong"), (int)(50 - right));
    cJSON_Delete(data);
}

/* The right ones are counted bin by bin; a bin without images has no mean. */
static void test_the_reliability_curve_is_that_of_all_evaluated_images(void **state) {
    (void)state;
    cJSON *data = report_on(train("calibrated", 2, 0.25), NULL);
    const cJSON *bin;
    double all = 0, right = 0, error = 0;
    cJSON_ArrayForEach(bin, find(data, "evaluation.calibration")) {
        double count = number(bin, "count");
        all += count;
        if (count > 0) {
            right += count * number(bin, "accuracy");
            error += count / 50 * fabs(number(bin, "accuracy") - number(bin, "confidence"));
        } else {
            assert_true(cJSON_IsNull(find(bin, "accuracy")));
            assert_true(cJSON_IsNull(find(bin, "confidence")));
        }
    }
    assert_int_equal(length(data, "evaluation.calibration"), DD_CALIBRATION_BINS);
    assert_true(all == 50);
    assert_true(fabs(number(data, "evaluation.accuracy") - right / 50) <= 1e-9);
    assert_true(fabs(number(data, "evaluation.calibration_error") - error) <= 1e-9);
    cJSON_Delete(data);
}

static void test_the_page_needs_no_network_and_keeps_the_licence(void **state) {
    (void)state;
    const char *run = train("alone", 1, 0.25);
    cJSON_Delete(report_on(run, NULL));
    char *page = page_of(run);
    assert_null(strstr(page, "src=\"http"));
    assert_null(strstr(page, "href=\"http"));
    assert_null(strstr(page, "@import"));
    assert_null(strstr(page, "{{"));
    assert_non_null(strstr(page, "Chart.js v3"));
    assert_non_null(strstr(page, "The above copyright notice and this permission notice"));
    assert_non_null(strstr(page, "<svg class=\"network\""));
    dd__free(page);
}

static void test_mistakes_come_surest_first(void **state) {
    (void)state;
    cJSON *data = report_on(train("sure", 1, 0.5), NULL);
    int count = length(data, "evaluation.wrong");
    double before = 1;
    assert_true(count > 1);
    for (int i = 0; i < count; i++) {
        const cJSON *row = cJSON_GetArrayItem(find(data, "evaluation.wrong"), i);
        double sure = number(row, "answers.0.probability");
        assert_true(sure <= before + 1e-6);
        assert_true(sure >= number(row, "label_probability"));
        assert_int_not_equal((int)number(row, "answers.0.class"), (int)number(row, "label"));
        before = sure;
    }
    cJSON_Delete(data);
}

/* So that an image can be found with `data export`, or by its row in train.csv. */
static void test_an_image_has_the_number_it_had_before_the_division(void **state) {
    (void)state;
    cJSON *data = report_on(train("numbered", 1, 0.25), NULL);
    dd_dataset *all, *first, *second;
    assert_int_equal(dd_dataset_load("synthetic:200", DD_SPLIT_TRAIN, &all), DD_OK);
    assert_int_equal(dd_dataset_divide(all, 0.25, 7, &first, &second), DD_OK);
    for (int i = 0; i < 24; i++) {
        const cJSON *row = cJSON_GetArrayItem(find(data, "evaluation.samples"), i);
        size_t place = (size_t)i * 50 / 24, found = (size_t)number(row, "number");
        assert_memory_equal(dd_dataset_pixels(all, found), dd_dataset_pixels(second, place), 784);
        assert_int_equal(dd_dataset_label(all, found), (int)number(row, "label"));
    }
    dd_dataset_free(second);
    dd_dataset_free(first);
    dd_dataset_free(all);
    cJSON_Delete(data);
}

static void test_augmented_images_differ_from_epoch_to_epoch(void **state) {
    (void)state;
    cJSON *data = report_on(train("augmented", 1, 0.25), NULL);
    assert_int_equal(length(data, "data.augmented"), 10); /* one a class */
    for (int i = 1; i < 4; i++) {
        char now[48], before[48];
        snprintf(now, sizeof now, "data.augmented.0.images.%d", i);
        snprintf(before, sizeof before, "data.augmented.0.images.%d", i - 1);
        assert_string_not_equal(text(data, now), text(data, before));
    }
    cJSON_Delete(data);
}

static void test_without_validation_the_test_images_are_measured(void **state) {
    (void)state;
    cJSON *data = report_on(train("none", 1, 0), NULL);
    assert_string_equal(text(data, "evaluation.set"), "test");
    assert_int_equal((int)number(data, "run.best_epoch"), 0);
    assert_int_equal(length(data, "epochs"), 1);
    assert_true(cJSON_IsNull(find(data, "epochs.0.validation_loss")));
    cJSON_Delete(data);
}

/* ---- What is not there ------------------------------------------------------------------- */

/* 40 images of 10 classes, each of one grey, which begins at `grey`. */
static const char *write_csv(const char *name, int grey) {
    char rows[64 * 784 * 4 + 8000] = "label", *end = rows + 5;
    for (int i = 0; i < 784; i++) end += sprintf(end, ",pixel%d", i);
    for (int row = 0; row < 40; row++) {
        end += sprintf(end, "\n%d", row % 10);
        for (int i = 0; i < 784; i++) end += sprintf(end, ",%d", grey + row);
    }
    write_text(name, rows);
    return at(name);
}

/* A file that is there for the training and not for the report. */
static void test_missing_data_leaves_the_rest_and_says_why(void **state) {
    (void)state;
    const char *run = train_on(write_csv("train.csv", 0), "moved", 1, 0.25);
    assert_int_equal(remove(at("train.csv")), 0);
    cJSON *data = report_on(run, NULL);
    assert_non_null(strstr(text(data, "missing"), "train.csv"));
    assert_null(cJSON_GetObjectItem(data, "evaluation"));
    assert_null(cJSON_GetObjectItem(data, "data"));
    assert_int_equal(length(data, "epochs"), 1);
    cJSON_Delete(data);
}

static void test_as_many_other_images_are_not_taken_for_those_of_the_run(void **state) {
    (void)state;
    char run[512];
    snprintf(run, sizeof run, "%s", train_on(write_csv("train.csv", 0), "changed", 1, 0.25));
    assert_int_equal(dd_report(device, run, write_csv("other.csv", 1)), DD_FORMAT);
    assert_non_null(strstr(dd_message(), "other.csv: expected the images and labels that"));
    write_csv("train.csv", 1);
    cJSON *data = report_on(run, NULL);
    assert_non_null(strstr(text(data, "missing"), "train.csv: expected the images and labels"));
    assert_null(cJSON_GetObjectItem(data, "evaluation"));
    cJSON_Delete(data);
    write_csv("train.csv", 0);
    data = report_on(run, NULL);
    assert_string_equal(text(data, "missing"), "");
    cJSON_Delete(data);
}

static void test_other_data_than_that_of_the_run_are_refused(void **state) {
    (void)state;
    const char *run = train("other", 1, 0.25);
    assert_int_equal(dd_report(device, run, "synthetic:220"), DD_FORMAT);
    assert_non_null(strstr(dd_message(), "expected the 150 images"));
    assert_int_equal(dd_report(device, run, "/nowhere/digits"), DD_IO);
    assert_non_null(strstr(dd_message(), "/nowhere/digits"));
}

static void test_a_report_that_fails_leaves_the_old_one(void **state) {
    (void)state;
    char run[512], model[600];
    snprintf(run, sizeof run, "%s", train("broken", 1, 0.25));
    snprintf(model, sizeof model, "%s/model.safetensors", run);
    cJSON_Delete(report_on(run, NULL));
    char *before = page_of(run);
    assert_int_equal(truncate(model, 100), 0);
    assert_int_equal(dd_report(device, run, NULL), DD_FORMAT);
    assert_non_null(strstr(dd_message(), "model.safetensors"));
    char *after = page_of(run);
    assert_string_equal(before, after);
    dd__free(before);
    dd__free(after);
}

static void test_a_folder_without_a_run_is_refused(void **state) {
    (void)state;
    assert_int_equal(dd_report(device, "/nowhere/run", NULL), DD_IO);
    assert_non_null(strstr(dd_message(), "/nowhere/run"));
}

/* ---- Pages from values ------------------------------------------------------------------- */

/* A run without data whose texts are all `word`. */
static char *page_with(const char *word) {
    dd_model *model = make_model("tiny");
    dd_run run = {
        .options = {.command = word, .schedule = word, .augment = word, .optimizer = word},
        .data = {.source = word},
        .device = word,
        .platform = word,
        .driver = word,
        .version = word,
        .written = word,
        .outcome = word};
    dd__report report = {.run = &run, .model = model, .missing = word};
    dd__writer writer;
    assert_int_equal(dd__writer_open(&writer, at("report.html")), DD_OK);
    assert_int_equal(dd__writer_close(&writer, dd__page_write(writer.stream, &report)), DD_OK);
    dd_model_free(model);
    return page_of(scratch_folder);
}

static void test_text_of_a_run_cannot_become_markup(void **state) {
    (void)state;
    static const char *const words[] = {"</script><img src=x onerror=alert(1)>", "<!--<script>",
                                        "\"}]</SCRIPT \t>", "{{data}}"};
    char *harmless = page_with("word");
    for (size_t i = 0; i < DD_COUNT(words); i++) {
        char *page = page_with(words[i]);
        assert_int_equal(occurrences(page, "<"), occurrences(harmless, "<"));
        cJSON *data = data_of(page);
        assert_string_equal(text(data, "run.command"), words[i]);
        assert_string_equal(text(data, "missing"), words[i]);
        cJSON_Delete(data);
        dd__free(page);
    }
    dd__free(harmless);
}

static void test_a_network_name_with_markup_is_text(void **state) {
    (void)state;
    dd_model *model = make_model("</title><script>{{data}}");
    dd_run run = {.device = "d"};
    dd__report report = {.run = &run, .model = model, .missing = "none"};
    dd__writer writer;
    assert_int_equal(dd__writer_open(&writer, at("report.html")), DD_OK);
    assert_int_equal(dd__writer_close(&writer, dd__page_write(writer.stream, &report)), DD_OK);
    char *page = page_of(scratch_folder);
    assert_null(strstr(page, "<script>{{data}}"));
    assert_non_null(strstr(page, "<title>&lt;/title&gt;&lt;script&gt;{{data}}"));
    dd__free(page);
    dd_model_free(model);
}

static void test_a_run_that_diverged_at_once_has_a_page(void **state) {
    (void)state;
    dd_model *model = make_model("tiny");
    dd_epoch epoch = {1, NAN, 0.1, INFINITY, NAN, 0.001, 1, 100};
    dd_run run = {.outcome = "diverged", .epochs = &epoch, .epoch_count = 1};
    dd__report report = {.run = &run, .model = model, .missing = "none"};
    char *json = dd__page_data(&report);
    assert_non_null(json);
    cJSON *data = cJSON_Parse(json);
    assert_non_null(data);
    assert_true(cJSON_IsNull(find(data, "epochs.0.loss")));
    assert_true(cJSON_IsNull(find(data, "epochs.0.validation_loss")));
    cJSON_Delete(data);
    cJSON_free(json);
    dd_model_free(model);
}

/* ---- Without memory ---------------------------------------------------------------------- */

static size_t until_failure; /* allocations of cJSON that still succeed; 0: all do */

static void *failing_malloc(size_t size) {
    if (until_failure && --until_failure == 0) return NULL;
    return malloc(size);
}

/* A page with all its parts, of two images of two pixels. */
typedef struct small {
    dd_model *model;
    dd_dataset *data;
    dd_epoch epoch;
    dd_run run;
    dd_evaluation evaluation;
    dd__shown shown;
    dd__report report;
} small;

static void make_small(small *s) {
    static const uint8_t pixels[] = {1, 2, 3, 4};
    static const int32_t labels[] = {0, 1};
    static const float answers[] = {0.75F, 0.25F};
    static uint64_t table[] = {1, 0, 1, 0};
    write_text("small.json", "{\"deepdigits\":\"network 1\",\"name\":\"small\","
                             "\"input\":{\"height\":1,\"width\":2,\"channels\":1},"
                             "\"layers\":[{\"op\":\"flatten\"},{\"op\":\"dense\",\"units\":2}]}");
    assert_int_equal(dd_model_load(at("small.json"), &s->model), DD_OK);
    assert_int_equal(dd_dataset_create(pixels, labels, 2, 1, 2, 1, 2, &s->data), DD_OK);
    s->epoch = (dd_epoch){1, 0.5, 0.5, 0.5, 0.5, 0.001, 1, 100};
    s->run = (dd_run){.outcome = "finished", .epochs = &s->epoch, .epoch_count = 1};
    s->run.options.output = scratch_folder;
    s->evaluation = (dd_evaluation){.count = 2, .classes = 2, .confusion = table};
    s->shown = (dd__shown){1, answers};
    s->report = (dd__report){.run = &s->run,
                             .model = s->model,
                             .training = s->data,
                             .augmented = {s->data, s->data, s->data},
                             .evaluated = s->data,
                             .set = "validation",
                             .evaluation = &s->evaluation,
                             .samples = &s->shown,
                             .sample_count = 1,
                             .wrong = &s->shown,
                             .wrong_count = 1};
}

static void free_small(small *s) {
    dd_dataset_free(s->data);
    dd_model_free(s->model);
}

static dd_status write_small(const small *s) {
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, at("small.html")));
    return dd__writer_close(&writer, dd__page_write(writer.stream, &s->report));
}

static void test_no_lost_json_allocation_makes_a_page_with_something_missing(void **state) {
    (void)state;
    cJSON_Hooks hooks = {failing_malloc, free};
    small s = {.model = NULL};
    make_small(&s);
    char *whole = dd__page_data(&s.report);
    assert_non_null(whole);
    size_t failures = 0;
    for (;; failures++) {
        assert_true(failures < 10000);
        until_failure = failures + 1;
        cJSON_InitHooks(&hooks);
        dd_status status = write_small(&s);
        cJSON_InitHooks(NULL);
        if (until_failure) break; /* it needed fewer */
        assert_int_equal(status, DD_MEMORY);
        assert_int_not_equal(access(at("small.html"), F_OK), 0);
    }
    assert_true(failures > 200); /* an item and its name each */
    assert_int_equal(access(at("small.html"), F_OK), 0);
    until_failure = 0;
    char *again = dd__page_data(&s.report);
    assert_string_equal(again, whole);
    cJSON_free(again);
    cJSON_free(whole);
    free_small(&s);
}

/* The counts of the classes, then what the first picture needs; of stb_image_write's allocations the
 * last is left out, as it leaks the one before when that fails. */
static void test_no_lost_picture_makes_a_page_with_something_missing(void **state) {
    (void)state;
    small s = {.model = NULL};
    make_small(&s);
    for (size_t n = 1; n <= 5; n++) {
        dd__fail_allocation(n);
        assert_null(dd__page_data(&s.report));
        dd__fail_allocation(0);
    }
    free_small(&s);
}

/* ---- Pictures ---------------------------------------------------------------------------- */

static int digit_value(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at_digit = strchr(digits, c);
    return c && at_digit ? (int)(at_digit - digits) : -1;
}

/* Decodes what dd__picture made; the pixels are the caller's. */
static dd__image decode(const char *source, unsigned channels) {
    static const char prefix[] = "data:image/png;base64,";
    assert_memory_equal(source, prefix, sizeof prefix - 1);
    source += sizeof prefix - 1;
    size_t size = 0, letters = strlen(source);
    assert_int_equal(letters % 4, 0);
    uint8_t *bytes = dd__alloc(letters + 1, 1);
    assert_non_null(bytes);
    uint32_t group = 0;
    for (size_t i = 0; i < letters && source[i] != '='; i++) {
        assert_true(digit_value(source[i]) >= 0);
        group = group << 6 | (uint32_t)digit_value(source[i]);
        if (i % 4) bytes[size++] = (uint8_t)(group >> (6 - 2 * (i % 4)));
    }
    dd__image image;
    assert_int_equal(dd__image_decode(bytes, size, channels, &image), DD_OK);
    dd__free(bytes);
    return image;
}

static void test_a_picture_decodes_to_its_pixels(void **state) {
    (void)state;
    dd__arena arena = {0};
    uint8_t pixels[31 * 29 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37 + i / 11);
    for (unsigned channels = 1; channels <= 3; channels += 2)
        for (unsigned width = 27; width <= 29; width++) { /* all remainders of three bytes */
            const char *source = dd__picture(&arena, pixels, 31, width, channels);
            assert_non_null(source);
            dd__image image = decode(source, channels);
            assert_int_equal(image.height, 31);
            assert_int_equal(image.width, width);
            assert_memory_equal(image.pixels, pixels, (size_t)31 * width * channels);
            dd__image_clear(&image);
        }
    dd__arena_free(&arena);
}

static void test_a_large_picture_is_shrunk_in_proportion(void **state) {
    (void)state;
    static uint8_t pixels[300 * 100];
    dd__arena arena = {0};
    memset(pixels, 77, sizeof pixels);
    const char *source = dd__picture(&arena, pixels, 300, 100, 1);
    assert_non_null(source);
    dd__image image = decode(source, 1);
    assert_int_equal(image.height, DD__THUMBNAIL);
    assert_int_equal(image.width, DD__THUMBNAIL / 3);
    assert_int_equal(image.pixels[0], 77);
    dd__image_clear(&image);
    dd__arena_free(&arena);
}

static void test_a_picture_without_memory_is_null(void **state) {
    (void)state;
    uint8_t pixels[28 * 28] = {0};
    dd__arena arena = {0};
    dd__fail_allocation(1);
    assert_null(dd__picture(&arena, pixels, 28, 28, 1));
    dd__fail_allocation(0);
    dd__arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_holds_curves_network_data_and_mistakes),
        cmocka_unit_test(test_the_reliability_curve_is_that_of_all_evaluated_images),
        cmocka_unit_test(test_the_page_needs_no_network_and_keeps_the_licence),
        cmocka_unit_test(test_mistakes_come_surest_first),
        cmocka_unit_test(test_an_image_has_the_number_it_had_before_the_division),
        cmocka_unit_test(test_augmented_images_differ_from_epoch_to_epoch),
        cmocka_unit_test(test_without_validation_the_test_images_are_measured),
        cmocka_unit_test(test_missing_data_leaves_the_rest_and_says_why),
        cmocka_unit_test(test_as_many_other_images_are_not_taken_for_those_of_the_run),
        cmocka_unit_test(test_other_data_than_that_of_the_run_are_refused),
        cmocka_unit_test(test_a_report_that_fails_leaves_the_old_one),
        cmocka_unit_test(test_a_folder_without_a_run_is_refused),
        cmocka_unit_test(test_text_of_a_run_cannot_become_markup),
        cmocka_unit_test(test_a_network_name_with_markup_is_text),
        cmocka_unit_test(test_a_run_that_diverged_at_once_has_a_page),
        cmocka_unit_test(test_no_lost_json_allocation_makes_a_page_with_something_missing),
        cmocka_unit_test(test_no_lost_picture_makes_a_page_with_something_missing),
        cmocka_unit_test(test_a_picture_decodes_to_its_pixels),
        cmocka_unit_test(test_a_large_picture_is_shrunk_in_proportion),
        cmocka_unit_test(test_a_picture_without_memory_is_null),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
