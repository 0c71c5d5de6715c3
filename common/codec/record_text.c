/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a record as text, without a tree between: for those who print each record once. The
 * text is the one that json_print makes of record_to_json. */
#include "codec/record_parts.h"

#include "base/digest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool write_escape(struct buffer *buffer, unsigned char byte)
{
    static const char *const words[0x20] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
    if (byte == '"' || byte == '\\') {
        const char pair[] = {'\\', (char)byte};
        return buffer_append(buffer, pair, sizeof(pair));
    }
    return words[byte] ? buffer_append(buffer, words[byte], 2)
                       : buffer_append_format(buffer, "\\u%04X", byte);
}

bool json_text_append(struct buffer *buffer, const char *text, size_t length)
{
    size_t from = 0;
    bool well = buffer_append(buffer, "\"", 1);
    for (size_t i = 0; well && i < length; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        well = buffer_append(buffer, text + from, i - from) && write_escape(buffer, byte);
        from = i + 1;
    }
    return well && buffer_append(buffer, text + from, length - from) &&
           buffer_append(buffer, "\"", 1);
}

static bool write_bytes(const struct value *value, struct buffer *buffer)
{
    size_t length = 0;
    const void *bytes = value_bytes(value, &length);
    size_t size = (length + 2) / 3 * 4;
    char *room = bytes ? buffer_reserve(buffer, size + 3) : NULL;
    if (!room || !base64_encode(bytes, length, room + 1, size + 1))
        return false;
    room[0] = '"';
    room[size + 1] = '"';
    buffer->length += size + 2;
    return true;
}

static bool write_real(double number, struct buffer *buffer)
{
    char text[40];
    if (!isfinite(number)) /* JSON knows no infinity: it is nothing */
        return buffer_append_text(buffer, "null");
    struct json *json = json_new_real(number);
    char *printed = json_print(json, JSON_COMPACT);
    bool well = printed && strlen(printed) < sizeof(text) && buffer_append_text(buffer, printed);
    free(printed);
    json_free(json);
    return well;
}

static bool write_scalar(const struct value *value, struct buffer *buffer)
{
    size_t length = 0;
    int64_t whole = 0;
    double real = 0;
    const char *text = value_text(value, &length);
    if (text)
        return json_text_append(buffer, text, length);
    switch (value->node->kind) {
    case SCHEMA_BOOLEAN:
        return value_whole(value, &whole) && buffer_append_text(buffer, whole ? "true" : "false");
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return value_whole(value, &whole) && buffer_append_format(buffer, "%lld", (long long)whole);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return value_real(value, &real) && write_real(real, buffer);
    default:
        return write_bytes(value, buffer);
    }
}

static bool write_value(struct value value, struct buffer *buffer);

/* Members or items; a record's null fields are left out, as are numbers that JSON doesn't know. */
static bool write_all(const struct value *value, struct buffer *buffer)
{
    enum schema_kind kind = value->node->kind;
    struct value child;
    const char *key = NULL;
    bool well = buffer_append(buffer, kind == SCHEMA_ARRAY ? "[" : "{", 1);
    bool first = true;
    for (size_t i = 0; well && value_child(value, i, &child, &key); i++) {
        struct value inner = child;
        double real = 0;
        if (kind == SCHEMA_RECORD &&
            (!value_enter(&inner) || (value_real(&inner, &real) && !isfinite(real))))
            continue;
        well = first || buffer_append(buffer, ",", 1);
        first = false;
        if (well && kind != SCHEMA_ARRAY)
            well = json_text_append(buffer, key, strlen(key)) && buffer_append(buffer, ":", 1);
        well = well && write_value(child, buffer);
    }
    return well && buffer_append(buffer, kind == SCHEMA_ARRAY ? "]" : "}", 1);
}

static bool write_value(struct value value, struct buffer *buffer)
{
    if (!value_enter(&value))
        return buffer_append_text(buffer, "null");
    enum schema_kind kind = value.node->kind;
    return kind == SCHEMA_RECORD || kind == SCHEMA_ARRAY || kind == SCHEMA_MAP
               ? write_all(&value, buffer)
               : write_scalar(&value, buffer);
}

bool record_write_json(const struct record *record, const char *field, struct buffer *buffer)
{
    struct value value = record_root(record);
    if (field) {
        size_t index = schema_field(value.node, field, strlen(field));
        struct value root = value;
        if (index == SCHEMA_NO_FIELD || !value_child(&root, index, &value, NULL))
            return buffer_append_text(buffer, "null");
    }
    return write_value(value, buffer);
}
