// SPDX-License-Identifier: Apache-2.0
// Every answer's meaning, as a table.
#include "core/classify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    enum answer_meaning expected;
    bool unwell;
    int status;
    const char *body;
} rows[] = {
    {ANSWER_DELIVERED, false, 200, NULL},
    {ANSWER_DELIVERED, false, 201, NULL},
    {ANSWER_DELIVERED, false, 202, NULL},
    {ANSWER_DELIVERED, false, 204, NULL},
    {ANSWER_DELIVERED, false, 299, NULL},
    {ANSWER_AGAIN, true, 0, NULL},
    {ANSWER_AGAIN, true, 100, NULL},
    {ANSWER_AGAIN, true, 301, NULL},
    {ANSWER_AGAIN, true, 302, NULL},
    {ANSWER_AGAIN, true, 307, NULL},
    {ANSWER_AGAIN, true, 308, NULL},
    {ANSWER_RETURNED, false, 400, NULL},
    {ANSWER_RETURNED, false, 401, NULL},
    {ANSWER_RETURNED, false, 403, NULL},
    {ANSWER_RETURNED, false, 404, NULL},
    {ANSWER_AGAIN, true, 408, NULL},
    {ANSWER_RETURNED, false, 409, NULL},
    {ANSWER_GONE, false, 410, NULL},
    {ANSWER_RETURNED, false, 422, NULL},
    {ANSWER_AGAIN, false, 425, NULL},
    {ANSWER_AGAIN, true, 429, NULL},
    {ANSWER_RETURNED, false, 451, NULL},
    {ANSWER_AGAIN, true, 500, NULL},
    {ANSWER_AGAIN, true, 503, NULL},
    {ANSWER_AGAIN, true, 599, NULL},
    {ANSWER_AGAIN, true, 600, NULL},
    {ANSWER_AGAIN, true, 999, NULL},
    {ANSWER_AGAIN, true, 30000, NULL},
    {ANSWER_DELIVERED, false, 409, "{\"code\":\"duplicate\"}"},
    {ANSWER_DELIVERED, false, 409, "{\"code\" :\r\n\t \"duplicate\"}"},
    {ANSWER_DELIVERED, false, 409, "{\"type\":\"https://example.org/problems/duplicate\"}"},
    {ANSWER_DELIVERED, false, 409, "{\"type\":\"urn:x:duplicate\",\"title\":\"seen\"}"},
    {ANSWER_DELIVERED, false, 409,
     "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":"
     "\"duplicate\",\"details\":{\"coding\":[{\"code\":\"REC_CONFLICT\"}]}}]}"},
    {ANSWER_DELIVERED, false, 409, "{\"issue\":[{\"code\":\"duplicate\",\"diagnostics\":\"cut he"},
    {ANSWER_RETURNED, false, 409, "{\"issue\":[{\"code\":\"conflict\"}]}"},
    {ANSWER_RETURNED, false, 409, "{\"code\":\"not-duplicate\"}"},
    {ANSWER_RETURNED, false, 409, "{\"code\":\"duplicates\"}"},
    {ANSWER_RETURNED, false, 409, "{\"detail\":\"a duplicate\"}"},
    {ANSWER_RETURNED, false, 409, "{\"detail\":\"\\\"code\\\":\\\"duplicate\\\"\"}"},
    {ANSWER_RETURNED, false, 409, "{\"code\":"},
    {ANSWER_RETURNED, false, 409, "{\"code\":\"dupl"},
    {ANSWER_RETURNED, false, 409, ""},
    {ANSWER_RETURNED, false, 404, "{\"code\":\"duplicate\"}"},
    {ANSWER_AGAIN, true, 500, "{\"code\":\"duplicate\"}"},
};

static void every_answer_means_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct answer answer = {.status = rows[i].status,
                                .excerpt = rows[i].body,
                                .excerpt_length = rows[i].body ? strlen(rows[i].body) : 0};
        if (classify(&answer) != rows[i].expected || classify_unwell(&answer) != rows[i].unwell)
            fail_msg("row %zu: status %d, body %s", i, rows[i].status,
                     rows[i].body ? rows[i].body : "none");
    }
}

