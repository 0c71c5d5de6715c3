// SPDX-License-Identifier: Apache-2.0
// The core by script: what an answer leads to, when a delivery moves on.
#include "stage.h"

static void an_intent_is_committed_before_the_send(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, true);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    EXPECT(&stage, "intent 1");
    turn(&stage, false);
    EXPECT(&stage, ""); /* not before it is committed */
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "send 1");
    answer(&stage, 1, 202, NULL);
    turn(&stage, false);
    EXPECT(&stage, "delivered 1");
    commit(&stage);
    assert_int_equal(counts_of(&stage).pending, 0);
    read_delivery(&stage, 1, 0, true, 60); /* our own intent, read back late */
    turn(&stage, false);
    EXPECT(&stage, "");
    read_tombstone(&stage, 1);
    turn(&stage, false);
    EXPECT(&stage, "");
    deliver_free(stage.core);
}

static void an_aborted_intent_is_written_again(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, true);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    deliver_aborted(stage.core);
    turn(&stage, false);
    EXPECT(&stage, "intent 1, intent 1");
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

static void an_answer_survives_aborted_transactions(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 200, NULL);
    turn(&stage, false);
    deliver_aborted(stage.core);
    turn(&stage, false);
    deliver_aborted(stage.core);
    turn(&stage, false);
    EXPECT(&stage, "send 1, delivered 1, delivered 1, delivered 1");
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "");
    deliver_free(stage.core);
}

static void nothing_starts_before_the_partition_is_restored(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, true);
    read_delivery(&stage, 1, 0, false, 60);
    read_delivery(&stage, 2, 0, false, 60);
    read_delivery(&stage, 2, 0, true, 60);
    read_delivery(&stage, 3, 0, true, 60);
    read_delivery(&stage, 3, 4, true, 60);
    read_tombstone(&stage, 3);
    turn(&stage, false);
    EXPECT(&stage, "");
    restore(&stage);
    turn(&stage, false); /* only the one whose intent was there may have been sent */
    EXPECT(&stage, "intent 1, send-again 2");
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

static void a_restored_delivery_counts_as_perhaps_sent_without_intents(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    read_delivery(&stage, 1, 0, false, 60);
    restore(&stage);
    read_delivery(&stage, 2, 0, false, 60);
    turn(&stage, false);
    EXPECT(&stage, "send-again 1, send 2");
    deliver_free(stage.core);
}

static void a_failure_is_written_and_tried_again_with_the_mark(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 500, NULL);
    turn(&stage, false);
    EXPECT(&stage, "send 1, retry 1");
    stage.now += 5001;
    turn(&stage, false);
    EXPECT(&stage, ""); /* the retry waits for its record to be committed */
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "send-again 1");
    deliver_free(stage.core);
}

static void retry_after_is_kept_to_the_second(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    read_delivery(&stage, 2, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 429, "90");
    read_delivery(&stage, 3, 0, false, 61);
    turn(&stage, false);
    commit(&stage);
    EXPECT(&stage, "send 1, send 2, retry 1");
    stage.now += 89999;
    answer(&stage, 2, 200, NULL);
    turn(&stage, false);
    EXPECT(&stage, "delivered 2"); /* it was said to the destination, so number 3 waits, too */
    stage.now += 1;
    turn(&stage, false);
    EXPECT(&stage, "send-again 1, send 3");
    deliver_free(stage.core);
}

static void a_wait_past_the_share_of_the_time_moves_it_on_at_once(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    read_delivery(&stage, 2, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 503, "2400"); /* 40 minutes: past the half, but before the deadline */
    turn(&stage, false);
    answer(&stage, 2, 503, "7200"); /* past the deadline: staying would be in vain */
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2, move 1, leave 2");
    deliver_free(stage.core);
}

