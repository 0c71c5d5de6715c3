/* SPDX-License-Identifier: Apache-2.0 */
/* The parsing canonical form and CRC-64-AVRO of the Avro specification. It is printed from our
 * tree, where names are full and everything that readers do not need is gone already; only names
 * need care: after its definition a type is named. */
#include "codec/schema_tree.h"

static const char *const primitive_names[] = {
    [SCHEMA_NULL] = "null",   [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_INT] = "int",
    [SCHEMA_LONG] = "long",   [SCHEMA_FLOAT] = "float",     [SCHEMA_DOUBLE] = "double",
    [SCHEMA_BYTES] = "bytes", [SCHEMA_STRING] = "string",
};

static void append_fields(struct buffer *buffer, const struct schema_node *record)
{
    for (size_t i = 0; i < record->children_count; i++) {
        buffer_append_format(buffer, "%s{\"name\":\"%s\",\"type\":", i > 0 ? "," : "",
                             record->children[i]->field_name);
        canonical_append(buffer, record->children[i]);
        buffer_append_text(buffer, "}");
    }
}

static void append_named(struct buffer *buffer, const struct schema_node *node)
{
    if (node->reference) {
        buffer_append_format(buffer, "\"%s\"", node->name);
        return;
    }
    buffer_append_format(buffer, "{\"name\":\"%s\",", node->name);
    if (node->kind == SCHEMA_FIXED) {
        buffer_append_format(buffer, "\"type\":\"fixed\",\"size\":%zu}", node->fixed_size);
        return;
    }
    bool is_enum = node->kind == SCHEMA_ENUM;
    buffer_append_text(buffer, is_enum ? "\"type\":\"enum\",\"symbols\":["
                                       : "\"type\":\"record\",\"fields\":[");
    for (size_t i = 0; i < node->symbols_count; i++)
        buffer_append_format(buffer, "%s\"%s\"", i > 0 ? "," : "", node->symbols[i]);
    if (!is_enum)
        append_fields(buffer, node);
    buffer_append_text(buffer, "]}");
}

void canonical_append(struct buffer *buffer, const struct schema_node *node)
{
    switch (node->kind) {
    case SCHEMA_FIXED:
    case SCHEMA_ENUM:
    case SCHEMA_RECORD:
        append_named(buffer, node);
        return;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        buffer_append_text(buffer, node->kind == SCHEMA_ARRAY ? "{\"type\":\"array\",\"items\":"
                                                              : "{\"type\":\"map\",\"values\":");
        canonical_append(buffer, node->children[0]);
        buffer_append_text(buffer, "}");
        return;
    case SCHEMA_UNION:
        for (size_t i = 0; i < node->children_count; i++) {
            buffer_append_text(buffer, i > 0 ? "," : "[");
            canonical_append(buffer, node->children[i]);
        }
        buffer_append_text(buffer, "]");
        return;
    default:
        buffer_append_format(buffer, "\"%s\"", primitive_names[node->kind]);
        return;
    }
}

uint64_t canonical_fingerprint(const char *canonical)
{
    const uint64_t empty = UINT64_C(0xC15D213AA4D7A795);
    uint64_t fingerprint = empty;
    for (const char *at = canonical; *at; at++) {
        fingerprint ^= (uint8_t)*at;
        for (int bit = 0; bit < 8; bit++)
            fingerprint = (fingerprint >> 1) ^ (empty & (UINT64_C(0) - (fingerprint & 1u)));
    }
    return fingerprint;
}
