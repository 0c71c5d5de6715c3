// SPDX-License-Identifier: Apache-2.0
#include "provider_cells.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
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
    [COLUMN_SPECIAL_DAYS] = "special_days",
    [COLUMN_ACCEPTING] = "accepting",
    [COLUMN_CAPACITY] = "capacity",
    [COLUMN_CAPACITY_UPDATED_AT] = "capacity_updated_at",
    [COLUMN_ENDPOINT_URL] = "endpoint_url",
    [COLUMN_FORMAT] = "format",
    [COLUMN_SECRET] = "secret",
    [COLUMN_CERTIFICATE] = "certificate",
    [COLUMN_DOS_SERVICE_ID] = "dos_service_id",
};
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

static void name_columns(struct reason *reason, size_t first)
{
    for (size_t column = first; column < COLUMNS; column++) {
        const size_t used = strlen(reason->detail);
        text_format(reason->detail + used, sizeof reason->detail - used, "%s%s",
                    column > first ? ", " : " ", NAMES[column]);
    }
}

static bool is_said_before(const struct csv_row *header, size_t place)
{
    for (size_t before = 0; before < place; before++) {
        if (text_equal(header->fields[before], header->fields[place])) {
            return true;
        }
    }
    return false;
}

bool provider_fields_known(const struct csv_row *header, size_t first, struct reason *reason)
{
    for (size_t place = first; place < header->count; place++) {
        const char *field = header->fields[place];
        const size_t column = column_of(field);
        if (column == COLUMNS || column == COLUMN_ODS_CODE) {
            reason_set(reason, "unknown-field", NULL,
                       column == COLUMNS ? "there is no field \"%.40s\"; expected"
                                         : "\"%.40s\" cannot be set; expected",
                       field);
            name_columns(reason, COLUMN_ODS_CODE + 1);
            return false;
        }
        if (is_said_before(header, place)) {
            reason_set(reason, "unknown-field", NULL, "the field \"%.40s\" is there twice", field);
            return false;
        }
    }
    return true;
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
                       "line %zu: column %zu, \"%.40s\", is not known, or there twice; expected",
                       header->line, place + 1, header->fields[place]);
            name_columns(reason, 0);
            return REFUSED;
        }
        columns.place[column] = place;
    }
    if (columns.place[COLUMN_ODS_CODE] == CSV_FIELDS_MAX) {
        reason_set(reason, "missing-column", NULL, "line %zu: the column ods_code is missing",
                   header->line);
        return REFUSED;
    }
    columns.adds = columns.place[COLUMN_NAME] == CSV_FIELDS_MAX ||
                   columns.place[COLUMN_KIND] == CSV_FIELDS_MAX;
    *ret_columns = columns;
    return DONE;
}

const char *cell_value(const struct cell_reading *reading, enum provider_column column)
{
    size_t place = reading->columns->place[column];
    return place < reading->row->count ? reading->row->fields[place] : "";
}

bool cell_is_bad(const struct cell_reading *reading, enum provider_column column,
                 const char *expected)
{
    reason_set(reading->finding, "bad-value", NULL, "line %zu, %s: expected %s", reading->row->line,
               NAMES[column], expected);
    return false;
}

static bool set_texts(const struct cell_reading *reading)
{
    static const struct {
        enum provider_column column;
        const char *path;
    } TEXTS[] = {
        {COLUMN_ODS_CODE, "ods_code"}, {COLUMN_NAME, "name"}, {COLUMN_KIND, "kind"},
        {COLUMN_HCP, "hcp"},           {COLUMN_PCN, "pcn"},   {COLUMN_POSTCODE, "postcode"},
    };
    for (size_t index = 0; index < sizeof TEXTS / sizeof *TEXTS; index++) {
        const char *value = cell_value(reading, TEXTS[index].column);
        if (!text_is_utf8(value, strlen(value))) {
            return cell_is_bad(reading, TEXTS[index].column, "UTF-8");
        }
        if (value[0] == '\0' && TEXTS[index].column <= COLUMN_KIND &&
            (!reading->columns->adds || TEXTS[index].column == COLUMN_ODS_CODE)) {
            return cell_is_bad(reading, TEXTS[index].column, "a value");
        }
        if (value[0] != '\0') {
            (void)record_set_text(reading->record, TEXTS[index].path, value);
        }
    }
    return true;
}

