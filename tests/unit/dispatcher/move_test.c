// SPDX-License-Identifier: Apache-2.0
// From one provider to the next, with the real schemas, an invented directory and a posted example;
// and the body that a provider receives.
#include "move.h"

#include "base/text.h"
#include "wire/body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1772442900000 /* 2026-03-02T09:15:00Z, a Monday */
#define HOUR 3600000
#define EXAMPLE SOURCE_DIR "/schemas/pathways/pharmacy-first/examples/valid-1-uti-from-gp.json"
#define REFERRAL_ID "11111111-1111-4111-8111-111111111111"

static struct {
    struct contract *contract;
    struct pathway_set *pathways;
    struct places *places;
    struct directory *directory;
    struct record *referral;
    struct delivery delivery;
    struct route_world route;
} here;

static void add_provider(const char *ods_code)
{
    struct provider *provider = calloc(1, sizeof(*provider));
    assert_non_null(provider);
    (void)text_copy(provider->ods_code, sizeof(provider->ods_code), ods_code);
    (void)text_copy(provider->kind, sizeof(provider->kind), "pharmacy");
    (void)text_copy(provider->format, sizeof(provider->format), "json");
    provider->name = strdup("Invented Pharmacy");
    provider->hcp = strdup("");
    provider->pcn = strdup("");
    provider->postcode = strdup("");
    provider->url = strdup("https://pharmacy.example/referrals");
    provider->services = calloc(1, sizeof(*provider->services));
    provider->services_count = 1;
    *provider->services = (struct provider_service){
        .accepting = true, .age_least = -1, .age_most = -1, .capacity_per_day = -1};
    (void)text_copy(provider->services->service, sizeof(provider->services->service),
                    here.delivery.service);
    assert_true(directory_put_take(here.directory, provider));
}

static int set_up(void **state)
{
    (void)state;
    struct reason reason = {0};
    here.contract = contract_load(SOURCE_DIR "/schemas", &reason);
    assert_non_null(here.contract);
    here.pathways = pathway_set_load(here.contract, &reason);
    here.places = places_load(SOURCE_DIR "/schemas", &reason);
    here.directory = directory_new();
    here.referral = record_new(contract_referral(here.contract, "pharmacy-first"));
    struct json *json = json_parse_file(EXAMPLE, 65536, &reason);
    assert_non_null(json);
    assert_true(json_set_text(json, "id", REFERRAL_ID)); /* as the gateway does */
    assert_true(json_set_whole(json, "accepted_at", NOW));
    assert_int_equal(record_from_json(here.referral, json, &reason), DONE);
    json_free(json);
    here.route = (struct route_world){here.pathways, here.directory, here.places};
    here.delivery = (struct delivery){.referral_id = REFERRAL_ID,
                                      .correlation_id = "22222222-2222-4222-8222-222222222222",
                                      .pathway = "pharmacy-first",
                                      .destination = "FA001",
                                      .attempts = 3,
                                      .intent = true,
                                      .accepted_at_ms = NOW,
                                      .created_at_ms = NOW,
                                      .deadline_at_ms = NOW + 4 * HOUR,
                                      .last_result = "http-500"};
    delivery_id_of("pharmacy-first", REFERRAL_ID, 0, here.delivery.id);
    struct route_decision decision; /* names the service that this referral asks for */
    assert_true(
        route_decide(&here.route, "pharmacy-first", here.referral, NOW, NOW, NULL, 0, &decision));
    (void)text_copy(here.delivery.service, sizeof(here.delivery.service), decision.rules.service);
    add_provider("FA001");
    add_provider("FB002");
    add_provider("FC003");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    record_free(here.referral);
    directory_free(here.directory);
    places_free(here.places);
    pathway_set_free(here.pathways);
    contract_free(here.contract);
    return 0;
}

static struct move move;

