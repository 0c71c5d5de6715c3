/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/cache.h"

#include "base/json.h"
#include "base/text.h"
#include "registry/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define PATH_SIZE 1024

static bool load_line(const char *line, size_t length, struct registry *registry)
{
    struct json *json = json_parse(line, length, REGISTRY_ANSWER_MAX, NULL);
    int64_t id = json_member_whole(json, "id", -1);
    const char *text = json_member_text(json, "schema");
    struct schema *schema =
        text && id >= 0 && id <= INT32_MAX ? schema_parse(text, strlen(text), NULL) : NULL;
    json_free(json);
    return schema && registry_add_take(registry, (int32_t)id, schema);
}

size_t registry_cache_load(const char *path, struct registry *registry)
{
    size_t count = 0;
    char *text = text_read_file(path, CACHE_SIZE_MAX, NULL);
    for (const char *at = text; at && *at;) {
        size_t length = strcspn(at, "\n");
        count += load_line(at, length, registry);
        at += length + (at[length] == '\n');
    }
    free(text);
    return count;
}

static bool save_line(FILE *file, int32_t id, const struct schema *schema)
{
    struct json *json = json_new_object();
    bool done =
        json_set_whole(json, "id", id) && json_set_text(json, "schema", schema_text(schema));
    char *text = done ? json_print(json, JSON_COMPACT) : NULL;
    json_free(json);
    done = text && fputs(text, file) >= 0 && fputc('\n', file) != EOF;
    free(text);
    return done;
}

enum verdict registry_cache_save(const char *path, struct registry *registry, struct reason *reason)
{
    char beside[PATH_SIZE];
    FILE *file = NULL;
    size_t cursor = 0;
    int32_t id;
    const struct schema *schema;
    bool done = text_format(beside, sizeof(beside), "%s.%ld", path, (long)getpid()) &&
                (file = fopen(beside, "we")) != NULL;
    while (done && registry_next(registry, &cursor, &id, &schema))
        done = save_line(file, id, schema);
    if (file && fclose(file) != 0)
        done = false;
    if (done && rename(beside, path) == 0)
        return DONE;
    reason_set(reason, "unwritable-file", path, "%s",
               errno ? strerror(errno) : "the name is too long");
    if (file)
        (void)unlink(beside);
    return REFUSED;
}
