/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes that the pre-scan has passed to JSON, with nothing between: for those who print each
 * record once. The text is the one that json_print makes of record_to_json. */
#include "codec/flat.h"

#include "base/digest.h"
#include "base/text.h"
#include "base/words.h"
#include "codec/passed.h"
#include "codec/schema.h"
#include "ids/formats.h"

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

/* True if eight letters may stand as they are: subtracting sets the top bit of a byte that was too
 * small, and of others only beside such a one. */
static bool are_plain(uint64_t word)
{
    const uint64_t quote = word ^ WORDS_ONES * '"', slash = word ^ WORDS_ONES * '\\';
    return ((((word - WORDS_ONES * 0x20) & ~word) | ((quote - WORDS_ONES) & ~quote) |
             ((slash - WORDS_ONES) & ~slash)) &
            WORDS_TOPS) == 0;
}

static size_t plain_length(const unsigned char *text, size_t length)
{
    size_t i = 0;
    if (words_all(text, length, are_plain))
        return length;
    while (i + 8 <= length && are_plain(words_eight(text + i)))
        i += 8;
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

/* A string, bytes or a key of `length`. */
static const uint8_t *pass(const uint8_t **at, size_t length)
{
    const uint8_t *bytes = *at;
    *at += length;
    return bytes;
}

static bool write_text(struct buffer *buffer, const uint8_t **at)
{
    const size_t length = (size_t)passed_long(at);
    return json_text_append(buffer, (const char *)pass(at, length), length);
}

/* As record_to_json has it. */
static bool write_canonical(struct buffer *buffer, const struct value_format *format,
                            const uint8_t **at)
{
    char canonical[CANONICAL_SIZE];
    const uint8_t *before = *at;
    const size_t length = (size_t)passed_long(at);
    const char *text = (const char *)pass(at, length);
    if (value_format_canonical(format, text, length, canonical))
        return json_text_append(buffer, canonical, strlen(canonical));
    *at = before;
    return write_text(buffer, at);
}

static bool write_bytes(struct buffer *buffer, const uint8_t *bytes, size_t length)
{
    const size_t size = (length + 2) / 3 * 4;
    char *room = buffer_reserve(buffer, size + 3);
    if (!room || !base64_encode(bytes, length, room + 1, size + 1))
        return false;
    room[0] = '"';
    room[size + 1] = '"';
    buffer->length += size + 2;
    return true;
}

static bool write_whole(int64_t number, struct buffer *buffer)
{
    char digits[WHOLE_TEXT_SIZE];
    return buffer_append(buffer, digits, text_of_whole(number, digits));
}

static bool write_real(double number, struct buffer *buffer)
{
    char text[40];
    struct json *json = json_new_real(number);
    char *printed = json_print(json, JSON_COMPACT);
    bool well = printed && strlen(printed) < sizeof(text) && buffer_append_text(buffer, printed);
    free(printed);
    json_free(json);
    return well;
}

static double pass_real(const struct schema_node *node, const uint8_t **at)
{
    return node->kind == SCHEMA_FLOAT ? passed_float(at) : passed_double(at);
}

static bool write_value(struct buffer *buffer, const struct schema_node *node, const uint8_t **at);

/* True if there is nothing to be printed: a null, or a number that JSON does not know; it is passed
 * over. Else *at is behind the branch's number. */
static bool is_nothing(const struct schema_node *node, const uint8_t **at)
{
    if (node->kind == SCHEMA_UNION && passed_long(at) != node->branch_index)
        return true;
    const struct schema_node *branch = node->branch;
    if (branch->kind == SCHEMA_NULL)
        return true;
    if (branch->kind != SCHEMA_FLOAT && branch->kind != SCHEMA_DOUBLE)
        return false;
    const uint8_t *after = *at;
    if (isfinite(pass_real(branch, &after)))
        return false;
    *at = after;
    return true;
}

static bool write_members(struct buffer *buffer, const struct schema_node *node, const uint8_t **at)
{
    bool first = true, well = buffer_append(buffer, "{", 1);
    for (size_t i = 0; well && i < node->children_count; i++) {
        const struct schema_node *field = node->children[i];
        if (is_nothing(field, at))
            continue;
        well = write_name(buffer, field, first) && write_value(buffer, field->branch, at);
        first = false;
    }
    return well && buffer_append(buffer, "}", 1);
}

static bool write_items(struct buffer *buffer, const struct schema_node *node, const uint8_t **at)
{
    const bool map = node->kind == SCHEMA_MAP;
    const struct schema_node *item = node->children[0];
    bool first = true, well = buffer_append(buffer, map ? "{" : "[", 1);
    int64_t count;
    while (well && (count = passed_count(at)) != 0) {
        for (; well && count > 0; count--) {
            well = first || buffer_append(buffer, ",", 1);
            first = false;
            if (well && map)
                well = write_text(buffer, at) && buffer_append(buffer, ":", 1);
            if (well)
                well = is_nothing(item, at) ? buffer_append_text(buffer, "null")
                                            : write_value(buffer, item->branch, at);
        }
    }
    return well && buffer_append(buffer, map ? "}" : "]", 1);
}

/* `node` is no union, and what it says is something. */
static bool write_value(struct buffer *buffer, const struct schema_node *node, const uint8_t **at)
{
    size_t length;
    const char *symbol;
    switch (node->kind) {
    case SCHEMA_BOOLEAN:
        return buffer_append_text(buffer, *pass(at, 1) ? "true" : "false");
    case SCHEMA_INT:
    case SCHEMA_LONG:
        return write_whole(passed_long(at), buffer);
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        return write_real(pass_real(node, at), buffer);
    case SCHEMA_ENUM:
        symbol = node->symbols[passed_long(at)];
        return json_text_append(buffer, symbol, strlen(symbol));
    case SCHEMA_STRING:
        return node->canonical ? write_canonical(buffer, node->format, at) : write_text(buffer, at);
    case SCHEMA_BYTES:
        length = (size_t)passed_long(at);
        return write_bytes(buffer, pass(at, length), length);
    case SCHEMA_FIXED:
        return write_bytes(buffer, pass(at, node->fixed_size), node->fixed_size);
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        return write_items(buffer, node, at);
    case SCHEMA_RECORD:
        return write_members(buffer, node, at);
    case SCHEMA_NULL:
    case SCHEMA_UNION:
        break;
    }
    return false;
}

bool flat_is_null(const struct record_field *field)
{
    const uint8_t *at = field->value;
    return !at || is_nothing(field->node, &at);
}

bool flat_write_json(const struct record_field *field, struct buffer *buffer)
{
    const uint8_t *at = field->value;
    return at && !is_nothing(field->node, &at) ? write_value(buffer, field->node->branch, &at)
                                               : buffer_append_text(buffer, "null");
}
