/* SPDX-License-Identifier: Apache-2.0 */
/* jansson is handed only what a look of our own has passed: its depth limit (2,048) is compiled in,
 * and its messages quote the input, so positions are taken from it and words from here. */
#include <jansson.h>

#if JANSSON_VERSION_HEX < 0x020e00
#error "jansson 2.14 or later is needed: names that do not end with a NUL"
#endif

/* Two of jansson's names are ours, too; what stands behind them is kept under another. */
enum { PRINT_COMPACT = JSON_COMPACT };
#undef JSON_COMPACT
#undef json_is_true

#include "base/json.h"

#include "base/json_canonical.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const json_t *inside(const struct json *json)
{
    return (const json_t *)json;
}

/* jansson takes some arguments without const that it does not change. */
static json_t *writable(const struct json *json)
{
    return (json_t *)(uintptr_t)json;
}

static struct json *outside(json_t *json)
{
    return (struct json *)json;
}

/* Counts brackets outside of texts; anything else is left to the parser. */
static bool depth_is_bounded(const char *bytes, size_t length)
{
    int depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < length; i++) {
        char byte = bytes[i];
        if (in_text) {
            if (byte == '\\')
                i++;
            else if (byte == '"')
                in_text = false;
        } else if (byte == '"') {
            in_text = true;
        } else if (byte == '{' || byte == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return false;
        } else if (byte == '}' || byte == ']') {
            depth--;
        }
    }
    return true;
}

static const char *syntax_words(enum json_error_code code)
{
    switch ((int)code) {
    case json_error_premature_end_of_input:
        return "it ends too early";
    case json_error_end_of_input_expected:
        return "something follows the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a text with a NUL character";
    case json_error_numeric_overflow:
        return "a number that is too large";
    case json_error_out_of_memory:
        return "out of memory";
    default:
        return "a syntax error";
    }
}

static void explain(const json_error_t *error, struct reason *reason)
{
    enum json_error_code code = json_error_code(error);
    if (code == json_error_duplicate_key)
        reason_set(reason, "duplicate-member", NULL, "line %d, column %d: the same name twice",
                   error->line, error->column);
    else
        reason_set(reason, "not-json", NULL, "line %d, column %d: %s", error->line, error->column,
                   syntax_words(code));
}

/* ---- plain JSON: texts without a backslash, whole numbers of up to 18 digits

   What is posted is nearly always that, and jansson takes three times as long over it, byte by
   byte. Here no is never an error: whatever is not plain, or not JSON, or names a member twice is
   given to jansson from the beginning, which takes it or says what is wrong. */

#define PLAIN_DIGITS_MAX 18

struct plain {
    const char *at, *end;
};

static json_t *plain_value(struct plain *plain, int depth);

/* The next byte that is no blank, or NUL at the end: a NUL was refused before. */
static char plain_next(struct plain *plain)
{
    while (plain->at < plain->end &&
           (*plain->at == ' ' || *plain->at == '\n' || *plain->at == '\r' || *plain->at == '\t'))
        plain->at++;
    return plain->at < plain->end ? *plain->at : '\0';
}

/* Steps over `byte` if it is the next one. */
static bool plain_step(struct plain *plain, char byte)
{
    if (plain_next(plain) != byte)
        return false;
    plain->at++;
    return true;
}

