/* Several devices in one process share what there is to classify: the default device, which computes with
 * kernels, and the reference, which does not, opened as often as a test wants. */
#include "run/fixture.h"

#include <time.h>

#include "device/opencl.h"

enum { MOST = 240 };

/* Rows as they came. */
typedef struct seen {
    size_t count;
    char paths[MOST][64]; /* without the folder */
    dd_status status[MOST];
    int classes[MOST];
    float probabilities[MOST];
    long pause_ms;         /* after each row */
    dd_device *victims[2]; /* lost with row number `losing` */
    size_t losing;
} seen;

static dd_status see(void *context, const dd_classify_row *row) {
    seen *s = context;
    assert_true(s->count < MOST);
    snprintf(s->paths[s->count], sizeof *s->paths, "%s", strrchr(row->path, '/') + 1);
    s->status[s->count] = row->status;
    if (row->count) s->classes[s->count] = row->classes[0];
    if (row->count) s->probabilities[s->count] = row->probabilities[0];
    s->count++;
    for (size_t i = 0; i < 2; i++)
        if (s->victims[i] && s->count == s->losing) s->victims[i]->lost = true;
    nanosleep(&(struct timespec){.tv_nsec = s->pause_ms * 1000000}, NULL);
    return DD_OK;
}

/* Warnings since the test began, one a line. */
static char warnings[16384];

static void keep_warnings(void *context, dd_log_level level, const char *line) {
    (void)context;
    size_t used = strlen(warnings);
    if (level == DD_LOG_WARNING) snprintf(warnings + used, sizeof warnings - used, "%s\n", line);
}

static size_t count_warnings(const char *part) {
    size_t count = 0;
    for (const char *at = warnings; (at = strstr(at, part)) != NULL; at++) count++;
    return count;
}

/* ---- Devices ---------------------------------------------------------------------------- */

static dd_device *opened[4];
static size_t opened_count;

/* A device more; `implementations` as in dd_device_options. */
static dd_device *open_one(const char *selector, const char *implementations) {
    dd_device_options options = {.implementations = implementations, .without_selftest = true};
    dd_status status = dd_device_open(selector, &options, &opened[opened_count]);
    if (status != DD_OK) print_error("%s\n", dd_message());
    assert_int_equal(status, DD_OK);
    return opened[opened_count++];
}

static dd_device *open_broken(void) { return open_one(NULL, "conv2d=nonsense"); }

static int start(void **state) {
    (void)state;
    warnings[0] = 0;
    dd_set_log(keep_warnings, NULL);
    return 0;
}

/* Lost devices would keep their memory, which a test must not. */
static int close_opened(void **state) {
    (void)state;
    dd_set_log(NULL, NULL);
    for (; opened_count; opened_count--) {
        opened[opened_count - 1]->lost = false;
        dd_device_close(opened[opened_count - 1]);
    }
    return 0;
}

/* ---- Jobs ------------------------------------------------------------------------------- */

/* `folder`/name: its path, with `count` digits when it is new. */
static const char *digits(const char *name, size_t count) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!dd__is_folder(path)) save_digits(path, count);
    return path;
}

static dd_status classify(dd_device *const *devices, size_t count, const char *path, unsigned batch,
                          seen *s, dd_classify_result *result) {
    const char *paths[] = {path};
    dd_classify_options options = {.batch = batch};
    s->count = 0;
    return dd_classify(devices, count, model, paths, 1, &options, see, s, result);
}

/* A row says the same as the file's of one device alone. They are in that one's order; where the last device was
 * lost, one may be missing before another that was computed. */
static void assert_alike(const seen *s, const seen *alone) {
    size_t k = 0;
    for (size_t i = 0; i < s->count; i++, k++) {
        while (k < alone->count && strcmp(s->paths[i], alone->paths[k]) != 0) k++;
        assert_true(k < alone->count);
        assert_int_equal(s->status[i], alone->status[k]);
        if (alone->status[k] != DD_OK) continue;
        assert_int_equal(s->classes[i], alone->classes[k]);
        assert_true(fabsf(s->probabilities[i] - alone->probabilities[k]) <= 1e-4f);
    }
}

static size_t all_images(const dd_classify_result *result) {
    size_t sum = 0;
    for (size_t i = 0; i < result->share_count; i++) sum += result->shares[i].images;
    return sum;
}

/* ---- All is well ------------------------------------------------------------------------ */

