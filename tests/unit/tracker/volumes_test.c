/* SPDX-License-Identifier: Apache-2.0 */
#include "volumes.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs the four above
#include <cmocka.h>

static const struct date today = {2026, 3, 1};

static void dates_are_inclusive_and_default_to_28_days(void **state)
{
    static const struct {
        int line;
        const char *from, *to; /* expected */
        struct volumes_query query;
    } rows[] = {
        {__LINE__, "2026-02-02", "2026-03-01", {.from = NULL}},
        {__LINE__, "2026-01-01", "2026-03-01", {.from = "2026-01-01"}},
        {__LINE__, "2024-02-02", "2024-02-29", {.to = "2024-02-29"}},
        {__LINE__, "2026-03-29", "2026-03-29", {.from = "2026-03-29", .to = "2026-03-29"}},
        {__LINE__, "0001-01-01", "0001-01-05", {.to = "0001-01-05"}},
        {__LINE__, "2026-02-02", "2026-03-01", {.stage = "delivered"}},
        {__LINE__, "2026-02-02", "2026-03-01", {.stage = ""}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct volume_filter filter;
        struct reason reason;
        if (volumes_filter(&rows[i].query, today, &filter, &reason) != DONE)
            fail_msg("line %d: %s", rows[i].line, reason.detail);
        if (strcmp(filter.from, rows[i].from) != 0 || strcmp(filter.to, rows[i].to) != 0)
            fail_msg("line %d: %s to %s", rows[i].line, filter.from, filter.to);
    }
}

static void a_bad_query_is_refused_with_its_pointer(void **state)
{
    static const char long_name[] = "a-name-that-is-longer-than-any-pathway-may-ever-be-called";
    static const struct {
        int line;
        const char *code, *pointer; /* expected */
        struct volumes_query query;
    } rows[] = {
        {__LINE__, "bad-date", "/from", {.from = "2026-02-29"}},
        {__LINE__, "bad-date", "/from", {.from = "yesterday"}},
        {__LINE__, "bad-date", "/from", {.from = ""}},
        {__LINE__, "bad-date", "/to", {.to = "2026-3-1"}},
        {__LINE__, "bad-date", "/to", {.to = "2026-03-01 "}},
        {__LINE__, "bad-range", "/from", {.from = "2026-03-02"}},
        {__LINE__, "bad-filter", "/pathway", {.pathway = long_name}},
        {__LINE__, "bad-filter", "/stage", {.stage = long_name}},
        {__LINE__, "bad-filter", "/stage", {.stage = "nonsense"}},
        {__LINE__, "bad-filter", "/stage", {.stage = "Delivered"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct volume_filter filter;
        struct reason reason;
        if (volumes_filter(&rows[i].query, today, &filter, &reason) != REFUSED ||
            strcmp(reason.code, rows[i].code) != 0 || strcmp(reason.pointer, rows[i].pointer) != 0)
            fail_msg("line %d: %s at %s", rows[i].line, reason.code, reason.pointer);
        if (strcmp(rows[i].pointer, "/stage") == 0)
            assert_string_equal(reason.detail,
                                "expected one of received, refused, recorded, delivered, returned, "
                                "cancelled, accepted, declined, completed");
    }
}

static void csv_has_the_same_columns_and_quotes_what_needs_it(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    assert_true(volumes_csv_begin(&buffer));
    assert_string_equal(buffer_text(&buffer),
                        "period,pathway,service,source_kind,hcp,pcn,provider,stage,count\r\n");
    buffer_reset(&buffer);
    const struct volume plain = {.period = "2026-03-01",
                                 .pathway = "msk",
                                 .source_kind = "self",
                                 .hcp = "Dartford Gravesham & Swanley",
                                 .pcn = "Swanley & Rural",
                                 .provider = "RPG",
                                 .stage = "delivered",
                                 .count = 12};
    assert_true(volumes_csv_row(&buffer, &plain));
    assert_string_equal(buffer_text(&buffer), "2026-03-01,msk,,self,Dartford Gravesham & Swanley,"
                                              "Swanley & Rural,RPG,delivered,12\r\n");
    buffer_reset(&buffer);
    const struct volume odd = {.period = "2026-03-01",
                               .pathway = "msk",
                               .hcp = "a \"b\", c",
                               .pcn = "=1+1",
                               .stage = "delivered",
                               .count = 9000000000};
    assert_true(volumes_csv_row(&buffer, &odd));
    assert_string_equal(buffer_text(&buffer),
                        "2026-03-01,msk,,,\"a \"\"b\"\", c\",'=1+1,,delivered,9000000000\r\n");
    buffer_clear(&buffer);
}

static void json_is_well_formed_with_none_one_and_two_rows(void **state)
{
    (void)state;
    const struct volume volume = {.period = "2026-03-01",
                                  .pathway = "msk",
                                  .hcp = "a \"b\" \\ c",
                                  .stage = "delivered",
                                  .count = 12};
    const struct volume_filter filter = {.from = "2026-02-01", .to = "2026-03-01"};
    for (size_t rows = 0; rows < 3; rows++) {
        struct buffer buffer;
        buffer_init(&buffer, 4096);
        assert_true(volumes_json_begin(&buffer, &filter));
        for (size_t i = 0; i < rows; i++)
            assert_true(volumes_json_row(&buffer, &volume, i == 0));
        assert_true(volumes_json_end(&buffer));
        struct reason reason;
        struct json *json = json_parse((const char *)buffer.data, buffer.length, 4096, &reason);
        assert_non_null(json);
        assert_string_equal(json_member_text(json, "from"), "2026-02-01");
        const struct json *volumes = json_member(json, "volumes");
        assert_int_equal(json_count(volumes), rows);
        for (size_t i = 0; i < rows; i++) {
            assert_int_equal(json_count(json_item(volumes, i)), 9);
            assert_int_equal(json_member_whole(json_item(volumes, i), "count", 0), 12);
            assert_string_equal(json_member_text(json_item(volumes, i), "hcp"), "a \"b\" \\ c");
            assert_string_equal(json_member_text(json_item(volumes, i), "service"), "");
        }
        json_free(json);
        buffer_clear(&buffer);
    }
}

static void an_answer_that_does_not_fit_is_a_failure(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 80);
    const struct volume volume = {.period = "2026-03-01", .pathway = "msk", .stage = "delivered"};
    assert_true(volumes_csv_begin(&buffer));
    assert_false(volumes_csv_row(&buffer, &volume));
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_are_inclusive_and_default_to_28_days),
        cmocka_unit_test(a_bad_query_is_refused_with_its_pointer),
        cmocka_unit_test(csv_has_the_same_columns_and_quotes_what_needs_it),
        cmocka_unit_test(json_is_well_formed_with_none_one_and_two_rows),
        cmocka_unit_test(an_answer_that_does_not_fit_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
