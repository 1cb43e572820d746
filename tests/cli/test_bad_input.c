/* test_bad_input.c: whatever is wrong gives one clear message and its exit status, loses nothing
 * that was there, and leaves no half-written file. */
#include <cjson/cJSON.h>
#include <sys/stat.h>

#include "cli/program.h"

typedef struct refusal {
    const char *arguments;
    int status;
    const char *parts[3]; /* of the message; NULL: no more */
} refusal;

/* Runs each; the message begins with the program's name and nothing is on standard output. */
static void expect_refusals(const char *environment, const refusal *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        run_with(environment, cases[i].arguments);
        if (status != cases[i].status)
            fail_msg("%s: expected exit status %d, found %d: %s%s", cases[i].arguments,
                     cases[i].status, status, out, err);
        expect_part(err, "deepdigits: ");
        assert_string_equal(out, "");
        for (size_t j = 0; j < 3 && cases[i].parts[j]; j++) expect_part(err, cases[i].parts[j]);
    }
}

#define EXPECT_REFUSALS_WITH(environment, cases) \
    expect_refusals(environment, cases, sizeof(cases) / sizeof *(cases))
#define EXPECT_REFUSALS(cases) EXPECT_REFUSALS_WITH("", cases)

/* ---- Words --------------------------------------------------------------------------- */

static void test_unknown_words_are_refused_with_the_nearest_known(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"", 2, {"expected a command"}},
        {"trian", 2, {"unknown command trian", "did you mean train?"}},
        {"frobnicate", 2, {"unknown command frobnicate", "see deepdigits --help"}},
        {"--quiet train", 2, {"expected a command before --quiet"}},
        {"train --epoch 3", 2, {"unknown option --epoch;", "--epochs?", "deepdigits train --help"}},
        {"bench --bach=3", 2, {"unknown option --bach", "--batch?"}},
        {"devices --nothing-like-it", 2, {"unknown option --nothing-like-it\n"}},
        {"devices -v", 2, {"unknown option -v", "two dashes"}},
        {"devices extra", 2, {"unexpected argument \"extra\""}},
        {"devices --json=yes", 2, {"--json takes no value"}},
        {"cache clean", 2, {"expected info or clear", "clean"}},
        {"data look here", 2, {"expected info, export or synthesize"}},
    };
    EXPECT_REFUSALS(cases);
}

static void test_missing_words_are_named(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"train --data synthetic", 2, {"expected --output RUN"}},
        {"train --output x --data", 2, {"--data: expected DATA", "found nothing"}},
        {"train --data --output x", 2, {"--data: expected DATA", "found --output"}},
        {"train --data= --output x", 2, {"--data: expected DATA"}},
        {"evaluate --data synthetic", 2, {"expected --model M"}},
        {"predict --model m --data synthetic", 2, {"expected --output F"}},
        {"inspect", 2, {"expected MODEL"}},
        {"classify", 2, {"PATH"}},
        {"classify --model models/small.json -", 2, {"has no weights"}},
        {"data export synthetic", 2, {"expected data export DATA DIR"}},
    };
    EXPECT_REFUSALS(cases);
}

static void test_numbers_out_of_their_limits_are_refused(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"train --epochs 0", 2, {"--epochs: expected a whole number from 1", "found \"0\""}},
        {"train --epochs -3", 2, {"--epochs", "found \"-3\""}},
        {"train --epochs 3x", 2, {"--epochs", "found \"3x\""}},
        {"train --epochs 1.5", 2, {"--epochs: expected a whole number"}},
        {"train --epochs ' 3'", 2, {"--epochs"}},
        {"train --epochs 99999999999999999999", 2, {"--epochs"}},
        {"train --batch 0", 2, {"--batch"}},
        {"train --seed 0", 2, {"--seed"}},
        {"train --validation 1", 2, {"--validation: expected a number from 0 to 0.99"}},
        {"train --validation nan", 2, {"--validation", "found \"nan\""}},
        {"train --learning-rate 0", 2, {"--learning-rate: expected a number above 0"}},
        {"train --learning-rate inf", 2, {"--learning-rate"}},
        {"train --learning-rate 1e999", 2, {"--learning-rate"}},
        {"train --weight-decay -1", 2, {"--weight-decay"}},
        {"train --label-smoothing 1", 2, {"--label-smoothing: expected a number from 0 to 0.99"}},
        {"bench --batch 1,,2", 2, {"--batch"}},
        {"bench --batch 1,0", 2, {"--batch"}},
        {"bench --seconds 0", 2, {"--seconds"}},
        {"tune --seconds -1", 2, {"--seconds"}},
        {"classify --top-k 0 x", 2, {"--top-k"}},
        {"classify --threshold 1.1 x", 2, {"--threshold"}},
        {"devices --threads 0", 2, {"--threads"}},
    };
    EXPECT_REFUSALS(cases);
}

