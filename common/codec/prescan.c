/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the schema's tree with a finger on the bytes. What it accepts, avro-c reads to the
 * last byte and encodes back to a value that means the same; the unit test proves it with mutants
 * of valid records. */
#include "codec/prescan.h"

#include "base/text.h"
#include "base/uninitialized.h"
#include "codec/passed.h"
#include "codec/place.h"

#include <stdlib.h>
#include <string.h>

struct scan {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    size_t items_left;
    const uint8_t **starts; /* of the root's fields; NULL = nobody asks */
    uint16_t *keys;         /* room for PRESCAN_ITEMS_MAX: where those of the open maps begin */
    size_t keys_count;
    struct reason *reason;
};

_Static_assert(PRESCAN_SIZE_MAX <= UINT16_MAX + 1, "an offset fits");

static bool scan_value(struct scan *scan, const struct schema_node *node,
                       const struct place *place);

__attribute__((cold, noinline)) static bool
refuse(const struct scan *scan, const struct place *place, const char *code, const char *words)
{
    char pointer[REASON_POINTER_MAX];
    place_pointer(place, pointer);
    reason_set(scan->reason, code, pointer, "byte %td: %s", scan->at - scan->start, words);
    return false;
}

static size_t left(const struct scan *scan)
{
    return (size_t)(scan->end - scan->at);
}

__attribute__((noinline)) static bool
scan_long_of_many(struct scan *scan, const struct place *place, int64_t *ret_number)
{
    uint64_t folded = 0;
    const uint8_t *at = scan->at;
    for (unsigned shift = 0;; shift += 7) {
        if (at == scan->end)
            return refuse(scan, place, "avro-truncated", "the bytes end inside a number");
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return refuse(scan, place, "avro-varint", "a number of more than 64 bits");
        folded |= (uint64_t)(byte & 0x7Fu) << shift;
        if (byte & 0x80u)
            continue;
        if (byte == 0 && shift > 0)
            return refuse(scan, place, "avro-varint", "a number longer than it needs to be");
        break;
    }
    scan->at = at;
    *ret_number = (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1u);
    return true;
}

/* A zigzag number in its shortest form; most are of one byte. */
static inline bool scan_long(struct scan *scan, const struct place *place, int64_t *ret_number)
{
    if (scan->at == scan->end || *scan->at & 0x80u)
        return scan_long_of_many(scan, place, ret_number);
    const uint8_t folded = *scan->at++;
    *ret_number = (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1u);
    return true;
}

static bool scan_length(struct scan *scan, const struct place *place, size_t *ret_length)
{
    int64_t length = 0;
    if (!scan_long(scan, place, &length))
        return false;
    if (length < 0)
        return refuse(scan, place, "avro-length", "a negative length");
    if ((uint64_t)length > left(scan))
        return refuse(scan, place, "avro-length", "a length past the end");
    *ret_length = (size_t)length;
    return true;
}

static bool scan_text(struct scan *scan, const struct place *place)
{
    size_t length = 0;
    if (!scan_length(scan, place, &length))
        return false;
    if (!text_is_utf8(scan->at, length))
        return refuse(scan, place, "avro-utf8", "text that is not UTF-8, or holds a NUL");
    scan->at += length;
    return true;
}

static bool scan_fixed(struct scan *scan, const struct place *place, size_t size)
{
    if (size > left(scan))
        return refuse(scan, place, "avro-truncated", "the bytes end inside a value");
    scan->at += size;
    return true;
}

static bool scan_int(struct scan *scan, const struct place *place)
{
    int64_t number = 0;
    if (!scan_long(scan, place, &number))
        return false;
    if (number < INT32_MIN || number > INT32_MAX)
        return refuse(scan, place, "avro-varint", "a number of more than 32 bits");
    return true;
}

static bool scan_enum(struct scan *scan, const struct schema_node *node, const struct place *place)
{
    int64_t position = 0;
    if (!scan_long(scan, place, &position))
        return false;
    if (position < 0 || (uint64_t)position >= node->symbols_count)
        return refuse(scan, place, "avro-enum", "a position that no symbol has");
    return true;
}

static bool scan_union(struct scan *scan, const struct schema_node *node, const struct place *place)
{
    int64_t position = 0;
    if (!scan_long(scan, place, &position))
        return false;
    if (position < 0 || (uint64_t)position >= node->children_count)
        return refuse(scan, place, "avro-union", "a position that no branch has");
    return position != node->branch_index || scan_value(scan, node->branch, place);
}

