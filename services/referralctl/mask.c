// SPDX-License-Identifier: Apache-2.0
#include "mask.h"

#include "base/text.h"
#include "ids/uuid.h"
#include "lifecycle/event.h"

#include <string.h>

#define MASKED "masked"

enum mode { SHOW, MASK_ALL, MASK_FREE_TEXT, MASK_SOURCE };

// Of a Referral; a field that is not named here is masked wholly.
static const struct {
    const char *field;
    enum mode mode;
} REFERRAL_FIELDS[] = {
    {"id", SHOW},          {"correlation_id", SHOW},     {"pathway", SHOW},
    {"accepted_at", SHOW}, {"authored_at", SHOW},        {"body_digest", SHOW},
    {"traceparent", SHOW}, {"source", MASK_SOURCE},      {"consent", SHOW},
    {"urgency", SHOW},     {"nominated_provider", SHOW}, {"details", MASK_FREE_TEXT},
};

static const struct schema_node *through_union(const struct schema_node *node)
{
    while (node && node->kind == SCHEMA_UNION) {
        const struct schema_node *branch = NULL;
        for (size_t index = 0; index < node->children_count; index++) {
            if (node->children[index]->kind != SCHEMA_NULL) {
                branch = node->children[index];
            }
        }
        node = branch;
    }
    return node;
}

static const struct schema_node *field_of(const struct schema_node *record, const char *name)
{
    record = through_union(record);
    for (size_t index = 0; record && index < record->children_count; index++) {
        if (text_equal(record->children[index]->field_name, name)) {
            return record->children[index];
        }
    }
    return NULL;
}

// A text from a closed list tells a choice; any other may tell anything. The list of a nullable
// field may stand at the union.
static bool is_closed_list(const struct schema_node *node)
{
    const struct schema_node *inner = through_union(node);
    return (node && node->allowed_count > 0) ||
           (inner && (inner->kind == SCHEMA_ENUM || inner->allowed_count > 0));
}

static struct json *mask_value(const struct json *json, const struct schema_node *node,
                               enum mode mode);

static struct json *mask_object(const struct json *json, const struct schema_node *node,
                                enum mode mode)
{
    struct json *object = json_new_object();
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool done = object != NULL;
    while (done && json_next_member(json, &cursor, &name, &value)) {
        enum mode inner = mode;
        if (mode == MASK_SOURCE) {
            inner = text_equal(name, "ods_code") ? SHOW : MASK_FREE_TEXT;
        }
        done = json_set_take(object, name, mask_value(value, field_of(node, name), inner));
    }
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

static struct json *mask_array(const struct json *json, const struct schema_node *node,
                               enum mode mode)
{
    const struct schema_node *list = through_union(node);
    const struct schema_node *item = list && list->children_count > 0 ? list->children[0] : NULL;
    struct json *array = json_new_array();
    bool done = array != NULL;
    for (size_t index = 0; done && index < json_count(json); index++) {
        done = json_array_add_take(array, mask_value(json_item(json, index), item, mode));
    }
    if (!done) {
        json_free(array);
        return NULL;
    }
    return array;
}

static struct json *mask_value(const struct json *json, const struct schema_node *node,
                               enum mode mode)
{
    enum json_kind kind = json_kind_of(json);
    if (mode == SHOW || kind == JSON_IS_NULL) {
        return json_copy_deep(json);
    }
    if (kind == JSON_IS_OBJECT) {
        return mask_object(json, node, mode);
    }
    if (kind == JSON_IS_ARRAY) {
        return mask_array(json, node, mode);
    }
    bool free_text = kind == JSON_IS_TEXT && !is_closed_list(node);
    return mode == MASK_ALL || free_text ? json_new_text(MASKED) : json_copy_deep(json);
}

static enum mode mode_of(const char *record, const char *field)
{
    if (!text_equal(record, "Referral")) {
        return text_equal(field, "payload") ? MASK_ALL : SHOW;
    }
    for (size_t index = 0; index < sizeof REFERRAL_FIELDS / sizeof *REFERRAL_FIELDS; index++) {
        if (text_equal(REFERRAL_FIELDS[index].field, field)) {
            return REFERRAL_FIELDS[index].mode;
        }
    }
    return MASK_ALL;
}

struct json *mask_record(const struct json *json, const struct schema_node *node)
{
    const char *dot = strrchr(node->name, '.');
    const char *record = dot ? dot + 1 : node->name;
    struct json *object = json_new_object();
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool done = object != NULL;
    while (done && json_next_member(json, &cursor, &name, &value)) {
        done = json_set_take(object, name,
                             mask_value(value, field_of(node, name), mode_of(record, name)));
    }
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

const char *mask_key(const char *topic, const char *key)
{
    struct uuid uuid;
    bool anything = strncmp(topic, TOPIC_REFERRALS_PREFIX, strlen(TOPIC_REFERRALS_PREFIX)) == 0;
    return anything && key[0] != '\0' && !uuid_parse(key, &uuid) ? MASKED : key;
}
