// SPDX-License-Identifier: Apache-2.0
// A stage for the core: events and ticks in, one line per action out. Each row of a script is an
// event; the actions that follow from it must be exactly those named.
#ifndef DISPATCHER_STAGE_H
#define DISPATCHER_STAGE_H

#include "core/deliver.h"

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
#define NUMBERS 4096

struct stage {
    struct deliverer *core;
    int64_t now, offset;
    uint32_t flights[NUMBERS];
    char paused[ODS_CODE_SIZE]; /* a destination, or * for all */
    uint64_t endpoint;
    int hosts; /* destinations of one host: F<letter>…; 0 = hosts are not known */
    char said[65536];
};

static struct uuid id_of(int number)
{
    return (struct uuid){.bytes = {(uint8_t)number, (uint8_t)(number >> 8)}};
}

static int number_of(const struct uuid *id)
{
    return id->bytes[0] + 256 * id->bytes[1];
}

static void endpoint(void *self, const char *destination, struct endpoint_state *ret_state)
{
    const struct stage *stage = self;
    ret_state->usable = !text_equal(stage->paused, "*") && !text_equal(stage->paused, destination);
    ret_state->hash = stage->endpoint;
    ret_state->host = stage->hosts ? (uint64_t)destination[1] : 0;
}

static inline struct deliver_options stage_options(struct stage *stage)
{
    return (struct deliver_options){.pending_max = 1000,
                                    .in_flight_max = 8,
                                    .attempt_timeout_ms = 30000,
                                    .probe_first_ms = 15000,
                                    .probe_most_ms = 300000,
                                    .seed = 7,
                                    .self = stage,
                                    .endpoint = endpoint};
}

static inline void open_stage_with(struct stage *stage, const struct deliver_options *options)
{
    stage->now = START;
    stage->core = deliver_new(options);
    assert_non_null(stage->core);
    assert_true(deliver_assigned(stage->core, 0));
}

static inline void open_stage(struct stage *stage, bool intent)
{
    memset(stage, 0, sizeof(*stage));
    struct deliver_options options = stage_options(stage);
    options.intent = intent;
    open_stage_with(stage, &options);
}

/* With so many places, half as many for slow ones beside them, and nothing to be restored. With
 * `hosts` all destinations of one letter share a host. */
static inline void open_places(struct stage *stage, size_t in_flight_max, int hosts)
{
    memset(stage, 0, sizeof(*stage));
    stage->hosts = hosts;
    struct deliver_options options = stage_options(stage);
    options.in_flight_max = in_flight_max;
    open_stage_with(stage, &options);
    deliver_restored(stage->core, 0, stage->now);
}

static inline struct deliver_record stage_record(int number, const char *destination, int minutes)
{
    return (struct deliver_record){.id = id_of(number),
                                   .destination = destination,
                                   .created_at_ms = START,
                                   .deadline_at_ms = START + (int64_t)minutes * MINUTE,
                                   .next_attempt_at_ms = START,
                                   .retry_first_ms = 5000,
                                   .retry_most_ms = 300000,
                                   .bytes = "bytes",
                                   .size = 5};
}

static inline void read_for(struct stage *stage, const char *destination, int number, int minutes)
{
    struct deliver_record record = stage_record(number, destination, minutes);
    assert_int_equal(deliver_record_seen(stage->core, 0, stage->offset++, &record, stage->now),
                     DONE);
}

static inline void read_delivery(struct stage *stage, int number, int32_t attempts, bool intent,
                                 int minutes)
{
    struct deliver_record record = stage_record(number, "FA001", minutes);
    record.attempts = attempts;
    record.intent = intent;
    assert_int_equal(deliver_record_seen(stage->core, 0, stage->offset++, &record, stage->now),
                     DONE);
}

static inline void read_tombstone(struct stage *stage, int number)
{
    struct uuid id = id_of(number);
    deliver_tombstone_seen(stage->core, 0, stage->offset++, &id, stage->now);
}

static inline void say(struct stage *stage, const char *word, int number)
{
    size_t used = strlen(stage->said);
    assert_true(text_format(stage->said + used, sizeof(stage->said) - used, "%s%s %d",
                            used ? ", " : "", word, number));
}

/* What is to be written; `stay` = no other provider is to be had. */
static inline void write_all(struct stage *stage, bool stay)
{
    static const char *const words[] = {"none", "intent", "retry", "delivered", "move"};
    struct deliver_write write;
    while (deliver_next_write(stage->core, stage->now, &write)) {
        if (write.fact == FACT_INTENT) {
            for (size_t i = 0; i < write.ids_count; i++)
                say(stage, "intent", number_of(&write.ids[i]));
            continue;
        }
        int number = number_of(&write.job->id);
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
}

/* One turn of the shell. */
static inline void turn(struct stage *stage, bool stay)
{
    struct deliver_send send;
    deliver_tick(stage->core, stage->now);
    write_all(stage, stay);
    while (deliver_next_send(stage->core, stage->now, &send)) {
        int number = number_of(&send.job->id);
        say(stage, send.possible_duplicate ? "send-again" : "send", number);
        stage->flights[number] = send.flight;
        deliver_begun(stage->core, send.flight, stage->now);
    }
}

static inline void answer(struct stage *stage, int number, int status, const char *retry_after)
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

static inline void commit(struct stage *stage)
{
    deliver_committed(stage->core, stage->now);
}

static inline void restore(struct stage *stage)
{
    deliver_restored(stage->core, 0, stage->now);
}

static inline struct deliver_counts counts_of(const struct stage *stage)
{
    struct deliver_counts counts;
    deliver_count(stage->core, &counts);
    return counts;
}

#endif
