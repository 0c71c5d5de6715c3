/* SPDX-License-Identifier: Apache-2.0 */
#include "base/finding.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static const char text[] = "\n{\"a\": 1,\n"               /* 2 */
                           " \"b\\\"\": \"x,]}\\\"{\",\n" /* 3 */
                           " \"list\": [ 10,\n"           /* 4 */
                           "   {\"deep\":\n"              /* 5 */
                           "      [true, [], {},\n"       /* 6 */
                           "       null,\n"               /* 7 */
                           "       -1.5e3]},\n"           /* 8 */
                           "   \"end\"],\n"               /* 9 */
                           " \"a/b\": {\"~\": false},\n"  /* 10 */
                           " \"last\": 1}\n";             /* 11 */

static void a_pointer_leads_to_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        size_t line;
    } rows[] = {
        {"", 2},
        {"/a", 2},
        {"/list", 4},
        {"/list/0", 4},
        {"/list/1", 5},
        {"/list/1/deep", 5},
        {"/list/1/deep/0", 6},
        {"/list/1/deep/2", 6},
        {"/list/1/deep/3", 7},
        {"/list/1/deep/4", 8},
        {"/list/2", 9},
        {"/a~1b/~0", 10},
        {"/last", 11},
        /* what is not there: the line of what should have held it */
        {"/missing", 2},
        {"/list/7", 4},
        {"/list/1/missing", 5},
        {"/a/b", 2},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t line = json_line(text, strlen(text), rows[i].pointer);
        if (line != rows[i].line)
            fail_msg("%s: line %zu, expected %zu", rows[i].pointer, line, rows[i].line);
    }
}

static void a_text_that_is_cut_leads_to_a_line_of_it_all_the_same(void **state)
{
    (void)state;
    for (size_t length = 0; length < strlen(text); length++) {
        size_t line = json_line(text, length, "/list/1/deep/4");
        assert_in_range(line, 1, 11);
    }
}

static struct finding last;
static char last_found[80], last_expected[80], last_pointer[80];

static void keep(void *context, const struct finding *finding)
{
    (void)context;
    last = *finding;
    text_copy(last_found, sizeof(last_found), finding->found);
    text_copy(last_expected, sizeof(last_expected), finding->expected);
    text_copy(last_pointer, sizeof(last_pointer), finding->pointer);
}

static void a_reason_is_told_in_its_parts(void **state)
{
    (void)state;
    static const struct {
        const char *detail;
        size_t line;
        const char *pointer, *found, *expected;
    } rows[] = {
        {"line 3, column 8: a syntax error", 3, "", "a syntax error", ""},
        {"line 4: /fields/1: format: expected a name", 4, "/fields/1", "format", "a name"},
        {"expected a record", 0, "", "", "a record"},
        {"there is no such file", 0, "", "there is no such file", ""},
    };
    struct findings findings = {.tell = keep};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct reason reason;
        reason_set(&reason, "bad", "file", "%s", rows[i].detail);
        findings_tell(&findings, &reason);
        assert_int_equal(last.line, rows[i].line);
        assert_string_equal(last_pointer, rows[i].pointer);
        assert_string_equal(last_found, rows[i].found);
        assert_string_equal(last_expected, rows[i].expected);
    }
    findings_tell(NULL, &(struct reason){.code = "bad"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pointer_leads_to_its_line),
        cmocka_unit_test(a_text_that_is_cut_leads_to_a_line_of_it_all_the_same),
        cmocka_unit_test(a_reason_is_told_in_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
