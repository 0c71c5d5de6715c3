/* SPDX-License-Identifier: Apache-2.0 */
/* A value read straight from its bytes, for the record_*.c files and value.c alone. One pass lays a
 * slot for each node that there is: no allocation per field, where avro-c makes one for each text
 * and each union. It is filled only from bytes that prescan has passed, so it has nothing to
 * refuse. */
#ifndef CODEC_VIEW_H
#define CODEC_VIEW_H

#include "codec/schema.h"

struct slot { /* a union is the slot of what it holds */
    union {
        const char *text;     /* string, and the key of a map's value; terminated */
        const uint8_t *bytes; /* bytes, fixed */
        int64_t whole;        /* boolean, int, long; position of an enum's symbol */
        double real;          /* float, double */
        size_t first;         /* record, array, map: the first slot inside */
    };
    uint32_t count; /* bytes of a text, bytes or fixed; items of an array or map */
    bool null;
};

struct view;

struct view *view_new(void);
void view_free(struct view *view);
/* Keeps what it needs: the bytes may go. False without memory; the old content is gone either way.
 */
__attribute__((warn_unused_result)) bool
view_read(struct view *view, const struct schema_node *root, const void *bytes, size_t length);
const struct slot *view_root(const struct view *view);
/* Field of a record, item of an array or value of a map; the index has to be within. */
const struct slot *view_child(const struct view *view, const struct schema_node *node,
                              const struct slot *slot, size_t index, const char **ret_key);
/* The bytes as they were read. */
const void *view_source(const struct view *view, size_t *ret_length);

#endif
