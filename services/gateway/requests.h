/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's shell: requests in, records to Kafka, answers out. The HTTP thread accepts and
 * sends; the producer's thread answers when the record is on all in-sync replicas; the main thread
 * looks after topics and reloads. */
#ifndef GATEWAY_REQUESTS_H
#define GATEWAY_REQUESTS_H

#include "accept.h"
#include "recent.h"
#include "world.h"

#include "http/server.h"
#include "kafka/kafka.h"
#include "service/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

enum gateway_metric {
    METRIC_ANSWERS,
    METRIC_ACCEPTED,
    METRIC_PROBLEMS,
    METRIC_SECONDS,
    METRIC_IN_FLIGHT,
    METRIC_TOPICS_MISSING,
    METRIC_RELOADS,
    METRICS_COUNT
};

/* One kept request, from a pool that is as large as requests may be in flight. */
struct held {
    struct http_request *request;
    struct held *next_free;
    struct accepted accepted;
    int64_t begun_us;
};

struct requests {
    const char *status_url;
    size_t body_size_max;
    struct kafka_producer *producer;
    struct metrics *metrics;

    pthread_mutex_t
        world_lock; /* the HTTP thread while it accepts, the main thread while it swaps */
    struct world *world;
    struct buffer value;
    uint8_t random[512]; /* drawn together: a draw costs as much for 16 bytes as for all of them */
    size_t random_left;

    pthread_mutex_t held_lock;
    pthread_cond_t held_changed;
    struct recent *recent;
    struct held *pool;
    struct held *free_list;
    size_t held_count;

    bool producer_broken; /* under held_lock */

    atomic_bool draining;
};

/* Makes pool and table. False without memory; requests_clear is due either way. */
bool requests_init(struct requests *requests, size_t in_flight_max, size_t recent_max);
void requests_clear(struct requests *requests);

/* For http_options and kafka_producer_open; `self` is the struct requests. */
http_handler requests_handle;
kafka_delivered requests_delivered;

/* Waits at most wait_ms for the number of kept requests to reach 0. Returns the number. */
size_t requests_wait_idle(struct requests *requests, int wait_ms);
/* Waits at most wait_ms for the producer to break. True if it has. */
bool requests_wait_broken(struct requests *requests, int wait_ms);
/* Swaps the world; the old one is returned. */
struct world *requests_swap_world(struct requests *requests, struct world *world);

#endif
