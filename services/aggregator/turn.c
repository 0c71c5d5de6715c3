/* SPDX-License-Identifier: Apache-2.0 */
/* A stream over a topic that nobody writes to: all it does is hold a partition. Sticky assignment
 * leaves the token where it is when a standby joins, and a static member gets it back when it
 * returns within the session time-out. */
#include "turn.h"

#include "lifecycle/event.h"

#include <stdlib.h>

#define TURN_SESSION_TIMEOUT_MS 10000

struct turn {
    struct stream *stream;
    bool ours;
};

static enum verdict on_assigned(void *self, const char *topic, int32_t partition, int64_t from,
                                int64_t end, struct reason *reason)
{
    struct turn *turn = self;
    (void)topic, (void)partition, (void)from, (void)end, (void)reason;
    turn->ours = true;
    return DONE;
}

static void on_revoked(void *self, const char *topic, int32_t partition, bool lost)
{
    struct turn *turn = self;
    (void)topic, (void)partition, (void)lost;
    turn->ours = false;
}

static enum verdict on_message(void *self, const struct kafka_message *message,
                               struct reason *reason)
{
    (void)self, (void)message, (void)reason;
    return DONE; /* whoever writes here says nothing to us */
}

static void on_settled(void *self)
{
    (void)self;
}

static enum verdict make_topic(const struct kafka_settings *settings, struct reason *reason)
{
    struct kafka_admin *admin = kafka_admin_open(settings, reason);
    if (!admin)
        return TRY_AGAIN;
    int partitions = 0;
    bool created = false;
    const struct kafka_topic topic = {.name = TOPIC_TURN, .partitions = 1};
    enum verdict verdict = kafka_admin_partitions(admin, TOPIC_TURN, &partitions, reason);
    if (verdict == DONE && partitions == 0)
        verdict = kafka_admin_create(admin, &topic, &created, reason);
    if (verdict == DONE && partitions > 1) {
        reason_set(reason, "turn-partitions", NULL,
                   "%s has %d partitions, expected 1: two aggregators would count; delete it",
                   TOPIC_TURN, partitions);
        verdict = BROKEN;
    }
    kafka_admin_close(admin);
    return verdict;
}

enum verdict turn_open(const struct kafka_settings *settings, const char *instance,
                       struct turn **ret_turn, struct reason *reason)
{
    static const char *const topics[] = {TOPIC_TURN};
    enum verdict verdict = make_topic(settings, reason);
    if (verdict != DONE)
        return verdict;
    struct turn *turn = calloc(1, sizeof(*turn));
    if (!turn) {
        reason_set(reason, "no-memory", NULL, "no memory for the turn");
        return BROKEN;
    }
    const struct stream_options options = {
        .group = "aggregator-turn",
        .instance = instance,
        .topics = topics,
        .topics_count = 1,
        .start = STREAM_FROM_BEGINNING,
        .batch_messages_max = 1000,
        .commit_interval_ms = 1000,
        .session_timeout_ms = TURN_SESSION_TIMEOUT_MS,
    };
    const struct stream_handlers handlers = {
        .self = turn,
        .assigned = on_assigned,
        .revoked = on_revoked,
        .message = on_message,
        .committed = on_settled,
        .aborted = on_settled,
    };
    verdict = stream_open(settings, &options, &handlers, &turn->stream, reason);
    if (verdict != DONE) {
        free(turn);
        return verdict;
    }
    *ret_turn = turn;
    return DONE;
}

enum verdict turn_step(struct turn *turn, int wait_ms, struct reason *reason)
{
    return stream_step(turn->stream, wait_ms, reason);
}

bool turn_is_ours(const struct turn *turn)
{
    return turn->ours;
}

enum verdict turn_confirm(struct turn *turn, struct reason *reason)
{
    return stream_confirm(turn->stream, reason);
}

const char *turn_not_ready(const struct turn *turn)
{
    return stream_not_ready(turn->stream);
}

void turn_close(struct turn *turn)
{
    if (!turn)
        return;
    stream_close(turn->stream);
    free(turn);
}
