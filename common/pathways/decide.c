/* SPDX-License-Identifier: Apache-2.0 */
/* Judging one referral. Fields are read when the first predicate asks, at most once; what remains
 * is bit tests and comparisons in a table, so a hundred rules cost about as much as one. */
#include "pathways/internal.h"

#include "base/text.h"

#include <string.h>

#define AGE_MOST 130

struct value {
    bool present;
    uint64_t matches; /* bits of the field's constants */
    double number;
};

struct judgement {
    const struct pathway *pathway;
    const struct record *referral;
    struct date day;
    int64_t day_number;
    size_t service; /* index, services_count = none */
    uint64_t read;  /* bits of the fields that `values` holds */
    struct value values[PATHWAY_FIELDS_MAX];
};

static uint64_t match(const struct field *field, const char *text)
{
    for (size_t i = 0; i < field->constants_count; i++) {
        if (strcmp(field->constants[i], text) == 0)
            return UINT64_C(1) << i;
    }
    return 0;
}

static void read_texts(const struct field *field, const struct record *referral,
                       struct value *value)
{
    size_t count = record_count(referral, field->path);
    value->present = count > 0;
    for (size_t i = 0; i < count && field->constants_count > 0; i++) {
        char path[FIELD_PATH_LENGTH_MAX + 24];
        text_format(path, sizeof(path), "%s.%zu", field->path, i);
        const char *text = record_text(referral, path);
        if (text)
            value->matches |= match(field, text);
    }
}

/* Apart from value_of, so that asking again, which is nearly always, saves no registers. */
__attribute__((noinline)) static void read_value(const struct judgement *judgement,
                                                 const struct field *field, struct value *value)
{
    const struct record *referral = judgement->referral;
    const char *text;
    struct date date;
    int64_t whole;
    *value = (struct value){.present = false};
    switch (field->kind) {
    case FIELD_TEXT:
        text = record_text(referral, field->path);
        value->present = text != NULL;
        value->matches = text ? match(field, text) : 0;
        break;
    case FIELD_TEXTS:
        read_texts(field, referral, value);
        break;
    case FIELD_BOOLEAN:
        value->present = record_whole(referral, field->path, &whole);
        value->number = value->present ? (double)whole : 0;
        break;
    case FIELD_NUMBER:
        value->present = record_real(referral, field->path, &value->number);
        break;
    case FIELD_DATE:
        text = record_text(referral, field->path);
        value->present = text && date_parse(text, &date);
        value->number = value->present ? (double)date_to_days(date) : 0;
        break;
    case FIELD_LIST:
        value->present = record_count(referral, field->path) > 0;
        break;
    case FIELD_RECORD:
        value->present = record_has(referral, field->path);
        break;
    case FIELD_AGE:
        text = record_text(referral, "patient.date_of_birth");
        value->present = text && date_parse(text, &date);
        value->number = value->present ? age_years_on(date, judgement->day) : 0;
        break;
    case FIELD_SERVICE:
        value->present = judgement->service < judgement->pathway->services_count;
        if (value->present)
            value->matches = match(field, judgement->pathway->services[judgement->service].name);
        break;
    case FIELD_DAY:
        value->present = true;
        value->number = (double)judgement->day_number;
        break;
    }
}

static const struct value *value_of(struct judgement *judgement, uint16_t field)
{
    uint64_t bit = UINT64_C(1) << field;
    if (!(judgement->read & bit)) {
        read_value(judgement, &judgement->pathway->fields[field], &judgement->values[field]);
        judgement->read |= bit;
    }
    return &judgement->values[field];
}

/* As deep as PREDICATE_DEPTH_MAX, which the compiler saw to. */
static bool holds(struct judgement *judgement, uint16_t at)
{
    const struct predicate *predicates = judgement->pathway->predicates;
    const struct predicate *predicate = &predicates[at];
    const struct value *value;
    switch (predicate->kind) {
    case ONE_OF:
        return (value_of(judgement, predicate->field)->matches & predicate->constants) != 0;
    case RANGE:
        value = value_of(judgement, predicate->field);
        return value->present && value->number >= predicate->least &&
               value->number <= predicate->most;
    case PRESENT:
        return value_of(judgement, predicate->field)->present == predicate->wanted;
    case NOT:
        return !holds(judgement, (uint16_t)(at + 1));
    case ALL_OF:
    case ANY_OF:
        for (uint16_t child = (uint16_t)(at + 1); child < predicate->end;
             child = predicates[child].end) {
            if (holds(judgement, child) != (predicate->kind == ALL_OF))
                return predicate->kind == ANY_OF;
        }
        return predicate->kind == ALL_OF;
    case ALWAYS:
        break;
    }
    return true;
}

static void choose_service(struct judgement *judgement, size_t service)
{
    judgement->service = service;
    judgement->read &= ~(UINT64_C(1) << FIELD_SERVICE_NAME);
}

