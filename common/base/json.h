/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values, behind which stands jansson. Input is checked for size, depth, UTF-8 and repeated
 * names before and while it is parsed, so hostile bytes are safe here. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

struct json; /* a JSON value of any kind */

enum json_kind {
    JSON_NONE,
    JSON_IS_NULL,
    JSON_IS_BOOLEAN,
    JSON_IS_WHOLE,
    JSON_IS_REAL,
    JSON_IS_TEXT,
    JSON_IS_ARRAY,
    JSON_IS_OBJECT
};

#define JSON_DEPTH_MAX 32

/* Parses `length` bytes. Codes: too-large (size_max), not-utf8, too-deep, not-json (with line and
 * column; never an excerpt), duplicate-member. NULL on failure. Free with json_free. */
__attribute__((warn_unused_result)) struct json *json_parse(const char *bytes, size_t length,
                                                            size_t size_max, struct reason *reason);
/* The same from a file; `pointer` of the reason is then the path and the detail starts with "line
 * N". */
__attribute__((warn_unused_result)) struct json *json_parse_file(const char *path, size_t size_max,
                                                                 struct reason *reason);
void json_free(struct json *json);
struct json *json_copy_deep(const struct json *json);

/* All readers take NULL (as an absent value) and return borrowed pointers. */
enum json_kind json_kind_of(const struct json *json);
const char *json_kind_name(enum json_kind kind); /* "text", "whole number", … for messages */
const struct json *json_member(const struct json *object, const char *name);
const struct json *json_item(const struct json *array, size_t index);
/* The same of one's own, to be changed. */
struct json *json_own_member(struct json *object, const char *name);
struct json *json_own_item(struct json *array, size_t index);
size_t json_count(const struct json *json); /* items of an array, members of an object, else 0 */
const char *json_text(const struct json *json); /* NULL if it is no text */
size_t json_text_length(const struct json *json);
bool json_is_true(const struct json *json);
int64_t json_whole(const struct json *json, int64_t otherwise);
double json_number(const struct json *json, double otherwise); /* whole or real */
const char *json_member_text(const struct json *object,
                             const char *name); /* NULL if absent or no text */
int64_t json_member_whole(const struct json *object, const char *name, int64_t otherwise);

/* Walks the members of an object in their written order: start with *cursor = NULL. */
bool json_next_member(const struct json *object, void **cursor, const char **ret_name,
                      const struct json **ret_value);

/* Builders. Every `_take` adopts the value, also on failure; NULL values make them fail, so calls
 * can be nested and only the last one checked. json_array_add_take and json_set_take return false
 * on failure. */
struct json *json_new_object(void);
struct json *json_new_array(void);
struct json *json_new_text(const char *text); /* NULL gives JSON null */
struct json *json_new_text_bytes(const char *text, size_t length);
struct json *json_new_whole(int64_t number);
struct json *json_new_real(double number);
struct json *json_new_boolean(bool value);
struct json *json_new_null(void);
bool json_set_take(struct json *object, const char *name, struct json *value);
bool json_set_text(struct json *object, const char *name, const char *text);
bool json_set_whole(struct json *object, const char *name, int64_t number);
bool json_set_boolean(struct json *object, const char *name, bool value);
bool json_array_add_take(struct json *array, struct json *value);
/* Another text in the place of this one. False if `json` is none, or without memory. */
bool json_replace_text(struct json *json, const char *text);

enum json_style {
    JSON_COMPACT,
    JSON_SORTED /* compact with sorted members: canonical */,
    JSON_INDENTED
};
/* Free with free(). NULL if memory ran out. */
char *json_print(const struct json *json, enum json_style style);

#endif
