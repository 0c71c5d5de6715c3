/* SPDX-License-Identifier: Apache-2.0 */
/* The page and what it is made of: today's sums, the week's, the counts of events. */
#include "api_inside.h"

#include "base/clock.h"
#include "page.h"
#include "titles.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE_MAX ((size_t)1024 * 1024)

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
                api_set_time(json, "newest_at", count->newest_ms);
    if (!well)
        json_free(json);
    counts->failed = !well || !json_array_add_take(counts->kinds, json);
    if (count->newest_ms > counts->newest_ms)
        counts->newest_ms = count->newest_ms;
    return !counts->failed;
}

void api_counts(struct api *api, struct http_request *request)
{
    struct counts counts = {.kinds = json_new_array()};
    struct json *json = json_new_object();
    enum verdict verdict = api_store(api, NULL);
    if (verdict == DONE)
        verdict = store_counts(api->store, add_count, &counts, NULL);
    bool well = verdict == DONE && json && counts.kinds && !counts.failed &&
                api_set_time(json, "newest_at", counts.newest_ms);
    if (!well)
        json_free(counts.kinds);
    if (well && json_set_take(json, "events", counts.kinds))
        http_answer_json(request, 200, json, api_headers);
    else
        api_answer_failure(api, request);
    json_free(json);
}

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

static bool add_under_way(void *self, const struct volume *sum)
{
    page_add_sum(self, true, sum);
    page_add_sum(self, false, sum);
    return true;
}

static bool add_notices(void *self, const struct stored_count *count)
{
    page_add_notices(self, count);
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
    enum verdict verdict = api_store(api, reason);
    if (verdict == DONE)
        verdict = store_volume_sums(api->store, &filter, add_sum, &today, reason);
    date_format(date_from_days(date_to_days(day) - 6), filter.from);
    if (verdict == DONE)
        verdict = store_volume_sums(api->store, &filter, add_sum, &week, reason);
    if (verdict == DONE)
        verdict = store_under_way(api->store, add_under_way, page, reason);
    if (verdict == DONE)
        verdict = store_counts(api->store, add_page_count, page, reason);
    if (verdict == DONE)
        verdict = store_notices(api->store, add_notices, page, reason);
    return verdict;
}

void api_page(struct api *api, struct http_request *request)
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
        api_answer_failure(api, request);
    }
    buffer_clear(&body);
    free(page);
}

void api_style(struct api *api, struct http_request *request)
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
