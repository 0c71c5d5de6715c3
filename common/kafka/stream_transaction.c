/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction and its undoing. Two choices are not obvious. Every abort throws the producer
 * away: the next one's init_transactions raises the epoch, so that nothing of the old one that is
 * still on the wire can land in a later transaction. And a commit whose answer was lost is neither
 * success nor failure: each transaction writes its own name into the metadata of the offsets it
 * commits, and after the new producer's init_transactions (which waits until the old transaction is
 * over, one way or the other) the group's offsets tell which it was. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT_MS 12000 /* for the records, for the offsets, for all attempts at the commit */
#define ABORT_MS 3000
#define QUEUE_FULL_MS 10000

/* The order of the questions matters: a fatal error may be retriable in name, too. */
enum outcome stream_outcome_take(rd_kafka_error_t *error, const char *doing, struct reason *reason)
{
    enum outcome outcome;

    if (!error)
        return FINE;
    if (rd_kafka_error_is_fatal(error))
        outcome = FATAL;
    else if (rd_kafka_error_txn_requires_abort(error))
        outcome = UNDO;
    else if (rd_kafka_error_is_retriable(error))
        outcome = AGAIN;
    else
        outcome = FATAL;
    (void)kafka_error_take(error, doing, reason);
    return outcome;
}

enum verdict stream_break(struct stream *stream, const struct reason *reason)
{
    stream->broken = true;
    stream->trouble_reason = *reason;
    return BROKEN;
}

/* ---- offsets */

static void name_of(const struct stream *stream, char name[48])
{
    text_format(name, 48, "%llx.%llx", (unsigned long long)stream->nonce,
                (unsigned long long)stream->sequence);
}

static bool offset_add(rd_kafka_topic_partition_list_t *list, const struct stream_partition *from,
                       const char *name)
{
    rd_kafka_topic_partition_t *row =
        rd_kafka_topic_partition_list_add(list, from->topic, from->partition);

    row->offset = from->next;
    row->metadata = strdup(name);
    row->metadata_size = row->metadata ? strlen(name) : 0;
    return row->metadata != NULL;
}

/* Where the input has got to. If nothing was consumed, one position that has not changed: the
 * group's coordinator checks the member and its generation all the same, which is what keeps a
 * zombie from committing. */
static rd_kafka_topic_partition_list_t *offsets_new(const struct stream *stream)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    const struct stream_partition *any = NULL;
    char name[48];
    bool fine = true;

    name_of(stream, name);
    for (size_t i = 0; fine && i < stream->count; i++) {
        const struct stream_partition *at = &stream->partitions[i];

        if (at->active && at->touched)
            fine = offset_add(list, at, name);
        else if (at->active && !any)
            any = at;
    }
    if (fine && list->cnt == 0 && any)
        fine = offset_add(list, any, name);
    if (!fine) {
        rd_kafka_topic_partition_list_destroy(list);
        return NULL;
    }
    return list;
}

/* ---- begin, send */

bool stream_can_send(const struct stream *stream)
{
    return !stream->broken && stream->producer_ready && !stream->rewind_needed &&
           !stream->unresolved;
}

enum verdict stream_begin(struct stream *stream, struct reason *reason)
{
    if (stream->in_transaction)
        return DONE;
    if (!stream_can_send(stream)) {
        reason_set(reason, "no-transaction", NULL, "no transaction can be begun now");
        return TRY_AGAIN;
    }
    switch (stream_outcome_take(rd_kafka_begin_transaction(stream->producer),
                                "beginning a transaction", reason)) {
    case FINE:
        stream->in_transaction = true;
        stream->began_ms = clock_monotonic_ms();
        stream->messages = 0;
        stream->wrote = false;
        stream->sequence++;
        atomic_store(&stream->producer_watch.end_sent, 0);
        atomic_store(&stream->producer_watch.end_answered, 0);
        atomic_store(&stream->producer_watch.end_failed, 0);
        return DONE;
    case AGAIN:
    case UNDO:
        stream_producer_discard(stream);
        return TRY_AGAIN;
    case FATAL:
        break;
    }
    return stream_break(stream, reason);
}

enum verdict stream_send(struct stream *stream, const struct kafka_out *out, struct reason *reason)
{
    enum verdict verdict = stream_begin(stream, reason);
    int64_t until_ms = 0;
    bool full = verdict == DONE;

    while (full) {
        verdict = kafka_produce(&stream->topics, out, NULL, &full, reason);
        if (!full)
            break;
        if (until_ms == 0)
            until_ms = clock_monotonic_ms() + QUEUE_FULL_MS;
        if (clock_monotonic_ms() >= until_ms)
            break;
        rd_kafka_poll(stream->producer, 10);
    }
    stream->wrote |= verdict == DONE;
    return verdict;
}

/* ---- commit */

