/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a stream, shared by stream.c (opening and closing), stream_turn.c, stream_group.c
 * (which partitions are ours), stream_owners.c and stream_transaction.c (the transaction and its
 * undoing). */
#ifndef KAFKA_STREAM_PARTS_H
#define KAFKA_STREAM_PARTS_H

#include "kafka/aside.h"
#include "kafka/internal.h"
#include "kafka/stream.h"

#define STREAM_PARTITIONS_MAX 4096

struct stream_partition {
    char *topic;
    int32_t partition;
    bool active;         /* assigned() was called: its messages may be handed on */
    bool resting;        /* stream_rest: not read, whatever else it waits for */
    bool touched;        /* a message of it was handed on since `base` */
    int64_t base;        /* position at which the transaction began, or would begin */
    int64_t next;        /* of the message to be handed on next */
    int64_t seen_end;    /* where the end of the partition was met, markers included */
    uint64_t group_mark; /* digest of what the group has committed for it, as far as we know */
    uint64_t member;     /* digest of who we were in the group when it was given to us */
    int64_t resume_ms;   /* it is paused until then; 0 = it is not */
};

/* The looks whether each partition has an owner. */
struct stream_owners {
    struct aside *aside;
    bool looking;
    int unowned;       /* of the look under way: partitions; -1: not known, or not ours to mend */
    int64_t looked_ms; /* when it had its answer */
    bool found;        /* the look before found some */
    int64_t at_ms;     /* of the next; 0 = none was due yet */
    int64_t joined_ms; /* when we joined anew for it last; 0 = never */
    int joins;         /* how often in a row */
};

struct stream {
    struct stream_handlers handlers;
    enum stream_start start;
    int batch_messages_max;
    int commit_interval_ms;
    struct kafka_settings *settings;
    char transactional_id[192];

    rd_kafka_t *consumer;
    rd_kafka_conf_t *consumer_conf; /* to make another of */
    rd_kafka_topic_partition_list_t *subscription;
    rd_kafka_queue_t *queue; /* of the consumer */
    struct kafka_watch consumer_watch;
    int wake_fd;
    struct stream_partition *partitions;
    size_t count;
    size_t last;            /* the one a message was for last: they come in runs */
    bool activation_needed; /* some partition is not active yet */
    bool group_known;       /* its group has committed an offset of some partition that was ours */
    bool assigned;          /* a rebalance gave us our part at least once */
    bool lost;              /* some were lost, and none has become active since */
    rd_kafka_message_t *held; /* polled, but not to be handed on yet */
    int postpone_ms;          /* asked for by the handler that is being called */
    size_t paused;            /* partitions with a `resume_ms` */
    bool closing;
    bool let_go;        /* closing, the group was answered that gives all its partitions up */
    bool rejoin_needed; /* the consumer is of no use any more, the group is */

    rd_kafka_t *producer;
    bool producer_ready; /* init_transactions is done */
    struct kafka_topics topics;
    struct kafka_watch producer_watch;
    bool in_transaction;
    int64_t began_ms;
    int messages;       /* in this transaction */
    bool wrote;         /* in this transaction, something besides offsets */
    bool rewind_needed; /* before the next message: touched partitions go back to `base` */
    /* Offsets of a transaction that may or may not have been committed; NULL when all is known. */
    rd_kafka_topic_partition_list_t *unresolved;
    bool unresolved_empty; /* nothing hangs on it */
    int64_t nonce;         /* with `sequence`: the name of a transaction, kept as offset metadata */
    int64_t sequence;
    int64_t ticked_ms;
    struct aside *aside; /* for commits; NULL if the core has nothing to do meanwhile */
    struct stream_owners owners;
    bool listen; /* the group no longer takes us for who we were: it will tell the next polls why */

    /* What went wrong inside the rebalance callback, for the turn to report. */
    enum verdict trouble;
    struct reason trouble_reason;
    bool broken; /* for good; `trouble_reason` says why */
};

/* ---- stream.c */
/* Makes the consumer and joins the group. */
enum verdict stream_consumer_open(struct stream *stream, struct reason *reason);
void stream_consumer_close(struct stream *stream);
/* A setting of the consumer's, as the options, the environment or the client itself have it. False,
 * with "", if there is no such one or no room. */
bool stream_setting(const struct stream *stream, const char *name, char *value, size_t size);

/* ---- stream_group.c */
/* Leaves all partitions behind and joins the group anew with another consumer. */
enum verdict stream_rejoin(struct stream *stream, struct reason *reason);
void stream_on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t error,
                         rd_kafka_topic_partition_list_t *list, void *opaque);
struct stream_partition *stream_find(struct stream *stream, const char *topic, int32_t partition);
/* Calls assigned() for what is new. Nothing may be in the transaction. */
enum verdict stream_activate(struct stream *stream, struct reason *reason);
void stream_partitions_clear(struct stream *stream);

/* Nothing of the partition is handed on for so long; then it comes again from `next`. */
void stream_pause(struct stream *stream, struct stream_partition *at, int for_ms);
/* What has been paused long enough goes on. */
enum verdict stream_resume_due(struct stream *stream, struct reason *reason);

/* ---- stream_owners.c */
/* Now and then, whether each partition has an owner; if not, the group is made to divide them. */
void stream_owners_watch(struct stream *stream);
/* No look is under way any more: it uses the consumer. */
void stream_owners_wait(struct stream *stream);

/* ---- stream_recovery.c */
/* A producer that is ready, the outcome of the last transaction known, and all partitions back
 * where they belong. */
enum verdict stream_recover(struct stream *stream, struct reason *reason);
void stream_producer_discard(struct stream *stream);

/* ---- stream_turn.c */
/* stream_commit, with or without a core that does something meanwhile. */
enum verdict stream_end(struct stream *stream, bool serve, struct reason *reason);

/* ---- stream_transaction.c */
enum outcome { FINE, AGAIN, UNDO, FATAL };
/* Which of the four an error is; it is destroyed. NULL is FINE. */
enum outcome stream_outcome_take(rd_kafka_error_t *error, const char *doing, struct reason *reason);
/* Whether a transaction is open, or can be begun. */
bool stream_can_send(const struct stream *stream);
enum verdict stream_begin(struct stream *stream, struct reason *reason);
/* tick(), then the commit of what is open. Anything but DONE has been undone already. */
enum verdict stream_tick(struct stream *stream, struct reason *reason);
/* With `serve` the core's meanwhile() is called until it has ended. */
enum verdict stream_commit_open(struct stream *stream, bool serve, struct reason *reason);
/* Undoes what is open; the rewind itself follows in stream_recover. */
void stream_abort(struct stream *stream);
/* Digest of an offset that a group has committed, with its metadata. */
uint64_t stream_mark(const rd_kafka_topic_partition_t *committed);
/* What the group has committed, of the partitions that are ours. */
void stream_note_marks(struct stream *stream, const rd_kafka_topic_partition_list_t *offsets);
/* Digest of the member's id; 0 while it has none, or for NULL. */
uint64_t stream_member(const rd_kafka_consumer_group_metadata_t *metadata);
/* The transaction that sent `offsets` is committed: from here on, this is where one begins. */
void stream_committed(struct stream *stream, const rd_kafka_topic_partition_list_t *offsets);
/* Notes BROKEN for good. */
enum verdict stream_break(struct stream *stream, const struct reason *reason);

#endif
