/* SPDX-License-Identifier: Apache-2.0 */
/* Organisation codes, postcodes, SNOMED CT concepts, telephone numbers, and the table that schemas
 * name them by. */
#include "ids/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void organisation_codes_are_told_apart_by_their_pattern(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid, pharmacy, practice;
    } cases[] = {
        {"G82001", true, false, true},        {"Y06579", true, false, true},
        {"ALD200", true, false, true},        {"GUE001", true, false, true},
        {"I82001", true, false, false},       {"Z82001", true, false, false},
        {"FAA99", true, true, false},         {"FA999", true, true, false},
        {"FA9999", true, false, false},       {"QKS", true, false, false},
        {"91Q", true, false, false},          {"RN707", true, false, false},
        {"AL0200", true, false, false},       {"A8200X", true, false, false},
        {"fAA99", false, false, false},       {"FAA 9", false, false, false},
        {"AB", false, false, false},          {"", false, false, false},
        {"ABCDEFGHIJKL", true, false, false}, {"ABCDEFGHIJKLM", false, false, false},
        {NULL, false, false, false},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;
        if (ods_code_valid(text) != cases[i].valid ||
            ods_code_is_pharmacy(text) != cases[i].pharmacy ||
            ods_code_is_practice(text) != cases[i].practice) {
            print_error("%s\n", text ? text : "(null)");
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void postcodes_are_brought_into_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *full, *district, *text; /* NULL: refused */
    } cases[] = {
        {"SW1A 1AA", "SW1A", "SW1A 1AA"},
        {"ME14 1XX", "ME14", "me141xx"},
        {"M1 1AE", "M1", "m1 1ae"},
        {"M60 1NW", "M60", "M601NW"},
        {"CR2 6XH", "CR2", "CR2  6XH"},
        {"W1A 1HQ", "W1A", "W1A 1HQ"},
        {"EC1A 1BB", "EC1A", "EC1A1BB"},
        {"GIR 0AA", "GIR", "gir 0aa"},
        {"HX7 7BZ", "HX7", "HX7 7BZ "},
        {"SA5 9EA", "SA5", "SA5 9 EA"},
        {"ZZ99 3VZ", "ZZ99", "ZZ99 3VZ"},
        {"ZZ99 3CZ", "ZZ99", "zz993cz"},
        {NULL, "ME14", "ME14"},
        {NULL, "ME14", " me 14 "},
        {NULL, "W1A", "W1A"},
        {NULL, "ZZ99", "ZZ99"},
        {NULL, "ZZ99", "zz 99"},
        /* sectors: without the blank each would be the name of another district */
        {NULL, "TN2", "TN2 3"},
        {NULL, "CT1", "ct1  1"},
        {NULL, "ME1", " me1 4 "},
        {NULL, "ME1", "ME 1 4"},
        {NULL, "M1", "M1 1"},
        {NULL, "W1A", "W1A 1"},
        {NULL, "ME14", "ME14 1"},
        {NULL, "ZZ99", "ZZ99 3"},
        {NULL, "TN23", "TN23"},
        {NULL, NULL, "TN2 33"},
        {NULL, NULL, "E1 W"},
        {NULL, NULL, "M1 1 1"},
        {"BR8 7RE", "BR8", "BR8 7RE"},
        {NULL, NULL, "DN15 6QV"},
        {NULL, NULL, "Q1 1AA"},
        {NULL, NULL, "MJ1 1AA"},
        {NULL, NULL, "ME14 1CI"},
        {NULL, NULL, "ME14 1KX"},
        {NULL, NULL, "ME141 1AA"},
        {NULL, NULL, "ME 1AA"},
        {NULL, NULL, "W1L 1AA"},
        {NULL, NULL, "SW1C 1AA"},
        {NULL, NULL, "ME14-1XX"},
        {NULL, NULL, "ME14 1X"},
        {NULL, NULL, "ZZ99 VZ3"},
        {NULL, NULL, "ME14 1XX 1XX"},
        {NULL, NULL, ""},
        {NULL, NULL, NULL},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;
        char full[POSTCODE_SIZE] = "";
        char district[5] = "";
        bool is_full = postcode_parse(text, full);
        bool has_district = postcode_district(text, district);
        if (is_full != (cases[i].full != NULL) || has_district != (cases[i].district != NULL) ||
            strcmp(full, is_full ? cases[i].full : "") != 0 ||
            strcmp(district, has_district ? cases[i].district : "") != 0) {
            print_error("%s gave %s, %s\n", text ? text : "(null)", full, district);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_true(postcode_is_pseudo("zz99 3vz"));
    assert_true(postcode_is_pseudo("ZZ99"));
    assert_false(postcode_is_pseudo("ME14 1XX"));
}

static void concepts_are_judged_by_check_digit_and_partition(void **state)
{
    (void)state;
    static const struct {
        bool valid;
        const char *text, *why;
    } cases[] = {
        {true, "1659111000000107", "the blood pressure service"},
        {false, "1659111000000100", "as published in places, with a wrong check digit"},
        {true, "1659121000000101", "the contraception service"},
        {false, "1659121000000100", "as published in places, with a wrong check digit"},
        {true, "2140231000000104", "Pharmacy First referral"},
        {true, "33962009", "a core concept"},
        {true, "75367002", "blood pressure"},
        {true, "17346711000001106", "a medicine of dm+d"},
        {true, "138875005", "the root concept"},
        {false, "033962009", "a leading zero"},
        {false, "33962008", "a wrong check digit"},
        {false, "33926009", "two digits swapped"},
        {true, "100005", "the smallest there is"},
        {false, "2140231000000111", "a description, not a concept"},
        {false, "12345", "five digits"},
        {false, "1234567890123456789", "nineteen digits"},
        {false, "33962009 ", "a blank"},
        {false, "3396200A", "a letter"},
        {false, "", "nothing"},
        {false, NULL, "nothing at all"},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (snomed_concept_valid(cases[i].text) != cases[i].valid) {
            print_error("%s: %s\n", cases[i].text ? cases[i].text : "(null)", cases[i].why);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void every_format_of_the_table_takes_its_own_and_refuses_others(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text;
        bool valid;
    } cases[] = {
        {"nhs-number", "943 476 5919", true},
        {"nhs-number", "9434765918", false},
        {"ods-code", "FAA99", true},
        {"ods-code", "faa99", false},
        {"postcode", "ME14", true},
        {"postcode", "ME14 1XX", true},
        {"postcode", "ZZ99 3VZ", true},
        {"postcode", "Maidstone", false},
        {"snomed-concept", "33962009", true},
        {"snomed-concept", "33962008", false},
        {"phone", "07700 900123", true},
        {"phone", "+44 7700 900123", true},
        {"phone", "0123456789", true},
        {"phone", "123456789", false},
        {"phone", "1234567890123456", false},
        {"phone", "0770+0900123", false},
        {"phone", "07700-900123", false},
        {"phone", "+", false},
        {"uuid", "123e4567-e89b-42d3-a456-426614174000", true},
        {"uuid", "123e4567e89b42d3a456426614174000", false},
        {"date", "2024-02-29", true},
        {"date", "2025-02-29", false},
        {"instant", "2026-11-23T08:03:00+01:00", true},
        {"instant", "2026-11-23", false},
        {"email", "a.b+c@example.nhs.uk", true},
        {"email", "a@b.c", true},
        {"email", "a@b", false},
        {"email", "@b.c", false},
        {"email", "a@.c", false},
        {"email", "a@b..c", false},
        {"email", "a@b.c-", false},
        {"email", "a@-b.c", false},
        {"email", "a b@c.d", false},
        {"email", "a@b@c.d", false},
        {"email", ".a@b.c", false},
        {"email", "a.@b.c", false},
        {"email", "", false},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct value_format *format = value_format_find(cases[i].format);
        if (!format || !*format->expected || format->valid(cases[i].text) != cases[i].valid) {
            print_error("%s: %s\n", cases[i].format, cases[i].text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    assert_null(value_format_find("postal-code"));
    assert_null(value_format_find(NULL));
}

static void what_has_several_forms_is_kept_in_one(void **state)
{
    (void)state;
    static const struct {
        const char *format, *text, *canonical; /* NULL: it has none */
    } cases[] = {
        {"nhs-number", "999 100 1026", "9991001026"},
        {"nhs-number", "9991001026", "9991001026"},
        {"nhs-number", "999 100 1027", NULL},
        {"nhs-number", "9991001026            ", NULL},
        {"postcode", " da1 1aa", "DA1 1AA"},
        {"postcode", "sw1a1aa", "SW1A 1AA"},
        {"postcode", "gir0aa", "GIR 0AA"},
        {"postcode", "zz993vz", "ZZ99 3VZ"},
        {"postcode", "me 14", "ME14"},
        {"postcode", "zz 99", "ZZ99"},
        {"postcode", "tn2  3", "TN2 3"},
        {"postcode", "ME 1 4", "ME1 4"},
        {"postcode", "TN23", "TN23"},
        {"postcode", "TN2 33", NULL},
        {"postcode", "D    A    1    1    A    A", NULL}, /* no field is so long */
        {"phone", "01632 960102", NULL},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CANONICAL_SIZE] = "";
        const bool has = value_format_canonical(value_format_find(cases[i].format), cases[i].text,
                                                strlen(cases[i].text), text);
        if (has != (cases[i].canonical != NULL) || (has && strcmp(text, cases[i].canonical) != 0)) {
            print_error("%s: %s\n", cases[i].text, text);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    char text[CANONICAL_SIZE];
    const struct value_format *numbers = value_format_find("nhs-number");
    assert_true(value_format_canonical(numbers, "9991001026 and more", 10, text));
    assert_false(value_format_canonical(numbers, "9991001026\0", 11, text));
    assert_false(value_format_canonical(NULL, "9991001026", 10, text));
}

static void a_file_is_named_by_nothing_that_leads_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"kent", true},  {"kent-2_b.pem", true}, {"", false},          {NULL, false},
        {".", false},    {"..", false},          {".kent", false},     {"a/b", false},
        {"../a", false}, {"a b", false},         {"k\xC3\xA9", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (file_name_valid(cases[i].text) != cases[i].valid)
            fail_msg("%s", cases[i].text ? cases[i].text : "none");
    char most[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    assert_false(file_name_valid(most));
    most[60] = '\0';
    assert_true(file_name_valid(most));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(organisation_codes_are_told_apart_by_their_pattern),
        cmocka_unit_test(postcodes_are_brought_into_one_form),
        cmocka_unit_test(concepts_are_judged_by_check_digit_and_partition),
        cmocka_unit_test(what_has_several_forms_is_kept_in_one),
        cmocka_unit_test(a_file_is_named_by_nothing_that_leads_elsewhere),
        cmocka_unit_test(every_format_of_the_table_takes_its_own_and_refuses_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