#define OUTCOME(code) "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"code\":\"" code "\"}]}"

static void an_answer_of_bars_that_is_no_outcome_comes_from_somebody_in_between(void **state)
{
    (void)state;
    static const struct {
        enum answer_meaning expected;
        int status;
        const char *body;
    } table[] = {
        {ANSWER_DELIVERED, 200, ""},
        {ANSWER_DELIVERED, 409, OUTCOME("duplicate")},
        {ANSWER_RETURNED, 409, OUTCOME("conflict")},
        {ANSWER_AGAIN, 409, "{\"code\":\"duplicate\"}"},
        {ANSWER_RETURNED, 400, OUTCOME("invalid")},
        {ANSWER_RETURNED, 422, OUTCOME("not-supported")},
        {ANSWER_AGAIN, 404, "<html>"},
        {ANSWER_AGAIN, 403, NULL},
        {ANSWER_AGAIN, 425, OUTCOME("duplicate")},
        {ANSWER_AGAIN, 408, OUTCOME("timeout")},
        {ANSWER_AGAIN, 429, OUTCOME("throttled")},
        {ANSWER_AGAIN, 503, OUTCOME("transient")},
        {ANSWER_GONE, 410, ""},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct answer answer = {.bars = true,
                                .status = table[i].status,
                                .excerpt = table[i].body,
                                .excerpt_length = table[i].body ? strlen(table[i].body) : 0};
        if (classify(&answer) != table[i].expected)
            fail_msg("row %zu: status %d", i, table[i].status);
    }
}

static void a_record_that_cannot_be_sent_is_nobodys_fault(void **state)
{
    (void)state;
    struct answer answer = {.unsendable = true, .error = "payload-unreadable"};
    assert_int_equal(classify(&answer), ANSWER_UNSENT);
    assert_false(classify_unwell(&answer));
}

static void a_kept_connection_that_was_closed_is_nobodys_fault(void **state)
{
    (void)state;
    struct answer answer = {.error = "stale-connection"};
    assert_int_equal(classify(&answer), ANSWER_AGAIN);
    assert_false(classify_unwell(&answer));
    assert_false(classify_telling(&answer));
    answer.error = "connection-lost";
    assert_true(classify_unwell(&answer));
}

static void nobody_answered_where_neither_status_nor_garbage_came(void **state)
{
    (void)state;
    static const struct {
        bool unreached;
        int status;
        const char *error;
    } errors[] = {
        {true, 0, "timeout"},
        {true, 0, "unknown-host"},
        {true, 0, "refused-connection"},
        {true, 0, "connection-lost"},
        {true, 0, "tls-failed"},
        {true, 0, "tls-untrusted"},
        {true, 0, "network-error"},
        {false, 0, "bad-answer"},
        {false, 0, "stale-connection"},
        {false, 0, "no-secret"},
        {false, 0, "no-memory"},
        {false, 0, "bad-endpoint"},
        {false, 0, "address-refused"},
        {false, 0, NULL},
        {false, 200, NULL},
        {false, 500, NULL},
        {false, 302, NULL},
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        struct answer answer = {.status = errors[i].status, .error = errors[i].error};
        if (classify_unreached(&answer) != errors[i].unreached)
            fail_msg("row %zu: %s", i, errors[i].error ? errors[i].error : "none");
    }
}

static void a_result_names_the_status_or_the_error(void **state)
{
    (void)state;
    char result[RESULT_SIZE];
    classify_result(503, NULL, result);
    assert_string_equal(result, "http-503");
    classify_result(0, "timeout", result);
    assert_string_equal(result, "timeout");
    classify_result(0, NULL, result);
    assert_string_equal(result, "no-answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_means_what_the_table_says),
        cmocka_unit_test(an_answer_of_bars_that_is_no_outcome_comes_from_somebody_in_between),
        cmocka_unit_test(a_record_that_cannot_be_sent_is_nobodys_fault),
        cmocka_unit_test(a_kept_connection_that_was_closed_is_nobodys_fault),
        cmocka_unit_test(nobody_answered_where_neither_status_nor_garbage_came),
        cmocka_unit_test(a_result_names_the_status_or_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
