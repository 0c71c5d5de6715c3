/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and London's clocks at the edges where they have gone wrong elsewhere. */
#include "base/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int64_t at(const char *text)
{
    int64_t ms = 0;
    if (!instant_parse(text, &ms))
        fail_msg("no instant: %s", text);
    return ms;
}

static struct date day(const char *text)
{
    struct date date = {0};
    if (!date_parse(text, &date))
        fail_msg("no date: %s", text);
    return date;
}

static void only_dates_that_exist_are_taken(void **state)
{
    (void)state;
    static const struct {
        bool taken;
        const char *text;
    } cases[] = {
        {true, "2026-11-23"},   {true, "0001-01-01"},  {true, "9999-12-31"},
        {true, "2024-02-29"},   {true, "2000-02-29"},  {false, "2025-02-29"},
        {false, "1900-02-29"},  {false, "2026-04-31"}, {false, "2026-13-01"},
        {false, "2026-00-10"},  {false, "2026-01-00"}, {false, "0000-01-01"},
        {false, "2026-1-01"},   {false, "26-01-01"},   {false, ""},
        {false, "2026-11-23 "}, {false, "2026-11"},    {false, "2026/11/23"},
        {false, "-026-11-23"},  {false, NULL},         {false, "2026-11-23T00:00:00Z"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct date date;
        if (date_parse(cases[i].text, &date) != cases[i].taken) {
            print_error("%s\n", cases[i].text ? cases[i].text : "(null)");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void days_are_counted_without_a_gap_from_year_1_to_9999(void **state)
{
    (void)state;
    struct date first = {.year = 1, .month = 1, .day = 1};
    struct date last = {.year = 9999, .month = 12, .day = 31};
    assert_int_equal(date_to_days(day("1970-01-01")), 0);
    assert_int_equal(date_to_days(day("2000-03-01")), 11017);
    struct date before = {0};
    for (int64_t days = date_to_days(first); days <= date_to_days(last); days++) {
        struct date date = date_from_days(days);
        if (!date_valid(date) || date_to_days(date) != days)
            fail_msg("day %lld", (long long)days);
        if (before.year && date_compare(before, date) >= 0)
            fail_msg("order at day %lld", (long long)days);
        before = date;
    }
    assert_int_equal(date_compare(before, last), 0);
}

static void weekdays_start_with_monday(void **state)
{
    (void)state;
    assert_int_equal(date_weekday(day("2026-11-23")), 0);
    assert_int_equal(date_weekday(day("2026-11-29")), 6);
    assert_int_equal(date_weekday(day("1970-01-01")), 3);
    assert_int_equal(date_weekday(day("1969-12-31")), 2);
    assert_int_equal(date_weekday(day("0001-01-01")), 0);
}

static void ages_change_on_the_birthday_and_for_29_february_on_1_march(void **state)
{
    (void)state;
    static const struct {
        int expected;
        const char *birth, *day;
    } cases[] = {
        {16, "2010-11-23", "2026-11-23"}, {15, "2010-11-24", "2026-11-23"},
        {0, "2026-11-23", "2026-11-23"},  {-1, "2026-11-24", "2026-11-23"},
        {15, "2008-02-29", "2024-02-28"}, {16, "2008-02-29", "2024-02-29"},
        {16, "2008-02-29", "2025-02-28"}, {17, "2008-02-29", "2025-03-01"},
        {0, "2024-12-31", "2025-12-30"},  {1, "2024-12-31", "2025-12-31"},
        {0, "2024-12-31", "2025-01-01"},  {126, "1900-01-01", "2026-11-23"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int age = age_years_on(day(cases[i].birth), day(cases[i].day));
        if (age != cases[i].expected) {
            print_error("born %s, on %s: %d\n", cases[i].birth, cases[i].day, age);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void instants_are_read_with_any_offset_and_fraction(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *text; /* NULL: refused */
    } cases[] = {
        {"2026-11-23T08:03:00.000Z", "2026-11-23T08:03:00Z"},
        {"2026-11-23T08:03:00.100Z", "2026-11-23T08:03:00.1Z"},
        {"2026-11-23T08:03:00.123Z", "2026-11-23T08:03:00.123456789Z"},
        {"2026-11-23T08:03:00.999Z", "2026-11-23T08:03:00.9999999+00:00"},
        {"2026-11-23T07:03:00.000Z", "2026-11-23T08:03:00+01:00"},
        {"2026-11-24T00:03:00.000Z", "2026-11-23T18:33:00-05:30"},
        {"2026-12-31T23:30:00.000Z", "2027-01-01T00:30:00+01:00"},
        {"2024-02-29T23:59:59.000Z", "2024-02-29t23:59:59z"},
        {"2017-01-01T00:00:00.000Z", "2016-12-31T23:59:60Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {"0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00Z"},
        {NULL, "2026-11-23T08:03:00"},
        {NULL, "2026-11-23 08:03:00Z"},
        {NULL, "2026-11-23T24:00:00Z"},
        {NULL, "2026-11-23T08:60:00Z"},
        {NULL, "2026-11-23T08:03:61Z"},
        {NULL, "2026-11-23T08:03:00.Z"},
        {NULL, "2026-11-23T08:03:00.1234567890Z"},
        {NULL, "2026-11-23T08:03:00+0100"},
        {NULL, "2026-11-23T08:03:00+24:00"},
        {NULL, "2026-11-23T08:03:00+01:00 "},
        {NULL, "2025-02-29T08:03:00Z"},
        {NULL, "2026-11-23T08:03Z"},
        {NULL, "2026-11-23"},
        {NULL, ""},
        {NULL, NULL},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms;
        char text[INSTANT_TEXT_SIZE] = "";
        bool taken = instant_parse(cases[i].text, &ms);
        if (taken)
            instant_format(ms, text);
        if (taken != (cases[i].expected != NULL) || (taken && strcmp(text, cases[i].expected))) {
            print_error("%s gave %s\n", cases[i].text ? cases[i].text : "(null)", text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    char text[INSTANT_TEXT_SIZE];
    instant_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    instant_format(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

static void london_is_an_hour_ahead_between_the_last_sundays(void **state)
{
    (void)state;
    static const struct {
        int offset;
        const char *utc, *date;
        int minute;
    } cases[] = {
        {0, "2026-03-29T00:59:59.999Z", "2026-03-29", 59},
        {60, "2026-03-29T01:00:00Z", "2026-03-29", 120},
        {60, "2026-10-25T00:59:59.999Z", "2026-10-25", 119},
        {0, "2026-10-25T01:00:00Z", "2026-10-25", 60},
        {60, "2026-06-30T23:00:00Z", "2026-07-01", 0},
        {60, "2026-06-30T22:59:00Z", "2026-06-30", 1439},
        {0, "2026-12-31T23:59:00Z", "2026-12-31", 1439},
        {0, "2027-01-01T00:00:00Z", "2027-01-01", 0},
        {60, "2024-03-31T01:00:00Z", "2024-03-31", 120}, /* the 31st is the Sunday */
        {60, "2027-03-28T01:00:00Z", "2027-03-28", 120},
        {60, "2025-10-26T00:30:00Z", "2025-10-26", 90},
        {0, "1996-03-31T00:59:00Z", "1996-03-31", 59},
        {0, "1950-01-15T12:00:00Z", "1950-01-15", 720},
        {60, "2099-07-01T12:00:00Z", "2099-07-01", 780},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t ms = at(cases[i].utc);
        if (london_offset_minutes(ms) != cases[i].offset ||
            date_compare(london_date(ms), day(cases[i].date)) != 0 ||
            london_minute(ms) != cases[i].minute) {
            print_error("%s\n", cases[i].utc);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void london_times_become_instants_also_in_the_missing_and_the_repeated_hour(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *date;
        int minute;
    } cases[] = {
        {"2026-03-29T00:59:00.000Z", "2026-03-29", 59},
        {"2026-03-29T01:00:00.000Z", "2026-03-29", 60},  /* 01:00 is skipped */
        {"2026-03-29T01:00:00.000Z", "2026-03-29", 119}, /* so is 01:59 */
        {"2026-03-29T01:00:00.000Z", "2026-03-29", 120},
        {"2026-03-29T01:01:00.000Z", "2026-03-29", 121},
        {"2026-10-24T23:59:00.000Z", "2026-10-25", 59},
        {"2026-10-25T00:00:00.000Z", "2026-10-25", 60}, /* the first of two 01:00 */
        {"2026-10-25T00:59:00.000Z", "2026-10-25", 119},
        {"2026-10-25T02:00:00.000Z", "2026-10-25", 120},
        {"2026-07-01T08:00:00.000Z", "2026-07-01", 540},
        {"2026-06-30T23:00:00.000Z", "2026-07-01", 0},
        {"2026-12-31T09:00:00.000Z", "2026-12-31", 540},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[INSTANT_TEXT_SIZE];
        instant_format(london_to_ms(day(cases[i].date), cases[i].minute), text);
        if (strcmp(text, cases[i].expected) != 0) {
            print_error("%s minute %d: %s\n", cases[i].date, cases[i].minute, text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_dates_that_exist_are_taken),
        cmocka_unit_test(days_are_counted_without_a_gap_from_year_1_to_9999),
        cmocka_unit_test(weekdays_start_with_monday),
        cmocka_unit_test(ages_change_on_the_birthday_and_for_29_february_on_1_march),
        cmocka_unit_test(instants_are_read_with_any_offset_and_fraction),
        cmocka_unit_test(london_is_an_hour_ahead_between_the_last_sundays),
        cmocka_unit_test(london_times_become_instants_also_in_the_missing_and_the_repeated_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
