/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the HTTP server: a server with a small handler. */
#ifndef SERVER_FIXTURE_H
#define SERVER_FIXTURE_H

#include "base/clock.h"
#include "client.h"
#include "http/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define UNUSED __attribute__((unused)) /* each test file uses some */
#define BODY_MAX 65536
#define REQUEST_MS 700 /* where the time is what is tested */
#define ANSWER_MS 400
#define PATIENCE_MS 30000 /* where it is not: a busy machine takes its time */

struct fixture {
    struct http_server *server;
    atomic_int calls;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *kept[64];
    size_t kept_count;
};

UNUSED static void keep(struct fixture *fixture, struct http_request *request)
{
    http_keep(request);
    pthread_mutex_lock(&fixture->lock);
    fixture->kept[fixture->kept_count++] = request;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

UNUSED static struct http_request *take_kept(struct fixture *fixture)
{
    struct http_request *request;

    pthread_mutex_lock(&fixture->lock);
    while (fixture->kept_count == 0)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    request = fixture->kept[--fixture->kept_count];
    pthread_mutex_unlock(&fixture->lock);
    return request;
}

UNUSED static void answer_text(struct http_request *request, int status, const char *text,
                               size_t length)
{
    struct http_answer answer = {
        .status = status, .content_type = "text/plain", .body = text, .body_length = length};

    http_answer(request, &answer);
}

UNUSED static void handle(void *self, struct http_request *request)
{
    struct fixture *fixture = self;
    const char *path = http_path(request);
    size_t length;

    atomic_fetch_add(&fixture->calls, 1);
    if (strcmp(path, "/keep") == 0) {
        keep(fixture, request);
    } else if (strcmp(path, "/echo") == 0) {
        const char *body = http_body(request, &length);

        answer_text(request, 200, body, length);
    } else if (strcmp(path, "/query") == 0) {
        const char *value = http_query(request, "a");

        answer_text(request, 200, value ? value : "none", value ? strlen(value) : 4);
    } else if (strcmp(path, "/header") == 0) {
        const char *value = http_header(request, "x-ThiNG");

        answer_text(request, 200, value ? value : "none", value ? strlen(value) : 4);
    } else if (strcmp(path, "/method") == 0) {
        answer_text(request, 200, http_method(request), strlen(http_method(request)));
    } else if (strcmp(path, "/problem") == 0) {
        struct http_answer_header extra[] = {{"Retry-After", "7"}, {NULL, NULL}};

        http_answer_problem(request, 422, "wrong-thing", "A wrong thing", "/a/b", "it is wrong",
                            extra);
    } else if (strcmp(path, "/nothing") != 0) {
        answer_text(request, 404, path, strlen(path));
    }
}

UNUSED static int set_up_with(void **state, int per_address, int request_ms, int answer_ms)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct http_options options = {.listen = "127.0.0.1:0",
                                   .body_size_max = BODY_MAX,
                                   .connections_max = 64,
                                   .connections_per_address_max = per_address,
                                   .request_timeout_ms = request_ms,
                                   .answer_timeout_ms = answer_ms,
                                   .retry_after_seconds = 3,
                                   .handler = handle,
                                   .self = fixture};
    struct reason reason = {0};

    if (!fixture)
        return -1;
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    fixture->server = http_server_start(&options, &reason);
    *state = fixture;
    return fixture->server ? 0 : -1;
}

UNUSED static int set_up(void **state)
{
    return set_up_with(state, 0, PATIENCE_MS, PATIENCE_MS);
}

UNUSED static int set_up_hasty(void **state)
{
    return set_up_with(state, 0, REQUEST_MS, PATIENCE_MS);
}

UNUSED static int set_up_cursory(void **state)
{
    return set_up_with(state, 0, PATIENCE_MS, ANSWER_MS);
}

UNUSED static int set_up_few(void **state)
{
    return set_up_with(state, 2, PATIENCE_MS, PATIENCE_MS);
}

UNUSED static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_stop(fixture->server);
    while (fixture->kept_count > 0)
        answer_text(fixture->kept[--fixture->kept_count], 200, "late", 4);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
