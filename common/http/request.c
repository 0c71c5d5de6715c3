/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler sees of a request, which heads are refused before that, and the two forms of
 * answer that all services give: JSON, and problem details. */
#include "http/internal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

static const char *pair_value(const struct http_request *request, const char *name, bool query)
{
    for (size_t i = 0; i < request->pairs_count; i++) {
        const struct http_pair *pair = &request->pairs[i];

        if (pair->query == query &&
            (query ? strcmp(pair->name, name) : strcasecmp(pair->name, name)) == 0)
            return pair->value;
    }
    return NULL;
}

const char *http_query(const struct http_request *request, const char *name)
{
    return pair_value(request, name, true);
}

const char *http_query_unknown(const struct http_request *request, const char *const names[])
{
    for (size_t i = 0; i < request->pairs_count; i++) {
        const char *const *name = names;

        if (!request->pairs[i].query)
            continue;
        while (*name && strcmp(*name, request->pairs[i].name) != 0)
            name++;
        if (!*name)
            return request->pairs[i].name;
    }
    return NULL;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return pair_value(request, name, false);
}

const char *http_body(const struct http_request *request, size_t *ret_length)
{
    if (ret_length)
        *ret_length = request->body_length;
    return request->body ? request->body : "";
}

static bool is_uuid(const char *text)
{
    if (!text || strlen(text) != HTTP_UUID_SIZE - 1)
        return false;
    for (size_t i = 0; i < HTTP_UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !strchr("0123456789abcdefABCDEF", text[i]))
            return false;
    }
    return true;
}

static void keep_uuid(const struct http_request *request, const char *header,
                      char uuid[HTTP_UUID_SIZE])
{
    const char *value = http_header(request, header);

    if (is_uuid(value))
        text_copy(uuid, HTTP_UUID_SIZE, value);
}

void http_request_ids(struct http_request *request)
{
    keep_uuid(request, "X-Request-Id", request->request_id);
    keep_uuid(request, "X-Correlation-Id", request->correlation_id);
}

static size_t headers_named(const struct http_request *request, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < request->pairs_count; i++)
        count += !request->pairs[i].query && strcasecmp(request->pairs[i].name, name) == 0;
    return count;
}

const struct http_head_problem *http_check_head(struct http_request *request, size_t body_size_max)
{
    static const char *const once[] = {"Host",         "Content-Length",   "Transfer-Encoding",
                                       "Content-Type", "Content-Encoding", "Idempotency-Key"};
    static const struct http_head_problem
        too_many = {431, "too-many-headers", "Too many headers", NULL},
        ambiguous = {400, "ambiguous-request", "Ambiguous request",
                     "Host, Content-Length, Content-Type, Content-Encoding and Idempotency-Key may "
                     "stand there once, Transfer-Encoding instead of Content-Length"},
        unknown_coding = {501, "unknown-coding", "Unknown transfer coding",
                          "the only one known here is chunked"},
        bad_length = {400, "bad-length", "Content-Length is no number", NULL},
        too_large = {413, "too-large", "Request body too large", NULL};
    const char *coding = http_header(request, "Transfer-Encoding");
    const char *length_text = http_header(request, "Content-Length");
    int64_t length = 0;

    if (request->pairs_count >= HTTP_PAIRS_MAX)
        return &too_many;
    for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
        if (headers_named(request, once[i]) > 1)
            return &ambiguous;
    if (coding && length_text)
        return &ambiguous;
    if (coding && strcasecmp(coding, "chunked") != 0)
        return &unknown_coding;
    if (length_text && !text_whole_number(length_text, 0, INT64_MAX, &length))
        return &bad_length;
    if ((uint64_t)length > body_size_max)
        return &too_large;
    request->body_promised = (size_t)length;
    return NULL;
}

static void headers_copy(struct http_answer *answer, const struct http_answer_header *extra)
{
    for (size_t i = 0; extra && i < HTTP_ANSWER_HEADERS_MAX && extra[i].name; i++)
        answer->headers[i] = extra[i];
}

static void answer_printed(struct http_request *request, int status, const char *content_type,
                           const struct json *json, const struct http_answer_header *extra)
{
    static const char no_memory[] = "{\"type\":\"urn:referral-router:problem:no-memory\","
                                    "\"title\":\"Out of memory\",\"status\":503}";
    char *text = json ? json_print(json, JSON_COMPACT) : NULL;
    struct http_answer answer = {.status = text ? status : 503,
                                 .content_type = text ? content_type : "application/problem+json",
                                 .body = text ? text : no_memory};

    answer.body_length = strlen(answer.body);
    headers_copy(&answer, text ? extra : NULL);
    http_answer(request, &answer);
    free(text);
}

void http_answer_json(struct http_request *request, int status, const struct json *json,
                      const struct http_answer_header *extra)
{
    answer_printed(request, status, "application/json", json, extra);
}

void http_answer_problem(struct http_request *request, int status, const char *code,
                         const char *title, const char *pointer, const char *detail,
                         const struct http_answer_header *extra)
{
    struct json *problem = json_new_object();
    char type[128] = "urn:referral-router:problem:";
    bool fine = problem != NULL;

    strncat(type, code, sizeof(type) - strlen(type) - 1);
    fine = fine && json_set_text(problem, "type", type);
    fine = fine && json_set_text(problem, "title", title);
    fine = fine && json_set_whole(problem, "status", status);
    if (detail && *detail)
        fine = fine && json_set_text(problem, "detail", detail);
    if (pointer && *pointer)
        fine = fine && json_set_text(problem, "pointer", pointer);
    answer_printed(request, status, "application/problem+json", fine ? problem : NULL, extra);
    json_free(problem);
}
