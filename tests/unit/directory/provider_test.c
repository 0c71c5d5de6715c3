/* SPDX-License-Identifier: Apache-2.0 */
/* A provider between struct and record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/directory.h"

#include <string.h>

static struct contract *contract;

static int set_up(void **state)
{
    (void)state;
    struct reason reason;
    contract = contract_load(SOURCE_DIR "/tests/unit/directory/schemas", &reason);
    if (contract == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

static struct record *parse(const char *text)
{
    struct reason reason;
    struct json *json = json_parse(text, strlen(text), 65536, &reason);
    assert_non_null(json);
    struct record *record = record_new(contract_message(contract, "Provider"));
    assert_non_null(record);
    if (record_from_json(record, json, &reason) != DONE)
        fail_msg("%s %s", reason.pointer, reason.detail);
    json_free(json);
    return record;
}

static const char full[] =
    "{\"ods_code\":\"FAA01\",\"name\":\"Made-up Pharmacy\",\"kind\":\"pharmacy\","
    "\"hcp\":\"West Kent\",\"postcode\":\"ME14 1AA\",\"easting\":577000,\"northing\":156000,"
    "\"services\":[{\"service\":\"plain\",\"accepting\":false,\"age_least\":5,"
    "\"capacity_per_day\":12},{\"service\":\"quick\"}],\"distance_selling\":true,"
    "\"hours\":[{\"weekday\":0,\"opens\":540,\"closes\":1080}],"
    "\"special_days\":[{\"date\":\"2026-12-25\",\"opens\":0,\"closes\":0}],"
    "\"endpoint\":{\"url\":\"https://pharmacy.invalid/in\",\"secret\":\"faa01\","
    "\"certificate\":\"kent\",\"dos_service_id\":2000011147},"
    "\"capacity_updated_at\":1795420800000}";

static void check_full(const struct provider *provider)
{
    assert_string_equal(provider->ods_code, "FAA01");
    assert_string_equal(provider->kind, "pharmacy");
    assert_string_equal(provider->hcp, "West Kent");
    assert_string_equal(provider->pcn, "");
    assert_true(provider->has_place);
    assert_int_equal(provider->easting, 577000);
    assert_true(provider->distance_selling);
    assert_false(provider->paused);
    assert_int_equal(provider->capacity_updated_at_ms, 1795420800000);
    assert_string_equal(provider->url, "https://pharmacy.invalid/in");
    assert_string_equal(provider->format, "json");
    assert_string_equal(provider->secret, "faa01");
    assert_string_equal(provider->certificate, "kent");
    assert_int_equal(provider->dos_service_id, 2000011147);
    assert_int_equal(provider->services_count, 2);
    assert_false(provider_offers(provider, "plain")->accepting);
    assert_int_equal(provider_offers(provider, "plain")->age_least, 5);
    assert_int_equal(provider_offers(provider, "plain")->age_most, -1);
    assert_int_equal(provider_offers(provider, "plain")->capacity_per_day, 12);
    assert_true(provider_offers(provider, "quick")->accepting);
    assert_int_equal(provider_offers(provider, "quick")->capacity_per_day, -1);
    assert_null(provider_offers(provider, "special"));
    assert_int_equal(provider->hours[0].closes, 1080);
    assert_int_equal(provider->special_days[0].day, 20812);
}

static void a_provider_comes_back_as_it_was(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct record *record = parse(full);
    struct provider *provider = provider_from_record(record, &reason);
    assert_non_null(provider);
    check_full(provider);
    struct provider *copy = provider_copy(provider);
    provider_free(provider);
    assert_non_null(copy);
    check_full(copy);
    assert_true(provider_to_record(copy, record));
    provider_free(copy);
    provider = provider_from_record(record, &reason);
    assert_non_null(provider);
    check_full(provider);
    provider_free(provider);
    record_free(record);
}

static void one_that_says_little_is_open_and_nowhere(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct record *record =
        parse("{\"ods_code\":\"FAA01\",\"name\":\"Made-up Pharmacy\",\"kind\":\"pharmacy\"}");
    struct provider *provider = provider_from_record(record, &reason);
    assert_non_null(provider);
    assert_false(provider->has_place);
    assert_null(provider->url);
    assert_null(provider->secret);
    assert_null(provider->certificate);
    assert_int_equal(provider->dos_service_id, 0);
    assert_int_equal(provider->services_count, 0);
    assert_true(provider_open_before(provider, 0, 1));
    provider_free(provider);
    record_free(record);
}

static void a_broken_one_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        const char *json;
    } rows[] = {
        {"bad-format", "{\"ods_code\":\"x\",\"name\":\"\",\"kind\":\"pharmacy\"}"},
        {"not-allowed", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"baker\"}"},
        {"bad-session", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"pharmacy\","
                        "\"hours\":[{\"weekday\":0,\"opens\":1320,\"closes\":120}]}"},
        {"bad-session", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"pharmacy\","
                        "\"special_days\":[{\"date\":\"2026-12-25\",\"opens\":9,\"closes\":8}]}"},
        {"out-of-range", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"pharmacy\","
                         "\"hours\":[{\"weekday\":8,\"opens\":1,\"closes\":2}]}"},
        {"out-of-range", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"pharmacy\","
                         "\"easting\":700001,\"northing\":1}"},
        {"bad-format", "{\"ods_code\":\"FAA01\",\"name\":\"\",\"kind\":\"pharmacy\","
                       "\"special_days\":[{\"date\":\"2026-02-30\",\"opens\":0,\"closes\":0}]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reason reason = {0};
        struct record *record = parse(rows[i].json);
        struct provider *provider = provider_from_record(record, &reason);
        if (provider != NULL || strcmp(reason.code, rows[i].code) != 0)
            fail_msg("row %zu: found %s", i, reason.code);
        record_free(record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_comes_back_as_it_was),
        cmocka_unit_test(one_that_says_little_is_open_and_nowhere),
        cmocka_unit_test(a_broken_one_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
