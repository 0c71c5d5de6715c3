/* SPDX-License-Identifier: Apache-2.0 */
/* One thread (the server's) asks one reading connection, opened when first needed and thrown away
 * after any error. Answers are made in memory within a bound, so that a slow client holds no
 * transaction open. */
#include "api_inside.h"

#include "base/calendar.h"

#include <stdlib.h>
#include <string.h>

typedef void answer_function(struct api *api, struct http_request *request);

const struct http_answer_header api_headers[] = {
    {"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-cache"}, {NULL, NULL}};

enum verdict api_store(struct api *api, struct reason *reason)
{
    return api->store ? DONE : store_open(&api->options.store, false, &api->store, reason);
}

/* The reason may name a host or a file: it is not for the client. */
void api_answer_failure(struct api *api, struct http_request *request)
{
    static const struct http_answer_header later[] = {{"Retry-After", "2"}, {NULL, NULL}};
    atomic_fetch_add(&api->sql_errors, 1);
    store_close(api->store);
    api->store = NULL;
    http_answer_problem(request, 503, "database-away", "The database does not answer", NULL,
                        "Ask again in a moment.", later);
}

void api_answer_refused(struct http_request *request, const struct reason *reason)
{
    http_answer_problem(request, 400, reason->code, "The request is not as expected",
                        reason->pointer, reason->detail, api_headers);
}

bool api_set_time(struct json *object, const char *name, int64_t ms)
{
    char instant[INSTANT_TEXT_SIZE];
    if (ms <= 0)
        return true;
    instant_format(ms, instant);
    return json_set_text(object, name, instant);
}

static void handle(void *self, struct http_request *request)
{
    static const struct {
        const char *path;
        bool prefix;
        answer_function *answer;
    } routes[] = {
        {"/", false, api_page},
        {"/style.css", false, api_style},
        {"/v1/volumes", false, api_volumes},
        {"/v1/events/counts", false, api_counts},
        {API_REFERRALS, true, api_referral},
    };
    static const struct http_answer_header allow[] = {{"Allow", "GET, HEAD"}, {NULL, NULL}};
    const char *path = http_path(request);
    const char *method = http_method(request);
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        bool match = routes[i].prefix ? strncmp(path, routes[i].path, strlen(routes[i].path)) == 0
                                      : strcmp(path, routes[i].path) == 0;
        if (!match)
            continue;
        if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
            routes[i].answer(self, request);
        else
            http_answer_problem(request, 405, "wrong-method", "The path does not take this method",
                                NULL, "the header Allow names the methods", allow);
        return;
    }
    http_answer_problem(request, 404, "unknown-path", "There is nothing at this address", NULL,
                        NULL, api_headers);
}

struct api *api_start(const struct api_options *options, struct reason *reason)
{
    struct api *api = calloc(1, sizeof(*api));
    if (!api) {
        reason_set(reason, "no-memory", NULL, "no memory for the API");
        return NULL;
    }
    api->options = *options;
    const struct http_options http = {
        .listen = options->listen,
        .body_size_max = 1024,
        .connections_max = 256,
        .request_timeout_ms = 10000,
        .answer_timeout_ms = 30000,
        .retry_after_seconds = 2,
        .answers_size_max = API_UNSENT_MAX,
        .handler = handle,
        .self = api,
    };
    api->server = http_server_start(&http, reason);
    if (api->server)
        return api;
    free(api);
    return NULL;
}

void api_stop(struct api *api)
{
    if (!api)
        return;
    http_server_stop(api->server);
    store_close(api->store);
    free(api);
}

int api_port(const struct api *api)
{
    return http_server_port(api->server);
}

uint64_t api_sql_errors(const struct api *api)
{
    return atomic_load(&api->sql_errors);
}
