// SPDX-License-Identifier: Apache-2.0
// The sender against a server that misbehaves by script: the path of the URL says what it does.
// What is heard of each POST, and how often the server saw it.
#include "http/send.h"

#include "base/clock.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define BODY "{\"a\":1}"
#define HEADERS                                                                                    \
    {                                                                                              \
        "Content-Type: application/json", "webhook-id: x"                                          \
    }
#define IN_FLIGHT_MAX 400
#define CUT_MS 400        /* where the time-out is what is tested */
#define PATIENCE_MS 30000 /* where it is not: a busy machine takes its time */

static int server_port;
static atomic_int posts;       /* whole requests that the server has read */
static atomic_int connections; /* that began with a POST to /kept */
static pthread_mutex_t head_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_head[4096]; /* of the last whole request */

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t names_changed = PTHREAD_COND_INITIALIZER;
static bool names_hang;
static int names_hanging;

static void hang(void)
{
    pthread_mutex_lock(&names_lock);
    names_hanging++;
    while (names_hang)
        pthread_cond_wait(&names_changed, &names_lock);
    names_hanging--;
    pthread_cond_broadcast(&names_changed);
    pthread_mutex_unlock(&names_lock);
}

/* In front of the C library's: libcurl's resolver threads come here. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *wish,
                struct addrinfo **ret_found)
{
    union {
        void *pointer;
        int (*function)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    } real = {.pointer = dlsym(RTLD_NEXT, "getaddrinfo")};
    if (name && strcmp(name, "slow.example") == 0)
        hang();
    if (name && (strcmp(name, "slow.example") == 0 || strcmp(name, "no-such-name.invalid") == 0))
        return EAI_NONAME; /* a machine without a name server says something else */
    return real.function(name, service, wish, ret_found);
}

/* ---- the server: one thread per connection */

