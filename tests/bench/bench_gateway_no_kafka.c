/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's yardstick: the very gateway (HTTP, parse, check, encode, suspend, resume), linked
 * with a producer that knows no Kafka. A thread of its own acknowledges whatever has come in since
 * it last looked, as the real one serves delivery reports. Nothing is stored: for measuring only.
 */
#include "gateway.h"

#include "kafka/kafka.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 65536

struct kafka_producer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    kafka_delivered *delivered;
    void *self;
    bool stopping;
    size_t waiting_count;
    void *waiting[WAITING_MAX];
    void *batch[WAITING_MAX];
};

static void *acknowledge(void *self)
{
    struct kafka_producer *producer = self;
    const struct reason none = {0};

    for (;;) {
        pthread_mutex_lock(&producer->lock);
        while (producer->waiting_count == 0 && !producer->stopping)
            pthread_cond_wait(&producer->changed, &producer->lock);
        size_t count = producer->waiting_count;
        memcpy(producer->batch, producer->waiting, count * sizeof(producer->batch[0]));
        producer->waiting_count = 0;
        pthread_mutex_unlock(&producer->lock);
        if (count == 0)
            return NULL;
        for (size_t i = 0; i < count; i++)
            producer->delivered(producer->self, producer->batch[i], DONE, &none);
    }
}

struct kafka_producer *kafka_producer_open(const struct kafka_settings *settings,
                                           int delivery_timeout_ms, kafka_delivered *delivered,
                                           void *self, struct reason *reason)
{
    struct kafka_producer *producer = calloc(1, sizeof(*producer));

    (void)settings, (void)delivery_timeout_ms;
    if (producer) {
        producer->delivered = delivered;
        producer->self = self;
        pthread_mutex_init(&producer->lock, NULL);
        pthread_cond_init(&producer->changed, NULL);
        if (pthread_create(&producer->thread, NULL, acknowledge, producer) == 0)
            return producer;
    }
    free(producer);
    reason_set(reason, "no-memory", NULL, "no memory for a producer");
    return NULL;
}

enum verdict kafka_producer_send(struct kafka_producer *producer, const struct kafka_out *out,
                                 struct reason *reason)
{
    bool full;

    pthread_mutex_lock(&producer->lock);
    full = producer->waiting_count == WAITING_MAX;
    if (!full)
        producer->waiting[producer->waiting_count++] = out->opaque;
    pthread_cond_signal(&producer->changed);
    pthread_mutex_unlock(&producer->lock);
    if (full)
        reason_set(reason, "queue-full", NULL, "too many records wait");
    return full ? TRY_AGAIN : DONE;
}

bool kafka_producer_connected(struct kafka_producer *producer)
{
    return producer != NULL;
}

void kafka_producer_close(struct kafka_producer *producer)
{
    if (!producer)
        return;
    pthread_mutex_lock(&producer->lock);
    producer->stopping = true;
    pthread_cond_signal(&producer->changed);
    pthread_mutex_unlock(&producer->lock);
    pthread_join(producer->thread, NULL);
    pthread_cond_destroy(&producer->changed);
    pthread_mutex_destroy(&producer->lock);
    free(producer);
}

/* The gateway asks which topics exist: here all do. */
struct kafka_admin *kafka_admin_open(const struct kafka_settings *settings, struct reason *reason)
{
    static char admin;

    (void)settings, (void)reason;
    return (struct kafka_admin *)&admin;
}

void kafka_admin_close(struct kafka_admin *admin)
{
    (void)admin;
}

enum verdict kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int *ret_count,
                                    struct reason *reason)
{
    (void)admin, (void)topic, (void)reason;
    *ret_count = 1;
    return DONE;
}

int main(int argc, char **argv)
{
    return service_main(gateway_service(), argc, argv);
}
