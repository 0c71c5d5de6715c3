/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that sees avro-c. It is trusted with well-formed data only: it takes enum positions
 * out of range, booleans of 7 and bad UTF-8, and allocates what a length says (KAFKA.md). Fields
 * are reached by position, which our tree knows; avro-c's look-up by name would hash at every step.
 * What was only read never becomes a value of avro-c's: its readers look into the view. */
#include "codec/value.h"

#include "base/text.h"

#include <assert.h>
#include <avro.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct store {
    const struct schema_node *root;
    avro_value_iface_t *class;
    avro_value_t value;
    avro_reader_t reader;
    avro_writer_t writer;
};

void *value_schema_new(const char *canonical, size_t length)
{
    avro_schema_t schema = NULL;
    return avro_schema_from_json_length(canonical, length, &schema) == 0 ? schema : NULL;
}

void value_schema_free(void *avro)
{
    if (avro)
        avro_schema_decref(avro);
}

struct store *store_new(const struct schema *schema)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return NULL;
    store->root = schema_root(schema);
    store->class = avro_generic_class_from_schema(schema_avro(schema));
    store->reader = avro_reader_memory("", 0);
    store->writer = avro_writer_memory("", 0);
    if (!store->class || !store->reader || !store->writer ||
        avro_generic_value_new(store->class, &store->value) != 0) {
        store_free(store);
        return NULL;
    }
    return store;
}

void store_free(struct store *store)
{
    if (!store)
        return;
    if (store->value.self)
        avro_value_decref(&store->value);
    if (store->class)
        avro_value_iface_decref(store->class);
    if (store->reader)
        avro_reader_free(store->reader);
    if (store->writer)
        avro_writer_free(store->writer);
    free(store);
}

struct value store_root(const struct store *store)
{
    return (struct value){
        .node = store->root, .iface = store->value.iface, .self = store->value.self};
}

void store_reset(struct store *store)
{
    avro_value_reset(&store->value);
}

bool store_read(struct store *store, const void *bytes, size_t length)
{
    avro_reader_memory_set_source(store->reader, bytes, (int64_t)length);
    avro_value_reset(&store->value);
    return avro_value_read(store->reader, &store->value) == 0;
}

bool store_size(const struct store *store, size_t *ret_size)
{
    avro_value_t value = store->value;
    return avro_value_sizeof(&value, ret_size) == 0;
}

bool store_write(const struct store *store, void *bytes, size_t size, size_t *ret_written)
{
    avro_value_t value = store->value;
    avro_writer_memory_set_dest(store->writer, bytes, (int64_t)size);
    if (avro_value_write(store->writer, &value) != 0)
        return false;
    *ret_written = (size_t)avro_writer_tell(store->writer);
    return true;
}

static avro_value_t inside(const struct value *value)
{
    assert(!value->view); /* a view is only read */
    return (avro_value_t){.iface = value->iface, .self = value->self};
}

static struct value outside(const struct schema_node *node, const avro_value_t *avro)
{
    return (struct value){.node = node, .iface = avro->iface, .self = avro->self};
}

struct value value_of_view(const struct view *view, const struct schema *schema)
{
    return (struct value){.node = schema_root(schema), .view = view, .slot = view_root(view)};
}

bool value_child(const struct value *value, size_t index, struct value *ret_child,
                 const char **ret_key)
{
    const struct schema_node *node = value->node;
    const struct schema_node *child_node;
    if (node->kind == SCHEMA_RECORD) {
        if (index >= node->children_count)
            return false;
        child_node = node->children[index];
    } else {
        if (index >= value_count(value))
            return false;
        child_node = node->children[0];
    }
    if (value->view) {
        const struct slot *slot = view_child(value->view, node, value->slot, index, ret_key);
        *ret_child = (struct value){.node = child_node, .view = value->view, .slot = slot};
        return true;
    }
    avro_value_t avro = inside(value);
    avro_value_t child;
    if (avro_value_get_by_index(&avro, index, &child, ret_key) != 0)
        return false;
    *ret_child = outside(child_node, &child);
    return true;
}