static void test_choices_that_do_not_exist_are_refused(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"train --optimizer rmsprop", 2, {"--optimizer: expected one of sgd, adam, adamw"}},
        {"train --keep first", 2, {"--keep: expected one of best, last"}},
        {"classify --format xml x", 2, {"text, csv, jsonl"}},
        {"classify --prepare magic x", 2, {"auto, digit, plain, none"}},
        {"evaluate --split middle", 2, {"train, test"}},
        {"devices --kernel-class tpu", 2, {"auto, cpu, gpu"}},
        {"bench --json --csv", 2, {"one of --json, --csv and --markdown"}},
        {"train --data synthetic --output x --momentum 0.5", 2, {"--momentum belongs to"}},
        {"train --data synthetic --output x --weight-decay 1", 2, {"--weight-decay belongs to"}},
    };
    EXPECT_REFUSALS(cases);
}

/* ---- Devices ------------------------------------------------------------------------- */

static void test_unknown_devices_are_refused_with_the_candidates(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"selftest --device nowhere", 2, {"nowhere", "reference"}},
        {"bench --device 99 --model models/small.json", 2, {"99", "reference"}},
        {"tune --device all --model models/small.json", 2, {"expected one device"}},
        {"bench --model models/small.json --implementation conv2d", 2, {"expected OP=NAME"}},
        {"bench --model models/small.json --implementation conv2d=nonsense", 2, {"nonsense"}},
        {"bench --model models/small.json --implementation nope=plain", 2, {"nope", "no such op"}},
    };
    EXPECT_REFUSALS(cases);
    run_with("DEEPDIGITS_DEVICE=nowhere", "selftest");
    expect_status(2);
    expect_part(err, "nowhere");
}

static void test_without_a_runtime_nothing_falls_back_silently(void **state) {
    (void)state;
    static const refusal cases[] = {
        {"bench --model models/small.json", 1, {"reference"}},
        {"selftest --device all", 1, {"no OpenCL device"}},
        {"selftest --device gpu", 2, {"gpu", "reference"}},
    };
    EXPECT_REFUSALS_WITH("-u DEEPDIGITS_DEVICE OCL_ICD_VENDORS=/nonexistent", cases);
}

/* The memory of the device that has most, in bytes. */
static double most_memory(void) {
    double most = 0;
    run("devices --json");
    expect_status(0);
    cJSON *json = cJSON_Parse(out);
    const cJSON *device;
    cJSON_ArrayForEach(device, cJSON_GetObjectItem(json, "devices")) {
        double bytes = cJSON_GetNumberValue(cJSON_GetObjectItem(device, "memory_bytes"));
        if (bytes > most && bytes < 1e18) most = bytes; /* the reference names no limit */
    }
    cJSON_Delete(json);
    return most;
}

/* Training keeps ten layers of 40000 x 28 x 28 x 64 floats, 80 GB. */
static void test_a_batch_that_does_not_fit_the_device_is_a_failed_row(void **state) {
    (void)state;
    const char *device = getenv("DEEPDIGITS_DEVICE");
    double bytes = most_memory();
    if (bytes == 0 || bytes > 64e9 || (device && strcmp(device, "reference") == 0)) skip();
    char text[4096];
    size_t used = (size_t)snprintf(
        text, sizeof text,
        "{\"deepdigits\": \"network 1\", \"name\": \"big\", \"input\": {\"height\": 28, "
        "\"width\": 28, \"channels\": 1}, \"classes\": [\"0\", \"1\"], \"layers\": [");
    for (int i = 0; i < 10; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "{\"op\": \"conv2d\", \"filters\": 64, \"kernel\": 1, "
                                 "\"activation\": \"relu\"}, ");
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "{\"op\": \"global_average_pool\"}, {\"op\": \"flatten\"}, "
                             "{\"op\": \"dense\", \"units\": 2}, {\"op\": \"softmax\"}]}");
    make_file("big.json", text, used);
    run("bench --train --model \"$T/big.json\" --batch 40000 --json");
    expect_status(1);
    expect_part(out, "\"failed: ");
    expect_part(err, "1 of 1 measurements failed");
}

