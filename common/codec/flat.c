/* SPDX-License-Identifier: Apache-2.0 */
/* The schema's fields are walked in their order, which is that of what is given as a rule; if it is
 * not, they are walked again and each is looked for. Room for the most that all of it can
 * take is reserved first, so that nothing has to be looked at while writing. */
#include "codec/flat.h"

#include "base/text.h"
#include "codec/prescan.h"
#include "codec/record_parts.h"

#include <assert.h>
#include <string.h>

#define NUMBER_MOST 10 /* bytes of a varint */

struct out {
    uint8_t *at;
    const struct schema *schema;
    struct reason *reason;
};

static void put_long(struct out *out, int64_t number)
{
    uint64_t folded = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    for (; folded > 0x7F; folded >>= 7)
        *out->at++ = (uint8_t)(folded | 0x80u);
    *out->at++ = (uint8_t)folded;
}

static void put_bytes(struct out *out, const void *bytes, size_t length)
{
    put_long(out, (int64_t)length);
    if (length > 0)
        memcpy(out->at, bytes, length);
    out->at += length;
}

static enum verdict refuse(const struct out *out, const struct schema_node *field, const char *code,
                           const char *words)
{
    const struct place place = {.name = field->field_name};
    refuse_at(&place, out->reason, code, "%s", words);
    return REFUSED;
}

static enum verdict no_such_field(const struct out *out, const char *name)
{
    reason_set(out->reason, "no-such-field", NULL, "%s has no such field %s",
               schema_short_name(out->schema), name);
    return BROKEN;
}

static enum verdict put_texts(struct out *out, const struct schema_node *field,
                              const struct schema_node *node, const struct flat_field *given)
{
    const struct schema_node *item = node->children[0];
    if (item->kind != SCHEMA_STRING)
        return no_such_field(out, field->field_name);
    if (node->length_max > 0 && given->length > node->length_max)
        return refuse(out, field, "too-many", "more items than may be");
    if (given->length > 0)
        put_long(out, (int64_t)given->length);
    for (size_t i = 0; i < given->length; i++) {
        const char *text = (const char *)given->bytes + i * given->stride;
        size_t length = strlen(text);
        if (item->length_max > 0 && length > item->length_max)
            return refuse(out, field, "too-long", "an item longer than may be");
        if (!text_is_utf8(text, length))
            return refuse(out, field, "wrong-type", "expected text in UTF-8");
        put_bytes(out, text, length);
    }
    put_long(out, 0);
    return DONE;
}

static enum verdict put_given(struct out *out, const struct schema_node *field,
                              const struct flat_field *given)
{
    const struct schema_node *node = field->branch;
    const enum schema_kind kind = node->kind;
    if (field->kind == SCHEMA_UNION)
        put_long(out, field->branch_index);
    switch (given->kind) {
    case FLAT_TEXT:
    case FLAT_BYTES:
        if (kind != (given->kind == FLAT_TEXT ? SCHEMA_STRING : SCHEMA_BYTES))
            break;
        if (node->length_max > 0 && given->length > node->length_max)
            return refuse(out, field, "too-long", "longer than may be");
        if (kind == SCHEMA_STRING && !text_is_utf8(given->bytes, given->length))
            return refuse(out, field, "wrong-type", "expected text in UTF-8");
        put_bytes(out, given->bytes, given->length);
        return DONE;
    case FLAT_WHOLE:
        if (kind != SCHEMA_LONG &&
            (kind != SCHEMA_INT || given->whole < INT32_MIN || given->whole > INT32_MAX))
            break;
        put_long(out, given->whole);
        return DONE;
    case FLAT_BOOLEAN:
        if (kind != SCHEMA_BOOLEAN)
            break;
        *out->at++ = given->whole ? 1 : 0;
        return DONE;
    case FLAT_TEXTS:
        if (kind != SCHEMA_ARRAY)
            break;
        return put_texts(out, field, node, given);
    }
    return no_such_field(out, given->name);
}

