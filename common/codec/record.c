/* SPDX-License-Identifier: Apache-2.0 */
/* Records by path. A path is taken apart as it is walked, each name found in the tree's own small
 * hash, each step taken by position: no allocation and no string of avro's. What was decoded is
 * read in place; only if it is then changed does it become a value of avro-c's. */
#include "codec/record_parts.h"

#include "base/text.h"
#include "codec/prescan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
    const struct schema *schema;
    struct store *store;
    struct view *view;
    bool viewed; /* it was decoded, and not changed since */
    bool empty;  /* it was reset, and not changed since */
    bool failed;
};

struct record *record_new(const struct schema *schema)
{
    struct record *record = calloc(1, sizeof(*record));
    if (!record)
        return NULL;
    record->schema = schema;
    record->store = store_new(schema);
    record->view = view_new();
    if (record->store)
        record_reset(record);
    if (!record->store || !record->view || record->failed) {
        record_free(record);
        return NULL;
    }
    return record;
}

void record_free(struct record *record)
{
    if (!record)
        return;
    store_free(record->store);
    view_free(record->view);
    free(record);
}

struct value record_root(const struct record *record)
{
    return record->viewed ? value_of_view(record->view, record->schema) : store_root(record->store);
}

void record_reset(struct record *record)
{
    record->viewed = false;
    store_reset(record->store);
    struct value root = record_root(record);
    record->failed = !value_prepare(&root);
    record->empty = !record->failed;
}

void record_begin(struct record *record)
{
    if (!record->empty)
        record_reset(record);
    record->empty = false;
}

const struct schema *record_schema(const struct record *record)
{
    return record->schema;
}

bool value_prepare(const struct value *value)
{
    struct value inner = *value;
    bool fresh;
    switch (value->node->kind) {
    case SCHEMA_UNION:
        if (value->node->nullable)
            return value_set_null(value);
        return value_choose(&inner, &fresh) && value_prepare(&inner);
    case SCHEMA_STRING: /* avro-c can't write texts and bytes as its own reset leaves them */
        return value_set_text(value, "", 0);
    case SCHEMA_BYTES:
        return value_set_bytes(value, "", 0);
    case SCHEMA_RECORD:
        for (size_t i = 0; i < value->node->children_count; i++) {
            const struct json *fallback = value->node->children[i]->fallback;
            if (!value_child(value, i, &inner, NULL) || !value_prepare(&inner))
                return false;
            if (json_kind_of(fallback) > JSON_IS_NULL &&
                value_fill(&inner, fallback, NULL, NULL) != DONE)
                return false;
        }
        return true;
    default:
        return true;
    }
}

void refuse_at(const struct place *place, struct reason *reason, const char *code,
               const char *format, ...)
{
    if (!reason)
        return;
    char pointer[REASON_POINTER_MAX];
    char detail[REASON_DETAIL_MAX];
    place_pointer(place, pointer);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    reason_set(reason, code, pointer, "%s", detail);
}

/* ---- binary */

enum verdict record_decode(struct record *record, const void *bytes, size_t length,
                           struct reason *reason)
{
    if (!prescan(record->schema, bytes, length, reason)) {
        record_reset(record);
        return REFUSED;
    }
    if (!view_read(record->view, schema_root(record->schema), bytes, length)) {
        reason_set(reason, "out-of-memory", NULL, "no memory to read %s",
                   schema_short_name(record->schema));
        record_reset(record);
        return BROKEN;
    }
    record->viewed = true;
    record->empty = false;
    record->failed = false;
    return DONE;
}

bool record_make_changeable(struct record *record)
{
    size_t length = 0;
    const void *bytes = view_source(record->view, &length);
    if (!record->viewed)
        return true;
    record->viewed = false;
    if (store_read(record->store, bytes, length))
        return true;
    record->failed = true;
    return false;
}

/* What most records fit into: measuring one first would take as long as writing it. */
#define ROOM_USUAL 4096

/* Writes into room of at most `limit` bytes. */
static bool write_within(const struct record *record, struct buffer *buffer, size_t limit)
{
    size_t written = 0;
    void *room = buffer_reserve(buffer, limit);
    if (!room || !store_write(record->store, room, limit, &written))
        return false;
    buffer->length += written;
    return true;
}

