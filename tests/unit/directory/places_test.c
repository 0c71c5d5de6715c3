/* SPDX-License-Identifier: Apache-2.0 */
/* Postcodes, districts and practices to metres; and a broken file is named by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "directory/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void postcodes_are_found_whole_then_by_district(void **state)
{
    (void)state;
    static const struct {
        int32_t easting; /* 0 = not found */
        const char *postcode;
    } rows[] = {
        {577000, "ME14"},
        {577000, "ME14 1AA"},
        {577000, "me141aa"},
        {575000, "ME15 6XX"},
        {575000, "me156xx"},
        {0, "ME15 6XY"},
        {0, "ZZ99 3VZ"},
        {0, "ZZ99"},
        {0, "ME1"},
        /* sectors: of ME1, which is not in the table, and of ME14 */
        {0, "ME1 4"},
        {0, "me1  4"},
        {577000, "ME14 1"},
        {577000, " me 14 "},
        {0, ""},
        {0, "not a postcode"},
    };
    struct reason reason;
    struct places *places = places_load(SOURCE_DIR "/tests/unit/directory/schemas", &reason);
    assert_non_null(places);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t easting = 0, northing = 0;
        bool found = places_find(places, rows[i].postcode, &easting, &northing);
        if (found != (rows[i].easting != 0) || easting != rows[i].easting)
            fail_msg("row %zu: %s", i, rows[i].postcode);
    }
    int32_t easting = 0, northing = 0;
    assert_false(places_find(places, NULL, &easting, &northing));
    assert_true(places_find_code(places, "G82999", &easting, &northing));
    assert_int_equal(northing, 156500);
    places_free(places);
}

static void a_folder_without_places_knows_none(void **state)
{
    (void)state;
    struct reason reason;
    struct places *places = places_load("/nonexistent", &reason);
    int32_t easting, northing;
    assert_non_null(places);
    assert_false(places_find(places, "ME14", &easting, &northing));
    places_free(places);
}

static void a_broken_row_is_refused_by_line(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "ME14",          "ME14,1",         "ME14,x,1",    "ME14,1,2,3",    ",1,2",      "ME14,-1,2",
        "ME14,700000,2", "ME14,1,1300000", "ME 14-1,1,2", "ABCDEFGHI,1,2", "ME1 4,1,2",
    };
    char folder[] = "/tmp/places_test_XXXXXX", path[128], inner[64];
    assert_non_null(mkdtemp(folder));
    text_format(inner, sizeof inner, "%s/places", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    text_format(path, sizeof path, "%s/rows.csv", inner);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "district,easting,northing\r\nME1,1,2\r\n%s\n", rows[i]);
        fclose(file);
        struct reason reason = {0};
        struct places *places = places_load(folder, &reason);
        if (places != NULL || strcmp(reason.code, "bad-place") != 0 ||
            strcmp(reason.pointer, path) != 0 || strstr(reason.detail, "line 3") == NULL)
            fail_msg("row %zu: %s", i, rows[i]);
    }
    unlink(path);
    rmdir(inner);
    rmdir(folder);
}

static void what_a_later_file_says_holds_and_one_file_says_it_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/places_test_XXXXXX", inner[64];
    static const struct {
        const char *name, *text;
    } files[] = {
        {"a.csv", "code,easting,northing\nME14,1,1\nME15,2,2\n"},
        {"b.csv", "code,easting,northing\nME15,3,3\nME14 1AA,4,4\nG82999,5,5\n"},
        {"ignored.txt", "ME14,9,9\n"},
    };
    char paths[3][128];
    assert_non_null(mkdtemp(folder));
    text_format(inner, sizeof inner, "%s/places", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    for (size_t i = 0; i < 3; i++) {
        text_format(paths[i], sizeof paths[i], "%s/%s", inner, files[i].name);
        FILE *file = fopen(paths[i], "w");
        assert_non_null(file);
        fputs(files[i].text, file);
        fclose(file);
    }
    struct reason reason = {0};
    struct places *places = places_load(folder, &reason);
    assert_non_null(places);
    int32_t easting, northing;
    assert_true(places_find(places, "ME15", &easting, &northing));
    assert_int_equal(easting, 3);
    assert_true(places_find(places, "ME14 9ZZ", &easting, &northing));
    assert_int_equal(easting, 1);
    assert_true(places_find(places, "ME14 1AA", &easting, &northing));
    assert_int_equal(easting, 4);
    places_free(places);
    FILE *file = fopen(paths[1], "a");
    assert_non_null(file);
    fputs("me 15,6,6\n", file);
    fclose(file);
    assert_null(places_load(folder, &reason));
    assert_string_equal(reason.code, "same-code");
    assert_string_equal(reason.pointer, paths[1]);
    for (size_t i = 0; i < 3; i++)
        unlink(paths[i]);
    rmdir(inner);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(postcodes_are_found_whole_then_by_district),
        cmocka_unit_test(a_folder_without_places_knows_none),
        cmocka_unit_test(a_broken_row_is_refused_by_line),
        cmocka_unit_test(what_a_later_file_says_holds_and_one_file_says_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
