/* SPDX-License-Identifier: Apache-2.0 */
/* A request is kept before its record is sent, because the delivery report may come on the
 * producer's thread before the send has returned. From that moment exactly one of two places
 * answers: requests_delivered, or, if the send was not taken, the handler itself. */
#include "requests.h"

#include "problem.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "lifecycle/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATH_REFERRALS "/v1/referrals"
#define PATH_PATHWAYS "/v1/pathways"
#define RETRY_AFTER "2"
#define EVENT_SOURCE "/gateway"
#define EVENT_TYPE "uk.nhs.kentandmedway.referral.submitted"
#define RECORD_SIZE_MAX (64 * 1024)

bool requests_init(struct requests *requests, size_t in_flight_max, size_t recent_max)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&requests->world_lock, NULL);
    pthread_mutex_init(&requests->held_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&requests->held_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    buffer_init(&requests->value, RECORD_SIZE_MAX);
    requests->recent = recent_new(recent_max);
    requests->pool = calloc(in_flight_max, sizeof *requests->pool);
    if (!requests->recent || !requests->pool) {
        return false;
    }
    for (size_t index = 0; index < in_flight_max; index++) {
        requests->pool[index].next_free = requests->free_list;
        requests->free_list = &requests->pool[index];
    }
    return true;
}

void requests_clear(struct requests *requests)
{
    free(requests->pool);
    recent_free(requests->recent);
    buffer_clear(&requests->value);
    pthread_cond_destroy(&requests->held_changed);
    pthread_mutex_destroy(&requests->held_lock);
    pthread_mutex_destroy(&requests->world_lock);
}

static void count_answer(struct requests *requests, int status, int64_t begun_us)
{
    char label[8];
    text_format(label, sizeof label, "%d", status);
    metrics_add(requests->metrics, METRIC_ANSWERS, label, 1);
    metrics_observe(requests->metrics, METRIC_SECONDS, NULL,
                    (double)(clock_monotonic_us() - begun_us) / 1e6);
}

static void answer_problem(struct requests *requests, struct http_request *request,
                           const struct reason *reason, int64_t begun_us)
{
    const struct problem *problem = problem_find(reason->code);
    struct http_answer_header extra[3] = {{NULL, NULL}};
    if (problem->status == 503 || problem->status == 409) {
        extra[0] = (struct http_answer_header){"Retry-After", RETRY_AFTER};
    }
    count_answer(requests, problem->status, begun_us);
    metrics_add(requests->metrics, METRIC_PROBLEMS, problem->code, 1);
    http_answer_problem(request, problem->status, problem->code, problem->title, reason->pointer,
                        reason->detail, extra);
}

static void answer_accepted(struct requests *requests, struct http_request *request,
                            const struct accepted *accepted, int64_t begun_us)
{
    char url[512], body[640];
    text_format(url, sizeof url, "%s%s", requests->status_url, accepted->id);
    text_format(body, sizeof body, "{\"id\":\"%s\",\"status_url\":\"%s\"}", accepted->id, url);
    struct http_answer answer = {
        .status = 202,
        .content_type = "application/json",
        .body = body,
        .body_length = strlen(body),
        .headers = {{"Location", url}},
    };
    count_answer(requests, 202, begun_us);
    metrics_add(requests->metrics, METRIC_ACCEPTED, accepted->pathway, 1);
    http_answer(request, &answer);
}

/* NULL with the reason: at a limit, or the key is in use. */
static struct held *hold(struct requests *requests, const struct accepted *accepted,
                         struct reason *reason)
{
    struct held *held = NULL;
    enum recent_answer answer = RECENT_GO_ON;
    pthread_mutex_lock(&requests->held_lock);
    if (requests->free_list && accepted->keyed) {
        answer = recent_begin(requests->recent, &accepted->uuid, accepted->digest);
    }
    if (requests->free_list && answer == RECENT_GO_ON) {
        held = requests->free_list;
        requests->free_list = held->next_free;
        requests->held_count++;
        metrics_set(requests->metrics, METRIC_IN_FLIGHT, NULL, (double)requests->held_count);
    }
    pthread_mutex_unlock(&requests->held_lock);
    if (held) {
        held->accepted = *accepted;
    } else if (answer == RECENT_IN_FLIGHT) {
        reason_set(reason, "in-flight", NULL,
                   "the first request with this key is not answered yet");
    } else if (answer == RECENT_OTHER_BODY) {
        reason_set(reason, "key-reused", NULL,
                   "a new referral needs a key of its own, a repeated one the same body");
    } else {
        reason_set(reason, "overloaded", NULL, "nothing was stored: repeat the request");
    }
    return held;
}

static void release(struct requests *requests, struct held *held, bool keep)
{
    pthread_mutex_lock(&requests->held_lock);
    if (held->accepted.keyed) {
        recent_end(requests->recent, &held->accepted.uuid, keep);
    }
    held->next_free = requests->free_list;
    requests->free_list = held;
    requests->held_count--;
    metrics_set(requests->metrics, METRIC_IN_FLIGHT, NULL, (double)requests->held_count);
    if (requests->held_count == 0) {
        pthread_cond_signal(&requests->held_changed);
    }
    pthread_mutex_unlock(&requests->held_lock);
}

