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

/* unsent.c: bodies of answers that the library holds until they are sent or their connection ends.
 * The small ones are bounded by the number of connections, the large ones by their sum. */
#define HTTP_SMALL_ANSWER ((size_t)64 * 1024)
struct http_unsent {
    size_t size_max; /* 0 = no bound */
    atomic_size_t size;
};
struct http_body {
    struct http_unsent *unsent;
    size_t length;
    char bytes[];
};
/* One that is larger than the bound has room while no other one is under way. */
bool http_unsent_has_room(const struct http_unsent *unsent, size_t length);
/* A copy; NULL without memory. */
struct http_body *http_body_new(struct http_unsent *unsent, const void *bytes, size_t length);
void http_body_free(void *body); /* NULL is fine */
extern const char http_full_body[];

struct http_server {
    struct http_options options;
    void *daemon; /* the vendor's */
    struct http_sockets *sockets;
    struct http_unsent unsent;
    int port;
    pthread_t sweeper;
    bool sweeping; /* the thread was started */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* fewer suspended or active: for who stops; monotonic clock */
    pthread_cond_t ended;   /* stopped: the sweeper's own, so that no answer wakes it; the same */
    atomic_bool stopping;   /* set under the lock */
    atomic_int active;      /* requests that are not completed yet; waited for after stopping */
    bool stopped;           /* under the lock, as all below */
    int suspended;          /* connections that are not resumed yet; waited for, too */
    struct http_request *oldest; /* of the kept ones, in the order of their deadlines */
    struct http_request *newest;
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
    size_t body_promised; /* Content-Length, 0 if there is none */

    int64_t answer_by_ms; /* when kept */
    struct http_request *previous, *next;
};

/* server.c; the vendor's library is seen by that file only. */
void http_request_release(struct http_request *request);
void http_answer_write(struct http_request *request, const struct http_answer *answer);
void http_connection_suspend(struct http_request *request);
void http_connection_resume(struct http_request *request);

/* kept.c: requests that are answered later. */
/* Back to the library's thread with the answer of a kept request, or without if none could be made.
 */
void http_kept_resume(struct http_request *request);
/* Answers 503 to all of them. */
void http_kept_stop(struct http_server *server);
/* 503 with Retry-After: the body is a problem. */
void http_answer_unavailable(struct http_request *request, const char *body);
/* The thread that answers what is overdue and cuts sockets that are; `self` is the server. */
void *http_kept_sweep(void *self);

/* request.c: keeps the ids that every answer mirrors. */
void http_request_ids(struct http_request *request);

/* A head that is refused before the handler sees it: what could be understood in two ways by a
 * proxy and by us (request smuggling), and what is too large. NULL if all is well; body_promised is
 * set then. */
struct http_head_problem {
    int status;
    const char *code, *title, *detail;
};
const struct http_head_problem *http_check_head(struct http_request *request, size_t body_size_max);

/* listen.c: a bound, listening socket for "127.0.0.1:8080" or "[::1]:0"; -1 and a reason if that
 * fails. */
int http_listen(const char *address, struct reason *reason);
int http_listen_port(int listener);

#endif