static bool set_place(const struct cell_reading *reading, const struct places *places)
{
    const char *easting_text = cell_value(reading, COLUMN_EASTING);
    const char *northing_text = cell_value(reading, COLUMN_NORTHING);
    const char *postcode = cell_value(reading, COLUMN_POSTCODE);
    char parsed[POSTCODE_SIZE], district[5];
    int64_t easting, northing;
    int32_t found_easting, found_northing;
    if (postcode[0] != '\0' && !postcode_parse(postcode, parsed) &&
        !postcode_district(postcode, district)) {
        return cell_is_bad(reading, COLUMN_POSTCODE, "a postcode or a district");
    }
    if (easting_text[0] != '\0' || northing_text[0] != '\0') {
        if (!text_whole_number(easting_text, 0, 700000, &easting)) {
            return cell_is_bad(reading, COLUMN_EASTING, "metres from 0 to 700000, with a northing");
        }
        if (!text_whole_number(northing_text, 0, 1300000, &northing)) {
            return cell_is_bad(reading, COLUMN_NORTHING,
                               "metres from 0 to 1300000, with an easting");
        }
        (void)record_set_boolean(reading->record, "placed_by_postcode", false);
    } else if (places && postcode[0] != '\0' && !record_has(reading->record, "easting") &&
               places_find(places, postcode, &found_easting, &found_northing)) {
        easting = found_easting;
        northing = found_northing;
        (void)record_set_boolean(reading->record, "placed_by_postcode", true);
    } else {
        return true;
    }
    (void)record_set_whole(reading->record, "easting", easting);
    (void)record_set_whole(reading->record, "northing", northing);
    return true;
}

static bool set_boolean(const struct cell_reading *reading, enum provider_column column)
{
    const char *value = cell_value(reading, column);
    bool truth = text_equal(value, "true");
    if (value[0] == '\0') {
        return true;
    }
    if (!truth && !text_equal(value, "false")) {
        return cell_is_bad(reading, column, "true, false or nothing");
    }
    (void)record_set_boolean(reading->record, NAMES[column], truth);
    return true;
}

static bool is_url(const char *text)
{
    const size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                          : strncmp(text, "http://", 7) == 0 ? 7
                                                             : 0;
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return scheme > 0 && text[scheme] && !strchr("/?#:", text[scheme]);
}

// A part alone, such as a secret, belongs to the endpoint that is known already.
static bool set_endpoint(const struct cell_reading *reading)
{
    static const struct {
        enum provider_column column;
        const char *path;
    } PARTS[] = {{COLUMN_FORMAT, "endpoint.format"},
                 {COLUMN_SECRET, "endpoint.secret"},
                 {COLUMN_CERTIFICATE, "endpoint.certificate"}};
    const char *url = cell_value(reading, COLUMN_ENDPOINT_URL);
    const char *service_id = cell_value(reading, COLUMN_DOS_SERVICE_ID);
    struct record *record = reading->record;
    int64_t number = 0;
    if (url[0] && !is_url(url)) {
        return cell_is_bad(reading, COLUMN_ENDPOINT_URL,
                           "a URL with https:// (or http:// in tests) and a host, all of it ASCII "
                           "without blanks");
    }
    if (url[0]) {
        bool fresh = !record_has(record, "endpoint");
        (void)record_set_text(record, "endpoint.url", url);
        if (fresh) {
            (void)record_set_text(record, "endpoint.format", "json");
        }
    }
    if (!record_has(record, "endpoint")) {
        return true; // what is said of none is left out
    }
    for (size_t index = 0; index < sizeof PARTS / sizeof *PARTS; index++) {
        const char *value = cell_value(reading, PARTS[index].column);
        if (value[0] && PARTS[index].column != COLUMN_FORMAT && !file_name_valid(value)) {
            return cell_is_bad(reading, PARTS[index].column,
                               "the name of a file in the dispatcher's folder: letters, digits, "
                               "'.', '_' and '-', no '.' first");
        }
        if (value[0]) {
            (void)record_set_text(record, PARTS[index].path, value);
        }
    }
    bool bad_id = service_id[0] && !text_whole_number(service_id, 1, DOS_SERVICE_ID_MAX, &number);
    if (number > 0) {
        (void)record_set_whole(record, "endpoint.dos_service_id", number);
    }
    if (bad_id || (text_equal(record_text(record, "endpoint.format"), "bars") &&
                   !record_has(record, "endpoint.dos_service_id"))) {
        return cell_is_bad(reading, COLUMN_DOS_SERVICE_ID,
                           "a number of at most ten digits; a bars endpoint needs it");
    }
    return true;
}

