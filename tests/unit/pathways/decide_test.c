/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision says besides its outcome, which cases.tsv can't show. */
#include "bodies.h"

static struct contract *contract;
static struct pathway_set *set;

/* The decision about an example with up to two paths changed (NULL = none). */
static struct rules_decision decide(const char *pathway, const char *file, const char *path,
                                    const char *value, const char *path_2, const char *value_2)
{
    struct json *body = example_body(pathway, file);
    const char *const changes[][2] = {{path, value}, {path_2, value_2}};
    for (size_t i = 0; i < 2 && changes[i][0]; i++) {
        struct json *changed = body_with_take(body, changes[i][0], body_value(changes[i][1]));
        json_free(body);
        body = changed;
    }
    struct record *record = record_new(contract_referral(contract, pathway));
    struct reason reason = {.code = ""};
    assert_non_null(record);
    if (body_record(record, body, &reason) != DONE)
        fail_msg("%s %s", reason.code, reason.pointer);
    struct rules_decision decision;
    const struct date day = {2026, 3, 2};
    pathway_decide(pathway_find(set, pathway), record, day, &decision);
    record_free(record); /* the decision borrows from the pathway alone */
    json_free(body);
    return decision;
}

#define UTI "valid-1-uti-from-gp.json"
#define EARACHE "valid-2-child-earache-from-111.json"

static void a_plain_route_names_no_rule_and_no_reason(void **state)
{
    (void)state;
    struct rules_decision decision = decide("pharmacy-first", UTI, NULL, NULL, NULL, NULL);
    assert_int_equal(decision.outcome, RULES_ROUTE);
    assert_string_equal(decision.service, "clinical-pathway");
    assert_string_equal(decision.rule_id, "");
    assert_string_equal(decision.reason, "");
    assert_null(decision.fell_back_from);
    assert_false(decision.urgent);
    assert_int_equal(decision.deadline_ms, INT64_C(24) * 3600000);
}

static void a_fall_back_keeps_its_reason_rule_and_where_it_came_from(void **state)
{
    (void)state;
    struct rules_decision decision =
        decide("pharmacy-first", UTI, "patient.pregnancy", "unknown", NULL, NULL);
    assert_int_equal(decision.outcome, RULES_ROUTE);
    assert_string_equal(decision.service, "minor-illness");
    assert_string_equal(decision.fell_back_from, "clinical-pathway");
    assert_string_equal(decision.rule_id, "pregnancy-unknown");
    assert_string_equal(decision.reason, "pregnancy-unknown");
    assert_true(strlen(decision.words) > 0);
}

static void a_return_after_a_fall_back_says_both(void **state)
{
    (void)state;
    struct rules_decision decision =
        decide("pharmacy-first", UTI, "patient.sex", "male", "source.kind", "walk-in");
    assert_int_equal(decision.outcome, RULES_RETURN);
    assert_string_equal(decision.rule_id, "minor-illness-referral-needed");
    assert_string_equal(decision.reason, "referral-needed");
    assert_string_equal(decision.fell_back_from, "clinical-pathway");
}

static void a_red_flag_is_urgent_even_without_consent(void **state)
{
    (void)state;
    struct rules_decision decision = decide("falls", "valid-1-self.json", "details.red_flags",
                                            "[\"head-injury\"]", "consent.direct_care", "false");
    assert_int_equal(decision.outcome, RULES_RETURN);
    assert_true(decision.urgent);
    assert_string_equal(decision.reason, "red-flag");
    assert_true(strstr(decision.words, "999") != NULL);
}

static void otitis_media_is_kept_from_distance_sellers_and_nothing_else_is(void **state)
{
    (void)state;
    struct rules_decision decision = decide("pharmacy-first", EARACHE, NULL, NULL, NULL, NULL);
    assert_string_equal(decision.service, "clinical-pathway");
    assert_true(decision.no_distance_selling);
    decision =
        decide("pharmacy-first", EARACHE, "details.condition", "acute-sore-throat", NULL, NULL);
    assert_string_equal(decision.service, "clinical-pathway");
    assert_false(decision.no_distance_selling);
    decision = decide("pharmacy-first", EARACHE, "patient.date_of_birth", "1990-01-01", NULL, NULL);
    assert_string_equal(decision.service, "minor-illness");
    assert_false(decision.no_distance_selling);
}

static void emergency_contraception_has_a_deadline_of_its_own(void **state)
{
    (void)state;
    struct rules_decision decision =
        decide("contraception", "valid-2-emergency-from-111.json", NULL, NULL, NULL, NULL);
    assert_string_equal(decision.service, "emergency-contraception");
    assert_int_equal(decision.deadline_ms, INT64_C(12) * 3600000);
    decision = decide("contraception", "valid-1-ongoing-from-gp.json", NULL, NULL, NULL, NULL);
    assert_int_equal(decision.deadline_ms, INT64_C(120) * 3600000);
}

static int load(void **state)
{
    (void)state;
    struct reason reason = {.detail = ""};
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    set = contract ? pathway_set_load(contract, &reason) : NULL;
    if (!set)
        print_error("%s %s: %s\n", reason.code, reason.pointer, reason.detail);
    return set ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    pathway_set_free(set);
    contract_free(contract);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_route_names_no_rule_and_no_reason),
        cmocka_unit_test(a_fall_back_keeps_its_reason_rule_and_where_it_came_from),
        cmocka_unit_test(a_return_after_a_fall_back_says_both),
        cmocka_unit_test(a_red_flag_is_urgent_even_without_consent),
        cmocka_unit_test(otitis_media_is_kept_from_distance_sellers_and_nothing_else_is),
        cmocka_unit_test(emergency_contraception_has_a_deadline_of_its_own),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
