/* SPDX-License-Identifier: Apache-2.0 */
/* Who is chosen, who is passed over and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/calendar.h"
#include "base/random.h"
#include "base/text.h"
#include "directory/directory.h"
#include "lifecycle/delivery.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1795420800000) /* 2026-11-23T08:00:00Z, a Monday */
#define HOUR_MS INT64_C(3600000)

/* A pharmacy at (easting, northing) that offers "check" and can be delivered to. */
static struct provider *pharmacy(const char *ods_code, int32_t easting, int32_t northing)
{
    static struct provider_service check = {"check", true, -1, -1, -1};
    static char name[] = "Test Pharmacy", hcp[] = "West Kent", empty[] = "", url[] = "https://x";
    struct provider plain = {
        .kind = "pharmacy",
        .has_place = true,
        .easting = easting,
        .northing = northing,
        .name = name,
        .hcp = hcp,
        .pcn = empty,
        .postcode = empty,
        .url = url,
        .format = "json",
        .services = &check,
        .services_count = 1,
    };
    text_copy(plain.ods_code, sizeof plain.ods_code, ods_code);
    struct provider *provider = provider_copy(&plain);
    assert_non_null(provider);
    return provider;
}

static struct provider_wish wish_at(int32_t easting, int32_t northing)
{
    return (struct provider_wish){
        .referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
        .service = "check",
        .provider_kind = "pharmacy",
        .has_place = true,
        .easting = easting,
        .northing = northing,
        .age_years = 40,
        .now_ms = NOW_MS,
        .deadline_ms = NOW_MS + 24 * HOUR_MS,
    };
}

static void put(struct directory *directory, struct provider *provider)
{
    assert_true(directory_put_take(directory, provider));
}

static void the_nearest_by_band_is_chosen(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA01", 578000, 155000));
    put(directory, pharmacy("FAA02", 576500, 155000));
    put(directory, pharmacy("FAA03", 590000, 155000));
    struct provider_wish wish = wish_at(575000, 155000);
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA02");
    assert_string_equal(choice.how, "nearest");
    assert_int_equal(choice.distance_m, 1500);
    assert_string_equal(choice.reason, "");
    assert_int_equal(choice.passed_over_total, 0);
    directory_free(directory);
}

