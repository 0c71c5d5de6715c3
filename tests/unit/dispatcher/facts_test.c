// SPDX-License-Identifier: Apache-2.0
// What waits for a transaction to be committed, and what it holds up.
#include "stage.h"

static void what_is_kept_of_a_delivered_one_survives_aborted_transactions(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_write write;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 200, NULL);
    assert_true(deliver_next_result(stage.core, &write));
    assert_int_equal(write.fact, FACT_DELIVERED);
    assert_int_equal(write.job->record_size, 5);
    deliver_keep_only(stage.core, write.job, "by", 2);
    deliver_aborted(stage.core);
    assert_true(deliver_next_result(stage.core, &write));
    assert_int_equal(write.fact, FACT_DELIVERED);
    assert_int_equal(write.job->record_size, 2);
    assert_memory_equal(write.job->record, "by", 2);
    commit(&stage);
    assert_int_equal(counts_of(&stage).pending, 0);
    deliver_free(stage.core);
}

/* Once a transaction full of intents stopped all sends until its commit. */
static void intents_hold_up_no_sends(void **state)
{
    (void)state;
    struct stage stage;
    memset(&stage, 0, sizeof(stage));
    struct deliver_options options = stage_options(&stage);
    options.intent = true;
    options.in_flight_max = 1; /* eight results that are not committed stop it */
    open_stage_with(&stage, &options);
    restore(&stage);
    read_delivery(&stage, 0, 0, true, 60);
    turn(&stage, false);
    EXPECT(&stage, "send-again 0");
    read_delivery(&stage, 1, 0, true, 60);
    for (int i = 2; i < 20; i++)
        read_delivery(&stage, i, 0, false, 60);
    write_all(&stage, false);
    stage.said[0] = '\0';
    answer(&stage, 0, 200, NULL);
    turn(&stage, false);
    EXPECT(&stage, "delivered 0, send-again 1");
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_of_a_delivered_one_survives_aborted_transactions),
        cmocka_unit_test(intents_hold_up_no_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