size_t value_count(const struct value *value)
{
    size_t count = 0;
    if (value->node->kind != SCHEMA_ARRAY && value->node->kind != SCHEMA_MAP)
        return 0;
    if (value->view)
        return value->slot->count;
    avro_value_t avro = inside(value);
    return avro_value_get_size(&avro, &count) == 0 ? count : 0;
}

bool value_enter(struct value *value)
{
    const struct schema_node *node = value->node;
    if (node->kind != SCHEMA_UNION)
        return node->kind != SCHEMA_NULL;
    if (value->view) {
        if (value->slot->null)
            return false;
        value->node = node->branch;
        return true;
    }
    avro_value_t avro = inside(value);
    int chosen = -1;
    avro_value_t branch;
    if (avro_value_get_discriminant(&avro, &chosen) != 0 || chosen != node->branch_index ||
        avro_value_get_current_branch(&avro, &branch) != 0)
        return false;
    *value = outside(node->branch, &branch);
    return true;
}

static const char *text_of_view(const struct value *value, size_t *ret_length)
{
    const struct schema_node *node = value->node;
    if (node->kind != SCHEMA_STRING && node->kind != SCHEMA_ENUM)
        return NULL;
    const char *text =
        node->kind == SCHEMA_STRING ? value->slot->text : node->symbols[value->slot->whole];
    if (ret_length)
        *ret_length = node->kind == SCHEMA_STRING ? value->slot->count : strlen(text);
    return text;
}

const char *value_text(const struct value *value, size_t *ret_length)
{
    if (value->view)
        return text_of_view(value, ret_length);
    avro_value_t avro = inside(value);
    const char *text = NULL;
    size_t size = 0;
    int symbol = -1;
    if (value->node->kind == SCHEMA_STRING && avro_value_get_string(&avro, &text, &size) == 0) {
        if (size == 0) /* after a reset avro-c keeps the old letters with a size of nothing */
            text = "";
        if (ret_length)
            *ret_length = size > 0 ? size - 1 : 0;
        return text;
    }
    if (value->node->kind != SCHEMA_ENUM || avro_value_get_enum(&avro, &symbol) != 0 ||
        symbol < 0 || (size_t)symbol >= value->node->symbols_count)
        return NULL;
    if (ret_length)
        *ret_length = strlen(value->node->symbols[symbol]);
    return value->node->symbols[symbol];
}

const void *value_bytes(const struct value *value, size_t *ret_length)
{
    const void *bytes = NULL;
    size_t length = 0;
    enum schema_kind kind = value->node->kind;
    if (kind != SCHEMA_BYTES && kind != SCHEMA_FIXED)
        return NULL;
    if (value->view) {
        *ret_length = value->slot->count;
        return value->slot->bytes;
    }
    avro_value_t avro = inside(value);
    int failed = kind == SCHEMA_BYTES ? avro_value_get_bytes(&avro, &bytes, &length)
                                      : avro_value_get_fixed(&avro, &bytes, &length);
    if (failed)
        return NULL;
    *ret_length = length;
    return bytes ? bytes : "";
}

bool value_whole(const struct value *value, int64_t *ret_number)
{
    if (value->view) {
        enum schema_kind kind = value->node->kind;
        if (kind != SCHEMA_INT && kind != SCHEMA_LONG && kind != SCHEMA_BOOLEAN)
            return false;
        *ret_number = value->slot->whole;
        return true;
    }
    avro_value_t avro = inside(value);
    int32_t number = 0;
    int truth = 0;
    switch (value->node->kind) {
    case SCHEMA_INT:
        if (avro_value_get_int(&avro, &number) != 0)
            return false;
        *ret_number = number;
        return true;
    case SCHEMA_LONG:
        return avro_value_get_long(&avro, ret_number) == 0;
    case SCHEMA_BOOLEAN:
        if (avro_value_get_boolean(&avro, &truth) != 0)
            return false;
        *ret_number = truth ? 1 : 0;
        return true;
    default:
        return false;
    }
}

bool value_real(const struct value *value, double *ret_number)
{
    enum schema_kind kind = value->node->kind;
    float single = 0;
    int64_t whole = 0;
    if (kind == SCHEMA_INT || kind == SCHEMA_LONG) {
        if (!value_whole(value, &whole))
            return false;
        *ret_number = (double)whole;
        return true;
    }
    if (kind != SCHEMA_FLOAT && kind != SCHEMA_DOUBLE)
        return false;
    if (value->view) {
        *ret_number = value->slot->real;
        return true;
    }
    avro_value_t avro = inside(value);
    if (kind == SCHEMA_DOUBLE)
        return avro_value_get_double(&avro, ret_number) == 0;
    if (avro_value_get_float(&avro, &single) != 0)
        return false;
    *ret_number = (double)single;
    return true;
}

