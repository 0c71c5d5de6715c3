/* SPDX-License-Identifier: Apache-2.0 */
/* Where a postcode is. A sorted table of 16-byte rows for each file serves districts, whole
 * postcodes and practices alike: the keys can't be mistaken for each other, and the 1.7 million
 * rows of Code-Point Open take 27 MB. Files are read by line, and one that is sorted already, as
 * referralctl writes it, is not sorted again. */
#include "directory/places.h"

#include "base/text.h"
#include "ids/formats.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EASTING_MOST 699999
#define NORTHING_MOST 1299999
#define FILES_MAX 32
#define LINE_SIZE 256
#define PLACE_KEY_SIZE 8 /* not terminated when full */

struct place {
    char key[PLACE_KEY_SIZE];
    int32_t easting, northing;
};

struct table {
    struct place *rows;
    size_t count, capacity;
};

struct places {
    struct table tables[FILES_MAX]; /* a file each */
    size_t tables_count;
    size_t count; /* of all rows */
};

static int compare_places(const void *a, const void *b)
{
    return memcmp(((const struct place *)a)->key, ((const struct place *)b)->key, PLACE_KEY_SIZE);
}

/* A sector such as "TN2 3" would have the key of another district, TN23. */
static bool would_be_another(const char *text, size_t length, const char key[PLACE_KEY_SIZE])
{
    char copy[32], full[POSTCODE_SIZE], district[5];
    if (memchr(text, ' ', length) == NULL)
        return false;
    return !text_copy_bytes(copy, sizeof copy, text, length) ||
           (!postcode_parse(copy, full) && postcode_district(copy, district) &&
            strncmp(key, district, PLACE_KEY_SIZE) != 0);
}