/* What was decoded and not changed since is its own encoding. */
static enum verdict copy_within(const struct record *record, struct buffer *buffer, size_t limit,
                                struct reason *reason)
{
    size_t size = 0;
    const void *bytes = view_source(record->view, &size);
    if (size > limit) {
        reason_set(reason, "too-large", NULL, "%zu bytes, at most %zu are taken", size, limit);
        return REFUSED;
    }
    if (buffer_append(buffer, bytes, size))
        return DONE;
    reason_set(reason, "out-of-memory", NULL, "no memory to encode %s",
               schema_short_name(record->schema));
    return BROKEN;
}

enum verdict record_encode(const struct record *record, struct buffer *buffer,
                           struct reason *reason)
{
    if (record->failed) {
        reason_set(reason, "unset-field", NULL, "a field of %s could not be set before",
                   schema_short_name(record->schema));
        return BROKEN;
    }
    if (!value_check(record_root(record), CHECK_LENGTHS, NULL, reason))
        return REFUSED;
    size_t left = buffer->length_max - buffer->length;
    size_t limit = left < PRESCAN_SIZE_MAX ? left : PRESCAN_SIZE_MAX;
    size_t size = 0;
    if (record->viewed)
        return copy_within(record, buffer, limit, reason);
    if (write_within(record, buffer, limit < ROOM_USUAL ? limit : ROOM_USUAL))
        return DONE;
    bool sized = !buffer->failed && store_size(record->store, &size);
    if (sized && size > limit) {
        reason_set(reason, "too-large", NULL, "%zu bytes, at most %zu are taken", size, limit);
        return REFUSED;
    }
    if (sized && write_within(record, buffer, size))
        return DONE;
    reason_set(reason, "out-of-memory", NULL, "no memory to encode %s",
               schema_short_name(record->schema));
    return BROKEN;
}

/* ---- paths */

static size_t item_number(const char *text, size_t length)
{
    size_t number = 0;
    if (length == 0 || length > 6)
        return SIZE_MAX;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return SIZE_MAX;
        number = number * 10 + (size_t)(text[i] - '0');
    }
    return number;
}

/* Takes the next name off the path and goes there; the value is no union. */
static bool step(struct value *value, const char **path)
{
    const char *name = *path;
    const char *end = strchrnul(name, '.');
    size_t length = (size_t)(end - name);
    *path = *end ? end + 1 : end;
    if (*end && **path == '\0')
        return false;
    size_t index = value->node->kind == SCHEMA_RECORD  ? schema_field(value->node, name, length)
                   : value->node->kind == SCHEMA_ARRAY ? item_number(name, length)
                                                       : SIZE_MAX;
    struct value here = *value;
    return index != SIZE_MAX && value_child(&here, index, value, NULL);
}

/* The value at the path, unions seen through. False if it is absent or null. */
static bool find(const struct record *record, const char *path, struct value *ret_value)
{
    struct value value = record_root(record);
    while (value_enter(&value)) {
        if (*path == '\0') {
            *ret_value = value;
            return true;
        }
        if (!step(&value, &path))
            return false;
    }
    return false;
}

/* Moves into the not-null branch, prepared if it is new. */
static bool open_branch(struct value *value)
{
    bool fresh;
    return value_choose(value, &fresh) && (!fresh || value_prepare(value));
}

/* The same for a writer: unions on the way get their not-null branch, the last one is left as it
 * is. */
static bool find_to_write(struct record *record, const char *path, struct value *ret_value)
{
    if (!record_make_changeable(record))
        return false;
    struct value value = record_root(record);
    while (*path)
        if (!open_branch(&value) || !step(&value, &path))
            return false;
    *ret_value = value;
    return true;
}

/* ---- readers */

bool record_has(const struct record *record, const char *path)
{
    struct value value;
    return find(record, path, &value);
}

const char *record_text(const struct record *record, const char *path)
{
    struct value value;
    return find(record, path, &value) ? value_text(&value, NULL) : NULL;
}

bool record_whole(const struct record *record, const char *path, int64_t *ret_number)
{
    struct value value;
    return find(record, path, &value) && value_whole(&value, ret_number);
}

int64_t record_whole_or(const struct record *record, const char *path, int64_t otherwise)
{
    int64_t number;
    return record_whole(record, path, &number) ? number : otherwise;
}

