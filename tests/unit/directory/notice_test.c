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

static void put(const char *code, const char *url, const char *format)
{
    struct provider *provider = calloc(1, sizeof(*provider));
    assert_non_null(provider);
    (void)text_copy(provider->ods_code, sizeof(provider->ods_code), code);
    (void)text_copy(provider->kind, sizeof(provider->kind), "referrer");
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
    put("G82001", "https://practice.example/in", "json");
    put("G82002", "https://practice.example/bars", "bars");
    put("G82003", NULL, "json");
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

static void the_referrers_own_endpoint_is_told_without_the_patient(void **state)
{
    (void)state;
    struct delivery notice, again;
    const struct delivery returned = returned_to("G82001");
    assert_true(notice_of(directory, &returned, "no-provider-left", NOW_MS, &notice));
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
    assert_true(notice_of(directory, &returned, "no-provider-left", NOW_MS + 5, &again));
    assert_string_equal(again.id, notice.id); /* told once, however often it is decided */
    struct delivery elsewhere = returned;
    (void)text_copy(elsewhere.pathway, sizeof(elsewhere.pathway), "falls");
    assert_true(notice_of(directory, &elsewhere, "no-provider-left", NOW_MS, &again));
    assert_string_not_equal(again.id, notice.id);
    const struct delivery of_bars = returned_to("G82002");
    assert_true(notice_of(directory, &of_bars, "no-provider-left", NOW_MS, &notice));
    assert_string_equal(notice.destination, "G82002");
}

static void without_an_endpoint_nobody_can_be_told(void **state)
{
    (void)state;
    static const char *const sources[] = {"", "G82003", "G82004"};
    struct delivery notice;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        const struct delivery returned = returned_to(sources[i]);
        if (notice_of(directory, &returned, "no-provider-left", NOW_MS, &notice))
            fail_msg("%s is told", sources[i]);
    }
}

static void the_event_says_who_was_told_or_that_a_person_is_needed(void **state)
{
    (void)state;
    struct delivery notice;
    struct referral_event event;
    const struct delivery returned = returned_to("G82001");
    assert_true(notice_of(directory, &returned, "no-provider-left", NOW_MS, &notice));
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
        cmocka_unit_test(without_an_endpoint_nobody_can_be_told),
        cmocka_unit_test(the_event_says_who_was_told_or_that_a_person_is_needed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