/* Upper case without blanks. False if it is empty, a sector, too long or has other characters. */
static bool key_of(const char *text, size_t length, char key[PLACE_KEY_SIZE])
{
    memset(key, 0, PLACE_KEY_SIZE);
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == ' ')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (used == PLACE_KEY_SIZE || !((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
        key[used++] = c;
    }
    return used > 0 && !would_be_another(text, length, key);
}

static bool parse_metres(const char *text, size_t length, int64_t most, int32_t *ret_metres)
{
    char number[16];
    int64_t metres;
    if (!text_copy_bytes(number, sizeof number, text, length) ||
        !text_whole_number(number, 0, most, &metres))
        return false;
    *ret_metres = (int32_t)metres;
    return true;
}

static bool parse_row(const char *line, size_t length, struct place *ret_place)
{
    const char *first = memchr(line, ',', length);
    const char *second =
        first == NULL ? NULL : memchr(first + 1, ',', length - (size_t)(first + 1 - line));
    if (second == NULL)
        return false;
    return key_of(line, (size_t)(first - line), ret_place->key) &&
           parse_metres(first + 1, (size_t)(second - first - 1), EASTING_MOST,
                        &ret_place->easting) &&
           parse_metres(second + 1, length - (size_t)(second + 1 - line), NORTHING_MOST,
                        &ret_place->northing);
}

static bool add_place(struct places *places, const struct place *place, struct reason *reason)
{
    struct table *table = &places->tables[places->tables_count - 1];
    if (places->count == PLACES_MAX) {
        reason_set(reason, "too-many", NULL, "at most %d places", PLACES_MAX);
        return false;
    }
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
        struct place *rows = realloc(table->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            reason_set(reason, "no-memory", NULL, "memory ran out");
            return false;
        }
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *place;
    places->count++;
    return true;
}

static void sort(struct table *table)
{
    for (size_t i = 1; i < table->count; i++) {
        if (compare_places(&table->rows[i - 1], &table->rows[i]) > 0) {
            qsort(table->rows, table->count, sizeof *table->rows, compare_places);
            return;
        }
    }
}

/* One line, without its end. False at the end of the file; a line that is too long is cut, and is
 * then no place. */
static bool next_line(FILE *file, char line[LINE_SIZE])
{
    if (fgets(line, LINE_SIZE, file) == NULL)
        return false;
    size_t length = strlen(line);
    if (length == LINE_SIZE - 1 && line[length - 1] != '\n')
        for (int c = fgetc(file); c != EOF && c != '\n';)
            c = fgetc(file);
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool read_rows(struct places *places, FILE *file, const char *path, struct reason *reason)
{
    char line[LINE_SIZE];
    bool header = true;
    for (size_t number = 1; next_line(file, line); number++) {
        struct place place;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (header) {
            header = false;
            continue;
        }
        if (!parse_row(line, strlen(line), &place)) {
            reason_set(reason, "bad-place", path,
                       "line %zu: expected postcode or code, easting, northing", number);
            return false;
        }
        if (!add_place(places, &place, reason))
            return false;
    }
    if (ferror(file)) {
        reason_set(reason, "unreadable", path, "%s", strerror(errno));
        return false;
    }
    return true;
}

static bool load_file(struct places *places, const char *path, struct reason *reason)
{
    if (places->tables_count == FILES_MAX) {
        reason_set(reason, "too-many", path, "at most %d files of places", FILES_MAX);
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        reason_set(reason, "unreadable", path, "%s", strerror(errno));
        return false;
    }
    struct table *table = &places->tables[places->tables_count++];
    bool well = read_rows(places, file, path, reason);
    fclose(file);
    sort(table);
    for (size_t i = 1; well && i < table->count; i++) {
        const struct place *place = &table->rows[i];
        if (compare_places(place - 1, place) == 0) {
            reason_set(reason, "same-code", path, "%.*s stands there twice", PLACE_KEY_SIZE,
                       place->key);
            well = false;
        }
    }
    return well;
}

static bool load_folder(struct places *places, const char *folder, struct reason *reason)
{
    struct dirent **files = NULL;
    int count = scandir(folder, &files, NULL, alphasort);
    if (count < 0) {
        if (errno == ENOENT)
            return true;
        reason_set(reason, "unreadable", folder, "%s", strerror(errno));
        return false;
    }
    bool well = true;
    for (int i = 0; i < count; i++) {
        const char *name = files[i]->d_name;
        size_t length = strlen(name);
        char path[512];
        if (well && length > 4 && strcmp(name + length - 4, ".csv") == 0) {
            well = text_format(path, sizeof path, "%s/%s", folder, name);
            if (!well)
                reason_set(reason, "too-long", folder, "the path of a file");
            well = well && load_file(places, path, reason);
        }
        free(files[i]);
    }
    free(files);
    return well;
}

struct places *places_load(const char *schemas_dir, struct reason *reason)
{
    char folder[480];
    struct places *places = calloc(1, sizeof *places);
    if (places == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return NULL;
    }
    if (!text_format(folder, sizeof folder, "%s/places", schemas_dir)) {
        reason_set(reason, "too-long", NULL, "the path of the schemas folder");
        places_free(places);
        return NULL;
    }
    if (!load_folder(places, folder, reason)) {
        places_free(places);
        return NULL;
    }
    return places;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    for (size_t i = 0; i < places->tables_count; i++)
        free(places->tables[i].rows);
    free(places);
}

bool places_find_code(const struct places *places, const char *code, int32_t *ret_easting,
                      int32_t *ret_northing)
{
    struct place wanted = {.easting = 0};
    if (code == NULL || places->count == 0 || !key_of(code, strlen(code), wanted.key))
        return false;
    for (size_t i = places->tables_count; i > 0; i--) {
        const struct table *table = &places->tables[i - 1];
        const struct place *place =
            table->count == 0
                ? NULL
                : bsearch(&wanted, table->rows, table->count, sizeof *table->rows, compare_places);
        if (place != NULL) {
            *ret_easting = place->easting;
            *ret_northing = place->northing;
            return true;
        }
    }
    return false;
}

bool places_find(const struct places *places, const char *postcode, int32_t *ret_easting,
                 int32_t *ret_northing)
{
    char district[5];
    if (postcode == NULL || postcode_is_pseudo(postcode))
        return false;
    return places_find_code(places, postcode, ret_easting, ret_northing) ||
           (postcode_district(postcode, district) &&
            places_find_code(places, district, ret_easting, ret_northing));
}

/* ---- making a table */

struct places *places_new(void)
{
    struct places *places = calloc(1, sizeof *places);
    if (places != NULL)
        places->tables_count = 1;
    return places;
}

enum verdict places_add(struct places *places, const char *code, int64_t easting, int64_t northing,
                        struct reason *reason)
{
    struct place place = {.easting = (int32_t)easting, .northing = (int32_t)northing};
    if (!key_of(code, strlen(code), place.key) || easting < 0 || easting > EASTING_MOST ||
        northing < 0 || northing > NORTHING_MOST) {
        reason_set(reason, "bad-place", NULL, "no code, or not on the map of Great Britain");
        return REFUSED;
    }
    return add_place(places, &place, reason) ? DONE : REFUSED;
}

size_t places_settle(struct places *places)
{
    struct table *table = &places->tables[0];
    size_t kept = 0, before = table->count;
    sort(table);
    for (size_t i = 0; i < before; i++)
        if (kept == 0 || compare_places(&table->rows[kept - 1], &table->rows[i]) != 0)
            table->rows[kept++] = table->rows[i];
    table->count = kept;
    places->count = kept;
    return before - kept;
}

bool places_next(const struct places *places, size_t *cursor, char ret_code[PLACE_CODE_SIZE],
                 int32_t *ret_easting, int32_t *ret_northing)
{
    const struct table *table = &places->tables[0];
    if (*cursor >= table->count)
        return false;
    const struct place *place = &table->rows[(*cursor)++];
    text_copy_bytes(ret_code, PLACE_CODE_SIZE, place->key, strnlen(place->key, sizeof place->key));
    *ret_easting = place->easting;
    *ret_northing = place->northing;
    return true;
}
