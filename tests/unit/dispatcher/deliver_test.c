// SPDX-License-Identifier: Apache-2.0
// The core by script: events and ticks in, one line per action out. Each row of a script is an
// event; the actions that follow from it must be exactly those named.
#include "deliver.h"

#include "base/text.h"
#include "ids/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START 1795424400000
#define MINUTE 60000
#define ID(n) ((struct uuid){.bytes = {(uint8_t)(n)}})

struct stage {
    struct deliverer *core;
    int64_t now, offset;
    uint32_t flights[256]; /* by first byte of the id */
    bool paused;
    uint64_t endpoint;
    char said[4096];
};

static void endpoint(void *self, const char *destination, struct endpoint_state *ret_state)
{
    const struct stage *stage = self;
    (void)destination;
    ret_state->usable = !stage->paused;
    ret_state->hash = stage->endpoint;
}

static void open_limited_stage(struct stage *stage, bool intent, int64_t hop_limit_ms)
{
    *stage = (struct stage){.now = START};
    struct deliver_options options = {.pending_max = 1000,
                                      .in_flight_max = 8,
                                      .intent = intent,
                                      .attempt_timeout_ms = 30000,
                                      .probe_first_ms = 15000,
                                      .probe_most_ms = 300000,
                                      .hop_limit_ms = hop_limit_ms,
                                      .seed = 7,
                                      .self = stage,
                                      .endpoint = endpoint};
    stage->core = deliver_new(&options);
    assert_non_null(stage->core);
    assert_true(deliver_assigned(stage->core, 0));
}

static void open_stage(struct stage *stage, bool intent)
{
    open_limited_stage(stage, intent, 0);
}

static void read_delivery(struct stage *stage, int number, int32_t attempts, bool intent,
                          int minutes)
{
    struct deliver_record record = {.id = ID(number),
                                    .destination = "FA001",
                                    .accepted_at_ms = START,
                                    .created_at_ms = START,
                                    .deadline_at_ms = START + (int64_t)minutes * MINUTE,
                                    .next_attempt_at_ms = START,
                                    .attempts = attempts,
                                    .intent = intent,
                                    .retry_first_ms = 5000,
                                    .retry_most_ms = 300000,
                                    .bytes = "bytes",
                                    .size = 5};
    assert_int_equal(deliver_record_seen(stage->core, 0, stage->offset++, &record, stage->now),
                     DONE);
}

static void read_tombstone(struct stage *stage, int number)
{
    struct uuid id = ID(number);
    deliver_tombstone_seen(stage->core, 0, stage->offset++, &id, stage->now);
}

static void say(struct stage *stage, const char *word, int number)
{
    size_t used = strlen(stage->said);
    assert_true(text_format(stage->said + used, sizeof(stage->said) - used, "%s%s %d",
                            used ? ", " : "", word, number));
}

/* One turn of the shell; `stay` = no other provider is to be had. */
static void turn(struct stage *stage, bool stay)
{
    static const char *const words[] = {"none", "intent", "retry", "delivered", "move"};
    struct deliver_write write;
    struct deliver_send send;
    deliver_tick(stage->core, stage->now);
    while (deliver_next_write(stage->core, stage->now, &write)) {
        if (write.fact == FACT_INTENT) {
            for (size_t i = 0; i < write.ids_count; i++)
                say(stage, "intent", write.ids[i].bytes[0]);
            continue;
        }
        int number = write.job->id.bytes[0];
        if (write.fact == FACT_MOVE && !write.job->must_move && stay) {
            say(stage, "stay", number);
            if (deliver_stays(stage->core, write.job, stage->now))
                say(stage, "retry", number);
        } else {
            say(stage,
                write.fact == FACT_MOVE && write.job->must_move ? "leave" : words[write.fact],
                number);
        }
    }
    while (deliver_next_send(stage->core, stage->now, &send)) {
        say(stage, send.possible_duplicate ? "send-again" : "send", send.job->id.bytes[0]);
        stage->flights[send.job->id.bytes[0]] = send.flight;
    }
}

static void answer(struct stage *stage, int number, int status, const char *retry_after)
{
    struct answer answer = {
        .status = status, .error = status ? NULL : "timeout", .retry_after = retry_after};
    deliver_answered(stage->core, stage->flights[number], &answer, stage->now);
}

/* Takes what was said since the last call. */
#define EXPECT(stage, expected)                                                                    \
    do {                                                                                           \
        assert_string_equal((stage)->said, expected);                                              \
        (stage)->said[0] = '\0';                                                                   \
    } while (0)

static void commit(struct stage *stage)
{
    deliver_committed(stage->core, stage->now);
}

static void restore(struct stage *stage)
{
    deliver_restored(stage->core, 0, stage->now);
}

static size_t pending(struct stage *stage)
{
    struct deliver_counts counts;
    deliver_count(stage->core, &counts);
    return counts.pending;
}

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
    assert_int_equal(pending(&stage), 0);
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
        assert_int_equal(pending(&stage), 0);
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
    EXPECT(&stage, "leave 1, stay 5, stay 4, stay 3"); /* nobody else: they are parked */
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
    stage.paused = true;
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
    stage.paused = false;
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
    stage.paused = true;
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
    open_limited_stage(&stage, false, 6000);
    restore(&stage);
    read_delivery(&stage, 1, 0, false, 60);
    turn(&stage, true);
    answer(&stage, 1, 500, "7"); /* longer than the limit: not worth waiting for */
    turn(&stage, true);
    EXPECT(&stage, "send 1, leave 1");
    stage.paused = true;
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
        struct deliver_record record = {.id = ID(rows[i].number),
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
    assert_int_equal(pending(&stage), 0);
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
    assert_int_equal(pending(&stage), 0);
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

static void no_more_than_the_bound_is_held(void **state)
{
    (void)state;
    struct deliver_options options = {.pending_max = 2, .in_flight_max = 1, .seed = 1};
    struct deliverer *core = deliver_new(&options);
    assert_non_null(core);
    assert_true(deliver_assigned(core, 0));
    for (int i = 0; i < 3; i++) {
        struct deliver_record record = {
            .id = ID(i + 1), .destination = "FA001", .bytes = "", .size = 0};
        assert_int_equal(deliver_record_seen(core, 0, i, &record, START), i < 2 ? DONE : TRY_AGAIN);
    }
    assert_true(deliver_is_new(core, 0, 2)); /* it comes again */
    deliver_free(core);
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
        cmocka_unit_test(a_provider_that_returns_it_is_left),
        cmocka_unit_test(after_410_all_that_waits_looks_elsewhere),
        cmocka_unit_test(a_paused_destination_parks_and_moves_at_half_time),
        cmocka_unit_test(a_parked_delivery_leaves_before_its_deadline),
        cmocka_unit_test(a_limit_set_for_a_hop_is_its_end_also_without_another_provider),
        cmocka_unit_test(five_failures_open_the_breaker_and_one_probe_closes_it),
        cmocka_unit_test(sends_take_turns_between_destinations_earliest_deadline_first),
        cmocka_unit_test(what_a_lost_partition_had_under_way_ends_unheard),
        cmocka_unit_test(repeats_after_an_abort_are_no_new_work),
        cmocka_unit_test(a_drain_starts_nothing_and_writes_what_has_happened),
        cmocka_unit_test(no_more_than_the_bound_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