static void put(int fd, const char *text)
{
    (void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

/* Reads one request; false at the end of the connection. */
static bool read_request(int fd, char *head, size_t size)
{
    size_t used = 0;
    while (used + 1 < size) {
        ssize_t got = recv(fd, head + used, size - used - 1, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        head[used] = '\0';
        if (head[0] != 'P')
            return false; /* TLS */
        const char *end = strstr(head, "\r\n\r\n");
        if (end && strlen(end + 4) >= strlen(BODY))
            return true;
    }
    return false;
}

static void flood(int fd)
{
    static char block[65536];
    memset(block, 'x', sizeof(block));
    put(fd, "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 104857600\r\n\r\n");
    for (int i = 0; i < 1600; i++)
        if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
            return;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* False: the connection is closed. */
static bool misbehave(int fd, const char *head, int request)
{
    if (strstr(head, "POST /kept") && request == 1)
        atomic_fetch_add(&connections, 1);
    if (strstr(head, "POST /ok") || strstr(head, "POST /kept")) {
        put(fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    if (strstr(head, "POST /twice") && request == 1) {
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        return true; /* and hangs up on the second one of this connection */
    }
    if (strstr(head, "POST /duplicate"))
        put(fd, "HTTP/1.1 409 C\r\n"
                "Connection: close\r\nContent-Length: 20\r\n\r\n{\"code\":\"duplicate\"}");
    else if (strstr(head, "POST /busy"))
        put(fd, "HTTP/1.1 429 Busy\r\n"
                "Connection: close\r\nRETRY-after:  17 \r\nContent-Length: 0\r\n\r\n");
    else if (strstr(head, "POST /moved"))
        put(fd, "HTTP/1.1 307 Moved\r\n"
                "Connection: close\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    else if (strstr(head, "POST /garbage"))
        put(fd, "SSH-2.0-OpenSSH_9.2\r\n\r\n");
    else if (strstr(head, "POST /half"))
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    else if (strstr(head, "POST /reset"))
        reset(fd);
    else if (strstr(head, "POST /flood"))
        flood(fd);
    else if (strstr(head, "POST /hang"))
        (void)recv(fd, (char[1]){0}, 1, 0);
    else if (strstr(head, "POST /drip"))
        for (put(fd, "HTTP/1.1 200 OK\r\n\r\n"); send(fd, "x", 1, MSG_NOSIGNAL) == 1;)
            usleep(20000);
    return false;
}

static void *serve_connection(void *self)
{
    int fd = (int)(intptr_t)self;
    char head[4096];
    for (int request = 1; read_request(fd, head, sizeof(head)); request++) {
        atomic_fetch_add(&posts, 1);
        pthread_mutex_lock(&head_lock);
        (void)text_copy(last_head, sizeof(last_head), head);
        pthread_mutex_unlock(&head_lock);
        if (!misbehave(fd, head, request))
            break;
    }
    close(fd);
    return NULL;
}

static void *serve(void *self)
{
    int listener = (int)(intptr_t)self;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_connection, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
}

static int start_server(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 100) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    server_port = ntohs(address.sin_port);
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)listener) != 0)
        return -1;
    return pthread_detach(thread);
}

/* ---- the client's side */

struct heard {
    int count, begun, status, unstarted, unsent;
    bool begun_too_late;
    uint32_t flight;
    char error[64];
    char retry_after[64];
    char address[ADDRESS_TEXT_SIZE];
    int64_t duration_ms;
    char excerpt[SEND_EXCERPT_MAX + 1];
};

static void on_begun(void *self, uint32_t flight)
{
    struct heard *heard = self;
    (void)flight;
    heard->begun++;
    heard->begun_too_late |= heard->begun <= heard->count - heard->unstarted;
}

static void on_answer(void *self, uint32_t flight, const struct answer *answer)
{
    struct heard *heard = self;
    heard->count++;
    heard->unstarted += answer->unstarted;
    heard->unsent += answer->unsent;
    heard->flight = flight;
    heard->status = answer->status;
    (void)text_copy(heard->error, sizeof(heard->error), answer->error);
    (void)text_copy(heard->retry_after, sizeof(heard->retry_after), answer->retry_after);
    (void)text_copy(heard->address, sizeof(heard->address), answer->address);
    heard->duration_ms = answer->duration_ms;
    (void)text_copy_bytes(heard->excerpt, sizeof(heard->excerpt), answer->excerpt,
                          answer->excerpt_length);
}

static struct sender *open_sender(struct heard *heard, const struct networks *allowed, bool http)
{
    struct sender_options options = {.allowed = allowed,
                                     .allow_http = http,
                                     .in_flight_max = IN_FLIGHT_MAX,
                                     .connect_timeout_ms = PATIENCE_MS,
                                     .begun = on_begun,
                                     .answered = on_answer,
                                     .self = heard};
    struct reason reason = {0};
    struct sender *sender = sender_open(&options, &reason);
    assert_non_null(sender);
    return sender;
}

static void post(struct sender *sender, struct heard *heard, const char *url, int64_t timeout_ms)
{
    struct send_request request = {.flight = 42,
                                   .url = url,
                                   .headers = HEADERS,
                                   .body = BODY,
                                   .body_size = strlen(BODY),
                                   .timeout_ms = timeout_ms};
    *heard = (struct heard){0};
    assert_true(sender_start(sender, &request));
    int64_t until = clock_monotonic_ms() + 2 * PATIENCE_MS;
    while (!heard->count && clock_monotonic_ms() < until)
        sender_turn(sender, 100);
    assert_int_equal(heard->count, 1);
    assert_int_equal(heard->flight, 42);
    assert_int_equal(sender_under_way(sender), 0);
}

static void post_for(struct sender *sender, struct heard *heard, const char *path,
                     int64_t timeout_ms)
{
    char url[200];
    (void)text_format(url, sizeof(url), "http://127.0.0.1:%d%s", server_port, path);
    post(sender, heard, url, timeout_ms);
}

static void post_path(struct sender *sender, struct heard *heard, const char *path)
{
    post_for(sender, heard, path, PATIENCE_MS);
}

static void every_way_of_answering_ends_in_one_answer(void **state)
{
    (void)state;
    static const struct {
        int status, posts;
        const char *error, *retry_after, *path;
    } rows[] = {
        {202, 1, "", "", "/ok"},
        {409, 1, "", "", "/duplicate"},
        {429, 1, "", "17", "/busy"},
        {307, 1, "", "", "/moved"}, /* not followed */
        {503, 1, "", "", "/flood"}, /* cut after 64 KiB */
        {0, 1, "timeout", "", "/hang"},
        {0, 1, "timeout", "", "/drip"},
        {0, 1, "connection-lost", "", "/reset"},
        {0, 1, "connection-lost", "", "/half"},
        {0, 1, "connection-lost", "", "/silent-close"},
        {0, 1, "bad-answer", "", "/garbage"},
    };
    struct networks allowed;
    struct heard heard;
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int before = atomic_load(&posts);
        post_for(sender, &heard, rows[i].path,
                 strcmp(rows[i].error, "timeout") == 0 ? CUT_MS : PATIENCE_MS);
        if (heard.status != rows[i].status || strcmp(heard.error, rows[i].error) != 0 ||
            strcmp(heard.retry_after, rows[i].retry_after) != 0 || heard.unsent ||
            atomic_load(&posts) - before != rows[i].posts)
            fail_msg("row %zu: %s: status %d, error %s, Retry-After %s, %d posts", i, rows[i].path,
                     heard.status, heard.error, heard.retry_after, atomic_load(&posts) - before);
    }
    post_for(sender, &heard, "/hang", CUT_MS);
    assert_string_equal(heard.address, "127.0.0.1");
    assert_true(heard.duration_ms >= CUT_MS - 10 && heard.duration_ms < PATIENCE_MS);
    post(sender, &heard, "http://127.0.0.1:1/", PATIENCE_MS);
    assert_string_equal(heard.address, "");                    /* never connected */
    post(sender, &heard, "https://127.0.0.1:1/", PATIENCE_MS); /* with a handle that did http */
    assert_string_equal(heard.error, "refused-connection");
    post_path(sender, &heard, "/duplicate");
    post(sender, &heard, "http://a:b@127.0.0.1/", PATIENCE_MS); /* nor where it was used before */
    assert_string_equal(heard.error, "bad-endpoint");
    post_path(sender, &heard, "/duplicate");
    assert_string_equal(heard.address, "127.0.0.1");
    assert_true(classify_says_duplicate(heard.excerpt, strlen(heard.excerpt)));
    sender_close(sender);
}

static void a_kept_connection_that_dies_is_not_posted_to_twice_in_silence(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard;
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    int before = atomic_load(&posts);
    post_path(sender, &heard, "/twice");
    assert_int_equal(heard.status, 200);
    post_path(sender, &heard, "/twice"); /* read by the server, which hangs up without an answer */
    assert_string_equal(heard.error, "stale-connection");
    assert_false(heard.unsent); /* the first time it was */
    assert_int_equal(atomic_load(&posts) - before, 2);
    sender_close(sender);
}

static void a_connection_is_kept_and_its_address_judged_again(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard;
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    int before = atomic_load(&connections);
    for (int i = 0; i < 5; i++)
        post_path(sender, &heard, "/kept");
    assert_int_equal(heard.status, 202);
    assert_int_equal(atomic_load(&connections) - before, 1);
    allowed.count = 0; /* as after a reload that no longer allows it */
    post_path(sender, &heard, "/kept");
    assert_string_equal(heard.error, "address-refused");
    assert_true(heard.unsent);
    assert_int_equal(atomic_load(&connections) - before, 1);
    sender_close(sender);
}

/* More than 128 connections under way to a host once cost every other POST to it a new one. */
static void a_connection_is_kept_beside_hundreds_that_hang(void **state)
{
    (void)state;
    const int hung = 200;
    struct networks allowed;
    struct heard heard = {0};
    char url[200];
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    (void)text_format(url, sizeof(url), "http://127.0.0.1:%d/hang", server_port);
    struct send_request request = {.url = url,
                                   .headers = HEADERS,
                                   .body = BODY,
                                   .body_size = strlen(BODY),
                                   .timeout_ms = 60000};
    const int posts_before = atomic_load(&posts), before = atomic_load(&connections);
    for (int i = 0; i < hung; i++)
        assert_true(sender_start(sender, &request));
    int64_t started = clock_monotonic_ms();
    while (atomic_load(&posts) - posts_before < hung &&
           clock_monotonic_ms() < started + PATIENCE_MS)
        sender_turn(sender, 10);
    assert_int_equal(atomic_load(&posts) - posts_before, hung);
    (void)text_format(url, sizeof(url), "http://127.0.0.1:%d/kept", server_port);
    for (int i = 1; i <= 5; i++) {
        assert_true(sender_start(sender, &request));
        while (heard.count < i && clock_monotonic_ms() < started + 2 * PATIENCE_MS)
            sender_turn(sender, 10);
        assert_int_equal(heard.count, i);
        assert_int_equal(heard.status, 202);
    }
    assert_int_equal(atomic_load(&connections) - before, 1);
    sender_close(sender);
}

static void the_request_has_our_headers_and_no_others_of_note(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard;
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    post_path(sender, &heard, "/ok");
    char head[sizeof(last_head)];
    pthread_mutex_lock(&head_lock);
    memcpy(head, last_head, sizeof(head));
    pthread_mutex_unlock(&head_lock);
    assert_non_null(strstr(head, "POST /ok HTTP/1.1\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(head, "\r\nwebhook-id: x\r\n"));
    assert_non_null(strstr(head, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(head, "\r\n\r\n" BODY));
    assert_null(strstr(head, "Expect"));
    assert_null(strstr(head, "Transfer-Encoding"));
    sender_close(sender);
}

static void an_endpoint_that_may_not_be_reached_is_not_connected_to(void **state)
{
    (void)state;
    static const struct {
        bool http;
        const char *error, *allowed, *url; /* %d = the server's port */
    } rows[] = {
        {true, "address-refused", "", "http://127.0.0.1:%d/ok"},
        {true, "address-refused", "", "http://localhost:%d/ok"},
        {true, "address-refused", "10.0.0.0/8", "http://127.0.0.1:%d/ok"},
        {true, "address-refused", "", "http://[::ffff:127.0.0.1]:%d/ok"},
        {true, "address-refused", "", "http://0x7f.1:%d/ok"},
        {true, "bad-endpoint", "127.0.0.1", "http://user:word@127.0.0.1:%d/ok"},
        {true, "bad-endpoint", "127.0.0.1", "ftp://127.0.0.1:%d/ok"},
        {true, "bad-endpoint", "127.0.0.1", "file:///etc/passwd?%d"},
        {true, "bad-endpoint", "127.0.0.1", "gopher://127.0.0.1:%d/ok"},
        {false, "bad-endpoint", "127.0.0.1", "http://127.0.0.1:%d/ok"},
        {false, "tls-failed", "127.0.0.1", "https://127.0.0.1:%d/ok"},
        {true, "unknown-host", "127.0.0.1", "http://no-such-name.invalid:%d/ok"},
        {true, "refused-connection", "127.0.0.1", "http://127.0.0.1:1/%d"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct networks allowed;
        struct heard heard;
        char url[200];
        assert_true(networks_parse(rows[i].allowed, &allowed, NULL));
        struct sender *sender = open_sender(&heard, &allowed, rows[i].http);
        int before = atomic_load(&posts);
        const char *number = strstr(rows[i].url, "%d");
        (void)text_format(url, sizeof(url), "%.*s%d%s", (int)(number - rows[i].url), rows[i].url,
                          server_port, number + 2);
        post(sender, &heard, url, PATIENCE_MS);
        if (heard.status != 0 || strcmp(heard.error, rows[i].error) != 0 || !heard.unsent ||
            atomic_load(&posts) != before)
            fail_msg("row %zu: %s: status %d, error %s", i, url, heard.status, heard.error);
        sender_close(sender);
    }
}

static bool odd(void *self, uint32_t flight)
{
    (void)self;
    return flight % 2;
}

static void begin(struct sender *sender, struct heard *heard, int begun)
{
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (heard->begun < begun && clock_monotonic_ms() < until)
        sender_turn(sender, 10);
    assert_int_equal(heard->begun, begun);
}

static void no_more_begin_than_are_allowed_and_of_the_others_some_can_be_recalled(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard = {0};
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    char url[200];
    (void)text_format(url, sizeof(url), "http://127.0.0.1:%d/hang", server_port);
    sender_allow(sender, 2);
    for (uint32_t i = 0; i < 10; i++) {
        struct send_request request = {.flight = i,
                                       .url = url,
                                       .headers = HEADERS,
                                       .body = BODY,
                                       .body_size = strlen(BODY),
                                       .timeout_ms = 2 * PATIENCE_MS};
        assert_true(sender_start(sender, &request));
    }
    begin(sender, &heard, 2);
    sender_recall(sender, odd); /* 3, 5, 7, 9 */
    assert_int_equal(heard.unstarted, 4);
    assert_int_equal(sender_under_way(sender), 6);
    assert_int_equal(heard.begun, 2);
    sender_allow(sender, 5); /* wakes it, though none of those under way ends */
    begin(sender, &heard, 5);
    sender_recall(sender, NULL);
    assert_int_equal(heard.unstarted, 5);
    sender_close(sender);
}

static void hundreds_at_once_are_all_answered(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard = {0};
    assert_true(networks_parse("127.0.0.0/8", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    for (uint32_t i = 0; i < 300; i++) {
        char url[200];
        (void)text_format(url, sizeof(url), "http://127.0.0.%u:%d/%s", 1 + i % 50, server_port,
                          i % 3 ? "ok" : "hang");
        struct send_request request = {.flight = i,
                                       .url = url,
                                       .headers = HEADERS,
                                       .body = BODY,
                                       .body_size = strlen(BODY),
                                       .timeout_ms = 1000};
        assert_true(sender_start(sender, &request));
    }
    assert_int_equal(sender_under_way(sender), 300);
    int64_t until = clock_monotonic_ms() + PATIENCE_MS;
    while (heard.count < 300 && clock_monotonic_ms() < until)
        sender_turn(sender, 100);
    assert_int_equal(heard.count, 300);
    assert_int_equal(heard.begun, 300);
    assert_false(heard.begun_too_late);
    sender_close(sender);
}

static void a_name_that_takes_long_to_resolve_holds_nobody_up(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard = {0};
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    names_hang = true;
    for (uint32_t i = 0; i < 20; i++) {
        struct send_request request = {.flight = i,
                                       .url = "http://slow.example/ok",
                                       .headers = HEADERS,
                                       .body = BODY,
                                       .body_size = strlen(BODY),
                                       .timeout_ms = 100};
        assert_true(sender_start(sender, &request));
    }
    int64_t started = clock_monotonic_ms();
    while (heard.count < 20 && clock_monotonic_ms() < started + PATIENCE_MS)
        sender_turn(sender, 10);
    assert_int_equal(heard.count, 20); /* a joined resolver thread would end only below */
    assert_string_equal(heard.error, "timeout");
    pthread_mutex_lock(&names_lock);
    names_hang = false;
    pthread_cond_broadcast(&names_changed);
    while (names_hanging > 0)
        pthread_cond_wait(&names_changed, &names_lock);
    pthread_mutex_unlock(&names_lock);
    sender_close(sender);
}

static void closing_ends_what_is_under_way(void **state)
{
    (void)state;
    struct networks allowed;
    struct heard heard = {0};
    assert_true(networks_parse("127.0.0.1", &allowed, NULL));
    struct sender *sender = open_sender(&heard, &allowed, true);
    char url[200];
    (void)text_format(url, sizeof(url), "http://127.0.0.1:%d/hang", server_port);
    struct send_request request = {.url = url,
                                   .headers = HEADERS,
                                   .body = BODY,
                                   .body_size = strlen(BODY),
                                   .timeout_ms = 60000};
    assert_true(sender_start(sender, &request));
    sender_turn(sender, 10);
    sender_close(sender);
    assert_int_equal(heard.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_of_answering_ends_in_one_answer),
        cmocka_unit_test(a_kept_connection_that_dies_is_not_posted_to_twice_in_silence),
        cmocka_unit_test(a_connection_is_kept_and_its_address_judged_again),
        cmocka_unit_test(a_connection_is_kept_beside_hundreds_that_hang),
        cmocka_unit_test(the_request_has_our_headers_and_no_others_of_note),
        cmocka_unit_test(an_endpoint_that_may_not_be_reached_is_not_connected_to),
        cmocka_unit_test(no_more_begin_than_are_allowed_and_of_the_others_some_can_be_recalled),
        cmocka_unit_test(hundreds_at_once_are_all_answered),
        cmocka_unit_test(a_name_that_takes_long_to_resolve_holds_nobody_up),
        cmocka_unit_test(closing_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, start_server, NULL);
}