static void equally_near_ones_share_the_work_and_each_referral_stays_with_one(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA01", 575100, 155000));
    put(directory, pharmacy("FAA02", 575200, 155000));
    put(directory, pharmacy("FAA03", 575900, 155000));
    struct provider_wish wish = wish_at(575000, 155000);
    int shares[3] = {0};
    for (int i = 0; i < 300; i++) {
        char id[37];
        text_format(id, sizeof id, "00000000-0000-5000-8000-%012d", i);
        wish.referral_id = id;
        struct provider_choice first, again;
        directory_choose(directory, &wish, &first);
        directory_choose(directory, &wish, &again);
        assert_ptr_equal(first.provider, again.provider);
        shares[first.provider->ods_code[4] - '1']++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(shares[i], 60, 140);
    directory_free(directory);
}

static void the_nominated_is_chosen_whatever_the_distance(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA01", 575000, 155000));
    put(directory, pharmacy("FAA02", 400000, 300000));
    struct provider_wish wish = wish_at(575000, 155000);
    wish.nominated = "FAA02";
    wish.distance_most_m = 1000;
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA02");
    assert_string_equal(choice.how, "nominated");
    assert_int_equal(choice.passed_over_total, 0);
    directory_free(directory);
}

/* Each makes the provider unsuitable in one way. */
static void spoil(struct provider *provider, struct provider_wish *wish, const char *why)
{
    static const struct tried_provider tried = {"FAA01", false}, declined = {"FAA01", true};
    if (strcmp(why, "wrong-kind") == 0)
        text_copy(provider->kind, sizeof provider->kind, "optometrist");
    else if (strcmp(why, "no-such-service") == 0)
        text_copy(provider->services[0].service, sizeof provider->services[0].service, "other");
    else if (strcmp(why, "not-accepting") == 0)
        provider->services[0].accepting = false;
    else if (strcmp(why, "paused") == 0)
        provider->paused = true;
    else if (strcmp(why, "no-endpoint") == 0) {
        free(provider->url);
        provider->url = NULL;
    } else if (strcmp(why, "wrong-age") == 0)
        provider->services[0].age_least = 41;
    else if (strcmp(why, "distance-selling") == 0) {
        provider->distance_selling = true;
        wish->no_distance_selling = true;
    } else if (strcmp(why, "tried") == 0 || strcmp(why, "declined") == 0) {
        wish->tried = strcmp(why, "tried") == 0 ? &tried : &declined;
        wish->tried_count = 1;
    } else if (strcmp(why, "full") == 0) {
        provider->services[0].capacity_per_day = 0;
        provider->capacity_updated_at_ms = NOW_MS;
    } else if (strcmp(why, "closed") == 0) {
        provider->special_days = calloc(2, sizeof *provider->special_days);
        assert_non_null(provider->special_days);
        int32_t today = (int32_t)(NOW_MS / (24 * HOUR_MS));
        provider->special_days[0] = (struct special_day){today, 0, 0};
        provider->special_days[1] = (struct special_day){today + 1, 0, 0};
        provider->special_days_count = 2;
    } else
        fail_msg("how would one be %s?", why);
}

static const char *const whys[] = {
    "wrong-kind",       "no-such-service", "not-accepting", "paused", "no-endpoint", "wrong-age",
    "distance-selling", "tried",           "declined",      "full",   "closed"};

static void an_unsuitable_nominated_one_is_passed_over_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
        struct directory *directory = directory_new();
        struct provider_wish wish = wish_at(575000, 155000);
        struct provider *nominated = pharmacy("FAA01", 575000, 155000);
        spoil(nominated, &wish, whys[i]);
        put(directory, nominated);
        put(directory, pharmacy("FAA02", 579000, 155000));
        wish.nominated = "FAA01";
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        if (choice.provider == NULL || strcmp(choice.provider->ods_code, "FAA02") != 0)
            fail_msg("%s: the other one was not chosen", whys[i]);
        if (choice.passed_over_count != 1 || choice.passed_over_total != 1 ||
            strcmp(choice.passed_over[0].ods_code, "FAA01") != 0 ||
            strcmp(choice.passed_over[0].why, whys[i]) != 0)
            fail_msg("%s: found %s", whys[i],
                     choice.passed_over_count == 0 ? "nothing" : choice.passed_over[0].why);
        assert_string_equal(choice.how, "nearest");
        directory_free(directory);
    }
}

static void an_unsuitable_nearer_one_is_passed_over_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof whys / sizeof whys[0]; i++) {
        if (strcmp(whys[i], "no-such-service") == 0)
            continue; /* who does not offer it was never a candidate */
        struct directory *directory = directory_new();
        struct provider_wish wish = wish_at(575000, 155000);
        struct provider *near = pharmacy("FAA01", 575000, 155000);
        spoil(near, &wish, whys[i]);
        put(directory, near);
        put(directory, pharmacy("FAA02", 579000, 155000));
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        if (choice.provider == NULL || strcmp(choice.provider->ods_code, "FAA02") != 0 ||
            choice.passed_over_count != 1 || strcmp(choice.passed_over[0].why, whys[i]) != 0)
            fail_msg("%s", whys[i]);
        directory_free(directory);
    }
}

static void an_unknown_nominated_one_is_named(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA02", 579000, 155000));
    struct provider_wish wish = wish_at(575000, 155000);
    wish.nominated = "FZZ99";
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA02");
    assert_string_equal(choice.passed_over[0].ods_code, "FZZ99");
    assert_string_equal(choice.passed_over[0].why, "unknown-provider");
    directory_free(directory);
}

