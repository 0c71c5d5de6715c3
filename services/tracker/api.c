/* SPDX-License-Identifier: Apache-2.0 */
/* One thread (the server's) asks one reading connection, opened when first needed and thrown away
 * after any error. Answers are made in memory within a bound, so that a slow client holds no
 * transaction open. */
#include "api.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "http/server.h"
#include "page.h"
#include "titles.h"
#include "volumes.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define PAGE_SIZE_MAX ((size_t)1024 * 1024)
#define HISTORY_MAX 5000
#define REFERRALS "/v1/referrals/"

struct api {
    struct api_options options;
    struct http_server *server;
    struct store *store; /* of the server's thread */
    _Atomic uint64_t sql_errors;
};

typedef void answer_function(struct api *api, struct http_request *request);

static const struct http_answer_header no_sniff[] = {
    {"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "no-cache"}, {NULL, NULL}};

static enum verdict ready_store(struct api *api, struct reason *reason)
{
    return api->store ? DONE : store_open(&api->options.store, false, &api->store, reason);
}

/* The caller made no answer yet. The reason may name a host or a file: it is not for the client. */
static void answer_failure(struct api *api, struct http_request *request)
{
    static const struct http_answer_header later[] = {{"Retry-After", "2"}, {NULL, NULL}};
    atomic_fetch_add(&api->sql_errors, 1);
    store_close(api->store);
    api->store = NULL;
    http_answer_problem(request, 503, "database-away", "The database does not answer", NULL,
                        "Ask again in a moment.", later);
}

static void answer_refused(struct http_request *request, const struct reason *reason)
{
    http_answer_problem(request, 400, reason->code, "The request is not as expected",
                        reason->pointer, reason->detail, no_sniff);
}

/* ---- one referral */

struct history {
    struct json *events;
    int64_t count;
    bool failed;
};

static bool set_said(struct json *object, const char *name, const char *value)
{
    return *value == '\0' || json_set_text(object, name, value);
}

static bool set_time(struct json *object, const char *name, int64_t ms)
{
    char instant[INSTANT_TEXT_SIZE];
    if (ms <= 0)
        return true;
    instant_format(ms, instant);
    return json_set_text(object, name, instant);
}

static bool set_explanation(struct json *object, const char *explanation)
{
    if (*explanation == '\0')
        return true;
    struct json *json = json_parse(explanation, strlen(explanation), EXPLANATION_SIZE, NULL);
    if (!json)
        json = json_new_text(explanation);
    return json_set_take(object, "explanation", json);
}

static bool add_history(void *self, const struct stored_event *event)
{
    struct history *history = self;
    struct json *json = json_new_object();
    bool well =
        json && json_set_text(json, "id", event->id) && json_set_text(json, "kind", event->kind) &&
        set_time(json, "occurred_at", event->occurred_at_ms) &&
        set_time(json, "recorded_at", event->recorded_at_ms) &&
        set_said(json, "destination", event->destination) &&
        set_said(json, "reason", event->reason) && set_said(json, "result", event->result) &&
        json_set_whole(json, "hop", event->hop) &&
        json_set_whole(json, "attempt", event->attempt) &&
        set_explanation(json, event->explanation);
    if (!well) {
        json_free(json);
        history->failed = true;
        return false;
    }
    history->count++;
    history->failed = !json_array_add_take(history->events, json);
    return !history->failed;
}

/* NULL without memory. Adopts `events`. */
static struct json *referral_json(const struct referral_state *state, struct json *events)
{
    struct json *source = json_new_object();
    struct json *json = json_new_object();
    bool well =
        source && json && set_said(source, "kind", state->source_kind) &&
        set_said(source, "ods_code", state->source_ods) && set_said(source, "hcp", state->hcp) &&
        set_said(source, "pcn", state->pcn) && json_set_text(json, "id", state->id) &&
        set_said(json, "correlation_id", state->correlation_id) &&
        json_set_text(json, "state", state->state) && set_said(json, "pathway", state->pathway) &&
        set_said(json, "service", state->service) &&
        set_said(json, "destination", state->destination) &&
        set_said(json, "reason", state->reason) &&
        set_time(json, "accepted_at", state->accepted_at_ms) &&
        set_time(json, "updated_at", state->updated_at_ms) &&
        set_time(json, "deadline_at", state->deadline_at_ms);
    if (!well) {
        json_free(source);
        json_free(events);
        json_free(json);
        return NULL;
    }
    well = json_set_take(json, "source", source);
    well = json_set_take(json, "history", events) && well;
    if (well)
        return json;
    json_free(json);
    return NULL;
}

static void answer_with_etag(struct http_request *request, const char *body)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * 16 + 1], etag[sizeof(hex) + 2] = "";
    if (digest_sha256(body, strlen(body), digest) && hex_encode(digest, 16, hex, sizeof(hex)))
        text_format(etag, sizeof(etag), "\"%s\"", hex);
    const char *known = http_header(request, "If-None-Match");
    bool same = known && etag[0] != '\0' && strstr(known, etag) != NULL;
    const struct http_answer answer = {
        .status = same ? 304 : 200,
        .content_type = "application/json",
        .body = same ? NULL : body,
        .body_length = same ? 0 : strlen(body),
        .headers = {{"X-Content-Type-Options", "nosniff"},
                    {"Cache-Control", "no-cache"},
                    {etag[0] != '\0' ? "ETag" : NULL, etag}},
    };
    http_answer(request, &answer);
}

