/* SPDX-License-Identifier: Apache-2.0 */
/* Slots lie in one list and name each other by position, since the list moves when it grows; those
 * of a record's fields, and of an array's items, stand side by side. Texts and keys are copied to
 * get their NUL: each takes one byte more than it has letters, and its length took at least one
 * in the source, so room for as many bytes as the source has is enough. */
#include "codec/view.h"

#include "codec/passed.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 128
#define SIZE_FIRST 2048

struct view {
    struct slot *slots;
    size_t slots_count, slots_capacity;
    uint8_t *source; /* the bytes as they came */
    char *texts;
    size_t length, size_capacity; /* of the source; the texts have the same room */
    const uint8_t *at;            /* while reading */
    char *text_at;
};

static bool read_value(struct view *view, const struct schema_node *node, size_t slot);

struct view *view_new(void)
{
    return calloc(1, sizeof(struct view));
}

void view_free(struct view *view)
{
    if (!view)
        return;
    free(view->slots);
    free(view->source);
    free(view->texts);
    free(view);
}

/* Room for `count` more slots, the first of which is *ret_first. */
static bool take_slots(struct view *view, size_t count, size_t *ret_first)
{
    size_t needed = view->slots_count + count;
    if (needed > view->slots_capacity) {
        size_t capacity = view->slots_capacity ? view->slots_capacity * 2 : SLOTS_FIRST;
        capacity = capacity < needed ? needed : capacity;
        struct slot *slots = realloc(view->slots, capacity * sizeof(*slots));
        if (!slots)
            return false;
        view->slots = slots;
        view->slots_capacity = capacity;
    }
    *ret_first = view->slots_count;
    view->slots_count = needed;
    return true;
}

static bool make_room(struct view *view, size_t length)
{
    if (length <= view->size_capacity && view->source)
        return true;
    size_t capacity = length < SIZE_FIRST ? SIZE_FIRST : length;
    uint8_t *source = malloc(capacity);
    char *texts = malloc(capacity);
    if (!source || !texts) {
        free(source);
        free(texts);
        return false;
    }
    free(view->source);
    free(view->texts);
    view->source = source;
    view->texts = texts;
    view->size_capacity = capacity;
    return true;
}

static int64_t read_long(struct view *view)
{
    return passed_long(&view->at);
}

static void read_text(struct view *view, struct slot *slot)
{
    size_t length = (size_t)read_long(view);
    slot->text = view->text_at;
    slot->count = (uint32_t)length;
    memcpy(view->text_at, view->at, length);
    view->text_at[length] = '\0';
    view->text_at += length + 1;
    view->at += length;
}

static void read_bytes(struct view *view, struct slot *slot, size_t length)
{
    slot->bytes = view->at;
    slot->count = (uint32_t)length;
    view->at += length;
}

static bool read_fields(struct view *view, const struct schema_node *node, size_t slot)
{
    size_t first = 0;
    if (!take_slots(view, node->children_count, &first))
        return false;
    view->slots[slot].first = first;
    for (size_t i = 0; i < node->children_count; i++)
        if (!read_value(view, node->children[i], first + i))
            return false;
    return true;
}

/* Blocks but the first are rare; the items move to a larger place then, which at least doubles, so
 * that bytes made of a thousand small blocks cost no more than a few moves. */
static bool grow_items(struct view *view, size_t width, size_t used, size_t needed,
                       size_t *capacity, size_t *first)
{
    size_t wanted = needed > *capacity * 2 || *capacity == 0 ? needed : *capacity * 2;
    size_t place = 0;
    if (!take_slots(view, wanted * width, &place))
        return false;
    if (used > 0)
        memcpy(&view->slots[place], &view->slots[*first], used * width * sizeof(struct slot));
    *first = place;
    *capacity = wanted;
    return true;
}

static bool read_items(struct view *view, const struct schema_node *node, size_t slot)
{
    const size_t width = node->kind == SCHEMA_MAP ? 2 : 1; /* key and value */
    size_t first = 0, used = 0, capacity = 0;
    for (;;) {
        const int64_t count = passed_count(&view->at);
        if (count == 0)
            break;
        size_t needed = used + (size_t)count;
        if (needed > capacity && !grow_items(view, width, used, needed, &capacity, &first))
            return false;
        for (; used < needed; used++) {
            size_t item = first + used * width;
            if (width == 2)
                read_text(view, &view->slots[item]);
            if (!read_value(view, node->children[0], item + width - 1))
                return false;
        }
    }
    view->slots[slot].first = first;
    view->slots[slot].count = (uint32_t)used;
    return true;
}

static bool read_value(struct view *view, const struct schema_node *node, size_t index)
{
    struct slot *slot = &view->slots[index];
    slot->null = false;
    switch (node->kind) {
    case SCHEMA_NULL:
        slot->null = true;
        return true;
    case SCHEMA_BOOLEAN:
        slot->whole = *view->at++;
        return true;
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_ENUM:
        slot->whole = read_long(view);
        return true;
    case SCHEMA_FLOAT:
        slot->real = passed_float(&view->at);
        return true;
    case SCHEMA_DOUBLE:
        slot->real = passed_double(&view->at);
        return true;
    case SCHEMA_BYTES:
        read_bytes(view, slot, (size_t)read_long(view));
        return true;
    case SCHEMA_FIXED:
        read_bytes(view, slot, node->fixed_size);
        return true;
    case SCHEMA_STRING:
        read_text(view, slot);
        return true;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return read_items(view, node, index);
    case SCHEMA_RECORD:
        return read_fields(view, node, index);
    case SCHEMA_UNION:
        if (read_long(view) == node->branch_index)
            return read_value(view, node->branch, index);
        slot->null = true;
        return true;
    }
    return false;
}

bool view_read(struct view *view, const struct schema_node *root, const void *bytes, size_t length)
{
    size_t slot = 0;
    view->slots_count = 0;
    view->length = 0;
    if (!make_room(view, length) || !take_slots(view, 1, &slot))
        return false;
    if (length > 0)
        memcpy(view->source, bytes, length);
    view->length = length;
    view->at = view->source;
    view->text_at = view->texts;
    return read_value(view, root, slot);
}

const struct slot *view_root(const struct view *view)
{
    return view->slots;
}

const struct slot *view_child(const struct view *view, const struct schema_node *node,
                              const struct slot *slot, size_t index, const char **ret_key)
{
    const struct slot *first = &view->slots[slot->first];
    if (node->kind != SCHEMA_MAP) {
        if (ret_key && node->kind == SCHEMA_RECORD)
            *ret_key = node->children[index]->field_name;
        return first + index;
    }
    if (ret_key)
        *ret_key = first[2 * index].text;
    return first + 2 * index + 1;
}

const void *view_source(const struct view *view, size_t *ret_length)
{
    *ret_length = view->length;
    return view->source;
}
