/* SPDX-License-Identifier: Apache-2.0 */
/* Ids seen before: same, other, forgotten, undone, pushed out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory.h"

#include <string.h>

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{0}};
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static void add(struct memory *memory, uint32_t number, uint64_t digest, int64_t at_ms)
{
    struct uuid id = id_of(number);
    assert_true(memory_add(memory, &id, digest, at_ms));
}

static enum memory_answer ask(const struct memory *memory, uint32_t number, uint64_t digest)
{
    struct uuid id = id_of(number);
    return memory_ask(memory, &id, digest);
}

static void an_id_is_new_then_the_same_or_another(void **state)
{
    (void)state;
    struct memory *memory = memory_new(1000);
    assert_int_equal(ask(memory, 1, 7), MEMORY_NEW);
    add(memory, 1, 7, 1000);
    assert_int_equal(ask(memory, 1, 7), MEMORY_SAME);
    assert_int_equal(ask(memory, 1, 8), MEMORY_OTHER);
    assert_int_equal(ask(memory, 2, 7), MEMORY_NEW);
    memory_free(memory);
}

static void what_was_added_since_the_commit_is_undone(void **state)
{
    (void)state;
    struct memory *memory = memory_new(100000);
    for (uint32_t i = 0; i < 1000; i++)
        add(memory, i, i, 1000);
    memory_commit(memory);
    for (uint32_t i = 1000; i < 5000; i++)
        add(memory, i, i, 1000);
    memory_undo(memory);
    assert_int_equal(memory_count(memory), 1000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(ask(memory, i, i), i < 1000 ? MEMORY_SAME : MEMORY_NEW);
    memory_undo(memory);
    assert_int_equal(memory_count(memory), 1000);
    memory_free(memory);
}

static void the_oldest_are_forgotten_by_time(void **state)
{
    (void)state;
    struct memory *memory = memory_new(1000);
    for (uint32_t i = 0; i < 100; i++)
        add(memory, i, i, 1000 * (int64_t)i);
    memory_forget_before(memory, 1000000);
    assert_int_equal(memory_count(memory), 100); /* not yet committed: could still be undone */
    memory_commit(memory);
    memory_forget_before(memory, 40000);
    assert_int_equal(memory_count(memory), 60);
    assert_int_equal(ask(memory, 39, 39), MEMORY_NEW);
    assert_int_equal(ask(memory, 40, 40), MEMORY_SAME);
    assert_int_equal(memory_pushed_out(memory), 0);
    memory_free(memory);
}

static void past_the_bound_the_oldest_is_pushed_out_and_counted(void **state)
{
    (void)state;
    struct memory *memory = memory_new(500);
    for (uint32_t i = 0; i < 1700; i++) {
        add(memory, i, i, 1000);
        if (i % 100 == 0)
            memory_commit(memory);
    }
    assert_int_equal(memory_count(memory), 500);
    assert_int_equal(memory_pushed_out(memory), 1200);
    for (uint32_t i = 0; i < 1700; i++)
        assert_int_equal(ask(memory, i, i), i < 1200 ? MEMORY_NEW : MEMORY_SAME);
    memory_free(memory);
}

static void undoing_more_than_the_bound_holds_leaves_nothing(void **state)
{
    (void)state;
    struct memory *memory = memory_new(10);
    add(memory, 1, 1, 1000);
    memory_commit(memory);
    for (uint32_t i = 2; i < 40; i++)
        add(memory, i, i, 1000);
    memory_undo(memory);
    assert_int_equal(memory_count(memory), 0);
    for (uint32_t i = 1; i < 40; i++)
        assert_int_equal(ask(memory, i, i), MEMORY_NEW);
    add(memory, 5, 5, 1000);
    assert_int_equal(ask(memory, 5, 5), MEMORY_SAME);
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_new_then_the_same_or_another),
        cmocka_unit_test(what_was_added_since_the_commit_is_undone),
        cmocka_unit_test(the_oldest_are_forgotten_by_time),
        cmocka_unit_test(past_the_bound_the_oldest_is_pushed_out_and_counted),
        cmocka_unit_test(undoing_more_than_the_bound_holds_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
