// SPDX-License-Identifier: Apache-2.0
// Compared as JSON, field by field: what is printed is what a reader of the topic would see change.
#include "provider_change.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static struct json *plain_json(struct provider_topic *topic, const struct provider *provider)
{
    struct record *record =
        codec_blank(topic->codec, contract_message(topic->contract, "Provider"));
    return record && provider_to_record(provider, record) ? record_to_json(record) : NULL;
}

static bool same(const struct json *a, const struct json *b)
{
    char *first = a ? json_print(a, JSON_SORTED) : NULL;
    char *second = b ? json_print(b, JSON_SORTED) : NULL;
    bool equal = (!a && !b) || (first && second && strcmp(first, second) == 0);
    free(first);
    free(second);
    return equal;
}

static bool add_names(struct json *list, const struct json *one, const struct json *other,
                      bool only_missing)
{
    const char *name;
    const struct json *value;
    void *cursor = NULL;
    bool done = true;
    while (done && json_next_member(one, &cursor, &name, &value)) {
        const struct json *counterpart = json_member(other, name);
        if (only_missing ? !counterpart : !same(value, counterpart)) {
            done = json_array_add_take(list, json_new_text(name));
        }
    }
    return done;
}

static struct json *changed(struct provider_topic *topic, const struct provider *before,
                            const struct provider *after)
{
    struct json *list = json_new_array();
    struct json *old = plain_json(topic, before);
    struct json *new = plain_json(topic, after);
    bool done =
        list && old && new &&add_names(list, new, old, false) && add_names(list, old, new, true);
    json_free(old);
    json_free(new);
    if (!done) {
        json_free(list);
        return NULL;
    }
    return list;
}

bool provider_fields_changed(struct provider_topic *topic, const struct provider *before,
                             const struct provider *after, char *names, size_t size)
{
    struct json *list = changed(topic, before, after);
    size_t used = 0;
    names[0] = '\0';
    for (size_t index = 0; index < json_count(list) && used < size; index++) {
        (void)text_format(names + used, size - used, "%s%s", index ? ", " : "",
                          json_text(json_item(list, index)));
        used += strlen(names + used);
    }
    json_free(list);
    return list != NULL;
}

struct json *provider_change_json(struct provider_topic *topic, const char *what,
                                  const struct provider *before, const struct provider *after)
{
    const struct provider *named = after ? after : before;
    struct json *entry = json_new_object();
    bool done = entry && json_set_text(entry, "what", what) &&
                json_set_text(entry, "ods_code", named->ods_code) &&
                json_set_text(entry, "name", named->name);
    if (before && after) {
        done = json_set_take(entry, "fields", changed(topic, before, after)) && done;
    }
    if (!done) {
        json_free(entry);
        return NULL;
    }
    return entry;
}