static void explain_not_stored(const struct reason *cause, struct reason *ret_reason)
{
    if (text_equal(cause->code, "no-such-topic") || text_equal(cause->code, "unknown-topic")) {
        reason_set(ret_reason, "topic-missing", NULL, "the operator makes it: topics create");
    } else {
        reason_set(
            ret_reason, "kafka-unavailable", NULL,
            "it may be stored: repeat the request; with the same Idempotency-Key it is the same "
            "referral");
    }
}

/* The producer's thread. A record that may be stored keeps its key bound: the repeat is the same
 * referral. */
void requests_delivered(void *self, void *opaque, enum verdict verdict, const struct reason *cause)
{
    struct requests *requests = self;
    struct held *held = opaque;
    struct http_request *request = held->request;
    struct accepted accepted = held->accepted;
    int64_t begun_us = held->begun_us;
    release(requests, held, true);
    if (verdict == DONE) {
        answer_accepted(requests, request, &accepted, begun_us);
        return;
    }
    struct reason reason = {0};
    explain_not_stored(cause, &reason);
    log_fact(LOG_LEVEL_WARNING, "not-stored", "referral_id", accepted.id, "pathway",
             accepted.pathway, "code", cause->code, "detail", cause->detail, NULL);
    answer_problem(requests, request, &reason, begun_us);
}

static struct kafka_header text_header(const char *name, const char *value)
{
    return (struct kafka_header){name, value, strlen(value)};
}

static enum verdict send_record(struct requests *requests, struct held *held, int64_t now_ms,
                                struct reason *reason)
{
    char time[INSTANT_TEXT_SIZE];
    const struct accepted *accepted = &held->accepted;
    instant_format(now_ms, time);
    struct kafka_out out = {
        .topic = accepted->topic,
        .partition = KAFKA_BY_KEY,
        .key = accepted->id,
        .key_size = strlen(accepted->id),
        .value = requests->value.data,
        .value_size = requests->value.length,
        .headers = {text_header("ce_specversion", "1.0"), text_header("ce_id", accepted->id),
                    text_header("ce_source", EVENT_SOURCE), text_header("ce_type", EVENT_TYPE),
                    text_header("ce_time", time), text_header("content-type", "application/avro"),
                    text_header("traceparent", accepted->traceparent)},
        .headers_count = 7,
        .opaque = held,
    };
    return kafka_producer_send(requests->producer, &out, reason);
}

/* The send was not taken, so no delivery report comes: the answer is given here. */
static void answer_not_sent(struct requests *requests, struct held *held, enum verdict verdict,
                            const struct reason *cause)
{
    struct reason reason = {0};
    struct http_request *request = held->request;
    int64_t begun_us = held->begun_us;
    release(requests, held, false);
    if (verdict == TRY_AGAIN) {
        reason_set(&reason, "queue-full", NULL, "nothing was stored: repeat the request");
    } else {
        explain_not_stored(cause, &reason);
    }
    if (verdict == BROKEN) {
        pthread_mutex_lock(&requests->held_lock);
        requests->producer_broken = true;
        pthread_cond_signal(&requests->held_changed);
        pthread_mutex_unlock(&requests->held_lock);
    }
    answer_problem(requests, request, &reason, begun_us);
}

/* No byte is given twice. */
static bool take_random(struct requests *requests, struct uuid *ret_bytes)
{
    size_t size = sizeof ret_bytes->bytes;
    if (requests->random_left < size) {
        if (!digest_random(requests->random, sizeof requests->random)) {
            return false;
        }
        requests->random_left = sizeof requests->random;
    }
    requests->random_left -= size;
    memcpy(ret_bytes->bytes, requests->random + requests->random_left, size);
    return true;
}

/* A referral without a key gets a UUID of version 4; of a trace only the bytes are wanted. */
static bool draw(struct requests *requests, struct accept_request *input)
{
    bool drawn = input->idempotency_key ? take_random(requests, &input->random_id)
                                        : uuid_random(&input->random_id);
    return drawn && take_random(requests, &input->random_trace);
}

/* With the world locked: accepts, and leaves the framed record in requests->value. */
static enum verdict accept_body(struct requests *requests, struct http_request *request,
                                int64_t now_ms, struct accepted *ret_accepted,
                                struct reason *reason)
{
    struct accept_request input = {
        .content_type = http_header(request, "Content-Type"),
        .content_encoding = http_header(request, "Content-Encoding"),
        .idempotency_key = http_header(request, "Idempotency-Key"),
        .correlation_id = http_header(request, "X-Correlation-Id"),
        .traceparent = http_header(request, "traceparent"),
        .body_size_max = requests->body_size_max,
        .now_ms = now_ms,
    };
    input.body = http_body(request, &input.body_length);
    if (!draw(requests, &input)) {
        reason_set(reason, "internal", NULL, "no random bytes");
        return BROKEN;
    }
    buffer_reset(&requests->value);
    enum verdict verdict =
        accept_referral(&input, requests->world->contract, requests->world->codec, &requests->value,
                        ret_accepted, reason);
    if (verdict == DONE &&
        world_topic_state(requests->world, ret_accepted->pathway) == TOPIC_MISSING) {
        reason_set(reason, "topic-missing", NULL, "the operator makes it: topics create");
        return REFUSED;
    }
    return verdict;
}

