// SPDX-License-Identifier: Apache-2.0
// Rows as NHS ODS issues them, in both codings; and the real files, where this machine has them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ods.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL_FILES SOURCE_DIR "/../shared/data/ods/"

static enum ods_kind read_row(const char *code, const char *name, const char *postcode,
                              const char *status, const char *sub_type, const char *setting,
                              struct ods_organisation *organisation, struct reason *finding)
{
    struct csv_row row = {.line = 7, .count = ODS_COLUMNS};
    for (size_t index = 0; index < ODS_COLUMNS; index++) {
        row.fields[index] = "";
    }
    row.fields[0] = code;
    row.fields[1] = name;
    row.fields[9] = postcode;
    row.fields[12] = status;
    row.fields[13] = sub_type;
    row.fields[25] = setting;
    return ods_read(&row, organisation, finding);
}

static void rows_are_told_apart_in_both_codings(void **state)
{
    static const struct {
        int line;
        enum ods_kind kind;
        const char *provider_kind, *finding;
        const char *code, *name, *postcode, *status, *sub_type, *setting;
    } table[] = {
        {__LINE__, ODS_PROVIDER, "pharmacy", "", "FA015", "CHEMIST", "TN27 9AA", "A", "1", ""},
        {__LINE__, ODS_PROVIDER, "pharmacy", "", "FA015", "CHEMIST", "TN279AA", "ACTIVE", "1", ""},
        {__LINE__, ODS_PROVIDER, "pharmacy", "bad-postcode", "FA015", "CHEMIST", "DN15 6QV", "A",
         "1", ""},
        {__LINE__, ODS_PROVIDER, "pharmacy", "bad-postcode", "FA015", "CHEMIST", "KENT", "ACTIVE",
         "1", ""},
        {__LINE__, ODS_CLOSED, "pharmacy", "", "FA015", "CHEMIST", "TN27 9AA", "C", "1", ""},
        {__LINE__, ODS_CLOSED, "pharmacy", "", "FA015", "CHEMIST", "TN27 9AA", "INACTIVE", "1", ""},
        {__LINE__, ODS_CLOSED, "pharmacy", "", "FA015", "CHEMIST", "TN27 9AA", "D", "1", ""},
        {__LINE__, ODS_CLOSED, "pharmacy", "", "FA015", "CHEMIST", "TN27 9AA", "P", "1", ""},
        {__LINE__, ODS_OTHER, NULL, "", "FA015", "APPLIANCES", "TN27 9AA", "A", "2", ""},
        {__LINE__, ODS_OTHER, NULL, "", "G82002", "SURGERY", "CT16 1SF", "A", "B", "4"},
        {__LINE__, ODS_OTHER, NULL, "", "G82002", "SURGERY", "CT16 1SF", "ACTIVE", "B", "RO76"},
        {__LINE__, ODS_PROVIDER, "community-provider", "", "Y01234", "CLINIC", "CT16 1SF", "A", "B",
         "9"},
        {__LINE__, ODS_PROVIDER, "optometrist", "", "Y01234", "EYES", "CT16 1SF", "A", "B", "11"},
        {__LINE__, ODS_PROVIDER, "community-provider", "", "Y01234", "CLINIC", "CT16 1SF", "ACTIVE",
         "B", "RO247"},
        {__LINE__, ODS_PROVIDER, "optometrist", "", "Y01234", "EYES", "CT16 1SF", "ACTIVE", "B",
         "RO252"},
        {__LINE__, ODS_BAD, NULL, "bad-status", "FA015", "CHEMIST", "TN27 9AA", "X", "1", ""},
        {__LINE__, ODS_BAD, NULL, "bad-code", "fa015", "CHEMIST", "TN27 9AA", "A", "1", ""},
        {__LINE__, ODS_BAD, NULL, "bad-name", "FA015", "", "TN27 9AA", "A", "1", ""},
        {__LINE__, ODS_HEADER, NULL, "", "organisation_code", "name", "postcode", "status_code",
         "organisation_sub_type_code", ""},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct ods_organisation organisation = {0};
        struct reason finding = {0};
        enum ods_kind kind = read_row(table[index].code, table[index].name, table[index].postcode,
                                      table[index].status, table[index].sub_type,
                                      table[index].setting, &organisation, &finding);
        if (kind != table[index].kind || strcmp(finding.code, table[index].finding) != 0 ||
            !text_equal(organisation.provider_kind, table[index].provider_kind)) {
            fail_msg("line %d: kind %d, finding %s", table[index].line, (int)kind, finding.code);
        }
        if (finding.code[0] && strncmp(finding.detail, "line 7", 6) != 0) {
            fail_msg("line %d: no line in: %s", table[index].line, finding.detail);
        }
    }
}

static void a_row_with_another_number_of_columns_is_a_finding(void **state)
{
    struct csv_row row = {.line = 3, .count = 26, .fields = {"FA015"}};
    struct ods_organisation organisation;
    struct reason finding = {0};
    (void)state;
    assert_int_equal(ods_read(&row, &organisation, &finding), ODS_BAD);
    assert_string_equal(finding.code, "bad-columns");
    assert_false(ods_looks_like(&row));
}

struct tally {
    size_t kinds[ODS_PROVIDER + 1];
};

static void count_file(const char *name, struct tally *tally)
{
    char path[512];
    size_t length;
    struct csv csv;
    struct csv_row row;
    struct reason reason = {0};
    text_format(path, sizeof path, "%s%s", REAL_FILES, name);
    char *text = text_read_file(path, (size_t)1 << 24, &length);
    assert_non_null(text);
    csv_init(&csv, text, length);
    while (csv_next(&csv, &row, &reason) == DONE) {
        struct ods_organisation organisation;
        tally->kinds[ods_read(&row, &organisation, &reason)]++;
    }
    free(text);
}

static void the_real_files_are_read_to_their_last_row(void **state)
{
    struct tally pharmacies = {{0}}, practices = {{0}};
    (void)state;
    if (access(REAL_FILES "edispensary_QKS.csv", R_OK) != 0) {
        print_message("skipped: there are no files of NHS ODS beside this checkout\n");
        skip();
    }
    count_file("edispensary_QKS.csv", &pharmacies);
    assert_int_equal(pharmacies.kinds[ODS_HEADER], 1);
    assert_int_equal(pharmacies.kinds[ODS_BAD], 0);
    assert_true(pharmacies.kinds[ODS_PROVIDER] > 250);
    assert_true(pharmacies.kinds[ODS_CLOSED] > 0);
    count_file("epraccur_QKS.csv", &practices);
    assert_int_equal(practices.kinds[ODS_HEADER], 1);
    assert_true(practices.kinds[ODS_OTHER] > practices.kinds[ODS_PROVIDER]);
    assert_true(practices.kinds[ODS_PROVIDER] > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_told_apart_in_both_codings),
        cmocka_unit_test(a_row_with_another_number_of_columns_is_a_finding),
        cmocka_unit_test(the_real_files_are_read_to_their_last_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
