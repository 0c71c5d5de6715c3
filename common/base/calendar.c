/* SPDX-License-Identifier: Apache-2.0 */
/* Civil dates by the era method (400-year cycles from 1 March, so that the leap day is the last of
 * its year), and London's clocks by the rule itself instead of a zone file: containers often have
 * none, and localtime has global state. The rule has held since 1996; it is used for every year. */
#include "base/calendar.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool date_valid(struct date date)
{
    return date.year >= 1 && date.year <= 9999 && date.month >= 1 && date.month <= 12 &&
           date.day >= 1 && date.day <= days_in_month(date.year, date.month);
}

/* Reads exactly `count` digits. */
static bool read_digits(const char *text, size_t count, int *ret_number)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (text[i] - '0');
    }
    *ret_number = number;
    return true;
}

/* The ten characters of a date; stops at the first wrong one, so a shorter text is never read past
 * its end. */
static bool read_date(const char *text, struct date *ret_date)
{
    struct date date;
    if (!read_digits(text, 4, &date.year) || text[4] != '-' ||
        !read_digits(text + 5, 2, &date.month) || text[7] != '-' ||
        !read_digits(text + 8, 2, &date.day) || !date_valid(date))
        return false;
    *ret_date = date;
    return true;
}

bool date_parse(const char *text, struct date *ret_date)
{
    struct date date;
    if (!text || !read_date(text, &date) || text[10] != '\0')
        return false;
    *ret_date = date;
    return true;
}

static void write_digits(char *text, int count, int number)
{
    for (int i = count - 1; i >= 0; i--) {
        text[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

void date_format(struct date date, char text[DATE_TEXT_SIZE])
{
    write_digits(text, 4, date.year);
    text[4] = '-';
    write_digits(text + 5, 2, date.month);
    text[7] = '-';
    write_digits(text + 8, 2, date.day);
    text[10] = '\0';
}

/* Quotient rounded down, also below zero. */
static int64_t divide_down(int64_t number, int64_t by)
{
    return number / by - (number % by < 0 ? 1 : 0);
}

int64_t date_to_days(struct date date)
{
    int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    int64_t era = divide_down(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t month_from_march = (date.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct date date_from_days(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = divide_down(shifted, 146097);
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return (struct date){
        .year = (int)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
}

int date_compare(struct date a, struct date b)
{
    int64_t difference = date_to_days(a) - date_to_days(b);
    return difference < 0 ? -1 : difference > 0 ? 1 : 0;
}

int date_weekday(struct date date)
{
    int64_t since_monday = date_to_days(date) + 3; /* 1970-01-01 was a Thursday */
    return (int)(since_monday - divide_down(since_monday, 7) * 7);
}

int age_years_on(struct date birth, struct date day)
{
    bool before_birthday =
        day.month < birth.month || (day.month == birth.month && day.day < birth.day);
    return day.year - birth.year - (before_birthday ? 1 : 0);
}

/* ".123456789": up to nine digits, of which three count. Moves *text behind them. */
static bool read_fraction(const char **text, int *ret_ms)
{
    const char *digit = *text + 1;
    int ms = 0;
    int count = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++, count++)
        if (count < 3)
            ms = ms * 10 + (*digit - '0');
    if (count < 1 || count > 9)
        return false;
    for (; count < 3; count++)
        ms *= 10;
    *text = digit;
    *ret_ms = ms;
    return true;
}

/* "Z" or "+hh:mm" up to the end of the text. */
static bool read_offset(const char *text, int *ret_minutes)
{
    if ((text[0] == 'Z' || text[0] == 'z') && text[1] == '\0') {
        *ret_minutes = 0;
        return true;
    }
    int hours;
    int minutes;
    if ((text[0] != '+' && text[0] != '-') || !read_digits(text + 1, 2, &hours) || text[3] != ':' ||
        !read_digits(text + 4, 2, &minutes) || text[6] != '\0' || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (hours * 60 + minutes) * (text[0] == '-' ? -1 : 1);
    return true;
}

bool instant_parse(const char *text, int64_t *ret_ms)
{
    struct date date;
    int hour;
    int minute;
    int second;
    int ms = 0;
    int offset;
    if (!text || !read_date(text, &date) || (text[10] != 'T' && text[10] != 't') ||
        !read_digits(text + 11, 2, &hour) || text[13] != ':' ||
        !read_digits(text + 14, 2, &minute) || text[16] != ':' ||
        !read_digits(text + 17, 2, &second) || hour > 23 || minute > 59 ||
        second > 60) /* 60: a leap second, which counts as the first of the next minute */
        return false;
    const char *rest = text + 19;
    if (*rest == '.' && !read_fraction(&rest, &ms))
        return false;
    if (!read_offset(rest, &offset))
        return false;
    *ret_ms = date_to_days(date) * DAY_MS + hour * HOUR_MS + (minute - offset) * MINUTE_MS +
              second * INT64_C(1000) + ms;
    return true;
}

void instant_format(int64_t ms, char text[INSTANT_TEXT_SIZE])
{
    const int64_t least = INT64_C(-62135596800000); /* 0001-01-01T00:00:00.000Z */
    const int64_t most = INT64_C(253402300799999);  /* 9999-12-31T23:59:59.999Z */
    if (ms < least)
        ms = least;
    if (ms > most)
        ms = most;
    int64_t days = divide_down(ms, DAY_MS);
    int of_day = (int)(ms - days * DAY_MS);
    date_format(date_from_days(days), text);
    memcpy(text + 10, "T00:00:00.000Z", 15);
    write_digits(text + 11, 2, of_day / (int)HOUR_MS);
    write_digits(text + 14, 2, of_day / (int)MINUTE_MS % 60);
    write_digits(text + 17, 2, of_day / 1000 % 60);
    write_digits(text + 20, 3, of_day % 1000);
}

/* 01:00 UTC on the last Sunday of a month with 31 days. */
static int64_t change_ms(int year, int month)
{
    struct date last = {.year = year, .month = month, .day = 31};
    last.day -= (date_weekday(last) + 1) % 7;
    return date_to_days(last) * DAY_MS + HOUR_MS;
}

int london_offset_minutes(int64_t ms)
{
    int year = date_from_days(divide_down(ms, DAY_MS)).year;
    return ms >= change_ms(year, 3) && ms < change_ms(year, 10) ? 60 : 0;
}

struct date london_date(int64_t ms)
{
    return date_from_days(divide_down(ms + london_offset_minutes(ms) * MINUTE_MS, DAY_MS));
}

int london_minute(int64_t ms)
{
    int64_t local = ms + london_offset_minutes(ms) * MINUTE_MS;
    return (int)((local - divide_down(local, DAY_MS) * DAY_MS) / MINUTE_MS);
}

int64_t london_to_ms(struct date date, int minute)
{
    int64_t local = date_to_days(date) * DAY_MS + minute * MINUTE_MS;
    if (london_offset_minutes(local - HOUR_MS) == 60)
        return local - HOUR_MS;
    if (london_offset_minutes(local) == 0)
        return local;
    return change_ms(date.year, 3); /* the hour that London skips */
}
