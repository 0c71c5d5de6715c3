/* SPDX-License-Identifier: Apache-2.0 */
/* JSON from outside: every kind of broken input has its own code, and no message repeats the input.
 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DEEP_32                                                                                    \
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["                                                             \
    "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"

static void broken_json_is_refused_with_its_own_code(void **state)
{
    (void)state;
    static const struct {
        const char *code, *bytes;
        size_t length; /* 0: up to the NUL */
    } cases[] = {
        {"", "{}", 0},
        {"", " [1, 2.5, \"x\", null, true] ", 0},
        {"", "\"text\"", 0},
        {"", DEEP_32, 0},
        {"", "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ \\\" [[[[\"", 0},
        {"too-deep", "[" DEEP_32 "]", 0},
        {"duplicate-member", "{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", 0},
        {"not-json", "[-]", 0},
        {"not-json", "[1 2]", 0},
        {"not-json", "[truex]", 0},
        {"not-json", "{\"a\":1", 0},
        {"not-json", "{\"a\" 1}", 0},
        {"not-json", "{,}", 0},
        {"too-deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0},
        {"not-json", "", 0},
        {"not-json", "{", 0},
        {"not-json", "{} {}", 0},
        {"not-json", "{'a': 1}", 0},
        {"not-json", "{\"a\": 1,}", 0},
        {"not-json", "{\"a\": NaN}", 0},
        {"not-json", "[01]", 0},
        {"not-json", "[1e999]", 0},
        {"not-json", "[99999999999999999999]", 0},
        {"not-json", "[\"\\u0000\"]", 0},
        {"not-json", "{\"\\u0000\": 1}", 0},
        {"not-json", "[\"\\ud800\"]", 0},
        {"not-json", "[\"a\nb\"]", 0},
        {"not-utf8", "[\"\xC0\xAF\"]", 0},
        {"not-utf8", "\xFF\xFE{", 0},
        {"not-utf8", "[\"a\0b\"]", 7},
        {"duplicate-member", "{\"a\": 1, \"a\": 2}", 0},
        {"duplicate-member", "{\"a\": 1, \"\\u0061\": 2}", 0},
        {"too-large",
         "[1111111111111111111111111111111111111111111111111111111111111111111111111"
         "1111111111111111111111111111111111]",
         0},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reason reason = {0};
        size_t length = cases[i].length ? cases[i].length : strlen(cases[i].bytes);
        struct json *json = json_parse(cases[i].bytes, length, 100, &reason);
        if (strcmp(reason.code, cases[i].code) != 0 || (json != NULL) != (*cases[i].code == '\0')) {
            print_error("%s gave %s\n", cases[i].bytes, reason.code);
            wrong++;
        }
        json_free(json);
    }
    assert_int_equal(wrong, 0);
}

static void a_refusal_tells_the_position_and_never_the_text(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"name\":\n \"Jane Example\" \"9434765919\"}",
        "{\"name\": 1,\n \"Jane Example\": 2, \"Jane Example\": 3}",
        "{\"Jane Example",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reason reason = {0};
        assert_null(json_parse(cases[i], strlen(cases[i]), 1000, &reason));
        assert_non_null(strstr(reason.detail, "line "));
        assert_non_null(strstr(reason.detail, "column "));
        assert_null(strstr(reason.detail, "Jane"));
        assert_null(strstr(reason.detail, "94347"));
    }
}

