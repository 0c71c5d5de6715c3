// SPDX-License-Identifier: Apache-2.0
// The directory's file of 2.6 million rows has 1.3 GB: it is read a line at a time. A quoted line
// end does not occur in any of these files, so a line is a row.
#include "location_file.h"

#include "progress.h"

#include "base/map.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_SIZE 8192
#define DISTRICTS_MAX 5000
#define PATH_SIZE 512

struct sums {
    int64_t easting, northing, count;
};

bool location_load_init(struct location_load *load)
{
    *load = (struct location_load){.format = LOCATION_UNKNOWN};
    load->table = places_new();
    load->districts = map_new(DISTRICTS_MAX);
    return load->table && load->districts;
}

void location_load_clear(struct location_load *load)
{
    places_free(load->table);
    if (load->districts) {
        map_free(load->districts, free);
    }
    load->table = NULL;
    load->districts = NULL;
}

static void add_finding(struct location_load *load, const struct reason *finding)
{
    if (load->findings_listed < LOCATION_FINDINGS_MAX) {
        load->findings[load->findings_listed++] = *finding;
    }
    load->findings_total++;
}

static bool add_to_district(struct location_load *load, const struct location *location)
{
    char district[5];
    if (!postcode_district(location->postcode, district)) {
        return true;
    }
    struct sums *sums = map_get(load->districts, district, strlen(district));
    if (!sums) {
        sums = calloc(1, sizeof *sums);
        if (!sums || !map_set(load->districts, district, strlen(district), sums, NULL)) {
            free(sums);
            return false;
        }
    }
    sums->easting += location->easting;
    sums->northing += location->northing;
    sums->count++;
    return true;
}

static enum verdict add_row(struct location_load *load, const struct location *location,
                            const struct csv_row *row, const struct places *known,
                            struct reason *reason)
{
    struct reason finding = {0};
    int32_t easting, northing;
    if (location->code[0] == '\0') {
        load->taken++;
        if (!add_to_district(load, location)) {
            reason_set(reason, "too-many", NULL, "at most %d districts", DISTRICTS_MAX);
            return REFUSED;
        }
        return places_add(load->table, location->postcode, location->easting, location->northing,
                          reason);
    }
    if (!places_find(known, location->postcode, &easting, &northing)) {
        reason_set(&finding, "unknown-place", NULL,
                   "line %zu: %s: no table says where %s is; load the postcodes first", row->line,
                   location->code, location->postcode);
        add_finding(load, &finding);
        return DONE;
    }
    load->taken++;
    return places_add(load->table, location->code, easting, northing, reason);
}

static enum verdict take_row(struct location_load *load, const struct location_columns *columns,
                             const struct csv_row *row, const struct places *known,
                             struct reason *reason)
{
    struct location location;
    struct reason finding = {0};
    load->rows++;
    enum location_kind kind = location_read(columns, row, &location, &finding);
    if (finding.code[0]) {
        add_finding(load, &finding);
    }
    switch (kind) {
    case LOCATION_ROW:
        return add_row(load, &location, row, known, reason);
    case LOCATION_HEADER:
        load->rows--;
        break;
    case LOCATION_NOWHERE:
        load->nowhere++;
        break;
    case LOCATION_OLD:
        load->old++;
        break;
    case LOCATION_OTHER:
        load->others++;
        break;
    case LOCATION_BAD:
        break;
    }
    return DONE;
}

static enum verdict choose_format(struct location_load *load, const struct csv_row *first,
                                  struct location_columns *columns, struct reason *reason)
{
    location_columns_read(first, columns);
    if (columns->format == LOCATION_UNKNOWN ||
        (load->format != LOCATION_UNKNOWN && load->format != columns->format)) {
        reason_set(
            reason, "unknown-format", NULL,
            "expected OS Code-Point Open, the ONS Postcode Directory or epraccur, and one of "
            "them only");
        return REFUSED;
    }
    load->format = columns->format;
    return DONE;
}