/* Went wrong once: the whole queue counted, also what the new one goes before. */
static void only_what_goes_before_it_makes_a_delivery_wait_too_long(void **state)
{
    (void)state;
    static const struct {
        const char *expected;
        int minutes; /* of 60 that wait, half a minute each, two or three at a time */
        int late;    /* of one that comes then */
    } rows[] = {
        {"", 500, 9},       /* goes before all of them */
        {"move 99", 8, 9},  /* behind them, and 12 minutes are too long */
        {"", 8, 30},        /* it has the time */
        {"move 99", 9, 10}, /* */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static struct stage stage;
        open_stage(&stage, false);
        restore(&stage);
        read_delivery(&stage, 1, 0, false, 700);
        turn(&stage, true);
        stage.now += 30000;
        answer(&stage, 1, 425, "60000"); /* 30 s for an attempt */
        turn(&stage, true);
        commit(&stage);
        (void)text_copy(stage.paused, sizeof(stage.paused), "*");
        deliver_directory_changed(stage.core, stage.now);
        for (int n = 0; n < 60; n++) {
            struct deliver_record record = stage_record(10 + n, "FA001", rows[i].minutes);
            record.created_at_ms = record.next_attempt_at_ms = stage.now;
            assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &record, stage.now),
                             DONE);
        }
        turn(&stage, true);
        commit(&stage);
        turn(&stage, true);
        commit(&stage);
        stage.said[0] = '\0';
        struct deliver_record late = stage_record(99, "FA001", rows[i].late);
        late.created_at_ms = late.next_attempt_at_ms = stage.now;
        assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &late, stage.now),
                         DONE);
        turn(&stage, false);
        if (strcmp(stage.said, rows[i].expected) != 0)
            fail_msg("row %zu: %s", i, stage.said);
        deliver_free(stage.core);
    }
}

static void a_provider_that_returns_it_is_left(void **state)
{
    (void)state;
    static const int statuses[] = {400, 401, 404, 409, 410, 422};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
        struct stage stage;
        open_stage(&stage, false);
        restore(&stage);
        read_delivery(&stage, 1, 0, false, 60);
        turn(&stage, false);
        answer(&stage, 1, statuses[i], NULL);
        turn(&stage, true);
        EXPECT(&stage, "send 1, leave 1");
        commit(&stage);
        assert_int_equal(counts_of(&stage).pending, 0);
        deliver_free(stage.core);
    }
}

static void after_410_all_that_waits_looks_elsewhere(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 1; i <= 5; i++)
        read_delivery(&stage, i, 0, false, 60 + i);
    turn(&stage, false);
    EXPECT(&stage, "send 1, send 2");
    answer(&stage, 1, 410, NULL);
    turn(&stage, true);
    EXPECT(&stage, "leave 1, stay 4, stay 5, stay 3"); /* nobody else: they are parked */
    commit(&stage);
    read_delivery(&stage, 6, 0, false, 66); /* the router did not know yet */
    turn(&stage, false);
    EXPECT(&stage, "move 6");
    stage.endpoint = 2; /* a new URL in the directory */
    deliver_directory_changed(stage.core, stage.now);
    turn(&stage, false);
    EXPECT(&stage, "send 3");
    deliver_free(stage.core);
}

static void a_paused_destination_parks_and_moves_at_half_time(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    stage.now += 30 * MINUTE - 1;
    turn(&stage, true);
    EXPECT(&stage, "");
    stage.now += 1;
    turn(&stage, true);
    EXPECT(&stage, "stay 1"); /* half of the time is gone, nobody else */
    stage.now += 15 * MINUTE;
    turn(&stage, true);
    EXPECT(&stage, "stay 1"); /* asked again with half of the rest gone */
    stage.paused[0] = '\0';
    deliver_directory_changed(stage.core, stage.now);
    turn(&stage, true);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

static void a_parked_delivery_leaves_before_its_deadline(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    while (!strstr(stage.said, "leave 1") && stage.now < START + 60 * MINUTE) {
        stage.now += 100;
        turn(&stage, true);
    }
    assert_true(stage.now <= START + 60 * MINUTE - 1900);
    assert_true(stage.now >= START + 60 * MINUTE - 2100);
    deliver_free(stage.core);
}

static void a_limit_set_for_a_hop_is_its_end_also_without_another_provider(void **state)
{
    (void)state;
    struct stage stage;
    memset(&stage, 0, sizeof(stage));
    struct deliver_options options = stage_options(&stage);
    options.hop_limit_ms = 6000;
    open_stage_with(&stage, &options);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, true);
    answer(&stage, 1, 500, "7"); /* longer than the limit: not worth waiting for */
    turn(&stage, true);
    EXPECT(&stage, "send 1, leave 1");
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    deliver_directory_changed(stage.core, stage.now);
    read_delivery(&stage, 2, 0, false, 60);
    stage.now += 5999;
    turn(&stage, true);
    EXPECT(&stage, "");
    stage.now += 1;
    turn(&stage, true);
    EXPECT(&stage, "leave 2");
    deliver_free(stage.core);
}