static void values_are_read_with_their_kind_and_absent_ones_as_nothing(void **state)
{
    (void)state;
    const char *text = "{\"b\": \"x\\u00e9\", \"a\": [1, 2.5, true, null], \"n\": -3}";
    struct json *json = json_parse(text, strlen(text), 1000, NULL);
    assert_non_null(json);
    assert_string_equal(json_member_text(json, "b"), "x\xC3\xA9");
    assert_int_equal(json_text_length(json_member(json, "b")), 3);
    const struct json *list = json_member(json, "a");
    assert_int_equal(json_count(list), 4);
    assert_int_equal(json_whole(json_item(list, 0), 9), 1);
    assert_int_equal(json_whole(json_item(list, 1), 9), 9);
    assert_true(json_number(json_item(list, 1), 0) == 2.5);
    assert_true(json_number(json_item(list, 0), 0) == 1.0);
    assert_true(json_is_true(json_item(list, 2)));
    assert_int_equal(json_kind_of(json_item(list, 3)), JSON_IS_NULL);
    assert_null(json_item(list, 4));
    assert_int_equal(json_member_whole(json, "n", 0), -3);
    assert_int_equal(json_member_whole(json, "absent", 7), 7);
    assert_null(json_member(json_member(json, "b"), "no object"));
    assert_int_equal(json_kind_of(NULL), JSON_NONE);
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_text(NULL));
    assert_false(json_is_true(NULL));
    assert_string_equal(json_kind_name(JSON_IS_WHOLE), "a whole number");
    json_free(json);
    json_free(NULL);
}

static void members_are_walked_in_their_written_order(void **state)
{
    (void)state;
    struct json *json = json_parse("{\"z\": 1, \"a\": 2, \"m\": 3}", 24, 1000, NULL);
    char seen[8] = "";
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    while (json_next_member(json, &cursor, &name, &value))
        strncat(seen, name, 1);
    assert_string_equal(seen, "zam");
    cursor = NULL;
    assert_false(json_next_member(NULL, &cursor, &name, &value));
    json_free(json);
}

static void what_is_built_is_printed_in_three_styles(void **state)
{
    (void)state;
    struct json *json = json_new_object();
    assert_true(json_set_text(json, "z", "a/\"\x01"));
    assert_true(json_set_whole(json, "n", INT64_MIN));
    assert_true(json_set_boolean(json, "b", false));
    assert_true(json_set_text(json, "nothing", NULL));
    struct json *list = json_new_array();
    assert_true(json_array_add_take(list, json_new_real(0.5)));
    assert_true(json_set_take(json, "a", list));
    char *text = json_print(json, JSON_COMPACT);
    assert_string_equal(text, "{\"z\":\"a/\\\"\\u0001\",\"n\":-9223372036854775808,\"b\":false,"
                              "\"nothing\":null,\"a\":[0.5]}");
    free(text);
    struct json *copy = json_copy_deep(json);
    json_free(json);
    text = json_print(copy, JSON_SORTED);
    assert_string_equal(text, "{\"a\":[0.5],\"b\":false,\"n\":-9223372036854775808,"
                              "\"nothing\":null,\"z\":\"a/\\\"\\u0001\"}");
    free(text);
    text = json_print(copy, JSON_INDENTED);
    assert_non_null(strstr(text, "\n  \"b\": false"));
    free(text);
    json_free(copy);
}

/* The expected texts are jansson's own: digests of them are older than this printer. */
static void the_canonical_print_is_the_same_for_ever(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *input;
    } cases[] = {
        {"{}", " { } "},
        {"[]", "[\n]"},
        {"0", "-0"},
        {"[-1,123456789012345678,9223372036854775807]",
         "[-1, 123456789012345678, 9223372036854775807]"},
        {"[2.5,0.10000000000000001,9.9999999999999995e-8,100000.0,-0.0]",
         "[2.50, 0.1, 1.0E-7, 1e5, -0.0]"},
        {"{\"B\":1,\"a\":2,\"aa\":3,\"ab\":4,\"\xC3\xA9\":5}",
         "{\"\xC3\xA9\":5,\"ab\":4,\"a\":2,\"B\":1,\"aa\":3}"},
        {"[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7F\xC3\xA9\"]",
         "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7F\\u00e9\"]"},
        {"{\"\":{\"a\":[true,false,null],\"b\":{}},\"\\n\":\"\"}",
         "{\"\\n\":\"\",\"\":{\"b\":{},\"a\":[true,false,null]}}"},
        {"{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"e\":4,\"f\":5,\"g\":6,\"h\":7,\"i\":8,\"j\":9,"
         "\"k\":1,\"l\":2,\"m\":3,\"n\":4,\"o\":5,\"p\":6,\"q\":7,\"r\":8,\"s\":9,\"t\":1,"
         "\"u\":2,\"v\":3,\"w\":4,\"x\":5,\"y\":6,\"z\":7}",
         "{\"z\":7,\"y\":6,\"x\":5,\"w\":4,\"v\":3,\"u\":2,\"t\":1,\"s\":9,\"r\":8,\"q\":7,"
         "\"p\":6,\"o\":5,\"n\":4,\"m\":3,\"l\":2,\"k\":1,\"j\":9,\"i\":8,\"h\":7,\"g\":6,"
         "\"f\":5,\"e\":4,\"d\":3,\"c\":2,\"b\":1,\"a\":0}"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json *json = json_parse(cases[i].input, strlen(cases[i].input), 1000, NULL);
        char *text = json_print(json, JSON_SORTED);
        if (!text || strcmp(text, cases[i].expected) != 0) {
            print_error("%s gave %s\n", cases[i].input, text ? text : "nothing");
            wrong++;
        }
        free(text);
        json_free(json);
    }
    assert_int_equal(wrong, 0);
}

