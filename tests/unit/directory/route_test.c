/* SPDX-License-Identifier: Apache-2.0 */
/* From a referral to a decision, with made-up pathways: the referral's own day, places, deadlines,
 * the explanation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "directory/route.h"
#include "lifecycle/delivery.h"
#include "lifecycle/event.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static struct contract *contract;
static struct route_world world;
static struct directory *directory;
static struct places *places;
static struct pathway_set *pathways;
static struct record *referral;

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(instant_parse(text, &ms));
    return ms;
}

static void put(const char *ods_code, int32_t easting, int32_t northing, bool distance_selling)
{
    struct provider_service services[] = {{"plain", true, -1, -1, -1}, {"quick", true, -1, -1, -1}};
    char name[] = "Test Pharmacy", hcp[] = "West Kent", empty[] = "", url[] = "https://x";
    struct provider provider = {
        .kind = "pharmacy",
        .has_place = true,
        .easting = easting,
        .northing = northing,
        .distance_selling = distance_selling,
        .name = name,
        .hcp = hcp,
        .pcn = empty,
        .postcode = empty,
        .url = url,
        .services = services,
        .services_count = 2,
    };
    text_copy(provider.ods_code, sizeof provider.ods_code, ods_code);
    assert_true(directory_put_take(directory, provider_copy(&provider)));
}

static int set_up(void **state)
{
    (void)state;
    struct reason reason;
    const char *folder = SOURCE_DIR "/tests/unit/directory/schemas";
    contract = contract_load(folder, &reason);
    if (contract == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    pathways = pathway_set_load(contract, &reason);
    if (pathways == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    places = places_load(folder, &reason);
    directory = directory_new();
    assert_non_null(places);
    assert_non_null(directory);
    world = (struct route_world){pathways, directory, places};
    referral = record_new(contract_referral(contract, "check"));
    assert_non_null(referral);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    record_free(referral);
    directory_free(directory);
    places_free(places);
    pathway_set_free(pathways);
    contract_free(contract);
    return 0;
}

/* A fresh directory and referral for each test. */
static int begin(void **state)
{
    (void)state;
    directory_free(directory);
    directory = directory_new();
    assert_non_null(directory);
    world.directory = directory;
    directory_set_version(directory, "p7");
    record_reset(referral);
    record_set_text(referral, "id", "7d444840-9dc0-51d1-b245-5ffdce74fad2");
    record_set_text(referral, "pathway", "check");
    record_set_text(referral, "source.kind", "gp-practice");
    record_set_text(referral, "source.hcp", "West Kent");
    record_set_text(referral, "patient.date_of_birth", "1980-02-03");
    record_set_text(referral, "patient.sex", "female");
    record_set_text(referral, "patient.postcode", "ME14 1AA");
    record_set_boolean(referral, "consent.direct_care", true);
    record_set_text(referral, "details.strand", "plain");
    assert_false(record_failed(referral));
    return 0;
}

static struct route_decision decide(const char *accepted_at)
{
    struct route_decision decision;
    int64_t accepted_at_ms = at(accepted_at);
    assert_true(route_decide(&world, "check", referral, accepted_at_ms, accepted_at_ms + 1000, NULL,
                             0, &decision));
    return decision;
}

static void the_referral_goes_to_the_nearest(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, false);
    put("FAA02", 582000, 156000, false);
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    assert_int_equal(decision.rules.outcome, RULES_ROUTE);
    assert_string_equal(decision.choice.provider->ods_code, "FAA01");
    assert_string_equal(decision.reason, "");
    assert_false(decision.clock_skewed);
    assert_int_equal(decision.deadline_at_ms, at("2026-11-24T08:00:00Z"));
}

static void a_service_with_its_own_deadline_has_that(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, false);
    record_set_text(referral, "details.strand", "quick");
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    assert_int_equal(decision.deadline_at_ms, at("2026-11-23T09:00:00Z"));
}

static void a_pathway_that_does_not_exist_gives_no_decision(void **state)
{
    (void)state;
    struct route_decision decision;
    assert_false(route_decide(&world, "nowhere", referral, 0, 0, NULL, 0, &decision));
}

