/* SPDX-License-Identifier: Apache-2.0 */
/* PREDICATE, as in pathway.h, to rows of the pathway's table. */
#include "pathways/internal.h"

#include "codec/place.h"

#include <math.h>
#include <string.h>

static const char *const operations[] = {"equals", "one_of", "range", "present"};
#define OPERATIONS_COUNT (sizeof(operations) / sizeof(operations[0]))

static bool compile_equals(struct compiler *compiler, const struct place *place,
                           const struct json *json, struct predicate *predicate)
{
    const struct field *field = &compiler->pathway->fields[predicate->field];
    enum json_kind kind = json_kind_of(json);
    struct date date;
    predicate->kind = RANGE;
    switch (field->kind) {
    case FIELD_TEXT:
    case FIELD_TEXTS:
    case FIELD_SERVICE:
        predicate->kind = ONE_OF;
        return compile_constant(compiler, place, predicate->field, json, &predicate->constants);
    case FIELD_BOOLEAN:
        if (kind != JSON_IS_BOOLEAN)
            return compile_error(compiler, place, json, "true or false, as %s is", field->path);
        predicate->least = predicate->most = json_is_true(json) ? 1 : 0;
        return true;
    case FIELD_NUMBER:
    case FIELD_AGE:
        if (kind != JSON_IS_WHOLE && kind != JSON_IS_REAL)
            return compile_error(compiler, place, json, "a number, as %s is", field->path);
        predicate->least = predicate->most = json_number(json, 0);
        return true;
    case FIELD_DATE:
    case FIELD_DAY:
        if (!json_text(json) || !date_parse(json_text(json), &date))
            return compile_error(compiler, place, json, "a date, YYYY-MM-DD, as %s is",
                                 field->path);
        predicate->least = predicate->most = (double)date_to_days(date);
        return true;
    default:
        return compile_error(compiler, place, json, "present: %s is neither text nor number",
                             field->path);
    }
}

static bool compile_one_of(struct compiler *compiler, const struct place *place,
                           const struct json *json, struct predicate *predicate)
{
    const struct field *field = &compiler->pathway->fields[predicate->field];
    if (field->kind != FIELD_TEXT && field->kind != FIELD_TEXTS && field->kind != FIELD_SERVICE)
        return compile_error(compiler, place, json, "equals or range: %s is no text", field->path);
    if (json_kind_of(json) != JSON_IS_ARRAY || json_count(json) == 0)
        return compile_error(compiler, place, json, "a list of at least one value");
    predicate->kind = ONE_OF;
    bool well = true;
    for (size_t i = 0; i < json_count(json); i++) {
        struct place here = {.up = place, .index = i};
        uint64_t bit;
        if (compile_constant(compiler, &here, predicate->field, json_item(json, i), &bit))
            predicate->constants |= bit;
        else
            well = false;
    }
    return well;
}

static bool compile_bound(struct compiler *compiler, const struct place *place,
                          const struct json *range, const char *name, bool is_date,
                          double *ret_bound)
{
    if (!is_date)
        return compile_number(compiler, place, range, name, false, -1e12, 1e12, ret_bound);
    int64_t day = 0;
    if (!compile_day(compiler, place, range, name, &day))
        return false;
    if (json_member(range, name))
        *ret_bound = (double)day;
    return true;
}

static bool compile_range(struct compiler *compiler, const struct place *place,
                          const struct json *json, struct predicate *predicate)
{
    static const char *const names[] = {"least", "most"};
    const struct field *field = &compiler->pathway->fields[predicate->field];
    bool is_date = field->kind == FIELD_DATE || field->kind == FIELD_DAY;
    if (!is_date && field->kind != FIELD_NUMBER && field->kind != FIELD_AGE)
        return compile_error(compiler, place, json, "equals: %s is neither number nor date",
                             field->path);
    if (!compile_members(compiler, place, json, names, 2))
        return false;
    predicate->kind = RANGE;
    predicate->least = -INFINITY;
    predicate->most = INFINITY;
    if (!compile_bound(compiler, place, json, "least", is_date, &predicate->least) ||
        !compile_bound(compiler, place, json, "most", is_date, &predicate->most))
        return false;
    if (json_count(json) == 0 || predicate->least > predicate->most)
        return compile_error(compiler, place, json, "least, most or both, least not above most");
    return true;
}

