/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over schema and bytes before avro-c sees them: no trust, and no allocation but glibc's
 * to sort the keys of a map of hundreds. Everything that avro-c 1.11 would accept, crash on or
 * allocate for without end (huge lengths, depth, enum and union positions out of range, booleans
 * that are neither 0 nor 1, overlong varints, INT64_MIN counts, bad UTF-8, NUL in text, a map's key
 * twice, trailing bytes) is refused here. Depth needs no look at the bytes: a schema is never
 * recursive nor deeper than SCHEMA_DEPTH_MAX, so neither is its data. */
#ifndef CODEC_PRESCAN_H
#define CODEC_PRESCAN_H

#include "base/reason.h"
#include "codec/schema.h"

#define PRESCAN_SIZE_MAX (64 * 1024)
#define PRESCAN_DEPTH_MAX SCHEMA_DEPTH_MAX
#define PRESCAN_ITEMS_MAX 10000

/* True if exactly `length` bytes are one well-formed value of the schema. Otherwise the reason:
 * code avro-truncated, avro-length, avro-items, avro-map, avro-utf8, avro-enum, avro-union,
 * avro-boolean, avro-varint, avro-trailing, avro-too-large; the pointer is the field's path, the
 * detail gives the byte offset. */
__attribute__((warn_unused_result)) bool prescan(const struct schema *schema, const void *bytes,
                                                 size_t length, struct reason *reason);
/* The same of a record, and where each of its own fields begins: `ret_starts` has room for all. */
__attribute__((warn_unused_result)) bool prescan_fields(const struct schema *schema,
                                                        const void *bytes, size_t length,
                                                        const uint8_t **ret_starts,
                                                        struct reason *reason);

#endif
