// SPDX-License-Identifier: Apache-2.0
// Cells with a small language of their own: services with ages, sessions, special days, figures.
#include "provider_cells.h"

#include "base/calendar.h"
#include "base/text.h"

#include <string.h>

static const char *const WEEKDAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "hol"};
#define WEEKDAYS_COUNT 8
#define WEEKDAY_HOLIDAY 7

// "16-64", "16-", "-64"; -1 where there is no bound.
static bool parse_ages(const char *text, int64_t *ret_least, int64_t *ret_most)
{
    char least[8];
    const char *dash = strchr(text, '-');
    *ret_least = -1;
    *ret_most = -1;
    return dash && text_copy_bytes(least, sizeof least, text, (size_t)(dash - text)) &&
           (least[0] == '\0' || text_whole_number(least, 0, 130, ret_least)) &&
           (dash[1] == '\0' || text_whole_number(dash + 1, 0, 130, ret_most)) &&
           (least[0] != '\0' || dash[1] != '\0') && (*ret_most < 0 || *ret_least <= *ret_most);
}

static bool add_service(const struct cell_reading *reading, const char *text)
{
    static const char EXPECTED[] = "service or service:least-most (ages), separated by blanks";
    char path[64], service[48];
    int64_t least = -1, most = -1;
    const char *colon = strchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : strlen(text);
    size_t index = record_count(reading->record, "services");
    if (length == 0 || !text_copy_bytes(service, sizeof service, text, length) ||
        strspn(service, "abcdefghijklmnopqrstuvwxyz0123456789-") != length ||
        (colon && !parse_ages(colon + 1, &least, &most)) || index >= PROVIDER_SERVICES_MAX) {
        return cell_is_bad(reading, COLUMN_SERVICES, EXPECTED);
    }
    (void)record_add(reading->record, "services");
    text_format(path, sizeof path, "services.%zu.service", index);
    (void)record_set_text(reading->record, path, service);
    text_format(path, sizeof path, "services.%zu.accepting", index);
    (void)record_set_boolean(reading->record, path, true);
    text_format(path, sizeof path, "services.%zu.age_least", index);
    if (least >= 0) {
        (void)record_set_whole(reading->record, path, least);
    }
    text_format(path, sizeof path, "services.%zu.age_most", index);
    if (most >= 0) {
        (void)record_set_whole(reading->record, path, most);
    }
    return true;
}

// Hands on each word of a cell that is separated by blanks.
static bool each_word(const struct cell_reading *reading, enum provider_column column,
                      bool (*take)(const struct cell_reading *reading, const char *word))
{
    const char *at = cell_value(reading, column);
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        char word[96];
        size_t length = strcspn(at, " ");
        if (!text_copy_bytes(word, sizeof word, at, length)) {
            return cell_is_bad(reading, column, "shorter names");
        }
        if (!take(reading, word)) {
            return false;
        }
        at += length;
    }
    return true;
}

// The same for what is separated by semicolons.
static bool each_of_list(const struct cell_reading *reading, enum provider_column column,
                         const char *expected,
                         bool (*take)(const struct cell_reading *reading, const char *item))
{
    const char *at = cell_value(reading, column);
    for (at += strspn(at, " ;"); *at != '\0'; at += strspn(at, " ;")) {
        char item[32];
        size_t length = strcspn(at, ";");
        size_t width = length;
        while (width > 0 && at[width - 1] == ' ') {
            width--;
        }
        if (!text_copy_bytes(item, sizeof item, at, width)) {
            return cell_is_bad(reading, column, expected);
        }
        if (!take(reading, item)) {
            return false;
        }
        at += length;
    }
    return true;
}

bool cells_set_services(const struct cell_reading *reading)
{
    return each_word(reading, COLUMN_SERVICES, add_service);
}

static bool parse_weekday(const char *text, size_t length, size_t *ret_weekday)
{
    for (size_t weekday = 0; weekday < WEEKDAYS_COUNT; weekday++) {
        if (length == 3 && strncmp(WEEKDAYS[weekday], text, 3) == 0) {
            *ret_weekday = weekday;
            return true;
        }
    }
    return false;
}

