/* SPDX-License-Identifier: Apache-2.0 */
/* How a schema is built; for schema.c, schema_parse.c, schema_attributes.c and canonical.c alone.
 */
#ifndef CODEC_SCHEMA_TREE_H
#define CODEC_SCHEMA_TREE_H

#include "base/buffer.h"
#include "codec/place.h"
#include "codec/schema.h"

/* Memory that lives as long as its schema: nodes are shared by references, so none is freed alone.
 */
struct arena_block;
struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory, or NULL. */
void *arena_take(struct arena *arena, size_t size);
char *arena_text(struct arena *arena, const char *text);
void arena_free(struct arena *arena);

/* NULL on failure. Values of the tree (fallback, doc) are borrowed from `json`. */
struct schema_node *schema_tree_new(struct arena *arena, const struct json *json,
                                    struct reason *reason);
/* Reads format, maxLength, maxItems, minimum, maximum and oneOf of a field or a type into the node.
 */
bool schema_attributes_read(struct arena *arena, const struct json *object,
                            struct schema_node *node, const struct place *place,
                            struct reason *reason);
/* True if the JSON (in its posted form, see record.h) can be a value of the node. */
bool schema_fallback_fits(const struct schema_node *node, const struct json *json);
/* Makes fields_by_hash. False without memory. */
bool schema_index_fields(struct arena *arena, struct schema_node *record);

/* Appends the parsing canonical form. */
void canonical_append(struct buffer *buffer, const struct schema_node *node);
/* CRC-64-AVRO. */
uint64_t canonical_fingerprint(const char *canonical);

#endif
