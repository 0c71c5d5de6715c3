/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/answer.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

#define WORDS_SIZE 200

/* The registry's message, fit for a log and a terminal. */
static void copy_words(const struct json *json, char words[WORDS_SIZE])
{
    const char *message = json_member_text(json, "message");
    (void)text_copy(words, WORDS_SIZE, message ? message : "");
    for (char *at = words; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
}

static enum registry_outcome away(const struct registry_reply *reply, const char *expected,
                                  struct reason *reason)
{
    if (reply->status == 0)
        reason_set(reason, "registry-away", NULL, "the schema registry does not answer");
    else
        reason_set(reason, "registry-away", NULL, "the schema registry answered %ld, expected %s",
                   reply->status, expected);
    return REGISTRY_AWAY;
}

static const struct {
    long status;
    int64_t code_least, code_most; /* of error_code; 0, 0: none is needed */
    enum registry_outcome outcome;
    const char *code;
} failures[] = {
    {404, 40401, 40403, REGISTRY_ABSENT, "unknown-schema-id"},
    {409, 0, 0, REGISTRY_CONFLICT, "incompatible-schema"},
    {422, 42201, 42202, REGISTRY_UNUSABLE, "invalid-schema"},
};

/* FOUND with the JSON of a 200, to be freed; else NULL. */
static enum registry_outcome open_answer(const struct registry_reply *reply, const char *expected,
                                         struct json **ret_json, struct reason *reason)
{
    struct json *json = reply->status == 0 ? NULL
                                           : json_parse(reply->bytes ? reply->bytes : "",
                                                        reply->length, REGISTRY_ANSWER_MAX, NULL);
    *ret_json = NULL;
    if (reply->status == 200 && json) {
        *ret_json = json;
        return REGISTRY_FOUND;
    }
    int64_t code = json_member_whole(json, "error_code", -1);
    char words[WORDS_SIZE];
    copy_words(json, words);
    json_free(json);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
        if (reply->status == failures[i].status &&
            (failures[i].code_least == 0 ||
             (code >= failures[i].code_least && code <= failures[i].code_most))) {
            reason_set(reason, failures[i].code, NULL, "the schema registry says: %s", words);
            return failures[i].outcome;
        }
    return away(reply, expected, reason);
}

static bool number_of(const struct json *json, const char *name, int32_t least, int32_t *ret_number)
{
    int64_t number = json_member_whole(json, name, -1);
    if (number < least || number > INT32_MAX)
        return false;
    *ret_number = (int32_t)number;
    return true;
}

enum registry_outcome registry_answer_schema(const struct registry_reply *reply,
                                             struct schema **ret_schema, struct reason *reason)
{
    static const char expected[] = "a schema";
    struct json *json = NULL;
    enum registry_outcome outcome = open_answer(reply, expected, &json, reason);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    const struct json *schema = json_member(json, "schema");
    const char *type = json_member_text(json, "schemaType");
    struct reason inner = {0};
    if (json_kind_of(schema) != JSON_IS_TEXT) {
        outcome = away(reply, expected, reason);
    } else if ((type && strcmp(type, "AVRO") != 0) ||
               json_count(json_member(json, "references")) > 0) {
        outcome = REGISTRY_UNUSABLE;
        reason_set(reason, "unusable-schema", NULL, "expected Avro, in one piece");
    } else {
        *ret_schema = schema_parse(json_text(schema), json_text_length(schema), &inner);
        if (!*ret_schema) {
            outcome = REGISTRY_UNUSABLE;
            reason_set(reason, "unusable-schema", NULL, "%s %s: %s", inner.code, inner.pointer,
                       inner.detail);
        }
    }
    json_free(json);
    return outcome;
}

enum registry_outcome registry_answer_id(const struct registry_reply *reply, int32_t *ret_id,
                                         int32_t *ret_version, struct reason *reason)
{
    struct json *json = NULL;
    enum registry_outcome outcome = open_answer(reply, "a schema's id", &json, reason);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    *ret_version = 0;
    if (!number_of(json, "id", 0, ret_id))
        outcome = away(reply, "a schema's id", reason);
    else
        (void)number_of(json, "version", 1, ret_version);
    json_free(json);
    return outcome;
}

enum registry_outcome registry_answer_versions(const struct registry_reply *reply,
                                               int32_t versions[REGISTRY_VERSIONS_MAX],
                                               size_t *ret_count, struct reason *reason)
{
    struct json *json = NULL;
    enum registry_outcome outcome = open_answer(reply, "a list of versions", &json, reason);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    size_t count = json_count(json);
    bool well = json_kind_of(json) == JSON_IS_ARRAY && count <= REGISTRY_VERSIONS_MAX;
    for (size_t i = 0; well && i < count; i++) {
        int64_t version = json_whole(json_item(json, i), -1);
        well = version > 0 && version <= INT32_MAX;
        versions[i] = well ? (int32_t)version : 0;
    }
    *ret_count = well ? count : 0;
    if (!well)
        outcome = away(reply, "a list of versions", reason);
    json_free(json);
    return outcome;
}

enum registry_outcome registry_answer_compatible(const struct registry_reply *reply,
                                                 struct reason *reason)
{
    struct json *json = NULL;
    enum registry_outcome outcome = open_answer(reply, "is_compatible", &json, reason);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    const struct json *compatible = json_member(json, "is_compatible");
    if (json_kind_of(compatible) != JSON_IS_BOOLEAN) {
        outcome = away(reply, "is_compatible", reason);
    } else if (!json_is_true(compatible)) {
        outcome = REGISTRY_CONFLICT;
        reason_set(reason, "incompatible-schema", NULL, "the schema registry says that it is not");
    }
    json_free(json);
    return outcome;
}

enum registry_outcome registry_answer_level(const struct registry_reply *reply,
                                            char ret_level[REGISTRY_LEVEL_SIZE],
                                            struct reason *reason)
{
    struct json *json = NULL;
    enum registry_outcome outcome = open_answer(reply, "a compatibility", &json, reason);
    if (outcome != REGISTRY_FOUND)
        return outcome;
    const char *level = json_member_text(json, "compatibilityLevel");
    if (!level)
        level = json_member_text(json, "compatibility");
    (void)text_copy(ret_level, REGISTRY_LEVEL_SIZE, level ? level : "");
    json_free(json);
    return outcome;
}
