/* SPDX-License-Identifier: Apache-2.0 */
/* jansson keeps no positions, and a clinician looks for a line, not for a pointer: so the text is
 * walked once more, but only when something is wrong. */
#include "base/finding.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    const char *at, *end;
};

static char next(struct walk *walk)
{
    while (walk->at < walk->end && strchr(" \n\r\t,:", *walk->at))
        walk->at++;
    return walk->at < walk->end ? *walk->at : '\0';
}

/* Past the text that starts here. */
static void skip_text(struct walk *walk)
{
    for (walk->at++; walk->at < walk->end && *walk->at != '"'; walk->at++) {
        if (*walk->at == '\\' && walk->at + 1 < walk->end)
            walk->at++;
    }
    if (walk->at < walk->end)
        walk->at++;
}

static void skip_value(struct walk *walk)
{
    int depth = 0;
    do {
        char first = next(walk);
        if (first == '"') {
            skip_text(walk);
            continue;
        }
        if (first == '{' || first == '[')
            depth++;
        else if (first == '}' || first == ']')
            depth--;
        if (walk->at < walk->end)
            walk->at++;
        while (depth == 0 && walk->at < walk->end && !strchr(" \n\r\t,:]}", *walk->at))
            walk->at++; /* the rest of a number or a word */
    } while (depth > 0 && walk->at < walk->end);
}

/* The next step of a pointer, unescaped; NULL behind the last. */
static const char *next_step(const char *pointer, char *step, size_t size)
{
    if (*pointer != '/')
        return NULL;
    size_t used = 0;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        char letter = *pointer;
        if (letter == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            letter = *++pointer == '0' ? '~' : '/';
        if (used + 1 < size)
            step[used++] = letter;
    }
    step[used] = '\0';
    return pointer;
}

/* From the object or list at hand to the value of one step of it; where its name, or the item,
 * starts goes to *ret_start. */
static bool enter(struct walk *walk, const char *step, const char **ret_start)
{
    char open = next(walk);
    size_t index = 0, wanted = open == '[' ? (size_t)strtoul(step, NULL, 10) : 0;
    if (open != '{' && open != '[')
        return false;
    walk->at++;
    for (char first = next(walk); first && first != '}' && first != ']'; first = next(walk)) {
        const char *start = walk->at;
        bool found = index++ == wanted;
        if (open == '{') {
            skip_text(walk);
            size_t length = walk->at > start + 2 ? (size_t)(walk->at - start - 2) : 0;
            found = length == strlen(step) && memcmp(start + 1, step, length) == 0;
        }
        if (found) {
            *ret_start = start;
            return true;
        }
        skip_value(walk);
    }
    return false;
}

size_t json_line(const char *bytes, size_t length, const char *pointer)
{
    struct walk walk = {.at = bytes, .end = bytes + length};
    char step[REASON_POINTER_MAX];
    (void)next(&walk);
    const char *start = walk.at;
    while ((pointer = next_step(pointer, step, sizeof(step))) && enter(&walk, step, &start)) {
    }
    size_t line = 1;
    for (const char *at = bytes; at < start; at++)
        line += *at == '\n';
    return line;
}

size_t json_file_line(const char *path, size_t size_max, const char *pointer)
{
    size_t length = 0;
    char *text = text_read_file(path, size_max, &length);
    size_t line = text ? json_line(text, length, pointer) : 0;
    free(text);
    return line;
}

const struct json *json_at(const struct json *json, const char *pointer)
{
    char step[REASON_POINTER_MAX];
    while (json && (pointer = next_step(pointer, step, sizeof(step))))
        json = json_kind_of(json) == JSON_IS_ARRAY ? json_item(json, strtoul(step, NULL, 10))
                                                   : json_member(json, step);
    return json;
}

void finding_describe(const struct json *found, char text[FINDING_FOUND_SIZE])
{
    const char *value = json_text(found);
    enum json_kind kind = json_kind_of(found);
    if (value)
        text_format(text, FINDING_FOUND_SIZE, "\"%.60s\"", value);
    else if (kind == JSON_IS_WHOLE || kind == JSON_IS_REAL)
        text_format(text, FINDING_FOUND_SIZE, "%g", json_number(found, 0));
    else if (kind == JSON_IS_BOOLEAN)
        text_copy(text, FINDING_FOUND_SIZE, json_is_true(found) ? "true" : "false");
    else
        text_copy(text, FINDING_FOUND_SIZE, kind == JSON_NONE ? "nothing" : json_kind_name(kind));
}

/* "line 12, column 3: words" or "line 12: /pointer: words" in parts. */
void findings_tell(const struct findings *findings, const struct reason *reason)
{
    if (!findings)
        return;
    const char *rest = reason->detail;
    size_t line = 0;
    if (strncmp(rest, "line ", 5) == 0) {
        line = (size_t)strtoul(rest + 5, NULL, 10);
        const char *colon = strstr(rest, ": ");
        rest = colon ? colon + 2 : rest;
    }
    char pointer[REASON_POINTER_MAX] = "", found[REASON_DETAIL_MAX] = "";
    const char *colon = *rest == '/' ? strstr(rest, ": ") : NULL;
    if (colon && text_copy_bytes(pointer, sizeof(pointer), rest, (size_t)(colon - rest)))
        rest = colon + 2;
    const char *expected = strstr(rest, "expected ");
    size_t length = expected ? (size_t)(expected - rest) : strlen(rest);
    while (length > 0 && strchr(" ,:;", rest[length - 1]))
        length--;
    text_copy_bytes(found, sizeof(found), rest, length);
    findings->tell(findings->context, &(struct finding){.code = reason->code,
                                                        .file = reason->pointer,
                                                        .pointer = pointer,
                                                        .line = line,
                                                        .found = found,
                                                        .expected = expected ? expected + 9 : ""});
}