/* The first birthday decides: born 2025-11-23, from that day on aged one. */
static void the_day_is_the_referrers_if_it_can_be_true(void **state)
{
    (void)state;
    static const struct {
        const char *reason;
        bool clock_skewed;
        const char *authored_at, *accepted_at;
    } rows[] = {
        {"", false, NULL, "2026-11-23T08:00:00Z"},
        {"too-young", false, NULL, "2026-11-22T08:00:00Z"},
        {"too-young", false, "2026-11-22T23:59:59Z", "2026-11-23T08:00:00Z"},
        {"", false, "2026-11-23T00:00:00Z", "2026-11-23T08:00:00Z"},
        {"", false, "2026-11-23T02:00:00+01:00", "2026-11-23T08:00:00Z"},
        {"too-young", false, "2026-11-23T00:30:00+01:00", "2026-11-23T08:00:00Z"},
        /* up to seven days before, then no more */
        {"too-young", false, "2026-11-22T08:00:00Z", "2026-11-29T08:00:00Z"},
        {"", true, "2026-11-22T08:00:00Z", "2026-11-29T08:00:01Z"},
        /* up to five minutes after, then no more */
        {"", false, "2026-11-23T00:04:00Z", "2026-11-22T23:59:00Z"},
        {"too-young", true, "2026-11-23T00:04:01Z", "2026-11-22T23:59:00Z"},
        {"", true, "1970-01-01T00:00:00Z", "2026-11-23T08:00:00Z"},
    };
    put("FAA01", 577100, 156100, false);
    record_set_text(referral, "patient.date_of_birth", "2025-11-23");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        record_set_text(referral, "authored_at", rows[i].authored_at);
        struct route_decision decision = decide(rows[i].accepted_at);
        if (strcmp(decision.reason, rows[i].reason) != 0 ||
            decision.clock_skewed != rows[i].clock_skewed)
            fail_msg("row %zu: found '%s'%s", i, decision.reason,
                     decision.clock_skewed ? ", skewed" : "");
    }
}

static void a_deadline_that_has_passed_is_returned_and_not_delivered_late(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, false);
    struct route_decision decision;
    int64_t accepted_at_ms = at("2026-11-23T08:00:00Z");
    assert_true(route_decide(&world, "check", referral, accepted_at_ms, accepted_at_ms + DAY_MS - 1,
                             NULL, 0, &decision));
    assert_non_null(decision.choice.provider);
    assert_true(route_decide(&world, "check", referral, accepted_at_ms, accepted_at_ms + DAY_MS,
                             NULL, 0, &decision));
    assert_null(decision.choice.provider);
    assert_string_equal(decision.reason, "deadline-passed");
}

static void a_re_route_leaves_out_those_tried_and_keeps_the_deadline(void **state)
{
    (void)state;
    static const struct tried_provider tried[2] = {{"FAA01", true}, {"FAA02", false}};
    put("FAA01", 577100, 156100, false);
    put("FAA02", 582000, 156000, false);
    struct route_decision decision;
    int64_t accepted_at_ms = at("2026-11-23T08:00:00Z");
    assert_true(route_decide(&world, "check", referral, accepted_at_ms, accepted_at_ms + HOUR_MS,
                             tried, 1, &decision));
    assert_string_equal(decision.choice.provider->ods_code, "FAA02");
    assert_int_equal(decision.deadline_at_ms, accepted_at_ms + DAY_MS);
    assert_true(route_decide(&world, "check", referral, accepted_at_ms, accepted_at_ms + HOUR_MS,
                             tried, 2, &decision));
    assert_null(decision.choice.provider);
    assert_string_equal(decision.reason, "no-provider");
}

