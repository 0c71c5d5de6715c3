/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over two trees at once; both are of bounded depth. Stricter than record_convert in one
 * thing: a nullable field without a default is a finding here, since other readers have nothing to
 * put there. */
#include "codec/compatible.h"

#include "codec/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = {
    [SCHEMA_NULL] = "null",     [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_INT] = "int",
    [SCHEMA_LONG] = "long",     [SCHEMA_FLOAT] = "float",     [SCHEMA_DOUBLE] = "double",
    [SCHEMA_BYTES] = "bytes",   [SCHEMA_STRING] = "string",   [SCHEMA_FIXED] = "fixed",
    [SCHEMA_ENUM] = "enum",     [SCHEMA_ARRAY] = "array",     [SCHEMA_MAP] = "map",
    [SCHEMA_RECORD] = "record", [SCHEMA_UNION] = "union",
};

/* What is read as what, besides each kind as itself. */
static const struct {
    enum schema_kind written, read;
} wider[] = {
    {SCHEMA_INT, SCHEMA_LONG},     {SCHEMA_INT, SCHEMA_FLOAT},    {SCHEMA_INT, SCHEMA_DOUBLE},
    {SCHEMA_LONG, SCHEMA_FLOAT},   {SCHEMA_LONG, SCHEMA_DOUBLE},  {SCHEMA_FLOAT, SCHEMA_DOUBLE},
    {SCHEMA_STRING, SCHEMA_BYTES}, {SCHEMA_BYTES, SCHEMA_STRING},
};

__attribute__((format(printf, 3, 4))) static bool
differ(const struct place *place, struct reason *reason, const char *format, ...)
{
    char pointer[REASON_POINTER_MAX];
    char detail[REASON_DETAIL_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    place_pointer(place, pointer);
    reason_set(reason, "incompatible-schema", pointer, "%s", detail);
    return false;
}

static bool reads(const struct schema_node *reader, const struct schema_node *writer,
                  const struct place *place, struct reason *reason);

static const char *short_name(const struct schema_node *node)
{
    const char *dot = strrchr(node->name, '.');
    return dot ? dot + 1 : node->name;
}

static bool reads_fields(const struct schema_node *reader, const struct schema_node *writer,
                         const struct place *place, struct reason *reason)
{
    for (size_t i = 0; i < reader->children_count; i++) {
        const struct schema_node *field = reader->children[i];
        const struct place here = {.up = place, .name = field->field_name};
        size_t index = schema_field(writer, field->field_name, field->field_name_length);
        if (index == SCHEMA_NO_FIELD) {
            if (!field->fallback)
                return differ(&here, reason, "was not written, and has no default");
        } else if (!reads(field, writer->children[index], &here, reason)) {
            return false;
        }
    }
    return true;
}

static bool reads_symbols(const struct schema_node *reader, const struct schema_node *writer,
                          const struct place *place, struct reason *reason)
{
    for (size_t i = 0; i < writer->symbols_count; i++) {
        bool known = false;
        for (size_t k = 0; k < reader->symbols_count && !known; k++)
            known = strcmp(reader->symbols[k], writer->symbols[i]) == 0;
        if (!known)
            return differ(place, reason, "%s can be written, and is not known to the reader",
                          writer->symbols[i]);
    }
    return true;
}

static bool is_wider(enum schema_kind written, enum schema_kind read)
{
    for (size_t i = 0; i < sizeof(wider) / sizeof(wider[0]); i++)
        if (wider[i].written == written && wider[i].read == read)
            return true;
    return written == read;
}

static bool reads_branch(const struct schema_node *reader, const struct schema_node *writer,
                         const struct place *place, struct reason *reason)
{
    const char *written = kind_names[writer->kind], *read = kind_names[reader->kind];
    if (!is_wider(writer->kind, reader->kind))
        return differ(place, reason, "%s can be written, %s is read", written, read);
    if (reader->kind == SCHEMA_RECORD || reader->kind == SCHEMA_ENUM ||
        reader->kind == SCHEMA_FIXED)
        if (strcmp(short_name(reader), short_name(writer)) != 0)
            return differ(place, reason, "%s can be written, %s is read", writer->name,
                          reader->name);
    switch (reader->kind) {
    case SCHEMA_RECORD:
        return reads_fields(reader, writer, place, reason);
    case SCHEMA_ENUM:
        return reads_symbols(reader, writer, place, reason);
    case SCHEMA_FIXED:
        return reader->fixed_size == writer->fixed_size ||
               differ(place, reason, "%zu bytes can be written, %zu are read", writer->fixed_size,
                      reader->fixed_size);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP: {
        const struct place here = {.up = place,
                                   .name = reader->kind == SCHEMA_MAP ? "values" : "items"};
        return reads(reader->children[0], writer->children[0], &here, reason);
    }
    default:
        return true;
    }
}

static bool reads(const struct schema_node *reader, const struct schema_node *writer,
                  const struct place *place, struct reason *reason)
{
    bool null_written = writer->nullable || writer->kind == SCHEMA_NULL;
    bool null_read = reader->nullable || reader->kind == SCHEMA_NULL;
    if (null_written && !null_read)
        return differ(place, reason, "null can be written, and is not read");
    if (writer->kind == SCHEMA_NULL)
        return true;
    return reads_branch(reader->branch, writer->branch, place, reason);
}

bool schema_reads(const struct schema *reader, const struct schema *writer, struct reason *reason)
{
    return reads(schema_root(reader), schema_root(writer), NULL, reason);
}