static bool scan_boolean(struct scan *scan, const struct place *place)
{
    if (left(scan) < 1)
        return refuse(scan, place, "avro-truncated", "the bytes end before a boolean");
    if (*scan->at > 1)
        return refuse(scan, place, "avro-boolean", "neither 0 nor 1");
    scan->at++;
    return true;
}

/* The head of a block: how many items, and where it ends if it says so. */
static bool scan_block(struct scan *scan, const struct place *place, uint64_t *ret_count,
                       const uint8_t **ret_end)
{
    int64_t count = 0;
    size_t size = 0;
    *ret_end = NULL;
    if (!scan_long(scan, place, &count))
        return false;
    if (count == INT64_MIN)
        return refuse(scan, place, "avro-length", "a count that can't be");
    if (count < 0) {
        if (!scan_length(scan, place, &size))
            return false;
        *ret_end = scan->at + size;
        count = -count;
    }
    *ret_count = (uint64_t)count;
    return true;
}

static bool scan_item(struct scan *scan, const struct schema_node *node, const struct place *place,
                      size_t index)
{
    struct place here = {.up = place, .index = index};
    if (node->kind == SCHEMA_MAP) {
        scan->keys[scan->keys_count++] = (uint16_t)(scan->at - scan->start);
        if (!scan_text(scan, &here))
            return false;
    }
    return scan_value(scan, node->children[0], &here);
}

/* Of two keys, each as it stands there: its length, then its bytes. The same key has the same ones,
 * since a length has but one form. */
static int compare_keys(const void *left, const void *right, void *context)
{
    const struct scan *scan = context;
    const uint8_t *a = scan->start + *(const uint16_t *)left,
                  *b = scan->start + *(const uint16_t *)right;
    const uint8_t *a_text = a, *b_text = b;
    const size_t a_length = (size_t)passed_long(&a_text), b_length = (size_t)passed_long(&b_text);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    return memcmp(a_text, b_text, a_length);
}

/* Readers differ in which of two values counts: in what one of them shows and another judges. */
static bool check_keys(struct scan *scan, size_t first, const struct place *place)
{
    uint16_t *keys = scan->keys + first;
    const size_t count = scan->keys_count - first;
    scan->keys_count = first;
    qsort_r(keys, count, sizeof(*keys), compare_keys, scan);
    for (size_t i = 1; i < count; i++)
        if (compare_keys(&keys[i - 1], &keys[i], scan) == 0)
            return refuse(scan, place, "avro-map", "the map before it has a key twice");
    return true;
}

static bool scan_items(struct scan *scan, const struct schema_node *node, const struct place *place)
{
    const size_t keys_before = scan->keys_count;
    size_t index = 0;
    for (;;) {
        uint64_t count = 0;
        const uint8_t *block_end = NULL;
        if (!scan_block(scan, place, &count, &block_end))
            return false;
        if (count == 0)
            return node->kind != SCHEMA_MAP || check_keys(scan, keys_before, place);
        if (count > scan->items_left)
            return refuse(scan, place, "avro-items", "too many items");
        scan->items_left -= (size_t)count;
        for (uint64_t i = 0; i < count; i++)
            if (!scan_item(scan, node, place, index++))
                return false;
        if (block_end && scan->at != block_end)
            return refuse(scan, place, "avro-length", "a block of another size than it says");
    }
}

/* Behind a number of at most 64 bits in its shortest form, or NULL. */
static inline const uint8_t *pass_number(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *start = at;
    while (at < end && *at & 0x80u)
        at++;
    if (at == end || at - start > 8) /* those of ten bytes are looked at with care */
        return NULL;
    return *at || at == start ? at + 1 : NULL;
}

/* Behind what has a length of one byte or two and lies within the record, or NULL. */
static inline const uint8_t *pass_length(const uint8_t *at, const uint8_t *end, size_t *ret_length)
{
    if (end - at < 2)
        return NULL;
    size_t folded = *at++;
    if (folded & 0x80u) {
        if (*at == 0 || *at & 0x80u)
            return NULL;
        folded = (folded & 0x7Fu) | (size_t)*at++ << 7;
    }
    *ret_length = folded >> 1;
    return folded & 1u || *ret_length > (size_t)(end - at) ? NULL : at;
}

/* The usual values of a record's fields, without asking for each byte where it is: behind the value
 * at `at`, or NULL where it has to be looked at with care. */
