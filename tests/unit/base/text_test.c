/* SPDX-License-Identifier: Apache-2.0 */
/* Text, reasons and buffers: what happens at the bounds. */
#include "base/buffer.h"
#include "base/reason.h"
#include "base/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *from;
        size_t size;
        bool fits;
    } cases[] = {
        {"abc", "abc", 4, true},        {"ab", "abc", 3, false},
        {"", "abc", 1, false},          {"", NULL, 4, true},
        {"a", "a\xC3\xA9", 3, false},   {"a\xC3\xA9", "a\xC3\xA9", 4, true},
        {"", "\xE2\x82\xAC", 3, false}, {"x", "x\xF0\x9F\x98\x80", 4, false},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char to[8] = "zzzzzzz";
        bool fits = text_copy(to, cases[i].size, cases[i].from);
        if (fits != cases[i].fits || strcmp(to, cases[i].expected) != 0) {
            print_error("case %zu: \"%s\"\n", i, to);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_whole_number_is_all_of_the_text_and_within_its_limits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t least, most;
        bool taken;
        int64_t number;
    } cases[] = {
        {"0", 0, 9, true, 0},
        {"-5", -9, 9, true, -5},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"99999999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"10", 0, 9, false, 0},
        {"-1", 0, 9, false, 0},
        {"", 0, 9, false, 0},
        {"-", -9, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"1.0", 0, 9, false, 0},
        {"0x1", 0, 9, false, 0},
        {NULL, 0, 9, false, 0},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t number = 0;
        bool taken = text_whole_number(cases[i].text, cases[i].least, cases[i].most, &number);
        if (taken != cases[i].taken || number != cases[i].number) {
            print_error("\"%s\"\n", cases[i].text ? cases[i].text : "(null)");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes;
        size_t length;
        bool expected;
    } cases[] = {
        {"empty", "", 0, true},
        {"ASCII", "plain letters, more than eight", 30, true},
        {"two bytes", "\xC3\xA9", 2, true},
        {"three bytes", "\xE2\x82\xAC", 3, true},
        {"four bytes", "\xF0\x9F\x98\x80", 4, true},
        {"the last code point", "\xF4\x8F\xBF\xBF", 4, true},
        {"before the surrogates", "\xED\x9F\xBF", 3, true},
        {"NUL", "ab\0cd", 5, false},
        {"NUL among eight", "abcd\0fgh", 8, false},
        {"overlong slash", "\xC0\xAF", 2, false},
        {"overlong of three", "\xE0\x9F\xBF", 3, false},
        {"overlong of four", "\xF0\x8F\xBF\xBF", 4, false},
        {"a surrogate", "\xED\xA0\x80", 3, false},
        {"past the last code point", "\xF4\x90\x80\x80", 4, false},
        {"byte FE", "\xFE", 1, false},
        {"lonely continuation", "\x80", 1, false},
        {"cut after one of two", "\xC3", 1, false},
        {"cut after two of three", "\xE2\x82", 2, false},
        {"bad third byte", "\xE2\x82\x41", 3, false},
        {"eight plain, then bad", "abcdefgh\xFF", 9, false},
        {"high byte inside eight",
         "abc\xC3"
         "efgh",
         8, false},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (text_is_utf8(cases[i].bytes, cases[i].length) != cases[i].expected) {
            print_error("%s\n", cases[i].name);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void a_file_is_read_whole_or_refused_for_its_size(void **state)
{
    (void)state;
    char path[] = "/tmp/text_test_XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "0123456789", 10), 10);
    close(file);
    size_t length = 0;
    char *content = text_read_file(path, 10, &length);
    assert_non_null(content);
    assert_string_equal(content, "0123456789");
    assert_int_equal(length, 10);
    free(content);
    errno = 0;
    assert_null(text_read_file(path, 9, &length));
    assert_int_equal(errno, EFBIG);
    unlink(path);
    assert_null(text_read_file(path, 9, &length));
    assert_int_equal(errno, ENOENT);
    assert_null(text_read_file("/tmp", 9, &length));
    assert_int_equal(errno, EISDIR);
}

static void a_reason_may_be_wrapped_in_itself_and_is_cut_at_its_bounds(void **state)
{
    (void)state;
    struct reason reason;
    reason_set(&reason, "not-json", "/a", "line %d", 3);
    reason_set(&reason, reason.code, "file", "inside: %s", reason.detail);
    assert_string_equal(reason.code, "not-json");
    assert_string_equal(reason.pointer, "file");
    assert_string_equal(reason.detail, "inside: line 3");
    char many[1000];
    memset(many, 'x', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    reason_set(&reason, many, many, "%s", many);
    assert_int_equal(strlen(reason.code), REASON_CODE_MAX - 1);
    assert_int_equal(strlen(reason.pointer), REASON_POINTER_MAX - 1);
    assert_int_equal(strlen(reason.detail), REASON_DETAIL_MAX - 1);
    reason_set(NULL, "code", NULL, "nobody asks");
    reason_set(&reason, "code", NULL, "x");
    assert_string_equal(reason.pointer, "");
    assert_string_equal(verdict_name(TRY_AGAIN), "try-again");
}

static void a_buffer_grows_to_its_maximum_and_then_says_so_for_good(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10);
    assert_true(buffer_append_text(&buffer, "12345"));
    assert_true(buffer_append_format(&buffer, "%d", 678));
    assert_false(buffer.failed);
    assert_false(buffer_append_text(&buffer, "abc"));
    assert_true(buffer.failed);
    assert_string_equal(buffer_text(&buffer), "12345678");
    assert_false(buffer_append_text(&buffer, "9"));
    buffer_reset(&buffer);
    assert_true(buffer_append(&buffer, "0123456789", 10));
    assert_string_equal(buffer_text(&buffer), "0123456789");
    assert_null(buffer_reserve(&buffer, 1));
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
    assert_true(buffer_append(&buffer, NULL, 0));
    buffer_clear(&buffer);
}

static void a_long_format_is_written_whole(void **state)
{
    (void)state;
    struct buffer buffer;
    char many[600];
    memset(many, 'x', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    buffer_init(&buffer, 1199);
    assert_true(buffer_append_format(&buffer, "%s-%s", many, many));
    assert_int_equal(buffer.length, 1199);
    assert_int_equal(strlen(buffer_text(&buffer)), 1199);
    assert_false(buffer_append_format(&buffer, "%s", many));
    assert_int_equal(buffer.length, 1199);
    buffer_clear(&buffer);
    char *room = buffer_reserve(&buffer, 100);
    assert_non_null(room);
    memset(room, 'y', 100);
    buffer.length += 100;
    assert_int_equal(buffer_text(&buffer)[99], 'y');
    buffer_clear(&buffer);
}

static void a_whole_number_is_written_as_printf_does(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,   1,   -1,         9,         10,        -10,
                                      503, 999, 1795705006, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        char text[WHOLE_TEXT_SIZE], expected[32];
        (void)snprintf(expected, sizeof(expected), "%lld", (long long)numbers[i]);
        assert_int_equal(text_of_whole(numbers[i], text), strlen(expected));
        assert_string_equal(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(a_whole_number_is_written_as_printf_does),
        cmocka_unit_test(a_whole_number_is_all_of_the_text_and_within_its_limits),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(a_file_is_read_whole_or_refused_for_its_size),
        cmocka_unit_test(a_reason_may_be_wrapped_in_itself_and_is_cut_at_its_bounds),
        cmocka_unit_test(a_buffer_grows_to_its_maximum_and_then_says_so_for_good),
        cmocka_unit_test(a_long_format_is_written_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
