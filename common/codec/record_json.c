/* SPDX-License-Identifier: Apache-2.0 */
/* Posted JSON is not Avro's JSON: no tags on unions, absent means null. Each refusal names the
 * field and what was expected; what was found is named by kind only, for it may be about a patient.
 */
#include "codec/record_parts.h"

#include "base/digest.h"
#include "base/text.h"
#include "codec/prescan.h"
#include "ids/formats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const expected_words[] = {
    [SCHEMA_NULL] = "null",          [SCHEMA_BOOLEAN] = "true or false",
    [SCHEMA_INT] = "a whole number", [SCHEMA_LONG] = "a whole number",
    [SCHEMA_FLOAT] = "a number",     [SCHEMA_DOUBLE] = "a number",
    [SCHEMA_BYTES] = "base64 text",  [SCHEMA_STRING] = "text",
    [SCHEMA_FIXED] = "base64 text",  [SCHEMA_ENUM] = "text",
    [SCHEMA_ARRAY] = "a list",       [SCHEMA_MAP] = "an object",
    [SCHEMA_RECORD] = "an object",   [SCHEMA_UNION] = "a value",
};

static enum verdict wrong_type(const struct value *value, const struct json *json,
                               const struct place *place, struct reason *reason)
{
    refuse_at(place, reason, "wrong-type", "found %s, expected %s",
              json_kind_name(json_kind_of(json)), expected_words[value->node->kind]);
    return REFUSED;
}

static enum verdict no_memory(const struct place *place, struct reason *reason)
{
    refuse_at(place, reason, "out-of-memory", "no memory for the value");
    return BROKEN;
}

void choice_words(char words[CHOICE_SIZE], char *const *choices, size_t count)
{
    size_t used = 0;
    words[0] = '\0';
    for (size_t i = 0; i < count && used < CHOICE_SIZE; i++) {
        if (!text_format(words + used, CHOICE_SIZE - used, "%s%s", i > 0 ? ", " : "one of ",
                         choices[i]))
            text_copy(words + CHOICE_SIZE - 5, 5, " ...");
        used = strlen(words) < CHOICE_SIZE - 1 ? strlen(words) : CHOICE_SIZE;
    }
}

static enum verdict fill_text(const struct value *value, const struct json *json,
                              const struct place *place, struct reason *reason)
{
    const char *text = json_text(json);
    size_t length = json_text_length(json);
    if (!text)
        return wrong_type(value, json, place, reason);
    if (!text_is_utf8(text, length)) {
        refuse_at(place, reason, "wrong-type", "found text with a NUL, expected text");
        return REFUSED;
    }
    if (value_set_text(value, text, length))
        return DONE;
    if (value->node->kind != SCHEMA_ENUM)
        return no_memory(place, reason);
    char words[CHOICE_SIZE];
    choice_words(words, value->node->symbols, value->node->symbols_count);
    refuse_at(place, reason, "not-allowed", "expected %s", words);
    return REFUSED;
}

static enum verdict fill_whole(const struct value *value, const struct json *json,
                               const struct place *place, struct reason *reason)
{
    if (json_kind_of(json) != JSON_IS_WHOLE)
        return wrong_type(value, json, place, reason);
    if (value_set_whole(value, json_whole(json, 0)))
        return DONE;
    refuse_at(place, reason, "out-of-range", "expected a whole number from %d to %d", INT32_MIN,
              INT32_MAX);
    return REFUSED;
}

static enum verdict fill_real(const struct value *value, const struct json *json,
                              const struct place *place, struct reason *reason)
{
    enum json_kind kind = json_kind_of(json);
    if (kind != JSON_IS_WHOLE && kind != JSON_IS_REAL)
        return wrong_type(value, json, place, reason);
    if (value_set_real(value, json_number(json, 0)))
        return DONE;
    refuse_at(place, reason, "out-of-range", "expected a number from %g to %g", -(double)FLT_MAX,
              (double)FLT_MAX);
    return REFUSED;
}

static enum verdict fill_boolean(const struct value *value, const struct json *json,
                                 const struct place *place, struct reason *reason)
{
    if (json_kind_of(json) != JSON_IS_BOOLEAN)
        return wrong_type(value, json, place, reason);
    return value_set_boolean(value, json_is_true(json)) ? DONE : no_memory(place, reason);
}

static enum verdict fill_bytes(const struct value *value, const struct json *json,
                               const struct place *place, struct reason *reason)
{
    if (!json_text(json))
        return wrong_type(value, json, place, reason);
    size_t size = json_text_length(json) / 4 * 3;
    size_t length = 0;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes)
        return no_memory(place, reason);
    bool decoded = strlen(json_text(json)) == json_text_length(json) &&
                   base64_decode(json_text(json), bytes, size, &length);
    bool done = decoded && value_set_bytes(value, bytes, length);
    free(bytes);
    if (done)
        return DONE;
    if (decoded && value->node->kind == SCHEMA_FIXED)
        refuse_at(place, reason, "bad-format", "expected base64 of %zu bytes",
                  value->node->fixed_size);
    else
        refuse_at(place, reason, "bad-format", "expected base64 with padding");
    return REFUSED;
}

