// SPDX-License-Identifier: Apache-2.0
// What is kept of an answer, and that nothing of a stranger's text ever is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/excerpt.h"

#include "base/random.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void excerpt(const char *body, char text[EXCERPT_SIZE])
{
    excerpt_of(body, strlen(body), text);
}

static void only_words_of_the_list_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *kept, *body;
    } table[] = {
        {"", ""},
        {"", "Ada Testwell"},
        {"", "{\"name\":\"Ada Testwell\",\"nhs_number\":\"9991001026\"}"},
        {"{\"code\":\"invalid\"}", "{\"code\":\"invalid\"}"},
        {"{\"code\":\"invalid\"}", "{\"CODE\":\"Invalid\"}"},
        {"{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":"
         "\"not-found\",\"diagnostics\":\"patient * not found\"}]}",
         "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":"
         "\"not-found\",\"diagnostics\":\"Patient Ada O'Test-Well (999 100 1026) not found\"}]}"},
        {"{\"code\":\"REC_CONFLICT\",\"*\":\"*\"}",
         "{\"code\":\"REC_CONFLICT\",\"born\":\"1957-07-13\"}"},
        {"html * title *, bad gateway title *",
         "<html><head><title>502, Bad Gateway</title></head>"},
        {"{\"code\":\"*\"}", "{\"code\":\"invalid-testwell\"}"},
        {"{\"code\":\"*\"}", "{\"code\":\"Testwell\"}"},
        {"{\"code\":\"*\"}", "{\"code\":\"caf\xc3\xa9\"}"},
        {"{\"code\":\"*\"}", "{\"code\":\"invalid\xc3\xa9\"}"},
        {"{\"type\":\"*: * errors\"}", "{\"type\":\"https://testwell/errors\"}"},
        {"error *, * error", "error ada@testwell.example, +44 1632 960999 / ME14 5XY error"},
        {"unknown", "  \r\n\tunknown\r\n"},
        {"error", "error\x01\x02\x03"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char text[EXCERPT_SIZE];
        excerpt(table[i].body, text);
        if (strcmp(text, table[i].kept) != 0)
            fail_msg("row %zu: \"%s\" of %s", i, text, table[i].body);
    }
    char text[EXCERPT_SIZE];
    excerpt_of(NULL, 0, text);
    assert_string_equal(text, "");
}

static void a_long_body_is_cut_between_words(void **state)
{
    (void)state;
    char body[2000] = "", text[EXCERPT_SIZE];
    for (int i = 0; i < 100; i++)
        strncat(body, "unavailable ", sizeof(body) - strlen(body) - 1);
    excerpt(body, text);
    assert_int_equal(strlen(text), 16 * 12 - 1);
    memset(body, 'a', sizeof(body) - 1);
    excerpt(body, text);
    assert_string_equal(text, "");
}

#define SIGNS " {}[]:,\"*"

/* Whatever comes in, what goes out is words of the list, stars, blanks and signs. */
static void nothing_else_ever_passes(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "error", "Testwell", "code", "9991001026", "-",       "_", "'", "\"",  "{",
        " ",     "not",      "ME14", "\xff",       "patient", ":", ".", "\\n", "invalid"};
    struct random random = {.state = 11};
    for (int round = 0; round < 20000; round++) {
        char body[300] = "", text[EXCERPT_SIZE];
        for (int i = 0; i < 30; i++) {
            const size_t which = random_next(&random) % (sizeof(pieces) / sizeof(*pieces));
            strncat(body, pieces[which], sizeof(body) - strlen(body) - 1);
        }
        excerpt(body, text);
        assert_true(strlen(text) < EXCERPT_SIZE);
        for (const char *at = text; *at; at += strspn(at, SIGNS)) {
            char word[EXCERPT_SIZE];
            const size_t width = strcspn(at, SIGNS);
            (void)text_copy_bytes(word, sizeof(word), at, width);
            if (width && !excerpt_knows(word))
                fail_msg("%s of %s", word, body);
            at += width;
        }
    }
}

static void the_list_is_in_order_so_that_each_word_is_found(void **state)
{
    (void)state;
    static const char *const known[] = {"accepted",
                                        "xml",
                                        "OperationOutcome",
                                        "REC_BAD_REQUEST",
                                        "REC_UNPROCESSABLE_ENTITY",
                                        "SEND_ERROR",
                                        "no-store",
                                        "not",
                                        "too-long",
                                        "lock-error",
                                        "code-invalid",
                                        "html"};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (!excerpt_knows(known[i]))
            fail_msg("%s", known[i]);
    assert_true(excerpt_sorted());
}

static void an_attempt_is_told_with_its_time_and_its_address(void **state)
{
    (void)state;
    struct answer answer = {.status = 500,
                            .duration_ms = 12,
                            .address = "2001:db8::1",
                            .excerpt = "error 77",
                            .excerpt_length = 8};
    struct attempt *attempt = attempt_new(&answer);
    assert_non_null(attempt);
    assert_int_equal(attempt->duration_ms, 12);
    assert_string_equal(attempt->address, "2001:db8::1");
    assert_string_equal(attempt->excerpt, "error *");
    free(attempt);
    attempt = attempt_new(&(struct answer){.error = "timeout"});
    assert_non_null(attempt);
    assert_int_equal(attempt->duration_ms, 1);
    assert_string_equal(attempt->address, "");
    assert_string_equal(attempt->excerpt, "");
    free(attempt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_words_of_the_list_are_kept),
        cmocka_unit_test(a_long_body_is_cut_between_words),
        cmocka_unit_test(nothing_else_ever_passes),
        cmocka_unit_test(the_list_is_in_order_so_that_each_word_is_found),
        cmocka_unit_test(an_attempt_is_told_with_its_time_and_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