static void where_the_patient_is_comes_from_postcode_practice_or_area(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *how, *postcode, *practice;
    } rows[] = {
        {"FAA01", "nearest", "ME14", NULL},
        {"FAA02", "nearest", "ME15 6XX", NULL},
        {"FAA02", "nearest", "ME15 6XX", "G82999"},
        {"FAA01", "nearest", "ZZ99 3VZ", "G82999"}, /* from the places */
        {"FAA02", "nearest", NULL, "FAA02"},        /* from the directory */
        {"FAA03", "same-area", "ZZ99 3VZ", NULL},
        {"FAA03", "same-area", NULL, "G82001"},
    };
    put("FAA01", 577100, 156100, false);
    put("FAA02", 575000, 154000, false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool no_place = strcmp(rows[i].how, "same-area") == 0;
        if (no_place) { /* the only one of that area */
            record_set_text(referral, "source.hcp", "East Kent");
            struct provider *copy = provider_copy(directory_find(directory, "FAA01"));
            text_copy(copy->ods_code, sizeof copy->ods_code, "FAA03");
            text_copy(copy->hcp, strlen(copy->hcp) + 1, "East Kent");
            assert_true(directory_put_take(directory, copy));
        }
        record_set_text(referral, "patient.postcode", rows[i].postcode);
        record_set_text(referral, "patient.gp_practice", rows[i].practice);
        struct route_decision decision = decide("2026-11-23T08:00:00Z");
        if (decision.choice.provider == NULL ||
            strcmp(decision.choice.provider->ods_code, rows[i].expected) != 0 ||
            strcmp(decision.choice.how, rows[i].how) != 0)
            fail_msg("row %zu: %s", i, decision.choice.how);
    }
}

static void what_must_not_go_by_post_does_not(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, true);
    put("FAA02", 582000, 156000, false);
    record_set_text(referral, "details.strand", "no-post");
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    assert_string_equal(decision.choice.provider->ods_code, "FAA02");
    assert_string_equal(decision.choice.passed_over[0].why, "distance-selling");
}

static void the_explanation_says_what_was_decided_and_nothing_of_the_patient(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, false);
    put("FAA02", 579600, 156000, false);
    record_set_text(referral, "nominated_provider", "FZZ99");
    record_set_text(referral, "details.strand", "fall-back");
    record_set_text(referral, "authored_at", "2020-01-01T00:00:00Z");
    struct provider *paused = provider_copy(directory_find(directory, "FAA01"));
    assert_non_null(paused);
    paused->paused = true;
    assert_true(directory_put_take(directory, paused));
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    decision.accepted_at_replaced = true;
    char text[EXPLANATION_SIZE];
    assert_true(route_explain(&world, &decision, "1.2.3", text, sizeof text));
    assert_string_equal(
        text, "{\"rule\":\"not-special\",\"service\":\"plain\",\"fell_back_from\":\"special\","
              "\"rules_reason\":\"not-special\",\"words\":\"Seen as plain.\","
              "\"how\":\"nearest\",\"provider\":\"FAA02\","
              "\"within_km\":3,\"passed_over_total\":2,\"passed_over\":"
              "[[\"FZZ99\",\"unknown-provider\"],[\"FAA01\",\"paused\"]],\"clock_skewed\":true,"
              "\"accepted_at_replaced\":true,\"rules_version\":\"1.2.3\","
              "\"directory_version\":\"p7\"}");
}

static void an_explanation_that_does_not_fit_is_said_so(void **state)
{
    (void)state;
    put("FAA01", 577100, 156100, false);
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    char text[EXPLANATION_SIZE];
    assert_true(route_explain(&world, &decision, "1", text, sizeof text));
    size_t length = strlen(text);
    assert_true(route_explain(&world, &decision, "1", text, length + 1));
    assert_false(route_explain(&world, &decision, "1", text, length));
    assert_false(route_explain(&world, &decision, "1", text, 0));
}

static void what_rules_return_or_record_needs_no_provider(void **state)
{
    (void)state;
    static const struct {
        enum rules_outcome outcome;
        const char *reason, *strand;
    } rows[] = {{RULES_RETURN, "asked-back", "return"}, {RULES_RECORD, "", "record"}};
    for (size_t i = 0; i < 2; i++) {
        record_set_text(referral, "details.strand", rows[i].strand);
        struct route_decision decision = decide("2026-11-23T08:00:00Z");
        assert_int_equal(decision.rules.outcome, rows[i].outcome);
        assert_string_equal(decision.reason, rows[i].reason);
        assert_null(decision.choice.provider);
    }
}

