/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder's cases.tsv is held to its pathway.json, and pathway.json to its cases: there are
 * enough of them, and any slip in a rule turns one red. A new folder needs nothing here. */
#include "pathways/cases.h"

#include "pathways/internal.h"

#include <math.h>
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static struct contract *contract;

static void print_finding(void *context, const struct finding *finding)
{
    print_error("%s:%zu: %s: found %s, expected %s\n", finding->file, finding->line,
                finding->pointer, finding->found, finding->expected);
    ++*(size_t *)context;
}

static struct pathway_cases *load_cases(const char *name)
{
    struct reason reason = {.detail = ""};
    size_t count = 0;
    struct findings findings = {.tell = print_finding, .context = &count};
    struct pathway_cases *cases = pathway_cases_load(contract, name, &findings, &reason);
    if (!cases || count > 0)
        fail_msg("%s: cases.tsv can't be read", name);
    return cases;
}

static struct pathway *load_pathway(const char *name)
{
    struct reason reason = {.detail = ""};
    struct pathway *pathway = pathway_compile(contract, name, NULL, &reason);
    if (!pathway)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    return pathway;
}

static void every_case_is_decided_as_its_folder_says_and_every_rule_has_one(void **state)
{
    (void)state;
    size_t count = 0;
    struct findings findings = {.tell = print_finding, .context = &count};
    assert_true(contract_pathway_count(contract) >= 10);
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        struct pathway *pathway = load_pathway(name);
        struct pathway_cases *cases = load_cases(name);
        if (pathway_cases_count(cases) < CASES_LEAST)
            fail_msg("%s: only %zu cases", name, pathway_cases_count(cases));
        (void)pathway_cases_check(cases, pathway, &findings);
        pathway_cases_free(cases);
        pathway_free(pathway);
    }
    assert_int_equal(count, 0);
}

/* What is asked for, and how many decisions about it there must be. */
static const struct {
    const char *pathway, *field, *value;
    size_t least;
} strands[] = {
    {"pharmacy-first", "details.strand", "clinical-pathway", 30},
    {"pharmacy-first", "details.strand", "minor-illness", 30},
    {"pharmacy-first", "details.strand", "urgent-supply", 30},
    {"pharmacy-first", "details.condition", "uncomplicated-uti", 30},
    {"pharmacy-first", "details.condition", "shingles", 10},
    {"pharmacy-first", "details.condition", "impetigo", 10},
    {"pharmacy-first", "details.condition", "infected-insect-bite", 10},
    {"pharmacy-first", "details.condition", "acute-sore-throat", 10},
    {"pharmacy-first", "details.condition", "acute-sinusitis", 10},
    {"pharmacy-first", "details.condition", "acute-otitis-media", 10},
    {"blood-pressure", "details.request", "clinic-check", 30},
    {"blood-pressure", "details.request", "ambulatory-monitoring", 30},
    {"contraception", "details.request", "ongoing-supply", 30},
    {"contraception", "details.request", "initiation", 30},
    {"contraception", "details.request", "emergency", 30},
};

static void every_strand_has_its_decisions(void **state)
{
    (void)state;
    size_t few = 0;
    for (size_t i = 0; i < sizeof(strands) / sizeof(strands[0]); i++) {
        struct pathway_cases *cases = load_cases(strands[i].pathway);
        size_t count = 0;
        for (size_t j = 0; j < pathway_cases_count(cases); j++) {
            const char *value = record_text(pathway_cases_referral(cases, j), strands[i].field);
            count += value && strcmp(value, strands[i].value) == 0;
        }
        if (count < strands[i].least) {
            print_error("%s: %s %s: %zu cases, expected %zu\n", strands[i].pathway,
                        strands[i].field, strands[i].value, count, strands[i].least);
            few++;
        }
        pathway_cases_free(cases);
    }
    assert_int_equal(few, 0);
}

/* Is there a case on the day `by` days after a patient's birthday of that many years? */
static bool has_birthday(const struct pathway_cases *cases, int years, int64_t by)
{
    for (size_t i = 0; i < pathway_cases_count(cases); i++) {
        const char *text = record_text(pathway_cases_referral(cases, i), "patient.date_of_birth");
        int64_t day = date_to_days(pathway_cases_day(cases, i)) - by;
        struct date birth;
        if (text && date_parse(text, &birth) && age_years_on(birth, date_from_days(day)) == years &&
            age_years_on(birth, date_from_days(day - 1)) == years - 1)
            return true;
    }
    return false;
}

