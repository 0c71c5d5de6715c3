/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/volumes, as JSON or CSV. More rows than the bound are refused with what to do: a table
 * that is cut without a word ends in somebody's report. */
#include "api_inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "page.h"
#include "titles.h"
#include "volumes.h"

#include <stdlib.h>
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

static bool note_a_row(void *self, const struct volume *volume)
{
    (void)volume;
    *(bool *)self = true;
    return false;
}

/* A name that is on no list any more may still have figures. */
static enum verdict is_counted(struct api *api, const char *pathway, const char *hcp,
                               bool *ret_counted, struct reason *reason)
{
    struct volume_filter filter = {.from = "0000-01-01", .to = "9999-12-31"};
    text_copy(filter.pathway, sizeof(filter.pathway), pathway);
    text_copy(filter.hcp, sizeof(filter.hcp), hcp);
    enum verdict verdict = api_store(api, reason);
    if (verdict == DONE)
        verdict = store_volume_sums(api->store, &filter, note_a_row, ret_counted, reason);
    return verdict;
}

static bool is_pathway(const struct api *api, const char *name, char *list, size_t size)
{
    struct page *page = calloc(1, sizeof(*page));
    bool known = false;
    if (!page)
        return false;
    titles_add(api->options.schemas_dir, page);
    for (size_t i = 0; i < page->pathways_count; i++) {
        known = known || strcmp(page->pathways[i].name, name) == 0;
        volumes_list(list, size, page->pathways[i].name);
    }
    free(page);
    return known;
}

/* The envelope's own list, which every pathway's referrals have. */
static bool is_partnership(const struct api *api, const char *name, char *list, size_t size)
{
    const struct contract *contract = api->options.contract;
    const char *const path[] = {"source", "hcp"};
    bool known = false;
    if (contract_pathway_count(contract) == 0)
        return false;
    const struct schema_node *node =
        schema_root(contract_referral(contract, contract_pathway_name(contract, 0)));
    for (size_t i = 0; node && i < sizeof(path) / sizeof(path[0]); i++) {
        size_t field = schema_field(node, path[i], strlen(path[i]));
        node = field == SCHEMA_NO_FIELD ? NULL : node->children[field]->branch;
    }
    for (size_t i = 0; node && i < node->allowed_count; i++) {
        known = known || strcmp(node->allowed[i], name) == 0;
        volumes_list(list, size, node->allowed[i]);
    }
    return known;
}

static enum verdict check_names(struct api *api, const struct volume_filter *filter,
                                struct reason *reason)
{
    char list[REASON_DETAIL_MAX] = "";
    const char *pointer = "/pathway";
    bool known = true;
    enum verdict verdict = DONE;
    if (*filter->pathway && !is_pathway(api, filter->pathway, list, sizeof(list))) {
        known = false;
        verdict = is_counted(api, filter->pathway, "", &known, reason);
    }
    if (verdict == DONE && known && *filter->hcp) {
        pointer = "/hcp";
        list[0] = '\0';
        if (!is_partnership(api, filter->hcp, list, sizeof(list))) {
            known = false;
            verdict = is_counted(api, "", filter->hcp, &known, reason);
        }
    }
    if (verdict != DONE || known)
        return verdict;
    reason_set(reason, "bad-filter", pointer, "expected one of %s", list);
    return REFUSED;
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
    const char *unknown = http_query_unknown(request, known);
    if (unknown) {
        reason_set(&reason, "unknown-parameter", NULL,
                   "expected from, to, pathway, stage, hcp and format");
        if (text_is_name(unknown))
            text_format(reason.pointer, sizeof(reason.pointer), "/%s", unknown);
        api_answer_refused(request, &reason);
        return;
    }
    if (!wants_csv(request, &csv))
        return;
    enum verdict verdict = volumes_filter(&query, london_date(clock_now_ms()), &filter, &reason);
    if (verdict == DONE)
        verdict = check_names(api, &filter, &reason);
    if (verdict == REFUSED) {
        api_answer_refused(request, &reason);
        return;
    }
    if (verdict != DONE) {
        api_answer_failure(api, request);
        return;
    }
    if (http_answer_if_full(request))
        return;
    struct buffer body;
    buffer_init(&body, ANSWER_SIZE_MAX);
    struct volume_rows rows = {.buffer = &body, .csv = csv, .count_max = api->options.rows_max};
    bool well = csv ? volumes_csv_begin(&body) : volumes_json_begin(&body, &filter);
    verdict = api_store(api, &reason);
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
