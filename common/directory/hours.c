/* SPDX-License-Identifier: Apache-2.0 */
/* "Open in time": not (closed, or closing within 30 minutes, and not open again before the
 * deadline). Sessions are London wall-clock minutes of one day; two that meet (or miss each other
 * by a minute, 23:59 then 00:00, as the Directory of Services writes them) are one. All comparing
 * is done between instants, so the nights on which clocks change need no rule of their own. Order
 * of precedence: special day, bank holiday sessions if the provider names any, weekday. */
#include "directory/hours.h"

#define MINUTE_MS INT64_C(60000)
#define CLOSING_SOON_MS (30 * MINUTE_MS)
#define BANK_HOLIDAY_SESSIONS 7

/* Easter Sunday, Gregorian: the anonymous algorithm (Meeus, Astronomical Algorithms, chapter 8). */
static int64_t easter_days(int year)
{
    int a = year % 19, b = year / 100, c = year % 100;
    int d = b / 4, e = b % 4, f = (b + 8) / 25, g = (b - f + 1) / 3;
    int h = (19 * a + b - d - g + 15) % 30;
    int i = c / 4, k = c % 4;
    int l = (32 + 2 * e + 2 * i - h - k) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int month = (h + l - 7 * m + 114) / 31, day = (h + l - 7 * m + 114) % 31 + 1;
    return date_to_days((struct date){year, month, day});
}

/* Days in lieu: a holiday on a weekend moves to the next weekday that is none itself. */
static bool is_in_lieu(struct date date, int weekday)
{
    if (date.month == 1)
        return weekday == 0 && (date.day == 2 || date.day == 3);
    if (date.month != 12)
        return false;
    return (date.day == 27 && (weekday == 0 || weekday == 1)) ||
           (date.day == 28 && (weekday == 0 || weekday == 1));
}

bool hours_is_bank_holiday(struct date date)
{
    int weekday = date_weekday(date);
    if ((date.month == 1 && date.day == 1) ||
        (date.month == 12 && (date.day == 25 || date.day == 26)) || is_in_lieu(date, weekday))
        return true;
    if (weekday == 0 && ((date.month == 5 && (date.day <= 7 || date.day >= 25)) ||
                         (date.month == 8 && date.day >= 25)))
        return true;
    int64_t after_easter = date_to_days(date) - easter_days(date.year);
    return after_easter == -2 || after_easter == 1;
}

void hours_ask(struct hours_question *question, int64_t now_ms, int64_t deadline_ms)
{
    bool same_day = question->days_known >= 2 && now_ms >= question->days[0].start_ms &&
                    now_ms < question->days[1].start_ms;
    question->now_ms = now_ms;
    question->deadline_ms = deadline_ms;
    if (!same_day)
        question->days_known = 0;
}

static const struct hours_day *day_at(struct hours_question *question, size_t index)
{
    while (question->days_known <= index) {
        struct hours_day *day = &question->days[question->days_known];
        day->day = question->days_known == 0 ? (int32_t)date_to_days(london_date(question->now_ms))
                                             : question->days[question->days_known - 1].day + 1;
        struct date date = date_from_days(day->day);
        day->start_ms = london_to_ms(date, 0);
        day->weekday = (int8_t)date_weekday(date);
        day->bank_holiday = hours_is_bank_holiday(date);
        day->shifts =
            london_to_ms(date_from_days(day->day + 1), 0) - day->start_ms != 24 * 60 * MINUTE_MS;
        question->days_known++;
    }
    return &question->days[index];
}

static int64_t instant_of(const struct hours_day *day, int minute)
{
    if (day->shifts && minute < 24 * 60)
        return london_to_ms(date_from_days(day->day), minute);
    if (day->shifts)
        return london_to_ms(date_from_days(day->day + 1), 0);
    return day->start_ms + minute * MINUTE_MS;
}

struct span {
    int64_t opens_ms, closes_ms;
};

static bool has_sessions_of(const struct provider *provider, int weekday)
{
    for (size_t i = 0; i < provider->hours_count; i++)
        if (provider->hours[i].weekday == weekday)
            return true;
    return false;
}

/* The next open span of that day from *cursor on; false at the end. */
static bool next_span(const struct provider *provider, const struct hours_day *day, size_t *cursor,
                      struct span *ret_span)
{
    bool special = false;
    for (size_t i = 0; i < provider->special_days_count; i++) {
        const struct special_day *special_day = &provider->special_days[i];
        if (special_day->day != day->day)
            continue;
        special = true;
        if (i < *cursor || special_day->opens >= special_day->closes)
            continue;
        *cursor = i + 1;
        *ret_span = (struct span){instant_of(day, special_day->opens),
                                  instant_of(day, special_day->closes)};
        return true;
    }
    if (special)
        return false;
    if (provider->hours_count == 0) {
        *ret_span = (struct span){day->start_ms, instant_of(day, 24 * 60)};
        return (*cursor)++ == 0;
    }
    int weekday = day->bank_holiday && has_sessions_of(provider, BANK_HOLIDAY_SESSIONS)
                      ? BANK_HOLIDAY_SESSIONS
                      : day->weekday;
    for (size_t i = *cursor; i < provider->hours_count; i++) {
        const struct session *session = &provider->hours[i];
        if (session->weekday != weekday || session->opens >= session->closes)
            continue;
        *cursor = i + 1;
        *ret_span =
            (struct span){instant_of(day, session->opens), instant_of(day, session->closes)};
        return true;
    }
    return false;
}

/* Until when it stays open from `since_ms` on, over sessions of today and tomorrow that meet;
 * `since_ms` if it is closed then. Stops as soon as that is long enough. */
static int64_t open_until(const struct provider *provider, struct hours_question *question)
{
    int64_t now_ms = question->now_ms, until_ms = now_ms;
    for (bool grown = true; grown && until_ms - now_ms <= CLOSING_SOON_MS;) {
        grown = false;
        int64_t reach_ms = until_ms > now_ms ? until_ms + MINUTE_MS : now_ms;
        for (size_t d = 0; d < 2; d++) {
            const struct hours_day *day = day_at(question, d);
            struct span span;
            for (size_t cursor = 0; next_span(provider, day, &cursor, &span);) {
                if (span.opens_ms <= reach_ms && span.closes_ms > until_ms) {
                    until_ms = span.closes_ms;
                    grown = true;
                }
            }
        }
    }
    return until_ms;
}

bool hours_open_in_time(const struct provider *provider, struct hours_question *question)
{
    if (provider->hours_count == 0 && provider->special_days_count == 0)
        return true;
    if (open_until(provider, question) - question->now_ms > CLOSING_SOON_MS)
        return true;
    for (size_t d = 0; d < HOURS_DAYS_MAX; d++) {
        const struct hours_day *day = day_at(question, d);
        if (day->start_ms >= question->deadline_ms)
            return false;
        struct span span;
        for (size_t cursor = 0; next_span(provider, day, &cursor, &span);)
            if (span.opens_ms > question->now_ms && span.opens_ms < question->deadline_ms)
                return true;
    }
    return false;
}

bool provider_open_before(const struct provider *provider, int64_t now_ms, int64_t deadline_ms)
{
    struct hours_question question = {.days_known = 0};
    hours_ask(&question, now_ms, deadline_ms);
    return hours_open_in_time(provider, &question);
}