/* Plain JSON and all other is parsed in two ways: an escape somewhere must change nothing else. */
static void an_escape_changes_nothing_but_its_own_text(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"{\"a\":[1,-2,{}],\"b\":\"x\",\"c\":{\"d\":null}}",
         "{\"a\":[1,-2,{}],\"b\":\"\\u0078\",\"c\":{\"d\":null}}"},
        {" [true , false,\r\n\"\", \"n\" ,123456789012345678] ",
         " [true , false,\r\n\"\", \"\\u006e\" ,123456789012345678] "},
        {"{\"one\":{\"two\":[[],[0]]}}", "{\"\\u006fne\":{\"two\":[[],[0]]}}"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct json *plain = json_parse(pairs[i][0], strlen(pairs[i][0]), 1000, NULL);
        struct json *other = json_parse(pairs[i][1], strlen(pairs[i][1]), 1000, NULL);
        char *first = json_print(plain, JSON_COMPACT), *second = json_print(other, JSON_COMPACT);
        assert_non_null(first);
        assert_non_null(second);
        assert_string_equal(first, second);
        free(first);
        free(second);
        json_free(plain);
        json_free(other);
    }
}

static void builders_fail_together_when_one_part_failed(void **state)
{
    (void)state;
    struct json *json = json_new_object();
    assert_null(json_new_text("\xFF"));
    assert_false(json_set_take(json, "a", json_new_text("\xFF")));
    assert_false(json_set_take(NULL, "a", json_new_whole(1)));
    assert_false(json_array_add_take(json, json_new_whole(1)));
    assert_int_equal(json_count(json), 0);
    assert_null(json_print(NULL, JSON_COMPACT));
    json_free(json);
}

static void a_file_is_named_in_the_reason(void **state)
{
    (void)state;
    struct reason reason = {0};
    assert_null(json_parse_file("/nowhere/a.json", 100, &reason));
    assert_string_equal(reason.code, "unreadable-file");
    assert_string_equal(reason.pointer, "/nowhere/a.json");
    char path[] = "/tmp/json_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "{\n\n  oops}", 10), 10);
    close(file);
    assert_null(json_parse_file(path, 100, &reason));
    assert_string_equal(reason.code, "not-json");
    assert_string_equal(reason.pointer, path);
    assert_memory_equal(reason.detail, "line 3", 6);
    assert_null(json_parse_file(path, 5, &reason));
    assert_string_equal(reason.code, "too-large");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_json_is_refused_with_its_own_code),
        cmocka_unit_test(a_refusal_tells_the_position_and_never_the_text),
        cmocka_unit_test(values_are_read_with_their_kind_and_absent_ones_as_nothing),
        cmocka_unit_test(members_are_walked_in_their_written_order),
        cmocka_unit_test(what_is_built_is_printed_in_three_styles),
        cmocka_unit_test(the_canonical_print_is_the_same_for_ever),
        cmocka_unit_test(an_escape_changes_nothing_but_its_own_text),
        cmocka_unit_test(builders_fail_together_when_one_part_failed),
        cmocka_unit_test(a_file_is_named_in_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
