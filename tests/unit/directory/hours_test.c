/* SPDX-License-Identifier: Apache-2.0 */
/* "Open in time": midnight, half hours, special days, bank holidays and the nights on which
 * London's clocks change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/calendar.h"
#include "directory/hours.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    if (!instant_parse(text, &ms))
        fail_msg("%s is no instant", text);
    return ms;
}

#define HOUR(hour, minute) ((hour)*60 + (minute))

struct row {
    bool expected;
    const char *now, *deadline;
};

static void check_rows(const struct provider *provider, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (provider_open_before(provider, at(rows[i].now), at(rows[i].deadline)) !=
            rows[i].expected)
            fail_msg("row %zu: at %s until %s expected %s", i, rows[i].now, rows[i].deadline,
                     rows[i].expected ? "open" : "closed");
}
#define CHECK(provider, rows) check_rows(provider, rows, sizeof(rows) / sizeof((rows)[0]))

/* 2026-11-23 is a Monday in winter (GMT). */
static struct session weekdays[] = {
    {0, HOUR(9, 0), HOUR(13, 0)}, {0, HOUR(14, 0), HOUR(18, 0)}, {1, HOUR(9, 0), HOUR(18, 0)},
    {2, HOUR(9, 0), HOUR(18, 0)}, {3, HOUR(9, 0), HOUR(18, 0)},  {4, HOUR(9, 0), HOUR(18, 0)},
};

static void a_weekday_pharmacy_is_open_in_its_sessions_or_before_the_deadline(void **state)
{
    (void)state;
    struct provider provider = {.hours = weekdays, .hours_count = 6};
    static const struct row rows[] = {
        {true, "2026-11-23T09:00:00Z", "2026-11-23T09:01:00Z"},
        {true, "2026-11-23T12:29:59Z", "2026-11-23T12:40:00Z"},
        /* closes within 30 minutes, opens again at 14:00 */
        {false, "2026-11-23T12:30:00Z", "2026-11-23T14:00:00Z"},
        {true, "2026-11-23T12:30:00Z", "2026-11-23T14:00:01Z"},
        {false, "2026-11-23T13:30:00Z", "2026-11-23T13:59:00Z"},
        /* the evening: next day within 24 hours */
        {true, "2026-11-23T18:00:00Z", "2026-11-24T18:00:00Z"},
        {false, "2026-11-23T18:00:00Z", "2026-11-24T08:59:00Z"},
        /* Friday evening: closed until Monday */
        {false, "2026-11-27T18:00:00Z", "2026-11-28T18:00:00Z"},
        {true, "2026-11-27T18:00:00Z", "2026-11-30T09:00:01Z"},
        /* a deadline that has passed: only what is open now helps */
        {true, "2026-11-23T10:00:00Z", "2026-11-23T09:00:00Z"},
        {false, "2026-11-23T08:00:00Z", "2026-11-23T07:00:00Z"},
    };
    CHECK(&provider, rows);
}

static void no_hours_are_taken_as_always_open(void **state)
{
    (void)state;
    struct provider provider = {.hours_count = 0};
    assert_true(
        provider_open_before(&provider, at("2026-12-25T03:00:00Z"), at("2026-12-25T03:00:01Z")));
}

static void sessions_that_meet_at_midnight_are_one(void **state)
{
    (void)state;
    struct session hours[] = {
        {0, HOUR(8, 0), HOUR(23, 59)}, {1, 0, HOUR(2, 0)}, {1, HOUR(8, 0), 1440}, {2, 0, 10}};
    struct provider provider = {.hours = hours, .hours_count = 4};
    static const struct row rows[] = {
        {true, "2026-11-23T23:45:00Z", "2026-11-23T23:50:00Z"},  /* 23:59, 00:00 to 02:00 */
        {true, "2026-11-24T23:30:00Z", "2026-11-24T23:40:00Z"},  /* to 24:00, on to 00:10 */
        {false, "2026-11-24T23:45:00Z", "2026-11-24T23:50:00Z"}, /* 25 minutes are left */
    };
    CHECK(&provider, rows);
}

