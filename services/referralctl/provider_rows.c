// SPDX-License-Identifier: Apache-2.0
#include "provider_rows.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const NAMES[COLUMNS] = {
    [COLUMN_ODS_CODE] = "ods_code",
    [COLUMN_NAME] = "name",
    [COLUMN_KIND] = "kind",
    [COLUMN_HCP] = "hcp",
    [COLUMN_PCN] = "pcn",
    [COLUMN_POSTCODE] = "postcode",
    [COLUMN_EASTING] = "easting",
    [COLUMN_NORTHING] = "northing",
    [COLUMN_SERVICES] = "services",
    [COLUMN_DISTANCE_SELLING] = "distance_selling",
    [COLUMN_PAUSED] = "paused",
    [COLUMN_HOURS] = "hours",
    [COLUMN_ENDPOINT_URL] = "endpoint_url",
    [COLUMN_FORMAT] = "format",
    [COLUMN_SECRET] = "secret",
    [COLUMN_CERTIFICATE] = "certificate",
    [COLUMN_DOS_SERVICE_ID] = "dos_service_id",
};
static const char *const WEEKDAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", "hol"};
#define WEEKDAYS_COUNT 8
#define DOS_SERVICE_ID_MAX 9999999999

static size_t column_of(const char *name)
{
    for (size_t column = 0; column < COLUMNS; column++) {
        if (text_equal(NAMES[column], name)) {
            return column;
        }
    }
    return COLUMNS;
}

enum verdict provider_columns_read(const struct csv_row *header,
                                   struct provider_columns *ret_columns, struct reason *reason)
{
    struct provider_columns columns = {.count = header->count};
    for (size_t column = 0; column < COLUMNS; column++) {
        columns.place[column] = CSV_FIELDS_MAX;
    }
    for (size_t place = 0; place < header->count; place++) {
        size_t column = column_of(header->fields[place]);
        if (column == COLUMNS || columns.place[column] != CSV_FIELDS_MAX) {
            reason_set(reason, "unknown-column", NULL,
                       "line %zu: column %zu, \"%.40s\", is not known, or there twice",
                       header->line, place + 1, header->fields[place]);
            return REFUSED;
        }
        columns.place[column] = place;
    }
    for (size_t column = COLUMN_ODS_CODE; column <= COLUMN_KIND; column++) {
        if (columns.place[column] == CSV_FIELDS_MAX) {
            reason_set(reason, "missing-column", NULL, "line %zu: the column %s is missing",
                       header->line, NAMES[column]);
            return REFUSED;
        }
    }
    *ret_columns = columns;
    return DONE;
}

struct reading {
    const struct provider_columns *columns;
    const struct csv_row *row;
    struct record *record;
    struct reason *finding;
};

static const char *value_of(const struct reading *reading, enum provider_column column)
{
    size_t place = reading->columns->place[column];
    return place < reading->row->count ? reading->row->fields[place] : "";
}

static bool bad_value(const struct reading *reading, enum provider_column column,
                      const char *expected)
{
    reason_set(reading->finding, "bad-value", NULL, "line %zu, %s: expected %s", reading->row->line,
               NAMES[column], expected);
    return false;
}

static bool set_texts(const struct reading *reading)
{
    static const struct {
        enum provider_column column;
        const char *path;
    } TEXTS[] = {
        {COLUMN_ODS_CODE, "ods_code"}, {COLUMN_NAME, "name"}, {COLUMN_KIND, "kind"},
        {COLUMN_HCP, "hcp"},           {COLUMN_PCN, "pcn"},   {COLUMN_POSTCODE, "postcode"},
    };
    for (size_t index = 0; index < sizeof TEXTS / sizeof *TEXTS; index++) {
        const char *value = value_of(reading, TEXTS[index].column);
        if (!text_is_utf8(value, strlen(value))) {
            return bad_value(reading, TEXTS[index].column, "UTF-8");
        }
        if (value[0] == '\0' && TEXTS[index].column <= COLUMN_KIND) {
            return bad_value(reading, TEXTS[index].column, "a value");
        }
        (void)record_set_text(reading->record, TEXTS[index].path, value[0] ? value : NULL);
    }
    return true;
}

static bool set_place(const struct reading *reading, const struct places *places)
{
    const char *easting_text = value_of(reading, COLUMN_EASTING);
    const char *northing_text = value_of(reading, COLUMN_NORTHING);
    const char *postcode = value_of(reading, COLUMN_POSTCODE);
    char parsed[POSTCODE_SIZE], district[5];
    int64_t easting, northing;
    int32_t found_easting, found_northing;
    if (postcode[0] != '\0' && !postcode_parse(postcode, parsed) &&
        !postcode_district(postcode, district)) {
        return bad_value(reading, COLUMN_POSTCODE, "a postcode or a district");
    }
    if (easting_text[0] != '\0' || northing_text[0] != '\0') {
        if (!text_whole_number(easting_text, 0, 700000, &easting)) {
            return bad_value(reading, COLUMN_EASTING, "metres from 0 to 700000, with a northing");
        }
        if (!text_whole_number(northing_text, 0, 1300000, &northing)) {
            return bad_value(reading, COLUMN_NORTHING, "metres from 0 to 1300000, with an easting");
        }
    } else if (places && postcode[0] != '\0' &&
               places_find(places, postcode, &found_easting, &found_northing)) {
        easting = found_easting;
        northing = found_northing;
    } else {
        return true;
    }
    (void)record_set_whole(reading->record, "easting", easting);
    (void)record_set_whole(reading->record, "northing", northing);
    return true;
}

