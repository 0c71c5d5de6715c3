/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share with one another. Nothing of it is for users of the
 * server. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http/server.h"
#include "http/sockets.h"

#include <pthread.h>
#include <stdatomic.h>

#define HTTP_PAIRS_MAX 96 /* headers and query parameters of a request */
#define HTTP_UUID_SIZE 37

struct http_pair {
    const char *name;
    const char *value;
    bool query; /* else a header */
};

/* Everything a handler may ask for is copied out of the vendor's memory: after the answer time-out
 * the owner of a kept request still holds it while the connection it came on is long gone. Two
 * references: the connection's, and from http_keep on the owner's. */
struct http_request {
    struct http_server *server;
    void *connection; /* the vendor's */
    struct http_socket *socket;
    atomic_int references;
    atomic_bool answered; /* whoever sets it first writes the answer */
    bool kept;            /* http_keep was called */
    bool suspended;       /* by http_keep; not if the server was stopping */
    void *response;       /* the vendor's, waiting to be queued */
    int status;
    size_t answer_length;

    char *texts; /* one block under all the strings below */
    const char *method;
    const char *path;
    struct http_pair *pairs;
    size_t pairs_count;
    char request_id[HTTP_UUID_SIZE]; /* "" if there was none, or not a UUID */
    char correlation_id[HTTP_UUID_SIZE];

    char *body; /* NULL until a byte came; a NUL behind it */
    size_t body_length;
    size_t body_capacity;

    int64_t answer_by_ms; /* when kept */
    struct http_request *previous, *next;
};

/* server.c; the vendor's library is seen by that file only. */
void http_request_release(struct http_request *request);

/* request.c: keeps the ids that every answer mirrors. */
void http_request_ids(struct http_request *request);

/* A head that is refused before the handler sees it: what could be understood in two ways by a
 * proxy and by us (request smuggling), and what is too large. NULL if all is well. */
struct http_head_problem {
    int status;
    const char *code, *title, *detail;
};
const struct http_head_problem *http_check_head(const struct http_request *request,
                                                size_t body_size_max);

/* listen.c: a bound, listening socket for "127.0.0.1:8080" or "[::1]:0"; -1 and a reason if that
 * fails. */
int http_listen(const char *address, struct reason *reason);
int http_listen_port(int listener);

#endif
