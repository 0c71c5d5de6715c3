/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets: slow senders, late answers, clients that went away, stopping.
 * Every wait has an end. */
#include "server_fixture.h"

#define DRIP_MS 10000

/* Sends `drop` every 50 ms until the server ends it; the time that took. */
static int64_t drip(struct fixture *fixture, const char *begin, const char *drop)
{
    int client = dial(fixture->server);
    int64_t began = clock_monotonic_ms();
    struct timeval patience = {.tv_usec = 50000};
    char got[256];

    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    say(client, begin);
    while (clock_monotonic_ms() - began < DRIP_MS) {
        ssize_t heard = receive(client, got, sizeof(got), 0);

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

        if (took < REQUEST_MS / 2 || took >= DRIP_MS)
            fail_msg("case %zu was cut after %lld ms", i, (long long)took);
    }
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

/* Once kept connections without a request could shut all others out for a minute. */
static void connections_without_a_request_make_room_when_all_are_taken(void **state)
{
    struct fixture *fixture = *state;
    int taken[64], next;

    for (size_t i = 0; i < 64; i++) {
        taken[i] = dial(fixture->server);
        say(taken[i], "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_int_equal(status_of(hear(taken[i])), 200);
    }
    next = dial(fixture->server);
    say(next, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(status_of(hear(next)), 200);
    close(next);
    for (size_t i = 0; i < 64; i++)
        close(taken[i]);
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
    int client = dial(fixture->server);
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
    int client = dial(fixture->server);
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
    int client = dial(fixture->server);
    struct http_request *request;

    say(client, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    request = take_kept(fixture);
    close(client);
    answer_text(request, 202, "to nobody", 9);
    client = dial(fixture->server);
    say(client, "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n");
    request = take_kept(fixture);
    {
        struct linger now = {.l_onoff = 1};

        setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now)); /* a reset */
    }
    close(client);
    answer_text(request, 202, "to nobody", 9);
    assert_int_equal(status_of(ask(fixture->server, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n")),
                     200);
}

static void stopping_answers_what_is_kept(void **state)
{
    struct fixture *fixture = *state;
    int clients[3];

    for (int i = 0; i < 3; i++) {
        clients[i] = dial(fixture->server);
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

/* The handler of a server with the smallest bound that there is: megabytes each time. */
static void answer_megabytes(void *self, struct http_request *request)
{
    static char bytes[16 << 20]; /* more than sockets hold */
    const struct http_answer answer = {
        .status = 200, .content_type = "text/plain", .body = bytes, .body_length = sizeof(bytes)};

    (void)self;
    http_answer(request, &answer);
}

static int ask_for_it(const struct http_server *server)
{
    int client = dial(server);

    say(client, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return client;
}

/* Status of the answer; reads it to its end. */
static int status_to_the_end(int client)
{
    char bytes[65536];
    char head[16] = "";
    ssize_t got = receive(client, head, sizeof(head) - 1, MSG_WAITALL);

    assert_int_equal(got, sizeof(head) - 1);
    while ((got = receive(client, bytes, sizeof(bytes), 0)) > 0)
        ;
    close(client);
    return (int)strtol(head + strlen("HTTP/1.1 "), NULL, 10);
}

static void who_does_not_read_costs_others_a_503_and_no_memory(void **state)
{
    const struct http_options options = {.listen = "127.0.0.1:0",
                                         .connections_max = 16,
                                         .request_timeout_ms = PATIENCE_MS,
                                         .answer_timeout_ms = PATIENCE_MS,
                                         .retry_after_seconds = 2,
                                         .answers_size_max = 1,
                                         .handler = answer_megabytes};
    struct reason reason;
    struct http_server *server = http_server_start(&options, &reason);
    int slow;
    char first[1];

    (void)state;
    assert_non_null(server);
    slow = ask_for_it(server);
    assert_int_equal(receive(slow, first, 1, MSG_PEEK), 1); /* its answer is under way */
    assert_int_equal(status_to_the_end(ask_for_it(server)), 503);
    assert_int_equal(status_to_the_end(ask_for_it(server)), 503);
    close(slow);
    /* The library hears of that a moment later. */
    int status = 503;
    for (int tries = 0; status != 200 && tries < 1000; tries++)
        status = status_to_the_end(ask_for_it(server));
    assert_int_equal(status, 200);
    http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_read_costs_others_a_503_and_no_memory),
        cmocka_unit_test_setup_teardown(a_slow_sender_is_cut_wherever_it_is_slow, set_up_hasty,
                                        tear_down),
        TEST(connections_without_a_request_make_room_when_all_are_taken),
        TEST(an_answer_may_come_later_from_another_thread),
        cmocka_unit_test_setup_teardown(
            an_answer_that_does_not_come_is_a_503_and_may_still_be_given, set_up_cursory,
            tear_down),
        TEST(a_client_that_went_away_harms_nobody),
        TEST(stopping_answers_what_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
