// SPDX-License-Identifier: Apache-2.0
// The formats in which postcodes and practices are issued, row by row, good and bad; and a file
// that becomes a table. Places are invented.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "location_file.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE_POINT "\"ME14 1AA\",10,576000,155000,\"E92000001\""
#define ONSPD "pcd,pcd2,pcds,dointr,doterm,oseast1m,osnrth1m,osgrdind,ctry"
#define ONSPD_NEW "pcd7,pcd8,pcds,dointr,doterm,east1m,north1m,gridind,ctry25cd"
#define ODS_ROW(code, postcode, status, setting)                                                   \
    code ",PRACTICE,,,,,,,," postcode ",,," status ",B,,,,,,,,,,,," setting ","

// The first line says which format it is, the second is the row.
static enum location_kind read_row(const char *first, const char *second,
                                   struct location_columns *columns, struct location *location,
                                   struct reason *finding)
{
    char text[1024];
    struct csv csv;
    struct csv_row row;
    assert_true(text_format(text, sizeof text, "%s\n%s\n", first, second));
    csv_init(&csv, text, strlen(text));
    assert_int_equal(csv_next(&csv, &row, finding), DONE);
    location_columns_read(&row, columns);
    assert_int_equal(csv_next(&csv, &row, finding), DONE);
    return location_read(columns, &row, location, finding);
}

