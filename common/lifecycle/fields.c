/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a referral's life are flat: a table of members keeps writing and reading one text
 * each, so that a new field is a row. Values are never cut on the way in: a writer that passes a
 * bound is refused by name. */
#include "lifecycle/fields.h"

#include "base/text.h"

bool fields_write(struct record *record, const void *from, const struct text_field *texts,
                  size_t texts_count, const struct whole_field *wholes, size_t wholes_count)
{
    const char *base = from;
    for (size_t i = 0; i < texts_count; i++) {
        const char *text = base + texts[i].offset;
        if (text[0] == '\0' && texts[i].optional)
            continue;
        if (!record_set_text(record, texts[i].name, text))
            return false;
    }
    for (size_t i = 0; i < wholes_count; i++) {
        const void *member = base + wholes[i].offset;
        int64_t number = wholes[i].wide ? *(const int64_t *)member : *(const int32_t *)member;
        if (number == 0 && wholes[i].optional)
            continue;
        if (!record_set_whole(record, wholes[i].name, number))
            return false;
    }
    return true;
}

static enum verdict read_text(const struct record *record, char *base,
                              const struct text_field *field, struct reason *reason)
{
    const char *text = record_text(record, field->name);
    if (text == NULL && !field->optional) {
        reason_set(reason, "missing-field", NULL, "the field %s is not there", field->name);
        return REFUSED;
    }
    if (!text_copy(base + field->offset, field->size, text)) {
        reason_set(reason, "too-long", NULL, "%s has more than %zu bytes", field->name,
                   field->size - 1);
        return REFUSED;
    }
    return DONE;
}

static enum verdict read_whole(const struct record *record, char *base,
                               const struct whole_field *field, struct reason *reason)
{
    int64_t number = 0;
    if (!record_whole(record, field->name, &number) && !field->optional) {
        reason_set(reason, "missing-field", NULL, "the field %s is not there", field->name);
        return REFUSED;
    }
    void *member = base + field->offset;
    if (field->wide) {
        *(int64_t *)member = number;
        return DONE;
    }
    if (number < INT32_MIN || number > INT32_MAX) {
        reason_set(reason, "out-of-range", NULL, "%s does not fit 32 bits", field->name);
        return REFUSED;
    }
    *(int32_t *)member = (int32_t)number;
    return DONE;
}

enum verdict fields_read(const struct record *record, void *to, const struct text_field *texts,
                         size_t texts_count, const struct whole_field *wholes, size_t wholes_count,
                         struct reason *reason)
{
    for (size_t i = 0; i < texts_count; i++) {
        enum verdict verdict = read_text(record, to, &texts[i], reason);
        if (verdict != DONE)
            return verdict;
    }
    for (size_t i = 0; i < wholes_count; i++) {
        enum verdict verdict = read_whole(record, to, &wholes[i], reason);
        if (verdict != DONE)
            return verdict;
    }
    return DONE;
}