/* Both get something as soon as both are ready, which the pauses leave time for. */
static void test_rows_are_in_order_whatever_device_computed_them(void **state) {
    (void)state;
    static seen alone, both;
    bool shared = false;
    dd_classify_result result;
    const char *path = digits("many", MOST);
    dd_device *const devices[] = {device, reference};
    assert_int_equal(classify(&device, 1, path, 2, &alone, NULL), DD_OK);
    assert_int_equal(alone.count, MOST);
    for (long attempt = 0; attempt < 6 && !shared; attempt++) {
        both.pause_ms = 1 + 4 * attempt;
        assert_int_equal(classify(devices, 2, path, 2, &both, &result), DD_OK);
        assert_int_equal(both.count, MOST);
        assert_alike(&both, &alone);
        assert_int_equal(result.share_count, 2);
        assert_ptr_equal(result.shares[1].device, reference);
        assert_int_equal(all_images(&result), MOST);
        shared = result.shares[0].images && result.shares[1].images;
        dd_classify_result_clear(&result);
    }
    assert_true(shared);
    assert_string_equal(warnings, "");
}

/* Which of the three stays idle depends on how soon the search knows that there are no more than two. */
static void test_fewer_images_than_devices(void **state) {
    (void)state;
    static seen s, alone;
    dd_classify_result result;
    dd_device *const devices[] = {reference, open_one("reference", NULL), device};
    assert_int_equal(classify(&reference, 1, digits("two", 2), 1, &alone, NULL), DD_OK);
    assert_int_equal(classify(devices, 3, digits("two", 2), 1, &s, &result), DD_OK);
    assert_int_equal(s.count, 2);
    assert_alike(&s, &alone);
    assert_int_equal(result.share_count, 3);
    assert_int_equal(all_images(&result), 2);
    dd_classify_result_clear(&result);
    assert_string_equal(warnings, "");
}

static void test_broken_files_are_rows_in_their_places(void **state) {
    (void)state;
    enum { COUNT = 30 };
    static seen s, alone;
    const char *path = digits("broken", COUNT);
    dd_device *const devices[] = {device, reference};
    for (size_t i = 0; i < COUNT; i++) {
        char file[600];
        snprintf(file, sizeof file, "%s/%04zu.png", path, i);
        bool bad = i % 3 == 1 || (i >= 12 && i < 18); /* whole batches among them */
        if (bad) assert_int_equal(dd__file_write(file, "no picture", 10), DD_OK);
    }
    dd_classify_result result;
    assert_int_equal(classify(&reference, 1, path, 3, &alone, NULL), DD_OK);
    assert_int_equal(classify(devices, 2, path, 3, &s, &result), DD_OK);
    assert_int_equal(s.count, COUNT);
    assert_alike(&s, &alone);
    assert_int_equal(s.status[1], DD_FORMAT);
    assert_int_equal(result.failed, 14);
    assert_int_equal(all_images(&result), COUNT - 14);
    dd_classify_result_clear(&result);
}

static void test_an_empty_folder_is_bad_usage(void **state) {
    (void)state;
    static seen s;
    dd_classify_result result;
    dd_device *const devices[] = {device, reference};
    assert_int_equal(classify(devices, 2, digits("empty", 0), 1, &s, &result), DD_USAGE);
    assert_int_equal(s.count, 0);
    dd_classify_result_clear(&result);
}

static void test_devices_must_be_there_and_differ(void **state) {
    (void)state;
    static seen s;
    dd_device *const devices[] = {reference, device, reference};
    assert_int_equal(classify(devices, 3, digits("two", 2), 1, &s, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "the same"));
    assert_int_equal(classify(devices, 0, digits("two", 2), 1, &s, NULL), DD_USAGE);
    assert_int_equal(s.count, 0);
}

/* ---- Devices fail ----------------------------------------------------------------------- */

static void test_a_device_that_fails_at_once_is_named_and_left_out(void **state) {
    (void)state;
    static seen s, alone;
    dd_classify_result result;
    dd_device *const devices[] = {open_broken(), reference};
    assert_int_equal(classify(&reference, 1, digits("some", 20), 3, &alone, NULL), DD_OK);
    assert_int_equal(classify(devices, 2, digits("some", 20), 3, &s, &result), DD_OK);
    assert_int_equal(s.count, 20);
    assert_alike(&s, &alone);
    assert_int_equal(result.shares[0].images, 0);
    assert_int_equal(result.shares[0].status, DD_USAGE);
    assert_non_null(strstr(result.shares[0].message, "nonsense"));
    assert_int_equal(result.shares[1].images, 20);
    assert_int_equal(result.shares[1].status, DD_OK);
    assert_int_equal(count_warnings("is left out: "), 1);
    assert_int_equal(count_warnings(dd_device_describe(devices[0])->name), 1);
    dd_classify_result_clear(&result);
}

