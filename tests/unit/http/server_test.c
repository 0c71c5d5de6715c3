/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets: what it answers, and what it refuses. */
#include "server_fixture.h"

/* ---- what it answers */

static void a_get_is_answered_with_path_query_and_headers_decoded(void **state)
{
    struct fixture *fixture = *state;

    assert_string_equal(
        body_of(ask(fixture->server, "GET /query?b=1&a=x%20y&a=2 HTTP/1.1\r\nHost: h\r\n\r\n")),
        "x y");
    assert_string_equal(body_of(ask(fixture->server, "GET /%71uery?a HTTP/1.1\r\nHost: h\r\n\r\n")),
                        "");
    assert_string_equal(
        body_of(ask(fixture->server, "GET /header HTTP/1.1\r\nHost: h\r\nX-Thing: v\r\n\r\n")),
        "v");
    assert_int_equal(status_of(ask(fixture->server, "GET /no%20where HTTP/1.1\r\nHost: h\r\n\r\n")),
                     404);
}

static void head_is_a_get_without_a_body(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture->server);
    char got[1024] = "";

    say(client, "HEAD /method HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_true(receive(client, got, sizeof(got) - 1, MSG_WAITALL) > 0);
    assert_non_null(strstr(got, "Content-Length: 3\r\n"));
    assert_string_equal(body_of(got), "");
    close(client);
}

static void a_body_comes_whole_in_whatever_pieces(void **state)
{
    struct fixture *fixture = *state;
    int client = dial(fixture->server);

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
    int client = dial(fixture->server);
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
    const char *heard =
        ask(fixture->server, "GET /method HTTP/1.1\r\nHost: h\r\n"
                             "X-Request-ID: 01234567-89ab-cdef-0123-456789ABCDEF\r\n"
                             "X-Correlation-Id: 9434765919<script>\r\n\r\n");

    assert_non_null(strstr(heard, "X-Request-Id: 01234567-89ab-cdef-0123-456789ABCDEF\r\n"));
    assert_null(strstr(heard, "9434765919"));
}

static void a_problem_has_the_shape_of_rfc_9457(void **state)
{
    const char *heard =
        ask(((struct fixture *)*state)->server, "GET /problem HTTP/1.1\r\nHost: h\r\n\r\n");

    assert_int_equal(status_of(heard), 422);
    assert_non_null(strstr(heard, "Content-Type: application/problem+json\r\n"));
    assert_non_null(strstr(heard, "Retry-After: 7\r\n"));
    assert_string_equal(body_of(heard),
                        "{\"type\":\"urn:referral-router:problem:wrong-thing\",\"title\":\"A wrong "
                        "thing\",\"status\":422,\"detail\":\"it is wrong\",\"pointer\":\"/a/b\"}");
}

static void a_handler_that_does_not_answer_is_a_500(void **state)
{
    assert_int_equal(status_of(ask(((struct fixture *)*state)->server,
                                   "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n")),
                     500);
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
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nIdempotency-Key: a\r\n"
        "Idempotency-Key: b\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Type: a/b\r\n"
        "content-type: c/d\r\n\r\nx",
        "GET /echo HTTP/1.1\nHost: h\n\n",
        "GET /echo HTTP/1.1\r\n\r\n",
        "GET /echo%00/secret HTTP/1.1\r\nHost: h\r\n\r\n",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        int client = dial(fixture->server);
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
    int client = dial(fixture->server);

    say(client, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n");
    const char *answer = hear(client);
    assert_int_equal(status_of(answer), 413);
    assert_non_null(strstr(answer, "at most 65536 bytes are taken"));
    assert_true(is_closed(client));
    close(client);
    assert_int_equal(atomic_load(&fixture->calls), 0);
}

static void a_client_that_sends_a_large_body_all_the_same_sees_the_answer(void **state)
{
    struct fixture *fixture = *state;
    static char body[BODY_MAX * 8];
    int client = dial(fixture->server);
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
    int client = dial(fixture->server);

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
               "Content-Type: application/problem+json\r\nContent-Length: 135\r\n\r\n"
               "{\"type\":\"urn:referral-router:problem:too-large\",\"title\":\"Request "
               "body too large\",\"status\":413,\"detail\":\"at most 65536 bytes are taken\"}",
               " 413"));
    close(client);
    assert_int_equal(atomic_load(&fixture->calls), 1);
}

static void a_head_that_is_too_large_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static char line[40000];
    int client = dial(fixture->server);
    int status;

    memset(line, 'x', sizeof(line) - 1);
    say(client, "GET /echo HTTP/1.1\r\nHost: h\r\nX-Long: ");
    (void)say_bytes(client, line, sizeof(line) - 1);
    (void)say_bytes(client, "\r\n\r\n", 4);
    status = status_of(hear(client));
    assert_true(status == 431 || status == 413 || status == 0);
    close(client);
    client = dial(fixture->server);
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
    int first = dial(fixture->server), second = dial(fixture->server), third;

    say(first, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(status_of(hear(first)), 200);
    say(second, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(status_of(hear(second)), 200);
    third = dial(fixture->server);
    (void)say_bytes(third, "GET /method HTTP/1.1\r\nHost: h\r\n\r\n", 33);
    assert_null(hear(third));
    close(first);
    close(second);
    close(third);
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
        TEST(an_address_that_can_not_be_had_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
