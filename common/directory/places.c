/* SPDX-License-Identifier: Apache-2.0 */
/* Where a postcode is. One sorted array of 16-byte rows serves districts, whole postcodes and
 * practices alike: the keys can't be mistaken for each other, and the 1.7 million rows of
 * Code-Point Open take 27 MB. */
#include "directory/directory.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX 3000000
#define FILE_SIZE_MAX (128U * 1024 * 1024)
#define PLACE_KEY_SIZE 8 /* not terminated when full */

struct place {
    char key[PLACE_KEY_SIZE];
    int32_t easting, northing;
};

struct places {
    struct place *rows;
    size_t count, capacity;
};

static int compare_places(const void *a, const void *b)
{
    return memcmp(((const struct place *)a)->key, ((const struct place *)b)->key, PLACE_KEY_SIZE);
}

/* Upper case without blanks. False if it is empty, too long or has other characters. */
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
    return used > 0;
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
           parse_metres(first + 1, (size_t)(second - first - 1), 699999, &ret_place->easting) &&
           parse_metres(second + 1, length - (size_t)(second + 1 - line), 1299999,
                        &ret_place->northing);
}

static bool add_place(struct places *places, const struct place *place, struct reason *reason)
{
    if (places->count == PLACES_MAX) {
        reason_set(reason, "too-many", NULL, "at most %d places", PLACES_MAX);
        return false;
    }
    if (places->count == places->capacity) {
        size_t capacity = places->capacity == 0 ? 256 : places->capacity * 2;
        struct place *rows = realloc(places->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            reason_set(reason, "no-memory", NULL, "memory ran out");
            return false;
        }
        places->rows = rows;
        places->capacity = capacity;
    }
    places->rows[places->count++] = *place;
    return true;
}

static bool load_file(struct places *places, const char *path, struct reason *reason)
{
    size_t length;
    char *text = text_read_file(path, FILE_SIZE_MAX, &length);
    if (text == NULL) {
        reason_set(reason, "unreadable", path, "%s", strerror(errno));
        return false;
    }
    bool header = true, well = true;
    size_t number = 0;
    for (const char *line = text; well && line < text + length;) {
        const char *end = memchr(line, '\n', (size_t)(text + length - line));
        size_t size = (size_t)((end == NULL ? text + length : end) - line);
        const char *next = line + size + 1;
        number++;
        if (size > 0 && line[size - 1] == '\r')
            size--;
        struct place place;
        if (size == 0 || line[0] == '#') {
            /* a comment */
        } else if (header) {
            header = false;
        } else if (!parse_row(line, size, &place)) {
            reason_set(reason, "bad-place", path,
                       "line %zu: expected postcode or code, easting, northing", number);
            well = false;
        } else {
            well = add_place(places, &place, reason);
        }
        line = next;
    }
    free(text);
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
    if (places->count > 0)
        qsort(places->rows, places->count, sizeof *places->rows, compare_places);
    return places;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    free(places->rows);
    free(places);
}

bool places_find_code(const struct places *places, const char *code, int32_t *ret_easting,
                      int32_t *ret_northing)
{
    struct place wanted = {.easting = 0};
    if (code == NULL || places->count == 0 || !key_of(code, strlen(code), wanted.key))
        return false;
    const struct place *place =
        bsearch(&wanted, places->rows, places->count, sizeof *places->rows, compare_places);
    if (place == NULL)
        return false;
    *ret_easting = place->easting;
    *ret_northing = place->northing;
    return true;
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
