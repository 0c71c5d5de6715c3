/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a referral's life are flat: a table of members keeps writing and reading one text
 * each, so that a new field is a row. Values are never cut on the way in: a writer that passes a
 * bound is refused by name. */
#include "lifecycle/fields.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

size_t fields_list(const void *from, const struct member *members, size_t count,
                   struct flat_field *fields)
{
    size_t listed = 0;
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &members[i];
        const void *at = (const char *)from + member->offset;
        struct flat_field field = {.name = member->name, .kind = FLAT_WHOLE};
        switch (member->kind) {
        case MEMBER_TEXT:
            field.kind = FLAT_TEXT;
            field.bytes = at;
            field.length = strlen(at);
            break;
        case MEMBER_BORROWED:
            field.kind = FLAT_TEXT;
            field.bytes = *(const char *const *)at;
            field.length = field.bytes ? strlen(field.bytes) : 0;
            break;
        case MEMBER_INT:
            field.whole = *(const int32_t *)at;
            break;
        case MEMBER_LONG:
            field.whole = *(const int64_t *)at;
            break;
        case MEMBER_FLAG:
            field.kind = FLAT_BOOLEAN;
            field.whole = *(const bool *)at;
            break;
        case MEMBER_APART:
            continue;
        }
        if (!member->optional || field.length > 0 || field.whole != 0)
            fields[listed++] = field;
    }
    return listed;
}

static enum verdict refuse(const struct member *member, const char *code, const char *words,
                           struct reason *reason)
{
    char pointer[REASON_POINTER_MAX];
    (void)text_format(pointer, sizeof(pointer), "/%s", member->name);
    reason_set(reason, code, pointer, "%s", words);
    return REFUSED;
}

static enum verdict take(const struct record_field *field, const struct member *member, char *base,
                         struct reason *reason)
{
    void *at = base + member->offset;
    switch (member->kind) {
    case MEMBER_TEXT:
        if (!field->text)
            return DONE;
        if (field->length >= member->size)
            return refuse(member, "too-long", "more bytes than the field may have", reason);
        memcpy(at, field->text, field->length);
        ((char *)at)[field->length] = '\0';
        return DONE;
    case MEMBER_INT:
        if (field->whole < INT32_MIN || field->whole > INT32_MAX)
            return refuse(member, "out-of-range", "a number that does not fit 32 bits", reason);
        *(int32_t *)at = (int32_t)field->whole;
        return DONE;
    case MEMBER_LONG:
        *(int64_t *)at = field->whole;
        return DONE;
    case MEMBER_FLAG:
        *(bool *)at = field->whole != 0;
        return DONE;
    case MEMBER_BORROWED:
    case MEMBER_APART:
        return DONE;
    }
    return DONE;
}

static bool is_given(const struct record_field *field)
{
    return field->text || field->is_whole || field->bytes;
}

static bool is_named(const struct record_field *field, const struct member *member)
{
    return field->name_length == member->name_length &&
           memcmp(field->name, member->name, member->name_length) == 0;
}

/* Which member it is, looked for from `next` on; `count` if none. */
static size_t member_of(const struct record_field *field, const struct member *members,
                        size_t count, size_t next)
{
    for (size_t tries = 0; tries < count; tries++, next = next + 1 < count ? next + 1 : 0)
        if (is_named(field, &members[next]))
            return next;
    return count;
}

/* Fields come in the writer's order, which is that of the table as a rule. */
enum verdict fields_take(const struct record_field *fields, size_t fields_count, void *to,
                         const struct member *members, size_t count,
                         const struct record_field **ret_apart, struct reason *reason)
{
    const struct record_field *found[MEMBERS_MAX] = {0};
    size_t next = 0, apart = 0;
    assert(count <= MEMBERS_MAX);
    for (size_t i = 0; i < fields_count; i++) {
        const struct record_field *field = &fields[i];
        if (!is_given(field))
            continue;
        size_t place = member_of(field, members, count, next);
        if (place == count)
            continue;
        if (members[place].kind != MEMBER_TEXT || field->text)
            found[place] = field;
        enum verdict verdict = take(field, &members[place], to, reason);
        if (verdict != DONE)
            return verdict;
        next = place + 1 < count ? place + 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (members[i].kind == MEMBER_APART)
            ret_apart[apart++] = found[i];
        else if (!members[i].optional && !found[i])
            return refuse(&members[i], "missing-field", "the field is not there", reason);
    }
    return DONE;
}

enum verdict fields_read(const struct record *record, void *to, const struct member *members,
                         size_t count, struct reason *reason)
{
    struct record_field fields[FLAT_FIELDS_MAX];
    size_t fields_count = 0;
    while (fields_count < FLAT_FIELDS_MAX &&
           record_field_at(record, fields_count, &fields[fields_count]))
        fields_count++;
    return fields_take(fields, fields_count, to, members, count, NULL, reason);
}