static void handle_referral(struct requests *requests, struct http_request *request)
{
    struct accepted accepted;
    struct reason reason = {0};
    int64_t begun_us = clock_monotonic_us();
    int64_t now_ms = clock_now_ms();
    if (atomic_load(&requests->draining)) {
        reason_set(&reason, "draining", NULL,
                   "another instance, or this one in a moment, takes it");
        answer_problem(requests, request, &reason, begun_us);
        return;
    }
    pthread_mutex_lock(&requests->world_lock);
    enum verdict verdict = accept_body(requests, request, now_ms, &accepted, &reason);
    pthread_mutex_unlock(&requests->world_lock);
    struct held *held = verdict == DONE ? hold(requests, &accepted, &reason) : NULL;
    if (!held) {
        answer_problem(requests, request, &reason, begun_us);
        return;
    }
    held->request = request;
    held->begun_us = begun_us;
    http_keep(request);
    verdict = send_record(requests, held, now_ms, &reason);
    if (verdict != DONE) {
        answer_not_sent(requests, held, verdict, &reason);
    }
}

static void handle_pathways(struct requests *requests, struct http_request *request)
{
    struct http_answer answer = {.status = 200, .content_type = "application/json"};
    int64_t begun_us = clock_monotonic_us();
    pthread_mutex_lock(&requests->world_lock);
    answer.body = requests->world->pathways_answer;
    answer.body_length = strlen(requests->world->pathways_answer);
    http_answer(request, &answer);
    pthread_mutex_unlock(&requests->world_lock);
    count_answer(requests, answer.status, begun_us);
}

static const struct {
    const char *path;
    const char *method;
    void (*handle)(struct requests *requests, struct http_request *request);
} ROUTES[] = {
    {PATH_REFERRALS, "POST", handle_referral},
    {PATH_PATHWAYS, "GET", handle_pathways},
};

static void answer_wrong_method(struct requests *requests, struct http_request *request,
                                const char *allowed)
{
    const struct problem *problem = problem_find("wrong-method");
    struct http_answer_header extra[3] = {{"Allow", allowed}};
    count_answer(requests, problem->status, clock_monotonic_us());
    metrics_add(requests->metrics, METRIC_PROBLEMS, problem->code, 1);
    http_answer_problem(request, problem->status, problem->code, problem->title, NULL,
                        "the header Allow names the method", extra);
}

void requests_handle(void *self, struct http_request *request)
{
    struct requests *requests = self;
    for (size_t index = 0; index < sizeof ROUTES / sizeof *ROUTES; index++) {
        if (!text_equal(http_path(request), ROUTES[index].path)) {
            continue;
        }
        if (text_equal(http_method(request), ROUTES[index].method)) {
            ROUTES[index].handle(requests, request);
        } else {
            answer_wrong_method(requests, request, ROUTES[index].method);
        }
        return;
    }
    struct reason reason = {0};
    reason_set(&reason, "unknown-path", NULL, "there are POST %s and GET %s", PATH_REFERRALS,
               PATH_PATHWAYS);
    answer_problem(requests, request, &reason, clock_monotonic_us());
}

static struct timespec deadline_in(int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + (int64_t)wait_ms * 1000000;
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    return until;
}

size_t requests_wait_idle(struct requests *requests, int wait_ms)
{
    struct timespec until = deadline_in(wait_ms);
    int error = 0;
    pthread_mutex_lock(&requests->held_lock);
    while (requests->held_count > 0 && error == 0) {
        error = pthread_cond_timedwait(&requests->held_changed, &requests->held_lock, &until);
    }
    size_t count = requests->held_count;
    pthread_mutex_unlock(&requests->held_lock);
    return count;
}

bool requests_wait_broken(struct requests *requests, int wait_ms)
{
    struct timespec until = deadline_in(wait_ms);
    int error = 0;
    pthread_mutex_lock(&requests->held_lock);
    while (!requests->producer_broken && error == 0) {
        error = pthread_cond_timedwait(&requests->held_changed, &requests->held_lock, &until);
    }
    bool broken = requests->producer_broken;
    pthread_mutex_unlock(&requests->held_lock);
    return broken;
}

struct world *requests_swap_world(struct requests *requests, struct world *world)
{
    pthread_mutex_lock(&requests->world_lock);
    struct world *old = requests->world;
    requests->world = world;
    pthread_mutex_unlock(&requests->world_lock);
    return old;
}