uint64_t stream_member(const rd_kafka_consumer_group_metadata_t *metadata)
{
    const char *id = metadata ? rd_kafka_consumer_group_metadata_member_id(metadata) : NULL;

    return id && *id ? hash_bytes(id, strlen(id), 1) : 0;
}

/* Who was put out of the group and comes back is a new member, but if it was being asked to give
 * partitions away just then, the library keeps the others as if nothing had been: their time with
 * another owner is missing from what we know, and the group does not mind whose partitions a member
 * commits. While it has no id yet, it can't commit either. */
static bool is_who_we_were(struct stream *stream,
                           const rd_kafka_consumer_group_metadata_t *metadata,
                           struct reason *reason)
{
    const uint64_t member = stream_member(metadata);
    bool same = true;

    for (size_t i = 0; same && i < stream->count; i++)
        same = stream->partitions[i].member == member;
    if (same)
        return true;
    stream->rejoin_needed = member != 0;
    stream->listen = true;
    reason_set(reason, "kafka-member-replaced", NULL,
               "out of the group and back: its partitions are started anew");
    return false;
}

static enum outcome send_offsets(struct stream *stream, rd_kafka_topic_partition_list_t *offsets,
                                 int64_t until_ms, struct reason *reason)
{
    rd_kafka_consumer_group_metadata_t *member;
    enum outcome outcome;

    if (offsets->cnt == 0) /* nothing is ours, so there is nothing to fence either */
        return FINE;
    member = rd_kafka_consumer_group_metadata(stream->consumer);
    if (!member) {
        reason_set(reason, "no-group", NULL, "the consumer knows no group");
        return FATAL;
    }
    if (!is_who_we_were(stream, member, reason)) {
        rd_kafka_consumer_group_metadata_destroy(member);
        return UNDO;
    }
    do {
        /* To be repeated with the very same arguments only. */
        outcome = stream_outcome_take(
            rd_kafka_send_offsets_to_transaction(stream->producer, offsets, member, KAFKA_CALL_MS),
            "sending offsets to the transaction", reason);
    } while (outcome == AGAIN && clock_monotonic_ms() < until_ms);
    rd_kafka_consumer_group_metadata_destroy(member);
    return outcome;
}

/* The transaction is open no more: `unresolved` is taken over if nobody knows how it ended. */
static void drop_transaction(struct stream *stream, rd_kafka_topic_partition_list_t *unresolved)
{
    stream_producer_discard(stream);
    stream->in_transaction = false;
    stream->unresolved_empty = stream->messages == 0 && !stream->wrote;
    stream->messages = 0;
    /* Only now, when its threads have ended, can no request go out any more. */
    if (unresolved && atomic_load(&stream->producer_watch.end_sent) > 0) {
        stream->unresolved = unresolved;
        return;
    }
    if (unresolved)
        rd_kafka_topic_partition_list_destroy(unresolved);
    stream->rewind_needed = true;
    stream->handlers.aborted(stream->handlers.self);
}

void stream_abort(struct stream *stream)
{
    if (stream->unresolved)
        return;
    /* The new producer would end it as well; doing it now lets readers go on sooner. */
    if (stream->in_transaction && stream->producer_ready && !stream->broken) {
        rd_kafka_error_t *error = rd_kafka_abort_transaction(stream->producer, ABORT_MS);

        if (error)
            rd_kafka_error_destroy(error);
    }
    if (stream->in_transaction) {
        drop_transaction(stream, NULL);
        return;
    }
    stream->rewind_needed = true;
    stream->handlers.aborted(stream->handlers.self);
}

uint64_t stream_mark(const rd_kafka_topic_partition_t *committed)
{
    uint64_t offset = committed->offset < 0 ? UINT64_MAX : (uint64_t)committed->offset;

    return hash_bytes(committed->metadata, committed->metadata_size, offset);
}

void stream_note_marks(struct stream *stream, const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *row = &offsets->elems[i];
        struct stream_partition *at = stream_find(stream, row->topic, row->partition);

        if (at)
            at->group_mark = stream_mark(row);
    }
}

void stream_committed(struct stream *stream, const rd_kafka_topic_partition_list_t *offsets)
{
    stream_note_marks(stream, offsets);
    for (size_t i = 0; i < stream->count; i++) {
        stream->partitions[i].base = stream->partitions[i].next;
        stream->partitions[i].touched = false;
    }
    stream->in_transaction = false;
    stream->messages = 0;
    stream->handlers.committed(stream->handlers.self);
}

/* More than one EndTxn, or one that went unanswered: a late one could end the next transaction. */
static bool end_is_in_doubt(const struct kafka_watch *watch)
{
    int sent = atomic_load(&watch->end_sent);

    return sent > 1 || atomic_load(&watch->end_failed) > 0 ||
           (sent == 1 && atomic_load(&watch->end_answered) == 0);
}

