// SPDX-License-Identifier: Apache-2.0
// A partition of the topic behind the stage, for cores that hold less than is on it.
#ifndef DISPATCHER_STAGE_TOPIC_H
#define DISPATCHER_STAGE_TOPIC_H

#include "stage.h"

#define LOG_MAX 8192

struct entry {
    int number;
    const char *destination; /* NULL = a tombstone, or a list of intents */
    int minutes;
    int waits; /* minutes that the provider asked for */
    struct uuid *intents;
    size_t intents_count;
};

/* A partition of the topic, behind the stage. */
static struct {
    struct entry entries[LOG_MAX];
    int64_t count, read_to;
    int64_t restore_to; /* -1 = restored */
    int reads;          /* of whole stretches */
    bool elsewhere;     /* there are other providers */
    int asked[NUMBERS]; /* how often one was looked for */
} topic;

static inline void open_full(struct stage *stage, size_t pending_max, bool intent)
{
    for (int64_t i = 0; i < topic.count; i++)
        free(topic.entries[i].intents);
    memset(&topic, 0, sizeof(topic));
    memset(stage, 0, sizeof(*stage));
    struct deliver_options options = stage_options(stage);
    options.pending_max = pending_max;
    options.in_flight_max = 100;
    options.intent = intent;
    open_stage_with(stage, &options);
}

static inline void put(const struct entry *entry)
{
    assert_true(topic.count < LOG_MAX);
    topic.entries[topic.count++] = *entry;
}

static inline void put_delivery(const char *destination, int number, int minutes)
{
    put(&(struct entry){.number = number, .destination = destination, .minutes = minutes});
}

static inline void put_intents(const struct uuid *ids, size_t count)
{
    struct uuid *copy = malloc((count + 1) * sizeof(*copy));
    assert_non_null(copy);
    memcpy(copy, ids, count * sizeof(*copy));
    put(&(struct entry){.intents = copy, .intents_count = count});
}

static inline void read_log(struct stage *stage)
{
    for (; topic.read_to < topic.count; topic.read_to++) {
        const struct entry *entry = &topic.entries[topic.read_to];
        const struct uuid id = id_of(entry->number);
        if (!deliver_is_new(stage->core, 0, topic.read_to))
            continue;
        if (entry->intents) {
            assert_int_equal(deliver_intents_seen(stage->core, 0, topic.read_to, entry->intents,
                                                  entry->intents_count),
                             DONE);
        } else if (entry->destination) {
            struct deliver_record record =
                stage_record(entry->number, entry->destination, entry->minutes);
            if (entry->waits) {
                record.attempts = 1;
                record.told_to_wait = true;
                record.next_attempt_at_ms = START + (int64_t)entry->waits * MINUTE;
            }
            assert_int_equal(
                deliver_record_seen(stage->core, 0, topic.read_to, &record, stage->now), DONE);
        } else {
            deliver_tombstone_seen(stage->core, 0, topic.read_to, &id, stage->now);
        }
    }
    if (topic.restore_to >= 0 && topic.read_to >= topic.restore_to) {
        deliver_restored(stage->core, 0, stage->now);
        topic.restore_to = -1;
    }
}

static inline void read_again(struct stage *stage)
{
    int32_t partition;
    int64_t offset;
    while (deliver_next_read_again(stage->core, stage->now, &partition, &offset)) {
        assert_int_equal(partition, 0);
        assert_true(offset < topic.read_to && topic.restore_to < 0);
        topic.read_to = offset;
        topic.restore_to = topic.count;
        topic.reads++;
    }
    read_log(stage);
}

/* A turn with the topic behind it: what is finished gets its tombstone. */
static inline void turn_with_topic(struct stage *stage, int *finished)
{
    struct deliver_write write;
    read_again(stage);
    deliver_tick(stage->core, stage->now);
    while (deliver_next_write(stage->core, stage->now, &write)) {
        if (write.fact == FACT_INTENT) {
            put_intents(write.ids, write.ids_count);
            continue;
        }
        topic.asked[number_of(&write.job->id)] += write.fact == FACT_MOVE;
        if (write.fact == FACT_MOVE && !write.job->must_move && !topic.elsewhere) {
            assert_false(deliver_stays(stage->core, write.job, stage->now));
        } else {
            int number = number_of(&write.job->id);
            assert_true(stage->now < write.job->deadline_at_ms);
            finished[number]++;
            put(&(struct entry){.number = number});
        }
    }
    commit(stage);
}

#endif
