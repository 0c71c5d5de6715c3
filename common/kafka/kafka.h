/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka for this project, behind which stands librdkafka: messages, settings, a producer, a plain
 * reader, admin. The transaction loop is in kafka/stream.h. */
#ifndef KAFKA_KAFKA_H
#define KAFKA_KAFKA_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define KAFKA_BROKERS_OTHERWISE "127.0.0.1:19092"

/* Client properties common to all clients of a process: safe defaults (KAFKA.md), then every
 * KAFKA_X_Y environment variable as property x.y (KAFKA_X_Y_FILE: from a file), bootstrap.servers
 * included (default KAFKA_BROKERS_OTHERWISE). Properties that carry the promises (acks,
 * idempotence, isolation, auto commit, partitioner …) can't be overridden: a clear error. */
struct kafka_settings;
__attribute__((warn_unused_result)) struct kafka_settings *
kafka_settings_from_environment(const char *client_id, struct reason *reason);
void kafka_settings_free(struct kafka_settings *settings);

struct kafka_header {
    const char *name;
    const void *value; /* may be NULL */
    size_t size;
};
#define KAFKA_HEADERS_MAX 12

/* A message on its way out; everything is copied. */
struct kafka_out {
    const char *topic;
    int32_t partition;         /* KAFKA_BY_KEY, or the number */
    const void *partition_key; /* with KAFKA_BY_KEY: hashed (murmur2, as Java's default) instead of
                                  the key; may be NULL */
    size_t partition_key_size;
    const void *key;
    size_t key_size;
    const void *value; /* NULL = tombstone */
    size_t value_size;
    struct kafka_header headers[KAFKA_HEADERS_MAX];
    size_t headers_count;
    void *opaque; /* for the delivery report */
};
#define KAFKA_BY_KEY (-1)

/* A message that came in; borrowed for the time of the call. */
struct kafka_message {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    const void *key;
    size_t key_size;
    const void *value; /* NULL = tombstone */
    size_t value_size;
    const void *vendor; /* for kafka_message_header */
};
/* Last header of that name; NULL if there is none. */
const void *kafka_message_header(const struct kafka_message *message, const char *name,
                                 size_t *ret_size);

/* murmur2 as in Java's default partitioner, for tests and tools. */
int32_t kafka_partition_of(const void *key, size_t key_size, int32_t partitions_count);

/* ---- producer (not transactional): idempotent, acks=all */
struct kafka_producer;
/* Called on the producer's own thread: DONE = on all in-sync replicas; TRY_AGAIN = not, or
 * possibly, persisted. */
typedef void kafka_delivered(void *self, void *opaque, enum verdict verdict,
                             const struct reason *reason);
/* For those who only want to know how many were not: `self` is an atomic_size_t. */
kafka_delivered kafka_count_undelivered;
__attribute__((warn_unused_result)) struct kafka_producer *
kafka_producer_open(const struct kafka_settings *settings, int delivery_timeout_ms,
                    kafka_delivered *delivered, void *self, struct reason *reason);
/* TRY_AGAIN: queue full. BROKEN: fatal producer error. REFUSED: no such topic or too large. */
__attribute__((warn_unused_result)) enum verdict
kafka_producer_send(struct kafka_producer *producer, const struct kafka_out *out,
                    struct reason *reason);
/* Waits for everything sent. False if `timeout_ms` passed first. */
bool kafka_producer_flush(struct kafka_producer *producer, int timeout_ms);
#define KAFKA_AWAY "Kafka is away"  /* the word of /readyz, whichever service it is */
#define KAFKA_FENCED "kafka-fenced" /* reason: another one has taken this one's place */
/* Brokers reachable at the moment, as far as the client knows (for /readyz). */
bool kafka_producer_connected(struct kafka_producer *producer);
void kafka_producer_close(struct kafka_producer *producer);

/* ---- plain reader: assigned by hand, read_committed, no group; for scans to the end and for
 * following a topic */
struct kafka_reader;
/* Reads all partitions of the topics from their beginnings. */
__attribute__((warn_unused_result)) struct kafka_reader *
kafka_reader_open(const struct kafka_settings *settings, const char *const *topics,
                  size_t topics_count, struct reason *reason);
