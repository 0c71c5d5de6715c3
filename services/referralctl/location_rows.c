// SPDX-License-Identifier: Apache-2.0
// What has no grid reference says so by a quality of 90 (Code-Point) or 9 (ONSPD) and by zeros;
// Northern Ireland's are on the Irish grid and would land in the sea off Scotland.
#include "location_rows.h"

#include "ods.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define CODE_POINT_COLUMNS_LEAST 4
#define ODS_CODE_COLUMN 0
#define ODS_POSTCODE_COLUMN 9
#define EASTING_MOST 699999
#define NORTHING_MOST 1299999

// A column's names over the years, newest first.
static const char *const POSTCODE_NAMES[] = {"pcds", "pcd8", "pcd7", "pcd2", "pcd", NULL};
static const char *const EASTING_NAMES[] = {"east1m", "oseast1m", NULL};
static const char *const NORTHING_NAMES[] = {"north1m", "osnrth1m", NULL};
static const char *const TERMINATED_NAMES[] = {"doterm", NULL};
static const char *const QUALITY_NAMES[] = {"gridind", "osgrdind", NULL};

static size_t column_named(const struct csv_row *header, const char *const *names)
{
    for (; *names; names++) {
        for (size_t place = 0; place < header->count; place++) {
            if (strcasecmp(header->fields[place], *names) == 0) {
                return place;
            }
        }
    }
    return CSV_FIELDS_MAX;
}

static bool is_code_point(const struct csv_row *row)
{
    char postcode[POSTCODE_SIZE];
    return row->count >= CODE_POINT_COLUMNS_LEAST &&
           (postcode_parse(row->fields[0], postcode) || strcmp(row->fields[0], "PC") == 0 ||
            strcasecmp(row->fields[0], "Postcode") == 0);
}

void location_columns_read(const struct csv_row *first, struct location_columns *ret_columns)
{
    struct location_columns columns = {
        .format = LOCATION_UNKNOWN,
        .postcode = column_named(first, POSTCODE_NAMES),
        .easting = column_named(first, EASTING_NAMES),
        .northing = column_named(first, NORTHING_NAMES),
        .terminated = column_named(first, TERMINATED_NAMES),
        .quality = column_named(first, QUALITY_NAMES),
        .country = CSV_FIELDS_MAX,
    };
    for (size_t place = 0; place < first->count; place++) { // ctry, ctry25cd
        if (strncasecmp(first->fields[place], "ctry", 4) == 0) {
            columns.country = place;
        }
    }
    if (ods_looks_like(first)) {
        columns.format = LOCATION_PRACTICES;
    } else if (columns.postcode < CSV_FIELDS_MAX && columns.easting < CSV_FIELDS_MAX &&
               columns.northing < CSV_FIELDS_MAX) {
        columns.format = LOCATION_ONSPD;
    } else if (is_code_point(first)) {
        columns = (struct location_columns){.format = LOCATION_CODE_POINT,
                                            .postcode = 0,
                                            .quality = 1,
                                            .easting = 2,
                                            .northing = 3,
                                            .country = 4,
                                            .terminated = CSV_FIELDS_MAX};
    }
    *ret_columns = columns;
}

static const char *field(const struct csv_row *row, size_t place)
{
    return place < row->count ? row->fields[place] : "";
}

static bool is_header(const struct location_columns *columns, const struct csv_row *row)
{
    const char *first = field(row, columns->postcode);
    return strcmp(first, "PC") == 0 || strcasecmp(first, "Postcode") == 0 ||
           strncasecmp(first, "pcd", 3) == 0;
}

static bool is_nowhere(const struct location_columns *columns, const struct csv_row *row)
{
    const char *quality = field(row, columns->quality);
    const char *lost = columns->format == LOCATION_CODE_POINT ? "90" : "9";
    const char *easting = field(row, columns->easting);
    return strcmp(quality, lost) == 0 || field(row, columns->country)[0] == 'N' ||
           strncasecmp(field(row, columns->postcode), "BT", 2) == 0 || easting[0] == '\0' ||
           strcmp(easting, "0") == 0;
}

static enum location_kind read_practice(const struct csv_row *row, struct location *ret_location,
                                        struct reason *finding)
{
    struct location location = {.easting = 0};
    bool active = false;
    if (row->count != ODS_COLUMNS) {
        reason_set(finding, "bad-columns", NULL, "line %zu has %zu columns, expected %d", row->line,
                   row->count, ODS_COLUMNS);
        return LOCATION_BAD;
    }
    if (strcmp(row->fields[ODS_CODE_COLUMN], "organisation_code") == 0) {
        return LOCATION_HEADER;
    }
    if (!ods_is_practice(row)) {
        return LOCATION_OTHER;
    }
    if (!ods_active(row, &active)) {
        reason_set(finding, "bad-status", NULL, "line %zu: the status is \"%.20s\"", row->line,
                   row->fields[12]);
        return LOCATION_BAD;
    }
    if (!active) {
        return LOCATION_OLD;
    }
    text_copy(location.code, sizeof location.code, row->fields[ODS_CODE_COLUMN]);
    if (!postcode_parse(row->fields[ODS_POSTCODE_COLUMN], location.postcode)) {
        reason_set(finding, "bad-postcode", NULL, "line %zu: %s: \"%.16s\" is no postcode",
                   row->line, location.code, row->fields[ODS_POSTCODE_COLUMN]);
        return LOCATION_BAD;
    }
    *ret_location = location;
    return LOCATION_ROW;
}

enum location_kind location_read(const struct location_columns *columns, const struct csv_row *row,
                                 struct location *ret_location, struct reason *finding)
{
    struct location location = {.code = ""};
    if (columns->format == LOCATION_PRACTICES) {
        return read_practice(row, ret_location, finding);
    }
    if (is_header(columns, row)) {
        return LOCATION_HEADER;
    }
    if (!postcode_parse(field(row, columns->postcode), location.postcode)) {
        reason_set(finding, "bad-postcode", NULL, "line %zu: \"%.16s\" is no postcode", row->line,
                   field(row, columns->postcode));
        return LOCATION_BAD;
    }
    if (field(row, columns->terminated)[0] != '\0') {
        return LOCATION_OLD;
    }
    if (is_nowhere(columns, row)) {
        return LOCATION_NOWHERE;
    }
    if (!text_whole_number(field(row, columns->easting), 0, EASTING_MOST, &location.easting) ||
        !text_whole_number(field(row, columns->northing), 0, NORTHING_MOST, &location.northing)) {
        reason_set(finding, "bad-place", NULL,
                   "line %zu: %s: expected an easting up to %d and a northing up to %d", row->line,
                   location.postcode, EASTING_MOST, NORTHING_MOST);
        return LOCATION_BAD;
    }
    *ret_location = location;
    return LOCATION_ROW;
}
