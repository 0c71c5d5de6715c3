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
        if (member->kind == MEMBER_TEXT) {
            field.kind = FLAT_TEXT;
            field.bytes = at;
            field.length = strlen(at);
        } else {
            field.whole = member->kind == MEMBER_LONG ? *(const int64_t *)at : *(const int32_t *)at;
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
    if (member->kind == MEMBER_TEXT) {
        if (!field->text)
            return DONE;
        return text_copy_bytes(at, member->size, field->text, field->length)
                   ? DONE
                   : refuse(member, "too-long", "more bytes than the field may have", reason);
    }
    if (member->kind == MEMBER_LONG)
        *(int64_t *)at = field->whole;
    else if (field->whole >= INT32_MIN && field->whole <= INT32_MAX)
        *(int32_t *)at = (int32_t)field->whole;
    else
        return refuse(member, "out-of-range", "a number that does not fit 32 bits", reason);
    return DONE;
}

/* Fields come in the writer's order, which is that of the table as a rule. */
enum verdict fields_read(const struct record *record, void *to, const struct member *members,
                         size_t count, struct reason *reason)
{
    struct record_field field;
    uint32_t found = 0;
    size_t next = 0;
    assert(count <= MEMBERS_MAX);
    for (size_t i = 0; record_field_at(record, i, &field); i++) {
        size_t tries = 0;
        for (; tries < count && !text_same_name(members[next].name, field.name); tries++)
            next = next + 1 < count ? next + 1 : 0;
        if (tries == count)
            continue;
        const struct member *member = &members[next];
        if (member->kind == MEMBER_TEXT ? field.text != NULL : field.is_whole)
            found |= 1u << next;
        enum verdict verdict = take(&field, member, to, reason);
        if (verdict != DONE)
            return verdict;
        next = next + 1 < count ? next + 1 : 0;
    }
    for (size_t i = 0; i < count; i++)
        if (!members[i].optional && !(found >> i & 1u))
            return refuse(&members[i], "missing-field", "the field is not there", reason);
    return DONE;
}
