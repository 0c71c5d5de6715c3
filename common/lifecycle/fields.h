/* SPDX-License-Identifier: Apache-2.0 */
/* Structs and flat messages by table: which member stands for which field. Inside lifecycle only.
 */
#ifndef LIFECYCLE_FIELDS_H
#define LIFECYCLE_FIELDS_H

#include "codec/flat.h"

enum member_kind {
    MEMBER_TEXT,
    MEMBER_INT,
    MEMBER_LONG,
    MEMBER_FLAG,
    MEMBER_BORROWED, /* a pointer to a text, or NULL; read by its owner */
    MEMBER_APART,    /* written and read by its owner */
};

struct member { /* best in the schema's order */
    const char *name;
    size_t name_length;
    enum member_kind kind;
    bool optional; /* "" and 0 are written as null, or as the schema's default */
    size_t offset;
    size_t size; /* of the member; of a text with its terminator */
};
#define MEMBERS_MAX 32
/* The field `name` in the member `place` of a struct `type`. */
#define MEMBER_OF(type, name, kind, optional, place)                                               \
    {                                                                                              \
#name, sizeof(#name) - 1, kind, optional, offsetof(struct type, place),                    \
            sizeof(((struct type *)0)->place)                                                      \
    }
#define TEXT_OF(type, name, optional) MEMBER_OF(type, name, MEMBER_TEXT, optional, name)

/* Appends what is to be written to `fields`, which has room for `count` more; how many. */
size_t fields_list(const void *from, const struct member *members, size_t count,
                   struct flat_field *fields);
/* REFUSED: missing-field, too-long, out-of-range, with the pointer. */
__attribute__((warn_unused_result)) enum verdict fields_read(const struct record *record, void *to,
                                                             const struct member *members,
                                                             size_t count, struct reason *reason);
/* The same of fields that codec_read_flat has told. `ret_apart` has room for the members apart: the
 * field of each, in the table's order, NULL where there is none. */
__attribute__((warn_unused_result)) enum verdict
fields_take(const struct record_field *fields, size_t fields_count, void *to,
            const struct member *members, size_t count, const struct record_field **ret_apart,
            struct reason *reason);

#endif
