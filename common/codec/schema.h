/* SPDX-License-Identifier: Apache-2.0 */
/* An Avro schema as a tree of our own: for the pre-scan of hostile bytes, for fingerprints, and for the attributes that
 * avro-c drops (format, maxLength, minimum, maximum, symbols of a growing list, default). Immutable once parsed; shared
 * by threads. Recursive schemas, arrays of null, maps of maps and fixed over 1 KiB are refused. */
#ifndef CODEC_SCHEMA_H
#define CODEC_SCHEMA_H

#include "base/json.h"
#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

enum schema_kind { SCHEMA_NULL, SCHEMA_BOOLEAN, SCHEMA_INT, SCHEMA_LONG, SCHEMA_FLOAT, SCHEMA_DOUBLE, SCHEMA_BYTES,
                   SCHEMA_STRING, SCHEMA_FIXED, SCHEMA_ENUM, SCHEMA_ARRAY, SCHEMA_MAP, SCHEMA_RECORD, SCHEMA_UNION };

struct value_format;

/* A node. Attributes that do not apply are 0 or NULL. Children: record fields, union branches, enum symbols; items of an
 * array or values of a map are child 0. */
struct schema_node {
    enum schema_kind kind;
    char *name;               /* full name of a named type */
    char *field_name;         /* when this node is a record's field */
    struct schema_node **children;
    size_t children_count;
    char **symbols;           /* of an enum */
    size_t symbols_count;
    size_t fixed_size;
    const struct value_format *format; /* "format" of a string */
    size_t length_max;        /* "maxLength" in bytes of a string or bytes, "maxItems" of an array; 0 = the codec's own bound */
    bool has_minimum, has_maximum;
    double minimum, maximum;  /* of numbers */
    char **allowed;           /* "oneOf" of a string: a list that may grow without breaking old readers */
    size_t allowed_count;
    const struct json *fallback; /* the field's "default", or NULL */
    const char *doc;
};

struct schema;

/* Parses one schema (JSON text of an .avsc). Codes: bad-schema, with the pointer inside the JSON. NULL on failure. */
__attribute__((warn_unused_result)) struct schema *schema_parse(const char *json, size_t length, struct reason *reason);
__attribute__((warn_unused_result)) struct schema *schema_from_json(const struct json *json, struct reason *reason);
void schema_free(struct schema *schema);
const struct schema_node *schema_root(const struct schema *schema);
const char *schema_name(const struct schema *schema); /* full name of the root */
/* CRC-64-AVRO of the parsing canonical form. */
uint64_t schema_fingerprint(const struct schema *schema);
/* Parsing canonical form; borrowed. */
const char *schema_canonical(const struct schema *schema);
/* The schema's own JSON, with docs, defaults and attributes; borrowed. For a registry. */
const char *schema_text(const struct schema *schema);
/* The avro-c schema behind it (avro_schema_t), for record.c alone; borrowed. */
void *schema_avro(const struct schema *schema);

#endif
