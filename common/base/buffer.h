/* SPDX-License-Identifier: Apache-2.0 */
/* A byte buffer that grows up to a maximum set when it is made, and says so instead of passing it.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t length;
    size_t capacity;
    size_t length_max;
    bool failed; /* sticky: an append did not fit or memory ran out */
};

/* Nothing is allocated yet. */
void buffer_init(struct buffer *buffer, size_t length_max);
/* Frees the memory; the buffer may be used again. */
void buffer_clear(struct buffer *buffer);
/* Empties it and keeps the memory. */
void buffer_reset(struct buffer *buffer);
/* All return false (and set `failed`) when the maximum or the memory is reached; nothing is written
 * then. */
bool buffer_append(struct buffer *buffer, const void *bytes, size_t length);
bool buffer_append_text(struct buffer *buffer, const char *text);
bool buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for `length` bytes at the end, to be filled by the caller, who then adds to `length`. NULL
 * if there is none. */
static inline void *buffer_reserve(struct buffer *buffer, size_t length);
/* The content with a NUL behind it (not counted), or NULL if that does not fit. Borrowed. */
const char *buffer_text(struct buffer *buffer);

void *buffer_reserve_more(struct buffer *buffer, size_t length); /* for buffer_reserve alone */

static inline void *buffer_reserve(struct buffer *buffer, size_t length)
{
    if (length < buffer->capacity - buffer->length && !buffer->failed)
        return buffer->data + buffer->length;
    return buffer_reserve_more(buffer, length);
}

#endif
