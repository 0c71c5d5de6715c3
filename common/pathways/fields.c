/* SPDX-License-Identifier: Apache-2.0 */
/* The fields that rules name, checked against the pathway's own schema at load: a rule about a
 * field or a value that no referral can have would never match, which a reader would not notice
 * until a patient did. */
#include "pathways/internal.h"

#include "base/text.h"
#include "codec/place.h"
#include "ids/formats.h"

#include <string.h>

static const struct {
    const char *path;
    enum field_kind kind;
} derived[] = {
    {"age_years", FIELD_AGE},
    {"service", FIELD_SERVICE},
    {"day", FIELD_DAY},
};

/* The node of a dotted path through records, or NULL. */
static const struct schema_node *find_node(const struct schema_node *root, const char *path)
{
    const struct schema_node *node = root;
    while (node && node->kind == SCHEMA_RECORD) {
        size_t length = strcspn(path, ".");
        const struct schema_node *child = NULL;
        for (size_t i = 0; i < node->children_count && !child; i++) {
            const char *name = node->children[i]->field_name;
            if (name && strlen(name) == length && memcmp(name, path, length) == 0)
                child = node->children[i]->branch;
        }
        if (!child || path[length] == '\0')
            return child;
        node = child;
        path += length + 1;
    }
    return NULL;
}

static bool is_text(const struct schema_node *node)
{
    return node->kind == SCHEMA_STRING || node->kind == SCHEMA_ENUM;
}

static bool kind_of_node(const struct schema_node *node, enum field_kind *ret_kind)
{
    switch (node->kind) {
    case SCHEMA_STRING:
        *ret_kind =
            node->format && node->format == value_format_find("date") ? FIELD_DATE : FIELD_TEXT;
        return true;
    case SCHEMA_ENUM:
        *ret_kind = FIELD_TEXT;
        return true;
    case SCHEMA_BOOLEAN:
        *ret_kind = FIELD_BOOLEAN;
        return true;
    case SCHEMA_INT:
    case SCHEMA_LONG:
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
        *ret_kind = FIELD_NUMBER;
        return true;
    case SCHEMA_ARRAY:
        *ret_kind = is_text(node->children[0]->branch) ? FIELD_TEXTS : FIELD_LIST;
        return true;
    case SCHEMA_RECORD:
        *ret_kind = FIELD_RECORD;
        return true;
    default: /* bytes, fixed, maps: nothing to judge by */
        return false;
    }
}

bool compile_field(struct compiler *compiler, const struct place *place, const struct json *json,
                   uint16_t *ret_field)
{
    struct pathway *pathway = compiler->pathway;
    const char *path = json_text(json);
    if (!path || strlen(path) > FIELD_PATH_LENGTH_MAX)
        return compile_error(compiler, place, json, "the path of a field, at most %d bytes",
                             FIELD_PATH_LENGTH_MAX);
    for (size_t i = 0; i < pathway->fields_count; i++) {
        if (strcmp(pathway->fields[i].path, path) == 0) {
            if (i == FIELD_SERVICE_NAME && !compiler->services_known)
                return compile_error(compiler, place, json,
                                     "a field of the referral: the service is not chosen yet");
            *ret_field = (uint16_t)i;
            return true;
        }
    }
    struct field field = {.path = path};
    bool found = false;
    for (size_t i = 0; i < sizeof(derived) / sizeof(derived[0]) && !found; i++) {
        found = strcmp(derived[i].path, path) == 0;
        field.kind = derived[i].kind;
    }
    if (!found) {
        field.node = find_node(compiler->root, path);
        if (!field.node || !kind_of_node(field.node, &field.kind))
            return compile_error(compiler, place, json,
                                 "a field of the envelope or of referral.avsc, or age_years, "
                                 "service, day");
    }
    if (pathway->fields_count == PATHWAY_FIELDS_MAX)
        return compile_error(compiler, place, json, "at most %d different fields in one pathway",
                             PATHWAY_FIELDS_MAX);
    *ret_field = (uint16_t)pathway->fields_count;
    pathway->fields[pathway->fields_count++] = field;
    return true;
}

/* True if the schema lets the field have the text; the list of what it may have goes to `list`. */
static bool value_possible(const struct compiler *compiler, const struct field *field,
                           const char *text, char list[REASON_DETAIL_MAX])
{
    const struct schema_node *node = field->node;
    if (field->kind == FIELD_TEXTS)
        node = node->children[0]->branch;
    char *const *names = NULL;
    size_t count = 0;
    if (node) {
        names = node->kind == SCHEMA_ENUM ? node->symbols : node->allowed;
        count = node->kind == SCHEMA_ENUM ? node->symbols_count : node->allowed_count;
        if (count == 0) /* a free text */
            return true;
    } else {
        count = compiler->pathway->services_count;
    }
    list[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *name = names ? names[i] : compiler->pathway->services[i].name;
        if (strcmp(name, text) == 0)
            return true;
        size_t used = strlen(list);
        text_format(list + used, REASON_DETAIL_MAX - used, "%s%s", i ? ", " : "", name);
    }
    return false;
}

bool compile_constant(struct compiler *compiler, const struct place *place, uint16_t field,
                      const struct json *json, uint64_t *ret_bit)
{
    struct field *slot = &compiler->pathway->fields[field];
    const char *text = json_text(json);
    if (!text)
        return compile_error(compiler, place, json, "a text, as %s is", slot->path);
    char list[REASON_DETAIL_MAX];
    if (!value_possible(compiler, slot, text, list))
        return compile_error(compiler, place, json, "a value that %s can have: %s", slot->path,
                             list);
    size_t at = 0;
    while (at < slot->constants_count && strcmp(slot->constants[at], text) != 0)
        at++;
    if (at == CONSTANTS_MAX)
        return compile_error(compiler, place, json, "at most %d different values of %s in rules",
                             CONSTANTS_MAX, slot->path);
    if (at == slot->constants_count)
        slot->constants[slot->constants_count++] = text;
    *ret_bit = UINT64_C(1) << at;
    return true;
}
