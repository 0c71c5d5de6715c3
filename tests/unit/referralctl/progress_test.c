// SPDX-License-Identifier: Apache-2.0
// What a bar or a line says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "progress.h"

#include <string.h>

static void a_bar_or_a_line_says_how_far_it_is(void **state)
{
    static const struct {
        const char *expected;
        size_t done, total;
        bool terminal;
    } table[] = {
        {"x: 0 %", 0, 200, false},
        {"x: 50 %", 100, 200, false},
        {"x: 100 %", 200, 200, false},
        {"x: 100 %", 300, 200, false}, // a file that grew
        {"x: 7", 7, 0, false},
        {"x [                              ]   0 %", 0, 200, true},
        {"x [###############               ]  50 %", 100, 200, true},
        {"x [##############################] 100 %", 200, 200, true},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        char text[120];
        progress_format("x", table[index].done, table[index].total, table[index].terminal, text,
                        sizeof text);
        assert_string_equal(text, table[index].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bar_or_a_line_says_how_far_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