bool record_real(const struct record *record, const char *path, double *ret_number)
{
    struct value value;
    return find(record, path, &value) && value_real(&value, ret_number);
}

bool record_is_true(const struct record *record, const char *path)
{
    struct value value;
    int64_t truth;
    return find(record, path, &value) && value.node->kind == SCHEMA_BOOLEAN &&
           value_whole(&value, &truth) && truth != 0;
}

const void *record_bytes(const struct record *record, const char *path, size_t *ret_length)
{
    struct value value;
    return find(record, path, &value) ? value_bytes(&value, ret_length) : NULL;
}

size_t record_count(const struct record *record, const char *path)
{
    struct value value;
    return find(record, path, &value) ? value_count(&value) : 0;
}

/* A view is looked into here itself: whole messages are read this way, field after field. */
static void field_of_slot(const struct schema_node *node, const struct slot *slot,
                          struct record_field *ret_field)
{
    ret_field->name = node->field_name;
    ret_field->name_length = node->field_name_length;
    node = node->branch;
    if (slot->null)
        return;
    if (node->kind == SCHEMA_STRING) {
        ret_field->text = slot->text;
        ret_field->length = slot->count;
    } else if (node->kind == SCHEMA_ENUM) {
        ret_field->text = node->symbols[slot->whole];
        ret_field->length = strlen(ret_field->text);
    } else if (node->kind == SCHEMA_INT || node->kind == SCHEMA_LONG ||
               node->kind == SCHEMA_BOOLEAN) {
        ret_field->is_whole = true;
        ret_field->whole = slot->whole;
    }
}

bool record_field_at(const struct record *record, size_t index, struct record_field *ret_field)
{
    const struct schema_node *root = schema_root(record->schema);
    *ret_field = (struct record_field){0};
    if (root->kind != SCHEMA_RECORD || index >= root->children_count)
        return false;
    if (record->viewed) {
        const struct slot *slot = view_root(record->view);
        field_of_slot(root->children[index], view_child(record->view, root, slot, index, NULL),
                      ret_field);
        return true;
    }
    const struct value of = record_root(record);
    struct value value;
    if (!value_child(&of, index, &value, NULL))
        return false;
    ret_field->name = root->children[index]->field_name;
    ret_field->name_length = root->children[index]->field_name_length;
    if (!value_enter(&value))
        return true;
    ret_field->text = value_text(&value, &ret_field->length);
    ret_field->is_whole = !ret_field->text && value_whole(&value, &ret_field->whole);
    return true;
}

/* ---- writers */

/* Remembers a failure. */
static bool note(struct record *record, bool done)
{
    record->failed |= !done;
    record->empty = false;
    return done;
}

static bool find_branch_to_write(struct record *record, const char *path, struct value *ret_value)
{
    return find_to_write(record, path, ret_value) && open_branch(ret_value);
}

bool record_set_text(struct record *record, const char *path, const char *text)
{
    struct value value;
    if (!text)
        return note(record, find_to_write(record, path, &value) && value_set_null(&value));
    return note(record, find_branch_to_write(record, path, &value) &&
                            value_set_text(&value, text, strlen(text)));
}

bool record_set_whole(struct record *record, const char *path, int64_t number)
{
    struct value value;
    return note(record,
                find_branch_to_write(record, path, &value) && value_set_whole(&value, number));
}

bool record_set_real(struct record *record, const char *path, double number)
{
    struct value value;
    return note(record,
                find_branch_to_write(record, path, &value) && value_set_real(&value, number));
}

bool record_set_boolean(struct record *record, const char *path, bool truth)
{
    struct value value;
    return note(record,
                find_branch_to_write(record, path, &value) && value_set_boolean(&value, truth));
}

bool record_set_bytes(struct record *record, const char *path, const void *bytes, size_t length)
{
    struct value value;
    return note(record, find_branch_to_write(record, path, &value) &&
                            value_set_bytes(&value, bytes, length));
}

bool record_add(struct record *record, const char *path)
{
    struct value value;
    struct value item;
    return note(record, find_branch_to_write(record, path, &value) &&
                            value_count(&value) < PRESCAN_ITEMS_MAX &&
                            value_append(&value, &item) && value_prepare(&item));
}

bool record_failed(const struct record *record)
{
    return record->failed;
}