enum verdict provider_row_read(const struct provider_columns *columns, const struct csv_row *row,
                               const struct places *places, struct record *record,
                               struct reason *finding)
{
    const struct cell_reading reading = {columns, row, record, finding};
    struct reason inner = {0};
    if (row->count != columns->count) {
        reason_set(finding, "bad-columns", NULL, "line %zu has %zu columns, the header has %zu",
                   row->line, row->count, columns->count);
        return REFUSED;
    }
    if (!set_texts(&reading) || !set_place(&reading, places) || !cells_set_services(&reading) ||
        !set_boolean(&reading, COLUMN_DISTANCE_SELLING) || !set_boolean(&reading, COLUMN_PAUSED) ||
        !cells_set_hours(&reading) || !cells_set_special_days(&reading) ||
        !cells_set_accepting(&reading) || !cells_set_capacity(&reading) ||
        !set_endpoint(&reading)) {
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

static bool is_blank(const struct provider_columns *columns, const struct csv_row *row,
                     enum provider_column column)
{
    size_t place = columns->place[column];
    return place < row->count && row->fields[place][0] == '\0';
}

static bool says(const struct provider_columns *columns, const struct csv_row *row,
                 enum provider_column column, bool blank_clears)
{
    size_t place = columns->place[column];
    return place < row->count && (blank_clears || row->fields[place][0] != '\0');
}

static void empty_blank(struct provider *provider, const struct provider_columns *columns,
                        const struct csv_row *row)
{
    const struct {
        enum provider_column column;
        char *text;
    } TEXTS[] = {{COLUMN_HCP, provider->hcp},
                 {COLUMN_PCN, provider->pcn},
                 {COLUMN_POSTCODE, provider->postcode}};
    for (size_t index = 0; index < sizeof TEXTS / sizeof *TEXTS; index++) {
        if (is_blank(columns, row, TEXTS[index].column)) {
            TEXTS[index].text[0] = '\0';
        }
    }
    if (is_blank(columns, row, COLUMN_EASTING)) {
        provider->has_place = provider->placed_by_postcode = false;
    }
    if (is_blank(columns, row, COLUMN_DISTANCE_SELLING)) {
        provider->distance_selling = false;
    }
    if (is_blank(columns, row, COLUMN_PAUSED)) {
        provider->paused = false;
    }
    if (is_blank(columns, row, COLUMN_ENDPOINT_URL)) {
        free(provider->url);
        provider->url = NULL;
    }
    if (is_blank(columns, row, COLUMN_FORMAT)) {
        text_copy(provider->format, sizeof provider->format, "json");
    }
    if (is_blank(columns, row, COLUMN_SECRET)) {
        free(provider->secret);
        provider->secret = NULL;
    }
    if (is_blank(columns, row, COLUMN_CERTIFICATE)) {
        free(provider->certificate);
        provider->certificate = NULL;
    }
    if (is_blank(columns, row, COLUMN_DOS_SERVICE_ID)) {
        provider->dos_service_id = 0;
    }
    if (is_blank(columns, row, COLUMN_CAPACITY)) {
        provider->capacity_updated_at_ms = 0;
        for (size_t index = 0; index < provider->services_count; index++) {
            provider->services[index].capacity_per_day = -1;
        }
    }
}

// Lists are added to by reading, so those that the row names are emptied first.
static void empty_named(struct provider *provider, const struct provider_columns *columns,
                        const struct csv_row *row, const struct places *places, bool blank_clears)
{
    if (says(columns, row, COLUMN_SERVICES, blank_clears)) {
        provider->services_count = 0;
    }
    if (says(columns, row, COLUMN_HOURS, blank_clears)) {
        provider->hours_count = 0;
    }
    if (says(columns, row, COLUMN_SPECIAL_DAYS, blank_clears)) {
        provider->special_days_count = 0;
    }
    if (says(columns, row, COLUMN_POSTCODE, false)) {
        const char *postcode = row->fields[columns->place[COLUMN_POSTCODE]];
        int32_t easting, northing;
        if (!text_equal(postcode, provider->postcode) ||
            (provider->placed_by_postcode && places &&
             places_find(places, postcode, &easting, &northing))) {
            provider->has_place = provider->placed_by_postcode = false; // found anew
        }
    }
    if (says(columns, row, COLUMN_PAUSED, blank_clears)) {
        provider->paused_as_closed = false;
    }
    if (blank_clears) {
        empty_blank(provider, columns, row);
    }
}

enum verdict provider_row_add(const struct provider_columns *columns, const struct csv_row *row,
                              const struct places *places, const struct provider *existing,
                              bool blank_clears, struct record *record, struct reason *finding)
{
    struct provider *base = provider_copy(existing);
    if (!base) {
        reason_set(finding, "no-memory", NULL, "line %zu: memory ran out", row->line);
        return BROKEN;
    }
    empty_named(base, columns, row, places, blank_clears);
    bool done = provider_to_record(base, record);
    provider_free(base);
    if (!done) {
        reason_set(finding, "no-memory", NULL, "line %zu: memory ran out", row->line);
        return BROKEN;
    }
    return provider_row_read(columns, row, places, record, finding);
}
