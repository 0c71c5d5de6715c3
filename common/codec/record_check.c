/* SPDX-License-Identifier: Apache-2.0 */
/* The contract's finer print. Branches of the tree without any limit are skipped whole. */
#include "codec/record_parts.h"

#include "ids/formats.h"

#include <math.h>
#include <string.h>

static bool is_allowed(const struct schema_node *node, const char *text)
{
    for (size_t i = 0; i < node->allowed_count; i++)
        if (node->allowed[i][0] == text[0] && strcmp(node->allowed[i], text) == 0)
            return true;
    return node->allowed_count == 0;
}

static bool length_fits(const struct schema_node *node, size_t length, const struct place *place,
                        struct reason *reason)
{
    if (node->length_max == 0 || length <= node->length_max)
        return true;
    refuse_at(place, reason, "too-long", "expected at most %zu bytes", node->length_max);
    return false;
}

static bool check_text(const struct value *value, enum check_scope scope, const struct place *place,
                       struct reason *reason)
{
    const struct schema_node *node = value->node;
    size_t length = 0;
    const char *text = value_text(value, &length);
    if (!text || !length_fits(node, length, place, reason))
        return false;
    if (scope == CHECK_LENGTHS)
        return true;
    if (!is_allowed(node, text)) {
        char words[CHOICE_SIZE];
        choice_words(words, node->allowed, node->allowed_count);
        refuse_at(place, reason, "not-allowed", "expected %s", words);
        return false;
    }
    if (node->format && !node->format->valid(text)) {
        refuse_at(place, reason, "bad-format", "expected %s", node->format->expected);
        return false;
    }
    return true;
}

static bool check_number(const struct value *value, const struct place *place,
                         struct reason *reason)
{
    const struct schema_node *node = value->node;
    double number = 0;
    if (!value_real(value, &number))
        return false;
    if (!isfinite(number))
        refuse_at(place, reason, "out-of-range", "expected a finite number");
    else if (node->has_minimum && node->has_maximum &&
             (number < node->minimum || number > node->maximum))
        refuse_at(place, reason, "out-of-range", "expected from %.15g to %.15g", node->minimum,
                  node->maximum);
    else if (node->has_minimum && number < node->minimum)
        refuse_at(place, reason, "out-of-range", "expected at least %.15g", node->minimum);
    else if (node->has_maximum && number > node->maximum)
        refuse_at(place, reason, "out-of-range", "expected at most %.15g", node->maximum);
    else
        return true;
    return false;
}

static bool check_items(const struct value *value, enum check_scope scope,
                        const struct place *place, struct reason *reason)
{
    const struct schema_node *node = value->node;
    size_t count = value_count(value);
    if (node->length_max > 0 && count > node->length_max) {
        refuse_at(place, reason, "too-many", "expected at most %zu items", node->length_max);
        return false;
    }
    struct value item;
    const char *key = NULL;
    for (size_t i = 0; node->children[0]->limited && value_child(value, i, &item, &key); i++) {
        struct place here = {
            .up = place, .name = node->kind == SCHEMA_MAP ? key : NULL, .index = i};
        if (!value_check(item, scope, &here, reason))
            return false;
    }
    return true;
}

static bool check_fields(const struct value *value, enum check_scope scope,
                         const struct place *place, struct reason *reason)
{
    for (size_t i = 0; i < value->node->children_count; i++) {
        const struct schema_node *field = value->node->children[i];
        struct place here = {.up = place, .name = field->field_name};
        struct value inner;
        if (field->limited &&
            (!value_child(value, i, &inner, NULL) || !value_check(inner, scope, &here, reason)))
            return false;
    }
    return true;
}

bool value_check(struct value value, enum check_scope scope, const struct place *place,
                 struct reason *reason)
{
    size_t length = 0;
    if (!value.node->limited || !value_enter(&value))
        return true;
    switch (value.node->kind) {
    case SCHEMA_STRING:
        return check_text(&value, scope, place, reason);
    case SCHEMA_BYTES:
        return value_bytes(&value, &length) && length_fits(value.node, length, place, reason);
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return scope == CHECK_LENGTHS || check_number(&value, place, reason);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return check_items(&value, scope, place, reason);
    case SCHEMA_RECORD:
        return check_fields(&value, scope, place, reason);
    default:
        return true;
    }
}

enum verdict record_check(const struct record *record, struct reason *reason)
{
    return value_check(record_root(record), CHECK_ALL, NULL, reason) ? DONE : REFUSED;
}