static enum verdict read_lines(struct location_load *load, FILE *file, size_t size,
                               const struct places *known, struct reason *reason)
{
    char line[LINE_SIZE];
    struct progress progress;
    struct location_columns columns = {.format = LOCATION_UNKNOWN};
    enum verdict verdict = DONE;
    size_t done = 0;
    progress_start(&progress, "places read");
    for (size_t number = 1; verdict == DONE && fgets(line, sizeof line, file); number++) {
        struct csv csv;
        struct csv_row row;
        struct reason finding = {0};
        size_t length = strlen(line);
        done += length;
        csv_init(&csv, line, length);
        csv.line = number;
        enum verdict read = csv_next(&csv, &row, &finding);
        if (read == TRY_AGAIN) {
            continue; // an empty line
        }
        if (read != DONE) {
            add_finding(load, &finding);
            continue;
        }
        if (columns.format == LOCATION_UNKNOWN) {
            verdict = choose_format(load, &row, &columns, reason);
        }
        if (verdict == DONE) {
            verdict = take_row(load, &columns, &row, known, reason);
        }
        progress_show(&progress, done, size);
    }
    progress_end(&progress);
    return verdict;
}

enum verdict location_load_file(struct location_load *load, const char *path,
                                const struct places *known, struct reason *reason)
{
    struct stat facts;
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &facts) != 0) {
        reason_set(reason, "unreadable-file", path, "%s", strerror(errno));
        if (file) {
            fclose(file);
        }
        return REFUSED;
    }
    enum verdict verdict = read_lines(load, file, (size_t)facts.st_size, known, reason);
    if (verdict == DONE && ferror(file)) {
        reason_set(reason, "unreadable-file", path, "%s", strerror(errno));
        verdict = REFUSED;
    }
    fclose(file);
    if (verdict == REFUSED && !reason->pointer[0]) {
        text_copy(reason->pointer, sizeof reason->pointer, path);
    }
    return verdict;
}

enum verdict location_load_settle(struct location_load *load, struct reason *reason)
{
    const void *key;
    size_t length;
    void *value;
    for (size_t cursor = 0; map_next(load->districts, &cursor, &key, &length, &value);) {
        const struct sums *sums = value;
        char district[5];
        text_copy_bytes(district, sizeof district, key, length);
        enum verdict verdict = places_add(load->table, district, sums->easting / sums->count,
                                          sums->northing / sums->count, reason);
        if (verdict != DONE) {
            return verdict;
        }
        load->districts_count++;
    }
    load->repeated = places_settle(load->table);
    return DONE;
}

static bool write_rows(const struct location_load *load, FILE *file)
{
    char code[PLACE_CODE_SIZE];
    int32_t easting, northing;
    bool done = fputs("# Written by referralctl locations load; OSGB36 metres.\n"
                      "code,easting,northing\n",
                      file) >= 0;
    for (size_t cursor = 0; done && places_next(load->table, &cursor, code, &easting, &northing);) {
        done = fprintf(file, "%s,%d,%d\n", code, (int)easting, (int)northing) > 0;
    }
    return done && fflush(file) == 0 && fsync(fileno(file)) == 0;
}

enum verdict location_load_write(const struct location_load *load, const char *path,
                                 struct reason *reason)
{
    char draft[PATH_SIZE];
    if (!text_format(draft, sizeof draft, "%s.new", path)) {
        reason_set(reason, "too-long", path, "the path of the table");
        return REFUSED;
    }
    FILE *file = fopen(draft, "we");
    bool done = file && write_rows(load, file);
    if (file && fclose(file) != 0) {
        done = false;
    }
    if (!done || rename(draft, path) != 0) {
        reason_set(reason, "unwritable-file", path, "%s", strerror(errno));
        (void)unlink(draft);
        return REFUSED;
    }
    return DONE;
}
