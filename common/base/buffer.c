/* SPDX-License-Identifier: Apache-2.0 */
/* After the first append that does not fit all later ones fail too: what is there is then a clean
 * prefix, never a text with a hole in it, and a writer needs to look at `failed` only once. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_init(struct buffer *buffer, size_t length_max)
{
    *buffer = (struct buffer){.length_max = length_max};
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->length_max);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
}

static bool grow(struct buffer *buffer, size_t capacity)
{
    if (capacity <= buffer->capacity)
        return true;
    size_t larger = buffer->capacity < 64 ? 64 : buffer->capacity * 2;
    if (larger < capacity)
        larger = capacity;
    if (larger >
        buffer->length_max) /* one more than the maximum is asked for by buffer_text alone */
        larger = capacity > buffer->length_max ? capacity : buffer->length_max;
    uint8_t *data = realloc(buffer->data, larger);
    if (!data)
        return false;
    buffer->data = data;
    buffer->capacity = larger;
    return true;
}

void *buffer_reserve_more(struct buffer *buffer, size_t length)
{
    if (buffer->failed || length > buffer->length_max - buffer->length ||
        !grow(buffer, buffer->length + (length > 0 ? length : 1))) {
        buffer->failed = true;
        return NULL;
    }
    return buffer->data + buffer->length;
}

bool buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return !buffer->failed;
    void *room = buffer_reserve(buffer, length);
    if (!room)
        return false;
    memcpy(room, bytes, length);
    buffer->length += length;
    return true;
}

bool buffer_append_text(struct buffer *buffer, const char *text)
{
    return buffer_append(buffer, text, strlen(text));
}

bool buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    if (needed < 0) {
        buffer->failed = true;
        return false;
    }
    size_t length = (size_t)needed;
    if (length < sizeof(small))
        return buffer_append(buffer, small, length);
    if (!buffer_reserve(buffer, length) || !grow(buffer, buffer->length + length + 1)) {
        buffer->failed = true;
        return false;
    }
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->length, length + 1, format, arguments);
    va_end(arguments);
    buffer->length += length;
    return true;
}

const char *buffer_text(struct buffer *buffer)
{
    if (!grow(buffer, buffer->length + 1))
        return NULL;
    buffer->data[buffer->length] = '\0';
    return (const char *)buffer->data;
}
