// SPDX-License-Identifier: Apache-2.0
// Who has to wait for its next attempt, and whose wait is over. Each of these was found by the
// simulation (tests/sim).
#include "core/deliver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START 1795424400000
#define MINUTE INT64_C(60000)

struct stage {
    struct deliverer *core;
    int64_t now, offset;
    uint32_t flights[8];
    uint64_t endpoint;
};

static void endpoint(void *self, const char *destination, struct endpoint_state *ret_state)
{
    const struct stage *stage = self;
    (void)destination;
    *ret_state = (struct endpoint_state){.usable = true, .hash = stage->endpoint};
}

static void open_stage(struct stage *stage)
{
    const struct deliver_options options = {.pending_max = 100,
                                            .in_flight_max = 8,
                                            .attempt_timeout_ms = 30000,
                                            .probe_first_ms = 15000,
                                            .probe_most_ms = 300000,
                                            .seed = 7,
                                            .self = stage,
                                            .endpoint = endpoint};
    *stage = (struct stage){.core = deliver_new(&options), .now = START};
    assert_non_null(stage->core);
    assert_true(deliver_assigned(stage->core, 0));
}

/* A delivery that began at `created_ms` and has this many attempts behind it. */
static struct deliver_record record_of(uint8_t number, int64_t created_ms, int32_t attempts)
{
    return (struct deliver_record){.id = {.bytes = {number}},
                                   .destination = "FA001",
                                   .created_at_ms = created_ms,
                                   .next_attempt_at_ms = created_ms,
                                   .deadline_at_ms = created_ms + 600 * MINUTE,
                                   .attempts = attempts,
                                   .retry_first_ms = 5000,
                                   .retry_most_ms = 300000,
                                   .bytes = "",
                                   .size = 0};
}

static void take(struct stage *stage, const struct deliver_record *record)
{
    assert_int_equal(deliver_record_seen(stage->core, 0, stage->offset++, record, stage->now),
                     DONE);
}

/* The numbers of those that are sent now, as bits. */
static unsigned int sent(struct stage *stage)
{
    struct deliver_send send;
    unsigned int bits = 0;
    deliver_tick(stage->core, stage->now);
    while (deliver_next_send(stage->core, stage->now, &send)) {
        stage->flights[send.job->id.bytes[0]] = send.flight;
        bits |= 1U << send.job->id.bytes[0];
    }
    return bits;
}

static void answer(struct stage *stage, uint8_t number, int status, const char *retry_after)
{
    const struct answer answer = {
        .status = status, .error = status ? NULL : "timeout", .retry_after = retry_after};
    deliver_answered(stage->core, stage->flights[number], &answer, stage->now);
}

static void write_all(struct stage *stage)
{
    struct deliver_write write;
    while (deliver_next_write(stage->core, stage->now, &write))
        assert_int_not_equal(write.fact, FACT_MOVE);
}

static void a_first_try_is_due_even_if_its_writers_clock_is_fast(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    deliver_restored(stage.core, 0, stage.now);
    struct deliver_record record = record_of(1, START + MINUTE, 0);
    take(&stage, &record);
    assert_int_equal(sent(&stage), 1U << 1);
    record = record_of(2, START, 0);
    record.next_attempt_at_ms = START + MINUTE; /* put off on purpose */
    take(&stage, &record);
    assert_int_equal(sent(&stage), 0);
    deliver_free(stage.core);
}

static void the_first_word_from_a_destination_ends_the_waits_that_were_restored(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    struct deliver_record record = record_of(1, START - MINUTE, 4);
    record.next_attempt_at_ms = START + 4 * MINUTE; /* what another process decided */
    take(&stage, &record);
    record = record_of(2, START - MINUTE, 4);
    record.next_attempt_at_ms = START + 4 * MINUTE;
    record.told_to_wait = true; /* what the provider may have asked for */
    take(&stage, &record);
    record = record_of(3, START, 0);
    take(&stage, &record);
    deliver_restored(stage.core, 0, stage.now);
    assert_int_equal(sent(&stage), 1U << 3);
    answer(&stage, 3, 200, NULL);
    assert_int_equal(sent(&stage), 1U << 1);
    deliver_free(stage.core);
}

static void a_wait_that_was_ended_on_its_way_to_the_topic_is_over(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    deliver_restored(stage.core, 0, stage.now);
    struct deliver_record record = record_of(1, START, 9);
    take(&stage, &record);
    assert_int_equal(sent(&stage), 1U << 1);
    answer(&stage, 1, 0, NULL); /* waits for up to five minutes */
    write_all(&stage);
    stage.now += 10;
    stage.endpoint++;
    deliver_directory_changed(stage.core, stage.now);
    deliver_committed(stage.core, stage.now);
    assert_int_equal(sent(&stage), 1U << 1);
    deliver_free(stage.core);
}

static void what_a_provider_asks_for_holds_although_we_would_wait_longer(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    struct deliver_record record = record_of(1, START, 9);
    take(&stage, &record);
    record = record_of(2, START, 0);
    record.next_attempt_at_ms = START + 1000;
    take(&stage, &record);
    deliver_restored(stage.core, 0, stage.now);
    assert_int_equal(sent(&stage), 1U << 1);
    answer(&stage, 1, 500, "2"); /* less than our own wait for a tenth attempt */
    write_all(&stage);
    deliver_committed(stage.core, stage.now);
    stage.now += 1000;
    assert_int_equal(sent(&stage), 1U << 2);
    answer(&stage, 2, 200, NULL); /* the first good word: ends waits, but not that one */
    assert_int_equal(sent(&stage), 0);
    deliver_free(stage.core);
}

static void no_attempt_outlasts_a_deadline_that_is_near(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_send send;
    struct deliver_write write;
    open_stage(&stage);
    deliver_restored(stage.core, 0, stage.now);
    struct deliver_record record = record_of(1, START, 0);
    record.deadline_at_ms = START + 3000; /* it leaves for good 300 ms before */
    take(&stage, &record);
    stage.now = START + 1500;
    deliver_tick(stage.core, stage.now);
    assert_true(deliver_next_write(stage.core, stage.now, &write));
    assert_int_equal(write.fact, FACT_MOVE); /* nobody else is to be had */
    assert_false(deliver_stays(stage.core, write.job, stage.now));
    stage.now = START + 2600;
    assert_true(deliver_next_send(stage.core, stage.now, &send));
    assert_int_equal(send.timeout_ms, 200); /* and as much again to write what came of it */
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_try_is_due_even_if_its_writers_clock_is_fast),
        cmocka_unit_test(the_first_word_from_a_destination_ends_the_waits_that_were_restored),
        cmocka_unit_test(a_wait_that_was_ended_on_its_way_to_the_topic_is_over),
        cmocka_unit_test(what_a_provider_asks_for_holds_although_we_would_wait_longer),
        cmocka_unit_test(no_attempt_outlasts_a_deadline_that_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
