// SPDX-License-Identifier: Apache-2.0
// What differs between two pathway.json: by meaning, not by text, so that a new layout of the file
// is no change and a moved rule is not taken for two.
#include "pathways.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define WHAT_SIZE 96
#define NAMES_SIZE 16384

static bool same(const struct json *from, const struct json *to)
{
    if (!from || !to) {
        return from == to;
    }
    char *one = json_print(from, JSON_SORTED), *other = json_print(to, JSON_SORTED);
    bool equal = text_equal(one, other);
    free(one);
    free(other);
    return equal;
}

static bool add(struct json *list, const char *what, const struct json *from, const struct json *to,
                const char *change)
{
    struct json *item = json_new_object();
    bool done = json_set_text(item, "what", what) && json_set_text(item, "change", change) &&
                (!from || json_set_take(item, "from", json_copy_deep(from))) &&
                (!to || json_set_take(item, "to", json_copy_deep(to)));
    if (done) {
        return json_array_add_take(list, item);
    }
    json_free(item);
    return false;
}

static bool compare(struct json *list, const char *what, const struct json *from,
                    const struct json *to)
{
    if (same(from, to)) {
        return true;
    }
    return add(list, what, from, to, from && to ? "changed" : from ? "removed" : "added");
}

static const struct json *find_item(const struct json *items, const char *key, const char *name)
{
    for (size_t index = 0; index < json_count(items); index++) {
        if (text_equal(json_member_text(json_item(items, index), key), name)) {
            return json_item(items, index);
        }
    }
    return NULL;
}

// The names of those items that the other list has, too, in their order.
static void common_names(const struct json *items, const struct json *others, const char *key,
                         char names[NAMES_SIZE])
{
    size_t used = 0;
    names[0] = '\0';
    for (size_t index = 0; index < json_count(items) && used < NAMES_SIZE - 1; index++) {
        const char *name = json_member_text(json_item(items, index), key);
        if (find_item(others, key, name)) {
            text_format(names + used, NAMES_SIZE - used, "%s%s", used > 0 ? ", " : "", name);
            used += strlen(names + used);
        }
    }
}

static bool compare_order(struct json *list, const char *what, const char *key,
                          const struct json *from, const struct json *to)
{
    char *names = malloc((size_t)2 * NAMES_SIZE);
    if (!names) {
        return false;
    }
    common_names(from, to, key, names);
    common_names(to, from, key, names + NAMES_SIZE);
    bool done = true;
    if (strcmp(names, names + NAMES_SIZE) != 0) {
        struct json *before = json_new_text(names), *after = json_new_text(names + NAMES_SIZE);
        done = before && after && add(list, what, before, after, "reordered");
        json_free(before);
        json_free(after);
    }
    free(names);
    return done;
}

// Lists whose items have a name: rules by id, services by service; the order counts, too.
static bool compare_items(struct json *list, const char *noun, const char *key,
                          const struct json *from, const struct json *to)
{
    char what[WHAT_SIZE];
    bool done = true;
    for (size_t index = 0; done && index < json_count(from); index++) {
        const char *name = json_member_text(json_item(from, index), key);
        text_format(what, sizeof what, "%s %s", noun, name);
        done = compare(list, what, json_item(from, index), find_item(to, key, name));
    }
    for (size_t index = 0; done && index < json_count(to); index++) {
        const char *name = json_member_text(json_item(to, index), key);
        text_format(what, sizeof what, "%s %s", noun, name);
        done = find_item(from, key, name) || add(list, what, NULL, json_item(to, index), "added");
    }
    text_format(what, sizeof what, "order of %ss", noun);
    return done && compare_order(list, what, key, from, to);
}

static bool is_list_of_items(const char *name)
{
    return text_equal(name, "rules") || text_equal(name, "services");
}

bool pathway_changes(const struct json *from, const struct json *to, struct json *list)
{
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool done = true;
    while (done && json_next_member(from, &cursor, &name, &value)) {
        done = is_list_of_items(name) || compare(list, name, value, json_member(to, name));
    }
    cursor = NULL;
    while (done && json_next_member(to, &cursor, &name, &value)) {
        done = json_member(from, name) || add(list, name, NULL, value, "added");
    }
    return done &&
           compare_items(list, "service", "service", json_member(from, "services"),
                         json_member(to, "services")) &&
           compare_items(list, "rule", "id", json_member(from, "rules"), json_member(to, "rules"));
}