static void the_next_provider_gets_a_new_hop_with_the_old_deadline(void **state)
{
    (void)state;
    move_on(&here.route, &here.delivery, here.referral, "time-used-up", false, NOW + HOUR, &move);
    assert_int_equal(move.to, MOVE_NEXT);
    const struct delivery *next = &move.next;
    assert_string_not_equal(next->destination, "FA001");
    assert_int_equal(next->hop, 1);
    assert_int_equal(next->tried_count, 1);
    assert_string_equal(next->tried[0].ods_code, "FA001");
    assert_false(next->tried[0].declined);
    assert_int_equal(next->attempts, 0);
    assert_false(next->intent);
    assert_string_equal(next->last_result, "");
    assert_true(next->created_at_ms == NOW + HOUR && next->next_attempt_at_ms == NOW + HOUR);
    assert_true(next->deadline_at_ms == NOW + 4 * HOUR && next->accepted_at_ms == NOW);
    assert_string_equal(next->referral_id, REFERRAL_ID);
    char id[UUID_TEXT_SIZE];
    delivery_id_of("pharmacy-first", REFERRAL_ID, 1, id);
    assert_string_equal(next->id, id);
    assert_string_not_equal(next->id, here.delivery.id);
    assert_true(move.explanation[0] == '{');
}

static void each_provider_is_asked_once_then_the_referrer(void **state)
{
    (void)state;
    struct delivery delivery = here.delivery;
    move_on(&here.route, &delivery, here.referral, "returned-by-provider", true, NOW, &move);
    assert_int_equal(move.to, MOVE_NEXT);
    struct delivery second = move.next;
    move_on(&here.route, &second, here.referral, "returned-by-provider", true, NOW, &move);
    assert_int_equal(move.to, MOVE_NEXT);
    struct delivery third = move.next;
    assert_string_not_equal(third.destination, second.destination);
    assert_string_not_equal(third.destination, "FA001");
    move_on(&here.route, &third, here.referral, "time-used-up", false, NOW, &move);
    assert_int_equal(move.to, MOVE_STAY);
    move_on(&here.route, &third, here.referral, "returned-by-provider", true, NOW, &move);
    assert_int_equal(move.to, MOVE_RETURN);
    assert_string_equal(move.reason, "returned-by-provider");
    assert_non_null(strstr(move.explanation, "\"words\":\"The provider sent this referral back"));
    assert_non_null(strstr(move.explanation, "[\"FA001\",\"declined\"]"));
    assert_non_null(strstr(move.explanation, "\"passed_over_total\":3"));
    move_on(&here.route, &third, here.referral, "endpoint-gone", true, NOW, &move);
    assert_int_equal(move.to, MOVE_RETURN);
    assert_string_equal(move.reason, "no-provider-left");
    assert_non_null(strstr(move.explanation, "could not be reached in time"));
}

/* The next hop's explanation says which of those before it refused, and which only had their time.
 */
static void who_sent_it_back_declined_and_who_let_time_pass_was_tried(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *why, *last_result;
        bool must;
    } rows[] = {
        {"declined", "returned-by-provider", "http-422", true},
        {"declined", "endpoint-gone", "http-410", true},
        {"tried", "endpoint-gone", "", false},
        {"tried", "endpoint-gone", "http-503", false},
        {"tried", "time-used-up", "http-503", false},
        {"tried", "time-used-up", "", true},
        {"tried", "operator", "timeout", false},
    };
    struct route_decision first; /* who comes first, and so is passed over */
    assert_true(
        route_decide(&here.route, "pharmacy-first", here.referral, NOW, NOW, NULL, 0, &first));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct delivery delivery = here.delivery;
        (void)text_copy(delivery.last_result, sizeof(delivery.last_result), rows[i].last_result);
        (void)text_copy(delivery.destination, sizeof(delivery.destination),
                        first.choice.provider->ods_code);
        move_on(&here.route, &delivery, here.referral, rows[i].why, rows[i].must, NOW, &move);
        char pair[40];
        (void)text_format(pair, sizeof pair, "[\"%s\",\"%s\"]", delivery.destination,
                          rows[i].expected);
        if (!strstr(move.explanation, pair))
            fail_msg("row %zu: %s expected in %s", i, pair, move.explanation);
        assert_int_equal(move.next.tried[0].declined, text_equal(rows[i].expected, "declined"));
    }
}

static void with_no_time_left_nobody_else_is_asked(void **state)
{
    (void)state;
    int64_t late = NOW + 4 * HOUR - MOVE_LEAST_MS + 1;
    move_on(&here.route, &here.delivery, here.referral, "time-used-up", true, late, &move);
    assert_int_equal(move.to, MOVE_RETURN);
    assert_string_equal(move.reason, "no-provider-left");
}

