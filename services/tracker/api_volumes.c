/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/volumes, as JSON or CSV. More rows than the bound are refused with what to do: a table
 * that is cut without a word ends in somebody's report. */
#include "api_inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "volumes.h"

#include <string.h>

#define ANSWER_SIZE_MAX ((size_t)64 * 1024 * 1024)

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
                            "expected csv or json", api_headers);
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

void api_volumes(struct api *api, struct http_request *request)
{
    const struct volumes_query query = {
        .from = http_query(request, "from"),
        .to = http_query(request, "to"),
        .pathway = http_query(request, "pathway"),
        .stage = http_query(request, "stage"),
        .hcp = http_query(request, "hcp"),
    };
    static const char *const known[] = {"from", "to", "pathway", "stage", "hcp", "format", NULL};
    struct volume_filter filter;
    struct reason reason;
    bool csv = false;
    if (!http_query_known(request, known)) {
        http_answer_problem(request, 400, "unknown-parameter", "The request is not as expected",
                            NULL, "expected from, to, pathway, stage, hcp and format", api_headers);
        return;
    }
    if (!wants_csv(request, &csv))
        return;
    if (volumes_filter(&query, london_date(clock_now_ms()), &filter, &reason) != DONE) {
        api_answer_refused(request, &reason);
        return;
    }
    if (http_answer_if_full(request))
        return;
    struct buffer body;
    buffer_init(&body, ANSWER_SIZE_MAX);
    struct volume_rows rows = {.buffer = &body, .csv = csv, .count_max = api->options.rows_max};
    bool well = csv ? volumes_csv_begin(&body) : volumes_json_begin(&body, &filter);
    enum verdict verdict = api_store(api, &reason);
    if (verdict == DONE)
        verdict =
            store_volumes(api->store, &filter, rows.count_max + 1, add_volume, &rows, &reason);
    if (verdict == DONE && rows.count > rows.count_max) {
        reason_set(&reason, "too-many-rows", "/from",
                   "more than %lld rows: ask for fewer days, or for one pathway, stage or hcp",
                   (long long)rows.count_max);
        api_answer_refused(request, &reason);
    } else if (verdict == DONE && well && (csv || volumes_json_end(&body)) && !body.failed) {
        answer_rows(request, &filter, csv, &body);
    } else {
        api_answer_failure(api, request);
    }
    buffer_clear(&body);
}