/* At a quote. The text has no NUL behind it. */
static bool plain_text(struct plain *plain, const char **ret_text, size_t *ret_length)
{
    const char *from = plain->at + 1;
    const char *at = from;
    while (at < plain->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    if (at == plain->end || *at != '"')
        return false;
    *ret_text = from;
    *ret_length = (size_t)(at - from);
    plain->at = at + 1;
    return true;
}

static json_t *plain_number(struct plain *plain)
{
    bool negative = *plain->at == '-';
    const char *from = plain->at + negative;
    const char *at = from;
    int64_t number = 0;
    for (; at < plain->end && *at >= '0' && *at <= '9'; at++) {
        if (at - from == PLAIN_DIGITS_MAX)
            return NULL;
        number = number * 10 + (*at - '0');
    }
    bool leading_zero = at - from > 1 && *from == '0';
    bool real = at < plain->end && (*at == '.' || *at == 'e' || *at == 'E');
    if (at == from || leading_zero || real)
        return NULL;
    plain->at = at;
    return json_integer(negative ? -number : number);
}

static json_t *plain_word(struct plain *plain, const char *word, json_t *value)
{
    size_t length = strlen(word);
    if ((size_t)(plain->end - plain->at) < length || memcmp(plain->at, word, length) != 0)
        return NULL;
    plain->at += length;
    return value; /* one of jansson's constants: it is not counted */
}

static bool plain_members(struct plain *plain, int depth, json_t *object)
{
    if (plain_step(plain, '}'))
        return true;
    for (size_t count = 1;; count++) {
        const char *name;
        size_t length;
        if (plain_next(plain) != '"' || !plain_text(plain, &name, &length) ||
            !plain_step(plain, ':') ||
            json_object_setn_new_nocheck(object, name, length, plain_value(plain, depth)) != 0 ||
            json_object_size(object) != count)
            return false;
        if (!plain_step(plain, ','))
            return plain_step(plain, '}');
    }
}

static bool plain_items(struct plain *plain, int depth, json_t *array)
{
    if (plain_step(plain, ']'))
        return true;
    for (;;) {
        if (json_array_append_new(array, plain_value(plain, depth)) != 0)
            return false;
        if (!plain_step(plain, ','))
            return plain_step(plain, ']');
    }
}

static json_t *plain_inside(struct plain *plain, int depth, bool is_object)
{
    if (depth == JSON_DEPTH_MAX)
        return NULL;
    json_t *json = is_object ? json_object() : json_array();
    plain->at++;
    if (json &&
        (is_object ? plain_members(plain, depth + 1, json) : plain_items(plain, depth + 1, json)))
        return json;
    json_decref(json);
    return NULL;
}

static json_t *plain_value(struct plain *plain, int depth)
{
    const char *text;
    size_t length;
    switch (plain_next(plain)) {
    case '{':
        return plain_inside(plain, depth, true);
    case '[':
        return plain_inside(plain, depth, false);
    case '"':
        return plain_text(plain, &text, &length) ? json_stringn_nocheck(text, length) : NULL;
    case 't':
        return plain_word(plain, "true", json_true());
    case 'f':
        return plain_word(plain, "false", json_false());
    case 'n':
        return plain_word(plain, "null", json_null());
    default:
        return plain->at < plain->end ? plain_number(plain) : NULL;
    }
}

/* NULL: ask jansson. The bytes are UTF-8. */
static json_t *plain_parse(const char *bytes, size_t length)
{
    struct plain plain = {bytes, bytes + length};
    json_t *json = plain_value(&plain, 0);
    if (json && plain_next(&plain) == '\0')
        return json;
    json_decref(json);
    return NULL;
}

struct json *json_parse(const char *bytes, size_t length, size_t size_max, struct reason *reason)
{
    if (length > size_max) {
        reason_set(reason, "too-large", NULL, "%zu bytes, at most %zu are taken", length, size_max);
        return NULL;
    }
    if (length == 0) {
        reason_set(reason, "not-json", NULL, "line 1, column 0: there is nothing");
        return NULL;
    }
    if (!text_is_utf8(bytes, length)) {
        reason_set(reason, "not-utf8", NULL, "the bytes are not UTF-8, or hold a NUL");
        return NULL;
    }
    json_t *json = plain_parse(bytes, length);
    if (json)
        return outside(json);
    if (!depth_is_bounded(bytes, length)) {
        reason_set(reason, "too-deep", NULL, "nested deeper than %d", JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t error = {0};
    json = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!json)
        explain(&error, reason);
    return outside(json);
}

struct json *json_parse_file(const char *path, size_t size_max, struct reason *reason)
{
    size_t length = 0;
    char *content = text_read_file(path, size_max, &length);
    if (!content) {
        int cause = errno;
        reason_set(reason, cause == EFBIG ? "too-large" : "unreadable-file", path, "%s",
                   cause == ENOENT ? "there is no such file" : strerror(cause));
        return NULL;
    }
    struct reason inner = {0};
    struct json *json = json_parse(content, length, size_max, &inner);
    free(content);
    if (!json)
        reason_set(reason, inner.code, path, "%s%s",
                   strncmp(inner.detail, "line ", 5) == 0 ? "" : "line 1: ", inner.detail);
    return json;
}

void json_free(struct json *json)
{
    json_decref((json_t *)json);
}

struct json *json_copy_deep(const struct json *json)
{
    return outside(json_deep_copy(inside(json)));
}

enum json_kind json_kind_of(const struct json *json)
{
    if (!json)
        return JSON_NONE;
    switch (json_typeof(inside(json))) {
    case JSON_OBJECT:
        return JSON_IS_OBJECT;
    case JSON_ARRAY:
        return JSON_IS_ARRAY;
    case JSON_STRING:
        return JSON_IS_TEXT;
    case JSON_INTEGER:
        return JSON_IS_WHOLE;
    case JSON_REAL:
        return JSON_IS_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return JSON_IS_BOOLEAN;
    case JSON_NULL:
        return JSON_IS_NULL;
    }
    return JSON_NONE;
}

const char *json_kind_name(enum json_kind kind)
{
    static const char *const names[] = {
        [JSON_NONE] = "nothing",
        [JSON_IS_NULL] = "null",
        [JSON_IS_BOOLEAN] = "true or false",
        [JSON_IS_WHOLE] = "a whole number",
        [JSON_IS_REAL] = "a number",
        [JSON_IS_TEXT] = "text",
        [JSON_IS_ARRAY] = "a list",
        [JSON_IS_OBJECT] = "an object",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "nothing";
}

const struct json *json_member(const struct json *object, const char *name)
{
    return outside(json_object_get(inside(object), name));
}

const struct json *json_item(const struct json *array, size_t index)
{
    return outside(json_array_get(inside(array), index));
}

struct json *json_own_member(struct json *object, const char *name)
{
    return outside(json_object_get(writable(object), name));
}

struct json *json_own_item(struct json *array, size_t index)
{
    return outside(json_array_get(writable(array), index));
}

size_t json_count(const struct json *json)
{
    return json_is_array(inside(json)) ? json_array_size(inside(json))
                                       : json_object_size(inside(json));
}

const char *json_text(const struct json *json)
{
    return json_string_value(inside(json));
}

size_t json_text_length(const struct json *json)
{
    return json_string_length(inside(json));
}

bool json_is_true(const struct json *json)
{
    return json && json_typeof(inside(json)) == JSON_TRUE;
}

int64_t json_whole(const struct json *json, int64_t otherwise)
{
    return json_is_integer(inside(json)) ? (int64_t)json_integer_value(inside(json)) : otherwise;
}

double json_number(const struct json *json, double otherwise)
{
    return json_is_number(inside(json)) ? json_number_value(inside(json)) : otherwise;
}

const char *json_member_text(const struct json *object, const char *name)
{
    return json_text(json_member(object, name));
}

int64_t json_member_whole(const struct json *object, const char *name, int64_t otherwise)
{
    return json_whole(json_member(object, name), otherwise);
}

bool json_next_member(const struct json *object, void **cursor, const char **ret_name,
                      const struct json **ret_value)
{
    void *next = *cursor ? json_object_iter_next(writable(object), *cursor)
                         : json_object_iter(writable(object));
    *cursor = next;
    if (!next)
        return false;
    if (ret_name)
        *ret_name = json_object_iter_key(next);
    if (ret_value)
        *ret_value = outside(json_object_iter_value(next));
    return true;
}

struct json *json_new_object(void)
{
    return outside(json_object());
}

struct json *json_new_array(void)
{
    return outside(json_array());
}

struct json *json_new_text(const char *text)
{
    return outside(text ? json_string(text) : json_null());
}

struct json *json_new_text_bytes(const char *text, size_t length)
{
    return outside(json_stringn(text, length));
}

struct json *json_new_whole(int64_t number)
{
    return outside(json_integer(number));
}

struct json *json_new_real(double number)
{
    return outside(json_real(number));
}

struct json *json_new_boolean(bool value)
{
    return outside(json_boolean(value));
}

struct json *json_new_null(void)
{
    return outside(json_null());
}

bool json_set_take(struct json *object, const char *name, struct json *value)
{
    return json_object_set_new(writable(object), name, writable(value)) == 0;
}

bool json_set_text(struct json *object, const char *name, const char *text)
{
    return json_set_take(object, name, json_new_text(text));
}

bool json_set_whole(struct json *object, const char *name, int64_t number)
{
    return json_set_take(object, name, json_new_whole(number));
}

bool json_set_boolean(struct json *object, const char *name, bool value)
{
    return json_set_take(object, name, json_new_boolean(value));
}

bool json_array_add_take(struct json *array, struct json *value)
{
    return json_array_append_new(writable(array), writable(value)) == 0;
}

bool json_replace_text(struct json *json, const char *text)
{
    return json_string_set(writable(json), text) == 0;
}

char *json_print(const struct json *json, enum json_style style)
{
    size_t flags = style == JSON_INDENTED ? JSON_INDENT(2) : PRINT_COMPACT;
    if (!json)
        return NULL;
    return style == JSON_SORTED ? json_print_canonical(json)
                                : json_dumps(inside(json), flags | JSON_ENCODE_ANY);
}
