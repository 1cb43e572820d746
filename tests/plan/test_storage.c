/* The memory plan: blocks alive together never overlap, and what is dead is reused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "plan/storage.h"

enum { MANY = 200 };
static const size_t NO_LIMIT = SIZE_MAX - SIZE_MAX % DD__ALIGNMENT;

static void assert_sound(const dd__block *blocks, size_t count, size_t total) {
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(blocks[i].offset % DD__ALIGNMENT, 0);
        assert_true(blocks[i].offset + blocks[i].bytes <= total);
        for (size_t j = 0; j < i; j++) {
            const dd__block *a = &blocks[i], *b = &blocks[j];
            bool together = a->first <= b->last && b->first <= a->last;
            bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            assert_true(!together || apart || a->bytes == 0 || b->bytes == 0);
        }
    }
}

static void test_random_lifetimes_never_overlap(void **state) {
    (void)state;
    dd__random random = dd__random_start(7, DD__STREAM_TEST);
    for (int round = 0; round < 50; round++) {
        dd__block blocks[MANY];
        for (size_t i = 0; i < MANY; i++) {
            size_t first = dd__random_below(&random, 100);
            blocks[i] = (dd__block){dd__random_below(&random, 100000), first,
                                    first + dd__random_below(&random, 20), 0};
        }
        size_t total;
        assert_int_equal(dd__storage_plan(blocks, MANY, NO_LIMIT, &total), DD_OK);
        assert_sound(blocks, MANY, total);
    }
}

static void test_no_block_crosses_the_end_of_a_piece(void **state) {
    (void)state;
    enum { PIECE = 100 * DD__ALIGNMENT };
    dd__random random = dd__random_start(8, DD__STREAM_TEST);
    for (int round = 0; round < 50; round++) {
        dd__block blocks[MANY];
        for (size_t i = 0; i < MANY; i++) {
            size_t first = dd__random_below(&random, 100);
            blocks[i] = (dd__block){1 + dd__random_below(&random, PIECE), first,
                                    first + dd__random_below(&random, 20), 0};
        }
        size_t total;
        assert_int_equal(dd__storage_plan(blocks, MANY, PIECE, &total), DD_OK);
        assert_sound(blocks, MANY, total);
        assert_true(total > PIECE);
        for (size_t i = 0; i < MANY; i++)
            assert_int_equal(blocks[i].offset / PIECE,
                             (blocks[i].offset + blocks[i].bytes - 1) / PIECE);
    }
}

static void test_a_chain_needs_two_blocks(void **state) {
    (void)state;
    dd__block blocks[10]; /* each lives until the next one was computed from it */
    for (size_t i = 0; i < 10; i++) blocks[i] = (dd__block){4096, i, i + 1, 0};
    size_t total;
    assert_int_equal(dd__storage_plan(blocks, 10, NO_LIMIT, &total), DD_OK);
    assert_sound(blocks, 10, total);
    assert_int_equal(total, 2 * 4096);
}

static void test_equal_lifetimes_add_up(void **state) {
    (void)state;
    dd__block blocks[3] = {{1, 0, 5, 0}, {1025, 0, 5, 0}, {4096, 0, 5, 0}};
    size_t total;
    assert_int_equal(dd__storage_plan(blocks, 3, NO_LIMIT, &total), DD_OK);
    assert_sound(blocks, 3, total);
    assert_int_equal(total, 1024 + 2048 + 4096);
}

static void test_no_memory_is_said(void **state) {
    (void)state;
    dd__block block = {1024, 0, 0, 0};
    size_t total;
    dd__fail_allocation(1);
    assert_int_equal(dd__storage_plan(&block, 1, NO_LIMIT, &total), DD_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_lifetimes_never_overlap),
        cmocka_unit_test(test_no_block_crosses_the_end_of_a_piece),
        cmocka_unit_test(test_a_chain_needs_two_blocks),
        cmocka_unit_test(test_equal_lifetimes_add_up),
        cmocka_unit_test(test_no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