static void none_is_returned_with_the_reason_that_could_be_mended(void **state)
{
    (void)state;
    static const struct {
        const char *expected;
        const char *why;
        int64_t distance_most_m;
    } rows[] = {
        {"no-provider-open", "closed", 0},    {"no-provider", "paused", 0},
        {"no-provider", "tried", 0},          {"no-provider", "declined", 0},
        {"no-provider-in-range", NULL, 1000}, {"no-provider", "no-such-service", 0},
        {"no-provider-with-room", "full", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct directory *directory = directory_new();
        struct provider_wish wish = wish_at(575000, 155000);
        wish.distance_most_m = rows[i].distance_most_m;
        struct provider *provider = pharmacy("FAA01", 579000, 155000);
        if (rows[i].why != NULL)
            spoil(provider, &wish, rows[i].why);
        put(directory, provider);
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        assert_null(choice.provider);
        if (strcmp(choice.reason, rows[i].expected) != 0)
            fail_msg("row %zu: found %s", i, choice.reason);
        assert_string_equal(choice.how, "");
        directory_free(directory);
    }
}

static void an_empty_directory_has_no_provider(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    struct provider_wish wish = wish_at(575000, 155000);
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_null(choice.provider);
    assert_string_equal(choice.reason, "no-provider");
    directory_free(directory);
}

static void one_on_the_limit_is_in_range_and_one_past_it_is_not(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA01", 577000, 155000));
    struct provider_wish wish = wish_at(575000, 155000);
    struct provider_choice choice;
    wish.distance_most_m = 2000;
    directory_choose(directory, &wish, &choice);
    assert_non_null(choice.provider);
    wish.distance_most_m = 1999;
    directory_choose(directory, &wish, &choice);
    assert_null(choice.provider);
    assert_string_equal(choice.passed_over[0].why, "too-far");
    directory_free(directory);
}

/* What a pharmacy can take a day, and when it said so. */
static struct provider *with_capacity(struct provider *provider, int32_t per_day, int64_t at_ms)
{
    provider->services[0].capacity_per_day = per_day;
    provider->capacity_updated_at_ms = at_ms;
    return provider;
}

static void a_capacity_figure_counts_for_24_hours(void **state)
{
    (void)state;
    static const struct {
        int32_t expected; /* spare */
        int32_t per_day;
        int64_t age_ms; /* INT64_MAX = never said */
    } rows[] = {
        {7, 7, 0},
        {0, 0, 0},
        {SPARE_UNKNOWN, -1, 0},
        {7, 7, 24 * HOUR_MS},
        {SPARE_UNKNOWN, 7, 24 * HOUR_MS + 1},
        {SPARE_UNKNOWN, 0, 24 * HOUR_MS + 1},
        {7, 7, -24 * HOUR_MS},
        {SPARE_UNKNOWN, 7, -24 * HOUR_MS - 1}, /* from the future: a clock that is wrong */
        {SPARE_UNKNOWN, 0, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct directory *directory = directory_new();
        int64_t said_at_ms = rows[i].age_ms == INT64_MAX ? 0 : NOW_MS - rows[i].age_ms;
        struct provider *provider =
            with_capacity(pharmacy("FAA01", 575000, 155000), rows[i].per_day, said_at_ms);
        put(directory, provider);
        int32_t spare = directory_spare(directory, provider, &provider->services[0], NOW_MS);
        if (spare != rows[i].expected)
            fail_msg("row %zu: %d", i, (int)spare);
        struct provider_wish wish = wish_at(575000, 155000);
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        if ((choice.provider == NULL) != (rows[i].expected == 0))
            fail_msg("row %zu: chosen or not", i);
        if (choice.provider != NULL && choice.spare != rows[i].expected)
            fail_msg("row %zu: the choice says %d", i, (int)choice.spare);
        directory_free(directory);
    }
}

static void within_a_band_the_one_with_more_spare_capacity_comes_first(void **state)
{
    (void)state;
    static const struct {
        const char *expected;
        int32_t first, second; /* -1 = names none */
        int32_t second_easting;
        int first_was_sent;
    } rows[] = {
        {"FAA01", 10, 9, 575500, 0}, {"FAA02", 9, 10, 575500, 0},
        {"FAA02", 10, 9, 575500, 2}, /* what it was sent today is taken off */
        {"FAA01", 1, -1, 575500, 0}, /* a known room before an unknown one */
        {"FAA02", 1, -1, 575500, 1}, /* full */
        {"FAA01", 1, 99, 576500, 0}, /* nearer comes before freer */
        {"FAA02", 1, 99, 576500, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int referral = 0; referral < 20; referral++) {
            struct directory *directory = directory_new();
            char id[37];
            text_format(id, sizeof id, "00000000-0000-5000-8000-%012d", referral);
            put(directory, with_capacity(pharmacy("FAA01", 575100, 155000), rows[i].first, NOW_MS));
            put(directory, with_capacity(pharmacy("FAA02", rows[i].second_easting, 155000),
                                         rows[i].second, NOW_MS));
            for (int sent = 0; sent < rows[i].first_was_sent; sent++) {
                struct uuid event = {{(uint8_t)sent}};
                load_read(directory_load(directory), &event, (int32_t)(NOW_MS / (24 * HOUR_MS)),
                          "FAA01", "check");
            }
            struct provider_wish wish = wish_at(575000, 155000);
            wish.referral_id = id;
            struct provider_choice choice;
            directory_choose(directory, &wish, &choice);
            if (choice.provider == NULL || strcmp(choice.provider->ods_code, rows[i].expected) != 0)
                fail_msg("row %zu", i);
            directory_free(directory);
        }
    }
}

static void a_full_pharmacy_is_free_again_the_next_day_and_for_another_service(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    struct provider_service services[] = {{"check", true, -1, -1, 1}, {"other", true, -1, -1, 1}};
    struct provider *provider = pharmacy("FAA01", 575000, 155000);
    free(provider->services);
    provider->services = calloc(2, sizeof *services);
    assert_non_null(provider->services);
    memcpy(provider->services, services, sizeof services);
    provider->services_count = 2;
    provider->capacity_updated_at_ms = NOW_MS;
    put(directory, provider);
    struct uuid event = {{1}};
    load_read(directory_load(directory), &event, (int32_t)(NOW_MS / (24 * HOUR_MS)), "FAA01",
              "check");
    struct provider_wish wish = wish_at(575000, 155000);
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_null(choice.provider);
    assert_string_equal(choice.passed_over[0].why, "full");
    wish.service = "other";
    directory_choose(directory, &wish, &choice);
    assert_non_null(choice.provider);
    wish.service = "check";
    wish.now_ms += 24 * HOUR_MS - 1; /* tomorrow, and the figure still counts */
    wish.deadline_ms += 24 * HOUR_MS;
    directory_choose(directory, &wish, &choice);
    assert_non_null(choice.provider);
    directory_free(directory);
}

static void one_without_a_place_comes_after_all_that_have_one(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    struct provider *nowhere = pharmacy("FAA01", 0, 0);
    nowhere->has_place = false;
    put(directory, nowhere);
    struct provider_wish wish = wish_at(575000, 155000);
    wish.distance_most_m = 10000;
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA01");
    assert_int_equal(choice.distance_m, -1);
    put(directory, pharmacy("FAA02", 582000, 155000));
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA02");
    directory_free(directory);
}

static void a_patient_without_a_place_gets_one_of_the_same_area(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    for (int i = 0; i < 20; i++) {
        char code[6];
        text_format(code, sizeof code, "FAA%02d", i);
        struct provider *provider = pharmacy(code, 575000 + i, 155000);
        if (i != 7) {
            free(provider->hcp);
            provider->hcp = strdup("East Kent");
            assert_non_null(provider->hcp);
        }
        put(directory, provider);
    }
    struct provider_wish wish = wish_at(0, 0);
    wish.has_place = false;
    wish.hcp = "West Kent";
    struct provider_choice choice;
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA07");
    assert_string_equal(choice.how, "same-area");
    wish.hcp = "Medway & Swale";
    directory_choose(directory, &wish, &choice);
    assert_non_null(choice.provider);
    assert_string_equal(choice.how, "anywhere");
    directory_free(directory);
}

static void ages_on_the_bounds_are_taken(void **state)
{
    (void)state;
    static const struct {
        bool expected;
        int age_years;
    } rows[] = {{false, 15}, {true, 16}, {true, 64}, {false, 65}, {true, -1}};
    struct directory *directory = directory_new();
    struct provider *provider = pharmacy("FAA01", 575000, 155000);
    provider->services[0].age_least = 16;
    provider->services[0].age_most = 64;
    put(directory, provider);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct provider_wish wish = wish_at(575000, 155000);
        wish.age_years = rows[i].age_years;
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        if ((choice.provider != NULL) != rows[i].expected)
            fail_msg("age %d", rows[i].age_years);
    }
    directory_free(directory);
}

static void a_pause_and_a_removal_are_in_force_at_once(void **state)
{
    (void)state;
    struct directory *directory = directory_new();
    put(directory, pharmacy("FAA01", 575000, 155000));
    put(directory, pharmacy("FAA02", 579000, 155000));
    struct provider_wish wish = wish_at(575000, 155000);
    struct provider_choice choice;
    struct provider *paused = pharmacy("FAA01", 575000, 155000);
    paused->paused = true;
    put(directory, paused);
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA02");
    directory_remove(directory, "FAA02");
    directory_choose(directory, &wish, &choice);
    assert_null(choice.provider);
    put(directory, pharmacy("FAA01", 575000, 155000));
    directory_choose(directory, &wish, &choice);
    assert_string_equal(choice.provider->ods_code, "FAA01");
    assert_int_equal(directory_count(directory), 1);
    directory_free(directory);
}

/* The grid against the plain truth: over thousands of providers the chosen one is in the nearest
 * band that has a suitable one, and as many were passed over as stand before it in order. */
static void the_grid_finds_what_looking_at_all_finds(void **state)
{
    (void)state;
    struct random random = {.state = 20261123};
    struct directory *directory = directory_new();
    for (int i = 0; i < 3000; i++) {
        char code[6];
        text_format(code, sizeof code, "F%04d", i);
        int32_t easting = 500000 + (int32_t)random_below(&random, 150000);
        int32_t northing = 100000 + (int32_t)random_below(&random, 150000);
        struct provider *provider = pharmacy(code, easting, northing);
        provider->paused = random_below(&random, 3) == 0;
        put(directory, provider);
    }
    for (int i = 0; i < 400; i++) {
        struct provider_wish wish = wish_at(490000 + (int32_t)random_below(&random, 170000),
                                            90000 + (int32_t)random_below(&random, 170000));
        wish.distance_most_m = i % 4 == 0 ? 3000 : 0;
        int64_t best_band = INT64_MAX;
        const struct provider *provider;
        for (size_t cursor = 0; directory_next(directory, &cursor, &provider);) {
            int64_t distance_m = (int64_t)hypot(provider->easting - wish.easting,
                                                provider->northing - wish.northing);
            bool near = wish.distance_most_m == 0 || distance_m <= wish.distance_most_m;
            if (!provider->paused && near && distance_m / 1000 < best_band)
                best_band = distance_m / 1000;
        }
        struct provider_choice choice;
        directory_choose(directory, &wish, &choice);
        if (best_band == INT64_MAX) {
            assert_null(choice.provider);
            assert_string_equal(choice.reason, "no-provider-in-range");
            continue;
        }
        assert_non_null(choice.provider);
        if (choice.distance_m / 1000 != best_band)
            fail_msg("place %d: band %d, not %d", i, (int)(choice.distance_m / 1000),
                     (int)best_band);
        for (size_t j = 0; j < choice.passed_over_count; j++)
            assert_string_equal(choice.passed_over[j].why, "paused");
    }
    directory_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_by_band_is_chosen),
        cmocka_unit_test(equally_near_ones_share_the_work_and_each_referral_stays_with_one),
        cmocka_unit_test(the_nominated_is_chosen_whatever_the_distance),
        cmocka_unit_test(an_unsuitable_nominated_one_is_passed_over_with_the_reason),
        cmocka_unit_test(an_unsuitable_nearer_one_is_passed_over_with_the_reason),
        cmocka_unit_test(an_unknown_nominated_one_is_named),
        cmocka_unit_test(none_is_returned_with_the_reason_that_could_be_mended),
        cmocka_unit_test(an_empty_directory_has_no_provider),
        cmocka_unit_test(one_on_the_limit_is_in_range_and_one_past_it_is_not),
        cmocka_unit_test(a_capacity_figure_counts_for_24_hours),
        cmocka_unit_test(within_a_band_the_one_with_more_spare_capacity_comes_first),
        cmocka_unit_test(a_full_pharmacy_is_free_again_the_next_day_and_for_another_service),
        cmocka_unit_test(one_without_a_place_comes_after_all_that_have_one),
        cmocka_unit_test(a_patient_without_a_place_gets_one_of_the_same_area),
        cmocka_unit_test(ages_on_the_bounds_are_taken),
        cmocka_unit_test(a_pause_and_a_removal_are_in_force_at_once),
        cmocka_unit_test(the_grid_finds_what_looking_at_all_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
