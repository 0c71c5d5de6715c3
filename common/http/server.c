/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that sees libmicrohttpd. One thread of the library's runs all connections; a kept
 * request (see kept.c) is suspended there and resumed by whoever answers it. Before the library may
 * be stopped nothing may be suspended any more: stopping answers all that is kept and waits for
 * answers that are being given. */
#include "http/internal.h"

#include "base/clock.h"
#include "base/text.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define POOL_SIZE 16384     /* of a connection: its head must fit; cleared for each request */
#define KEEP_ALIVE_MS 60000 /* between two requests */
#define SENDING_MS 60000    /* and a second for each 16 KiB */
#define STOP_MS 2000        /* for answers to reach their clients */
#define LIMIT_SIZE 64
#define BODY_FIRST 4096 /* at most: a client that only promises a large body gets no more */

/* ---- requests */

void http_request_release(struct http_request *request)
{
    if (atomic_fetch_sub(&request->references, 1) != 1)
        return;
    if (request->response)
        MHD_destroy_response(request->response);
    free(request->body);
    free(request->pairs);
    free(request->texts);
    free(request);
}

/* Two walks over the vendor's values: one to measure, one to copy. */
struct copying {
    struct http_request *request; /* NULL while measuring */
    size_t size;
    size_t count;
};

static enum MHD_Result copy_pair(void *self, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct copying *copying = self;
    size_t name_size = strlen(name) + 1, value_size = value ? strlen(value) + 1 : 1;

    if (copying->request) {
        struct http_pair *pair = &copying->request->pairs[copying->count];
        char *to = copying->request->texts + copying->size;

        memcpy(to, name, name_size);
        memcpy(to + name_size, value ? value : "", value_size);
        *pair = (struct http_pair){to, to + name_size, kind == MHD_GET_ARGUMENT_KIND};
    }
    copying->size += name_size + value_size;
    copying->count++;
    return copying->count < HTTP_PAIRS_MAX || !copying->request ? MHD_YES : MHD_NO;
}

static void walk_pairs(struct MHD_Connection *connection, struct copying *copying)
{
    MHD_get_connection_values(connection, MHD_HEADER_KIND, copy_pair, copying);
    if (copying->count < HTTP_PAIRS_MAX)
        MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, copy_pair, copying);
}

static struct http_request *request_new(struct http_server *server,
                                        struct MHD_Connection *connection, const char *url,
                                        const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *request = calloc(1, sizeof(*request));
    struct copying copying = {0};
    size_t url_size = strlen(url) + 1, method_size = strlen(method) + 1;

    if (!request)
        return NULL;
    atomic_init(&request->references, 1);
    walk_pairs(connection, &copying);
    request->pairs = calloc(copying.count + 1, sizeof(*request->pairs));
    request->texts = malloc(copying.size + url_size + method_size);
    if (!request->pairs || !request->texts) {
        http_request_release(request);
        return NULL;
    }
    request->server = server;
    request->connection = connection;
    request->socket = info ? info->socket_context : NULL;
    memcpy(request->texts, url, url_size);
    request->path = request->texts;
    memcpy(request->texts + url_size, method, method_size);
    /* The library leaves the body of an answer to HEAD away: for a handler it is a GET. */
    request->method = strcmp(method, "HEAD") == 0 ? "GET" : request->texts + url_size;
    copying = (struct copying){.request = request, .size = url_size + method_size};
    walk_pairs(connection, &copying);
    request->pairs_count = copying.count;
    http_request_ids(request);
    return request;
}

/* ---- answers */

static bool header_add(struct MHD_Response *response, const char *name, const char *value)
{
    return !value || !*value || MHD_add_response_header(response, name, value) == MHD_YES;
}

