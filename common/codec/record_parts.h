/* SPDX-License-Identifier: Apache-2.0 */
/* What the record_*.c files share; for them alone. */
#ifndef CODEC_RECORD_PARTS_H
#define CODEC_RECORD_PARTS_H

#include "codec/place.h"
#include "codec/record.h"
#include "codec/value.h"

struct value record_root(const struct record *record);
/* Resets it, unless nothing was written since the last reset; what follows fills it. */
void record_begin(struct record *record);

/* Brings a value that avro-c has just made or reset to its empty state: unions null, defaults
 * applied. False without memory. */
bool value_prepare(const struct value *value);

/* Fills a prepared value from posted JSON that is neither absent nor null. */
enum verdict value_fill(const struct value *value, const struct json *json,
                        const struct place *place, struct reason *reason);

enum check_scope {
    CHECK_LENGTHS, /* maxLength and maxItems: what an encoder must not pass */
    CHECK_ALL,
};
/* False with the reason. */
bool value_check(struct value value, enum check_scope scope, const struct place *place,
                 struct reason *reason);

/* Words for what may stand in a field: "one of a, b, c". */
#define CHOICE_SIZE 704
void choice_words(char words[CHOICE_SIZE], char *const *choices, size_t count);

/* Sets code, pointer and detail. */
__attribute__((format(printf, 4, 5))) void refuse_at(const struct place *place,
                                                     struct reason *reason, const char *code,
                                                     const char *format, ...);

#endif
