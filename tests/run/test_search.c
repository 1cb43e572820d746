/* The tuner's search: what is wrong is never chosen, what is faster is, and it goes on where it was
 * stopped. On the default device, with implementations made for these tests. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ops/ops.h"
#include "run/search.h"

static dd_device *device;

static int open_device(void **state) {
    (void)state;
    dd_device_options options = {.without_selftest = true};
    return dd_device_open(NULL, &options, &device) == DD_OK ? 0 : -1;
}

static int close_device(void **state) {
    (void)state;
    dd_device_close(device);
    return 0;
}

/* ---- Implementations ------------------------------------------------------------------- */

/* A product C (M,N) = A (M,K) B (K,N) by cl/gemm.cl, `times` times over. */
static dd_status multiply(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                          int times) {
    const dd__implementation *const *i = dd__op_gemm.implementations;
    while (strcmp((*i)->name, "plain") != 0) i++;
    for (int k = 0; k < times; k++) DD_TRY((*i)->record(recorder, node, site));
    return DD_OK;
}

static dd_status record_slow(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return multiply(recorder, node, site, 24);
}
static dd_status record_fast(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return multiply(recorder, node, site, 1);
}
/* The fastest of all: leaves C as it was. */
static dd_status record_nothing(dd__recorder *recorder, const dd__node *node,
                                const dd__site *site) {
    (void)recorder;
    (void)node;
    (void)site;
    return DD_OK;
}
/* The same, but not for the small batch that is judged against the reference. */
static dd_status record_small(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    return multiply(recorder, node, site, node->out[0]->dims.d[0] <= 2);
}

/* Right at 1, which is slow (but not as slow as `slow`), and 3; at 2 it would be the fastest, were it not wrong. */
static const dd__tunable speeds[] = {
    {.name = "speed", .values = {1, 2, 3}, .usual = 1, .help = "how fast"},
    {.name = "hue", .values = {1, 2}, .usual = 1, .help = "without effect"},
    {0},
};
static dd_status record_set(dd__recorder *recorder, const dd__node *node, const dd__site *site) {
    static const int times[] = {0, 8, 0, 1};
    return multiply(recorder, node, site, times[dd__setting(node, site->device, speeds, 0)]);
}

static const dd__implementation slow = {
    .name = "slow", .classes = DD__ANYWHERE, .record = record_slow};
static const dd__implementation fast = {
    .name = "fast", .classes = DD__ANYWHERE, .record = record_fast};
static const dd__implementation nothing = {
    .name = "nothing", .classes = DD__ANYWHERE, .record = record_nothing};
static const dd__implementation small_only = {
    .name = "small_only", .classes = DD__ANYWHERE, .record = record_small};
static const dd__implementation settable = {
    .name = "settable", .classes = DD__ANYWHERE, .record = record_set, .tunables = speeds};

/* ---- Searches -------------------------------------------------------------------------- */

typedef struct seen { /* what the search told, in order: "fast! " is rejected, "=fast " chosen */
    char text[512];
    size_t stop_after; /* candidates; 0: never */
    size_t count;
} seen;

static void take(void *context, const dd_tune_step *step) {
    seen *to = context;
    size_t used = strlen(to->text);
    snprintf(to->text + used, sizeof to->text - used, "%s%s%s ",
             step->event == DD_TUNE_CHOSEN ? "=" : "", step->choice,
             step->event == DD_TUNE_REJECTED ? "!" : "");
    assert_true((step->event == DD_TUNE_REJECTED) == (step->reason != NULL));
    if (step->event != DD_TUNE_REJECTED) assert_true(step->seconds > 0 && isfinite(step->seconds));
    if (step->event != DD_TUNE_CHOSEN && ++to->count == to->stop_after) dd_interrupt();
}

/* A node (rows,256) x (256,256) of an op with these implementations. */
static dd__graph *graph_of(const dd__op *op, uint32_t rows) {
    dd__graph *graph;
    dd__value *in[2], *out;
    assert_int_equal(dd__graph_create(false, 1, &graph), DD_OK);
    assert_int_equal(dd__graph_input(graph, "a", DD__F32, DD_DIMS(rows, 256), &in[0]), DD_OK);
    assert_int_equal(dd__graph_input(graph, "b", DD__F32, DD_DIMS(256, 256), &in[1]), DD_OK);
    assert_int_equal(dd__graph_add1(graph, op, "product", NULL, in, 2, &out), DD_OK);
    return graph;
}

/* `best_first` ends with NULL. */
static void search(const dd__implementation *const *best_first, double seconds, dd__tuning *tuning,
                   seen *to) {
    dd__op op = dd__op_gemm;
    op.name = "product";
    op.implementations = best_first;
    dd__graph *full = graph_of(&op, 64), *small = graph_of(&op, 2);
    dd__tuner tuner = {
        .device = device, .ends = dd__seconds() + seconds, .function = take, .context = to};
    assert_int_equal(dd__search(&tuner, full->nodes[0], small->nodes[0], tuning), DD_OK);
    assert_int_equal(tuner.measured, to->count);
    dd__graph_free(full);
    dd__graph_free(small);
}