static void answer_referral(struct api *api, struct http_request *request)
{
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    if (!uuid_parse(http_path(request) + strlen(REFERRALS), &uuid)) {
        http_answer_problem(request, 400, "bad-id", "Not a referral id", NULL,
                            "expected a UUID: 8-4-4-4-12 hexadecimal digits", no_sniff);
        return;
    }
    uuid_format(&uuid, id);
    struct referral_state state = {.hop = 0};
    struct history history = {.events = json_new_array()};
    enum verdict verdict = ready_store(api, NULL);
    if (verdict == DONE)
        verdict = store_get_referral(api->store, id, &state, NULL);
    if (verdict == DONE && state.state[0] != '\0')
        verdict = store_history(api->store, id, HISTORY_MAX, add_history, &history, NULL);
    if (verdict == DONE && state.state[0] == '\0') {
        json_free(history.events);
        http_answer_problem(
            request, 404, "unknown-referral", "No such referral", NULL,
            "No event of this referral has been seen. One that was accepted just now may "
            "take a moment to appear: ask again in a few seconds.",
            no_sniff);
        return;
    }
    struct json *json = NULL;
    if (verdict == DONE && history.events && !history.failed)
        json = referral_json(&state, history.events);
    else
        json_free(history.events);
    char *body = json_print(json, JSON_COMPACT);
    json_free(json);
    if (body)
        answer_with_etag(request, body);
    else
        answer_failure(api, request);
    free(body);
}

/* ---- volumes */

struct volume_rows {
    struct buffer *buffer;
    bool csv;
    int64_t count, count_max;
};

static bool add_volume(void *self, const struct volume *volume)
{
    struct volume_rows *rows = self;
    if (rows->count++ >= rows->count_max)
        return false;
    return rows->csv ? volumes_csv_row(rows->buffer, volume)
                     : volumes_json_row(rows->buffer, volume, rows->count == 1);
}

/* False after answering 400. */
static bool wants_csv(struct http_request *request, bool *ret_csv)
{
    const char *format = http_query(request, "format");
    const char *accept = http_header(request, "Accept");
    if (format && strcmp(format, "csv") != 0 && strcmp(format, "json") != 0) {
        http_answer_problem(request, 400, "bad-format", "The request is not as expected", "/format",
                            "expected csv or json", no_sniff);
        return false;
    }
    *ret_csv = format ? strcmp(format, "csv") == 0 : accept && strstr(accept, "text/csv") != NULL;
    return true;
}

static void answer_rows(struct http_request *request, const struct volume_filter *filter, bool csv,
                        const struct buffer *body)
{
    char name[96];
    text_format(name, sizeof(name), "attachment; filename=\"volumes-%s-%s.csv\"", filter->from,
                filter->to);
    const struct http_answer answer = {
        .status = 200,
        .content_type = csv ? "text/csv; charset=utf-8; header=present" : "application/json",
        .body = body->data,
        .body_length = body->length,
        .headers = {{"X-Content-Type-Options", "nosniff"},
                    {"Cache-Control", "no-cache"},
                    {"Vary", "Accept"},
                    {csv ? "Content-Disposition" : NULL, name}},
    };
    http_answer(request, &answer);
}

static void answer_volumes(struct api *api, struct http_request *request)
{
    const struct volumes_query query = {
        .from = http_query(request, "from"),
        .to = http_query(request, "to"),
        .pathway = http_query(request, "pathway"),
        .stage = http_query(request, "stage"),
        .hcp = http_query(request, "hcp"),
    };
    struct volume_filter filter;
    struct reason reason;
    bool csv = false;
    if (!wants_csv(request, &csv))
        return;
    if (volumes_filter(&query, london_date(clock_now_ms()), &filter, &reason) != DONE) {
        answer_refused(request, &reason);
        return;
    }
    struct buffer body;
    buffer_init(&body, ANSWER_SIZE_MAX);
    struct volume_rows rows = {.buffer = &body, .csv = csv, .count_max = api->options.rows_max};
    bool well = csv ? volumes_csv_begin(&body) : volumes_json_begin(&body, &filter);
    enum verdict verdict = ready_store(api, &reason);
    if (verdict == DONE)
        verdict =
            store_volumes(api->store, &filter, rows.count_max + 1, add_volume, &rows, &reason);
    if (verdict == DONE && rows.count > rows.count_max) {
        reason_set(&reason, "too-many-rows", "/from",
                   "more than %lld rows: ask for fewer days, or for one pathway, stage or hcp",
                   (long long)rows.count_max);
        answer_refused(request, &reason);
    } else if (verdict == DONE && well && (csv || volumes_json_end(&body)) && !body.failed) {
        answer_rows(request, &filter, csv, &body);
    } else {
        answer_failure(api, request);
    }
    buffer_clear(&body);
}

