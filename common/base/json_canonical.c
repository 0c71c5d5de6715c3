/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical print, which each posted referral is digested in. jansson's own takes four times as
 * long: it looks each member up again after sorting. Byte for byte it is the same (a test compares
 * them): digests outlive the program that made them. */
#include "base/json_canonical.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS_USUAL 24 /* sorted on the stack; more are sorted on the heap */

struct member {
    const char *name;
    const struct json *value;
};

static bool print_value(struct buffer *buffer, const struct json *json);

#define EACH UINT64_C(0x0101010101010101)

/* A byte of the word is 0. */
static uint64_t has_zero(uint64_t word)
{
    return (word - EACH) & ~word & EACH * 0x80;
}

/* Eight bytes that need no escape: none below a blank, no quote, no backslash. */
static bool eight_plain(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    uint64_t control = (word - EACH * 0x20) & ~word & EACH * 0x80;
    return (control | has_zero(word ^ EACH * '"') | has_zero(word ^ EACH * '\\')) == 0;
}

static size_t plain_length(const char *text, size_t length)
{
    size_t at = 0;
    while (length - at >= 8 && eight_plain(text + at))
        at += 8;
    while (at < length && (uint8_t)text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
        at++;
    return at;
}

static bool print_escape(struct buffer *buffer, char byte)
{
    static const char letters[] = "\"\\\b\f\n\r\t";
    static const char *const escapes[] = {"\\\"", "\\\\", "\\b", "\\f", "\\n", "\\r", "\\t"};
    const char *found = byte ? strchr(letters, byte) : NULL;
    if (found)
        return buffer_append(buffer, escapes[found - letters], 2);
    return buffer_append_format(buffer, "\\u%04X", (unsigned)(uint8_t)byte);
}

static bool print_text(struct buffer *buffer, const char *text, size_t length)
{
    bool done = buffer_append(buffer, "\"", 1);
    while (done && length > 0) {
        size_t plain = plain_length(text, length);
        done = buffer_append(buffer, text, plain);
        text += plain;
        length -= plain;
        if (length > 0) {
            done = done && print_escape(buffer, *text++);
            length--;
        }
    }
    return done && buffer_append(buffer, "\"", 1);
}

static int compare_members(const void *a, const void *b)
{
    const struct member *first = a, *second = b;
    return strcmp(first->name, second->name);
}

static void sort_members(struct member *members, size_t count)
{
    if (count > MEMBERS_USUAL) {
        qsort(members, count, sizeof(*members), compare_members);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct member member = members[i];
        size_t to = i;
        for (; to > 0 && strcmp(members[to - 1].name, member.name) > 0; to--)
            members[to] = members[to - 1];
        members[to] = member;
    }
}

static bool print_members(struct buffer *buffer, const struct json *object, struct member *members)
{
    size_t count = 0;
    void *cursor = NULL;
    struct member next;
    while (json_next_member(object, &cursor, &next.name, &next.value))
        members[count++] = next;
    sort_members(members, count);
    bool done = buffer_append(buffer, "{", 1);
    for (size_t i = 0; done && i < count; i++)
        done = (i == 0 || buffer_append(buffer, ",", 1)) &&
               print_text(buffer, members[i].name, strlen(members[i].name)) &&
               buffer_append(buffer, ":", 1) && print_value(buffer, members[i].value);
    return done && buffer_append(buffer, "}", 1);
}

static bool print_object(struct buffer *buffer, const struct json *object)
{
    struct member usual[MEMBERS_USUAL];
    size_t count = json_count(object);
    if (count <= MEMBERS_USUAL)
        return print_members(buffer, object, usual);
    struct member *members = calloc(count, sizeof(*members));
    bool done = members && print_members(buffer, object, members);
    free(members);
    return done;
}

static bool print_array(struct buffer *buffer, const struct json *array)
{
    bool done = buffer_append(buffer, "[", 1);
    size_t count = json_count(array);
    for (size_t i = 0; done && i < count; i++)
        done =
            (i == 0 || buffer_append(buffer, ",", 1)) && print_value(buffer, json_item(array, i));
    return done && buffer_append(buffer, "]", 1);
}

/* jansson knows how a double is written so that it is read back as the same one. */
static bool print_real(struct buffer *buffer, const struct json *json)
{
    char *text = json_print(json, JSON_COMPACT);
    bool done = text && buffer_append_text(buffer, text);
    free(text);
    return done;
}

static bool print_value(struct buffer *buffer, const struct json *json)
{
    switch (json_kind_of(json)) {
    case JSON_IS_OBJECT:
        return print_object(buffer, json);
    case JSON_IS_ARRAY:
        return print_array(buffer, json);
    case JSON_IS_TEXT:
        return print_text(buffer, json_text(json), json_text_length(json));
    case JSON_IS_WHOLE:
        return buffer_append_format(buffer, "%lld", (long long)json_whole(json, 0));
    case JSON_IS_REAL:
        return print_real(buffer, json);
    case JSON_IS_BOOLEAN:
        return buffer_append_text(buffer, json_is_true(json) ? "true" : "false");
    case JSON_IS_NULL:
        return buffer_append(buffer, "null", 4);
    case JSON_NONE:
        break;
    }
    return false;
}

char *json_print_canonical(const struct json *json)
{
    struct buffer buffer;
    buffer_init(&buffer, SIZE_MAX / 4); /* what was parsed or built has its bounds already */
    if (!buffer_reserve(&buffer, 1024) || !print_value(&buffer, json) || !buffer_text(&buffer)) {
        buffer_clear(&buffer);
        return NULL;
    }
    return (char *)buffer.data;
}
