/* SPDX-License-Identifier: Apache-2.0 */
/* Consume, transform, produce, exactly once: the transaction loop of router, dispatcher and
 * aggregator. One transaction per batch: {everything sent, input offsets with the group's
 * metadata}. After an abort the input is rewound to where the transaction began and the core is
 * told to forget what it did since; a producer whose EndTxn may have been sent twice (librdkafka
 * #5423) or that aborted is thrown away and made anew, which raises the epoch and fences the old
 * one. */
#ifndef KAFKA_STREAM_H
#define KAFKA_STREAM_H

#include "kafka/kafka.h"

struct stream;

enum stream_start {
    STREAM_FROM_COMMITTED, /* the group's offset, else the beginning */
    STREAM_FROM_BEGINNING, /* always: the topic is the state (deliveries) */
};

/* May stream_send; verdicts as of message(). */
typedef enum verdict stream_sends(void *self, int64_t now_ms, struct reason *reason);

struct stream_handlers {
    void *self;
    /* A partition is ours; called before its first message, outside any transaction. `from` is the
     * offset at which reading starts, `end` the end of the partition at this moment. Blocking is
     * fine here (restore). */
    enum verdict (*assigned)(void *self, const char *topic, int32_t partition, int64_t from,
                             int64_t end, struct reason *reason);
    /* assigned() has been called for all that are new; before the first of their messages. What is
     * read back for many partitions is read back here in one go. TRY_AGAIN: called again. May be
     * NULL. */
    enum verdict (*settled)(void *self, struct reason *reason);
    /* It is no longer ours: the last transaction was committed, or aborted if `lost`. Forget it. */
    void (*revoked)(void *self, const char *topic, int32_t partition, bool lost);
    /* DONE: goes on. REFUSED: not for streams; the handler itself sends to its dead-letter topic
     * and returns DONE. TRY_AGAIN: abort, rewind, back off; after stream_postpone only the
     * message's own partition waits. BROKEN: abort, stop. */
    enum verdict (*message)(void *self, const struct kafka_message *message, struct reason *reason);
    /* Before each commit and at least every `commit_interval_ms`: timers, results that came in
     * meanwhile. NULL if not needed. */
    stream_sends *tick;
    /* Everything since the last committed() is visible / is undone and will come again. */
    void (*committed)(void *self);
    void (*aborted)(void *self);
    /* A commit is under way: called again and again until it has ended, when `fd` is readable.
     * Nothing of the stream may be called here, and what committed() and aborted() are about may
     * only be added to. NULL: commits block. */
    void (*meanwhile)(void *self, int fd);
    /* Rebalance ahead: finish in-flight work that belongs to partitions being revoked, within a
     * bound. NULL if not needed. */
    void (*draining)(void *self);
};

struct stream_options {
    const char *group; /* "router" */
    /* Stable ordinal: group.instance.id is the instance, transactional.id is group-instance. */
    const char *instance;
    const char *const *topics; /* names, or patterns that start with ^ (POSIX extended) */
    size_t topics_count;
    const char *const
        *topics_excluded; /* names or patterns, for what a pattern takes in too much */
    size_t topics_excluded_count;
    enum stream_start start;
    int batch_messages_max; /* 1000 */
    int commit_interval_ms; /* 100; see stream_commit_every; of offsets alone: 1000 at least */
    int session_timeout_ms; /* 0 = default */
    int fetch_wait_ms; /* how long a partition that rested may wait before it is read on, unless the
                        * environment says so; 0 = default */
};

/* TRY_AGAIN when no broker can be reached within a bound. */
__attribute__((warn_unused_result)) enum verdict stream_open(const struct kafka_settings *settings,
                                                             const struct stream_options *options,
                                                             const struct stream_handlers *handlers,
                                                             struct stream **ret_stream,
                                                             struct reason *reason);
/* One turn: polls for at most wait_ms (some ms more while messages come), hands on messages, ticks,
 * commits when the batch is full or its time has come. TRY_AGAIN: an abort happened or a broker is
 * away (already rewound). BROKEN: fatal. Idle turns open no transaction. */
__attribute__((warn_unused_result)) enum verdict stream_step(struct stream *stream, int wait_ms,
                                                             struct reason *reason);
/* Calls `sends` with the handlers' self, so that what will be in the transaction need not all wait
 * for the tick before its commit. Nothing happens while Kafka is away. Answers as stream_step. */
__attribute__((warn_unused_result)) enum verdict
stream_send_early(struct stream *stream, stream_sends *sends, struct reason *reason);
/* Inside message(), tick() and what stream_send_early calls only: adds to the transaction (begins
 * one if none is open). Waits when the queue is full. */
__attribute__((warn_unused_result)) enum verdict
stream_send(struct stream *stream, const struct kafka_out *out, struct reason *reason);
/* Inside message() only, before TRY_AGAIN and instead of anything else: the message comes again
 * after `for_ms`, and until then nothing of its partition; the transaction and the other partitions
 * go on. For what one record waits for, and no other. */
void stream_postpone(struct stream *stream, int for_ms);
/* From now on ticks come this often, and commits (those of offsets alone once a second at most).
 * What a transaction costs the broker hardly depends on what is in it, so that under load fewer of
 * them get more done. */
void stream_commit_every(struct stream *stream, int interval_ms);
/* DONE: at this moment the group knows this member, and what it was given is still its own. Asked
 * by a commit of what is open, or of where reading has got to already. TRY_AGAIN: it can't be told,
 * or it is not so, or the stream has nothing. BROKEN as stream_step. Not from within a handler. */
__attribute__((warn_unused_result)) enum verdict stream_confirm(struct stream *stream,
                                                                struct reason *reason);
/* Commits what is open now. */
__attribute__((warn_unused_result)) enum verdict stream_commit(struct stream *stream,
                                                               struct reason *reason);
/* Reading of a partition of ours goes back to this offset, at once and for good: an abort does not
 * go behind it, the next commit tells the group. Not from within a handler. TRY_AGAIN: nothing has
 * changed, but for a seek that timed out and may yet take effect: offsets already handed on may
 * come again. */
__attribute__((warn_unused_result)) enum verdict
stream_read_again(struct stream *stream, const char *topic, int32_t partition, int64_t offset,
                  struct reason *reason);
/* Reading of a partition of ours rests, or goes on where it was. A message or two of it may still
 * come. It outlasts a rebalance: assigned() says anew what is to be. False if it is not ours. */
bool stream_rest(struct stream *stream, const char *topic, int32_t partition, bool resting);
/* For /readyz: NULL if it holds its assignment (possibly none) and a broker answers; else why not.
 */
const char *stream_not_ready(const struct stream *stream);
/* The group has committed no offset of any partition that this stream was given. Ask in settled()
 * or later. */
bool stream_group_is_new(const struct stream *stream);
/* Records still to be read of what is assigned, by the client's own knowledge; for metrics. */
int64_t stream_lag(const struct stream *stream);
/* A descriptor that becomes readable when messages wait, so that a loop of the caller's own (epoll)
 * can sleep on it. */
int stream_wake_fd(struct stream *stream);
/* Commits, leaves the group (static members keep their place), frees. NULL is fine. */
void stream_close(struct stream *stream);

#endif
