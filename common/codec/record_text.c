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

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* How many letters may stand as they are. Eight are looked at together: subtracting sets the top
 * bit of a byte that was too small; a borrow can at most set one too many, which the slow loop then
 * looks at. */
static size_t plain_length(const unsigned char *text, size_t length)
{
    const uint64_t ones = 0x0101010101010101, tops = ones * 0x80;
    size_t i = 0;
    for (uint64_t word; i + sizeof(word) <= length; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        if ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
             ((slash - ones) & ~slash)) &
            tops)
            break;
    }
    while (i < length && is_plain(text[i]))
        i++;
    return i;
}

bool json_text_append(struct buffer *buffer, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t plain = plain_length(bytes, length);
    char *room = buffer_reserve(buffer, plain + 2);
    if (!room)
        return false;
    *room++ = '"';
    memcpy(room, text, plain);
    buffer->length += plain + 1;
    if (plain == length) {
        room[plain] = '"';
        buffer->length++;
        return true;
    }
    for (size_t i = plain; i < length;) {
        if (!write_escape(buffer, bytes[i++]))
            return false;
        plain = plain_length(bytes + i, length - i);
        if (!buffer_append(buffer, text + i, plain))
            return false;
        i += plain;
    }
    return buffer_append(buffer, "\"", 1);
}

/* A field's name is made of letters that need no escape. */
static bool write_name(struct buffer *buffer, const struct schema_node *field, bool first)
{
    const size_t length = field->field_name_length;
    char *room = buffer_reserve(buffer, length + 4);
    if (!room)
        return false;
    char *at = room;
    if (!first)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, field->field_name, length);
    at += length;
    *at++ = '"';
    *at++ = ':';
    buffer->length += (size_t)(at - room);
    return true;
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

static bool write_whole(int64_t number, struct buffer *buffer)
{
    char digits[24];
    char *at = digits + sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        *--at = '-';
    return buffer_append(buffer, at, (size_t)(digits + sizeof(digits) - at));
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
        return value_whole(value, &whole) && write_whole(whole, buffer);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return value_real(value, &real) && write_real(real, buffer);
    default:
        return write_bytes(value, buffer);
    }
}

static bool write_entered(const struct value *value, struct buffer *buffer);

static bool unknown_to_json(const struct value *value)
{
    const enum schema_kind kind = value->node->kind;
    double real = 0;
    return (kind == SCHEMA_FLOAT || kind == SCHEMA_DOUBLE) && value_real(value, &real) &&
           !isfinite(real);
}

/* Members or items; a record's null fields are left out, as are numbers that JSON doesn't know. */
static bool write_all(const struct value *value, struct buffer *buffer)
{
    enum schema_kind kind = value->node->kind;
    struct value child;
    const char *key = NULL;
    bool well = buffer_append(buffer, kind == SCHEMA_ARRAY ? "[" : "{", 1);
    bool first = true;
    for (size_t i = 0; well && value_child(value, i, &child, &key); i++) {
        const bool there = value_enter(&child);
        if (kind == SCHEMA_RECORD && (!there || unknown_to_json(&child)))
            continue;
        if (kind == SCHEMA_RECORD)
            well = write_name(buffer, value->node->children[i], first);
        else
            well = first || buffer_append(buffer, ",", 1);
        first = false;
        if (well && kind == SCHEMA_MAP)
            well = json_text_append(buffer, key, strlen(key)) && buffer_append(buffer, ":", 1);
        well = well && (there ? write_entered(&child, buffer) : buffer_append_text(buffer, "null"));
    }
    return well && buffer_append(buffer, kind == SCHEMA_ARRAY ? "]" : "}", 1);
}

static bool write_entered(const struct value *value, struct buffer *buffer)
{
    enum schema_kind kind = value->node->kind;
    return kind == SCHEMA_RECORD || kind == SCHEMA_ARRAY || kind == SCHEMA_MAP
               ? write_all(value, buffer)
               : write_scalar(value, buffer);
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
    return value_enter(&value) ? write_entered(&value, buffer) : buffer_append_text(buffer, "null");
}
