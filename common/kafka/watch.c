/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka repeats an EndTxn that timed out by itself and then reports success, and the first one
 * may still arrive in the middle of the next transaction (its issue #5423). The only way to notice
 * is to count the requests on the wire. The same interceptor tells whether any broker answers at
 * all. */
#include "kafka/internal.h"

#include "base/clock.h"

#define API_KEY_JOIN_GROUP 11
#define API_KEY_HEARTBEAT 12
#define API_KEY_SYNC_GROUP 14
#define API_KEY_END_TXN 26

static bool is_membership(int16_t api_key)
{
    return api_key == API_KEY_JOIN_GROUP || api_key == API_KEY_HEARTBEAT ||
           api_key == API_KEY_SYNC_GROUP;
}

/* A heartbeat of before is answered within the session; some coordinators are not ready at first.
 */
#define ECHO_MARGIN_MS 10000

void kafka_watch_lost(struct kafka_watch *watch)
{
    atomic_store(&watch->contact_lost_ms, clock_monotonic_ms());
    atomic_store(&watch->contact_back_ms, 0);
}

bool kafka_watch_was_lost(const struct kafka_watch *watch)
{
    const int64_t back_ms = atomic_load(&watch->contact_back_ms);
    const int64_t well_ms = atomic_load(&watch->member_ms) - back_ms;

    return atomic_load(&watch->contact_lost_ms) > 0 &&
           (back_ms == 0 || well_ms < watch->session_ms + ECHO_MARGIN_MS);
}

static void note_answer(struct kafka_watch *watch)
{
    atomic_store(&watch->member_ms, clock_monotonic_ms());
    if (atomic_load(&watch->contact_back_ms) == 0)
        atomic_store(&watch->contact_back_ms, clock_monotonic_ms());
}

/* Of a process that was stopped, or a machine that slept, no request is ever late by itself. */
static void note_silence(struct kafka_watch *watch, int64_t silent_ms)
{
    if (watch->session_ms > 0 && atomic_load(&watch->member_ms) > 0 &&
        silent_ms > watch->session_ms)
        kafka_watch_lost(watch);
}

static rd_kafka_resp_err_t request_sent(rd_kafka_t *client, int socket, const char *broker,
                                        int32_t broker_id, int16_t api_key, int16_t api_version,
                                        int32_t correlation, size_t size, void *opaque)
{
    struct kafka_watch *watch = opaque;

    (void)client, (void)socket, (void)broker, (void)broker_id, (void)api_version;
    (void)correlation, (void)size;
    if (api_key == API_KEY_END_TXN)
        atomic_fetch_add(&watch->end_sent, 1);
    if (is_membership(api_key))
        note_silence(watch, clock_monotonic_ms() - atomic_load(&watch->member_ms));
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t response_received(rd_kafka_t *client, int socket, const char *broker,
                                             int32_t broker_id, int16_t api_key,
                                             int16_t api_version, int32_t correlation, size_t size,
                                             int64_t rtt, rd_kafka_resp_err_t error, void *opaque)
{
    struct kafka_watch *watch = opaque;

    (void)client, (void)socket, (void)broker, (void)broker_id, (void)api_version;
    (void)correlation, (void)size;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store_explicit(&watch->answered, true, memory_order_relaxed);
        atomic_store_explicit(&watch->down, false, memory_order_relaxed);
        if (api_key == API_KEY_HEARTBEAT) {
            note_silence(watch, rtt / 1000); /* under way meanwhile */
            note_silence(watch, clock_monotonic_ms() - atomic_load(&watch->member_ms));
        }
        if (is_membership(api_key))
            note_answer(watch);
    } else if (is_membership(api_key)) {
        kafka_watch_lost(watch);
    }
    if (api_key == API_KEY_END_TXN)
        atomic_fetch_add(
            error == RD_KAFKA_RESP_ERR_NO_ERROR ? &watch->end_answered : &watch->end_failed, 1);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque,
                                  char *why, size_t why_size)
{
    rd_kafka_resp_err_t error =
        rd_kafka_interceptor_add_on_request_sent(client, "watch", request_sent, opaque);

    (void)conf, (void)why, (void)why_size;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = rd_kafka_interceptor_add_on_response_received(client, "watch", response_received,
                                                              opaque);
    return error;
}

bool kafka_watch_attach(struct kafka_watch *watch, rd_kafka_conf_t *conf, struct reason *reason)
{
    rd_kafka_resp_err_t error = rd_kafka_conf_interceptor_add_on_new(conf, "watch", on_new, watch);

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    (void)kafka_error(error, "adding the watch", reason);
    return false;
}

bool kafka_watch_connected(const struct kafka_watch *watch)
{
    return atomic_load(&watch->answered) && !atomic_load(&watch->down);
}