static void five_failures_open_the_breaker_and_one_probe_closes_it(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 1; i <= 9; i++)
        read_delivery(&stage, i, 0, false, 600 + i);
    for (int i = 1; i <= 5; i++) {
        turn(&stage, false);
        answer(&stage, i, 0, NULL);
        turn(&stage, false);
        commit(&stage);
    }
    stage.said[0] = '\0';
    stage.now += 14999;
    turn(&stage, false);
    EXPECT(&stage, "");
    stage.now += 1;
    turn(&stage, false);
    EXPECT(&stage, "send-again 1"); /* one probe */
    answer(&stage, 1, 0, NULL);
    turn(&stage, false);
    commit(&stage);
    stage.now += 59999; /* the second one after four times as long */
    turn(&stage, false);
    EXPECT(&stage, "retry 1");
    stage.now += 1;
    turn(&stage, false);
    EXPECT(&stage, "send-again 1");
    answer(&stage, 1, 200, NULL);
    turn(&stage, false); /* a slow start, never a flush */
    EXPECT(&stage, "delivered 1, send-again 2, send-again 3");
    deliver_free(stage.core);
}

static void sends_take_turns_between_destinations_earliest_deadline_first(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    static const struct {
        int number, minutes;
        const char *destination;
    } rows[] = {
        {1, 90, "FA001"}, {2, 60, "FA001"}, {3, 70, "FA001"}, {4, 500, "FB002"}, {5, 400, "FB002"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct deliver_record record = {.id = id_of(rows[i].number),
                                        .destination = rows[i].destination,
                                        .created_at_ms = START,
                                        .deadline_at_ms = START + rows[i].minutes * MINUTE,
                                        .bytes = "b",
                                        .size = 1};
        assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &record, START), DONE);
    }
    turn(&stage, false);
    EXPECT(&stage, "send 2, send 5, send 3, send 4"); /* two each: the first window */
    deliver_free(stage.core);
}

static void what_a_lost_partition_had_under_way_ends_unheard(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    deliver_revoked(stage.core, 0);
    assert_int_equal(counts_of(&stage).pending, 0);
    assert_true(deliver_assigned(stage.core, 0));
    stage.offset = 0;
    read_delivery(&stage, 1, 0, false, 60);
    restore(&stage);
    answer(&stage, 1, 404, NULL); /* of the send before */
    turn(&stage, false);
    EXPECT(&stage, "send 1, send-again 1");
    deliver_free(stage.core);
}

static void repeats_after_an_abort_are_no_new_work(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    answer(&stage, 1, 200, NULL);
    turn(&stage, false);
    commit(&stage);
    read_tombstone(&stage, 1); /* the ghost is gone */
    deliver_aborted(stage.core);
    stage.offset = 0; /* rewound to the beginning */
    assert_false(deliver_is_new(stage.core, 0, 0));
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    EXPECT(&stage, "send 1, delivered 1");
    assert_int_equal(counts_of(&stage).pending, 0);
    deliver_free(stage.core);
}

/* Results may be written at any time; moves without an attempt and intents wait for the end. */
static void results_alone_are_written_before_the_end_of_a_transaction(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_write write;
    open_stage(&stage, true);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    read_delivery(&stage, 2, 0, false, 60);
    turn(&stage, false);
    commit(&stage);
    turn(&stage, false);
    answer(&stage, 1, 200, NULL);
    answer(&stage, 2, 500, NULL);
    read_delivery(&stage, 3, 0, false, 60);
    read_for(&stage, "FB001", 4, 0); /* its time is up: it has to move */
    stage.said[0] = '\0';
    while (deliver_next_result(stage.core, &write))
        say(&stage, write.fact == FACT_DELIVERED ? "delivered" : "retry",
            number_of(&write.job->id));
    EXPECT(&stage, "delivered 1, retry 2");
    deliver_aborted(stage.core); /* and all of it once more, with the rest */
    write_all(&stage, false);
    EXPECT(&stage, "delivered 1, retry 2, leave 4, intent 3");
    commit(&stage);
    assert_int_equal(counts_of(&stage).pending, 2);
    deliver_free(stage.core);
}