/* There is one batch, so at first one device; each that fails lets the next try. */
static void test_devices_stand_by_for_those_that_fail(void **state) {
    (void)state;
    static seen s;
    dd_classify_result result;
    dd_device *const devices[] = {open_broken(), open_broken(), reference};
    assert_int_equal(classify(devices, 3, digits("two", 2), 64, &s, &result), DD_OK);
    assert_int_equal(s.count, 2);
    assert_int_equal(result.shares[2].images, 2);
    assert_int_equal(count_warnings("is left out: "), 2);
    dd_classify_result_clear(&result);
}

/* The reference goes on, and the rows are all there. */
static void test_a_device_lost_in_the_middle_is_replaced(void **state) {
    (void)state;
    static seen s, alone;
    dd_classify_result result;
    const char *path = digits("many", MOST);
    assert_int_equal(classify(&reference, 1, path, 1, &alone, NULL), DD_OK);
    dd_device *const devices[] = {open_one(NULL, NULL), reference};
    s = (seen){.pause_ms = 2, .victims = {devices[0]}, .losing = 10};
    assert_int_equal(classify(devices, 2, path, 1, &s, &result), DD_OK);
    assert_int_equal(s.count, MOST);
    assert_alike(&s, &alone);
    assert_int_equal(all_images(&result), MOST);
    assert_int_equal(result.shares[0].status, DD_DEVICE);
    assert_non_null(strstr(result.shares[0].message, "stopped working"));
    assert_int_equal(result.shares[1].status, DD_OK);
    assert_int_equal(count_warnings("is left out: "), 1);
    dd_classify_result_clear(&result);
}

static void test_the_job_ends_with_the_last_device(void **state) {
    (void)state;
    static seen s, alone;
    dd_classify_result result;
    const char *path = digits("many", MOST);
    assert_int_equal(classify(&reference, 1, path, 1, &alone, NULL), DD_OK);
    dd_device *const devices[] = {open_one(NULL, NULL), open_one(NULL, NULL)};
    s = (seen){.pause_ms = 2, .victims = {devices[0], devices[1]}, .losing = 10};
    assert_int_equal(classify(devices, 2, path, 1, &s, &result), DD_DEVICE);
    assert_non_null(strstr(dd_message(), "none of the 2 devices is left"));
    assert_non_null(strstr(dd_message(), "stopped working"));
    assert_in_range(s.count, 10, MOST - 1); /* what was computed is handed over */
    assert_int_equal(result.files, s.count);
    assert_int_equal(all_images(&result), s.count);
    assert_alike(&s, &alone);
    dd_classify_result_clear(&result);
}

/* Nothing tells that there could have been others. */
static void test_a_single_device_fails_with_its_own_message(void **state) {
    (void)state;
    static seen s;
    dd_device *const devices[] = {open_broken()};
    assert_int_equal(classify(devices, 1, digits("two", 2), 1, &s, NULL), DD_USAGE);
    assert_null(strstr(dd_message(), "left"));
    assert_non_null(strstr(dd_message(), "nonsense"));
    assert_string_equal(warnings, "");
    assert_int_equal(s.count, 0);
}

static void test_a_network_without_weights_is_no_devices_fault(void **state) {
    (void)state;
    dd_model *empty;
    static seen s;
    dd_device *const devices[] = {device, reference};
    const char *paths[] = {digits("two", 2)};
    assert_int_equal(dd_model_load("models/small.json", &empty), DD_OK);
    assert_int_equal(dd_classify(devices, 2, empty, paths, 1, NULL, see, &s, NULL), DD_USAGE);
    assert_non_null(strstr(dd_message(), "no weights"));
    assert_string_equal(warnings, "");
    dd_model_free(empty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, start, close_opened)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(rows_are_in_order_whatever_device_computed_them),
        TEST(fewer_images_than_devices),
        TEST(broken_files_are_rows_in_their_places),
        TEST(an_empty_folder_is_bad_usage),
        TEST(devices_must_be_there_and_differ),
        TEST(a_device_that_fails_at_once_is_named_and_left_out),
        TEST(devices_stand_by_for_those_that_fail),
        TEST(a_device_lost_in_the_middle_is_replaced),
        TEST(the_job_ends_with_the_last_device),
        TEST(a_single_device_fails_with_its_own_message),
        TEST(a_network_without_weights_is_no_devices_fault),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
