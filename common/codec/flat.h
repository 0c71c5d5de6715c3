/* SPDX-License-Identifier: Apache-2.0 */
/* Flat messages: records whose fields are numbers, texts and lists of texts, written straight from
 * the values at hand, and read where they stand. Most of what the services write are these, several
 * for each referral, and a value of avro-c's in between costs ten times the encoding. */
#ifndef CODEC_FLAT_H
#define CODEC_FLAT_H

#include "codec/contract.h"

enum flat_kind { FLAT_TEXT, FLAT_BYTES, FLAT_WHOLE, FLAT_BOOLEAN, FLAT_TEXTS };

struct flat_field { /* borrowed */
    const char *name;
    enum flat_kind kind;
    const void *bytes; /* a text, bytes; the first of a list's texts */
    size_t length;     /* of them; of a list: how many texts */
    size_t stride;     /* of a list: from one text, which is terminated, to the next */
    int64_t whole;     /* a number, a boolean as 0 or 1 */
};

/* Appends the frame's header and the record. Fields that are not given are null, or the schema's
 * default, or empty; the order does not matter, but the schema's own is the quickest. REFUSED
 * (too-long, too-many, too-large, wrong-type of a text that is no UTF-8) as record_encode does.
 * BROKEN (no-such-field) if a given field is not in the schema, of another type, or the schema is
 * not flat: a program's error. Nothing is appended on failure. */
__attribute__((warn_unused_result)) enum verdict
codec_write_flat(struct codec *codec, const struct schema *schema, const struct flat_field *fields,
                 size_t count, struct buffer *buffer, struct reason *reason);

#define FLAT_FIELDS_MAX 64

/* Reads one framed message in a single pass; nothing is copied. `ret_fields` has room for
 * FLAT_FIELDS_MAX: its fields in the schema's order, as record_field_at tells them, but that texts
 * are not terminated, and that `bytes` stands for bytes and for a list of texts (flat_texts). They
 * are borrowed as codec_unframe says. Fails as codec_read does, and with BROKEN (not-flat). */
__attribute__((warn_unused_result)) enum verdict
codec_read_flat(struct codec *codec, const void *bytes, size_t length, const char *expected_name,
                struct record_field ret_fields[FLAT_FIELDS_MAX], size_t *ret_count,
                struct reason *reason);
/* The same of bytes that codec_read_flat has read before and nobody has changed since: they are not
 * looked at for faults once more. */
__attribute__((warn_unused_result)) enum verdict
codec_read_flat_again(struct codec *codec, const void *bytes, size_t length,
                      const char *expected_name, struct record_field ret_fields[FLAT_FIELDS_MAX],
                      size_t *ret_count, struct reason *reason);
/* How many texts a list has (NULL has none); the first `most` of them are told, each by `text` and
 * `length`. */
size_t flat_texts(const struct record_field *list, struct record_field *ret_texts, size_t most);
/* Or a number that JSON does not know. */
bool flat_is_null(const struct record_field *field);
/* Appends the field's JSON as record_to_json has it, whatever it is; null if it is nothing. False
 * if it does not fit or memory ran out. */
__attribute__((warn_unused_result)) bool flat_write_json(const struct record_field *field,
                                                         struct buffer *buffer);
/* Appends a JSON string; the text has to be UTF-8. */
__attribute__((warn_unused_result)) bool json_text_append(struct buffer *buffer, const char *text,
                                                          size_t length);

#endif
