/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets, byte by byte: what it answers, what it refuses, and that every
 * wait has an end. */
#include "base/clock.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define BODY_MAX 65536
#define REQUEST_MS 700
#define ANSWER_MS 400

struct fixture {
    struct http_server *server;
    atomic_int calls;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct http_request *kept[64];
    size_t kept_count;
};

static void keep(struct fixture *fixture, struct http_request *request)
{
    http_keep(request);
    pthread_mutex_lock(&fixture->lock);
    fixture->kept[fixture->kept_count++] = request;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->lock);
}

static struct http_request *take_kept(struct fixture *fixture)
{
    struct http_request *request;

    pthread_mutex_lock(&fixture->lock);
    while (fixture->kept_count == 0)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    request = fixture->kept[--fixture->kept_count];
    pthread_mutex_unlock(&fixture->lock);
    return request;
}

static void answer_text(struct http_request *request, int status, const char *text, size_t length)
{
    struct http_answer answer = {
        .status = status, .content_type = "text/plain", .body = text, .body_length = length};

    http_answer(request, &answer);
}

static void handle(void *self, struct http_request *request)
{
    struct fixture *fixture = self;
    const char *path = http_path(request);
    size_t length;

    atomic_fetch_add(&fixture->calls, 1);
    if (strcmp(path, "/keep") == 0) {
        keep(fixture, request);
    } else if (strcmp(path, "/echo") == 0) {
        const char *body = http_body(request, &length);

        answer_text(request, 200, body, length);
    } else if (strcmp(path, "/query") == 0) {
        const char *value = http_query(request, "a");

        answer_text(request, 200, value ? value : "none", value ? strlen(value) : 4);
    } else if (strcmp(path, "/header") == 0) {
        const char *value = http_header(request, "x-ThiNG");

        answer_text(request, 200, value ? value : "none", value ? strlen(value) : 4);
    } else if (strcmp(path, "/method") == 0) {
        answer_text(request, 200, http_method(request), strlen(http_method(request)));
    } else if (strcmp(path, "/problem") == 0) {
        struct http_answer_header extra[] = {{"Retry-After", "7"}, {NULL, NULL}};

        http_answer_problem(request, 422, "wrong-thing", "A wrong thing", "/a/b", "it is wrong",
                            extra);
    } else if (strcmp(path, "/nothing") != 0) {
        answer_text(request, 404, path, strlen(path));
    }
}

static int set_up_with(void **state, int per_address)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct http_options options = {.listen = "127.0.0.1:0",
                                   .body_size_max = BODY_MAX,
                                   .connections_max = 64,
                                   .connections_per_address_max = per_address,
                                   .request_timeout_ms = REQUEST_MS,
                                   .answer_timeout_ms = ANSWER_MS,
                                   .retry_after_seconds = 3,
                                   .handler = handle,
                                   .self = fixture};
    struct reason reason = {0};

    if (!fixture)
        return -1;
    pthread_mutex_init(&fixture->lock, NULL);
    pthread_cond_init(&fixture->changed, NULL);
    fixture->server = http_server_start(&options, &reason);
    *state = fixture;
    return fixture->server ? 0 : -1;
}

static int set_up(void **state)
{
    return set_up_with(state, 0);
}

static int set_up_few(void **state)
{
    return set_up_with(state, 2);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    http_server_stop(fixture->server);
    while (fixture->kept_count > 0)
        answer_text(fixture->kept[--fixture->kept_count], 200, "late", 4);
    pthread_cond_destroy(&fixture->changed);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture);
    return 0;
}

/* ---- a client that knows nothing of HTTP */