/* ---- Networks and models ------------------------------------------------------------- */

static void test_networks_that_are_none_are_refused(void **state) {
    (void)state;
    static const char head[] = "{\"deepdigits\": \"network 1\", \"name\": \"x\", \"input\": "
                               "{\"height\": 28, \"width\": 28, \"channels\": 1}, \"classes\": "
                               "[\"0\", \"1\"], \"layers\": [";
    static const struct {
        const char *name, *layers;
    } files[] = {
        {"layer.json", "{\"op\": \"convolve\"}]}"},
        {"shape.json", "{\"op\": \"conv2d\", \"filters\": 4, \"kernel\": 40}]}"},
        {"zero.json", "{\"op\": \"dense\", \"units\": 0}]}"},
        {"cut.json", "{\"op\": \"flatten\"},"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", head, files[i].layers);
        make_file(files[i].name, text, strlen(text));
    }
    make_file("not.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
    make_file("empty.safetensors", "", 0);
    static const refusal cases[] = {
        {"inspect \"$T/missing.json\"", 2, {"missing.json"}},
        {"inspect \"$T/layer.json\"", 2, {"layer.json", "convolve"}},
        {"inspect \"$T/shape.json\"", 2, {"shape.json", "40"}},
        {"inspect \"$T/zero.json\"", 2, {"zero.json", "units"}},
        {"inspect \"$T/cut.json\"", 2, {"cut.json"}},
        {"inspect \"$T/not.safetensors\"", 2, {"not.safetensors"}},
        {"inspect \"$T/empty.safetensors\"", 2, {"empty.safetensors"}},
        {"inspect \"$T\"", 2, {"deepdigits: "}},
        {"evaluate --model models/small.json --data synthetic:20", 2, {"small"}},
    };
    EXPECT_REFUSALS(cases);
}

static void test_a_truncated_model_is_refused(void **state) {
    (void)state;
    need_model();
    assert_int_equal(system("head -c 3000 \"$T/run/model.safetensors\" >\"$T/cut.safetensors\""),
                     0);
    run("evaluate --model \"$T/cut.safetensors\" --data synthetic:20");
    expect_status(2);
    expect_part(err, "cut.safetensors");
}

static void test_classify_without_a_model_says_how_to_get_one(void **state) {
    (void)state;
    char program[4096];
    assert_non_null(realpath(getenv("DEEPDIGITS_PROGRAM"), program));
    setenv("PROGRAM", program, 1);
    if (system(
            "unset DEEPDIGITS_MODEL; cd \"$T\" && \"$PROGRAM\" classify x.png 2>\"$T/message\"") ==
        0)
        return; /* an installed model was found, as it should be */
    char *message = read_text("message");
    expect_part(message, "deepdigits train");
    free(message);
}

/* ---- Data ---------------------------------------------------------------------------- */

static void make_folder(const char *name) {
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0777), 0);
}

/* Images of 2x2 and labels as IDX; the header promises `images`, the file holds one. */
static void make_idx(const char *name, int images, int label) {
    unsigned char pixels[20] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
    unsigned char labels[9] = {0, 0, 8, 1, 0, 0, 0, 0, 0};
    char path[256];
    pixels[7] = labels[7] = (unsigned char)images;
    labels[8] = (unsigned char)label;
    make_folder(name);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", name);
    make_file(path, pixels, sizeof pixels);
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", name);
    make_file(path, labels, sizeof labels);
}

/* Kaggle's train.csv with one image of `pixels` pixels, of which the last is `value`. */
static void make_csv(const char *name, int pixels, int value) {
    char text[32768];
    size_t used = (size_t)snprintf(text, sizeof text, "label");
    for (int i = 0; i < 784; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ",pixel%d", i);
    used += (size_t)snprintf(text + used, sizeof text - used, "\n1");
    for (int i = 1; i < pixels; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ",%d", i % 256);
    used += (size_t)snprintf(text + used, sizeof text - used, ",%d\n", value);
    make_file(name, text, used);
}