static enum verdict undo(struct stream *stream, enum outcome outcome, struct reason *reason)
{
    if (outcome == FATAL) {
        stream->in_transaction = false; /* it dies with this stream */
        return stream_break(stream, reason);
    }
    stream_abort(stream);
    return TRY_AGAIN;
}

/* rd_kafka_flush looks every 10 ms whether all is done, which is as long as it takes; in slices of
 * one it returns when it is. */
static bool flush(struct stream *stream)
{
    const int64_t until_ms = clock_monotonic_ms() + COMMIT_MS;
    rd_kafka_resp_err_t error;

    do
        error = rd_kafka_flush(stream->producer, 1);
    while (error == RD_KAFKA_RESP_ERR__TIMED_OUT && clock_monotonic_ms() < until_ms);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* How a transaction is being ended. */
struct ending {
    struct stream *stream;
    rd_kafka_topic_partition_list_t *offsets;
    enum outcome outcome;
    bool asked; /* for the commit: from then on a failure says nothing of how it ended */
    struct reason reason;
};

static void end_transaction(void *self)
{
    struct ending *ending = self;
    struct stream *stream = ending->stream;
    struct reason *reason = &ending->reason;
    int64_t until_ms;

    ending->outcome = UNDO;
    reason_set(reason, "kafka-timed-out", NULL, "the records of a transaction were not taken");
    if (flush(stream))
        ending->outcome =
            send_offsets(stream, ending->offsets, clock_monotonic_ms() + COMMIT_MS, reason);
    if (ending->outcome != FINE)
        return;
    ending->asked = true;
    /* Not -1, which waits for ever for a broker that is away: a call that timed out goes on in the
     * library, and the next one takes it up again. */
    until_ms = clock_monotonic_ms() + COMMIT_MS;
    do
        ending->outcome =
            stream_outcome_take(rd_kafka_commit_transaction(stream->producer, KAFKA_CALL_MS),
                                "committing a transaction", reason);
    while (ending->outcome == AGAIN && clock_monotonic_ms() < until_ms);
}

enum verdict stream_commit_open(struct stream *stream, bool serve, struct reason *reason)
{
    struct ending ending = {.stream = stream};

    if (!stream->in_transaction)
        return DONE;
    ending.offsets = offsets_new(stream);
    if (!ending.offsets) {
        reason_set(reason, "no-memory", NULL, "no memory for offsets");
        return undo(stream, UNDO, reason);
    }
    if (serve && stream->aside) {
        aside_begin(stream->aside, end_transaction, &ending);
        while (!aside_ended(stream->aside))
            stream->handlers.meanwhile(stream->handlers.self, aside_fd(stream->aside));
    } else {
        end_transaction(&ending);
    }
    if (ending.outcome != FINE && reason)
        *reason = ending.reason;
    if (ending.outcome != FINE && ending.asked && ending.outcome != FATAL) {
        drop_transaction(stream, ending.offsets);
        return TRY_AGAIN;
    }
    if (ending.outcome != FINE) {
        rd_kafka_topic_partition_list_destroy(ending.offsets);
        return undo(stream, ending.outcome == AGAIN ? UNDO : ending.outcome, reason);
    }
    if (end_is_in_doubt(&stream->producer_watch)) {
        log_fact(LOG_LEVEL_INFO, "producer-renewed", "why", "the end of a transaction was repeated",
                 NULL);
        stream_producer_discard(stream);
    }
    stream_committed(stream, ending.offsets);
    rd_kafka_topic_partition_list_destroy(ending.offsets);
    return DONE;
}

enum verdict stream_confirm(struct stream *stream, struct reason *reason)
{
    enum verdict verdict;
    bool any = false;

    for (size_t i = 0; i < stream->count; i++)
        any |= stream->partitions[i].active;
    if (!any || !stream_can_send(stream)) {
        reason_set(reason, "not-confirmed", NULL, "%s",
                   any ? "something is to be mended first" : "the group has given us nothing yet");
        return TRY_AGAIN;
    }
    verdict = stream_begin(stream, reason);
    return verdict == DONE ? stream_commit(stream, reason) : verdict;
}

static enum verdict let_send(struct stream *stream, stream_sends *sends, struct reason *reason)
{
    enum verdict verdict = sends ? sends(stream->handlers.self, clock_now_ms(), reason) : DONE;

    if (verdict == DONE)
        return DONE;
    if (stream->broken)
        return BROKEN;
    stream_abort(stream);
    return verdict == BROKEN ? stream_break(stream, reason) : TRY_AGAIN;
}

enum verdict stream_tick(struct stream *stream, struct reason *reason)
{
    stream->ticked_ms = clock_monotonic_ms();
    return let_send(stream, stream->handlers.tick, reason);
}

enum verdict stream_send_early(struct stream *stream, stream_sends *sends, struct reason *reason)
{
    return stream_can_send(stream) ? let_send(stream, sends, reason) : DONE;
}