static void rows_are_taken_left_out_or_named_as_findings(void **state)
{
    static const struct {
        int line;
        enum location_kind kind;
        const char *finding;
        const char *first, *row;
    } table[] = {
        {__LINE__, LOCATION_ROW, "", CODE_POINT, "\"CT1 1AA\",10,615000,157000,\"E92000001\""},
        {__LINE__, LOCATION_ROW, "", CODE_POINT, "\"CT11AA\",10,615000,157000,\"E92000001\""},
        {__LINE__, LOCATION_ROW, "", "PC,PQ,EA,NO,CY", "CT1 1AA,10,615000,157000,E92000001"},
        {__LINE__, LOCATION_HEADER, "", "PC,PQ,EA,NO,CY",
         "Postcode,Positional_quality_indicator,Eastings,Northings,Country_code"},
        {__LINE__, LOCATION_NOWHERE, "", CODE_POINT, "\"CT1 1AA\",90,0,0,\"E92000001\""},
        {__LINE__, LOCATION_NOWHERE, "", CODE_POINT, "\"BT1 1AA\",10,333700,374000,\"N92000002\""},
        {__LINE__, LOCATION_BAD, "bad-postcode", CODE_POINT, "\"KENT\",10,615000,157000,\"E\""},
        {__LINE__, LOCATION_BAD, "bad-place", CODE_POINT, "\"CT1 1AA\",10,700000,157000,\"E\""},
        {__LINE__, LOCATION_BAD, "bad-place", CODE_POINT, "\"CT1 1AA\",10,615000,-1,\"E\""},
        {__LINE__, LOCATION_BAD, "bad-place", CODE_POINT, "\"CT1 1AA\",10,615000"},
        {__LINE__, LOCATION_ROW, "", ONSPD,
         "CT1 1AA,CT1  1AA,CT1 1AA,198001,,615000,0157000,1,E92000001"},
        {__LINE__, LOCATION_OLD, "", ONSPD,
         "CT1 1AA,CT1  1AA,CT1 1AA,198001,199606,615000,0157000,1,E92000001"},
        {__LINE__, LOCATION_NOWHERE, "", ONSPD, "CT1 1AA,CT1  1AA,CT1 1AA,198001,,,,9,E92000001"},
        {__LINE__, LOCATION_NOWHERE, "", ONSPD,
         "BT1 1AA,BT1  1AA,BT1 1AA,198001,,333700,0374000,1,N92000002"},
        {__LINE__, LOCATION_ROW, "", ONSPD_NEW,
         "CT1 1AA,CT1  1AA,CT1 1AA,198001,,615000,0157000,1,E92000001"},
        {__LINE__, LOCATION_OLD, "", ONSPD_NEW,
         "CT1 1AA,CT1  1AA,CT1 1AA,198001,199606,615000,0157000,1,E92000001"},
        {__LINE__, LOCATION_ROW, "", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         ODS_ROW("G82002", "CT1 1AA", "ACTIVE", "RO76")},
        {__LINE__, LOCATION_OLD, "", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         ODS_ROW("G82002", "CT1 1AA", "C", "4")},
        {__LINE__, LOCATION_OTHER, "", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         ODS_ROW("Y06579", "CT1 1AA", "A", "1")},
        {__LINE__, LOCATION_BAD, "bad-postcode", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         ODS_ROW("G82002", "HX7 7BZ9", "A", "4")},
        {__LINE__, LOCATION_BAD, "bad-status", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         ODS_ROW("G82002", "CT1 1AA", "X", "4")},
        {__LINE__, LOCATION_BAD, "bad-columns", ODS_ROW("G82001", "CT1 1AA", "A", "4"),
         "G82002,PRACTICE"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct location_columns columns;
        struct location location = {0};
        struct reason finding = {0};
        enum location_kind kind =
            read_row(table[index].first, table[index].row, &columns, &location, &finding);
        if (kind != table[index].kind || strcmp(finding.code, table[index].finding) != 0 ||
            (finding.code[0] && strncmp(finding.detail, "line 2", 6) != 0)) {
            fail_msg("line %d: kind %d, %s: %s", table[index].line, (int)kind, finding.code,
                     finding.detail);
        }
        if (kind == LOCATION_ROW && columns.format != LOCATION_PRACTICES &&
            (location.easting != 615000 || location.northing != 157000 ||
             strcmp(location.postcode, "CT1 1AA") != 0)) {
            fail_msg("line %d: %s is at %lld", table[index].line, location.postcode,
                     (long long)location.easting);
        }
    }
}

static void an_unknown_first_row_is_no_format(void **state)
{
    static const char *const FIRST[] = {"ods_code,name,kind", "a,b,c,d", "pcds,dointr", "CT1 1AA"};
    (void)state;
    for (size_t index = 0; index < sizeof FIRST / sizeof *FIRST; index++) {
        struct location_columns columns;
        struct location location;
        struct reason finding = {0};
        (void)read_row(FIRST[index], "x", &columns, &location, &finding);
        if (columns.format != LOCATION_UNKNOWN) {
            fail_msg("%s", FIRST[index]);
        }
    }
}

static const char *write_file(char path[64], const char *text)
{
    text_copy(path, 64, "/tmp/locations_test_XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
    return path;
}

static void a_file_becomes_a_table_that_the_services_read(void **state)
{
    char path[64], folder[] = "/tmp/locations_test_XXXXXX", places_dir[64], table[96];
    struct location_load load;
    struct reason reason = {0};
    int32_t easting, northing;
    (void)state;
    write_file(path, "\"CT1 1AB\",10,615300,157300,\"E92000001\"\r\n"
                     "\"CT1 1AA\",10,615000,157000,\"E92000001\"\r\n"
                     "\"CT1 1AA\",10,615000,157000,\"E92000001\"\r\n"
                     "\"broken\" quote,10,1,1\r\n"
                     "\"CT2 7NZ\",10,614000,159000,\"E92000001\"\r\n");
    assert_true(location_load_init(&load));
    assert_int_equal(location_load_file(&load, path, NULL, &reason), DONE);
    assert_int_equal(location_load_settle(&load, &reason), DONE);
    assert_int_equal(load.taken, 4);
    assert_int_equal(load.repeated, 1);
    assert_int_equal(load.districts_count, 2);
    assert_int_equal(load.findings_total, 1);
    assert_non_null(strstr(load.findings[0].detail, "line 4"));

    assert_non_null(mkdtemp(folder));
    text_format(places_dir, sizeof places_dir, "%s/places", folder);
    assert_int_equal(mkdir(places_dir, 0700), 0);
    text_format(table, sizeof table, "%s/t.csv", places_dir);
    assert_int_equal(location_load_write(&load, table, &reason), DONE);
    location_load_clear(&load);
    struct places *places = places_load(folder, &reason);
    if (!places) {
        fail_msg("%s: %s", reason.pointer, reason.detail);
    }
    assert_true(places_find(places, "ct1 1ab", &easting, &northing));
    assert_int_equal(easting, 615300);
    assert_true(places_find(places, "CT1 9ZZ", &easting, &northing)); // its district's middle
    assert_int_equal(easting, (615300 + 615000 + 615000) / 3);
    assert_false(places_find(places, "CT3 1AA", &easting, &northing));
    places_free(places);

    // a folder that can't be written to leaves the table as it was
    assert_true(location_load_init(&load));
    assert_int_equal(location_load_write(&load, "/nonexistent/t.csv", &reason), REFUSED);
    assert_string_equal(reason.code, "unwritable-file");
    location_load_clear(&load);
    unlink(table);
    rmdir(places_dir);
    rmdir(folder);
    unlink(path);
}

static void two_formats_do_not_mix(void **state)
{
    char first[64], second[64];
    struct location_load load;
    struct reason reason = {0};
    (void)state;
    write_file(first, CODE_POINT "\n");
    write_file(second, ONSPD "\n");
    assert_true(location_load_init(&load));
    assert_int_equal(location_load_file(&load, first, NULL, &reason), DONE);
    assert_int_equal(location_load_file(&load, second, NULL, &reason), REFUSED);
    assert_string_equal(reason.code, "unknown-format");
    assert_int_equal(location_load_file(&load, "/nonexistent", NULL, &reason), REFUSED);
    assert_string_equal(reason.code, "unreadable-file");
    location_load_clear(&load);
    unlink(first);
    unlink(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_taken_left_out_or_named_as_findings),
        cmocka_unit_test(an_unknown_first_row_is_no_format),
        cmocka_unit_test(a_file_becomes_a_table_that_the_services_read),
        cmocka_unit_test(two_formats_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
