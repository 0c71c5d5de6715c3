/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions come and go, each with its own memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "partitions.h"

static const struct uuid id = {{1}};

static void each_partition_has_its_own_memory_and_pathway(void **state)
{
    (void)state;
    struct partitions *partitions = partitions_new(10);
    struct partition *first = partitions_add(partitions, "referrals.msk", 0);
    struct partition *second = partitions_add(partitions, "referrals.msk", 1);
    struct partition *third = partitions_add(partitions, "referrals.falls", 0);
    assert_true(memory_add(first->memory, &id, 1, 0));
    assert_int_equal(memory_ask(second->memory, &id, 1), MEMORY_NEW);
    assert_string_equal(first->pathway, "msk");
    assert_string_equal(third->pathway, "falls");
    assert_ptr_equal(partitions_find(partitions, "referrals.msk", 1), second);
    assert_ptr_equal(partitions_find(partitions, "referrals.falls", 0), third);
    assert_null(partitions_find(partitions, "referrals.falls", 1));
    assert_int_equal(partitions_ids(partitions), 1);
    partitions_free(partitions);
}

static void a_partition_that_left_is_gone_and_comes_back_empty(void **state)
{
    (void)state;
    struct partitions *partitions = partitions_new(10);
    struct partition *first = partitions_add(partitions, "referrals.msk", 0);
    assert_true(memory_add(first->memory, &id, 1, 0));
    assert_non_null(partitions_find(partitions, "referrals.msk", 0));
    partitions_remove(partitions, "referrals.msk", 0);
    assert_null(partitions_find(partitions, "referrals.msk", 0));
    first = partitions_add(partitions, "referrals.msk", 0);
    assert_int_equal(memory_count(first->memory), 0);
    assert_true(memory_add(first->memory, &id, 1, 0));
    first = partitions_add(partitions, "referrals.msk", 0); /* assigned again without a revoke */
    assert_int_equal(memory_count(first->memory), 0);
    partitions_free(partitions);
}

static void an_abort_and_a_commit_reach_every_memory(void **state)
{
    (void)state;
    struct partitions *partitions = partitions_new(10);
    struct partition *first = partitions_add(partitions, "referrals.msk", 0);
    struct partition *second = partitions_add(partitions, "referrals.falls", 0);
    assert_true(memory_add(first->memory, &id, 1, 5000));
    assert_true(memory_add(second->memory, &id, 1, 5000));
    partitions_undo(partitions);
    assert_int_equal(partitions_ids(partitions), 0);
    assert_true(memory_add(first->memory, &id, 1, 5000));
    assert_true(memory_add(second->memory, &id, 1, 9000));
    partitions_commit(partitions, 6000);
    partitions_undo(partitions);
    assert_int_equal(memory_count(first->memory), 0); /* too old */
    assert_int_equal(memory_count(second->memory), 1);
    partitions_free(partitions);
}

static void ids_pushed_out_stay_counted_when_their_partition_leaves(void **state)
{
    (void)state;
    struct partitions *partitions = partitions_new(1);
    struct partition *first = partitions_add(partitions, "referrals.msk", 0);
    static const struct uuid other = {{2}};
    assert_true(memory_add(first->memory, &id, 1, 0));
    assert_true(memory_add(first->memory, &other, 1, 0));
    partitions_remove(partitions, "referrals.msk", 0);
    assert_int_equal(partitions_pushed_out(partitions), 1);
    partitions_free(partitions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_partition_has_its_own_memory_and_pathway),
        cmocka_unit_test(a_partition_that_left_is_gone_and_comes_back_empty),
        cmocka_unit_test(an_abort_and_a_commit_reach_every_memory),
        cmocka_unit_test(ids_pushed_out_stay_counted_when_their_partition_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
