/* SPDX-License-Identifier: Apache-2.0 */
/* Reading pathway.json strictly: a clinician's slip (a misspelt member, a date that does not exist)
 * must stop the load with the place and what was expected, never be skipped. */
#include "pathways/internal.h"

#include "base/text.h"
#include "codec/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool compile_error(struct compiler *compiler, const struct place *place, const struct json *found,
                   const char *format, ...)
{
    char pointer[REASON_POINTER_MAX], value[FINDING_FOUND_SIZE], expected[REASON_DETAIL_MAX];
    place_pointer(place, pointer);
    finding_describe(found, value);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof(expected), format, arguments);
    va_end(arguments);
    size_t line = json_file_line(compiler->path, PATHWAY_FILE_SIZE_MAX, pointer);
    if (compiler->errors++ == 0)
        reason_set(compiler->reason, BAD_PATHWAY, compiler->path,
                   "line %zu: %s: found %s, expected %s", line, pointer, value, expected);
    if (compiler->findings)
        compiler->findings->tell(compiler->findings->context,
                                 &(struct finding){.code = BAD_PATHWAY,
                                                   .file = compiler->path,
                                                   .pointer = pointer,
                                                   .line = line,
                                                   .found = value,
                                                   .expected = expected});
    return false;
}

bool compile_members(struct compiler *compiler, const struct place *place,
                     const struct json *object, const char *const *names, size_t names_count)
{
    if (json_kind_of(object) != JSON_IS_OBJECT)
        return compile_error(compiler, place, object, "an object");
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool well = true;
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
            well = compile_error(compiler, &here, value, "only members of the list %s", list);
    }
    return well;
}

bool compile_text(struct compiler *compiler, const struct place *place, const struct json *object,
                  const char *name, size_t length_max, const char **ret_text)
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

bool compile_code(struct compiler *compiler, const struct place *place, const struct json *object,
                  const char *name, const char **ret_code)
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

bool compile_number(struct compiler *compiler, const struct place *place, const struct json *object,
                    const char *name, bool needed, double least, double most, double *ret_number)
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

bool compile_day(struct compiler *compiler, const struct place *place, const struct json *object,
                 const char *name, int64_t *ret_day)
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