static struct MHD_Response *response_new(const struct http_request *request,
                                         const struct http_answer *answer)
{
    struct http_body *body =
        http_body_new(&request->server->unsent, answer->body, answer->body_length);
    struct MHD_Response *response =
        body ? MHD_create_response_from_buffer_with_free_callback_cls(
                   answer->body_length, body->bytes, http_body_free, body)
             : NULL;
    bool fine = response != NULL;

    if (!response)
        http_body_free(body);
    fine = fine && header_add(response, "Content-Type", answer->content_type);
    fine = fine && header_add(response, "X-Request-Id", request->request_id);
    fine = fine && header_add(response, "X-Correlation-Id", request->correlation_id);
    for (size_t i = 0; fine && i < HTTP_ANSWER_HEADERS_MAX && answer->headers[i].name; i++)
        fine = header_add(response, answer->headers[i].name, answer->headers[i].value);
    if (!fine && response) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

void http_answer_write(struct http_request *request, const struct http_answer *answer)
{
    request->response = response_new(request, answer);
    request->status = answer->status;
    request->answer_length = answer->body_length;
}

/* NULL: there is no room for it. */
static void answer_once(struct http_request *request, const struct http_answer *answer)
{
    bool kept = request->kept;
    bool open = false;

    if (atomic_compare_exchange_strong(&request->answered, &open, true)) {
        if (answer && http_unsent_has_room(&request->server->unsent, answer->body_length))
            http_answer_write(request, answer);
        else
            http_answer_unavailable(request, http_full_body);
        if (kept)
            http_kept_resume(request);
    }
    if (kept)
        http_request_release(request);
}

void http_answer(struct http_request *request, const struct http_answer *answer)
{
    answer_once(request, answer);
}

bool http_answer_if_full(struct http_request *request)
{
    if (http_unsent_has_room(&request->server->unsent, HTTP_SMALL_ANSWER + 1))
        return false;
    answer_once(request, NULL);
    return true;
}

void http_connection_suspend(struct http_request *request)
{
    MHD_suspend_connection(request->connection);
}

void http_connection_resume(struct http_request *request)
{
    MHD_resume_connection(request->connection);
}

/* ---- callbacks of the library, all on its thread */

static enum MHD_Result queue(struct http_request *request)
{
    struct http_server *server = request->server;
    enum MHD_Result queued;

    if (!request->response)
        return MHD_NO;
    http_sockets_phase(server->sockets, request->socket, HTTP_SENDING,
                       clock_monotonic_ms() + SENDING_MS + (int64_t)(request->answer_length / 16));
    queued = MHD_queue_response(request->connection, (unsigned)request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return queued;
}

/* An answer before the body was read: the library closes the connection after it. */
static enum MHD_Result refuse(struct http_request *request, int status, const char *code,
                              const char *title, const char *detail)
{
    static const struct http_answer_header closing[] = {{"Connection", "close"}, {NULL, NULL}};

    http_sockets_linger(request->server->sockets, request->socket);
    http_answer_problem(request, status, code, title, NULL, detail, closing);
    return queue(request);
}

static void say_limit(const struct http_request *request, char text[LIMIT_SIZE])
{
    text_format(text, LIMIT_SIZE, "at most %zu bytes are taken",
                request->server->options.body_size_max);
}

/* The head is in. */
static enum MHD_Result check_head(struct http_request *request)
{
    const struct http_head_problem *problem;

    if (atomic_load(&request->server->stopping))
        return refuse(request, 503, "stopping", "Service is stopping", "try again elsewhere");
    problem = http_check_head(request, request->server->options.body_size_max);
    if (problem) {
        char limit[LIMIT_SIZE];

        say_limit(request, limit);
        return refuse(request, problem->status, problem->code, problem->title,
                      problem->status == 413 ? limit : problem->detail);
    }
    return MHD_YES;
}

/* In the middle of a body the library takes no answer: it goes straight to the socket. */
static enum MHD_Result cut(struct http_request *request)
{
    char limit[LIMIT_SIZE], body[256], answer[512];
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    say_limit(request, limit);
    if (info &&
        text_format(
            body, sizeof(body),
            "{\"type\":\"urn:referral-router:problem:too-large\",\"title\":\"Request body too "
            "large\",\"status\":413,\"detail\":\"%s\"}",
            limit) &&
        text_format(answer, sizeof(answer),
                    "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
                    "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n%s",
                    strlen(body), body))
        http_sockets_send(info->connect_fd, answer);
    http_sockets_linger(request->server->sockets, request->socket);
    return MHD_NO;
}

static enum MHD_Result body_add(struct http_request *request, const char *bytes, size_t *length)
{
    size_t limit = request->server->options.body_size_max;
    size_t needed;

    if (*length > limit - request->body_length)
        return cut(request);
    needed = request->body_length + *length + 1;
    if (needed > request->body_capacity) {
        size_t capacity = request->body_capacity                ? request->body_capacity * 2
                          : request->body_promised < BODY_FIRST ? request->body_promised + 1
                                                                : BODY_FIRST;
        char *body;

        capacity = capacity > limit + 1 ? limit + 1 : capacity;
        capacity = capacity < needed ? needed : capacity;
        body = realloc(request->body, capacity);
        if (!body)
            return MHD_NO;
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_length, bytes, *length);
    request->body_length += *length;
    request->body[request->body_length] = '\0';
    *length = 0;
    return MHD_YES;
}

static enum MHD_Result on_access(void *self, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *upload_data,
                                 size_t *upload_data_size, void **context)
{
    struct http_server *server = self;
    struct http_request *request = *context;

    (void)version;
    if (!request) {
        request = url ? request_new(server, connection, url, method) : NULL;
        if (!request)
            return MHD_NO;
        *context = request;
        atomic_fetch_add(&server->active, 1);
        return check_head(request);
    }
    if (*upload_data_size > 0)
        return body_add(request, upload_data, upload_data_size);
    if (atomic_load(&request->answered)) /* resumed */
        return queue(request);
    http_sockets_phase(server->sockets, request->socket, HTTP_HANDLING, 0);
    server->options.handler(server->options.self, request);
    if (!request->kept && !atomic_load(&request->answered))
        http_answer_problem(request, 500, "no-answer", "No answer", NULL, NULL, NULL);
    return request->suspended ? MHD_YES : queue(request);
}

static void on_completed(void *self, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *server = self;
    struct http_request *request = *context;

    (void)connection;
    (void)code;
    if (!request)
        return;
    *context = NULL;
    http_sockets_phase(server->sockets, request->socket, HTTP_WAITING,
                       clock_monotonic_ms() + KEEP_ALIVE_MS);
    http_request_release(request);
    /* Either who stops sees the smaller number, or we see that it stops. */
    if (atomic_fetch_sub(&server->active, 1) == 1 && atomic_load(&server->stopping)) {
        pthread_mutex_lock(&server->lock);
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
    }
}

static void on_connection(void *self, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = self;
    int64_t now_ms = clock_monotonic_ms();
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        http_sockets_remove(server->sockets, *context, now_ms);
        *context = NULL;
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        *context = http_sockets_add(server->sockets, info->connect_fd,
                                    now_ms + server->options.request_timeout_ms);
}

/* The request line is in: from here on the whole of head and body has its time. */
static void *on_request_line(void *self, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = self;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)uri;
    if (info)
        http_sockets_phase(server->sockets, info->socket_context, HTTP_READING,
                           clock_monotonic_ms() + server->options.request_timeout_ms);
    return NULL;
}

/* ---- start and stop */

static struct http_server *server_new(const struct http_options *options)
{
    struct http_server *server = calloc(1, sizeof(*server));
    pthread_condattr_t clock;

    if (!server)
        return NULL;
    server->options = *options;
    server->unsent.size_max = options->answers_size_max;
    server->sockets = http_sockets_new();
    if (!server->sockets || pthread_condattr_init(&clock) != 0) {
        http_sockets_free(server->sockets);
        free(server);
        return NULL;
    }
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &clock);
    pthread_cond_init(&server->ended, &clock);
    pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_destroy(&clock);
    return server;
}