static bool set_boolean(const struct reading *reading, enum provider_column column)
{
    const char *value = value_of(reading, column);
    if (value[0] == '\0' || text_equal(value, "false")) {
        return true;
    }
    if (!text_equal(value, "true")) {
        return bad_value(reading, column, "true, false or nothing");
    }
    (void)record_set_boolean(reading->record, NAMES[column], true);
    return true;
}

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

static bool add_service(const struct reading *reading, const char *text)
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
        return bad_value(reading, COLUMN_SERVICES, EXPECTED);
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

static bool set_services(const struct reading *reading)
{
    const char *at = value_of(reading, COLUMN_SERVICES);
    for (at += strspn(at, " "); *at != '\0'; at += strspn(at, " ")) {
        char token[96];
        size_t length = strcspn(at, " ");
        if (!text_copy_bytes(token, sizeof token, at, length)) {
            return bad_value(reading, COLUMN_SERVICES, "shorter names");
        }
        if (!add_service(reading, token)) {
            return false;
        }
        at += length;
    }
    return true;
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

static bool add_sessions(const struct reading *reading, const char *text)
{
    static const char EXPECTED[] = "sessions such as \"mon-fri 09:00-17:30; sat 09:00-13:00\" "
                                   "(days mon to sun and hol; a session ends the same day)";
    char days[8], times[12], opens_text[6];
    size_t first, last;
    int64_t opens, closes;
    size_t blank = strcspn(text, " ");
    if (text[blank] == '\0' || !text_copy_bytes(days, sizeof days, text, blank) ||
        !text_copy(times, sizeof times, text + blank + strspn(text + blank, " ")) ||
        strlen(times) != 11 || times[5] != '-' ||
        !text_copy_bytes(opens_text, sizeof opens_text, times, 5) ||
        !parse_days(days, &first, &last) || !parse_minute(opens_text, &opens) ||
        !parse_minute(times + 6, &closes) || opens >= closes) {
        return bad_value(reading, COLUMN_HOURS, EXPECTED);
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

static bool set_hours(const struct reading *reading)
{
    const char *at = value_of(reading, COLUMN_HOURS);
    for (at += strspn(at, " ;"); *at != '\0'; at += strspn(at, " ;")) {
        char session[32];
        size_t length = strcspn(at, ";");
        size_t width = length;
        while (width > 0 && at[width - 1] == ' ') {
            width--;
        }
        if (!text_copy_bytes(session, sizeof session, at, width)) {
            return bad_value(reading, COLUMN_HOURS, "one session between semicolons");
        }
        if (!add_sessions(reading, session)) {
            return false;
        }
        at += length;
    }
    return true;
}

static bool set_endpoint(const struct reading *reading)
{
    const char *url = value_of(reading, COLUMN_ENDPOINT_URL);
    const char *format = value_of(reading, COLUMN_FORMAT);
    const char *secret = value_of(reading, COLUMN_SECRET);
    const char *certificate = value_of(reading, COLUMN_CERTIFICATE);
    const char *service_id = value_of(reading, COLUMN_DOS_SERVICE_ID);
    int64_t number = 0;
    if (url[0] == '\0') {
        return true;
    }
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) {
        return bad_value(reading, COLUMN_ENDPOINT_URL, "a URL with https:// (or http:// in tests)");
    }
    if ((service_id[0] || text_equal(format, "bars")) &&
        !text_whole_number(service_id, 1, DOS_SERVICE_ID_MAX, &number)) {
        return bad_value(reading, COLUMN_DOS_SERVICE_ID,
                         "a number of at most ten digits; a bars endpoint needs it");
    }
    (void)record_set_text(reading->record, "endpoint.url", url);
    (void)record_set_text(reading->record, "endpoint.format", format[0] ? format : "json");
    (void)record_set_text(reading->record, "endpoint.secret", secret[0] ? secret : NULL);
    (void)record_set_text(reading->record, "endpoint.certificate",
                          certificate[0] ? certificate : NULL);
    if (service_id[0]) {
        (void)record_set_whole(reading->record, "endpoint.dos_service_id", number);
    }
    return true;
}

enum verdict provider_row_read(const struct provider_columns *columns, const struct csv_row *row,
                               const struct places *places, struct record *record,
                               struct reason *finding)
{
    const struct reading reading = {columns, row, record, finding};
    struct reason inner = {0};
    if (row->count != columns->count) {
        reason_set(finding, "bad-columns", NULL, "line %zu has %zu columns, the header has %zu",
                   row->line, row->count, columns->count);
        return REFUSED;
    }
    if (!set_texts(&reading) || !set_place(&reading, places) || !set_services(&reading) ||
        !set_boolean(&reading, COLUMN_DISTANCE_SELLING) || !set_boolean(&reading, COLUMN_PAUSED) ||
        !set_hours(&reading) || !set_endpoint(&reading)) {
        return REFUSED;
    }
    if (record_failed(record)) {
        reason_set(finding, "bad-value", NULL, "line %zu does not fit the Provider schema",
                   row->line);
        return REFUSED;
    }
    if (record_check(record, &inner) != DONE) {
        reason_set(finding, inner.code, inner.pointer, "line %zu: %s", row->line, inner.detail);
        return REFUSED;
    }
    return DONE;
}
