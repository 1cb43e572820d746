/* run.json and history.csv: what they hold, and what becomes of damaged ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "train/history.h"

static char folder[] = "/tmp/deepdigits-record-XXXXXX";
static char record[4096];
static char *text; /* of the record, (size) */
static size_t size;

static int make_run(void **state) {
    (void)state;
    dd_device_options quick = {.without_selftest = true};
    dd_train_options options = {.epochs = 2, .output = folder, .command = "say \"hi\" </script>"};
    dd_device *device = NULL;
    dd_dataset *data = NULL;
    dd_model *model = NULL;
    if (!mkdtemp(folder)) return -1;
    snprintf(record, sizeof record, "%s/run.json", folder);
    if (dd_device_open(NULL, &quick, &device) != DD_OK ||
        dd_dataset_load("synthetic:64", DD_SPLIT_TRAIN, &data) != DD_OK ||
        dd_model_load("models/small.json", &model) != DD_OK ||
        dd_train(device, model, data, NULL, &options, NULL) != DD_OK) {
        fprintf(stderr, "%s\n", dd_message());
        return -1;
    }
    dd_model_free(model);
    dd_dataset_free(data);
    dd_device_close(device);
    return dd__file_read(record, 1 << 20, &text, &size) == DD_OK ? 0 : -1;
}

static int remove_run(void **state) {
    (void)state;
    dd__free(text);
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void test_record_reads_back(void **state) {
    (void)state;
    dd_run *run;
    assert_int_equal(dd_run_load(folder, &run), DD_OK);
    assert_string_equal(run->options.command, "say \"hi\" </script>");
    assert_string_equal(run->options.output, folder);
    assert_string_equal(run->data.source, "synthetic:64");
    assert_int_equal(run->data.count, 64);
    assert_int_equal(run->data.classes, 10);
    assert_int_equal(run->validation_count, 0);
    assert_int_equal(run->epoch_count, 2);
    assert_int_equal(run->best_epoch, 0);
    assert_true(isnan(run->epochs[1].validation_loss));
    assert_true(run->epochs[1].loss > 0);
    assert_false(dd_model_has_tensors(run->model));
    assert_string_equal(run->version, dd_version());
    dd_run_free(run);
}

/* A record cut anywhere is refused. */
static void test_truncated_records_are_refused(void **state) {
    (void)state;
    for (size_t length = 0; length < size - 2; length += 37) {
        dd_run *run;
        assert_int_equal(dd__file_write(record, text, length), DD_OK);
        assert_int_equal(dd_run_load(folder, &run), DD_FORMAT);
        assert_non_null(strstr(dd_message(), "run.json"));
    }
    assert_int_equal(dd__file_write(record, text, size), DD_OK);
}

/* One byte changed: refused, or read as something; never a crash. */
static void test_no_damaged_byte_does_harm(void **state) {
    (void)state;
    size_t refused = 0;
    for (size_t at = 0; at < size; at += 3) {
        dd_run *run;
        char was = text[at];
        text[at] = (char)(was == '"' ? 'x' : was == '0' ? '-' : '"');
        assert_int_equal(dd__file_write(record, text, size), DD_OK);
        if (dd_run_load(folder, &run) == DD_OK)
            dd_run_free(run);
        else
            refused++;
        text[at] = was;
    }
    assert_true(refused > size / 10);
    assert_int_equal(dd__file_write(record, text, size), DD_OK);
}

/* Every member without which a run cannot be repeated is missed by name. */
static void test_missing_members_are_named(void **state) {
    (void)state;
    const char *const keys[] = {"\"source\"",     "\"division\"", "\"options\"", "\"schedule\"",
                                "\"augment\"",    "\"network\"",  "\"epochs\"",  "\"driver\"",
                                "\"validation\"", "\"outcome\""};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        dd_run *run;
        const char *found = strstr(text, keys[i]);
        assert_non_null(found);
        size_t at = (size_t)(found - text) + 1;
        text[at] ^= 1;
        assert_int_equal(dd__file_write(record, text, size), DD_OK);
        assert_int_equal(dd_run_load(folder, &run), DD_FORMAT);
        text[at] ^= 1;
        if (!strstr(dd_message(), keys[i])) fail_msg("%s: %s", keys[i], dd_message());
    }
    assert_int_equal(dd__file_write(record, text, size), DD_OK);
}

static void test_history_keeps_every_bit(void **state) {
    (void)state;
    const dd_epoch rows[] = {{1, 1.0 / 3, 0.1, NAN, NAN, 1e-3, 1e9, 12345.6789},
                             {2, nextafter(2.0 / 3, 1), 0.7, 1e-300, 0, 5e-324, 0, 1}};
    dd_epoch back[2];
    size_t count;
    dd__json json = {NULL, false};
    dd__history_json(&json, NULL, NULL, rows, 2);
    char *printed = dd__json_print(&json, false);
    cJSON *array = cJSON_Parse(printed);
    assert_int_equal(dd__history_parse(array, back, 1, &count), DD_FORMAT);
    assert_int_equal(dd__history_parse(array, back, 2, &count), DD_OK);
    assert_int_equal(count, 2);
    assert_true(isnan(back[0].validation_loss) && isnan(back[0].validation_accuracy));
    back[0].validation_loss = back[0].validation_accuracy = 0;
    dd_epoch expected = rows[0];
    expected.validation_loss = expected.validation_accuracy = 0;
    assert_true(back[0].loss == expected.loss && back[0].seconds == expected.seconds);
    assert_true(back[0].images_per_second == expected.images_per_second);
    assert_true(back[1].loss == rows[1].loss); /* of its 17 digits cJSON alone keeps 15 */
    assert_true(back[1].validation_loss == 1e-300 && back[1].learning_rate == 5e-324);
    cJSON_free(printed);
    cJSON_Delete(array);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_reads_back),
        cmocka_unit_test(test_truncated_records_are_refused),
        cmocka_unit_test(test_no_damaged_byte_does_harm),
        cmocka_unit_test(test_missing_members_are_named),
        cmocka_unit_test(test_history_keeps_every_bit),
    };
    return cmocka_run_group_tests(tests, make_run, remove_run);
}
