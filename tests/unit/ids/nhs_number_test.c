/* SPDX-License-Identifier: Apache-2.0 */
/* NHS numbers: the check digit, the spacing, the placeholders. */
#include "ids/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void numbers_are_judged_by_their_check_digit_and_form(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *text; /* NULL: refused */
        const char *why;
    } cases[] = {
        {"9434765919", "9434765919", "a right one"},
        {"9476719931", "9476719931", "a right one"},
        {"9434765919", "943 476 5919", "3-3-4"},
        {"9990000018", "9990000018", "a test number"},
        {NULL, "3478526985", "a wrong check digit that looks right"},
        {NULL, "9434765918", "a wrong check digit"},
        {NULL, "9434769519", "two neighbours swapped"},
        {NULL, "9434765910", "check digit 10 is not 0"},
        {NULL, "0000000000", "a placeholder that passes the sum"},
        {NULL, "9999999999", "a placeholder that passes the sum"},
        {NULL, "943476591", "nine digits"},
        {NULL, "94347659190", "eleven digits"},
        {NULL, "9434 765919", "a blank elsewhere"},
        {NULL, "943-476-5919", "dashes"},
        {NULL, "943 4765919", "one blank"},
        {NULL, " 9434765919", "a blank before"},
        {NULL, "943476591X", "a letter"},
        {NULL, "", "nothing"},
        {NULL, NULL, "nothing at all"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char number[NHS_NUMBER_SIZE] = "untouched";
        bool taken = nhs_number_parse(cases[i].text, number);
        if (taken != (cases[i].expected != NULL) ||
            strcmp(number, taken ? cases[i].expected : "untouched") != 0) {
            print_error("%s\n", cases[i].why);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

/* Every wrong digit and every swap of unequal neighbours has to fail: that is what modulus 11 is
 * for. */
static void no_single_slip_of_the_pen_passes(void **state)
{
    (void)state;
    static const char right[] = "9434765919";
    char number[NHS_NUMBER_SIZE];
    for (size_t i = 0; i < 10; i++) {
        for (char digit = '0'; digit <= '9'; digit++) {
            char changed[] = "9434765919";
            changed[i] = digit;
            assert_int_equal(nhs_number_parse(changed, number), digit == right[i]);
        }
        if (i == 9 || right[i] == right[i + 1])
            continue;
        char swapped[] = "9434765919";
        swapped[i] = right[i + 1];
        swapped[i + 1] = right[i];
        assert_false(nhs_number_parse(swapped, number));
    }
}

static void numbers_for_tests_are_told_from_real_ones(void **state)
{
    (void)state;
    assert_true(nhs_number_is_test("9990000018"));
    assert_false(nhs_number_is_test("9434765919"));
    assert_false(nhs_number_is_test("9990000019"));
    assert_false(nhs_number_is_test(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_judged_by_their_check_digit_and_form),
        cmocka_unit_test(no_single_slip_of_the_pen_passes),
        cmocka_unit_test(numbers_for_tests_are_told_from_real_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