/* Reads one partition from `from` (an offset) on. */
__attribute__((warn_unused_result)) struct kafka_reader *
kafka_reader_open_at(const struct kafka_settings *settings, const char *topic, int32_t partition,
                     int64_t from, struct reason *reason);
/* Adds one partition to an open reader, from offset `from` on; kafka_reader_at_end asks for no more
 * of it than the records before `to`. An empty reader is kafka_reader_open with no topics. */
__attribute__((warn_unused_result)) bool kafka_reader_add(struct kafka_reader *reader,
                                                          const char *topic, int32_t partition,
                                                          int64_t from, int64_t to,
                                                          struct reason *reason);
/* Moves one partition of an open reader to `from` (tracker: offsets kept in SQL). */
__attribute__((warn_unused_result)) bool kafka_reader_seek(struct kafka_reader *reader,
                                                           const char *topic, int32_t partition,
                                                           int64_t from, struct reason *reason);
/* DONE with *ret_message NULL: nothing within wait_ms. The message is borrowed until the next call.
 */
__attribute__((warn_unused_result)) enum verdict
kafka_reader_next(struct kafka_reader *reader, int wait_ms,
                  const struct kafka_message **ret_message, struct reason *reason);
/* True when every partition has been read up to the end (last stable offset) that it had at open or
 * at the last kafka_reader_mark_end. */
bool kafka_reader_at_end(const struct kafka_reader *reader);
__attribute__((warn_unused_result)) bool kafka_reader_mark_end(struct kafka_reader *reader,
                                                               struct reason *reason);
/* Hands each record up to the ends to `take`, as long as that says DONE. TRY_AGAIN (not-at-end) if
 * it takes longer than most_ms. */
__attribute__((warn_unused_result)) enum verdict kafka_reader_to_end(
    struct kafka_reader *reader, int64_t most_ms,
    enum verdict (*take)(void *self, const struct kafka_message *message, struct reason *reason),
    void *self, struct reason *reason);
/* Whether a broker answers, as far as the client knows (for /readyz). */
bool kafka_reader_connected(const struct kafka_reader *reader);
void kafka_reader_close(struct kafka_reader *reader);

/* ---- admin */
struct kafka_topic {
    const char *name;
    int partitions;
    int replication;             /* 0 = the broker's default */
    const char *const *settings; /* "cleanup.policy", "compact", …, NULL */
};
struct kafka_admin;
__attribute__((warn_unused_result)) struct kafka_admin *
kafka_admin_open(const struct kafka_settings *settings, struct reason *reason);
void kafka_admin_close(struct kafka_admin *admin);
/* Safe to run twice: *ret_created says whether it was made now. Waits until the brokers know it. */
__attribute__((warn_unused_result)) enum verdict kafka_admin_create(struct kafka_admin *admin,
                                                                    const struct kafka_topic *topic,
                                                                    bool *ret_created,
                                                                    struct reason *reason);
/* Partition count; 0 if the topic does not exist. TRY_AGAIN if no broker answers within the bound.
 */
__attribute__((warn_unused_result)) enum verdict kafka_admin_partitions(struct kafka_admin *admin,
                                                                        const char *topic,
                                                                        int *ret_count,
                                                                        struct reason *reason);
/* Low watermark and end (last stable offset + open transactions' start) of a partition. */
__attribute__((warn_unused_result)) enum verdict
kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition,
                       int64_t *ret_low, int64_t *ret_end, struct reason *reason);
/* The same of the partitions 0 to `partitions` - 1, in two questions instead of two for each. */
__attribute__((warn_unused_result)) enum verdict
kafka_admin_bounds(struct kafka_admin *admin, const char *topic, int partitions, int64_t *lows,
                   int64_t *ends, struct reason *reason);
/* Committed offsets of a consumer group, of the partitions 0 to `partitions` - 1; -1 where there is
 * none. */
__attribute__((warn_unused_result)) enum verdict
kafka_admin_committed(struct kafka_admin *admin, const char *group, const char *topic,
                      int partitions, int64_t *offsets, struct reason *reason);
/* First offset whose timestamp is at or after `since_ms`; the end if there is none. */
__attribute__((warn_unused_result)) enum verdict
kafka_admin_offset_at(struct kafka_admin *admin, const char *topic, int32_t partition,
                      int64_t since_ms, int64_t *ret_offset, struct reason *reason);

#endif