/* What a field is that nobody gave. */
static enum verdict put_absent(struct out *out, const struct schema_node *field)
{
    const struct json *fallback = field->fallback;
    if (field->kind == SCHEMA_UNION && field->nullable && json_kind_of(fallback) <= JSON_IS_NULL) {
        put_long(out, field->children_count == 1 ? 0 : 1 - field->branch_index);
        return DONE;
    }
    if (field->kind == SCHEMA_UNION)
        put_long(out, field->branch_index);
    switch (field->branch->kind) {
    case SCHEMA_NULL:
        return DONE;
    case SCHEMA_BOOLEAN:
        *out->at++ = json_is_true(fallback) ? 1 : 0;
        return DONE;
    case SCHEMA_INT:
    case SCHEMA_LONG:
        put_long(out, json_whole(fallback, 0));
        return DONE;
    case SCHEMA_STRING:
        put_bytes(out, json_text(fallback), json_text_length(fallback));
        return DONE;
    case SCHEMA_BYTES:
    case SCHEMA_ARRAY:
        if (json_kind_of(fallback) == JSON_IS_ARRAY ? json_count(fallback) == 0 : !fallback) {
            put_long(out, 0);
            return DONE;
        }
        break;
    default:
        break;
    }
    return no_such_field(out, field->field_name);
}

static size_t room_for(const struct schema_node *root, const struct flat_field *fields,
                       size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < root->children_count; i++)
        most += 2 * NUMBER_MOST + json_text_length(root->children[i]->fallback);
    for (size_t i = 0; i < count; i++)
        most += fields[i].kind == FLAT_TEXTS ? fields[i].length * (NUMBER_MOST + fields[i].stride)
                                             : fields[i].length;
    return most;
}

/* *ret_put of them; fewer than `count` if they are in another order. */
static enum verdict put_in_order(struct out *out, const struct flat_field *fields, size_t count,
                                 size_t *ret_put)
{
    const struct schema_node *root = schema_root(out->schema);
    size_t next = 0;
    enum verdict verdict = DONE;
    for (size_t i = 0; verdict == DONE && i < root->children_count; i++) {
        const struct schema_node *field = root->children[i];
        if (next < count && text_same_name(fields[next].name, field->field_name))
            verdict = put_given(out, field, &fields[next++]);
        else
            verdict = put_absent(out, field);
    }
    *ret_put = next;
    return verdict;
}

static enum verdict put_fields(struct out *out, const struct flat_field *fields, size_t count)
{
    const struct schema_node *root = schema_root(out->schema);
    size_t next = 0, found = 0;
    for (size_t i = 0; i < root->children_count; i++) {
        const struct schema_node *field = root->children[i];
        size_t tries = 0;
        while (tries < count && !text_same_name(fields[next].name, field->field_name)) {
            next = next + 1 < count ? next + 1 : 0;
            tries++;
        }
        enum verdict verdict =
            tries < count ? put_given(out, field, &fields[next]) : put_absent(out, field);
        if (verdict != DONE)
            return verdict;
        if (tries == count)
            continue;
        found++;
        next = next + 1 < count ? next + 1 : 0;
    }
    if (found == count)
        return DONE;
    for (size_t i = 0; i < count; i++)
        if (schema_field(root, fields[i].name, strlen(fields[i].name)) == SCHEMA_NO_FIELD)
            return no_such_field(out, fields[i].name);
    return no_such_field(out, "given twice");
}

enum verdict codec_write_flat(struct codec *codec, const struct schema *schema,
                              const struct flat_field *fields, size_t count, struct buffer *buffer,
                              struct reason *reason)
{
    const size_t before = buffer->length;
    struct out out = {.schema = schema, .reason = reason};
    if (schema_root(schema)->kind != SCHEMA_RECORD)
        return no_such_field(&out, "at all");
    enum verdict verdict = codec_write_header(codec, schema, buffer, reason);
    if (verdict != DONE)
        return verdict;
    const size_t room = room_for(schema_root(schema), fields, count);
    uint8_t *start = buffer_reserve(buffer, room);
    if (!start) {
        reason_set(reason, "too-large", NULL, "no room for %zu bytes", room);
        verdict = REFUSED;
    } else {
        size_t put;
        out.at = start;
        verdict = put_in_order(&out, fields, count, &put);
        if (put < count) {
            out.at = start;
            verdict = put_fields(&out, fields, count);
        }
        assert((size_t)(out.at - start) <= room);
        buffer->length += (size_t)(out.at - start);
    }
    if (verdict == DONE && (size_t)(out.at - start) > PRESCAN_SIZE_MAX) {
        reason_set(reason, "too-large", NULL, "at most %d bytes are taken", PRESCAN_SIZE_MAX);
        verdict = REFUSED;
    }
    if (verdict != DONE)
        buffer->length = before;
    return verdict;
}