/* ---- counts of events */

struct counts {
    struct json *kinds;
    int64_t newest_ms;
    bool failed;
};

static bool add_count(void *self, const struct stored_count *count)
{
    struct counts *counts = self;
    struct json *json = json_new_object();
    bool well = json && json_set_text(json, "kind", count->kind) &&
                json_set_whole(json, "count", count->count) &&
                set_time(json, "newest_at", count->newest_ms);
    if (!well)
        json_free(json);
    counts->failed = !well || !json_array_add_take(counts->kinds, json);
    if (count->newest_ms > counts->newest_ms)
        counts->newest_ms = count->newest_ms;
    return !counts->failed;
}

static void answer_counts(struct api *api, struct http_request *request)
{
    struct counts counts = {.kinds = json_new_array()};
    struct json *json = json_new_object();
    enum verdict verdict = ready_store(api, NULL);
    if (verdict == DONE)
        verdict = store_counts(api->store, add_count, &counts, NULL);
    bool well = verdict == DONE && json && counts.kinds && !counts.failed &&
                set_time(json, "newest_at", counts.newest_ms);
    if (!well)
        json_free(counts.kinds);
    if (well && json_set_take(json, "events", counts.kinds))
        http_answer_json(request, 200, json, no_sniff);
    else
        answer_failure(api, request);
    json_free(json);
}

/* ---- the page */

struct page_sums {
    struct page *page;
    bool today_only;
};

static bool add_sum(void *self, const struct volume *sum)
{
    const struct page_sums *sums = self;
    page_add_sum(sums->page, sums->today_only, sum);
    return true;
}

static bool add_page_count(void *self, const struct stored_count *count)
{
    page_add_count(self, count);
    return true;
}

static enum verdict fill_page(struct api *api, struct page *page, struct reason *reason)
{
    struct page_sums today = {page, true}, week = {page, false};
    struct volume_filter filter = {.from = ""};
    struct date day = london_date(page->now_ms);
    titles_add(api->options.schemas_dir, page);
    date_format(day, filter.from);
    date_format(day, filter.to);
    enum verdict verdict = ready_store(api, reason);
    if (verdict == DONE)
        verdict = store_volume_sums(api->store, &filter, add_sum, &today, reason);
    date_format(date_from_days(date_to_days(day) - 6), filter.from);
    if (verdict == DONE)
        verdict = store_volume_sums(api->store, &filter, add_sum, &week, reason);
    if (verdict == DONE)
        verdict = store_counts(api->store, add_page_count, page, reason);
    return verdict;
}

static void answer_page(struct api *api, struct http_request *request)
{
    struct page *page = calloc(1, sizeof(*page));
    struct buffer body;
    buffer_init(&body, PAGE_SIZE_MAX);
    if (page)
        page_init(page, clock_now_ms());
    if (page && fill_page(api, page, NULL) == DONE && page_write(page, &body)) {
        const struct http_answer answer = {
            .status = 200,
            .content_type = "text/html; charset=utf-8",
            .body = body.data,
            .body_length = body.length,
            .headers = {{"Content-Security-Policy",
                         "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; "
                         "form-action 'none'; frame-ancestors 'none'"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"},
                        {"Cross-Origin-Opener-Policy", "same-origin"},
                        {"Cross-Origin-Resource-Policy", "same-origin"},
                        {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
                        {"X-Frame-Options", "DENY"},
                        {"Cache-Control", "no-cache"}},
        };
        http_answer(request, &answer);
    } else {
        answer_failure(api, request);
    }
    buffer_clear(&body);
    free(page);
}

static void answer_style(struct api *api, struct http_request *request)
{
    (void)api;
    const struct http_answer answer = {
        .status = 200,
        .content_type = "text/css; charset=utf-8",
        .body = page_style,
        .body_length = strlen(page_style),
        .headers = {{"X-Content-Type-Options", "nosniff"}, {"Cache-Control", "max-age=300"}},
    };
    http_answer(request, &answer);
}

/* ---- the server */

static void handle(void *self, struct http_request *request)
{
    static const struct {
        const char *path;
        bool prefix;
        answer_function *answer;
    } routes[] = {
        {"/", false, answer_page},
        {"/style.css", false, answer_style},
        {"/v1/volumes", false, answer_volumes},
        {"/v1/events/counts", false, answer_counts},
        {REFERRALS, true, answer_referral},
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
            http_answer_problem(request, 405, "method-not-allowed", "Only GET is possible here",
                                NULL, NULL, allow);
        return;
    }
    http_answer_problem(request, 404, "unknown-path", "There is nothing at this address", NULL,
                        NULL, no_sniff);
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