static const uint8_t *pass_usual(const uint8_t *at, const uint8_t *end,
                                 const struct schema_node *node)
{
    size_t length;
    if (at == end)
        return NULL;
    if (node->kind == SCHEMA_UNION) {
        const unsigned position = *at++;
        if (position != 2u * (unsigned)node->branch_index)
            return position < 2 * node->children_count && !(position & 1u) ? at : NULL;
        node = node->branch;
    }
    switch (node->kind) {
    case SCHEMA_LONG:
        return pass_number(at, end);
    case SCHEMA_BOOLEAN:
        return at < end && *at <= 1 ? at + 1 : NULL;
    case SCHEMA_ENUM:
        return at < end && *at < 0x80 && !(*at & 1u) && *at / 2u < node->symbols_count ? at + 1
                                                                                       : NULL;
    case SCHEMA_INT:
        return at < end && *at < 0x80 ? at + 1 : NULL;
    case SCHEMA_BYTES:
        at = pass_length(at, end, &length);
        return at ? at + length : NULL;
    case SCHEMA_STRING:
        at = pass_length(at, end, &length);
        return at && text_is_utf8(at, length) ? at + length : NULL;
    default:
        return NULL;
    }
}

static bool scan_fields(struct scan *scan, const struct schema_node *node,
                        const struct place *place)
{
    const uint8_t **starts = place ? NULL : scan->starts;
    for (size_t i = 0; i < node->children_count; i++) {
        const struct schema_node *field = node->children[i];
        if (starts)
            starts[i] = scan->at;
        const uint8_t *behind = pass_usual(scan->at, scan->end, field);
        if (behind) {
            scan->at = behind;
            continue;
        }
        const struct place here = {.up = place, .name = field->field_name};
        if (!scan_value(scan, field, &here))
            return false;
    }
    return true;
}

/* What takes no byte counts as an item, or a few bytes could stand for millions of values. */
static bool scan_nothing(struct scan *scan, const struct place *place)
{
    if (scan->items_left == 0)
        return refuse(scan, place, "avro-items", "too many items");
    scan->items_left--;
    return true;
}

static bool scan_value(struct scan *scan, const struct schema_node *node, const struct place *place)
{
    int64_t number = 0;
    size_t length = 0;
    switch (node->kind) {
    case SCHEMA_NULL:
        return scan_nothing(scan, place);
    case SCHEMA_BOOLEAN:
        return scan_boolean(scan, place);
    case SCHEMA_INT:
        return scan_int(scan, place);
    case SCHEMA_LONG:
        return scan_long(scan, place, &number);
    case SCHEMA_FLOAT:
        return scan_fixed(scan, place, 4);
    case SCHEMA_DOUBLE:
        return scan_fixed(scan, place, 8);
    case SCHEMA_BYTES:
        return scan_length(scan, place, &length) && scan_fixed(scan, place, length);
    case SCHEMA_STRING:
        return scan_text(scan, place);
    case SCHEMA_FIXED:
        return node->fixed_size > 0 ? scan_fixed(scan, place, node->fixed_size)
                                    : scan_nothing(scan, place);
    case SCHEMA_ENUM:
        return scan_enum(scan, node, place);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return scan_items(scan, node, place);
    case SCHEMA_RECORD:
        return node->children_count > 0 ? scan_fields(scan, node, place)
                                        : scan_nothing(scan, place);
    case SCHEMA_UNION:
        return scan_union(scan, node, place);
    }
    return false;
}

bool prescan_fields(const struct schema *schema, const void *bytes, size_t length,
                    const uint8_t **ret_starts, struct reason *reason)
{
    if (length > PRESCAN_SIZE_MAX) {
        reason_set(reason, "avro-too-large", NULL, "%zu bytes, at most %d are taken", length,
                   PRESCAN_SIZE_MAX);
        return false;
    }
    static const uint8_t nothing[1];
    uint16_t keys[PRESCAN_ITEMS_MAX] UNINITIALIZED;
    const uint8_t *start = bytes ? bytes : nothing;
    struct scan scan = {.start = start,
                        .at = start,
                        .end = start + (bytes ? length : 0),
                        .items_left = PRESCAN_ITEMS_MAX,
                        .starts = ret_starts,
                        .keys = keys,
                        .reason = reason};
    if (!scan_value(&scan, schema_root(schema), NULL))
        return false;
    return scan.at == scan.end || refuse(&scan, NULL, "avro-trailing", "more than one value");
}

bool prescan(const struct schema *schema, const void *bytes, size_t length, struct reason *reason)
{
    return prescan_fields(schema, bytes, length, NULL, reason);
}
