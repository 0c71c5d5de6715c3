/* SPDX-License-Identifier: Apache-2.0 */
/* Full jitter spreads the retries of many deliveries that failed together over the whole span (a
 * plain exponential would send them together again). Retry-After is the provider's own word and is
 * taken in full; only the deadline cuts it. */
#include "core/backoff.h"

#include "base/calendar.h"
#include "base/text.h"

#include <string.h>

#define SECONDS_MOST 1000000000

int64_t backoff_ms(struct random *random, int32_t attempts, int64_t first_ms, int64_t most_ms)
{
    int64_t span = first_ms;
    for (int32_t i = 1; i < attempts && span < most_ms; i++)
        span *= 2;
    if (span > most_ms)
        span = most_ms;
    if (span < 1)
        span = 1;
    return 1 + (int64_t)random_below(random, (uint64_t)span);
}

int64_t backoff_probe_ms(int32_t probes, int64_t first_ms, int64_t most_ms)
{
    int64_t count = probes < 1 ? 1 : probes > 1000 ? 1000 : probes;
    int64_t wait = first_ms * count * count;
    return wait > most_ms ? most_ms : wait;
}

static bool digits(const char **text, size_t count, int *ret_number)
{
    int number = 0;
    for (size_t i = 0; i < count; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    *text += count;
    *ret_number = number;
    return true;
}

static bool literal(const char **text, const char *expected)
{
    size_t length = strlen(expected);
    if (strncmp(*text, expected, length) != 0)
        return false;
    *text += length;
    return true;
}

static bool month(const char **text, int *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (strncmp(*text, names + i * 3, 3) == 0) {
            *text += 3;
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

static bool clock_time(const char **text, int64_t *ret_ms)
{
    int hour, minute, second;
    if (!digits(text, 2, &hour) || !literal(text, ":") || !digits(text, 2, &minute) ||
        !literal(text, ":") || !digits(text, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_ms = ((hour * 60LL + minute) * 60 + second) * 1000;
    return true;
}

/* "06 Nov 1994 08:49:37 GMT" behind "Sun, ", or "06-Nov-94 08:49:37 GMT" behind "Sunday, ". */
static bool date_comma(const char *text, int64_t now_ms, struct date *date, int64_t *time_ms)
{
    if (!digits(&text, 2, &date->day))
        return false;
    if (literal(&text, " "))
        return month(&text, &date->month) && literal(&text, " ") && digits(&text, 4, &date->year) &&
               literal(&text, " ") && clock_time(&text, time_ms) && text_equal(text, " GMT");
    if (!literal(&text, "-") || !month(&text, &date->month) || !literal(&text, "-") ||
        !digits(&text, 2, &date->year) || !literal(&text, " ") || !clock_time(&text, time_ms) ||
        !text_equal(text, " GMT"))
        return false;
    int year_now = date_from_days(now_ms / 86400000).year;
    date->year += year_now - year_now % 100;
    if (date->year > year_now + 50) /* RFC 9110 5.6.7: most recent past year with those digits */
        date->year -= 100;
    return true;
}

/* "Nov  6 08:49:37 1994" behind "Sun " (asctime). */
static bool date_asctime(const char *text, struct date *date, int64_t *time_ms)
{
    if (!month(&text, &date->month) || !literal(&text, " "))
        return false;
    bool day = literal(&text, " ") ? digits(&text, 1, &date->day) : digits(&text, 2, &date->day);
    return day && literal(&text, " ") && clock_time(&text, time_ms) && literal(&text, " ") &&
           digits(&text, 4, &date->year) && *text == '\0';
}

bool retry_after_parse(const char *text, int64_t now_ms, int64_t *ret_wait_ms)
{
    int64_t seconds;
    if (!text)
        return false;
    if (text_whole_number(text, 0, SECONDS_MOST, &seconds)) {
        *ret_wait_ms = seconds * 1000;
        return true;
    }
    struct date date = {0};
    int64_t time_ms = 0;
    const char *comma = strstr(text, ", ");
    const char *blank = strchr(text, ' ');
    bool well = comma   ? date_comma(comma + 2, now_ms, &date, &time_ms)
                : blank ? date_asctime(blank + 1, &date, &time_ms)
                        : false;
    if (!well || !date_valid(date))
        return false;
    int64_t wait = date_to_days(date) * 86400000 + time_ms - now_ms;
    *ret_wait_ms = wait < 0 ? 0 : wait;
    return true;
}
