/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pathway.json strictly: a clinician's slip (a misspelt member, a date that does not exist)
 * must stop the load with the place and what was expected, never be skipped. */
#include "pathways/internal.h"

#include "base/text.h"
#include "codec/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void describe(const struct json *found, char text[80])
{
    const char *value = json_text(found);
    enum json_kind kind = json_kind_of(found);
    if (value)
        text_format(text, 80, "\"%.60s\"", value);
    else if (kind == JSON_IS_WHOLE || kind == JSON_IS_REAL)
        text_format(text, 80, "%g", json_number(found, 0));
    else if (kind == JSON_IS_BOOLEAN)
        text_copy(text, 80, json_is_true(found) ? "true" : "false");
    else
        text_copy(text, 80, kind == JSON_NONE ? "nothing" : json_kind_name(kind));
}

bool compile_error(const struct compiler *compiler, const struct place *place,
                   const struct json *found, const char *format, ...)
{
    char pointer[REASON_POINTER_MAX], value[80], expected[REASON_DETAIL_MAX];
    place_pointer(place, pointer);
    describe(found, value);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof(expected), format, arguments);
    va_end(arguments);
    reason_set(compiler->reason, "bad-pathway", compiler->path, "%s: found %s, expected %s",
               pointer, value, expected);
    return false;
}

bool compile_members(const struct compiler *compiler, const struct place *place,
                     const struct json *object, const char *const *names, size_t names_count)
{
    if (json_kind_of(object) != JSON_IS_OBJECT)
        return compile_error(compiler, place, object, "an object");
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    while (json_next_member(object, &cursor, &name, &value)) {
        bool known = false;
        char list[REASON_DETAIL_MAX] = "";
        for (size_t i = 0; i < names_count && !known; i++) {
            known = strcmp(name, names[i]) == 0;
            size_t used = strlen(list);
            text_format(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
        }
        struct place here = {.up = place, .name = name};
        if (!known)
            return compile_error(compiler, &here, value, "only members of the list %s", list);
    }
    return true;
}

bool compile_text(const struct compiler *compiler, const struct place *place,
                  const struct json *object, const char *name, size_t length_max,
                  const char **ret_text)
{
    const struct json *value = json_member(object, name);
    const char *text = json_text(value);
    struct place here = {.up = place, .name = name};
    if (!text || !*text || json_text_length(value) > length_max)
        return compile_error(compiler, &here, value, "a text of 1 to %zu bytes", length_max);
    *ret_text = text;
    return true;
}

static bool is_code(const char *text)
{
    char before = '-';
    for (; *text; before = *text++) {
        bool letter = (*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9');
        if (!letter && !(*text == '-' && before != '-'))
            return false;
    }
    return before != '-';
}

bool compile_code(const struct compiler *compiler, const struct place *place,
                  const struct json *object, const char *name, const char **ret_code)
{
    const char *code;
    if (!compile_text(compiler, place, object, name, CODE_LENGTH_MAX, &code))
        return false;
    struct place here = {.up = place, .name = name};
    if (!is_code(code))
        return compile_error(compiler, &here, json_member(object, name),
                             "lower-case letters, digits and single dashes");
    *ret_code = code;
    return true;
}

bool compile_number(const struct compiler *compiler, const struct place *place,
                    const struct json *object, const char *name, bool needed, double least,
                    double most, double *ret_number)
{
    const struct json *value = json_member(object, name);
    if (!value && !needed)
        return true;
    enum json_kind kind = json_kind_of(value);
    double number = json_number(value, least - 1);
    struct place here = {.up = place, .name = name};
    if ((kind != JSON_IS_WHOLE && kind != JSON_IS_REAL) || number < least || number > most)
        return compile_error(compiler, &here, value, "a number from %g to %g", least, most);
    *ret_number = number;
    return true;
}

bool compile_day(const struct compiler *compiler, const struct place *place,
                 const struct json *object, const char *name, int64_t *ret_day)
{
    const struct json *value = json_member(object, name);
    if (!value)
        return true;
    struct date date;
    const char *text = json_text(value);
    struct place here = {.up = place, .name = name};
    if (!text || !date_parse(text, &date))
        return compile_error(compiler, &here, value, "a date, YYYY-MM-DD, that exists");
    *ret_day = date_to_days(date);
    return true;
}
