// SPDX-License-Identifier: Apache-2.0
// A send that fails for a fault of ours is no attempt: the provider was not called.
#include "stage.h"

static void hold_up(struct stage *stage, int number, enum answer_holds holds)
{
    const struct answer answer = {.error = "not-signed", .unstarted = true, .holds = holds};
    deliver_answered(stage->core, stage->flights[number], &answer, stage->now);
}

static void a_fault_of_ours_is_no_attempt_and_opens_no_breaker(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    for (int i = 0; i < 20; i++) {
        turn(&stage, true);
        EXPECT(&stage, "send 1"); /* first each time: no possible duplicate */
        hold_up(&stage, 1, HOLDS_DESTINATION);
        turn(&stage, true);
        EXPECT(&stage, ""); /* not at once, and nothing is written of it */
        stage.now += 5000;
    }
    assert_int_equal(counts_of(&stage).broken, 0);
    turn(&stage, true);
    EXPECT(&stage, "send 1");
    assert_int_equal(deliver_find(stage.core, &(struct uuid){.bytes = {1}})->attempts, 0);
    answer(&stage, 1, 200, NULL);
    turn(&stage, true);
    EXPECT(&stage, "delivered 1");
    deliver_free(stage.core);
}

static void what_a_fault_of_ours_holds_up_looks_elsewhere_in_its_usual_time(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    while (!strstr(stage.said, "move 1") && stage.now < START + 60 * MINUTE) {
        stage.said[0] = '\0';
        turn(&stage, false);
        if (strstr(stage.said, "send 1"))
            hold_up(&stage, 1, HOLDS_DESTINATION);
        stage.now += 1000;
    }
    assert_true(stage.now >= START + 30 * MINUTE && stage.now <= START + 30 * MINUTE + 6000);
    deliver_free(stage.core);
}

static void the_others_of_that_destination_wait_with_it_and_no_one_else(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    for (int number = 1; number <= 3; number++)
        read_for(&stage, "FA001", number, 60 + number);
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2"); /* a window of 2 */
    hold_up(&stage, 1, HOLDS_DESTINATION);
    read_for(&stage, "FB001", 4, 60);
    turn(&stage, true);
    EXPECT(&stage, "send 4");
    answer(&stage, 2, 200, NULL);
    turn(&stage, true);
    EXPECT(&stage, "delivered 2");
    stage.now += 5000;
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 3");
    deliver_free(stage.core);
}

static void one_that_only_we_can_not_read_yet_waits_alone(void **state)
{
    (void)state;
    struct stage stage;
    const struct uuid first = id_of(1);
    open_stage(&stage, false);
    restore(&stage);
    for (int number = 1; number <= 3; number++)
        read_for(&stage, "FA001", number, 60 + number);
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2");
    answer(&stage, 2, 200, NULL);
    hold_up(&stage, 1, HOLDS_DELIVERY);
    turn(&stage, true);
    EXPECT(&stage, "delivered 2, send 3");
    assert_int_equal(deliver_find(stage.core, &first)->attempts, 0);
    stage.now += 4999;
    answer(&stage, 3, 200, NULL);
    turn(&stage, true);
    EXPECT(&stage, "delivered 3");
    stage.now += 1;
    turn(&stage, true);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

/* In the loop of sends it would come again at once, and for ever. */
static void one_that_waits_alone_waits_whatever_clocks_say(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    struct deliver_record record = stage_record(1, "FA001", 300);
    record.created_at_ms = record.next_attempt_at_ms =
        stage.now + 60 * MINUTE; /* its writer's clock is fast */
    assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &record, stage.now), DONE);
    turn(&stage, true);
    EXPECT(&stage, "send 1");
    hold_up(&stage, 1, HOLDS_DELIVERY);
    turn(&stage, true);
    EXPECT(&stage, "");
    deliver_directory_changed(stage.core, stage.now); /* what ends waits comes later than it */
    stage.now -= MINUTE;
    turn(&stage, true);
    EXPECT(&stage, "");
    stage.now += MINUTE + 5000;
    turn(&stage, true);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

/* Once every retry was marked, also where nobody had been there to hear of it before. */
static void what_can_not_have_arrived_is_tried_again_without_the_mark(void **state)
{
    (void)state;
    struct stage stage;
    const struct answer away = {.error = "refused-connection", .unsent = true};
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    for (int i = 0; i < 4; i++) {
        turn(&stage, false);
        if (i == 2)
            answer(&stage, 1, 0, NULL); /* a time-out: it may be there now */
        else
            deliver_answered(stage.core, stage.flights[1], &away, stage.now);
        turn(&stage, false);
        commit(&stage);
        stage.now += 60000;
    }
    turn(&stage, false);
    EXPECT(&stage, "send 1, retry 1, send 1, retry 1, send 1, retry 1, send-again 1, retry 1, "
                   "send-again 1");
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_not_have_arrived_is_tried_again_without_the_mark),
        cmocka_unit_test(a_fault_of_ours_is_no_attempt_and_opens_no_breaker),
        cmocka_unit_test(what_a_fault_of_ours_holds_up_looks_elsewhere_in_its_usual_time),
        cmocka_unit_test(the_others_of_that_destination_wait_with_it_and_no_one_else),
        cmocka_unit_test(one_that_only_we_can_not_read_yet_waits_alone),
        cmocka_unit_test(one_that_waits_alone_waits_whatever_clocks_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
