/* SPDX-License-Identifier: Apache-2.0 */
/* A record of another writer, read as one of ours: Avro's rules for a reader's schema, carried out
 * on values and by name, since avro-c's resolvers map enums by position and know no defaults. Both
 * trees are of bounded depth, so recursion is. */
#include "codec/record_parts.h"

#include <string.h>

static enum verdict convert(struct value from, const struct value *to, const struct place *place,
                            struct reason *reason);

static enum verdict differ(const struct place *place, struct reason *reason, const char *detail)
{
    refuse_at(place, reason, "incompatible-schema", "%s", detail);
    return REFUSED;
}

/* What the writer does not have stays as value_prepare has left it. */
static enum verdict lack(const struct schema_node *field, const struct place *place,
                         struct reason *reason)
{
    if (field->fallback || (field->kind == SCHEMA_UNION && field->nullable))
        return DONE;
    return differ(place, reason, "the writer's schema has no such field, and it has no default");
}

static enum verdict convert_record(const struct value *from, const struct value *to,
                                   const struct place *place, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t i = 0; verdict == DONE && i < to->node->children_count; i++) {
        const struct schema_node *field = to->node->children[i];
        const struct place here = {.up = place, .name = field->field_name};
        size_t index = schema_field(from->node, field->field_name, field->field_name_length);
        struct value source, target;
        if (index == SCHEMA_NO_FIELD)
            verdict = lack(field, &here, reason);
        else if (!value_child(from, index, &source, NULL) || !value_child(to, i, &target, NULL))
            verdict = BROKEN;
        else
            verdict = convert(source, &target, &here, reason);
    }
    return verdict;
}

static enum verdict convert_items(const struct value *from, const struct value *to,
                                  const struct place *place, struct reason *reason)
{
    enum verdict verdict = DONE;
    struct value source, target;
    const char *key = NULL;
    for (size_t i = 0; verdict == DONE && value_child(from, i, &source, &key); i++) {
        const struct place here = {
            .up = place, .name = from->node->kind == SCHEMA_MAP ? key : NULL, .index = i};
        bool added = from->node->kind == SCHEMA_MAP ? value_add(to, key, &target)
                                                    : value_append(to, &target);
        verdict =
            added && value_prepare(&target) ? convert(source, &target, &here, reason) : BROKEN;
    }
    return verdict;
}

static bool copy_plain(const struct value *from, const struct value *to)
{
    int64_t whole = 0;
    double real = 0;
    size_t length = 0;
    const void *bytes = NULL;
    switch (to->node->kind) {
    case SCHEMA_STRING:
    case SCHEMA_ENUM:
        bytes = value_text(from, &length);
        return bytes && from->node->kind == to->node->kind && value_set_text(to, bytes, length);
    case SCHEMA_BYTES:
    case SCHEMA_FIXED:
        bytes = value_bytes(from, &length);
        return bytes && from->node->kind == to->node->kind && value_set_bytes(to, bytes, length);
    case SCHEMA_BOOLEAN:
        return from->node->kind == SCHEMA_BOOLEAN && value_whole(from, &whole) &&
               value_set_boolean(to, whole != 0);
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return from->node->kind != SCHEMA_BOOLEAN && value_whole(from, &whole) &&
               value_set_whole(to, whole);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return value_real(from, &real) && value_set_real(to, real);
    default:
        return false;
    }
}

/* Into a prepared value. */
static enum verdict convert(struct value from, const struct value *to, const struct place *place,
                            struct reason *reason)
{
    struct value target = *to;
    bool fresh = false;
    if (!value_enter(&from))
        return to->node->kind == SCHEMA_NULL || value_set_null(to)
                   ? DONE
                   : differ(place, reason, "null, where this schema takes none");
    if (!value_choose(&target, &fresh) || (fresh && !value_prepare(&target)))
        return BROKEN;
    enum schema_kind kind = target.node->kind;
    if (kind == SCHEMA_RECORD || kind == SCHEMA_ARRAY || kind == SCHEMA_MAP) {
        if (from.node->kind != kind)
            return differ(place, reason, "another type in the writer's schema");
        return kind == SCHEMA_RECORD ? convert_record(&from, &target, place, reason)
                                     : convert_items(&from, &target, place, reason);
    }
    if (copy_plain(&from, &target))
        return DONE;
    return differ(place, reason, "of a type or with a symbol that this schema does not know");
}

enum verdict record_convert(const struct record *from, struct record *to, struct reason *reason)
{
    record_begin(to);
    const struct value root = record_root(to);
    enum verdict verdict =
        record_failed(to) ? BROKEN : convert(record_root(from), &root, NULL, reason);
    if (verdict == BROKEN)
        reason_set(reason, "out-of-memory", NULL, "no memory to convert %s",
                   schema_short_name(record_schema(to)));
    if (verdict != DONE)
        record_reset(to);
    return verdict;
}
