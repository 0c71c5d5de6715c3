/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded text: the only ways in which this project copies and formats strings. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies `from` (NULL = "") into `to` of `size` bytes, always terminated. False if it had to be
 * cut. */
bool text_copy(char *to, size_t size, const char *from);
/* The same for `length` bytes that need not be terminated. */
bool text_copy_bytes(char *to, size_t size, const char *from, size_t length);
/* snprintf that says whether all of it fitted. */
bool text_format(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Equality that takes NULL as "". */
bool text_equal(const char *a, const char *b);
/* Two names, both there: most are told apart by their first letter. */
static inline bool text_same_name(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0;
}
/* The number in decimal, terminated; its length. For where printf would cost more than the rest. */
#define WHOLE_TEXT_SIZE 21
size_t text_of_whole(int64_t number, char text[WHOLE_TEXT_SIZE]);
/* The whole of `text` as a decimal number from `least` to `most`; nothing else (no sign +, no
 * blanks). */
__attribute__((warn_unused_result)) bool text_whole_number(const char *text, int64_t least,
                                                           int64_t most, int64_t *ret_number);
/* Has it the shape of the names that we give (1 to 40 of a to z and _)? What comes from outside in
 * the place of a name, and has another, may be a value: it is not repeated. */
bool text_is_name(const char *text);
/* True if the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)
 * without NUL. */
bool text_is_utf8(const void *bytes, size_t length);
/* For "%d row%s". */
static inline const char *text_plural(size_t count)
{
    return count == 1 ? "" : "s";
}
/* Reads a whole file of at most `size_max` bytes; a terminating NUL is added. Free with free().
 * NULL on failure, errno set (EFBIG past the limit). */
char *text_read_file(const char *path, size_t size_max, size_t *ret_length);

#endif
