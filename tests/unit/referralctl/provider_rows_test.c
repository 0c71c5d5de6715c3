// SPDX-License-Identifier: Apache-2.0
// One row of our CSV, good and bad in each column; a bad one names its line and never stops the
// rest.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "provider_file.h"
#include "provider_rows.h"

#include "base/calendar.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct contract *contract;
static struct record *record;

static int set_up(void **state)
{
    struct reason reason = {0};
    (void)state;
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract) {
        fail_msg("%s: %s", reason.pointer, reason.detail);
    }
    record = record_new(contract_message(contract, "Provider"));
    return record ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    record_free(record);
    contract_free(contract);
    return 0;
}

// Header and row as one file; the row's outcome.
static enum verdict read_row(const char *header, const char *line, struct reason *finding)
{
    char text[1024];
    struct csv csv;
    struct csv_row row;
    struct provider_columns columns;
    assert_true(text_format(text, sizeof text, "%s\n%s\n", header, line));
    csv_init(&csv, text, strlen(text));
    assert_int_equal(csv_next(&csv, &row, finding), DONE);
    enum verdict verdict = provider_columns_read(&row, &columns, finding);
    if (verdict != DONE) {
        return verdict;
    }
    assert_int_equal(csv_next(&csv, &row, finding), DONE);
    record_reset(record);
    return provider_row_read(&columns, &row, NULL, record, finding);
}

