/* SPDX-License-Identifier: Apache-2.0 */
/* /livez is about this process alone: a Kafka that is away must not make an orchestrator restart
 * healthy processes. /readyz is where that shows. */
#include "service/health.h"

#include "base/clock.h"
#include "http/server.h"

#include <stdlib.h>
#include <string.h>

#define METRICS_SIZE_MAX (4u << 20)

bool health_is_alive(const struct health *health, int64_t now_ms)
{
    return now_ms - atomic_load(&health->turned_ms) <= HEALTH_TURN_MS;
}

const char *health_why_not_ready(const struct health *health, int64_t now_ms)
{
    const char *why = atomic_load(&health->not_ready);
    const char *waits_for = atomic_load(&health->waits_for);
    int64_t since_ms = atomic_load(&health->failing_since_ms);

    if (atomic_load(&health->draining))
        return "draining";
    if (why)
        return waits_for ? waits_for : why;
    if (!health_is_alive(health, now_ms))
        return "the loop stands still";
    if (since_ms > 0 && now_ms - since_ms > HEALTH_FAILING_MS)
        return waits_for ? waits_for : "every turn fails; the log says why";
    return NULL;
}

const char *health_waits_for(const char *code)
{
    static const struct {
        const char *code, *waits_for;
    } table[] = {
        {"registry-away", "the schema registry is away"},
        {"topic-missing", "a topic is missing: referralctl topics create"},
        {"offsets-lost", "Kafka has forgotten the group's offsets"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        if (strcmp(code, table[i].code) == 0)
            return table[i].waits_for;
    return NULL;
}

static void answer_text(struct http_request *request, int status, const char *text)
{
    struct http_answer answer = {.status = status,
                                 .content_type = "text/plain; charset=utf-8",
                                 .body = text,
                                 .body_length = strlen(text),
                                 .headers = {{"Cache-Control", "no-store"}}};

    http_answer(request, &answer);
}

static void answer_metrics(struct health *health, struct http_request *request)
{
    struct http_answer answer = {.status = 200,
                                 .content_type = "text/plain; version=0.0.4; charset=utf-8"};
    bool ready = health_why_not_ready(health, clock_monotonic_ms()) == NULL;
    struct buffer text;

    buffer_init(&text, METRICS_SIZE_MAX);
    if (metrics_print(health->metrics, &text) &&
        buffer_append_format(&text,
                             "# HELP referral_build_info Version of the program.\n"
                             "# TYPE referral_build_info gauge\n"
                             "referral_build_info{service=\"%s\",version=\"%s\"} 1\n"
                             "# HELP referral_service_ready Whether /readyz says yes.\n"
                             "# TYPE referral_service_ready gauge\nreferral_service_ready %d\n",
                             health->service, PROJECT_VERSION, ready)) {
        answer.body = text.data;
        answer.body_length = text.length;
        http_answer(request, &answer);
    } else {
        answer_text(request, 500, "metrics are too large\n");
    }
    buffer_clear(&text);
}

static void handle(void *self, struct http_request *request)
{
    struct health *health = self;
    const char *path = http_path(request);
    int64_t now_ms = clock_monotonic_ms();
    const char *why = health_why_not_ready(health, now_ms);

    if (strcmp(http_method(request), "GET") != 0)
        answer_text(request, 405, "GET only\n");
    else if (strcmp(path, "/livez") == 0)
        answer_text(request, health_is_alive(health, now_ms) ? 200 : 503,
                    health_is_alive(health, now_ms) ? "ok\n" : "the loop stands still\n");
    else if (strcmp(path, "/readyz") == 0)
        answer_text(request, why ? 503 : 200, why ? why : "ok\n");
    else if (strcmp(path, "/metrics") == 0)
        answer_metrics(health, request);
    else
        answer_text(request, 404, "/livez /readyz /metrics\n");
}

bool health_start(struct health *health, const char *service, const char *listen,
                  struct metrics *metrics, struct reason *reason)
{
    struct http_options options = {.listen = listen,
                                   .body_size_max = 1024,
                                   .connections_max = 32,
                                   .request_timeout_ms = 5000,
                                   .answer_timeout_ms = 5000,
                                   .retry_after_seconds = 5,
                                   .handler = handle,
                                   .self = health};

    health->service = service;
    health->metrics = metrics;
    atomic_store(&health->turned_ms, clock_monotonic_ms());
    atomic_store(&health->not_ready, "starting");
    health->server = http_server_start(&options, reason);
    return health->server != NULL;
}

void health_stop(struct health *health)
{
    http_server_stop(health->server);
    health->server = NULL;
}