// "mon-fri", "sat", "hol" (bank holidays).
static bool parse_days(const char *text, size_t *ret_first, size_t *ret_last)
{
    size_t length = strcspn(text, "-");
    if (!parse_weekday(text, length, ret_first)) {
        return false;
    }
    *ret_last = *ret_first;
    return text[length] == '\0' ||
           (parse_weekday(text + length + 1, strlen(text + length + 1), ret_last) &&
            *ret_first <= *ret_last);
}

static bool parse_minute(const char *text, int64_t *ret_minute)
{
    char hours[3], minutes[3];
    int64_t hour, minute;
    if (strlen(text) != 5 || text[2] != ':' || !text_copy_bytes(hours, sizeof hours, text, 2) ||
        !text_copy_bytes(minutes, sizeof minutes, text + 3, 2) ||
        !text_whole_number(hours, 0, 24, &hour) || !text_whole_number(minutes, 0, 59, &minute)) {
        return false;
    }
    *ret_minute = hour * 60 + minute;
    return *ret_minute <= 1440;
}

// "09:00-17:30"
static bool parse_times(const char *times, int64_t *ret_opens, int64_t *ret_closes)
{
    char opens_text[6];
    return strlen(times) == 11 && times[5] == '-' &&
           text_copy_bytes(opens_text, sizeof opens_text, times, 5) &&
           parse_minute(opens_text, ret_opens) && parse_minute(times + 6, ret_closes) &&
           *ret_opens < *ret_closes;
}

static bool add_sessions(const struct cell_reading *reading, const char *text)
{
    static const char EXPECTED[] = "sessions such as \"mon-fri 09:00-17:30; sat 09:00-13:00; hol "
                                   "closed\" (days mon to sun and hol; a session ends the same "
                                   "day)";
    char days[8];
    size_t first, last;
    int64_t opens = 0, closes = 0;
    size_t blank = strcspn(text, " ");
    const char *times = text + blank + strspn(text + blank, " ");
    if (!text_copy_bytes(days, sizeof days, text, blank) || !parse_days(days, &first, &last) ||
        !(parse_times(times, &opens, &closes) ||
          (first == WEEKDAY_HOLIDAY && text_equal(times, "closed")))) {
        return cell_is_bad(reading, COLUMN_HOURS, EXPECTED);
    }
    for (size_t weekday = first; weekday <= last; weekday++) {
        char path[40];
        size_t index = record_count(reading->record, "hours");
        (void)record_add(reading->record, "hours");
        text_format(path, sizeof path, "hours.%zu.weekday", index);
        (void)record_set_whole(reading->record, path, (int64_t)weekday);
        text_format(path, sizeof path, "hours.%zu.opens", index);
        (void)record_set_whole(reading->record, path, opens);
        text_format(path, sizeof path, "hours.%zu.closes", index);
        (void)record_set_whole(reading->record, path, closes);
    }
    return true;
}

// "hol closed" alone would mean that it never opens; without hours it is always open.
bool cells_set_hours(const struct cell_reading *reading)
{
    if (!each_of_list(reading, COLUMN_HOURS, "one session between semicolons", add_sessions)) {
        return false;
    }
    bool opens = record_count(reading->record, "hours") == 0;
    for (size_t index = 0; !opens && index < record_count(reading->record, "hours"); index++) {
        char path[40];
        text_format(path, sizeof path, "hours.%zu.closes", index);
        opens = record_whole_or(reading->record, path, 0) > 0;
    }
    return opens || cell_is_bad(reading, COLUMN_HOURS, "the week's sessions beside \"hol closed\"");
}

