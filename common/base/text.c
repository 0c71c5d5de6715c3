/* SPDX-License-Identifier: Apache-2.0 */
/* Text that has to be cut is cut between characters: half a letter in a reason would make an event
 * that is not UTF-8. */
#include "base/text.h"

#include "base/words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The longest prefix of at most `length` bytes that does not end inside a UTF-8 sequence; bytes
 * beyond it are readable. */
static size_t whole_characters(const char *text, size_t length)
{
    size_t cut = length;
    for (size_t back = 0; back < 3 && cut > 0 && ((uint8_t)text[cut] & 0xC0u) == 0x80u; back++)
        cut--;
    /* four continuation bytes in a row are no UTF-8: cut where asked */
    return cut > 0 && ((uint8_t)text[cut] & 0xC0u) == 0x80u ? length : cut;
}

bool text_copy_bytes(char *to, size_t size, const char *from, size_t length)
{
    if (size == 0)
        return false;
    bool fits = length < size;
    size_t copied = fits ? length : whole_characters(from, size - 1);
    if (copied > 0)
        memcpy(to, from, copied);
    to[copied] = '\0';
    return fits;
}

bool text_copy(char *to, size_t size, const char *from)
{
    return text_copy_bytes(to, size, from ? from : "", from ? strlen(from) : 0);
}

bool text_format(char *to, size_t size, const char *format, ...)
{
    if (size == 0)
        return false;
    va_list arguments;
    va_start(arguments, format);
    int needed = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    if (needed < 0)
        to[0] = '\0';
    return needed >= 0 && (size_t)needed < size;
}

bool text_equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

size_t text_of_whole(int64_t number, char text[WHOLE_TEXT_SIZE])
{
    char digits[WHOLE_TEXT_SIZE - 1];
    size_t first = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--first] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (number < 0)
        digits[--first] = '-';
    const size_t length = sizeof(digits) - first;
    memcpy(text, digits + first, length);
    text[length] = '\0';
    return length;
}

bool text_whole_number(const char *text, int64_t least, int64_t most, int64_t *ret_number)
{
    if (!text)
        return false;
    bool negative = *text == '-';
    const char *digit = negative ? text + 1 : text;
    if (*digit == '\0')
        return false;
    int64_t number = 0; /* built downwards: INT64_MIN has no positive twin */
    for (; *digit; digit++) {
        if (*digit < '0' || *digit > '9')
            return false;
        if (__builtin_mul_overflow(number, (int64_t)10, &number) ||
            __builtin_sub_overflow(number, (int64_t)(*digit - '0'), &number))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, number, &number))
        return false;
    if (number < least || number > most)
        return false;
    *ret_number = number;
    return true;
}

/* Length of the well-formed sequence that starts with the byte `lead` (>= 0x80), or 0. */
static size_t sequence_length(const uint8_t *bytes, size_t left)
{
    uint8_t lead = bytes[0];
    size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > left)
        return 0;
    /* the second byte carries the limits: overlong forms, surrogates, U+10FFFF */
    uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (bytes[1] < least || bytes[1] > most)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((bytes[i] & 0xC0u) != 0x80u)
            return 0;
    return length;
}

/* True if none of eight bytes is 0 or above 0x7F: plain ASCII, the usual case. */
static bool is_ascii(uint64_t word)
{
    return ((word | (word - WORDS_ONES)) & WORDS_TOPS) == 0;
}

bool text_is_name(const char *text)
{
    const size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    return length >= 1 && length <= 40 && !text[length];
}

bool text_is_utf8(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    if (words_all(at, length, is_ascii))
        return true;
    while (length > 0) {
        size_t step = *at < 0x80 ? 1 : sequence_length(at, length);
        if (step == 0 || *at == 0)
            return false;
        if (length >= 8 && is_ascii(words_eight(at)))
            step = 8;
        at += step;
        length -= step;
    }
    return true;
}

/* Reads to the end of `file` into memory that grows as it is needed: pipes and /proc have no size
 * to ask for. */
static char *read_all(int file, size_t size_max, size_t *ret_length)
{
    char *content = NULL;
    size_t capacity = 0;
    size_t length = 0;
    for (;;) {
        if (capacity - length < 2) {
            size_t larger = capacity < 4096 ? 4096 : capacity * 2;
            char *grown = realloc(content, larger);
            if (!grown)
                break;
            content = grown;
            capacity = larger;
        }
        ssize_t got = read(file, content + length, capacity - length - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        if (got == 0) {
            content[length] = '\0';
            *ret_length = length;
            return content;
        }
        length += (size_t)got;
        if (length > size_max) {
            errno = EFBIG;
            break;
        }
    }
    int saved = errno;
    free(content);
    errno = saved;
    return NULL;
}

char *text_read_file(const char *path, size_t size_max, size_t *ret_length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    size_t length = 0;
    char *content = read_all(file, size_max, &length);
    int saved = errno;
    close(file);
    errno = saved;
    if (content && ret_length)
        *ret_length = length;
    return content;
}