/* A list of intents that was taken back is offered again at the end, not as a result. */
static void an_intent_that_was_taken_back_is_no_result(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_write write;
    open_stage(&stage, true);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    write_all(&stage, false);
    EXPECT(&stage, "intent 1");
    deliver_aborted(stage.core);
    assert_false(deliver_next_result(stage.core, &write));
    write_all(&stage, false);
    EXPECT(&stage, "intent 1");
    commit(&stage);
    turn(&stage, false);
    EXPECT(&stage, "send 1");
    deliver_free(stage.core);
}

/* Few have work, many are known: those few may be noted a whole window's worth ahead. */
static void those_with_nothing_to_send_take_no_share_of_the_notes(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_write write;
    size_t noted = 0;
    open_stage(&stage, true);
    for (int i = 0; i < 2000; i++) {
        char code[8];
        assert_true(text_format(code, sizeof(code), "F%04d", i));
        read_for(&stage, code, i, 60);
        read_tombstone(&stage, i);
    }
    for (int i = 2000; i < 2050; i++)
        read_for(&stage, "FA001", i, 60);
    restore(&stage);
    while (deliver_next_write(stage.core, stage.now, &write))
        noted += write.fact == FACT_INTENT ? write.ids_count : 0;
    assert_int_equal(noted, 50);
    deliver_free(stage.core);
}

/* More than a transaction takes, and none of it has a place to go to: nothing is written, so there
 * is no commit either, and the others are asked about all the same. */
static void moves_that_stay_hold_up_no_others(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_options options;
    memset(&stage, 0, sizeof(stage));
    options = stage_options(&stage);
    options.pending_max = 3000;
    open_stage_with(&stage, &options);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    deliver_directory_changed(stage.core, stage.now);
    for (int i = 0; i < 2500; i++)
        read_for(&stage, "FA001", i, 60);
    restore(&stage);
    stage.now += 31 * MINUTE; /* past half of their time */
    int asked = 0;
    for (int i = 0; i < 3; i++) {
        struct deliver_write write;
        deliver_tick(stage.core, stage.now);
        while (deliver_next_write(stage.core, stage.now, &write)) {
            assert_false(deliver_stays(stage.core, write.job, stage.now));
            asked++;
        }
    }
    assert_int_equal(asked, 2500);
    deliver_drain(stage.core);
    assert_int_equal(counts_of(&stage).facts, 0);
    deliver_free(stage.core);
}

static void a_drain_starts_nothing_and_writes_what_has_happened(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, false);
    deliver_drain(stage.core);
    read_delivery(&stage, 2, 0, false, 60);
    answer(&stage, 1, 200, NULL);
    turn(&stage, false);
    EXPECT(&stage, "send 1, delivered 1");
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intent_is_committed_before_the_send),
        cmocka_unit_test(an_aborted_intent_is_written_again),
        cmocka_unit_test(an_answer_survives_aborted_transactions),
        cmocka_unit_test(nothing_starts_before_the_partition_is_restored),
        cmocka_unit_test(a_restored_delivery_counts_as_perhaps_sent_without_intents),
        cmocka_unit_test(a_failure_is_written_and_tried_again_with_the_mark),
        cmocka_unit_test(retry_after_is_kept_to_the_second),
        cmocka_unit_test(a_wait_past_the_share_of_the_time_moves_it_on_at_once),
        cmocka_unit_test(only_what_goes_before_it_makes_a_delivery_wait_too_long),
        cmocka_unit_test(a_provider_that_returns_it_is_left),
        cmocka_unit_test(after_410_all_that_waits_looks_elsewhere),
        cmocka_unit_test(a_paused_destination_parks_and_moves_at_half_time),
        cmocka_unit_test(a_parked_delivery_leaves_before_its_deadline),
        cmocka_unit_test(a_limit_set_for_a_hop_is_its_end_also_without_another_provider),
        cmocka_unit_test(five_failures_open_the_breaker_and_one_probe_closes_it),
        cmocka_unit_test(sends_take_turns_between_destinations_earliest_deadline_first),
        cmocka_unit_test(what_a_lost_partition_had_under_way_ends_unheard),
        cmocka_unit_test(repeats_after_an_abort_are_no_new_work),
        cmocka_unit_test(results_alone_are_written_before_the_end_of_a_transaction),
        cmocka_unit_test(an_intent_that_was_taken_back_is_no_result),
        cmocka_unit_test(those_with_nothing_to_send_take_no_share_of_the_notes),
        cmocka_unit_test(moves_that_stay_hold_up_no_others),
        cmocka_unit_test(a_drain_starts_nothing_and_writes_what_has_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
