/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server for small APIs, behind which stands libmicrohttpd. The handler runs on the
 * server's own thread with the whole body in hand and answers now or later (from any thread).
 * Everything has a bound: connections, head and body size, the time for a whole request (slow
 * senders are cut), the time an answer may stay open (then 503). A request with Transfer-Encoding
 * and Content-Length, another transfer coding, or more than one Host or Content-Length is refused
 * before the handler sees it. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/json.h"
#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct http_request; /* lives until it is answered */

/* Whether a server could be told to listen there: HOST:PORT or [IPV6]:PORT. Looks nothing up. */
bool http_address_valid(const char *address);

struct http_answer_header {
    const char *name;
    const char *value;
};
#define HTTP_ANSWER_HEADERS_MAX 12

/* An answer; everything is borrowed and copied by http_answer. */
struct http_answer {
    int status;
    const char *content_type;
    const void *body; /* may be NULL */
    size_t body_length;
    struct http_answer_header headers[HTTP_ANSWER_HEADERS_MAX]; /* up to the first NULL name */
};

/* Answers the request in the call, or keeps it (http_keep) and answers later. */
typedef void http_handler(void *self, struct http_request *request);

struct http_options {
    const char *listen; /* "127.0.0.1:8080", "[::1]:8080", "0.0.0.0:8080"; port 0 = any free one */
    size_t body_size_max;
    int connections_max;
    int connections_per_address_max; /* 0 = no limit of its own */
    int request_timeout_ms;          /* head and body, whole */
    int answer_timeout_ms;   /* a kept request: 503 problem with Retry-After when it passes */
    int retry_after_seconds; /* for that 503, and the next */
    size_t answers_size_max; /* large answers that clients have not read yet, together: 503 problem
                              * past it; 0 = no bound */
    http_handler *handler;
    void *self;
};

/* NULL on failure (address in use and such, in the reason). */
__attribute__((warn_unused_result)) struct http_server *
http_server_start(const struct http_options *options, struct reason *reason);
/* Stops accepting; kept requests are answered 503; waits for the thread. NULL is fine. */
void http_server_stop(struct http_server *server);
int http_server_port(const struct http_server *server);

/* The request. Strings are borrowed until it is answered. Names of headers are compared without
 * case. */
const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request); /* decoded, without the query */
const char *http_query(const struct http_request *request,
                       const char *name); /* first value or NULL */
/* The first parameter of the query that is none of `names`, the last of which is NULL; or NULL. */
const char *http_query_unknown(const struct http_request *request, const char *const names[]);
const char *http_header(const struct http_request *request, const char *name);
const char *http_body(const struct http_request *request, size_t *ret_length);

/* Call once in the handler to answer later, from any thread, once. http_answer after the answer
 * time-out is harmless: the request was answered already and is only freed. */
void http_keep(struct http_request *request);
void http_answer(struct http_request *request, const struct http_answer *answer);
/* True if a large answer would be 503 now: then it is that already, and need not be made. */
bool http_answer_if_full(struct http_request *request);

/* RFC 9457 problem details: type "urn:referral-router:problem:<code>", title, status, detail,
 * `pointer` where there is one. `extra` may hold up to two further headers (NULL-terminated names).
 * Request ids are mirrored by the server: X-Request-Id and X-Correlation-Id are copied to every
 * answer when they are UUIDs. */
void http_answer_problem(struct http_request *request, int status, const char *code,
                         const char *title, const char *pointer, const char *detail,
                         const struct http_answer_header *extra);
/* JSON text adopted by nobody: copied. */
void http_answer_json(struct http_request *request, int status, const struct json *json,
                      const struct http_answer_header *extra);

#endif
