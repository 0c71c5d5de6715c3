/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of common/kafka share; the only place that includes librdkafka. */
#ifndef KAFKA_INTERNAL_H
#define KAFKA_INTERNAL_H

#include "kafka/kafka.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

/* No single call waits longer than this for a broker. */
#define KAFKA_CALL_MS 5000
#define KAFKA_VERSION_LEAST 0x020c01ff /* 2.12.1 */

/* ---- settings.c */
enum kafka_role { KAFKA_PRODUCER = 1, KAFKA_TRANSACTIONAL = 2, KAFKA_READER = 4, KAFKA_MEMBER = 8 };

struct kafka_property {
    char *name;
    char *value;
};

struct kafka_settings {
    char client_id[64];
    struct kafka_property *properties;
    size_t properties_count;
};

struct kafka_settings *kafka_settings_copy(const struct kafka_settings *settings);
/* What the environment does not say is this. False without memory. */
bool kafka_settings_otherwise(struct kafka_settings *settings, const char *name, int value);
/* Defaults, then the environment's properties, then what must not be changed. NULL and a reason on
 * failure. */
rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings, enum kafka_role role,
                                struct reason *reason);
bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                    struct reason *reason);
bool kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                           struct reason *reason);
/* Makes the client; `conf` is used up in any case. */
rd_kafka_t *kafka_client_new(rd_kafka_conf_t *conf, rd_kafka_type_t type, struct reason *reason);

/* ---- errors.c */
/* "kafka-…" code and words for an error; TRY_AGAIN, REFUSED or BROKEN. */
enum verdict kafka_error(rd_kafka_resp_err_t error, const char *doing, struct reason *reason);
/* The same for an error object, which is destroyed. */
enum verdict kafka_error_take(rd_kafka_error_t *error, const char *doing, struct reason *reason);

/* ---- watch.c */
/* What a client's requests say of it, counted by interceptors on the library's threads. */
struct kafka_watch {
    atomic_bool down;        /* all brokers were lost and none has answered since */
    atomic_bool answered;    /* any broker, ever */
    atomic_int end_sent;     /* EndTxn requests since the count was last set to 0 */
    atomic_int end_answered; /* answered without a transport error; the library tells us twice */
    atomic_int end_failed;   /* timed out, or the connection went away under them */
    /* By the monotonic clock, when all brokers were lost, or a request of the group's (to join it,
     * to stay in it) went unanswered last, or it or its answer came later than `session_ms` behind
     * the answer before; 0 = never. */
    atomic_llong contact_lost_ms;
    atomic_llong contact_back_ms; /* when one of these was answered first since then; 0 = not yet */
    atomic_llong member_ms;       /* when one of these was answered last; 0 = never */
    int64_t session_ms;
};
/* Must outlive the client that is made of `conf`. */
bool kafka_watch_attach(struct kafka_watch *watch, rd_kafka_conf_t *conf, struct reason *reason);
bool kafka_watch_connected(const struct kafka_watch *watch);
void kafka_watch_lost(struct kafka_watch *watch);
/* When the group answered last, contact was lost, or had been a short while before: what it said
 * may have been meant for who we were. */
bool kafka_watch_was_lost(const struct kafka_watch *watch);

/* ---- bounds.c */
/* Of `count` partitions from `first` on: first offset, and end (last stable offset). Waits a little
 * for leaders. */
enum verdict kafka_bounds(rd_kafka_t *client, const char *topic, int32_t first, int count,
                          int64_t *lows, int64_t *ends, struct reason *reason);
/* Of one partition, by the leader that the client knows of; if it knows of none, the brokers are
 * asked who it is. */
enum verdict kafka_watermarks(rd_kafka_t *client, const char *topic, int32_t partition,
                              int64_t *ret_low, int64_t *ret_end, struct reason *reason);

/* ---- wire.c */
/* Topic handles and partition counts of one client, looked up once and refreshed now and then. */
#define KAFKA_TOPICS_MAX 256
struct kafka_topic_handle {
    char *name;
    rd_kafka_topic_t *handle;
    int32_t partitions_count; /* 0 = not asked for yet */
    int64_t asked_ms;
};
struct kafka_topics {
    rd_kafka_t *client;
    struct kafka_topic_handle *rows;
    size_t count;
    size_t last; /* row that was used last: topics come in runs */
};

void kafka_topics_init(struct kafka_topics *topics, rd_kafka_t *client);
/* Must come before the client is destroyed. */
void kafka_topics_clear(struct kafka_topics *topics);
/* Hands `out` to the client, copied. *ret_full: the queue has no room now (TRY_AGAIN). */
enum verdict kafka_produce(struct kafka_topics *topics, const struct kafka_out *out, void *opaque,
                           bool *ret_full, struct reason *reason);
/* Partition count by metadata; 0 if there is no such topic. */
enum verdict kafka_count_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                    int *ret_count, struct reason *reason);
void kafka_message_from(const rd_kafka_message_t *from, struct kafka_message *message);

#endif