/* FAA01 is the only one, and something is wrong with it. */
static void put_unsuitable(const char *why_not, int64_t now_ms)
{
    static const struct session saturday = {.weekday = 5, .opens = 540, .closes = 1020};
    put("FAA01", strcmp(why_not, "too far") == 0 ? 640000 : 577100, 156100, false);
    struct provider *provider = provider_copy(directory_find(directory, "FAA01"));
    assert_non_null(provider);
    provider->paused = strcmp(why_not, "paused") == 0;
    if (strcmp(why_not, "full") == 0) {
        provider->services[0].capacity_per_day = 0;
        provider->capacity_updated_at_ms = now_ms;
    }
    if (strcmp(why_not, "closed") == 0) {
        provider->hours = malloc(sizeof saturday);
        assert_non_null(provider->hours);
        provider->hours[0] = saturday;
        provider->hours_count = 1;
    }
    assert_true(directory_put_take(directory, provider));
}

/* Nobody sees the patient then, so the words of a fall-back would be untrue. */
static void every_return_for_want_of_a_provider_has_words_of_its_own(void **state)
{
    static const struct {
        const char *reason, *why_not, *words;
        int64_t late_ms;
    } rows[] = {
        {"no-provider", "paused", "No provider that could", 0},
        {"no-provider-open", "closed", "No provider of this service is open", 0},
        {"no-provider-with-room", "full", "All providers of this service", 0},
        {"no-provider-in-range", "too far", "No provider of this service is near", 0},
        {"deadline-passed", "", "The time for this referral", DAY_MS},
    };
    static const char *const strands[] = {"plain", "fall-back"};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        int64_t now_ms = at("2026-11-23T08:00:00Z");
        struct route_decision decision;
        char text[EXPLANATION_SIZE], words[120];
        begin(state);
        put_unsuitable(rows[i / 2].why_not, now_ms);
        record_set_text(referral, "details.strand", strands[i % 2]);
        assert_true(route_decide(&world, "check", referral, now_ms, now_ms + rows[i / 2].late_ms,
                                 NULL, 0, &decision));
        assert_true(route_explain(&world, &decision, "1", text, sizeof text));
        assert_true(text_format(words, sizeof words, "\"words\":\"%s", rows[i / 2].words));
        if (strcmp(decision.reason, rows[i / 2].reason) != 0 || strstr(text, words) == NULL ||
            strstr(text, route_words(&decision)) == NULL)
            fail_msg("row %zu, %s: %s", i / 2, strands[i % 2], text);
    }
}

/* A code that is new in directory_choose gets the words that are true of all. */
static void a_reason_without_words_has_the_general_ones(void **state)
{
    (void)state;
    char text[EXPLANATION_SIZE];
    record_set_text(referral, "details.strand", "fall-back");
    struct route_decision decision = decide("2026-11-23T08:00:00Z");
    decision.reason = "no-provider-of-a-new-kind";
    assert_true(route_explain(&world, &decision, "1", text, sizeof text));
    assert_non_null(strstr(text, "\"words\":\"No provider that could"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_referral_goes_to_the_nearest, begin),
        cmocka_unit_test_setup(a_service_with_its_own_deadline_has_that, begin),
        cmocka_unit_test_setup(a_pathway_that_does_not_exist_gives_no_decision, begin),
        cmocka_unit_test_setup(the_day_is_the_referrers_if_it_can_be_true, begin),
        cmocka_unit_test_setup(a_deadline_that_has_passed_is_returned_and_not_delivered_late,
                               begin),
        cmocka_unit_test_setup(a_re_route_leaves_out_those_tried_and_keeps_the_deadline, begin),
        cmocka_unit_test_setup(where_the_patient_is_comes_from_postcode_practice_or_area, begin),
        cmocka_unit_test_setup(what_must_not_go_by_post_does_not, begin),
        cmocka_unit_test_setup(the_explanation_says_what_was_decided_and_nothing_of_the_patient,
                               begin),
        cmocka_unit_test_setup(an_explanation_that_does_not_fit_is_said_so, begin),
        cmocka_unit_test_setup(every_return_for_want_of_a_provider_has_words_of_its_own, begin),
        cmocka_unit_test_setup(a_reason_without_words_has_the_general_ones, begin),
        cmocka_unit_test_setup(what_rules_return_or_record_needs_no_provider, begin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
