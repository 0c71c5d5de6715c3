/* SPDX-License-Identifier: Apache-2.0 */
/* Values behind positions in our own tree, for the record_*.c files alone: those that are built are
 * avro-c's generic values, those that were read are a view (codec/view.h). The one place that knows
 * avro-c is value.c. Nothing here allocates for a reader; a position holds as long as the value is
 * not changed. */
#ifndef CODEC_VALUE_H
#define CODEC_VALUE_H

#include "base/buffer.h"
#include "codec/schema.h"
#include "codec/view.h"

/* avro_schema_t of a canonical form; NULL if avro-c does not take it. */
void *value_schema_new(const char *canonical, size_t length);
void value_schema_free(void *avro);

/* A position: a node of the tree, with a slot of a view or what avro-c calls a value. */
struct value {
    const struct schema_node *node;
    const struct view *view; /* NULL = avro-c's */
    const struct slot *slot;
    void *iface;
    void *self;
};
struct value value_of_view(const struct view *view, const struct schema *schema);

/* A whole value with the reader and writer that fill and empty it. */
struct store;
struct store *store_new(const struct schema *schema);
void store_free(struct store *store);
struct value store_root(const struct store *store);
/* As avro-c leaves it: unions are unset. */
void store_reset(struct store *store);
/* Only of bytes that prescan has passed. False without memory. */
bool store_read(struct store *store, const void *bytes, size_t length);
bool store_size(const struct store *store, size_t *ret_size);
/* False also if `size` bytes are too few. */
bool store_write(const struct store *store, void *bytes, size_t size, size_t *ret_written);

/* Field of a record, item of an array, or value of a map with its key. False past the end. */
bool value_child(const struct value *value, size_t index, struct value *ret_child,
                 const char **ret_key);
size_t value_count(const struct value *value); /* of an array or map */
/* Moves from a union to what it holds; any other value stays. False if that is null. */
bool value_enter(struct value *value);

/* Readers; false or NULL if the value is of another kind. Unions have to be entered first. */
const char *value_text(const struct value *value, size_t *ret_length);
const void *value_bytes(const struct value *value, size_t *ret_length); /* bytes and fixed */
bool value_whole(const struct value *value, int64_t *ret_number);       /* int, long, boolean */
bool value_real(const struct value *value, double *ret_number);         /* any number */

/* Writers; false if the value is of another kind, out of range, in a view, or without memory. */
bool value_set_text(const struct value *value, const char *text, size_t length); /* terminated */
bool value_set_bytes(const struct value *value, const void *bytes, size_t length);
bool value_set_whole(const struct value *value, int64_t number);
bool value_set_real(const struct value *value, double number);
bool value_set_boolean(const struct value *value, bool truth);
bool value_set_null(const struct value *value); /* of a nullable union */
/* Moves into the not-null branch; *ret_fresh says that it was not chosen before and is as avro-c
 * made it. */
bool value_choose(struct value *value, bool *ret_fresh);
/* A new last item of an array, or a map's value of that key. */
bool value_append(const struct value *value, struct value *ret_item);
bool value_add(const struct value *value, const char *key, struct value *ret_item);

#endif
