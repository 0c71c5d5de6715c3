/* SPDX-License-Identifier: Apache-2.0 */
/* The way back after any trouble: a new producer, how the last transaction ended, the input
 * rewound. It is walked at the top of a turn and nowhere else, as often as it takes; each step that
 * succeeded is not taken again. */
#include "kafka/stream_parts.h"

#include "base/log.h"

#include <stdlib.h>

/* ---- the producer */

static bool producer_new(struct stream *stream, struct reason *reason)
{
    rd_kafka_conf_t *conf = kafka_conf_new(stream->settings, KAFKA_TRANSACTIONAL, reason);

    if (!conf)
        return false;
    stream->producer_watch = (struct kafka_watch){0};
    if (!kafka_conf_set(conf, "transactional.id", stream->transactional_id, reason) ||
        !kafka_watch_attach(&stream->producer_watch, conf, reason)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    stream->producer = kafka_client_new(conf, RD_KAFKA_PRODUCER, reason);
    if (!stream->producer)
        return false;
    kafka_topics_init(&stream->topics, stream->producer);
    stream->producer_ready = false;
    return true;
}

void stream_producer_discard(struct stream *stream)
{
    if (!stream->producer)
        return;
    kafka_topics_clear(&stream->topics);
    rd_kafka_purge(stream->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(stream->producer);
    stream->producer = NULL;
    stream->producer_ready = false;
}

/* Without a connection the search for the coordinator is put off by half a second. */
static enum verdict connect_first(struct stream *stream, struct reason *reason)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(stream->producer, 0, NULL, &metadata, KAFKA_CALL_MS);

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(error, "connecting", reason);
    rd_kafka_metadata_destroy(metadata);
    return DONE;
}

static enum verdict producer_ready(struct stream *stream, struct reason *reason)
{
    enum verdict verdict;

    if (stream->producer_ready)
        return DONE;
    if (!stream->producer && !producer_new(stream, reason))
        return stream_break(stream, reason);
    verdict = connect_first(stream, reason);
    if (verdict != DONE)
        return verdict == BROKEN ? stream_break(stream, reason) : TRY_AGAIN;
    /* It also waits until a transaction that the last producer left open is over, and fences that
     * producer. */
    switch (stream_outcome_take(rd_kafka_init_transactions(stream->producer, KAFKA_CALL_MS),
                                "starting transactions", reason)) {
    case FINE:
        stream->producer_ready = true;
        return DONE;
    case AGAIN:
        return TRY_AGAIN; /* the same call again */
    case UNDO:
        stream_producer_discard(stream);
        return TRY_AGAIN;
    case FATAL:
        break;
    }
    return stream_break(stream, reason);
}

/* ---- recovery */

enum ending { COMMITTED, UNDONE, UNKNOWN };

/* What the group's offsets (`now`, in the order of `sent`) say of the transaction that sent `sent`.
 */
static enum ending ending_of(struct stream *stream, const rd_kafka_topic_partition_list_t *sent,
                             const rd_kafka_topic_partition_list_t *now)
{
    bool ours = false;

    for (int i = 0; i < now->cnt; i++) {
        if (stream_mark(&now->elems[i]) == stream_mark(&sent->elems[i]))
            return COMMITTED;
    }
    for (int i = 0; i < sent->cnt; i++) {
        const struct stream_partition *at =
            stream_find(stream, sent->elems[i].topic, sent->elems[i].partition);

        if (!at || !at->active)
            continue;
        ours = true;
        if (stream_mark(&now->elems[i]) == at->group_mark) /* as it was before */
            return UNDONE;
    }
    /* What was taken from us meanwhile is somebody else's; our memory of it is gone already. */
    return ours ? UNKNOWN : UNDONE;
}

static enum verdict resolve(struct stream *stream, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *now = rd_kafka_topic_partition_list_copy(stream->unresolved);
    enum ending ending = UNKNOWN;
    enum verdict verdict = DONE;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < now->cnt; i++) {
        free(now->elems[i].metadata);
        now->elems[i].metadata = NULL;
        now->elems[i].metadata_size = 0;
        now->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    }
    if (now->cnt > 0)
        error = rd_kafka_committed(stream->consumer, now, KAFKA_CALL_MS);
    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < now->cnt; i++)
        error = now->elems[i].err;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        verdict = kafka_error(error, "asking how a transaction ended", reason);
    } else if (stream->unresolved_empty) {
        stream_note_marks(stream, now); /* whoever has moved them meanwhile */
        ending = UNDONE;
    } else if (now->cnt > 0) {
        ending = ending_of(stream, stream->unresolved, now);
    }
    rd_kafka_topic_partition_list_destroy(now);
    if (verdict != DONE)
        return verdict == BROKEN ? stream_break(stream, reason) : TRY_AGAIN;
    if (ending == UNKNOWN) {
        reason_set(reason, "outcome-unknown", NULL,
                   "it can't be told whether the last transaction was committed");
        return stream_break(stream, reason);
    }
    log_fact(LOG_LEVEL_INFO, "transaction-resolved", "ending",
             ending == COMMITTED ? "committed" : "undone", NULL);
    if (ending == COMMITTED)
        stream_committed(stream, stream->unresolved);
    rd_kafka_topic_partition_list_destroy(stream->unresolved);
    stream->unresolved = NULL;
    if (ending == UNDONE) {
        stream->rewind_needed = true;
        stream->handlers.aborted(stream->handlers.self);
    }
    return DONE;
}

