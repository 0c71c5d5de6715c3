/* SPDX-License-Identifier: Apache-2.0 */
/* Opening times against one moment. The days ahead are worked out once per question, not once per
 * provider. Inside directory only. */
#ifndef DIRECTORY_HOURS_H
#define DIRECTORY_HOURS_H

#include "base/calendar.h"
#include "directory/directory.h"

#define HOURS_DAYS_MAX 32 /* how far ahead an opening is looked for */

struct hours_day {
    int64_t start_ms;
    int32_t day; /* since the epoch */
    int8_t weekday;
    bool bank_holiday;
    bool shifts; /* the clocks change on it */
};

struct hours_question {
    int64_t now_ms, deadline_ms;
    struct hours_day days[HOURS_DAYS_MAX];
    size_t days_known;
};

/* Zeroed at first. Asked again within the same London day it keeps what it has worked out. */
void hours_ask(struct hours_question *question, int64_t now_ms, int64_t deadline_ms);
bool hours_open_in_time(const struct provider *provider, struct hours_question *question);
/* Bank holidays of England and Wales by rule, and 25 and 26 December and 1 January on whatever day
 * they fall. */
bool hours_is_bank_holiday(struct date date);

#endif