static void every_bound_of_age_has_the_day_before_of_and_after_the_birthday(void **state)
{
    (void)state;
    size_t bounds = 0, missing = 0;
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        struct pathway *pathway = load_pathway(name);
        struct pathway_cases *cases = load_cases(name);
        for (size_t at = 0; at < pathway->predicates_count; at++) {
            const struct predicate *predicate = &pathway->predicates[at];
            if (predicate->kind != RANGE || pathway->fields[predicate->field].kind != FIELD_AGE)
                continue;
            const double firsts[] = {predicate->least, predicate->most + 1};
            for (size_t k = 0; k < 2; k++) {
                if (!isfinite(firsts[k]) || firsts[k] < 1)
                    continue;
                bounds++;
                for (int by = -1; by <= 1; by++) {
                    if (has_birthday(cases, (int)firsts[k], by))
                        continue;
                    print_error("%s: no case %d days from the birthday of %g\n", name, by,
                                firsts[k]);
                    missing++;
                }
            }
        }
        pathway_cases_free(cases);
        pathway_free(pathway);
    }
    assert_true(bounds > 20);
    assert_int_equal(missing, 0);
}

/* ---- slips: each is made, must turn a line red, and is taken back */

struct slips {
    struct pathway *pathway;
    const struct pathway_cases *cases;
    size_t made, unseen;
};

static bool turns_a_line_red(const struct slips *slips)
{
    char decided[CASE_DECISION_SIZE];
    const char *rule_id;
    for (size_t i = 0; i < pathway_cases_count(slips->cases); i++) {
        if (!pathway_cases_judge(slips->cases, i, slips->pathway, decided, &rule_id))
            return true;
    }
    return false;
}

static void judge_slip(struct slips *slips, const char *what, const char *where, double amount)
{
    slips->made++;
    if (turns_a_line_red(slips))
        return;
    slips->unseen++;
    print_error("%s: no line of cases.tsv sees this slip: %s %s %g\n", pathway_name(slips->pathway),
                what, where, amount);
}

static void move_day(struct slips *slips, int64_t *day, const char *where)
{
    int64_t was = *day;
    if (was == INT64_MIN || was == INT64_MAX)
        return;
    for (int64_t by = -1; by <= 1; by += 2) {
        *day = was + by;
        judge_slip(slips, "a date moved by a day:", where, (double)by);
    }
    *day = was;
}

static void slip_in_rules(struct slips *slips)
{
    struct pathway *pathway = slips->pathway;
    for (size_t i = 0; i < pathway->rules_count; i++) {
        struct rule *rule = &pathway->rules[i];
        struct rule was = *rule;
        rule->from_day = INT64_MAX;
        judge_slip(slips, "a rule left out:", rule->id, 0);
        *rule = was;
        move_day(slips, &rule->from_day, rule->id);
        move_day(slips, &rule->until_day, rule->id);
        if (rule->then != RULE_FALL_BACK) {
            rule->urgent = !was.urgent;
            judge_slip(slips, "urgent where it is not, or not where it is:", rule->id, was.urgent);
            rule->urgent = was.urgent;
        }
    }
    move_day(slips, &pathway->enabled_from_day, "enabled");
    move_day(slips, &pathway->enabled_until_day, "enabled");
    uint64_t sources = pathway->sources;
    for (uint64_t bit = 1; bit <= sources && bit != 0; bit <<= 1) {
        if (!(sources & bit))
            continue;
        pathway->sources = sources & ~bit;
        judge_slip(slips, "a source left out:", "bit", (double)bit);
    }
    pathway->sources = sources;
}

static void move_bound(struct slips *slips, double *bound, const struct field *field)
{
    double was = *bound;
    if (!isfinite(was))
        return;
    bool real =
        field->node && (field->node->kind == SCHEMA_DOUBLE || field->node->kind == SCHEMA_FLOAT);
    for (int by = -1; by <= 1; by += 2) {
        *bound = was + by * (real ? 0.01 : 1);
        judge_slip(slips, "a bound moved to", field->path, *bound);
    }
    *bound = was;
}

static void slip_in_predicate(struct slips *slips, struct predicate *predicate)
{
    const struct field *field = &slips->pathway->fields[predicate->field];
    struct predicate was = *predicate;
    switch (predicate->kind) {
    case ONE_OF:
        for (size_t i = 0; i < field->constants_count; i++) {
            if (!(was.constants & (UINT64_C(1) << i)))
                continue;
            predicate->constants = was.constants & ~(UINT64_C(1) << i);
            judge_slip(slips, "a value left out:", field->constants[i], 0);
        }
        break;
    case RANGE:
        if (field->kind == FIELD_BOOLEAN) {
            predicate->least = predicate->most = 1 - was.least;
            judge_slip(slips, "true for false:", field->path, was.least);
            break;
        }
        move_bound(slips, &predicate->least, field);
        move_bound(slips, &predicate->most, field);
        break;
    case PRESENT:
        predicate->wanted = !was.wanted;
        judge_slip(slips, "absent for present:", field->path, was.wanted);
        break;
    case ALL_OF:
    case ANY_OF:
        predicate->kind = was.kind == ALL_OF ? ANY_OF : ALL_OF;
        judge_slip(slips, "all for any, or any for all:", "predicate",
                   (double)(predicate - slips->pathway->predicates));
        break;
    default:
        break;
    }
    *predicate = was;
}