/* The message in hand goes back, too, unless its partition is not active: then nothing of it was
 * undone. */
static void give_back_held(struct stream *stream)
{
    struct stream_partition *at;

    if (!stream->held)
        return;
    at = stream_find(stream, rd_kafka_topic_name(stream->held->rkt), stream->held->partition);
    if (at && !at->active)
        return;
    if (at)
        at->touched = true;
    rd_kafka_message_destroy(stream->held);
    stream->held = NULL;
}

static enum verdict rewind_touched(struct stream *stream, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    rd_kafka_error_t *error = NULL;
    enum verdict verdict = DONE;

    give_back_held(stream);
    for (size_t i = 0; i < stream->count; i++) {
        const struct stream_partition *at = &stream->partitions[i];

        if (at->active && at->touched)
            rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = at->base;
    }
    if (list->cnt > 0)
        error = rd_kafka_seek_partitions(stream->consumer, list, KAFKA_CALL_MS);
    if (error)
        verdict = kafka_error_take(error, "rewinding", reason);
    for (int i = 0; verdict == DONE && i < list->cnt; i++) {
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            verdict = kafka_error(list->elems[i].err, "rewinding", reason);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (verdict != DONE)
        return TRY_AGAIN;
    for (size_t i = 0; i < stream->count; i++) {
        stream->partitions[i].next = stream->partitions[i].base;
        stream->partitions[i].touched = false;
    }
    stream->rewind_needed = false;
    return DONE;
}

enum verdict stream_read_again(struct stream *stream, const char *topic, int32_t partition,
                               int64_t offset, struct reason *reason)
{
    struct stream_partition *at = stream_find(stream, topic, partition);
    rd_kafka_topic_partition_list_t *list;
    enum verdict verdict = DONE;
    rd_kafka_error_t *error;

    if (!at || !at->active || stream->rewind_needed || stream->unresolved || stream->held) {
        reason_set(reason, "not-now", NULL, "partition %d can't be read again now", partition);
        return TRY_AGAIN;
    }
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    error = rd_kafka_seek_partitions(stream->consumer, list, KAFKA_CALL_MS);
    if (error)
        verdict = kafka_error_take(error, "reading again", reason);
    else if (list->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        verdict = kafka_error(list->elems[0].err, "reading again", reason);
    rd_kafka_topic_partition_list_destroy(list);
    if (verdict != DONE)
        return TRY_AGAIN;
    at->base = at->next = offset;
    at->seen_end = 0;
    return DONE;
}

enum verdict stream_recover(struct stream *stream, struct reason *reason)
{
    enum verdict verdict = producer_ready(stream, reason);

    if (verdict == DONE && stream->unresolved)
        verdict = resolve(stream, reason);
    if (verdict == DONE && stream->rewind_needed)
        verdict = rewind_touched(stream, reason);
    return verdict;
}
