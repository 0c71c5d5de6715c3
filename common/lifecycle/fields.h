/* SPDX-License-Identifier: Apache-2.0 */
/* Structs and records by table: which member stands for which field. Inside lifecycle only. */
#ifndef LIFECYCLE_FIELDS_H
#define LIFECYCLE_FIELDS_H

#include "codec/record.h"

struct text_field {
    const char *name;
    size_t offset;
    size_t size;   /* of the member, terminator included */
    bool optional; /* "" is written as null */
};

struct whole_field {
    const char *name;
    size_t offset;
    bool wide;     /* int64_t, else int32_t */
    bool optional; /* 0 is written as null */
};

/* The record must be empty. False if a field does not exist or memory ran out. */
bool fields_write(struct record *record, const void *from, const struct text_field *texts,
                  size_t texts_count, const struct whole_field *wholes, size_t wholes_count);
/* REFUSED: missing-field, too-long, out-of-range, with the pointer. */
__attribute__((warn_unused_result)) enum verdict
fields_read(const struct record *record, void *to, const struct text_field *texts,
            size_t texts_count, const struct whole_field *wholes, size_t wholes_count,
            struct reason *reason);

#endif
