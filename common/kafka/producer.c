/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's producer: each record is acknowledged by all in-sync replicas or its sender hears
 * that it was not. One thread of our own serves the delivery reports, so that an acknowledgement
 * never waits for a caller to poll. */
#include "kafka/internal.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

#define POLL_MS 100
#define CLOSE_MS 5000

struct kafka_producer {
    rd_kafka_t *client;
    struct kafka_topics topics;
    pthread_mutex_t lock; /* of `topics`: several threads may send */
    struct kafka_watch watch;
    kafka_delivered *delivered;
    void *self;
    pthread_t poller;
    bool polling; /* the thread was started */
    atomic_bool stopping;
};

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = opaque;
    struct reason reason = {0};

    (void)client;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        producer->delivered(producer->self, message->_private, DONE, &reason);
        return;
    }
    (void)kafka_error(message->err, "delivering a record", &reason);
    producer->delivered(producer->self, message->_private, TRY_AGAIN, &reason);
}

static void on_error(rd_kafka_t *client, int error, const char *words, void *opaque)
{
    struct kafka_producer *producer = opaque;

    (void)client;
    (void)words; /* the client's own log has said it */
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&producer->watch.down, true);
}

static void *poll_reports(void *self)
{
    struct kafka_producer *producer = self;

    while (!atomic_load(&producer->stopping))
        rd_kafka_poll(producer->client, POLL_MS);
    return NULL;
}

static rd_kafka_t *client_new(struct kafka_producer *producer,
                              const struct kafka_settings *settings, int delivery_timeout_ms,
                              struct reason *reason)
{
    rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_PRODUCER, reason);

    if (!conf)
        return NULL;
    if (!kafka_conf_set_number(conf, "delivery.timeout.ms", delivery_timeout_ms, reason) ||
        !kafka_watch_attach(&producer->watch, conf, reason)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return kafka_client_new(conf, RD_KAFKA_PRODUCER, reason);
}

void kafka_count_undelivered(void *self, void *opaque, enum verdict verdict,
                             const struct reason *reason)
{
    atomic_size_t *failed = self;

    (void)opaque, (void)reason;
    if (verdict != DONE)
        atomic_fetch_add(failed, 1);
}

struct kafka_producer *kafka_producer_open(const struct kafka_settings *settings,
                                           int delivery_timeout_ms, kafka_delivered *delivered,
                                           void *self, struct reason *reason)
{
    struct kafka_producer *producer = calloc(1, sizeof(*producer));

    if (!producer) {
        reason_set(reason, "no-memory", NULL, "no memory for a producer");
        return NULL;
    }
    producer->delivered = delivered;
    producer->self = self;
    pthread_mutex_init(&producer->lock, NULL);
    producer->client = client_new(producer, settings, delivery_timeout_ms, reason);
    if (!producer->client) {
        kafka_producer_close(producer);
        return NULL;
    }
    kafka_topics_init(&producer->topics, producer->client);
    if (pthread_create(&producer->poller, NULL, poll_reports, producer) != 0) {
        reason_set(reason, "no-thread", NULL, "no thread for the delivery reports");
        kafka_producer_close(producer);
        return NULL;
    }
    producer->polling = true;
    return producer;
}

enum verdict kafka_producer_send(struct kafka_producer *producer, const struct kafka_out *out,
                                 struct reason *reason)
{
    enum verdict verdict;
    bool full;

    pthread_mutex_lock(&producer->lock);
    verdict = kafka_produce(&producer->topics, out, out->opaque, &full, reason);
    pthread_mutex_unlock(&producer->lock);
    return verdict;
}

bool kafka_producer_flush(struct kafka_producer *producer, int timeout_ms)
{
    return rd_kafka_flush(producer->client, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

bool kafka_producer_connected(struct kafka_producer *producer)
{
    return kafka_watch_connected(&producer->watch);
}

void kafka_producer_close(struct kafka_producer *producer)
{
    int64_t until_ms = clock_monotonic_ms() + CLOSE_MS;

    if (!producer)
        return;
    if (producer->client) {
        /* What is still under way is reported as not delivered: every opaque comes back. */
        rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        while (rd_kafka_outq_len(producer->client) > 0 && clock_monotonic_ms() < until_ms)
            rd_kafka_poll(producer->client, 10);
    }
    atomic_store(&producer->stopping, true);
    if (producer->polling)
        pthread_join(producer->poller, NULL);
    kafka_topics_clear(&producer->topics);
    if (producer->client)
        rd_kafka_destroy(producer->client);
    pthread_mutex_destroy(&producer->lock);
    free(producer);
}
