/* SPDX-License-Identifier: Apache-2.0 */
/* Which partitions are ours. The rebalance callback runs inside a poll, so it does the least: what
 * is taken away is committed (or undone, if it was lost already) and forgotten; what is given is
 * only noted. Its assigned() is called by the turn, before its first message: one message at most
 * can have been polled by then, and the stream holds it. So nothing needs to be paused, which would
 * throw away what was fetched. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct stream_partition *stream_find(struct stream *stream, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < stream->count; i++) {
        size_t index = stream->last + i;
        struct stream_partition *at;

        if (index >= stream->count)
            index -= stream->count;
        at = &stream->partitions[index];
        if (at->partition == partition && (at->topic == topic || strcmp(at->topic, topic) == 0)) {
            stream->last = index;
            return at;
        }
    }
    return NULL;
}

static void trouble(struct stream *stream, enum verdict verdict, const struct reason *reason)
{
    stream->trouble = verdict;
    stream->trouble_reason = *reason;
    if (verdict == BROKEN)
        stream->broken = true;
}

static bool is_cooperative(rd_kafka_t *consumer)
{
    const char *protocol = rd_kafka_rebalance_protocol(consumer);

    return !protocol || strcmp(protocol, "EAGER") != 0;
}

static void partition_add(struct stream *stream, const rd_kafka_topic_partition_t *row,
                          uint64_t member)
{
    struct stream_partition *at;
    struct reason reason = {0};

    if (stream_find(stream, row->topic, row->partition))
        return;
    at = stream->count < STREAM_PARTITIONS_MAX ? &stream->partitions[stream->count] : NULL;
    if (at)
        *at = (struct stream_partition){
            .topic = strdup(row->topic), .partition = row->partition, .member = member};
    if (!at || !at->topic) {
        reason_set(&reason, "no-memory", NULL, "no memory for one more partition");
        trouble(stream, BROKEN, &reason);
        return;
    }
    stream->count++;
    stream->activation_needed = true;
}

static rd_kafka_topic_partition_list_t *list_of(const struct stream_partition *at)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = at->next;
    return list;
}

void stream_pause(struct stream *stream, struct stream_partition *at, int for_ms)
{
    rd_kafka_topic_partition_list_t *list = list_of(at);

    /* Whether or not the client does it, what comes meanwhile is not handed on. */
    (void)rd_kafka_pause_partitions(stream->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    stream->paused += at->resume_ms == 0;
    at->resume_ms = clock_monotonic_ms() + for_ms;
}

