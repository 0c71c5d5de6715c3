/* SPDX-License-Identifier: Apache-2.0 */
/* An Avro schema as a tree of our own: for the pre-scan of hostile bytes, for fingerprints, and for
 * the attributes that avro-c drops (format, maxLength, minimum, maximum, symbols of a growing list,
 * default). Immutable once parsed; shared by threads.
 *
 * Refused (bad-schema): recursive types, unions other than [null, X], [X, null] and [X], arrays of
 * null, maps of maps, fixed over 1 KiB, more than SCHEMA_DEPTH_MAX levels or SCHEMA_NODES_MAX nodes
 * with every reference spelt out, a default that does not fit its type, an attribute of ours that
 * does not fit the type it stands on.
 *
 * Attributes may stand on a field ({"name": "postcode", "type": ["null", "string"], "format":
 * "postcode"}), where they mean the not-null branch of its union, or inside a type ({"type":
 * "string", "format": "phone"}); the field's win. */
#ifndef CODEC_SCHEMA_H
#define CODEC_SCHEMA_H

#include "base/json.h"
#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define SCHEMA_SIZE_MAX (1024 * 1024)
#define SCHEMA_DEPTH_MAX 32
#define SCHEMA_NODES_MAX 10000

enum schema_kind {
    SCHEMA_NULL,
    SCHEMA_BOOLEAN,
    SCHEMA_INT,
    SCHEMA_LONG,
    SCHEMA_FLOAT,
    SCHEMA_DOUBLE,
    SCHEMA_BYTES,
    SCHEMA_STRING,
    SCHEMA_FIXED,
    SCHEMA_ENUM,
    SCHEMA_ARRAY,
    SCHEMA_MAP,
    SCHEMA_RECORD,
    SCHEMA_UNION
};

struct value_format;

/* A node. Attributes that do not apply are 0 or NULL. Children: record fields, union branches, enum
 * symbols; items of an array or values of a map are child 0. */
struct schema_node {
    enum schema_kind kind;
    char *name;       /* full name of a named type */
    char *field_name; /* when this node is a record's field */
    struct schema_node **children;
    size_t children_count;
    char **symbols; /* of an enum */
    size_t symbols_count;
    size_t fixed_size;
    const struct value_format *format; /* "format" of a string */
    size_t length_max; /* "maxLength" in bytes of a string or bytes, "maxItems" of an array; 0 = the
                          codec's own bound */
    bool has_minimum, has_maximum;
    double minimum, maximum; /* of numbers */
    char **allowed; /* "oneOf" of a string: a list that may grow without breaking old readers */
    size_t allowed_count;
    const struct json *fallback; /* the field's "default", or NULL */
    const char *set_by;          /* the field's "setBy": who fills it; others may not */
    const char *doc;
    /* worked out at parsing, for the codec itself */
    size_t field_name_length;
    struct schema_node *branch; /* a union's not-null branch; any other node itself */
    bool nullable;              /* a union with null */
    int branch_index;           /* position of `branch` in a union */
    bool reference;             /* a named type that was defined before */
    bool limited;               /* record_check has something to look at, here or below */
    bool canonical;             /* a format with a canonical form, here or below */
    uint8_t *fields_by_hash;    /* a record's field number + 1 by hash of its name, 0 = free; see
                                   schema_field */
    size_t fields_by_hash_mask;
    size_t weight, depth; /* nodes and levels below, itself included */
};

struct schema;

/* Parses one schema (JSON text of an .avsc). Codes: bad-schema, with the pointer inside the JSON;
 * or json_parse's. NULL on failure. */
__attribute__((warn_unused_result)) struct schema *schema_parse(const char *json, size_t length,
                                                                struct reason *reason);
__attribute__((warn_unused_result)) struct schema *schema_from_json(const struct json *json,
                                                                    struct reason *reason);
/* Tells every fault for which schema_from_json would refuse: of each field the first. None: the
 * schema is well, or refused as a whole (too large). */
typedef void schema_tell(void *context, const struct reason *fault);
void schema_faults(const struct json *json, schema_tell *tell, void *context);
void schema_free(struct schema *schema);
const struct schema_node *schema_root(const struct schema *schema);
const char *schema_name(const struct schema *schema); /* full name of the root; "" if it has none */
const char *schema_short_name(const struct schema *schema); /* its last part */
/* Position of a record's field among its children, or SCHEMA_NO_FIELD. `name` need not be
 * terminated. */
#define SCHEMA_NO_FIELD SIZE_MAX
size_t schema_field(const struct schema_node *record, const char *name, size_t length);
/* CRC-64-AVRO of the parsing canonical form. */
uint64_t schema_fingerprint(const struct schema *schema);
/* Parsing canonical form; borrowed. */
const char *schema_canonical(const struct schema *schema);
/* The schema's own JSON, with docs, defaults and attributes; borrowed. For a registry. */
const char *schema_text(const struct schema *schema);
/* The avro-c schema behind it (avro_schema_t), for value.c alone; borrowed. */
void *schema_avro(const struct schema *schema);

#endif
