/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in words, and what counts as a change. */
#include "pathways.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct json *parse(const char *text)
{
    struct reason reason;
    struct json *json = json_parse(text, strlen(text), 65536, &reason);
    if (!json)
        fail_msg("%s: %s", reason.detail, text);
    return json;
}

#define HEAD                                                                                       \
    "\"name\":\"eye\",\"title\":\"Eye\",\"version\":\"1\",\"clinical_owner\":\"nobody yet\","      \
    "\"enabled\":{\"from\":\"2026-01-01\"},\"sources\":[\"self\",\"utc\"],"                        \
    "\"provider_kind\":\"optometrist\",\"outcome_minutes\":4320,"
#define SERVICES "\"services\":[{\"service\":\"eye\",\"title\":\"Eyes\",\"when\":true}]"
#define YZ "{\"id\":\"y\"},{\"id\":\"z\"}"

static void rules_are_put_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *predicate, *words;
    } rows[] = {
        {"true", "when always\n"},
        {"{\"field\":\"a.b\",\"equals\":\"x\"}", "when a.b is x\n"},
        {"{\"not\":{\"field\":\"a\",\"equals\":true}}", "when a is not true\n"},
        {"{\"field\":\"a\",\"one_of\":[\"x\",\"y\"]}", "when a is x or y\n"},
        {"{\"not\":{\"field\":\"a\",\"one_of\":[\"x\",\"y\"]}}", "when a is none of x, y\n"},
        {"{\"field\":\"age_years\",\"range\":{\"least\":16}}", "when age_years is 16 or more\n"},
        {"{\"field\":\"age_years\",\"range\":{\"most\":16}}", "when age_years is 16 or less\n"},
        {"{\"field\":\"n\",\"range\":{\"least\":1,\"most\":2.5}}", "when n is from 1 to 2.5\n"},
        {"{\"not\":{\"field\":\"n\",\"range\":{\"least\":16}}}",
         "when n is not known or below 16\n"},
        {"{\"not\":{\"field\":\"n\",\"range\":{\"most\":16}}}",
         "when n is not known or above 16\n"},
        {"{\"not\":{\"field\":\"n\",\"range\":{\"least\":1,\"most\":2}}}",
         "when n is not known or not from 1 to 2\n"},
        {"{\"field\":\"a\",\"present\":true}", "when a is given\n"},
        {"{\"not\":{\"field\":\"a\",\"present\":true}}", "when a is not given\n"},
        {"{\"not\":{\"not\":{\"field\":\"a\",\"equals\":1}}}", "when a is 1\n"},
        {"{\"not\":{\"any_of\":[{\"field\":\"a\",\"equals\":1},{\"all_of\":[true]}]}}",
         "when none of\n      - a is 1\n      - all of\n        - always\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer text, words;
        buffer_init(&text, 65536);
        buffer_init(&words, 65536);
        buffer_append_format(&text,
                             "{" HEAD "\"deadline_minutes\":1440," SERVICES
                             ",\"rules\":[{\"id\":\"one\",\"when\":%s,\"then\":\"return\","
                             "\"reason\":\"r\",\"words\":\"Go home.\",\"urgent\":true}]}",
                             rows[i].predicate);
        struct json *document = parse(buffer_text(&text));
        assert_true(pathway_words(document, &words));
        const char *said = buffer_text(&words);
        if (!strstr(said, rows[i].words))
            fail_msg("expected %s in:\n%s", rows[i].words, said);
        assert_non_null(strstr(said, "\n1. one (urgent)\n"));
        assert_non_null(strstr(said, "then return, reason r\n   \"Go home.\"\n"));
        assert_non_null(strstr(said, "taken: from 2026-01-01\nfrom: self, utc\n"));
        assert_non_null(strstr(said, "delivered within 24 h, outcome within 3 d\n"));
        json_free(document);
        buffer_clear(&text);
        buffer_clear(&words);
    }
}

static void changes_are_told_by_their_meaning(void **state)
{
    (void)state;
    static const char before[] = "{\"title\":\"A\",\"rules\":[{\"id\":\"x\",\"n\":1},"
                                 "{\"id\":\"y\"},{\"id\":\"z\"}]," SERVICES "}";
    static const struct {
        const char *after, *changes;
    } rows[] = {
        {"{ " SERVICES ", \"rules\": [{\"n\": 1, \"id\": \"x\"}, {\"id\": \"y\"}, {\"id\": "
         "\"z\"}],\n \"title\": \"A\"}",
         "[]"},
        {"{\"title\":\"B\",\"rules\":[{\"id\":\"x\",\"n\":1}," YZ "]," SERVICES "}",
         "[{\"what\":\"title\",\"change\":\"changed\",\"from\":\"A\",\"to\":\"B\"}]"},
        {"{\"notes\":[],\"rules\":[{\"id\":\"x\",\"n\":1}," YZ "]," SERVICES "}",
         "[{\"what\":\"title\",\"change\":\"removed\",\"from\":\"A\"},"
         "{\"what\":\"notes\",\"change\":\"added\",\"to\":[]}]"},
        {"{\"title\":\"A\",\"rules\":["
         "{\"id\":\"z\"},{\"id\":\"new\"},{\"id\":\"x\",\"n\":2}]," SERVICES "}",
         "[{\"what\":\"rule x\",\"change\":\"changed\",\"from\":{\"id\":\"x\",\"n\":1},"
         "\"to\":{\"id\":\"x\",\"n\":2}},"
         "{\"what\":\"rule y\",\"change\":\"removed\",\"from\":{\"id\":\"y\"}},"
         "{\"what\":\"rule new\",\"change\":\"added\",\"to\":{\"id\":\"new\"}},"
         "{\"what\":\"order of rules\",\"change\":\"reordered\",\"from\":\"x, z\","
         "\"to\":\"z, x\"}]"},
    };
    struct json *from = parse(before);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json *to = parse(rows[i].after), *list = json_new_array();
        assert_true(pathway_changes(from, to, list));
        char *text = json_print(list, JSON_COMPACT);
        assert_string_equal(text, rows[i].changes);
        free(text);
        json_free(list);
        json_free(to);
    }
    json_free(from);
}

static void durations_are_said_in_their_unit(void **state)
{
    (void)state;
    static const struct {
        double minutes;
        const char *words;
    } rows[] = {{0.5, "0.5 min"}, {59, "59 min"}, {720, "12 h"}, {1440, "24 h"}, {14400, "10 d"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[DURATION_SIZE];
        duration_words(rows[i].minutes, text);
        assert_string_equal(text, rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_put_in_words),
        cmocka_unit_test(changes_are_told_by_their_meaning),
        cmocka_unit_test(durations_are_said_in_their_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
