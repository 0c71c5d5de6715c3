/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's yardstick: the same HTTP server; every request is suspended and resumed by another
 * thread with a 202 like the gateway's. No check, no Kafka. Prints its port; ends on SIGTERM. */
#include "base/json.h"
#include "http/server.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#define WAITING_MAX 4096

static struct http_request *waiting[WAITING_MAX];
static size_t waiting_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;

static void keep(void *self, struct http_request *request)
{
    (void)self;
    http_keep(request);
    pthread_mutex_lock(&lock);
    if (waiting_count < WAITING_MAX)
        waiting[waiting_count++] = request;
    pthread_cond_signal(&work);
    pthread_mutex_unlock(&lock);
}

static void *resume(void *self)
{
    static const char body[] =
        "{\"id\":\"00000000-0000-5000-8000-000000000000\",\"status_url\":"
        "\"http://127.0.0.1:8081/v1/referrals/00000000-0000-5000-8000-000000000000\"}";
    (void)self;
    for (;;) {
        struct http_request *batch[WAITING_MAX];
        pthread_mutex_lock(&lock);
        while (waiting_count == 0)
            pthread_cond_wait(&work, &lock);
        size_t count = waiting_count;
        for (size_t i = 0; i < count; i++)
            batch[i] = waiting[i];
        waiting_count = 0;
        pthread_mutex_unlock(&lock);
        for (size_t i = 0; i < count; i++) {
            struct http_answer answer = {.status = 202,
                                         .content_type = "application/json",
                                         .body = body,
                                         .body_length = sizeof body - 1};
            answer.headers[0] =
                (struct http_answer_header){"Location", "http://127.0.0.1:8081/v1/referrals/0"};
            http_answer(batch[i], &answer);
        }
    }
    return NULL;
}

int main(void)
{
    struct http_options options = {.listen = "127.0.0.1:0",
                                   .body_size_max = 256 * 1024,
                                   .connections_max = 1024,
                                   .request_timeout_ms = 10000,
                                   .answer_timeout_ms = 10000,
                                   .retry_after_seconds = 1,
                                   .handler = keep};
    struct reason reason = {0};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct http_server *server = http_server_start(&options, &reason);
    pthread_t thread;
    if (server == NULL || pthread_create(&thread, NULL, resume, NULL) != 0) {
        fprintf(stderr, "bench_bare_gateway: %s\n", reason.detail);
        return 1;
    }
    printf("%d\n", http_server_port(server));
    fflush(stdout);
    int number = 0;
    sigwait(&signals, &number);
    return 0;
}