static void any_slip_in_a_rule_turns_a_case_red(void **state)
{
    (void)state;
    size_t made = 0, unseen = 0;
    for (size_t i = 0; i < contract_pathway_count(contract); i++) {
        const char *name = contract_pathway_name(contract, i);
        struct pathway *pathway = load_pathway(name);
        struct pathway_cases *cases = load_cases(name);
        struct slips slips = {.pathway = pathway, .cases = cases};
        /* what distance sellers can't do is no decision of the rules: decide_test.c */
        size_t skip_from = 0, skip_to = 0;
        if (pathway->has_no_distance_selling) {
            skip_from = pathway->no_distance_selling;
            skip_to = pathway->predicates[skip_from].end;
        }
        slip_in_rules(&slips);
        for (size_t at = 0; at < pathway->predicates_count; at++) {
            if (at < skip_from || at >= skip_to)
                slip_in_predicate(&slips, &pathway->predicates[at]);
        }
        made += slips.made;
        unseen += slips.unseen;
        pathway_cases_free(cases);
        pathway_free(pathway);
    }
    print_message("%zu slips made, %zu unseen\n", made, unseen);
    assert_true(made > 300);
    assert_int_equal(unseen, 0);
}

/* By hand, in minutes: Pharmacy First within 24 hours and its outcome within 3 days, emergency
 * contraception within 12 hours, the other pharmacy services within 5 days and 14, what one may
 * refer oneself to within 10 days and 42. Defaults, to be confirmed by the clinical owners. */
static const struct {
    const char *pathway, *service;
    int64_t deadline, outcome;
} limits[] = {
    {"pharmacy-first", "urgent-supply", 1440, 4320},
    {"pharmacy-first", "clinical-pathway", 1440, 4320},
    {"pharmacy-first", "minor-illness", 1440, 4320},
    {"blood-pressure", "ambulatory-monitoring", 7200, 20160},
    {"blood-pressure", "blood-pressure-check", 7200, 20160},
    {"contraception", "emergency-contraception", 720, 20160},
    {"contraception", "contraception", 7200, 20160},
    {"audiology", "audiology", 14400, 60480},
    {"equipment", "equipment", 14400, 60480},
    {"falls", "falls", 14400, 60480},
    {"msk", "msk", 14400, 60480},
    {"podiatry", "podiatry", 14400, 60480},
    {"weight-management", "weight-management", 14400, 60480},
    {"wheelchair", "wheelchair", 14400, 60480},
};

static const struct pathway_service *service_of(const struct pathway *pathway, const char *name)
{
    for (size_t i = 0; i < pathway->services_count; i++)
        if (strcmp(pathway->services[i].name, name) == 0)
            return &pathway->services[i];
    return NULL;
}

static void the_services_have_the_deadlines_and_outcome_limits_written_by_hand(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        struct pathway *pathway = load_pathway(limits[i].pathway);
        const struct pathway_service *service = service_of(pathway, limits[i].service);
        if (!service || service->deadline_ms != limits[i].deadline * 60000 ||
            pathway_outcome_ms(pathway) != limits[i].outcome * 60000) {
            print_error("%s %s: deadline %g minutes, outcome %g: not as in the table\n",
                        limits[i].pathway, limits[i].service,
                        service ? (double)service->deadline_ms / 60000 : 0.0,
                        (double)pathway_outcome_ms(pathway) / 60000);
            wrong++;
        }
        pathway_free(pathway);
    }
    assert_int_equal(wrong, 0);
}

static int load(void **state)
{
    (void)state;
    struct reason reason = {.detail = ""};
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract)
        print_error("%s %s: %s\n", reason.code, reason.pointer, reason.detail);
    return contract ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_decided_as_its_folder_says_and_every_rule_has_one),
        cmocka_unit_test(every_strand_has_its_decisions),
        cmocka_unit_test(every_bound_of_age_has_the_day_before_of_and_after_the_birthday),
        cmocka_unit_test(the_services_have_the_deadlines_and_outcome_limits_written_by_hand),
        cmocka_unit_test(any_slip_in_a_rule_turns_a_case_red),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
