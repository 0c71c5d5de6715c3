/* SPDX-License-Identifier: Apache-2.0 */
/* The turn of a stream: recover what went wrong before, take over what is new, hand on messages,
 * tick, commit. Every problem ends in the same place, at the top of the next turn, so that there is
 * one way back and not one for each case. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#define OFFSETS_MS 1000    /* of what led to nothing: committed within that time */
#define TURN_MOST_MS 4     /* beyond the caller's time, while messages keep coming */
#define LISTEN_MOST_MS 200 /* the same, when the group has something to tell us */

static enum verdict failed(struct stream *stream, enum verdict verdict, struct reason *reason)
{
    stream_abort(stream);
    return verdict == TRY_AGAIN ? TRY_AGAIN : stream_break(stream, reason);
}

/* When the brokers were away, or silent, for longer than the session, the library joins again
 * under the same instance, and a heartbeat of its former life that is still under way makes the
 * group tell it that it was replaced: by itself. Whoever is told so without such an absence was
 * really replaced, and this stream is over. */
static enum verdict consumer_died(struct stream *stream, struct reason *reason)
{
    char words[256] = "";
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(stream->consumer, words, sizeof(words));

    if (error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID &&
        kafka_watch_was_lost(&stream->consumer_watch)) {
        stream->rejoin_needed = true;
        reason_set(reason, "kafka-rejoined", NULL, "the brokers were away: joining the group anew");
        return TRY_AGAIN;
    }
    (void)kafka_error(error, "consuming", reason);
    reason_set(reason, error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? KAFKA_FENCED : "kafka-fatal",
               NULL, "consuming: %.200s", words);
    return BROKEN;
}

/* What came up instead of a message. */
static enum verdict serve_event(struct stream *stream, const rd_kafka_message_t *event,
                                struct reason *reason)
{
    struct stream_partition *at;

    switch (event->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        at = stream_find(stream, rd_kafka_topic_name(event->rkt), event->partition);
        if (at)
            at->seen_end = event->offset;
        return DONE;
    case RD_KAFKA_RESP_ERR__FATAL:
        return consumer_died(stream, reason);
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        log_fact(LOG_LEVEL_WARNING, "turn-took-too-long", "detail",
                 "the group gave our partitions away; joining again", NULL);
        return DONE;
    default:
        return kafka_error(event->err, "consuming", reason);
    }
}

/* Hands on the message in hand. */
static enum verdict hand_on(struct stream *stream, struct reason *reason)
{
    rd_kafka_message_t *held = stream->held;
    struct stream_partition *at;
    struct kafka_message message;
    enum verdict verdict;

    at = stream_find(stream, rd_kafka_topic_name(held->rkt), held->partition);
    if (!at || at->resume_ms > 0) { /* taken from us, or paused, between the poll and now */
        stream->held = NULL;
        rd_kafka_message_destroy(held);
        return DONE;
    }
    verdict = stream_begin(stream, reason);
    if (verdict != DONE)
        return verdict; /* it stays in hand */
    stream->held = NULL;
    at->touched = true;
    kafka_message_from(held, &message);
    stream->postpone_ms = 0;
    verdict = stream->handlers.message(stream->handlers.self, &message, reason);
    if (verdict == DONE) {
        at->next = held->offset + 1;
        stream->messages++;
    } else if (verdict == TRY_AGAIN && stream->postpone_ms > 0) {
        at->next = held->offset;
        stream_pause(stream, at, stream->postpone_ms);
        verdict = DONE;
    } else if (verdict == REFUSED) {
        reason_set(reason, "handler-refused", NULL,
                   "a message handler said REFUSED: it has to send it on and say DONE");
    }
    rd_kafka_message_destroy(held);
    return verdict;
}

static bool is_prepared(const struct stream *stream)
{
    return !stream->rejoin_needed && !stream->activation_needed && stream_can_send(stream);
}

static enum verdict prepare(struct stream *stream, struct reason *reason)
{
    enum verdict verdict;

    if (stream->rejoin_needed) {
        stream->rejoin_needed = false;
        verdict = stream_rejoin(stream, reason);
        if (verdict != DONE)
            return stream_break(stream, reason);
    }
    verdict = stream_recover(stream, reason);
    if (verdict != DONE || !stream->activation_needed)
        return verdict;
    /* assigned() may block for long: nothing may be open meanwhile. */
    if (stream->in_transaction)
        verdict = stream_commit(stream, reason);
    if (verdict == DONE)
        verdict = stream_recover(stream, reason);
    if (verdict == DONE)
        verdict = stream_activate(stream, reason);
    if (verdict == DONE)
        verdict = stream_recover(stream, reason);
    return verdict == BROKEN ? stream_break(stream, reason) : verdict;
}

/* Where only offsets are to be committed nobody waits for them, while what comes next would have to
 * wait for that commit. */