static const char *text_of(const dd__tuning *tuning) {
    static char text[DD__CHOICE_TEXT];
    return tuning->choice.implementation ? dd__choice_print(&tuning->choice, text) : "";
}

static void test_the_faster_one_is_chosen(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&slow, &fast, NULL}, 60, &tuning, &to);
    assert_string_equal(to.text, "slow fast =fast ");
    assert_string_equal(text_of(&tuning), "fast");
    assert_true(tuning.seconds > 0 && tuning.seconds < 0.97 * tuning.default_seconds);
    assert_true(dd__search_is_complete(&tuning));
}

static void test_a_default_that_is_fastest_stays(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&fast, &slow, NULL}, 60, &tuning, &to);
    assert_string_equal(text_of(&tuning), "fast");
    assert_true(tuning.seconds == tuning.default_seconds);
    assert_true(dd__search_is_complete(&tuning));
}

static void test_what_computes_wrongly_is_never_chosen(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&fast, &nothing, &small_only, NULL}, 60, &tuning,
           &to);
    assert_string_equal(to.text, "fast nothing! small_only! =fast ");
    assert_string_equal(text_of(&tuning), "fast");
}

static void test_a_default_that_is_wrong_gives_way(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&nothing, &slow, NULL}, 60, &tuning, &to);
    assert_string_equal(to.text, "nothing! slow =slow ");
    assert_string_equal(text_of(&tuning), "slow");
    assert_true(tuning.default_seconds == 0);
}

static void test_where_all_are_wrong_none_is_chosen(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&nothing, &small_only, NULL}, 60, &tuning, &to);
    assert_null(strchr(to.text, '='));
    assert_false(dd__search_is_complete(&tuning));
}

static void test_a_setting_that_is_wrong_is_never_chosen(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&settable, NULL}, 60, &tuning, &to);
    assert_non_null(strstr(to.text, "settable settable:speed=2! settable:speed=3 "));
    assert_null(strstr(to.text, "speed=1")); /* the default itself */
    assert_int_equal(tuning.choice.settings[0], 3);
    assert_true(dd__search_is_complete(&tuning));
}

static void test_without_time_the_default_is_measured_and_nothing_else(void **state) {
    (void)state;
    dd__tuning tuning = {0};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&slow, &fast, NULL}, -1, &tuning, &to);
    assert_string_equal(to.text, "slow =slow ");
    assert_int_equal(tuning.stages, 0);
    assert_false(dd__search_is_complete(&tuning));
}

static void test_an_interrupted_search_goes_on_where_it_was(void **state) {
    (void)state;
    static const dd__implementation *const all[] = {&slow, &settable, NULL};
    dd__tuning tuning = {.choice = {.implementation = &settable}, .stages = 1};
    seen first = {.text = "", .stop_after = 3}, then = {.text = ""};
    search(all, 60, &tuning, &first);
    dd_clear_interrupt();
    assert_non_null(strstr(first.text, "settable settable:speed=2! settable:speed=3 ="));
    assert_string_equal(text_of(&tuning), "settable:speed=3");
    assert_int_equal(tuning.stages, 1); /* the stage under way was not done for sure */
    assert_false(dd__search_is_complete(&tuning));

    search(all, 60, &tuning, &then);
    assert_int_equal(strncmp(then.text, "settable:speed=3 ", 17), 0);
    assert_null(strstr(then.text, "slow")); /* implementations are not tried again */
    assert_non_null(strstr(then.text, "hue=2"));
    assert_true(dd__search_is_complete(&tuning));
    assert_int_equal(tuning.choice.settings[0], 3);
}

static void test_what_was_known_and_is_wrong_now_is_searched_anew(void **state) {
    (void)state;
    dd__tuning tuning = {.choice = {.implementation = &settable, .settings = {2}}, .stages = 2};
    seen to = {.text = ""};
    search((const dd__implementation *const[]){&settable, &slow, NULL}, 60, &tuning, &to);
    assert_int_equal(strncmp(to.text, "settable:speed=2! settable slow ", 32), 0);
    assert_int_equal(tuning.choice.settings[0], 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_faster_one_is_chosen),
        cmocka_unit_test(test_a_default_that_is_fastest_stays),
        cmocka_unit_test(test_what_computes_wrongly_is_never_chosen),
        cmocka_unit_test(test_a_default_that_is_wrong_gives_way),
        cmocka_unit_test(test_where_all_are_wrong_none_is_chosen),
        cmocka_unit_test(test_a_setting_that_is_wrong_is_never_chosen),
        cmocka_unit_test(test_without_time_the_default_is_measured_and_nothing_else),
        cmocka_unit_test(test_an_interrupted_search_goes_on_where_it_was),
        cmocka_unit_test(test_what_was_known_and_is_wrong_now_is_searched_anew),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