static void after_sixteen_providers_it_goes_back(void **state)
{
    (void)state;
    struct delivery delivery = here.delivery;
    delivery.tried_count = DELIVERY_TRIED_MAX;
    for (size_t i = 0; i < DELIVERY_TRIED_MAX; i++)
        (void)text_format(delivery.tried[i].ods_code, ODS_CODE_SIZE, "FX%03zu", i);
    move_on(&here.route, &delivery, here.referral, "time-used-up", true, NOW, &move);
    assert_int_equal(move.to, MOVE_RETURN);
}

static void what_cannot_be_read_goes_back(void **state)
{
    (void)state;
    move_on(&here.route, &here.delivery, NULL, "payload-unreadable", false, NOW, &move);
    assert_int_equal(move.to, MOVE_RETURN);
    assert_string_equal(move.reason, "payload-unreadable");
}

static bool append_body(struct buffer *body)
{
    struct record_field fields[FLAT_FIELDS_MAX];
    size_t count = 0;
    struct buffer framed;
    struct codec *codec = codec_new(here.contract, NULL);
    buffer_init(&framed, 65536);
    assert_int_equal(codec_write(codec, here.referral, &framed, NULL), DONE);
    assert_int_equal(codec_read_flat(codec, framed.data, framed.length, NULL, fields, &count, NULL),
                     DONE);
    bool well = body_append(body, &here.delivery, fields, count);
    buffer_clear(&framed);
    codec_free(codec);
    return well;
}

static void the_body_has_what_a_provider_needs_and_is_the_same_each_time(void **state)
{
    (void)state;
    struct buffer body, again;
    struct reason reason = {0};
    buffer_init(&body, BODY_MAX);
    buffer_init(&again, BODY_MAX);
    assert_true(append_body(&body));
    here.delivery.attempts++;
    assert_true(append_body(&again));
    assert_string_equal(buffer_text(&body), buffer_text(&again));
    struct json *json = json_parse((const char *)body.data, body.length, BODY_MAX, &reason);
    assert_non_null(json);
    assert_string_equal(json_member_text(json, "type"), "referral.created");
    assert_string_equal(json_member_text(json, "timestamp"), "2026-03-02T09:15:00.000Z");
    const struct json *data = json_member(json, "data");
    const struct {
        const char *name, *expected;
    } rows[] = {
        {"delivery_id", here.delivery.id},
        {"referral_id", REFERRAL_ID},
        {"correlation_id", "22222222-2222-4222-8222-222222222222"},
        {"pathway", "pharmacy-first"},
        {"service", here.delivery.service},
        {"deadline_at", "2026-03-02T13:15:00.000Z"},
        {"accepted_at", "2026-03-02T09:15:00.000Z"},
        {"urgency", "soon"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!text_equal(json_member_text(data, rows[i].name), rows[i].expected))
            fail_msg("row %zu: %s", i, rows[i].name);
    assert_int_equal(json_member_whole(data, "hop", -1), 0);
    assert_string_equal(json_member_text(json_member(data, "patient"), "family_name"), "Fictional");
    assert_string_equal(json_member_text(json_member(data, "source"), "ods_code"), "G82999");
    assert_true(json_is_true(json_member(json_member(data, "consent"), "direct_care")));
    assert_non_null(json_member_text(data, "notes"));
    assert_string_equal(json_member_text(json_member(data, "details"), "condition"),
                        "uncomplicated-uti");
    static const char *const absent[] = {"id", "body_digest", "nominated_provider", "tried"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
        assert_null(json_member(data, absent[i]));
    json_free(json);
    buffer_clear(&body);
    buffer_clear(&again);
}

static void a_body_that_does_not_fit_is_none(void **state)
{
    (void)state;
    struct buffer body;
    buffer_init(&body, 300);
    assert_false(append_body(&body));
    buffer_clear(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_provider_gets_a_new_hop_with_the_old_deadline),
        cmocka_unit_test(each_provider_is_asked_once_then_the_referrer),
        cmocka_unit_test(who_sent_it_back_declined_and_who_let_time_pass_was_tried),
        cmocka_unit_test(with_no_time_left_nobody_else_is_asked),
        cmocka_unit_test(after_sixteen_providers_it_goes_back),
        cmocka_unit_test(what_cannot_be_read_goes_back),
        cmocka_unit_test(the_body_has_what_a_provider_needs_and_is_the_same_each_time),
        cmocka_unit_test(a_body_that_does_not_fit_is_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