static void end_pause(struct stream *stream, struct stream_partition *at)
{
    rd_kafka_topic_partition_list_t *list;

    if (at->resume_ms == 0)
        return;
    if (stream->consumer && !at->resting) {
        list = list_of(at);
        (void)rd_kafka_resume_partitions(stream->consumer, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
    at->resume_ms = 0;
    stream->paused--;
}

/* What was fetched of it is thrown away and fetched again later, so this is for long rests. The
 * client knows one kind of pause: a message that is postponed meanwhile must not end the rest, nor
 * the end of the rest what the message waits for. */
bool stream_rest(struct stream *stream, const char *topic, int32_t partition, bool resting)
{
    struct stream_partition *at = stream_find(stream, topic, partition);
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t error;

    if (!at)
        return false;
    at->resting = resting;
    if (at->resume_ms > 0)
        return true;
    list = list_of(at);
    error = resting ? rd_kafka_pause_partitions(stream->consumer, list)
                    : rd_kafka_resume_partitions(stream->consumer, list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = list->elems[0].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    at->resting = !resting;
    return false;
}

/* The client goes on behind what it has handed out last, which is the message that was postponed,
 * so it is sent back to that one. */
static enum verdict resume(struct stream *stream, struct stream_partition *at,
                           struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list = list_of(at);
    rd_kafka_error_t *error;
    enum verdict verdict = DONE;

    if (!at->resting)
        (void)rd_kafka_resume_partitions(stream->consumer, list);
    error = rd_kafka_seek_partitions(stream->consumer, list, KAFKA_CALL_MS);
    if (error)
        verdict = kafka_error_take(error, "going back to a postponed message", reason);
    else if (list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        verdict = kafka_error(list->elems[0].err, "going back to a postponed message", reason);
    rd_kafka_topic_partition_list_destroy(list);
    if (verdict != DONE)
        return TRY_AGAIN;
    at->resume_ms = 0;
    stream->paused--;
    return DONE;
}

enum verdict stream_resume_due(struct stream *stream, struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    enum verdict verdict = DONE;

    for (size_t i = 0; verdict == DONE && i < stream->count; i++) {
        if (stream->partitions[i].resume_ms > 0 && stream->partitions[i].resume_ms <= now_ms)
            verdict = resume(stream, &stream->partitions[i], reason);
    }
    return verdict;
}

static bool is_in_hand(const struct stream *stream, const struct stream_partition *at)
{
    return stream->held && stream->held->partition == at->partition &&
           strcmp(rd_kafka_topic_name(stream->held->rkt), at->topic) == 0;
}

static void partition_remove(struct stream *stream, struct stream_partition *at)
{
    if (is_in_hand(stream, at)) {
        rd_kafka_message_destroy(stream->held);
        stream->held = NULL;
    }
    end_pause(stream, at); /* it would outlive the assignment */
    free(at->topic);
    *at = stream->partitions[--stream->count];
    stream->last = 0;
}

void stream_partitions_clear(struct stream *stream)
{
    while (stream->count > 0)
        partition_remove(stream, &stream->partitions[stream->count - 1]);
}

static void check(struct stream *stream, rd_kafka_error_t *error, const char *doing)
{
    struct reason reason = {0};

    if (!error)
        return;
    (void)kafka_error_take(error, doing, &reason);
    /* Without its part of the group there is nothing to go on with. */
    trouble(stream, BROKEN, &reason);
}

static void take_over(struct stream *stream, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_consumer_group_metadata_t *metadata =
        rd_kafka_consumer_group_metadata(stream->consumer);
    const uint64_t member = stream_member(metadata);

    if (metadata)
        rd_kafka_consumer_group_metadata_destroy(metadata);
    for (int i = 0; i < list->cnt; i++) {
        if (stream->start == STREAM_FROM_BEGINNING)
            list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
        partition_add(stream, &list->elems[i], member);
    }
    if (is_cooperative(stream->consumer)) {
        check(stream, rd_kafka_incremental_assign(stream->consumer, list), "taking partitions");
    } else {
        rd_kafka_resp_err_t error = rd_kafka_assign(stream->consumer, list);

        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            check(stream, rd_kafka_error_new(error, "assign failed"), "taking partitions");
    }
    stream->assigned = true;
    stream->let_go = stream->closing; /* the library takes it for the opposite then */
}

/* Whatever is open ends here, while the partitions are still ours. True if it was committed, or
 * nothing was open. */
static bool settle(struct stream *stream, bool lost)
{
    struct reason reason = {0};
    enum verdict verdict = DONE;

    if (lost) {
        if (stream->in_transaction)
            stream_abort(stream);
        /* A new one begins when all that the old one has committed can be read, wherever it went:
         * who is given the partitions again may have to read it. */
        stream_producer_discard(stream);
        return false;
    }
    if (stream->broken || stream->closing || !stream->producer_ready || stream->rewind_needed ||
        stream->unresolved)
        return !stream->rewind_needed && !stream->unresolved;
    if (stream->handlers.draining)
        stream->handlers.draining(stream->handlers.self);
    verdict = stream_tick(stream, &reason);
    if (verdict == DONE)
        verdict = stream_commit_open(stream, false, &reason);
    if (verdict != DONE)
        trouble(stream, verdict, &reason);
    return verdict == DONE;
}

static void unassign(struct stream *stream, const rd_kafka_topic_partition_list_t *list)
{
    if (stream->let_go)
        return; /* the group is no more, or soon: it would not answer, and we wait for ever */
    if (is_cooperative(stream->consumer)) {
        check(stream, rd_kafka_incremental_unassign(stream->consumer, list), "giving partitions");
    } else {
        rd_kafka_resp_err_t error = rd_kafka_assign(stream->consumer, NULL);

        if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
            check(stream, rd_kafka_error_new(error, "assign failed"), "giving partitions");
    }
}

static void give_up(struct stream *stream, rd_kafka_topic_partition_list_t *list)
{
    bool lost = rd_kafka_assignment_lost(stream->consumer);
    bool settled = settle(stream, lost);

    stream->lost |= lost;
    unassign(stream, list);
    for (int i = 0; i < list->cnt; i++) {
        struct stream_partition *at =
            stream_find(stream, list->elems[i].topic, list->elems[i].partition);
        bool active = at && at->active;

        if (at)
            partition_remove(stream, at);
        if (active)
            stream->handlers.revoked(stream->handlers.self, list->elems[i].topic,
                                     list->elems[i].partition, !settled);
    }
    log_fact(LOG_LEVEL_INFO, "partitions-given", "lost", lost ? "yes" : "no", "settled",
             settled ? "yes" : "no", NULL);
}

void stream_on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t error,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct stream *stream = opaque;
    struct reason reason = {0};

    switch (error) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        take_over(stream, list);
        break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        give_up(stream, list);
        break;
    default:
        (void)kafka_error(error, "rebalancing", &reason);
        rd_kafka_assign(consumer, NULL);
        trouble(stream, TRY_AGAIN, &reason);
        break;
    }
    rd_kafka_yield(consumer); /* else the poll under way waits for a message first */
}

enum verdict stream_rejoin(struct stream *stream, struct reason *reason)
{
    stream_abort(stream);
    while (stream->count > 0) {
        struct stream_partition at = stream->partitions[stream->count - 1];

        at.topic = strdup(at.topic);
        partition_remove(stream, &stream->partitions[stream->count - 1]);
        if (at.active && at.topic)
            stream->handlers.revoked(stream->handlers.self, at.topic, at.partition, true);
        free(at.topic);
    }
    stream->closing = true; /* nothing to settle */
    stream_consumer_close(stream);
    stream->closing = false;
    stream->assigned = false;
    return stream_consumer_open(stream, reason);
}

/* ---- activation */

static void log_gap(const struct stream_partition *at, const char *what, int64_t group_offset,
                    int64_t bound)
{
    char partition[16], offset[24], text[24];

    text_format(partition, sizeof(partition), "%d", (int)at->partition);
    text_format(offset, sizeof(offset), "%lld", (long long)group_offset);
    text_format(text, sizeof(text), "%lld", (long long)bound);
    log_fact(LOG_LEVEL_WARNING, what, "topic", at->topic, "partition", partition, "group_offset",
             offset, "bound", text, NULL);
}

static enum verdict activate(struct stream *stream, struct stream_partition *at,
                             const rd_kafka_topic_partition_t *group, struct reason *reason)
{
    int64_t low = 0, end = 0, from;
    /* By the producer's connection: on the consumer's each question waits for the running fetch. */
    enum verdict verdict =
        kafka_watermarks(stream->producer, at->topic, at->partition, &low, &end, reason);

    if (verdict != DONE)
        return verdict;
    from = low;
    if (stream->start == STREAM_FROM_COMMITTED && group->offset >= 0) {
        from = group->offset;
        /* The client starts at the beginning then (auto.offset.reset), and somebody should know. */
        if (from < low)
            log_gap(at, "records-expired-unread", from, low);
        if (from > end)
            log_gap(at, "group-is-past-the-end", from, end);
        if (from < low || from > end)
            from = low;
    }
    verdict = stream->handlers.assigned
                  ? stream->handlers.assigned(stream->handlers.self, at->topic, at->partition, from,
                                              end, reason)
                  : DONE;
    if (verdict != DONE)
        return verdict;
    at->base = at->next = from;
    at->group_mark = stream_mark(group);
    at->active = true;
    /* Lost and given again within one poll: the client may have let one message of the former
     * assignment through, which would come again, or comes too early. */
    if (stream->lost && is_in_hand(stream, at))
        stream->rewind_needed = true;
    return DONE;
}

enum verdict stream_activate(struct stream *stream, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    enum verdict verdict = DONE;

    for (size_t i = 0; i < stream->count; i++) {
        if (!stream->partitions[i].active)
            rd_kafka_topic_partition_list_add(list, stream->partitions[i].topic,
                                              stream->partitions[i].partition);
    }
    if (list->cnt > 0)
        error = rd_kafka_committed(stream->consumer, list, KAFKA_CALL_MS);
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        error = list->elems[i].err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        verdict = kafka_error(error, "asking for the group's offsets", reason);
    for (int i = 0; verdict == DONE && i < list->cnt; i++) {
        struct stream_partition *at =
            stream_find(stream, list->elems[i].topic, list->elems[i].partition);

        stream->group_known |= list->elems[i].offset >= 0;
        if (at)
            verdict = activate(stream, at, &list->elems[i], reason);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (verdict == DONE && stream->handlers.settled)
        verdict = stream->handlers.settled(stream->handlers.self, reason);
    if (verdict == DONE)
        stream->activation_needed = stream->lost = false;
    return verdict;
}
