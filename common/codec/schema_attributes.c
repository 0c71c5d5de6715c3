/* SPDX-License-Identifier: Apache-2.0 */
/* Our own attributes are read strictly: a misspelt format or a limit on the wrong type would be a
 * check that silently never runs, found only when bad data has gone through. */
#include "codec/schema_tree.h"

#include "ids/formats.h"

#include <float.h>
#include <string.h>

struct reading {
    struct arena *arena;
    const struct json *value;
    struct schema_node *node;
};

/* Each returns NULL, or what was expected. */
static const char *read_format(const struct reading *reading)
{
    reading->node->format = value_format_find(json_text(reading->value));
    return reading->node->format ? NULL : "the name of a known format";
}

static const char *read_length(const struct reading *reading)
{
    int64_t most = json_whole(reading->value, 0);
    if (most < 1 || most > SCHEMA_SIZE_MAX)
        return "a whole number from 1";
    reading->node->length_max = (size_t)most;
    return NULL;
}

static bool read_number(const struct json *value, double *ret_number)
{
    enum json_kind kind = json_kind_of(value);
    *ret_number = json_number(value, 0);
    return kind == JSON_IS_WHOLE || kind == JSON_IS_REAL;
}

static const char *read_minimum(const struct reading *reading)
{
    reading->node->has_minimum = read_number(reading->value, &reading->node->minimum);
    return reading->node->has_minimum ? NULL : "a number";
}

static const char *read_maximum(const struct reading *reading)
{
    reading->node->has_maximum = read_number(reading->value, &reading->node->maximum);
    return reading->node->has_maximum ? NULL : "a number";
}

static const char *read_allowed(const struct reading *reading)
{
    size_t count = json_kind_of(reading->value) == JSON_IS_ARRAY ? json_count(reading->value) : 0;
    char **allowed = count > 0 ? arena_take(reading->arena, count * sizeof(*allowed)) : NULL;
    if (!allowed)
        return "a list of texts";
    for (size_t i = 0; i < count; i++) {
        const char *text = json_text(json_item(reading->value, i));
        allowed[i] = text ? arena_text(reading->arena, text) : NULL;
        if (!allowed[i])
            return "a list of texts";
    }
    reading->node->allowed = allowed;
    reading->node->allowed_count = count;
    return NULL;
}

#define ON(kind) (1u << (kind))
#define NUMBERS (ON(SCHEMA_INT) | ON(SCHEMA_LONG) | ON(SCHEMA_FLOAT) | ON(SCHEMA_DOUBLE))

static const struct {
    const char *name;
    unsigned kinds;
    const char *(*read)(const struct reading *reading);
} attributes[] = {
    {"format", ON(SCHEMA_STRING), read_format},
    {"maxLength", ON(SCHEMA_STRING) | ON(SCHEMA_BYTES), read_length},
    {"maxItems", ON(SCHEMA_ARRAY) | ON(SCHEMA_MAP), read_length},
    {"minimum", NUMBERS, read_minimum},
    {"maximum", NUMBERS, read_maximum},
    {"oneOf", ON(SCHEMA_STRING), read_allowed},
};

bool schema_attributes_read(struct arena *arena, const struct json *object,
                            struct schema_node *node, const struct place *place,
                            struct reason *reason)
{
    struct schema_node *target = node->branch;
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const struct json *value = json_member(object, attributes[i].name);
        if (!value)
            continue;
        const char *expected = "a type that it can apply to";
        if (attributes[i].kinds & ON(target->kind))
            expected = attributes[i].read(
                &(struct reading){.arena = arena, .value = value, .node = target});
        if (expected) {
            struct place here = {.up = place, .name = attributes[i].name};
            char pointer[REASON_POINTER_MAX];
            place_pointer(&here, pointer);
            reason_set(reason, "bad-schema", pointer, "%s: expected %s", attributes[i].name,
                       expected);
            return false;
        }
    }
    return true;
}

static bool all_members_fit(const struct schema_node *node, const struct json *json)
{
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    while (json_next_member(json, &cursor, &name, &value)) {
        size_t field = node->kind == SCHEMA_MAP ? 0 : schema_field(node, name, strlen(name));
        if (field == SCHEMA_NO_FIELD || !schema_fallback_fits(node->children[field], value))
            return false;
    }
    for (size_t i = 0; node->kind == SCHEMA_RECORD && i < node->children_count; i++) {
        const struct schema_node *field = node->children[i];
        if (!field->fallback && !field->nullable && !json_member(json, field->field_name))
            return false;
    }
    return true;
}

static bool is_symbol(const struct schema_node *node, const char *text)
{
    for (size_t i = 0; text && i < node->symbols_count; i++)
        if (strcmp(text, node->symbols[i]) == 0)
            return true;
    return false;
}

static bool whole_fits(const struct json *json, int64_t least, int64_t most)
{
    int64_t number = json_whole(json, 0);
    return json_kind_of(json) == JSON_IS_WHOLE && number >= least && number <= most;
}

bool schema_fallback_fits(const struct schema_node *node, const struct json *json)
{
    enum json_kind kind = json_kind_of(json);
    double number;
    switch (node->kind) {
    case SCHEMA_UNION:
        return (node->nullable && kind == JSON_IS_NULL) || schema_fallback_fits(node->branch, json);
    case SCHEMA_NULL:
        return kind == JSON_IS_NULL;
    case SCHEMA_BOOLEAN:
        return kind == JSON_IS_BOOLEAN;
    case SCHEMA_INT:
        return whole_fits(json, INT32_MIN, INT32_MAX);
    case SCHEMA_LONG:
        return whole_fits(json, INT64_MIN, INT64_MAX);
    case SCHEMA_FLOAT:
        return read_number(json, &number) && number >= -(double)FLT_MAX &&
               number <= (double)FLT_MAX;
    case SCHEMA_DOUBLE:
        return read_number(json, &number);
    case SCHEMA_STRING:
        return kind == JSON_IS_TEXT;
    case SCHEMA_BYTES: /* Avro writes bytes as U+0000 to U+00FF here, posted JSON is base64: only ""
                          is the same in both */
        return kind == JSON_IS_TEXT && json_text_length(json) == 0;
    case SCHEMA_FIXED:
        return false;
    case SCHEMA_ENUM:
        return is_symbol(node, json_text(json));
    case SCHEMA_ARRAY:
        if (kind != JSON_IS_ARRAY)
            return false;
        for (size_t i = 0; i < json_count(json); i++)
            if (!schema_fallback_fits(node->children[0], json_item(json, i)))
                return false;
        return true;
    case SCHEMA_MAP:
    case SCHEMA_RECORD:
        return kind == JSON_IS_OBJECT && all_members_fit(node, json);
    }
    return false;
}