static void a_special_day_stands_instead_of_the_week(void **state)
{
    (void)state;
    int32_t monday = (int32_t)date_to_days((struct date){2026, 11, 23});
    struct special_day days[] = {{monday, 0, 0},
                                 {monday + 1, HOUR(10, 0), HOUR(11, 0)},
                                 {monday + 1, HOUR(12, 0), HOUR(13, 0)}};
    struct provider provider = {
        .hours = weekdays, .hours_count = 6, .special_days = days, .special_days_count = 3};
    static const struct row rows[] = {
        {false, "2026-11-23T10:00:00Z", "2026-11-23T18:00:00Z"}, /* closed all day */
        {false, "2026-11-23T10:00:00Z", "2026-11-24T10:00:00Z"},
        {true, "2026-11-23T10:00:00Z", "2026-11-24T10:00:01Z"},
        {true, "2026-11-24T10:15:00Z", "2026-11-24T10:16:00Z"},
        {false, "2026-11-24T13:00:00Z", "2026-11-24T23:00:00Z"},
        {true, "2026-11-24T13:00:00Z", "2026-11-25T09:00:01Z"},
    };
    CHECK(&provider, rows);
}

static void a_question_asked_again_on_another_day_is_worked_out_anew(void **state)
{
    (void)state;
    struct provider provider = {.hours = weekdays, .hours_count = 6};
    struct hours_question question = {.days_known = 0};
    static const struct row rows[] = {
        {true, "2026-11-27T17:00:00Z", "2026-11-27T17:01:00Z"},
        {false, "2026-11-27T23:59:59Z", "2026-11-28T23:59:59Z"},
        {false, "2026-11-28T00:00:00Z", "2026-11-29T12:00:00Z"},
        {true, "2026-11-30T12:00:00Z", "2026-11-30T12:01:00Z"},
        {true, "2026-11-27T17:00:00Z", "2026-11-27T17:01:00Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hours_ask(&question, at(rows[i].now), at(rows[i].deadline));
        if (hours_open_in_time(&provider, &question) != rows[i].expected)
            fail_msg("row %zu", i);
    }
}

static void the_same_clock_time_is_another_instant_in_summer(void **state)
{
    (void)state;
    struct provider provider = {.hours = weekdays, .hours_count = 6};
    static const struct row rows[] = {
        {false, "2026-06-15T07:59:00Z", "2026-06-15T08:00:00Z"}, /* 08:59 BST */
        {true, "2026-06-15T08:00:00Z", "2026-06-15T08:00:01Z"},
        {false, "2026-06-15T17:00:00Z", "2026-06-15T17:30:00Z"}, /* 18:00 BST */
    };
    CHECK(&provider, rows);
}

static void the_nights_on_which_clocks_change_lose_and_gain_an_hour(void **state)
{
    (void)state;
    /* Sundays, 00:00 to 02:30 */
    struct session hours[] = {{6, 0, HOUR(2, 30)}};
    struct provider provider = {.hours = hours, .hours_count = 1};
    static const struct row rows[] = {
        /* 29 March 2026: 01:00 GMT becomes 02:00 BST, so 02:30 BST is 01:30Z */
        {true, "2026-03-29T00:59:00Z", "2026-03-29T01:00:00Z"},
        {false, "2026-03-29T01:00:00Z", "2026-03-29T01:10:00Z"},
        /* 25 October 2026: 02:00 BST becomes 01:00 GMT, so 02:30 GMT is 02:30Z, midnight 23:00Z */
        {true, "2026-10-24T23:00:00Z", "2026-10-24T23:01:00Z"},
        {true, "2026-10-25T01:59:00Z", "2026-10-25T02:00:00Z"},
        {false, "2026-10-25T02:00:00Z", "2026-10-25T02:10:00Z"},
    };
    CHECK(&provider, rows);
}

static void bank_holidays_have_their_own_sessions_where_a_provider_names_them(void **state)
{
    (void)state;
    struct session hours[] = {{0, HOUR(9, 0), HOUR(18, 0)}, {7, HOUR(11, 0), HOUR(15, 0)}};
    struct provider with = {.hours = hours, .hours_count = 2};
    struct provider without = {.hours = hours, .hours_count = 1};
    /* Monday 31 August 2026, 09:30 BST, then 11:30 BST */
    static const struct row rows_with[] = {
        {false, "2026-08-31T08:30:00Z", "2026-08-31T09:30:00Z"},
        {true, "2026-08-31T10:30:00Z", "2026-08-31T10:31:00Z"},
    };
    static const struct row rows_without[] = {
        {true, "2026-08-31T08:30:00Z", "2026-08-31T08:31:00Z"},
    };
    CHECK(&with, rows_with);
    CHECK(&without, rows_without);
}

static void a_bank_holiday_closes_only_who_says_so(void **state)
{
    (void)state;
    struct session hours[] = {{0, HOUR(9, 0), HOUR(18, 0)},
                              {1, HOUR(9, 0), HOUR(18, 0)},
                              {4, HOUR(9, 0), HOUR(18, 0)},
                              {7, 0, 0}};
    struct provider closed = {.hours = hours, .hours_count = 4};
    struct provider silent = {.hours = hours, .hours_count = 3};
    /* Friday 25 December 2026; Monday 28 stands for the 26th; Tuesday 29 is a working day */
    static const struct row rows_closed[] = {
        {false, "2026-12-25T10:00:00Z", "2026-12-26T00:00:00Z"},
        {false, "2026-12-25T10:00:00Z", "2026-12-29T09:00:00Z"},
        {true, "2026-12-25T10:00:00Z", "2026-12-29T09:00:01Z"},
        {true, "2026-12-18T10:00:00Z", "2026-12-18T10:01:00Z"},
    };
    static const struct row rows_silent[] = {
        {true, "2026-12-25T10:00:00Z", "2026-12-25T10:01:00Z"},
        {true, "2026-12-25T18:00:00Z", "2026-12-28T09:00:01Z"},
    };
    CHECK(&closed, rows_closed);
    CHECK(&silent, rows_silent);
}

static void bank_holidays_of_england_are_known_by_rule(void **state)
{
    (void)state;
    static const struct {
        bool expected;
        struct date date;
    } rows[] = {
        {true, {2026, 1, 1}},    {false, {2026, 1, 2}},   {true, {2026, 4, 3}},
        {true, {2026, 4, 6}},    {false, {2026, 4, 5}},   {true, {2026, 5, 4}},
        {true, {2026, 5, 25}},   {false, {2026, 5, 11}},  {true, {2026, 8, 31}},
        {false, {2026, 8, 24}},  {true, {2026, 12, 25}},  {true, {2026, 12, 28}}, /* for the 26th */
        {false, {2026, 12, 29}}, {true, {2027, 3, 26}},   {true, {2027, 3, 29}},
        {true, {2027, 12, 27}}, /* for the 25th */
        {true, {2027, 12, 28}},  {false, {2027, 12, 29}}, {true, {2022, 1, 3}},
        {true, {2023, 1, 2}},    {false, {2024, 1, 2}},   {true, {2022, 12, 27}},
        {false, {2022, 12, 28}}, {false, {2023, 12, 27}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (hours_is_bank_holiday(rows[i].date) != rows[i].expected)
            fail_msg("row %zu: %d-%02d-%02d", i, rows[i].date.year, rows[i].date.month,
                     rows[i].date.day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_weekday_pharmacy_is_open_in_its_sessions_or_before_the_deadline),
        cmocka_unit_test(no_hours_are_taken_as_always_open),
        cmocka_unit_test(sessions_that_meet_at_midnight_are_one),
        cmocka_unit_test(a_special_day_stands_instead_of_the_week),
        cmocka_unit_test(a_question_asked_again_on_another_day_is_worked_out_anew),
        cmocka_unit_test(the_same_clock_time_is_another_instant_in_summer),
        cmocka_unit_test(the_nights_on_which_clocks_change_lose_and_gain_an_hour),
        cmocka_unit_test(bank_holidays_have_their_own_sessions_where_a_provider_names_them),
        cmocka_unit_test(a_bank_holiday_closes_only_who_says_so),
        cmocka_unit_test(bank_holidays_of_england_are_known_by_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