static void server_free(struct http_server *server)
{
    pthread_cond_destroy(&server->ended);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    http_sockets_free(server->sockets);
    free(server);
}

static struct MHD_Daemon *daemon_start(struct http_server *server, int listener)
{
    const struct http_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, server, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)options->connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)options->connections_per_address_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)POOL_SIZE, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
        on_request_line, server, MHD_OPTION_END);
}

struct http_server *http_server_start(const struct http_options *options, struct reason *reason)
{
    struct http_server *server;
    int listener = http_listen(options->listen, reason);

    if (listener < 0)
        return NULL;
    server = server_new(options);
    if (!server) {
        reason_set(reason, "no-memory", NULL, "no memory for the HTTP server");
        close(listener);
        return NULL;
    }
    server->port = http_listen_port(listener);
    server->daemon = daemon_start(server, listener);
    if (!server->daemon) {
        reason_set(reason, "cannot-serve", NULL, "the HTTP library did not start on %.120s",
                   options->listen);
        close(listener);
        server_free(server);
        return NULL;
    }
    if (pthread_create(&server->sweeper, NULL, http_kept_sweep, server) != 0) {
        reason_set(reason, "no-thread", NULL, "no thread for the HTTP server");
        http_server_stop(server);
        return NULL;
    }
    server->sweeping = true;
    return server;
}

static bool none_suspended(const struct http_server *server)
{
    return server->suspended == 0;
}

static bool none_active(const struct http_server *server)
{
    return atomic_load(&server->active) == 0;
}

/* False if the time passed first. */
static bool wait_for_none(struct http_server *server, bool (*none_left)(const struct http_server *),
                          int timeout_ms)
{
    struct timespec until;
    bool none;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    pthread_mutex_lock(&server->lock);
    while (!none_left(server) &&
           pthread_cond_timedwait(&server->changed, &server->lock, &until) == 0)
        ;
    none = none_left(server);
    pthread_mutex_unlock(&server->lock);
    return none;
}

void http_server_stop(struct http_server *server)
{
    MHD_socket listener;

    if (!server)
        return;
    listener = MHD_quiesce_daemon(server->daemon);
    pthread_mutex_lock(&server->lock);
    atomic_store(&server->stopping, true);
    pthread_mutex_unlock(&server->lock);
    http_kept_stop(server);
    /* Only answers that are being written at this very moment are waited for here: each ends by
     * itself. */
    while (!wait_for_none(server, none_suspended, STOP_MS))
        ;
    wait_for_none(server, none_active, STOP_MS);
    MHD_stop_daemon(server->daemon);
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
    pthread_mutex_lock(&server->lock);
    server->stopped = true;
    pthread_cond_signal(&server->ended);
    pthread_mutex_unlock(&server->lock);
    if (server->sweeping)
        pthread_join(server->sweeper, NULL);
    server_free(server);
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}