static void test_data_that_lies_is_refused(void **state) {
    (void)state;
    make_idx("lying", 5, 0);
    make_idx("small", 1, 3);
    make_folder("empty");
    make_folder("gz");
    make_file("gz/train-images-idx3-ubyte.gz", "\x1f\x8b\x08garbage", 10);
    make_file("gz/train-labels-idx1-ubyte.gz", "\x1f\x8b\x08garbage", 10);
    make_csv("bad.csv", 784, 256);
    make_csv("short.csv", 100, 0);
    make_file("nothing.csv", "", 0);
    static const refusal cases[] = {
        {"data info \"$T/missing\"", 2, {"missing"}},
        {"data info \"$T/lying\"", 2, {"train-images-idx3-ubyte", "expected", "found"}},
        {"data info \"$T/empty\"", 2, {"empty"}},
        {"data info \"$T/gz\"", 2, {"train-images-idx3-ubyte.gz"}},
        {"data info \"$T/bad.csv\"", 2, {"bad.csv", "256"}},
        {"data info \"$T/short.csv\"", 2, {"short.csv", "line 2", "785"}},
        {"data info \"$T/nothing.csv\"", 2, {"nothing.csv"}},
        {"data info synthetic:0", 2, {"synthetic"}},
        {"data info synthetic:many", 2, {"synthetic"}},
        {"train --model models/small.json --data \"$T/small\" --output \"$T/none\"",
         2,
         {"expected images of 28x28x1", "2x2x1"}},
    };
    EXPECT_REFUSALS(cases);
    assert_false(file_exists("none"));
}

/* ---- Outputs ------------------------------------------------------------------------- */

static void test_unwritable_outputs_are_refused_before_the_work(void **state) {
    (void)state;
    need_model();
    make_file("file", "kept", 4);
    static const refusal cases[] = {
        {"train --model models/small.json --data synthetic:64 --output \"$T/file\"", 2, {"/file"}},
        {"train --model models/small.json --data synthetic:64 --output \"$T/file/run\"",
         2,
         {"/file/run"}},
        {"predict --model \"$T/run/model.safetensors\" --data synthetic:64 --output \"$T\"",
         2,
         {"found a folder"}},
        {"predict --model \"$T/run/model.safetensors\" --data synthetic:64 --output \"$T/no/x\"",
         2,
         {"cannot write", "/no/x"}},
        {"classify --model \"$T/run/model.safetensors\" --output \"$T/file/x\" x.png",
         2,
         {"cannot write"}},
        {"data export synthetic:4 \"$T/file\"", 2, {"/file"}},
    };
    EXPECT_REFUSALS(cases);
    assert_null(strstr(err, "epoch"));
    char *text = read_text("file");
    assert_string_equal(text, "kept");
    free(text);
}

static void test_a_full_disk_is_reported(void **state) {
    (void)state;
    need_model();
    run("predict --model \"$T/run/model.safetensors\" --data synthetic:64 --output /dev/full");
    expect_status(2);
    expect_part(err, "cannot write /dev/full");
}

static void test_a_failed_prediction_keeps_the_file_that_was_there(void **state) {
    (void)state;
    need_model();
    make_folder("kept");
    make_file("kept/submission.csv", "before\n", 7);
    run("predict --model \"$T/run/model.safetensors\" --data synthetic:64 --device nowhere "
        "--output \"$T/kept/submission.csv\"");
    expect_status(2);
    char *text = read_text("kept/submission.csv");
    assert_string_equal(text, "before\n");
    free(text);
    assert_int_equal(count_entries("kept", ""), 1);
}

static void test_a_failed_training_leaves_no_folder(void **state) {
    (void)state;
    run("train --model models/small.json --data synthetic:64 --output \"$T/never\" "
        "--device nowhere");
    expect_status(2);
    assert_false(file_exists("never"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_words_are_refused_with_the_nearest_known),
        cmocka_unit_test(test_missing_words_are_named),
        cmocka_unit_test(test_numbers_out_of_their_limits_are_refused),
        cmocka_unit_test(test_choices_that_do_not_exist_are_refused),
        cmocka_unit_test(test_unknown_devices_are_refused_with_the_candidates),
        cmocka_unit_test(test_without_a_runtime_nothing_falls_back_silently),
        cmocka_unit_test(test_a_batch_that_does_not_fit_the_device_is_a_failed_row),
        cmocka_unit_test(test_networks_that_are_none_are_refused),
        cmocka_unit_test(test_a_truncated_model_is_refused),
        cmocka_unit_test(test_classify_without_a_model_says_how_to_get_one),
        cmocka_unit_test(test_data_that_lies_is_refused),
        cmocka_unit_test(test_unwritable_outputs_are_refused_before_the_work),
        cmocka_unit_test(test_a_full_disk_is_reported),
        cmocka_unit_test(test_a_failed_prediction_keeps_the_file_that_was_there),
        cmocka_unit_test(test_a_failed_training_leaves_no_folder),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