static bool is_nothing(const struct json *json)
{
    return json_kind_of(json) <= JSON_IS_NULL;
}

/* A field or item, whose JSON may be absent or null. */
static enum verdict fill_slot(const struct value *value, const struct json *json,
                              const struct place *place, struct reason *reason)
{
    const struct schema_node *node = value->node;
    if (!is_nothing(json))
        return value_fill(value, json, place, reason);
    if (node->nullable && (json || !node->fallback))
        return value_set_null(value) ? DONE : no_memory(place, reason);
    if (node->fallback || node->kind == SCHEMA_NULL)
        return DONE; /* as prepared */
    refuse_at(place, reason, "missing-field", "expected %s", expected_words[node->branch->kind]);
    return REFUSED;
}

static enum verdict fill_list(const struct value *value, const struct json *json,
                              const struct place *place, struct reason *reason)
{
    if (json_kind_of(json) != JSON_IS_ARRAY)
        return wrong_type(value, json, place, reason);
    size_t count_max = value->node->length_max > 0 && value->node->length_max < PRESCAN_ITEMS_MAX
                           ? value->node->length_max
                           : PRESCAN_ITEMS_MAX;
    if (json_count(json) > count_max) {
        refuse_at(place, reason, "too-many", "expected at most %zu items", count_max);
        return REFUSED;
    }
    for (size_t i = 0; i < json_count(json); i++) {
        struct place here = {.up = place, .index = i};
        struct value item;
        if (!value_append(value, &item) || !value_prepare(&item))
            return no_memory(&here, reason);
        enum verdict verdict = fill_slot(&item, json_item(json, i), &here, reason);
        if (verdict != DONE)
            return verdict;
    }
    return DONE;
}

static enum verdict fill_map(const struct value *value, const struct json *json,
                             const struct place *place, struct reason *reason)
{
    if (json_kind_of(json) != JSON_IS_OBJECT)
        return wrong_type(value, json, place, reason);
    if (json_count(json) > PRESCAN_ITEMS_MAX) {
        refuse_at(place, reason, "too-many", "expected at most %d members", PRESCAN_ITEMS_MAX);
        return REFUSED;
    }
    void *cursor = NULL;
    const char *key;
    const struct json *member;
    while (json_next_member(json, &cursor, &key, &member)) {
        struct place here = {.up = place, .name = key};
        struct value item;
        if (!value_add(value, key, &item) || !value_prepare(&item))
            return no_memory(&here, reason);
        enum verdict verdict = fill_slot(&item, member, &here, reason);
        if (verdict != DONE)
            return verdict;
    }
    return DONE;
}

static enum verdict refuse_unknown(const struct value *value, const struct json *json,
                                   const struct place *place, struct reason *reason)
{
    void *cursor = NULL;
    const char *name;
    while (json_next_member(json, &cursor, &name, NULL)) {
        if (schema_field(value->node, name, strlen(name)) == SCHEMA_NO_FIELD) {
            struct place here = {.up = place, .name = name};
            refuse_at(&here, reason, "unknown-field", "there is no such field");
            return REFUSED;
        }
    }
    return DONE;
}

static enum verdict fill_fields(const struct value *value, const struct json *json,
                                const struct place *place, struct reason *reason)
{
    if (json_kind_of(json) != JSON_IS_OBJECT)
        return wrong_type(value, json, place, reason);
    size_t known = 0;
    for (size_t i = 0; i < value->node->children_count; i++) {
        const struct schema_node *field = value->node->children[i];
        const struct json *member = json_member(json, field->field_name);
        struct place here = {.up = place, .name = field->field_name};
        struct value inner;
        known += member != NULL;
        if (!value_child(value, i, &inner, NULL))
            return no_memory(&here, reason);
        enum verdict verdict = fill_slot(&inner, member, &here, reason);
        if (verdict != DONE)
            return verdict;
    }
    return known == json_count(json) ? DONE : refuse_unknown(value, json, place, reason);
}

enum verdict value_fill(const struct value *value, const struct json *json,
                        const struct place *place, struct reason *reason)
{
    struct value inner = *value;
    bool fresh;
    switch (value->node->kind) {
    case SCHEMA_UNION:
        if (!value_choose(&inner, &fresh) || (fresh && !value_prepare(&inner)))
            return no_memory(place, reason);
        return value_fill(&inner, json, place, reason);
    case SCHEMA_STRING:
    case SCHEMA_ENUM:
        return fill_text(value, json, place, reason);
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return fill_whole(value, json, place, reason);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return fill_real(value, json, place, reason);
    case SCHEMA_BOOLEAN:
        return fill_boolean(value, json, place, reason);
    case SCHEMA_BYTES:
    case SCHEMA_FIXED:
        return fill_bytes(value, json, place, reason);
    case SCHEMA_ARRAY:
        return fill_list(value, json, place, reason);
    case SCHEMA_MAP:
        return fill_map(value, json, place, reason);
    case SCHEMA_RECORD:
        return fill_fields(value, json, place, reason);
    case SCHEMA_NULL:
        break;
    }
    return wrong_type(value, json, place, reason);
}

