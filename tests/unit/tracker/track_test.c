/* SPDX-License-Identifier: Apache-2.0 */
#include "track.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs the four above
#include <cmocka.h>

/* "routed:1" = the kind and its hop. */
static struct referral_event event_of(const char *word)
{
    struct referral_event event = {.occurred_at_ms = 1000, .accepted_at_ms = 500};
    char kind[32];
    text_copy(kind, sizeof(kind), word);
    char *colon = strchr(kind, ':');
    if (colon) {
        event.hop = colon[1] - '0';
        *colon = '\0';
    }
    event.kind = event_kind_parse(kind);
    assert_int_not_equal(event.kind, EVENT_KINDS);
    text_copy(event.referral_id, sizeof(event.referral_id), "11111111-1111-5111-8111-111111111111");
    text_copy(event.pathway, sizeof(event.pathway), "msk");
    return event;
}

static void a_life_ends_in_the_expected_state(void **state)
{
    static const struct {
        int line;
        const char *expected;
        const char *life[8];
    } rows[] = {
        {__LINE__, "received", {"received"}},
        {__LINE__, "routed", {"received", "routed"}},
        {__LINE__, "routed", {"received", "routed", "attempted", "attempted"}},
        {__LINE__, "delivered", {"received", "routed", "attempted", "delivered"}},
        {__LINE__, "recorded", {"received", "recorded"}},
        {__LINE__, "refused", {"refused"}},
        {__LINE__, "returned", {"received", "returned", "noticed"}},
        {__LINE__, "cancelled", {"received", "routed", "cancelled"}},
        {__LINE__, "completed", {"received", "routed", "delivered", "accepted", "completed"}},
        {__LINE__, "no-contact", {"received", "routed", "delivered", "no-contact"}},
        {__LINE__, "forwarded", {"received", "routed", "delivered", "forwarded"}},
        /* flags change nothing */
        {__LINE__, "delivered", {"received", "routed", "delivered", "overdue", "noticed"}},
        {__LINE__, "received", {"received", "duplicate"}},
        {__LINE__, "delivered", {"received", "routed", "delivered", "duplicate"}},
        /* the next provider */
        {__LINE__, "routed", {"received", "routed", "attempted", "routed:1"}},
        {__LINE__, "delivered", {"received", "routed", "routed:1", "delivered:1"}},
        {__LINE__, "routed", {"received", "routed", "delivered", "declined", "routed:1"}},
        {__LINE__, "returned", {"received", "routed", "delivered", "declined", "returned"}},
        /* the provider's answer overtakes the dispatcher's word */
        {__LINE__, "accepted", {"received", "routed", "accepted", "delivered"}},
        {__LINE__, "completed", {"received", "routed", "completed", "delivered"}},
        {__LINE__, "declined", {"received", "routed", "declined", "delivered"}},
        {__LINE__, "delivered", {"received", "routed", "declined", "delivered:1"}},
        /* news of a former provider */
        {__LINE__, "routed", {"received", "routed", "routed:1", "attempted"}},
        {__LINE__, "routed", {"received", "routed", "declined", "routed:1", "delivered"}},
        {__LINE__, "routed", {"received", "routed:1", "routed"}},
        /* an attempt reported late does not undo a delivery */
        {__LINE__, "delivered", {"received", "routed", "delivered", "attempted"}},
        /* what is closed stays so */
        {__LINE__, "cancelled", {"received", "routed", "cancelled", "attempted", "delivered"}},
        {__LINE__, "cancelled", {"received", "cancelled", "completed"}},
        {__LINE__, "returned", {"received", "returned", "routed", "delivered"}},
        {__LINE__, "completed", {"received", "routed", "delivered", "completed", "declined"}},
        {__LINE__, "refused", {"refused", "routed"}},
        {__LINE__, "recorded", {"received", "recorded", "routed"}},
        /* a record of another topic, or after the id was forgotten, is refused under its id */
        {__LINE__, "received", {"received", "refused"}},
        {__LINE__, "delivered", {"received", "routed", "refused", "attempted", "delivered"}},
        {__LINE__, "delivered", {"received", "routed", "delivered", "refused"}},
        {__LINE__, "returned", {"refused", "received", "refused", "returned"}},
        {__LINE__, "delivered", {"refused", "received", "routed", "delivered"}},
        {__LINE__, "refused", {"refused", "refused"}},
        /* the beginning has expired from the topic */
        {__LINE__, "delivered", {"delivered", "received"}},
        {__LINE__, "received", {"duplicate"}},
        {__LINE__, "received", {"noticed"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct referral_state referral = {.hop = 0};
        for (size_t j = 0; j < 8 && rows[i].life[j]; j++) {
            struct referral_event event = event_of(rows[i].life[j]);
            track_event(&referral, &event);
        }
        if (strcmp(referral.state, rows[i].expected) != 0)
            fail_msg("line %d: %s, expected %s", rows[i].line, referral.state, rows[i].expected);
    }
}

static void the_reason_is_of_the_event_that_led_to_the_state(void **state)
{
    (void)state;
    struct referral_state referral = {.hop = 0};
    struct referral_event event = event_of("received");
    track_event(&referral, &event);
    event = event_of("declined");
    text_copy(event.reason, sizeof(event.reason), "capacity");
    track_event(&referral, &event);
    assert_string_equal(referral.reason, "capacity");
    event = event_of("routed:1");
    track_event(&referral, &event);
    assert_string_equal(referral.reason, "");
    event = event_of("declined:0");
    event.kind = EVENT_ATTEMPTED; /* of the former provider: passed over, with its reason */
    text_copy(event.reason, sizeof(event.reason), "timeout");
    track_event(&referral, &event);
    assert_string_equal(referral.reason, "");
}

static void what_an_event_does_not_say_stays_known(void **state)
{
    (void)state;
    struct referral_state referral = {.hop = 0};
    struct referral_event event = event_of("received");
    text_copy(event.source_kind, sizeof(event.source_kind), "utc");
    event.deadline_at_ms = 9000;
    track_event(&referral, &event);
    event = event_of("routed");
    text_copy(event.destination, sizeof(event.destination), "FA001");
    text_copy(event.service, sizeof(event.service), "minor-illness");
    event.occurred_at_ms = 3000;
    track_event(&referral, &event);
    event = event_of("returned");
    event.accepted_at_ms = 0;
    event.occurred_at_ms = 2000;
    track_event(&referral, &event);
    assert_string_equal(referral.source_kind, "utc");
    assert_string_equal(referral.destination, "FA001");
    assert_string_equal(referral.service, "minor-illness");
    assert_int_equal(referral.deadline_at_ms, 9000);
    assert_int_equal(referral.accepted_at_ms, 500);
    assert_int_equal(referral.updated_at_ms, 3000); /* the newest, not the last */
}

static void a_duplicate_leaves_the_first_ones_details(void **state)
{
    (void)state;
    struct referral_state referral = {.hop = 0};
    struct referral_event event = event_of("received");
    text_copy(event.source_ods, sizeof(event.source_ods), "G82001");
    track_event(&referral, &event);
    event = event_of("duplicate");
    text_copy(event.source_ods, sizeof(event.source_ods), "G82999");
    event.accepted_at_ms = 7777;
    track_event(&referral, &event);
    assert_string_equal(referral.source_ods, "G82001");
    assert_int_equal(referral.accepted_at_ms, 500);
}

static void what_was_refused_under_its_id_leaves_its_details(void **state)
{
    (void)state;
    struct referral_state referral = {.hop = 0};
    struct referral_event event = event_of("received");
    track_event(&referral, &event);
    event = event_of("refused");
    text_copy(event.pathway, sizeof(event.pathway), "falls");
    text_copy(event.reason, sizeof(event.reason), "wrong-pathway");
    event.accepted_at_ms = 7777;
    track_event(&referral, &event);
    assert_string_equal(referral.pathway, "msk");
    assert_string_equal(referral.reason, "");
    assert_int_equal(referral.accepted_at_ms, 500);

    struct referral_state late = {.hop = 0};
    track_event(&late, &event);
    event = event_of("received");
    track_event(&late, &event);
    assert_string_equal(late.pathway, "msk");
    assert_string_equal(late.reason, "");
    assert_int_equal(late.accepted_at_ms, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_ends_in_the_expected_state),
        cmocka_unit_test(the_reason_is_of_the_event_that_led_to_the_state),
        cmocka_unit_test(what_an_event_does_not_say_stays_known),
        cmocka_unit_test(a_duplicate_leaves_the_first_ones_details),
        cmocka_unit_test(what_was_refused_under_its_id_leaves_its_details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
