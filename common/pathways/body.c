/* SPDX-License-Identifier: Apache-2.0 */
#include "pathways/body.h"

#include "base/text.h"

#include <string.h>

#define NAME_SIZE 64

/* The object without the member `name`; any other kind gives an empty object. */
static struct json *copy_without(const struct json *object, const char *name)
{
    struct json *copy = json_new_object();
    void *cursor = NULL;
    const char *member;
    const struct json *value;
    bool done = copy != NULL;
    while (done && json_kind_of(object) == JSON_IS_OBJECT &&
           json_next_member(object, &cursor, &member, &value)) {
        if (strcmp(member, name) != 0)
            done = json_set_take(copy, member, json_copy_deep(value));
    }
    if (done)
        return copy;
    json_free(copy);
    return NULL;
}

struct json *body_with_take(const struct json *object, const char *path, struct json *value)
{
    char name[NAME_SIZE];
    size_t length = strcspn(path, ".");
    bool well = length > 0 && text_copy_bytes(name, sizeof(name), path, length);
    if (well && path[length] == '.') {
        value = body_with_take(json_member(object, name), path + length + 1, value);
        well = value != NULL;
    }
    struct json *copy = well ? copy_without(object, name) : NULL;
    if (!copy)
        json_free(value);
    else if (!value || json_set_take(copy, name, value))
        return copy;
    json_free(copy);
    return NULL;
}

struct json *body_value(const char *text)
{
    char list_text[1024];
    struct reason reason;
    struct json *list = NULL;
    if (text_format(list_text, sizeof(list_text), "[%s]", text))
        list = json_parse(list_text, strlen(list_text), sizeof(list_text), &reason);
    if (!list || json_count(list) != 1) {
        json_free(list);
        return json_new_text(text);
    }
    const struct json *item = json_item(list, 0);
    struct json *value = json_kind_of(item) == JSON_IS_NULL ? NULL : json_copy_deep(item);
    json_free(list);
    return value;
}

enum verdict body_record(struct record *record, const struct json *body, struct reason *reason)
{
    static const int64_t accepted_at_ms = INT64_C(1772442900000);
    struct json *with_id =
        body_with_take(body, "id", json_new_text("00000000-0000-4000-8000-000000000000"));
    struct json *whole = body_with_take(with_id, "accepted_at", json_new_whole(accepted_at_ms));
    enum verdict verdict = record_from_json(record, whole, reason);
    if (verdict == DONE)
        verdict = record_check(record, reason);
    json_free(with_id);
    json_free(whole);
    return verdict;
}