static bool set_symbol(avro_value_t *avro, const struct schema_node *node, const char *text)
{
    for (size_t i = 0; i < node->symbols_count; i++)
        if (strcmp(node->symbols[i], text) == 0)
            return avro_value_set_enum(avro, (int)i) == 0;
    return false;
}

bool value_set_text(const struct value *value, const char *text, size_t length)
{
    avro_value_t avro = inside(value);
    if (value->node->kind == SCHEMA_ENUM)
        return set_symbol(&avro, value->node, text);
    return value->node->kind == SCHEMA_STRING && length <= SCHEMA_SIZE_MAX &&
           text_is_utf8(text, length) && avro_value_set_string_len(&avro, text, length + 1) == 0;
}

bool value_set_bytes(const struct value *value, const void *bytes, size_t length)
{
    avro_value_t avro = inside(value);
    void *writable = (void *)(uintptr_t)(length > 0 ? bytes : ""); /* avro-c copies it */
    if (value->node->kind == SCHEMA_FIXED)
        return length == value->node->fixed_size &&
               avro_value_set_fixed(&avro, writable, length) == 0;
    return value->node->kind == SCHEMA_BYTES && length <= SCHEMA_SIZE_MAX &&
           avro_value_set_bytes(&avro, writable, length) == 0;
}

bool value_set_whole(const struct value *value, int64_t number)
{
    avro_value_t avro = inside(value);
    if (value->node->kind == SCHEMA_INT)
        return number >= INT32_MIN && number <= INT32_MAX &&
               avro_value_set_int(&avro, (int32_t)number) == 0;
    return value->node->kind == SCHEMA_LONG && avro_value_set_long(&avro, number) == 0;
}

bool value_set_real(const struct value *value, double number)
{
    avro_value_t avro = inside(value);
    if (value->node->kind == SCHEMA_FLOAT)
        return fabs(number) <= (double)FLT_MAX && avro_value_set_float(&avro, (float)number) == 0;
    return value->node->kind == SCHEMA_DOUBLE && isfinite(number) &&
           avro_value_set_double(&avro, number) == 0;
}

bool value_set_boolean(const struct value *value, bool truth)
{
    avro_value_t avro = inside(value);
    return value->node->kind == SCHEMA_BOOLEAN && avro_value_set_boolean(&avro, truth) == 0;
}

bool value_set_null(const struct value *value)
{
    avro_value_t avro = inside(value);
    avro_value_t branch;
    const struct schema_node *node = value->node;
    return node->kind == SCHEMA_UNION && node->nullable &&
           avro_value_set_branch(&avro, node->children_count == 1 ? 0 : 1 - node->branch_index,
                                 &branch) == 0;
}

bool value_choose(struct value *value, bool *ret_fresh)
{
    *ret_fresh = false;
    if (value->node->kind != SCHEMA_UNION || value_enter(value))
        return true;
    avro_value_t avro = inside(value);
    avro_value_t branch;
    if (avro_value_set_branch(&avro, value->node->branch_index, &branch) != 0 ||
        avro_value_reset(&branch) != 0)
        return false;
    *value = outside(value->node->branch, &branch);
    *ret_fresh = true;
    return true;
}

bool value_append(const struct value *value, struct value *ret_item)
{
    avro_value_t avro = inside(value);
    avro_value_t item;
    if (value->node->kind != SCHEMA_ARRAY || avro_value_append(&avro, &item, NULL) != 0)
        return false;
    *ret_item = outside(value->node->children[0], &item);
    return true;
}

bool value_add(const struct value *value, const char *key, struct value *ret_item)
{
    avro_value_t avro = inside(value);
    avro_value_t item;
    if (value->node->kind != SCHEMA_MAP || avro_value_add(&avro, key, &item, NULL, NULL) != 0)
        return false;
    *ret_item = outside(value->node->children[0], &item);
    return true;
}
