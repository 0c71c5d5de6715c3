/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler sees of a request, and the two forms of answer that all services give: JSON, and
 * problem details. */
#include "http/internal.h"

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