static void a_field_of_a_command_line_is_known_or_told_without_a_column(void **state)
{
    static const struct {
        const char *first, *second, *told; /* "" = known */
    } table[] = {
        {"name", "capacity", ""},
        {"colour", "name", "there is no field \"colour\"; expected name, kind, hcp"},
        {"name", "ods_code", "\"ods_code\" cannot be set; expected name, kind, hcp"},
        {"name", "name", "the field \"name\" is there twice"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct reason finding = {0};
        const struct csv_row header = {
            .count = 3, .fields = {"ods_code", table[index].first, table[index].second}};
        assert_int_equal(provider_fields_known(&header, 1, &finding), !table[index].told[0]);
        assert_string_equal(finding.code, table[index].told[0] ? "unknown-field" : "");
        assert_memory_equal(finding.detail, table[index].told, strlen(table[index].told));
    }
}

static void a_row_is_taken_or_its_fault_is_named(void **state)
{
    static const struct {
        int line;
        const char *code; /* "" = taken */
        const char *header, *row;
    } table[] = {
        {__LINE__, "", "ods_code,name,kind", "FZZ01,A,pharmacy"},
        {__LINE__, "", "kind,ods_code,name", "pharmacy,FZZ01,A"},
        {__LINE__, "unknown-column", "ods_code,name,kind,colour", "FZZ01,A,pharmacy,red"},
        {__LINE__, "unknown-column", "ods_code,name,kind,name", "FZZ01,A,pharmacy,B"},
        {__LINE__, "missing-column", "name,kind", "A,pharmacy"},
        {__LINE__, "bad-columns", "ods_code,name,kind", "FZZ01,A"},
        {__LINE__, "bad-columns", "ods_code,name,kind", "FZZ01,A,pharmacy,B"},
        {__LINE__, "bad-value", "ods_code,name,kind", ",A,pharmacy"},
        {__LINE__, "bad-format", "ods_code,name,kind", "f-1,A,pharmacy"},
        {__LINE__, "bad-value", "ods_code,name,kind", "FZZ01,,pharmacy"},
        {__LINE__, "not-allowed", "ods_code,name,kind", "FZZ01,A,chemist"},
        {__LINE__, "", "ods_code,name,kind,postcode", "FZZ01,A,pharmacy,ME14 1AA"},
        {__LINE__, "", "ods_code,name,kind,postcode", "FZZ01,A,pharmacy,ME14"},
        {__LINE__, "bad-value", "ods_code,name,kind,postcode", "FZZ01,A,pharmacy,KENT"},
        {__LINE__, "", "ods_code,name,kind,easting,northing", "FZZ01,A,pharmacy,576000,155000"},
        {__LINE__, "bad-value", "ods_code,name,kind,easting,northing", "FZZ01,A,pharmacy,576000,"},
        {__LINE__, "bad-value", "ods_code,name,kind,easting,northing", "FZZ01,A,pharmacy,-1,5"},
        {__LINE__, "", "ods_code,name,kind,services", "FZZ01,A,pharmacy,a-b  c:16-64 d:1- e:-64"},
        {__LINE__, "bad-value", "ods_code,name,kind,services", "FZZ01,A,pharmacy,a:64-16"},
        {__LINE__, "bad-value", "ods_code,name,kind,services", "FZZ01,A,pharmacy,a:-"},
        {__LINE__, "bad-value", "ods_code,name,kind,services", "FZZ01,A,pharmacy,a:16"},
        {__LINE__, "bad-value", "ods_code,name,kind,services", "FZZ01,A,pharmacy,Minor Illness"},
        {__LINE__, "", "ods_code,name,kind,special_days",
         "FZZ01,A,pharmacy,2026-12-25 closed; 2026-12-24 09:00-13:00"},
        {__LINE__, "bad-value", "ods_code,name,kind,special_days",
         "FZZ01,A,pharmacy,2026-02-30 closed"},
        {__LINE__, "bad-value", "ods_code,name,kind,special_days",
         "FZZ01,A,pharmacy,2026-12-24 13:00-09:00"},
        {__LINE__, "bad-value", "ods_code,name,kind,special_days", "FZZ01,A,pharmacy,christmas"},
        {__LINE__, "", "ods_code,name,kind,services,capacity,capacity_updated_at",
         "FZZ01,A,pharmacy,a b,a:5 b:0,2026-11-26T09:00:00Z"},
        {__LINE__, "", "ods_code,name,kind,services,capacity,capacity_updated_at",
         "FZZ01,A,pharmacy,a b,5,2026-11-26T09:00:00Z"},
        {__LINE__, "bad-value", "ods_code,name,kind,services,capacity",
         "FZZ01,A,pharmacy,a b,5"}, // when was that true?
        {__LINE__, "bad-value", "ods_code,name,kind,services,capacity,capacity_updated_at",
         "FZZ01,A,pharmacy,a b,c:5,2026-11-26T09:00:00Z"},
        {__LINE__, "bad-value", "ods_code,name,kind,services,capacity,capacity_updated_at",
         "FZZ01,A,pharmacy,a b,a:-5,2026-11-26T09:00:00Z"},
        {__LINE__, "bad-value", "ods_code,name,kind,services,capacity,capacity_updated_at",
         "FZZ01,A,pharmacy,a b,a:5,yesterday"},
        {__LINE__, "", "ods_code,name,kind,services,accepting", "FZZ01,A,pharmacy,a b,a:false"},
        {__LINE__, "bad-value", "ods_code,name,kind,services,accepting",
         "FZZ01,A,pharmacy,a b,c:false"},
        {__LINE__, "bad-value", "ods_code,name,kind,services,accepting",
         "FZZ01,A,pharmacy,a b,maybe"},
        {__LINE__, "", "ods_code,name,kind,paused", "FZZ01,A,pharmacy,true"},
        {__LINE__, "bad-value", "ods_code,name,kind,paused", "FZZ01,A,pharmacy,yes"},
        {__LINE__, "", "ods_code,name,kind,hours",
         "FZZ01,A,pharmacy,mon-fri 09:00-17:30; sat 09:00-13:00 ;hol 10:00-24:00"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", "FZZ01,A,pharmacy,fri-mon 09:00-17:30"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", "FZZ01,A,pharmacy,mon 17:30-09:00"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", "FZZ01,A,pharmacy,mon 9:00-17:30"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", "FZZ01,A,pharmacy,mon 09:00-24:01"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", "FZZ01,A,pharmacy,always"},
        {__LINE__, "", "ods_code,name,kind,hours",
         "FZZ01,A,pharmacy,mon-fri 09:00-17:30; hol closed"},
        {__LINE__, "", "ods_code,name,kind,hours",
         "FZZ01,A,pharmacy,hol  closed ;mon-fri 09:00-17:30"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours", // would never be open
         "FZZ01,A,pharmacy,hol closed"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours",
         "FZZ01,A,pharmacy,mon-fri 09:00-17:30; sat closed"},
        {__LINE__, "bad-value", "ods_code,name,kind,hours",
         "FZZ01,A,pharmacy,mon 09:00-17:30; sat-hol closed"},
        {__LINE__, "", "ods_code,name,kind,endpoint_url", "FZZ01,A,pharmacy,https://a.example/x"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url", "FZZ01,A,pharmacy,ftp://a/x"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url",
         "FZZ01,A,pharmacy,https://a b/x"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url", "FZZ01,A,pharmacy,https:///x"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url,secret",
         "FZZ01,A,pharmacy,https://a.example/x,../../etc/passwd"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url,certificate",
         "FZZ01,A,pharmacy,https://a.example/x,.kent"},
        {__LINE__, "not-allowed", "ods_code,name,kind,endpoint_url,format",
         "FZZ01,A,pharmacy,https://a.example/x,xml"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url,format",
         "FZZ01,A,pharmacy,https://a.example/x,bars"},
        {__LINE__, "", "ods_code,name,kind,endpoint_url,format,dos_service_id,certificate",
         "FZZ01,A,pharmacy,https://a.example/x,bars,2000011147,kent"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url,dos_service_id",
         "FZZ01,A,pharmacy,https://a.example/x,0"},
        {__LINE__, "bad-value", "ods_code,name,kind,endpoint_url,dos_service_id",
         "FZZ01,A,pharmacy,https://a.example/x,12345678901"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct reason finding = {0};
        enum verdict verdict = read_row(table[index].header, table[index].row, &finding);
        bool taken = table[index].code[0] == '\0';
        if ((verdict == DONE) != taken ||
            (!taken && (strcmp(finding.code, table[index].code) != 0 ||
                        strncmp(finding.detail, "line ", 5) != 0))) {
            fail_msg("line %d: %s %s: %s", table[index].line, verdict_name(verdict), finding.code,
                     finding.detail);
        }
    }
}

static void hours_and_services_become_the_providers_own(void **state)
{
    struct reason finding = {0};
    (void)state;
    assert_int_equal(read_row("ods_code,name,kind,services,hours",
                              "FZZ01,A,pharmacy,minor-illness:1- contraception:16-64,"
                              "sat-sun 00:00-24:00",
                              &finding),
                     DONE);
    struct provider *provider = provider_from_record(record, &finding);
    assert_non_null(provider);
    assert_int_equal(provider->services_count, 2);
    assert_int_equal(provider_offers(provider, "minor-illness")->age_least, 1);
    assert_int_equal(provider_offers(provider, "minor-illness")->age_most, -1);
    assert_int_equal(provider_offers(provider, "contraception")->age_most, 64);
    assert_int_equal(provider->hours_count, 2);
    assert_int_equal(provider->hours[0].weekday, 5);
    assert_int_equal(provider->hours[1].closes, 1440);
    provider_free(provider);
}

static void closed_on_bank_holidays_becomes_a_session_without_length(void **state)
{
    struct reason finding = {0};
    (void)state;
    assert_int_equal(read_row("ods_code,name,kind,hours",
                              "FZZ01,A,pharmacy,fri 09:00-17:30; hol closed", &finding),
                     DONE);
    struct provider *provider = provider_from_record(record, &finding);
    assert_non_null(provider);
    assert_int_equal(provider->hours_count, 2);
    assert_int_equal(provider->hours[1].weekday, 7);
    assert_int_equal(provider->hours[1].opens, 0);
    assert_int_equal(provider->hours[1].closes, 0);
    int64_t christmas, week_before; // two Fridays, 10:00 to 11:00
    assert_true(instant_parse("2026-12-25T10:00:00Z", &christmas));
    assert_true(instant_parse("2026-12-18T10:00:00Z", &week_before));
    assert_false(provider_open_before(provider, christmas, christmas + 3600000));
    assert_true(provider_open_before(provider, week_before, week_before + 3600000));
    provider_free(provider);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void a_dirty_file_gives_its_good_rows_and_its_findings(void **state)
{
    char path[] = "/tmp/providers-XXXXXX";
    struct provider_file file;
    struct reason reason = {0};
    (void)state;
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    write_file(path, "ods_code,name,kind\nFZZ01,One,pharmacy\nFZZ02,\"Two\"x,pharmacy\n"
                     "FZZ03,Three,chemist\nFZZ01,Again,pharmacy\nFZZ04,Four,pharmacy\n");
    struct directory *existing = directory_new();
    assert_int_equal(
        provider_file_read(path, NULL, "auto", contract, NULL, existing, &file, &reason), DONE);
    assert_false(file.ods);
    assert_int_equal(directory_count(file.wanted), 2);
    assert_non_null(directory_find(file.wanted, "FZZ04"));
    assert_string_equal(directory_find(file.wanted, "FZZ01")->name, "One");
    assert_int_equal(file.findings_total, 3);
    assert_int_equal(file.left_out, 3);
    assert_non_null(strstr(file.findings[0].detail, "line 3"));
    assert_non_null(strstr(file.findings[1].detail, "line 4"));
    assert_string_equal(file.findings[2].code, "same-code");
    provider_file_clear(&file);
    directory_free(existing);
    unlink(path);
}

// What the file says, and what it says when it is loaded over its own result, month by month.
static struct provider_file load_text(const char *text, const struct places *places,
                                      const struct directory *existing)
{
    char path[] = "/tmp/providers-XXXXXX";
    struct provider_file file;
    struct reason finding = {0};
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    write_file(path, text);
    assert_int_equal(
        provider_file_read(path, NULL, "auto", contract, places, existing, &file, &finding), DONE);
    unlink(path);
    return file;
}

static void a_service_that_no_pathway_has_is_told_and_its_row_is_kept(void **state)
{
    (void)state;
    struct directory *existing = directory_new();
    struct provider_file file =
        load_text("ods_code,name,kind,services\n"
                  "FZZ01,One,pharmacy,minor-illness:1- urgent-eye-cares falls\n"
                  "FZZ02,Two,pharmacy,falls\nFZZ03,Three,pharmacy,\n",
                  NULL, existing);
    assert_int_equal(directory_count(file.wanted), 3);
    assert_int_equal(directory_find(file.wanted, "FZZ01")->services_count, 3);
    assert_int_equal(file.left_out, 0);
    assert_int_equal(file.findings_total, 1);
    assert_string_equal(file.findings[0].code, "unknown-service");
    assert_non_null(strstr(file.findings[0].detail, "line 2: "));
    assert_non_null(strstr(file.findings[0].detail, "urgent-eye-cares"));
    provider_file_clear(&file);
    directory_free(existing);
}

static void a_row_of_ods_keeps_what_ods_does_not_know(void **state)
{
    char path[] = "/tmp/providers-XXXXXX";
    struct provider_file file;
    struct reason finding = {0};
    (void)state;
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    write_file(path,
               "FZZ01,NEW NAME,Y59,QKS,,,,,,TN27 9AA,20071101,,A,1,P05N,,,,,,,0,,QKS,,,\n"
               "FZZ02,CLOSED,Y59,QKS,,,,,,TN27 9AA,20071101,20240101,C,1,P05N,,,,,,,0,,QKS,,,\n"
               "FZZ03,CLOSED TOO,Y59,QKS,,,,,,TN27 9AA,20071101,,INACTIVE,1,,,,,,,,0,,QKS,,,\n");
    struct directory *existing = directory_new();
    for (int number = 1; number <= 2; number++) {
        char row[120];
        text_format(row, sizeof row, "FZZ0%d,Old,pharmacy,minor-illness,https://a.example/x",
                    number);
        assert_int_equal(read_row("ods_code,name,kind,services,endpoint_url", row, &finding), DONE);
        assert_true(directory_put_take(existing, provider_from_record(record, &finding)));
    }
    assert_int_equal(
        provider_file_read(path, NULL, "auto", contract, NULL, existing, &file, &finding), DONE);
    assert_true(file.ods);
    assert_int_equal(file.closed, 2);
    assert_int_equal(directory_count(file.wanted), 2);
    const struct provider *renamed = directory_find(file.wanted, "FZZ01");
    assert_string_equal(renamed->name, "NEW NAME");
    assert_string_equal(renamed->postcode, "TN27 9AA");
    assert_string_equal(renamed->url, "https://a.example/x");
    assert_non_null(provider_offers(renamed, "minor-illness"));
    assert_false(renamed->paused);
    assert_true(directory_find(file.wanted, "FZZ02")->paused);
    provider_file_clear(&file);
    directory_free(existing);
    unlink(path);
}

static void one_that_closed_and_is_active_again_is_reported_but_not_one_paused_by_hand(void **state)
{
    static const char CLOSED[] = "FZZ01,ONE,Y59,QKS,,,,,,TN27 9AA,,,C,1,P05N,,,,,,,0,,QKS,,,\n"
                                 "FZZ02,TWO,Y59,QKS,,,,,,TN27 9AA,,,C,1,P05N,,,,,,,0,,QKS,,,\n",
                      ACTIVE[] = "FZZ01,ONE,Y59,QKS,,,,,,TN27 9AA,,,A,1,P05N,,,,,,,0,,QKS,,,\n"
                                 "FZZ02,TWO,Y59,QKS,,,,,,TN27 9AA,,,A,1,P05N,,,,,,,0,,QKS,,,\n"
                                 "FZZ03,THREE,Y59,QKS,,,,,,TN27 9AA,,,A,1,P05N,,,,,,,0,,QKS,,,\n";
    struct reason finding = {0};
    (void)state;
    struct directory *existing = directory_new();
    for (int number = 1; number <= 3; number++) { // two and three are paused by hand
        char row[120];
        text_format(row, sizeof row, "FZZ0%d,Old,pharmacy,%s", number,
                    number > 1 ? "true" : "false");
        assert_int_equal(read_row("ods_code,name,kind,paused", row, &finding), DONE);
        assert_true(directory_put_take(existing, provider_from_record(record, &finding)));
    }
    struct provider_file closed = load_text(CLOSED, NULL, existing);
    assert_int_equal(closed.findings_total, 0);
    assert_true(directory_find(closed.wanted, "FZZ01")->paused_as_closed);
    assert_false(directory_find(closed.wanted, "FZZ02")->paused_as_closed);
    assert_true(
        directory_put_take(closed.wanted, provider_copy(directory_find(existing, "FZZ03"))));
    struct provider_file again = load_text(ACTIVE, NULL, closed.wanted);
    assert_int_equal(again.findings_total, 1);
    assert_int_equal(again.left_out, 0);
    assert_string_equal(again.findings[0].code, "paused-here");
    assert_non_null(strstr(again.findings[0].detail, "line 1: FZZ01 is active again"));
    assert_non_null(strstr(again.findings[0].detail, "providers resume FZZ01"));
    for (int number = 1; number <= 3; number++) { // nobody is resumed by a file
        char code[ODS_CODE_SIZE];
        text_format(code, sizeof code, "FZZ0%d", number);
        assert_true(directory_find(again.wanted, code)->paused);
    }
    // resumed by a row of our own, it is as others are
    struct provider_file resumed =
        load_text("ods_code,name,kind,paused\nFZZ01,One,pharmacy,\n", NULL, again.wanted);
    assert_false(directory_find(resumed.wanted, "FZZ01")->paused);
    assert_false(directory_find(resumed.wanted, "FZZ01")->paused_as_closed);
    provider_file_clear(&closed);
    provider_file_clear(&again);
    provider_file_clear(&resumed);
    directory_free(existing);
}

// The table of places came first with districts alone, and later with postcodes.
static void one_that_was_placed_by_its_postcode_is_placed_anew_by_a_better_table(void **state)
{
    static const char OURS[] = "ods_code,name,kind,postcode,easting,northing\n"
                               "FZZ01,One,pharmacy,TN27 9AA,,\n"
                               "FZZ02,Two,pharmacy,TN27 9AA,588888,144444\n",
                      PLAIN[] = "ods_code,name,kind,postcode\n"
                                "FZZ01,One,pharmacy,TN27 9AA\n"
                                "FZZ02,Two,pharmacy,TN27 9AA\n",
                      ODS[] = "FZZ01,ONE,Y59,QKS,,,,,,TN27 9AA,,,A,1,P05N,,,,,,,0,,QKS,,,\n"
                              "FZZ02,TWO,Y59,QKS,,,,,,TN27 9AA,,,A,1,P05N,,,,,,,0,,QKS,,,\n";
    const char *const later[] = {PLAIN, ODS};
    struct reason reason = {0};
    (void)state;
    struct places *districts = places_new(), *postcodes = places_new(), *none = places_new();
    struct directory *nobody = directory_new();
    assert_int_equal(places_add(districts, "TN27", 590000, 145000, &reason), DONE);
    assert_int_equal(places_add(postcodes, "TN27", 590100, 145100, &reason), DONE);
    assert_int_equal(places_add(postcodes, "TN27 9AA", 588000, 144000, &reason), DONE);
    struct provider_file first = load_text(OURS, districts, nobody);
    assert_int_equal(directory_find(first.wanted, "FZZ01")->easting, 590000);
    for (size_t index = 0; index < sizeof later / sizeof *later; index++) {
        struct provider_file second = load_text(later[index], postcodes, first.wanted);
        assert_int_equal(directory_find(second.wanted, "FZZ01")->easting, 588000);
        assert_int_equal(directory_find(second.wanted, "FZZ01")->northing, 144000);
        // what somebody wrote down is not overruled by a table
        assert_int_equal(directory_find(second.wanted, "FZZ02")->easting, 588888);
        // and a table that knows nothing takes no place away
        struct provider_file third = load_text(later[index], none, second.wanted);
        assert_true(directory_find(third.wanted, "FZZ01")->has_place);
        assert_int_equal(directory_find(third.wanted, "FZZ01")->easting, 588000);
        provider_file_clear(&second);
        provider_file_clear(&third);
    }
    provider_file_clear(&first);
    directory_free(nobody);
    places_free(districts);
    places_free(postcodes);
    places_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_a_command_line_is_known_or_told_without_a_column),
        cmocka_unit_test(a_row_is_taken_or_its_fault_is_named),
        cmocka_unit_test(a_service_that_no_pathway_has_is_told_and_its_row_is_kept),
        cmocka_unit_test(hours_and_services_become_the_providers_own),
        cmocka_unit_test(closed_on_bank_holidays_becomes_a_session_without_length),
        cmocka_unit_test(a_dirty_file_gives_its_good_rows_and_its_findings),
        cmocka_unit_test(a_row_of_ods_keeps_what_ods_does_not_know),
        cmocka_unit_test(
            one_that_closed_and_is_active_again_is_reported_but_not_one_paused_by_hand),
        cmocka_unit_test(one_that_was_placed_by_its_postcode_is_placed_anew_by_a_better_table),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
