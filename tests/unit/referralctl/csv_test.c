// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "csv.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

// Reads all rows: "line:field|field" each, "line!" for a broken one, joined by blanks.
static void read_all(const char *text, char *told, size_t size)
{
    static char copy[1024];
    struct csv csv;
    struct csv_row row;
    struct reason reason;
    size_t used = 0;
    assert_true(text_copy(copy, sizeof copy, text));
    csv_init(&csv, copy, strlen(copy));
    told[0] = '\0';
    for (;;) {
        size_t line = csv.line;
        enum verdict verdict = csv_next(&csv, &row, &reason);
        if (verdict == TRY_AGAIN) {
            return;
        }
        line = verdict == DONE ? row.line : line;
        used += (size_t)snprintf(told + used, size - used, "%s%zu%s", used ? " " : "", line,
                                 verdict == DONE ? ":" : "!");
        for (size_t index = 0; verdict == DONE && index < row.count; index++) {
            used += (size_t)snprintf(told + used, size - used, "%s%s", index ? "|" : "",
                                     row.fields[index]);
        }
    }
}

static void rows_are_read_as_rfc_4180_has_them(void **state)
{
    static const struct {
        int line;
        const char *expected, *text;
    } table[] = {
        {__LINE__, "", ""},
        {__LINE__, "", "\n\r\n\n"},
        {__LINE__, "1:a|b", "a,b"},
        {__LINE__, "1:a|b 2:c|d", "a,b\nc,d\n"},
        {__LINE__, "1:a|b 2:c|d", "a,b\r\nc,d\r\n"},
        {__LINE__, "1:a 4:b", "a\n\n\nb"},
        {__LINE__, "1:|", ","},
        {__LINE__, "1:a||", "a,,"},
        {__LINE__, "1:a,b|c", "\"a,b\",c"},
        {__LINE__, "1:say \"hi\"|c", "\"say \"\"hi\"\"\",c"},
        {__LINE__, "1:|x", "\"\",x"},
        {__LINE__, "1:two\nlines|b 3:c", "\"two\nlines\",b\nc"},
        {__LINE__, "1:a\"b|c", "a\"b,c"},
        {__LINE__, "1:a|b",
         "\xEF\xBB\xBF"
         "a,b"},
        {__LINE__, "1! 2:c", "\"a\"b,x\nc"},
        {__LINE__, "1! 2:c|d", "a,\"never closed\nc,d"},
        {__LINE__, "1:a|b", "a,\"b\""},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        char told[256];
        read_all(table[index].text, told, sizeof told);
        if (strcmp(told, table[index].expected) != 0) {
            fail_msg("line %d: %s", table[index].line, told);
        }
    }
}

static void a_row_with_too_many_fields_is_broken_and_the_next_is_not(void **state)
{
    char text[256], told[256];
    (void)state;
    memset(text, ',', 70);
    memcpy(text + 70, "\nb", 3);
    read_all(text, told, sizeof told);
    assert_string_equal(told, "1! 2:b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_as_rfc_4180_has_them),
        cmocka_unit_test(a_row_with_too_many_fields_is_broken_and_the_next_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