static int64_t commit_due_ms(const struct stream *stream)
{
    const bool later = !stream->wrote && stream->commit_interval_ms < OFFSETS_MS;

    return stream->began_ms + (later ? OFFSETS_MS : stream->commit_interval_ms);
}

static bool commit_is_due(const struct stream *stream, int64_t now_ms)
{
    return stream->in_transaction &&
           (stream->messages >= stream->batch_messages_max || now_ms >= commit_due_ms(stream));
}

/* How long a poll may wait: until the caller's time, the next tick or the next commit. */
static int wait_left(const struct stream *stream, int64_t now_ms, int64_t until_ms)
{
    int64_t left = until_ms - now_ms;
    int64_t tick = stream->ticked_ms + stream->commit_interval_ms - now_ms;
    int64_t commit = commit_due_ms(stream) - now_ms;

    if (stream->handlers.tick && tick < left)
        left = tick;
    if (stream->in_transaction && commit < left)
        left = commit;
    return left > 0 ? (int)left : 0;
}

/* One poll. *ret_idle: nothing came, nor did a rebalance end it. What came is in hand, or was an
 * event and is dealt with. */
static enum verdict poll_once(struct stream *stream, int wait_ms, bool *ret_idle,
                              struct reason *reason)
{
    rd_kafka_message_t *got = rd_kafka_consumer_poll(stream->consumer, wait_ms);
    enum verdict verdict = DONE;

    *ret_idle = got == NULL && rd_kafka_last_error() != RD_KAFKA_RESP_ERR__INTR;
    if (got && got->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        verdict = serve_event(stream, got, reason);
        rd_kafka_message_destroy(got);
        if (verdict == BROKEN)
            return failed(stream, BROKEN, reason);
    } else {
        stream->held = got;
    }
    if (stream->trouble != DONE) { /* in the rebalance callback */
        verdict = stream->trouble;
        *reason = stream->trouble_reason;
        stream->trouble = DONE;
    }
    return verdict == REFUSED ? TRY_AGAIN : verdict;
}

static enum verdict turn(struct stream *stream, int wait_ms, bool *ret_drained,
                         struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t until_ms = now_ms + wait_ms;

    for (;;) {
        enum verdict verdict = DONE;
        bool idle;

        if (!is_prepared(stream)) {
            verdict = prepare(stream, reason);
            until_ms = clock_monotonic_ms() + wait_ms; /* that was none of the time to poll */
        }

        if (verdict == DONE && stream->paused > 0)
            verdict = stream_resume_due(stream, reason);
        if (verdict == DONE && stream->held) {
            verdict = hand_on(stream, reason);
            if (verdict != DONE)
                return stream->held ? verdict : failed(stream, verdict, reason);
        }
        now_ms = clock_monotonic_ms();
        if (verdict == DONE && commit_is_due(stream, now_ms))
            return stream_commit(stream, reason);
        if (verdict == DONE && now_ms - stream->ticked_ms >= stream->commit_interval_ms)
            verdict = stream_tick(stream, reason);
        if (verdict != DONE)
            return verdict;
        if (now_ms >= until_ms + (stream->listen ? LISTEN_MOST_MS : TURN_MOST_MS))
            return DONE;
        verdict = poll_once(stream, wait_left(stream, now_ms, until_ms), &idle, reason);
        if (verdict != DONE)
            return verdict;
        stream->listen &= !idle;
        if (idle && clock_monotonic_ms() >= until_ms) {
            *ret_drained = true;
            return DONE;
        }
    }
}

enum verdict stream_step(struct stream *stream, int wait_ms, struct reason *reason)
{
    static const uint64_t one = 1;
    enum verdict verdict;
    bool drained = false;
    uint64_t count;

    if (stream->broken) {
        *reason = stream->trouble_reason;
        return BROKEN;
    }
    stream_owners_watch(stream);
    if (read(stream->wake_fd, &count, sizeof(count)) < 0)
        count = 0; /* nothing was signalled */
    verdict = turn(stream, wait_ms, &drained, reason);
    /* The library signals only that a queue stops being empty: what is left in it is ours to tell.
     */
    if (verdict == DONE && !drained && write(stream->wake_fd, &one, sizeof(one)) < 0)
        errno = 0; /* full means readable, too */
    return verdict;
}

void stream_commit_every(struct stream *stream, int interval_ms)
{
    stream->commit_interval_ms = interval_ms;
}

void stream_postpone(struct stream *stream, int for_ms)
{
    stream->postpone_ms = for_ms;
}

enum verdict stream_commit(struct stream *stream, struct reason *reason)
{
    return stream_end(stream, true, reason);
}

enum verdict stream_end(struct stream *stream, bool serve, struct reason *reason)
{
    enum verdict verdict;

    if (stream->broken) {
        *reason = stream->trouble_reason;
        return BROKEN;
    }
    if (!stream_can_send(stream))
        return DONE; /* nothing is open */
    verdict = stream_tick(stream, reason);
    return verdict == DONE ? stream_commit_open(stream, serve, reason) : verdict;
}
