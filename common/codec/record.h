/* SPDX-License-Identifier: Apache-2.0 */
/* A record in memory, read and written by field name. One that is built stands on avro-c's generic
 * value, one that was decoded on a view of its bytes. The schema may be any writer's: absent fields
 * read as absent, enums read as symbols, a nullable union is seen through. Not thread-safe: a
 * record belongs to one thread.
 *
 * Paths are dotted names with array positions: "patient.postcode", "patient.contacts.0.phone",
 * "details.condition". */
#ifndef CODEC_RECORD_H
#define CODEC_RECORD_H

#include "base/buffer.h"
#include "base/json.h"
#include "base/reason.h"
#include "codec/schema.h"

struct record;

/* An empty record: numbers 0, texts "", unions null, arrays empty, then every field default
 * applied. The schema must outlive it. */
struct record *record_new(const struct schema *schema);
void record_free(struct record *record);
/* Back to the state after record_new, keeping memory. */
void record_reset(struct record *record);
const struct schema *record_schema(const struct record *record);

/* Bare Avro binary, pre-scanned first; REFUSED with prescan's reason. The record's old content is
 * gone either way. */
__attribute__((warn_unused_result)) enum verdict
record_decode(struct record *record, const void *bytes, size_t length, struct reason *reason);
/* What was decoded becomes a value of avro-c's, as it does by itself before a change. False without
 * memory; the record has failed then. */
bool record_make_changeable(struct record *record);
/* Fills `to` from a record of another schema as Avro reads a writer's record with a reader's
 * schema: fields and symbols by name, numbers made wider. What the writer's schema does not have
 * gets its default, or null. REFUSED, incompatible-schema with the pointer, if that can't be done;
 * `to` is then reset. */
__attribute__((warn_unused_result)) enum verdict
record_convert(const struct record *from, struct record *to, struct reason *reason);
/* Appends bare Avro binary. REFUSED (too-long, too-many, too-large) if a value passes its maxLength
 * or maxItems, or the record PRESCAN_SIZE_MAX or the buffer's maximum: nobody could read it. BROKEN
 * without memory, or if a setter failed before (code unset-field): a program's error. */
__attribute__((warn_unused_result)) enum verdict
record_encode(const struct record *record, struct buffer *buffer, struct reason *reason);

/* From the JSON that people post (no union tags; an absent member or null is null, or the field's
 * default where it can't be null; bytes as base64). REFUSED: unknown-field, missing-field,
 * wrong-type, out-of-range, not-allowed (a symbol), bad-format (base64), too-many, with the JSON
 * pointer. A number for a whole-number field has no fraction and no exponent. The record is then
 * partly filled: reset it. */
__attribute__((warn_unused_result)) enum verdict
record_from_json(struct record *record, const struct json *json, struct reason *reason);
/* What a person typed in one of several forms (a format's canonical one, ids/formats.h) is put into
 * that form, in the JSON itself; what is wrong there stays for the two functions around. False
 * without memory. */
__attribute__((warn_unused_result)) bool record_tidy_json(const struct schema *schema,
                                                          struct json *json);
/* The same JSON back, tidy; null fields are left out. NULL without memory. */
struct json *record_to_json(const struct record *record);
/* What no encoding shows: format, maxLength, maxItems, minimum, maximum, oneOf of every field.
 * REFUSED: bad-format, too-long, too-many, out-of-range, not-allowed, with the JSON pointer; the
 * detail names what was expected and never the value. */
__attribute__((warn_unused_result)) enum verdict record_check(const struct record *record,
                                                              struct reason *reason);

/* Readers: text and symbols (borrowed until the record changes), numbers, presence. A path that the
 * schema does not have is an absent field. */
bool record_has(const struct record *record, const char *path); /* present and not null */
const char *record_text(const struct record *record,
                        const char *path); /* string or enum symbol, else NULL */
bool record_whole(const struct record *record, const char *path,
                  int64_t *ret_number); /* int, long, boolean as 0/1 */
int64_t record_whole_or(const struct record *record, const char *path, int64_t otherwise);
bool record_real(const struct record *record, const char *path,
                 double *ret_number); /* any number */
bool record_is_true(const struct record *record, const char *path);
const void *record_bytes(const struct record *record, const char *path, size_t *ret_length);
size_t record_count(const struct record *record,
                    const char *path); /* items of an array; 0 if absent */

/* The record's own fields in the schema's order, for who reads a flat one whole: text of a string
 * or symbol, else NULL; `whole` of int, long and boolean. */
struct record_field {
    const char *name;
    size_t name_length;
    const char *text;
    const uint8_t *bytes; /* see codec_read_flat, else NULL */
    size_t length;
    bool is_whole;
    int64_t whole;
    const struct schema_node *node; /* of codec_read_flat's: what flat_write_json prints */
    const uint8_t *value;
};
/* False past the end. Of a field that is null, or neither of these, there is only the name. */
bool record_field_at(const struct record *record, size_t index, struct record_field *ret_field);

/* Writers: the field (or the not-null branch of its union) is set; a NULL text sets null. False if
 * the path or type is wrong or memory ran out; sticky until record_reset, see record_failed, so
 * that many sets are checked once. Text has to be UTF-8. A whole number is for int and long, a real
 * one for float and double. */
bool record_set_text(struct record *record, const char *path, const char *text);
bool record_set_whole(struct record *record, const char *path, int64_t number);
bool record_set_real(struct record *record, const char *path, double number);
bool record_set_boolean(struct record *record, const char *path, bool value);
bool record_set_bytes(struct record *record, const char *path, const void *bytes, size_t length);
bool record_add(struct record *record,
                const char *path); /* appends an empty item to an array; then set "path.N…" */
bool record_failed(const struct record *record);

#endif