// "2026-12-25 closed", "2026-12-24 09:00-13:00".
static bool add_special_day(const struct cell_reading *reading, const char *text)
{
    static const char EXPECTED[] = "days such as \"2026-12-24 09:00-13:00; 2026-12-25 closed\"";
    char date_text[DATE_TEXT_SIZE], path[40];
    struct date date;
    int64_t opens = 0, closes = 0;
    size_t blank = strcspn(text, " ");
    const char *times = text + blank + strspn(text + blank, " ");
    bool closed = text_equal(times, "closed");
    if (!text_copy_bytes(date_text, sizeof date_text, text, blank) ||
        !date_parse(date_text, &date) || !(closed || parse_times(times, &opens, &closes))) {
        return cell_is_bad(reading, COLUMN_SPECIAL_DAYS, EXPECTED);
    }
    size_t index = record_count(reading->record, "special_days");
    (void)record_add(reading->record, "special_days");
    text_format(path, sizeof path, "special_days.%zu.date", index);
    (void)record_set_text(reading->record, path, date_text);
    text_format(path, sizeof path, "special_days.%zu.opens", index);
    (void)record_set_whole(reading->record, path, opens);
    text_format(path, sizeof path, "special_days.%zu.closes", index);
    (void)record_set_whole(reading->record, path, closes);
    return true;
}

bool cells_set_special_days(const struct cell_reading *reading)
{
    return each_of_list(reading, COLUMN_SPECIAL_DAYS, "one day between semicolons",
                        add_special_day);
}

// "SERVICE:VALUE" for one of the record's services, or "VALUE" for all: index of the first, count
// and the value. False if it offers none of that name.
static bool find_services(const struct cell_reading *reading, const char *token, size_t *ret_first,
                          size_t *ret_count, const char **ret_value)
{
    const char *colon = strchr(token, ':');
    size_t count = record_count(reading->record, "services");
    *ret_first = 0;
    *ret_count = count;
    *ret_value = colon ? colon + 1 : token;
    if (!colon) {
        return count > 0;
    }
    for (size_t index = 0; index < count; index++) {
        char path[40];
        text_format(path, sizeof path, "services.%zu.service", index);
        const char *service = record_text(reading->record, path);
        size_t length = (size_t)(colon - token);
        if (service && strlen(service) == length && strncmp(service, token, length) == 0) {
            *ret_first = index;
            *ret_count = 1;
            return true;
        }
    }
    return false;
}

static bool set_accepting(const struct cell_reading *reading, const char *token)
{
    size_t first, count;
    const char *value;
    if (!find_services(reading, token, &first, &count, &value) ||
        (!text_equal(value, "true") && !text_equal(value, "false"))) {
        return cell_is_bad(reading, COLUMN_ACCEPTING,
                           "true, false, or SERVICE:true for a service that it offers");
    }
    for (size_t index = first; index < first + count; index++) {
        char path[40];
        text_format(path, sizeof path, "services.%zu.accepting", index);
        (void)record_set_boolean(reading->record, path, text_equal(value, "true"));
    }
    return true;
}

static bool set_capacity(const struct cell_reading *reading, const char *token)
{
    size_t first, count;
    const char *value;
    int64_t number = 0;
    if (!find_services(reading, token, &first, &count, &value) ||
        !text_whole_number(value, 0, 100000, &number)) {
        return cell_is_bad(reading, COLUMN_CAPACITY,
                           "a number a day up to 100000, or SERVICE:NUMBER for a service that it "
                           "offers");
    }
    for (size_t index = first; index < first + count; index++) {
        char path[48];
        text_format(path, sizeof path, "services.%zu.capacity_per_day", index);
        (void)record_set_whole(reading->record, path, number);
    }
    return true;
}

bool cells_set_accepting(const struct cell_reading *reading)
{
    return each_word(reading, COLUMN_ACCEPTING, set_accepting);
}

// A figure counts for 24 hours from when it was true: without a time it would count for nothing.
bool cells_set_capacity(const struct cell_reading *reading)
{
    const char *updated = cell_value(reading, COLUMN_CAPACITY_UPDATED_AT);
    int64_t updated_at_ms = 0;
    if (updated[0] != '\0') {
        if (!instant_parse(updated, &updated_at_ms)) {
            return cell_is_bad(reading, COLUMN_CAPACITY_UPDATED_AT,
                               "an instant such as 2026-11-26T09:30:00Z");
        }
        (void)record_set_whole(reading->record, "capacity_updated_at", updated_at_ms);
    } else if (cell_value(reading, COLUMN_CAPACITY)[0] != '\0') {
        return cell_is_bad(reading, COLUMN_CAPACITY_UPDATED_AT,
                           "the instant at which the capacity was true; it counts for 24 hours");
    }
    return each_word(reading, COLUMN_CAPACITY, set_capacity);
}
