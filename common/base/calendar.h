/* SPDX-License-Identifier: Apache-2.0 */
/* Dates, instants and London time, without the C library's time zone state. Pure. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct date {
    int year;  /* 1 to 9999 */
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

#define DATE_TEXT_SIZE 11    /* "2026-11-23" */
#define INSTANT_TEXT_SIZE 25 /* "2026-11-23T08:03:00.000Z" */

bool date_valid(struct date date);
/* "YYYY-MM-DD" and nothing else; a date that does not exist is refused. */
bool date_parse(const char *text, struct date *ret_date);
void date_format(struct date date, char text[DATE_TEXT_SIZE]);
/* Days since 1970-01-01, proleptic Gregorian, and back. */
int64_t date_to_days(struct date date);
struct date date_from_days(int64_t days);
int date_compare(struct date a, struct date b);
/* Monday = 0 … Sunday = 6. */
int date_weekday(struct date date);
/* Completed years on `day`. Someone born on 29 February has the birthday on 1 March in common years
 * (the law of England: an age is attained at the start of the anniversary; where there is none, 1
 * March). Negative if born later. */
int age_years_on(struct date birth, struct date day);

/* RFC 3339 with 0 to 9 fractional digits and any offset or Z, to milliseconds since the epoch
 * (further digits cut). */
bool instant_parse(const char *text, int64_t *ret_ms);
void instant_format(int64_t ms, char text[INSTANT_TEXT_SIZE]);

/* London (GMT/BST: summer time from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last
 * of October). */
int london_offset_minutes(int64_t ms);
struct date london_date(int64_t ms);
/* Minutes since local midnight, 0 to 1439. */
int london_minute(int64_t ms);
/* The instant at which London's clocks show this date and minute; in the autumn's repeated hour the
 * earlier one, in the spring's missing hour the instant the clocks went forward. */
int64_t london_to_ms(struct date date, int minute);

#endif