enum verdict record_from_json(struct record *record, const struct json *json, struct reason *reason)
{
    record_begin(record);
    if (record_failed(record))
        return no_memory(NULL, reason);
    struct value root = record_root(record);
    return value_fill(&root, json, NULL, reason);
}

/* ---- one form of what has several */

static bool tidy(const struct schema_node *node, struct json *json);

static bool tidy_members(const struct schema_node *record, struct json *json)
{
    bool well = true;
    for (size_t i = 0; well && i < record->children_count; i++)
        well = !record->children[i]->canonical ||
               tidy(record->children[i], json_own_member(json, record->children[i]->field_name));
    return well;
}

static bool tidy_items(const struct schema_node *node, struct json *json)
{
    void *cursor = NULL;
    const char *key;
    bool well = true;
    for (size_t i = 0; well && json_kind_of(json) == JSON_IS_ARRAY && i < json_count(json); i++)
        well = tidy(node->children[0], json_own_item(json, i));
    while (well && json_kind_of(json) == JSON_IS_OBJECT &&
           json_next_member(json, &cursor, &key, NULL))
        well = tidy(node->children[0], json_own_member(json, key));
    return well;
}

/* Its depth is the schema's. */
static bool tidy(const struct schema_node *node, struct json *json)
{
    char text[CANONICAL_SIZE];
    node = node->branch;
    switch (node->canonical ? node->kind : SCHEMA_NULL) {
    case SCHEMA_RECORD:
        return tidy_members(node, json);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return tidy_items(node, json);
    case SCHEMA_STRING:
        return json_kind_of(json) != JSON_IS_TEXT ||
               !value_format_canonical(node->format, json_text(json), json_text_length(json),
                                       text) ||
               json_replace_text(json, text);
    default:
        return true;
    }
}

bool record_tidy_json(const struct schema *schema, struct json *json)
{
    return tidy(schema_root(schema), json);
}

/* ---- and back */

static struct json *bytes_to_json(const struct value *value)
{
    size_t length = 0;
    const void *bytes = value_bytes(value, &length);
    size_t size = (length + 2) / 3 * 4 + 1;
    char *text = malloc(size);
    struct json *json = NULL;
    if (bytes && text && base64_encode(bytes, length, text, size))
        json = json_new_text_bytes(text, size - 1);
    free(text);
    return json;
}

static struct json *scalar_to_json(const struct value *value)
{
    size_t length = 0;
    int64_t whole = 0;
    double real = 0;
    char canonical[CANONICAL_SIZE];
    const char *text = value_text(value, &length);
    if (text && value_format_canonical(value->node->format, text, length, canonical))
        return json_new_text(canonical);
    if (text)
        return json_new_text_bytes(text, length);
    switch (value->node->kind) {
    case SCHEMA_BOOLEAN:
        return value_whole(value, &whole) ? json_new_boolean(whole != 0) : NULL;
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return value_whole(value, &whole) ? json_new_whole(whole) : NULL;
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE: /* JSON knows no infinity: it is nothing */
        if (!value_real(value, &real))
            return NULL;
        return isfinite(real) ? json_new_real(real) : json_new_null();
    case SCHEMA_BYTES:
    case SCHEMA_FIXED:
        return bytes_to_json(value);
    default:
        return NULL;
    }
}

/* JSON null for a null. */
static struct json *to_json(struct value value)
{
    if (!value_enter(&value))
        return json_new_null();
    enum schema_kind kind = value.node->kind;
    if (kind != SCHEMA_RECORD && kind != SCHEMA_ARRAY && kind != SCHEMA_MAP)
        return scalar_to_json(&value);
    struct json *all = kind == SCHEMA_ARRAY ? json_new_array() : json_new_object();
    struct value child;
    const char *key = NULL;
    for (size_t i = 0; value_child(&value, i, &child, &key); i++) {
        struct json *json = to_json(child);
        if (kind == SCHEMA_RECORD && json_kind_of(json) == JSON_IS_NULL) {
            json_free(json);
            continue;
        }
        bool added =
            kind == SCHEMA_ARRAY ? json_array_add_take(all, json) : json_set_take(all, key, json);
        if (!added) {
            json_free(all);
            return NULL;
        }
    }
    return all;
}

struct json *record_to_json(const struct record *record)
{
    return to_json(record_root(record));
}