static bool compile_test(struct compiler *compiler, const struct place *place,
                         const struct json *json, struct predicate *predicate)
{
    const char *operation = NULL;
    for (size_t i = 0; i < OPERATIONS_COUNT; i++) {
        if (json_member(json, operations[i]))
            operation = operations[i];
    }
    if (!operation || json_count(json) != 2)
        return compile_error(compiler, place, json,
                             "field and just one of equals, one_of, range, present");
    struct place field = {.up = place, .name = "field"}, here = {.up = place, .name = operation};
    if (!compile_field(compiler, &field, json_member(json, "field"), &predicate->field))
        return false;
    const struct json *value = json_member(json, operation);
    if (strcmp(operation, "equals") == 0)
        return compile_equals(compiler, &here, value, predicate);
    if (strcmp(operation, "one_of") == 0)
        return compile_one_of(compiler, &here, value, predicate);
    if (strcmp(operation, "range") == 0)
        return compile_range(compiler, &here, value, predicate);
    if (json_kind_of(value) != JSON_IS_BOOLEAN)
        return compile_error(compiler, &here, value, "true or false");
    predicate->kind = PRESENT;
    predicate->wanted = json_is_true(value);
    return true;
}

static bool compile_node(struct compiler *compiler, const struct place *place,
                         const struct json *json, int depth, uint16_t *ret_predicate);

static bool compile_children(struct compiler *compiler, const struct place *place,
                             const struct json *list, int depth)
{
    if (json_kind_of(list) != JSON_IS_ARRAY || json_count(list) == 0)
        return compile_error(compiler, place, list, "a list of at least one predicate");
    bool well = true;
    for (size_t i = 0; i < json_count(list); i++) {
        struct place here = {.up = place, .index = i};
        uint16_t child;
        well = compile_node(compiler, &here, json_item(list, i), depth + 1, &child) && well;
    }
    return well;
}

static bool compile_node(struct compiler *compiler, const struct place *place,
                         const struct json *json, int depth, uint16_t *ret_predicate)
{
    struct pathway *pathway = compiler->pathway;
    if (depth > PREDICATE_DEPTH_MAX)
        return compile_error(compiler, place, json, "at most %d levels of predicates",
                             PREDICATE_DEPTH_MAX);
    if (pathway->predicates_count == PATHWAY_PREDICATES_MAX)
        return compile_error(compiler, place, json, "at most %d predicates in one pathway",
                             PATHWAY_PREDICATES_MAX);
    uint16_t at = (uint16_t)pathway->predicates_count++;
    struct predicate predicate = {.kind = ALWAYS};
    static const struct {
        const char *name;
        enum predicate_kind kind;
    } groups[] = {{"all_of", ALL_OF}, {"any_of", ANY_OF}, {"not", NOT}};
    const char *group = NULL;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]) && json_count(json) == 1; i++) {
        if (json_kind_of(json) == JSON_IS_OBJECT && json_member(json, groups[i].name)) {
            group = groups[i].name;
            predicate.kind = groups[i].kind;
        }
    }
    struct place here = {.up = place, .name = group};
    bool well;
    if (json_kind_of(json) == JSON_IS_BOOLEAN && json_is_true(json)) {
        well = true;
    } else if (predicate.kind == NOT) {
        uint16_t child;
        well = compile_node(compiler, &here, json_member(json, group), depth + 1, &child);
    } else if (group) {
        well = compile_children(compiler, &here, json_member(json, group), depth);
    } else if (json_kind_of(json) == JSON_IS_OBJECT && json_member(json, "field")) {
        well = compile_test(compiler, place, json, &predicate);
    } else {
        return compile_error(compiler, place, json,
                             "true, or an object of field, all_of, any_of or not");
    }
    if (!well)
        return false;
    predicate.end = (uint16_t)pathway->predicates_count;
    pathway->predicates[at] = predicate;
    *ret_predicate = at;
    return true;
}

bool compile_predicate(struct compiler *compiler, const struct place *place,
                       const struct json *json, uint16_t *ret_predicate)
{
    return compile_node(compiler, place, json, 1, ret_predicate);
}
