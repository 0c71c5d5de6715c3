/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told of a return, with what, and when a person has to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/notice.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS 1795424400000

static struct directory *directory;

static void put(const char *code, const char *kind, const char *url, const char *format)
{
    struct provider *provider = calloc(1, sizeof(*provider));
    assert_non_null(provider);
    (void)text_copy(provider->ods_code, sizeof(provider->ods_code), code);
    (void)text_copy(provider->kind, sizeof(provider->kind), kind);
    (void)text_copy(provider->format, sizeof(provider->format), format);
    provider->name = strdup("");
    provider->hcp = strdup("");
    provider->pcn = strdup("");
    provider->postcode = strdup("");
    provider->url = url ? strdup(url) : NULL;
    assert_true(directory_put_take(directory, provider));
}

static int set_up(void **state)
{
    (void)state;
    directory = directory_new();
    assert_non_null(directory);
    put("G82001", "referrer", "https://practice.example/in", "json");
    put("G82002", "referrer", "https://practice.example/bars", "bars");
    put("G82003", "referrer", NULL, "json");
    put("FZZ01", "pharmacy", "https://pharmacy.example/in", "bars");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    directory_free(directory);
    return 0;
}

static struct delivery returned_to(const char *source)
{
    struct delivery delivery = {.referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
                                .id = "7d444840-9dc0-51d1-b245-5ffdce74fad3",
                                .pathway = "msk",
                                .service = "msk",
                                .source_kind = "gp-practice",
                                .destination = "RAL01",
                                .last_result = "http-404",
                                .hop = 2,
                                .tried_count = 2,
                                .attempts = 3,
                                .intent = true,
                                .accepted_at_ms = NOW_MS - 9000,
                                .deadline_at_ms = NOW_MS + 60000,
                                .payload = "patient",
                                .payload_size = 7};
    (void)text_copy(delivery.source_ods, sizeof(delivery.source_ods), source);
    return delivery;
}

static enum notice_way tell(const struct delivery *returned, int64_t now_ms,
                            struct delivery *ret_notice)
{
    return notice_of(directory, returned, "no-provider-left", now_ms, ret_notice);
}

static void the_referrers_own_endpoint_is_told_without_the_patient(void **state)
{
    (void)state;
    struct delivery notice, again;
    const struct delivery returned = returned_to("G82001");
    assert_int_equal(tell(&returned, NOW_MS, &notice), NOTICE_BY_CALLBACK);
    assert_string_equal(notice.destination, "G82001");
    assert_string_equal(notice.notice, "returned");
    assert_string_equal(notice.reason, "no-provider-left");
    assert_string_equal(notice.referral_id, returned.referral_id);
    assert_string_not_equal(notice.id, returned.id);
    assert_string_equal(notice.last_result, "");
    assert_int_equal(notice.payload_size, 0);
    assert_int_equal(notice.tried_count, 0);
    assert_int_equal(notice.attempts, 0);
    assert_false(notice.intent);
    assert_int_equal(notice.created_at_ms, NOW_MS);
    assert_true(notice.deadline_at_ms > returned.deadline_at_ms);
    assert_int_equal(tell(&returned, NOW_MS + 5, &again), NOTICE_BY_CALLBACK);
    assert_string_equal(again.id, notice.id); /* told once, however often it is decided */
    struct delivery elsewhere = returned;
    (void)text_copy(elsewhere.pathway, sizeof(elsewhere.pathway), "falls");
    assert_int_equal(tell(&elsewhere, NOW_MS, &again), NOTICE_BY_CALLBACK);
    assert_string_not_equal(again.id, notice.id);
    const struct delivery of_bars = returned_to("G82002");
    assert_int_equal(tell(&of_bars, NOW_MS, &notice), NOTICE_BY_CALLBACK);
    assert_string_equal(notice.destination, "G82002");
}

static void a_person_tells_where_there_is_no_callback_of_a_referrer(void **state)
{
    (void)state;
    /* no code, no endpoint, not known, and an endpoint that takes referrals */
    static const char *const sources[] = {"", "G82003", "G82004", "FZZ01"};
    struct delivery notice;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        const struct delivery returned = returned_to(sources[i]);
        const enum notice_way way = tell(&returned, NOW_MS, &notice);
        if (way != NOTICE_BY_PERSON)
            fail_msg("%s: %d", sources[i], (int)way);
    }
}

static void nobody_is_told_of_a_walk_in(void **state)
{
    (void)state;
    static const char *const sources[] = {"FZZ01", "G82001", "G82004", ""};
    struct delivery notice;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct delivery returned = returned_to(sources[i]);
        (void)text_copy(returned.source_kind, sizeof(returned.source_kind), "walk-in");
        const enum notice_way way = tell(&returned, NOW_MS, &notice);
        if (way != NOTICE_BY_NOBODY)
            fail_msg("%s: %d", sources[i], (int)way);
    }
}

static void the_event_says_who_was_told_or_that_a_person_is_needed(void **state)
{
    (void)state;
    struct delivery notice;
    struct referral_event event;
    const struct delivery returned = returned_to("G82001");
    assert_int_equal(tell(&returned, NOW_MS, &notice), NOTICE_BY_CALLBACK);
    notice_event(&notice, true, "http-200", NOW_MS, &event);
    assert_int_equal(event.kind, EVENT_NOTICED);
    assert_string_equal(event.destination, "G82001");
    assert_string_equal(event.reason, "");
    assert_string_equal(event.result, "http-200");
    assert_int_equal(event.deadline_at_ms, 0);
    notice_event(&returned, false, "no-callback", NOW_MS, &event);
    assert_string_equal(event.destination, "");
    assert_string_equal(event.reason, "needs-human");
    assert_string_equal(event.result, "no-callback");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_referrers_own_endpoint_is_told_without_the_patient),
        cmocka_unit_test(a_person_tells_where_there_is_no_callback_of_a_referrer),
        cmocka_unit_test(nobody_is_told_of_a_walk_in),
        cmocka_unit_test(the_event_says_who_was_told_or_that_a_person_is_needed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