static int dial(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_server_port(fixture->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    int client = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(client >= 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    return client;
}

static bool say_bytes(int client, const char *bytes, size_t length)
{
    return send(client, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void say(int client, const char *text)
{
    assert_true(say_bytes(client, text, strlen(text)));
}

/* One answer with Content-Length, head and body; NULL if the connection ended first. */
static char *hear(int client)
{
    static char heard[4 * BODY_MAX];
    size_t length = 0, body = 0;
    char *end = NULL;

    for (;;) {
        ssize_t got;

        if (!end && (end = strstr(heard, "\r\n\r\n")) != NULL && length > 0) {
            const char *field = strstr(heard, "Content-Length: ");

            body = field && field < end ? strtoul(field + 16, NULL, 10) : 0;
        }
        if (end && length >= (size_t)(end - heard) + 4 + body)
            break;
        if (length == 0)
            heard[0] = '\0', end = NULL;
        /* Never a byte of the answer after this one. */
        got = recv(client, heard + length, end ? (size_t)(end - heard) + 4 + body - length : 1, 0);
        if (got <= 0)
            return NULL;
        length += (size_t)got;
        heard[length] = '\0';
    }
    return heard;
}

static int status_of(const char *heard)
{
    return heard && strncmp(heard, "HTTP/1.1 ", 9) == 0 ? atoi(heard + 9) : 0;
}

static const char *body_of(const char *heard)
{
    const char *end = heard ? strstr(heard, "\r\n\r\n") : NULL;

    return end ? end + 4 : "";
}

static bool is_closed(int client)
{
    char byte;
    ssize_t got = recv(client, &byte, 1, 0);

    return got == 0 || (got < 0 && errno == ECONNRESET);
}

static const char *ask(struct fixture *fixture, const char *text)
{
    int client = dial(fixture);
    const char *heard;

    say(client, text);
    heard = hear(client);
    close(client);
    return heard;
}

/* ---- what it answers */

static void a_get_is_answered_with_path_query_and_headers_decoded(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(
        body_of(ask(fixture, "GET /query?b=1&a=x%20y&a=2 HTTP/1.1\r\nHost: h\r\n\r\n")), "x y");
    assert_string_equal(body_of(ask(fixture, "GET /%71uery?a HTTP/1.1\r\nHost: h\r\n\r\n")), "");
    assert_string_equal(
        body_of(ask(fixture, "GET /header HTTP/1.1\r\nHost: h\r\nX-Thing: v\r\n\r\n")), "v");
    assert_int_equal(status_of(ask(fixture, "GET /no%20where HTTP/1.1\r\nHost: h\r\n\r\n")), 404);
}

static void head_is_a_get_without_a_body(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    char got[1024] = "";

    say(client, "HEAD /method HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(recv(client, got, sizeof(got) - 1, MSG_WAITALL) > 0);
    assert_non_null(strstr(got, "Content-Length: 3\r\n"));
    assert_string_equal(body_of(got), "");
    close(client);
}

static void a_body_comes_whole_in_whatever_pieces(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);

    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab");
    say(client, "cd");
    say(client, "ef");
    assert_string_equal(body_of(hear(client)), "abcdef");
    /* The same connection again, and then two requests at once. */
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    say(client, "2\r\nde\r\n0\r\n\r\n");
    assert_string_equal(body_of(hear(client)), "abcde");
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1"
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2");
    assert_string_equal(body_of(hear(client)), "1");
    assert_string_equal(body_of(hear(client)), "2");
    close(client);
}

static void a_client_that_waits_to_be_told_to_go_on_is_told(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    char *heard;

    say(client,
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    heard = hear(client);
    assert_int_equal(status_of(heard), 100);
    say(client, "ok");
    assert_string_equal(body_of(hear(client)), "ok");
    close(client);
}

static void ids_are_mirrored_when_they_are_uuids(void **state)
{
    struct fixture *fixture = *state;
    const char *heard = ask(fixture, "GET /method HTTP/1.1\r\nHost: h\r\n"
                                     "X-Request-ID: 01234567-89ab-cdef-0123-456789ABCDEF\r\n"
                                     "X-Correlation-Id: 9434765919<script>\r\n\r\n");

    assert_non_null(strstr(heard, "X-Request-Id: 01234567-89ab-cdef-0123-456789ABCDEF\r\n"));
    assert_null(strstr(heard, "9434765919"));
}

static void a_problem_has_the_shape_of_rfc_9457(void **state)
{
    const char *heard = ask(*state, "GET /problem HTTP/1.1\r\nHost: h\r\n\r\n");

    assert_int_equal(status_of(heard), 422);
    assert_non_null(strstr(heard, "Content-Type: application/problem+json\r\n"));
    assert_non_null(strstr(heard, "Retry-After: 7\r\n"));
    assert_string_equal(body_of(heard),
                        "{\"type\":\"urn:referral-router:problem:wrong-thing\",\"title\":\"A wrong "
                        "thing\",\"status\":422,\"detail\":\"it is wrong\",\"pointer\":\"/a/b\"}");
}

static void a_handler_that_does_not_answer_is_a_500(void **state)
{
    assert_int_equal(status_of(ask(*state, "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")), 500);
}

/* ---- what it refuses */

static void what_two_parsers_could_read_in_two_ways_is_refused(void **state)
{
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nG",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
        "0\r\n\r\nG",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nHost: i\r\nContent-Length: 1\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /echo HTTP/1.1\nHost: h\n\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo%00/secret HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int client = dial(fixture);
        int status;

        say(client, requests[i]);
        status = status_of(hear(client));
        if (status < 400 || !is_closed(client))
            fail_msg("%d, or kept open, after %s", status, requests[i]);
        close(client);
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void a_body_that_is_too_large_is_refused_at_its_head(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);

    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n");
    assert_int_equal(status_of(hear(client)), 413);
    assert_true(is_closed(client));
    close(client);
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void a_client_that_sends_a_large_body_all_the_same_sees_the_answer(void **state)
{
    struct fixture *fixture = *state;
    static char body[BODY_MAX * 8];
    int client = dial(fixture);
    size_t sent = 0;

    memset(body, 'x', sizeof(body));
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 524288\r\n\r\n");
    while (sent < sizeof(body) && say_bytes(client, body + sent, 8192))
        sent += 8192;
    assert_int_equal(sent, sizeof(body));
    assert_int_equal(status_of(hear(client)), 413);
    close(client);
}

static void a_body_without_a_length_is_counted(void **state)
{
    struct fixture *fixture = *state;
    static char chunk[0x4000 + 9];
    int client = dial(fixture);

    memcpy(chunk, "4000\r\n", 6);
    memset(chunk + 6, 'x', 0x4000);
    memcpy(chunk + 6 + 0x4000, "\r\n", 3);
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++)
        say(client, chunk);
    say(client, "0\r\n\r\n");
    assert_int_equal(strlen(body_of(hear(client))), BODY_MAX);
    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 4; i++)
        say(client, chunk);
    say(client, "1\r\nx\r\n0\r\n\r\n");
    assert_string_equal(
        strchr(hear(client), ' '),
        strstr("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
               "Content-Type: application/problem+json\r\nContent-Length: 94\r\n\r\n"
               "{\"type\":\"urn:referral-router:problem:too-large\",\"title\":\"Request "
               "body too large\",\"status\":413}",
               " 413"));
    close(client);
    assert_int_equal(atomic_load(&fixture->calls), 1);
}

static void a_head_that_is_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static char line[40000];
    int client = dial(fixture);
    int status;

    memset(line, 'x', sizeof(line) - 1);
    say(client, "GET /echo HTTP/1.1\r\nHost: h\r\nX-Long: ");
    (void)say_bytes(client, line, sizeof(line) - 1);
    (void)say_bytes(client, "\r\n\r\n", 4);
    status = status_of(hear(client));
    assert_true(status == 431 || status == 413 || status == 0);
    close(client);
    client = dial(fixture);
    say(client, "GET /echo HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 200; i++)
        say(client, "X: y\r\n");
    say(client, "\r\n");
    assert_int_equal(status_of(hear(client)), 431);
    close(client);
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void one_address_gets_no_more_than_its_connections(void **state)
{
    struct fixture *fixture = *state;
    int first = dial(fixture), second = dial(fixture), third;

    say(first, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(status_of(hear(first)), 200);
    say(second, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(status_of(hear(second)), 200);
    third = dial(fixture);
    (void)say_bytes(third, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n", 33);
    assert_null(hear(third));
    close(first);
    close(second);
    close(third);
}

/* ---- every wait has an end */

/* Sends `drop` every 50 ms until the server ends it; the time that took. */
static int64_t drip(struct fixture *fixture, const char *begin, const char *drop)
{
    int client = dial(fixture);
    int64_t began = clock_monotonic_ms();
    struct timeval patience = {.tv_usec = 50000};
    char got[256];

    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    say(client, begin);
    while (clock_monotonic_ms() - began < 10000) {
        ssize_t heard = recv(client, got, sizeof(got), 0);

        if (heard == 0 || (heard < 0 && errno != EAGAIN) || !say_bytes(client, drop, strlen(drop)))
            break;
    }
    close(client);
    return clock_monotonic_ms() - began;
}

static void a_slow_sender_is_cut_wherever_it_is_slow(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        const char *begin, *drop;
    } cases[] = {
        {"", "G"},
        {"GET /method HTTP/1.1\r\n", "X-A: b\r\n"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n", "x"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t took = drip(fixture, cases[i].begin, cases[i].drop);

        if (took < REQUEST_MS / 2 || took > REQUEST_MS + 2000)
            fail_msg("case %zu was cut after %lld ms", i, (long long)took);
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void *answer_from_here(void *self)
{
    struct http_request *request = take_kept(self);

    answer_text(request, 202, "later", 5);
    return NULL;
}

static void an_answer_may_come_later_from_another_thread(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    pthread_t thread;

    for (int i = 0; i < 50; i++) {
        char *heard;

        assert_int_equal(pthread_create(&thread, NULL, answer_from_here, fixture), 0);
        say(client, "POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx");
        heard = hear(client);
        assert_int_equal(status_of(heard), 202);
        assert_string_equal(body_of(heard), "later");
        pthread_join(thread, NULL);
    }
    close(client);
}

static void an_answer_that_does_not_come_is_a_503_and_may_still_be_given(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    int64_t began = clock_monotonic_ms();
    struct http_request *request;
    const char *heard;
    size_t length;

    say(client,
        "POST /keep?a=1 HTTP/1.1\r\nHost: h\r\nX-Thing: v\r\nContent-Length: 4\r\n\r\nbody");
    heard = hear(client);
    assert_int_equal(status_of(heard), 503);
    assert_non_null(strstr(heard, "Retry-After: 3\r\n"));
    assert_true(clock_monotonic_ms() - began >= ANSWER_MS);
    close(client);
    /* The owner may still look at all of it, although the connection is gone. */
    request = take_kept(fixture);
    assert_string_equal(http_body(request, &length), "body");
    assert_string_equal(http_query(request, "a"), "1");
    assert_string_equal(http_header(request, "X-Thing"), "v");
    answer_text(request, 202, "late", 4);
}

static void a_client_that_went_away_harms_nobody(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture);
    struct http_request *request;

    say(client, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    request = take_kept(fixture);
    close(client);
    answer_text(request, 202, "to nobody", 9);
    client = dial(fixture);
    say(client, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    request = take_kept(fixture);
    {
        struct linger now = {.l_onoff = 1};

        setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a reset */
    }
    close(client);
    answer_text(request, 202, "to nobody", 9);
    assert_int_equal(status_of(ask(fixture, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n")), 200);
}

static void stopping_answers_what_is_kept(void **state)
{
    struct fixture *fixture = *state;
    int clients[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = dial(fixture);
        say(clients[i], "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    pthread_mutex_lock(&fixture->lock);
    while (fixture->kept_count < 3)
        pthread_cond_wait(&fixture->changed, &fixture->lock);
    pthread_mutex_unlock(&fixture->lock);
    http_server_stop(fixture->server);
    fixture->server = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status_of(hear(clients[i])), 503);
        assert_true(is_closed(clients[i]));
        close(clients[i]);
    }
    /* tear_down answers them now, after the server is gone */
}

static void an_address_that_can_not_be_had_is_named(void **state)
{
    struct fixture *fixture = *state;
    char taken[32];
    struct {
        const char *listen, *code;
    } cases[] = {{taken, "cannot-listen"},
                 {"nonsense", "bad-address"},
                 {"127.0.0.1:65536", "bad-address"},
                 {"::1:80", "bad-address"},
                 {"192.0.2.1:80", "cannot-listen"}};

    snprintf(taken, sizeof(taken), "127.0.0.1:%d", http_server_port(fixture->server));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_options options = {.listen = cases[i].listen, .connections_max = 1};
        struct reason reason = {0};

        assert_null(http_server_start(&options, &reason));
        assert_string_equal(reason.code, cases[i].code);
        assert_non_null(strstr(reason.detail, cases[i].listen));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_get_is_answered_with_path_query_and_headers_decoded),
        TEST(head_is_a_get_without_a_body),
        TEST(a_body_comes_whole_in_whatever_pieces),
        TEST(a_client_that_waits_to_be_told_to_go_on_is_told),
        TEST(ids_are_mirrored_when_they_are_uuids),
        TEST(a_problem_has_the_shape_of_rfc_9457),
        TEST(a_handler_that_does_not_answer_is_a_500),
        TEST(what_two_parsers_could_read_in_two_ways_is_refused),
        TEST(a_body_that_is_too_large_is_refused_at_its_head),
        TEST(a_client_that_sends_a_large_body_all_the_same_sees_the_answer),
        TEST(a_body_without_a_length_is_counted),
        TEST(a_head_that_is_too_large_is_refused),
        cmocka_unit_test_setup_teardown(one_address_gets_no_more_than_its_connections, set_up_few,
                                        tear_down),
        TEST(a_slow_sender_is_cut_wherever_it_is_slow),
        TEST(an_answer_may_come_later_from_another_thread),
        TEST(an_answer_that_does_not_come_is_a_503_and_may_still_be_given),
        TEST(a_client_that_went_away_harms_nobody),
        TEST(stopping_answers_what_is_kept),
        TEST(an_address_that_can_not_be_had_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