/* The first rule of this urgency that holds, or NULL. */
static const struct rule *first_rule(struct judgement *judgement, bool urgent, bool fell_back)
{
    const struct pathway *pathway = judgement->pathway;
    for (size_t i = 0; i < pathway->rules_count; i++) {
        const struct rule *rule = &pathway->rules[i];
        if (rule->urgent == urgent && judgement->day_number >= rule->from_day &&
            judgement->day_number <= rule->until_day &&
            !(fell_back && rule->then == RULE_FALL_BACK) && holds(judgement, rule->when))
            return rule;
    }
    return NULL;
}

static bool return_it(struct rules_decision *decision, const char *id, const char *reason,
                      const char *words)
{
    decision->outcome = RULES_RETURN;
    decision->rule_id = id;
    decision->reason = reason;
    decision->words = words;
    return true;
}

/* What holds for every pathway. True if that returns the referral. */
static bool gates_return(struct judgement *judgement, struct rules_decision *decision)
{
    const struct pathway *pathway = judgement->pathway;
    if (!pathway->enabled || judgement->day_number < pathway->enabled_from_day ||
        judgement->day_number > pathway->enabled_until_day)
        return return_it(decision, "enabled", "pathway-not-enabled",
                         "This pathway takes no referrals on this day.");
    if (!(value_of(judgement, FIELD_SOURCE_KIND)->matches & pathway->sources))
        return return_it(decision, "sources", "source-not-allowed",
                         "This kind of source may not refer to this pathway.");
    if (value_of(judgement, FIELD_CONSENT)->number < 1)
        return return_it(decision, "consent", "no-consent",
                         "The patient's consent to be referred is missing.");
    const struct value *age = value_of(judgement, FIELD_AGE_YEARS);
    if (!age->present || age->number < 0 || age->number > AGE_MOST)
        return return_it(decision, "date-of-birth", "date-of-birth-not-credible",
                         "The date of birth can't be right. Correct it and refer again.");
    if (judgement->service == pathway->services_count)
        return return_it(decision, "services", "no-service",
                         "The referral fits none of this pathway's services.");
    return false;
}

/* Would the consultation be recorded if it were not urgent? */
static bool may_be_recorded(struct judgement *judgement, bool fell_back)
{
    struct rules_decision ignored = {.reason = ""};
    if (gates_return(judgement, &ignored))
        return false;
    const struct rule *rule = first_rule(judgement, false, fell_back);
    return rule && rule->then == RULE_RECORD;
}

static void apply_rule(struct judgement *judgement, const struct rule *rule,
                       struct rules_decision *decision)
{
    const struct pathway *pathway = judgement->pathway;
    decision->rule_id = rule->id;
    decision->words = rule->words;
    decision->urgent = rule->urgent;
    if (rule->then == RULE_RECORD &&
        (!rule->urgent || may_be_recorded(judgement, decision->fell_back_from != NULL))) {
        decision->outcome = RULES_RECORD;
        return;
    }
    decision->reason = rule->reason;
    if (rule->then != RULE_FALL_BACK) {
        decision->outcome = RULES_RETURN;
    } else {
        decision->fell_back_from = pathway->services[judgement->service].name;
        choose_service(judgement, rule->service);
    }
}

void pathway_decide(const struct pathway *pathway, const struct record *referral, struct date day,
                    struct rules_decision *ret_decision)
{
    struct judgement judgement; /* `values` is filled as it is read */
    judgement.pathway = pathway;
    judgement.referral = referral;
    judgement.day = day;
    judgement.day_number = date_to_days(day);
    judgement.read = 0;
    judgement.service = pathway->services_count;
    for (size_t i = 0; i < pathway->services_count; i++) {
        if (holds(&judgement, pathway->services[i].when)) {
            choose_service(&judgement, i);
            break;
        }
    }
    struct rules_decision decision = {
        .outcome = RULES_ROUTE, .service = "", .rule_id = "", .reason = "", .words = ""};
    for (bool again = true; again;) {
        bool fell_back = decision.fell_back_from != NULL;
        const struct rule *rule = first_rule(&judgement, true, fell_back);
        if (!rule && gates_return(&judgement, &decision))
            break;
        if (!rule)
            rule = first_rule(&judgement, false, fell_back);
        if (rule)
            apply_rule(&judgement, rule, &decision);
        again = rule && rule->then == RULE_FALL_BACK;
    }
    decision.deadline_ms = pathway->deadline_ms;
    if (judgement.service < pathway->services_count) {
        decision.service = pathway->services[judgement.service].name;
        decision.deadline_ms = pathway->services[judgement.service].deadline_ms;
    }
    decision.no_distance_selling =
        pathway->has_no_distance_selling && holds(&judgement, pathway->no_distance_selling);
    *ret_decision = decision;
}
