/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are answered later. A suspended connection never times out by itself, so they stand
 * in a list in the order of their deadlines, and a sweeper answers those that are overdue; it also
 * cuts senders that take too long (see sockets.c). */
#include "http/internal.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>
#include <time.h>

#define SWEEP_MS 50

static const char overdue_body[] =
    "{\"type\":\"urn:referral-router:problem:answer-timeout\",\"title\":\"No answer in time\","
    "\"status\":503,\"detail\":\"it may or may not have been accepted: repeat it unchanged\"}";
static const char stopping_body[] =
    "{\"type\":\"urn:referral-router:problem:stopping\",\"title\":\"Service is stopping\","
    "\"status\":503,\"detail\":\"it may or may not have been accepted: repeat it unchanged\"}";

static void kept_unlink(struct http_server *server, struct http_request *request)
{
    *(request->previous ? &request->previous->next : &server->oldest) = request->next;
    *(request->next ? &request->next->previous : &server->newest) = request->previous;
    request->previous = request->next = NULL;
}

void http_kept_resume(struct http_request *request)
{
    struct http_server *server = request->server;

    pthread_mutex_lock(&server->lock);
    kept_unlink(server, request);
    pthread_mutex_unlock(&server->lock);
    http_connection_resume(request);
    /* Under the lock: the server may be gone as soon as who stops it sees the smaller number. */
    pthread_mutex_lock(&server->lock);
    server->suspended--;
    if (atomic_load(&server->stopping))
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

void http_answer_unavailable(struct http_request *request, const char *body)
{
    struct http_answer answer = {.status = 503,
                                 .content_type = "application/problem+json",
                                 .body = body,
                                 .body_length = strlen(body)};
    char seconds[16];

    text_format(seconds, sizeof(seconds), "%d",
                request->server->options.retry_after_seconds > 0
                    ? request->server->options.retry_after_seconds
                    : 1);
    answer.headers[0] = (struct http_answer_header){"Retry-After", seconds};
    http_answer_write(request, &answer);
}

void http_keep(struct http_request *request)
{
    struct http_server *server = request->server;
    bool open = false;

    request->kept = true;
    atomic_fetch_add(&request->references, 1);
    pthread_mutex_lock(&server->lock);
    if (atomic_load(&server->stopping)) {
        pthread_mutex_unlock(&server->lock);
        if (atomic_compare_exchange_strong(&request->answered, &open, true))
            http_answer_unavailable(request, stopping_body);
        return;
    }
    request->answer_by_ms = clock_monotonic_ms() + server->options.answer_timeout_ms;
    request->previous = server->newest;
    *(server->newest ? &server->newest->next : &server->oldest) = request;
    server->newest = request;
    server->suspended++;
    request->suspended = true;
    http_connection_suspend(request);
    pthread_mutex_unlock(&server->lock);
}

/* Answers 503 to what is kept past its time, or to all of it. */
static void answer_kept(struct http_server *server, int64_t now_ms, const char *body)
{
    for (;;) {
        struct http_request *request;
        bool open = false;

        pthread_mutex_lock(&server->lock);
        for (request = server->oldest; request; request = request->next, open = false) {
            if (now_ms < request->answer_by_ms) {
                request = NULL;
                break;
            }
            /* One that is being answered right now leaves the list by itself. */
            if (atomic_compare_exchange_strong(&request->answered, &open, true))
                break;
        }
        pthread_mutex_unlock(&server->lock);
        if (!request)
            return;
        http_answer_unavailable(request, body);
        http_kept_resume(request);
    }
}

void http_kept_stop(struct http_server *server)
{
    answer_kept(server, INT64_MAX, stopping_body);
}

void *http_kept_sweep(void *self)
{
    struct http_server *server = self;
    bool stopped = false;

    while (!stopped) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += SWEEP_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_mutex_lock(&server->lock);
        while (!server->stopped &&
               pthread_cond_timedwait(&server->ended, &server->lock, &until) == 0)
            ;
        stopped = server->stopped;
        pthread_mutex_unlock(&server->lock);
        answer_kept(server, clock_monotonic_ms(), overdue_body);
        http_sockets_sweep(server->sockets, clock_monotonic_ms(),
                           (size_t)server->options.connections_max);
    }
    return NULL;
}
