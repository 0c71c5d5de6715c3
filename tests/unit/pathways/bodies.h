/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: posted bodies from schemas/pathways/<name>/examples, changed
 * by "path=value" and read into records by the functions that the gateway uses. */
#ifndef TEST_BODIES_H
#define TEST_BODIES_H

#include "base/json.h"
#include "base/text.h"
#include "pathways/pathway.h"

#include <dirent.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BODY_SIZE_MAX 65536
#define FILES_MAX 64
#define FILE_NAME_SIZE 128

/* A copy of `object` with the member at a dotted path set to `value` (adopted; NULL = left out). */
static inline struct json *json_with_take(const struct json *object, const char *path,
                                          struct json *value)
{
    char name[64];
    size_t length = strcspn(path, ".");
    bool last = path[length] == '\0';
    assert_true(text_copy_bytes(name, sizeof(name), path, length));
    struct json *copy = json_new_object();
    void *cursor = NULL;
    const char *member;
    const struct json *old;
    while (json_kind_of(object) == JSON_IS_OBJECT &&
           json_next_member(object, &cursor, &member, &old)) {
        if (strcmp(member, name) != 0)
            assert_true(json_set_take(copy, member, json_copy_deep(old)));
    }
    if (!last)
        value = json_with_take(json_member(object, name), path + length + 1, value);
    if (value)
        assert_true(json_set_take(copy, name, value));
    return copy;
}

/* `text` as JSON where it is JSON (8, true, a list), else as the text that it is; NULL for null. */
static inline struct json *json_of_value(const char *text)
{
    char list_text[1024];
    struct reason reason;
    assert_true(text_format(list_text, sizeof(list_text), "[%s]", text));
    struct json *list = json_parse(list_text, strlen(list_text), sizeof(list_text), &reason);
    if (!list || json_count(list) != 1) {
        json_free(list);
        return json_new_text(text);
    }
    const struct json *item = json_item(list, 0);
    struct json *value = json_kind_of(item) == JSON_IS_NULL ? NULL : json_copy_deep(item);
    json_free(list);
    return value;
}

/* A posted body as the gateway sees it: with the fields that the gateway sets. */
static inline enum verdict record_of_body(struct record *record, const struct json *body,
                                          struct reason *reason)
{
    struct json *with_id =
        json_with_take(body, "id", json_new_text("00000000-0000-4000-8000-000000000000"));
    struct json *whole =
        json_with_take(with_id, "accepted_at", json_new_whole(INT64_C(1772442900000)));
    enum verdict verdict = record_from_json(record, whole, reason);
    if (verdict == DONE)
        verdict = record_check(record, reason);
    json_free(with_id);
    json_free(whole);
    return verdict;
}

/* Names of the files of examples/ that start with `prefix`, sorted. */
static inline size_t example_files(const char *pathway, const char *prefix,
                                   char names[FILES_MAX][FILE_NAME_SIZE])
{
    char path[512];
    assert_true(
        text_format(path, sizeof(path), SOURCE_DIR "/schemas/pathways/%s/examples", pathway));
    struct dirent **entries;
    int found = scandir(path, &entries, NULL, alphasort);
    assert_true(found >= 0);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        if (strncmp(entries[i]->d_name, prefix, strlen(prefix)) == 0) {
            assert_true(count < FILES_MAX);
            assert_true(text_copy(names[count++], FILE_NAME_SIZE, entries[i]->d_name));
        }
        free(entries[i]);
    }
    free(entries);
    return count;
}

static inline struct json *example_body(const char *pathway, const char *file)
{
    char path[512];
    struct reason reason = {.detail = ""};
    assert_true(text_format(path, sizeof(path), SOURCE_DIR "/schemas/pathways/%s/examples/%s",
                            pathway, file));
    struct json *body = json_parse_file(path, BODY_SIZE_MAX, &reason);
    if (!body)
        fail_msg("%s: %s %s", path, reason.code, reason.detail);
    return body;
}

#endif
