/* SPDX-License-Identifier: Apache-2.0 */
/* The pre-scan tells where each field begins; what is in it has passed by then, and is only pointed
 * at. Bytes that have passed before tell that themselves. */
#include "codec/flat.h"
#include "base/uninitialized.h"
#include "codec/passed.h"
#include "codec/prescan.h"

#include <string.h>

/* Behind the texts of a list. */
static const uint8_t *behind_texts(const uint8_t *at)
{
    int64_t count;
    while ((count = passed_count(&at)) != 0)
        for (; count > 0; count--)
            at += (size_t)passed_long(&at);
    return at;
}

/* Behind the field, or NULL where only the pre-scan tells. */
static const uint8_t *take(const struct schema_node *node, const uint8_t *at,
                           struct record_field *ret_field)
{
    *ret_field = (struct record_field){.name = node->field_name,
                                       .name_length = node->field_name_length,
                                       .node = node,
                                       .value = at};
    if (node->kind == SCHEMA_UNION && passed_long(&at) != node->branch_index)
        return at;
    node = node->branch;
    switch (node->kind) {
    case SCHEMA_BOOLEAN:
        ret_field->is_whole = true;
        ret_field->whole = *at;
        return at + 1;
    case SCHEMA_INT:
    case SCHEMA_LONG:
        ret_field->is_whole = true;
        ret_field->whole = passed_long(&at);
        return at;
    case SCHEMA_ENUM:
        ret_field->text = node->symbols[passed_long(&at)];
        ret_field->length = strlen(ret_field->text);
        return at;
    case SCHEMA_STRING:
        ret_field->length = (size_t)passed_long(&at);
        ret_field->text = (const char *)at;
        return at + ret_field->length;
    case SCHEMA_BYTES:
        ret_field->length = (size_t)passed_long(&at);
        ret_field->bytes = at;
        return at + ret_field->length;
    case SCHEMA_ARRAY:
        if (node->children[0]->kind != SCHEMA_STRING)
            return NULL;
        ret_field->bytes = at;
        return behind_texts(at);
    default:
        return NULL;
    }
}

/* False: the pre-scan is needed. */
static bool take_passed(const struct schema_node *root, const uint8_t *at,
                        struct record_field *ret_fields)
{
    size_t i = 0;
    for (; at && i < root->children_count; i++)
        at = take(root->children[i], at, &ret_fields[i]);
    return at;
}

/* A registry that is made anew may give an id to another schema than the one that the bytes passed
 * under; a fingerprint is that of one schema for ever. */
static bool names_fingerprint(const uint8_t *framed)
{
    return framed[0] == 0xC3;
}

static enum verdict read_flat(struct codec *codec, const void *bytes, size_t length,
                              const char *expected_name, bool passed,
                              struct record_field *ret_fields, size_t *ret_count,
                              struct reason *reason)
{
    const uint8_t *starts[FLAT_FIELDS_MAX] UNINITIALIZED;
    const struct schema *schema = NULL;
    const void *value = NULL;
    size_t size = 0;
    enum verdict verdict =
        codec_unframe(codec, bytes, length, expected_name, &schema, &value, &size, reason);
    if (verdict != DONE)
        return verdict;
    const struct schema_node *root = schema_root(schema);
    if (root->kind != SCHEMA_RECORD || root->children_count > FLAT_FIELDS_MAX) {
        reason_set(reason, "not-flat", NULL, "%s is no record of at most %d fields",
                   schema_short_name(schema), FLAT_FIELDS_MAX);
        return BROKEN;
    }
    if (!passed || !names_fingerprint(bytes) || !take_passed(root, value, ret_fields)) {
        if (!prescan_fields(schema, value, size, starts, reason))
            return REFUSED;
        for (size_t i = 0; i < root->children_count; i++)
            (void)take(root->children[i], starts[i], &ret_fields[i]);
    }
    *ret_count = root->children_count;
    return DONE;
}

enum verdict codec_read_flat(struct codec *codec, const void *bytes, size_t length,
                             const char *expected_name,
                             struct record_field ret_fields[FLAT_FIELDS_MAX], size_t *ret_count,
                             struct reason *reason)
{
    return read_flat(codec, bytes, length, expected_name, false, ret_fields, ret_count, reason);
}

enum verdict codec_read_flat_again(struct codec *codec, const void *bytes, size_t length,
                                   const char *expected_name,
                                   struct record_field ret_fields[FLAT_FIELDS_MAX],
                                   size_t *ret_count, struct reason *reason)
{
    return read_flat(codec, bytes, length, expected_name, true, ret_fields, ret_count, reason);
}

size_t flat_texts(const struct record_field *list, struct record_field *ret_texts, size_t most)
{
    size_t told = 0;
    if (!list || !list->bytes)
        return 0;
    const uint8_t *at = list->bytes;
    for (;;) {
        int64_t count = passed_count(&at);
        if (count == 0)
            return told;
        for (; count > 0; count--, told++) {
            size_t length = (size_t)passed_long(&at);
            if (told < most)
                ret_texts[told] = (struct record_field){.text = (const char *)at, .length = length};
            at += length;
        }
    }
}
