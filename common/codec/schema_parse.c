/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to tree. Named types are kept in the order in which they are met; a type whose definition
 * has not ended yet can't be named, which is what makes recursion impossible. Weight and depth are
 * counted with every reference spelt out, so that ten lines of nested references can't describe a
 * value of a billion fields. Who wants to know all faults gets the first of each field: what
 * follows from it is not told. */
#include "codec/schema_tree.h"

#include "base/text.h"
#include "ids/formats.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 255
#define NAMED_MAX 256
#define FIELDS_MAX 250 /* a field's number + 1 fits a byte */
#define FIXED_MAX 1024

struct named {
    char *name;
    struct schema_node *node;
    bool open;   /* its definition has not ended */
    bool broken; /* it has a fault, which has been told */
};

struct parse {
    struct arena *arena;
    struct reason *reason;
    schema_tell
        *tell; /* NULL: the first fault ends it; else each is told, and the next field read */
    void *context;
    struct named named[NAMED_MAX];
    size_t named_count;
};

static const struct {
    const char *name;
    enum schema_kind kind;
} type_names[] = {
    {"null", SCHEMA_NULL},     {"boolean", SCHEMA_BOOLEAN}, {"int", SCHEMA_INT},
    {"long", SCHEMA_LONG},     {"float", SCHEMA_FLOAT},     {"double", SCHEMA_DOUBLE},
    {"bytes", SCHEMA_BYTES},   {"string", SCHEMA_STRING},   {"fixed", SCHEMA_FIXED},
    {"enum", SCHEMA_ENUM},     {"array", SCHEMA_ARRAY},     {"map", SCHEMA_MAP},
    {"record", SCHEMA_RECORD},
};

static struct schema_node *parse_type(struct parse *parse, const struct json *json,
                                      const char *namespace, const struct place *place);

__attribute__((format(printf, 3, 4))) static void *
fail(struct parse *parse, const struct place *place, const char *format, ...)
{
    char pointer[REASON_POINTER_MAX];
    char detail[REASON_DETAIL_MAX];
    place_pointer(place, pointer);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    reason_set(parse->reason, "bad-schema", pointer, "%s", detail);
    if (parse->tell)
        parse->tell(parse->context, parse->reason);
    return NULL;
}

static bool read_attributes(struct parse *parse, const struct json *json, struct schema_node *node,
                            const struct place *place)
{
    if (schema_attributes_read(parse->arena, json, node, place, parse->reason))
        return true;
    if (parse->tell)
        parse->tell(parse->context, parse->reason);
    return false;
}

static struct schema_node *new_node(struct parse *parse, enum schema_kind kind)
{
    struct schema_node *node = arena_take(parse->arena, sizeof(*node));
    if (!node)
        return fail(parse, NULL, "out of memory");
    node->kind = kind;
    node->branch = node;
    return node;
}

/* Counts a node whose children are complete. */
static struct schema_node *close_node(struct parse *parse, struct schema_node *node,
                                      const struct place *place)
{
    node->weight = 1;
    node->depth = 1;
    for (size_t i = 0; i < node->children_count; i++) {
        node->weight += node->children[i]->weight;
        if (node->depth <= node->children[i]->depth)
            node->depth = node->children[i]->depth + 1;
    }
    if (node->weight > SCHEMA_NODES_MAX)
        return fail(parse, place, "expected at most %d nodes", SCHEMA_NODES_MAX);
    if (node->depth > SCHEMA_DEPTH_MAX)
        return fail(parse, place, "expected at most %d levels", SCHEMA_DEPTH_MAX);
    return node;
}

static bool take_children(struct parse *parse, struct schema_node *node, size_t count)
{
    node->children = arena_take(parse->arena, (count + 1) * sizeof(struct schema_node *));
    return node->children || fail(parse, NULL, "out of memory");
}

/* A letter or _, then letters, digits and _. */
static bool is_plain_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                      name[i] == '_';
        bool digit = name[i] >= '0' && name[i] <= '9';
        if (!letter && !(digit && i > 0))
            return false;
    }
    return length > 0 && length <= NAME_MAX_BYTES;
}

static bool is_dotted_name(const char *name)
{
    for (;;) {
        size_t length = strcspn(name, ".");
        if (!is_plain_name(name, length))
            return false;
        if (name[length] == '\0')
            return true;
        name += length + 1;
    }
}

/* A name as its full name. False if it is not well formed. */
static bool full_name(const char *name, const char *namespace, char full[NAME_MAX_BYTES + 1])
{
    bool joined = strchr(name, '.') || !namespace || !*namespace
                      ? text_copy(full, NAME_MAX_BYTES + 1, name)
                      : text_format(full, NAME_MAX_BYTES + 1, "%s.%s", namespace, name);
    return joined && is_dotted_name(full);
}

static struct named *find_named(struct parse *parse, const char *full)
{
    for (size_t i = 0; i < parse->named_count; i++)
        if (strcmp(parse->named[i].name, full) == 0)
            return &parse->named[i];
    return NULL;
}

static struct schema_node *parse_name(struct parse *parse, const char *name, const char *namespace,
                                      const struct place *place)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (type_names[i].kind <= SCHEMA_STRING && strcmp(name, type_names[i].name) == 0) {
            struct schema_node *node = new_node(parse, type_names[i].kind);
            return node ? close_node(parse, node, place) : NULL;
        }
    }
    char full[NAME_MAX_BYTES + 1];
    const struct named *named = full_name(name, namespace, full) ? find_named(parse, full) : NULL;
    if (!named)
        return fail(parse, place, "expected the name of a type that is known here");
    if (named->open)
        return fail(parse, place, "%s holds itself: expected no recursive type", full);
    if (named->broken)
        return NULL;
    struct schema_node *node = new_node(parse, named->node->kind);
    if (!node)
        return NULL;
    *node = *named->node;
    node->branch = node;
    node->reference = true;
    node->field_name = NULL; /* the definition may itself have been a field's */
    node->fallback = NULL;
    node->set_by = NULL;
    return node;
}

static struct schema_node *parse_union(struct parse *parse, const struct json *json,
                                       const char *namespace, const struct place *place)
{
    struct schema_node *node = new_node(parse, SCHEMA_UNION);
    size_t count = json_count(json);
    if (!node || !take_children(parse, node, count))
        return NULL;
    node->branch = NULL;
    for (size_t i = 0; i < count && i < 3; i++) {
        struct place here = {.up = place, .index = i};
        struct schema_node *branch = parse_type(parse, json_item(json, i), namespace, &here);
        if (!branch)
            return NULL;
        node->children[node->children_count++] = branch;
        if (branch->kind == SCHEMA_UNION)
            return fail(parse, &here, "expected no union directly inside a union");
        if (branch->kind == SCHEMA_NULL) {
            if (node->nullable)
                return fail(parse, &here, "expected null once in a union");
            node->nullable = true;
        } else {
            if (node->branch)
                return fail(parse, place, "expected a union of null and one other type");
            node->branch = branch;
            node->branch_index = (int)i;
        }
    }
    if (!node->branch)
        return fail(parse, place, "expected a union with a type other than null");
    return close_node(parse, node, place);
}

static struct schema_node *parse_items(struct parse *parse, struct schema_node *node,
                                       const struct json *json, const char *namespace,
                                       const struct place *place)
{
    const char *member = node->kind == SCHEMA_ARRAY ? "items" : "values";
    struct place here = {.up = place, .name = member};
    struct schema_node *item = parse_type(parse, json_member(json, member), namespace, &here);
    if (!item || !take_children(parse, node, 1))
        return NULL;
    if (item->kind == SCHEMA_NULL)
        return fail(parse, &here, "expected a list of something: null has no bytes");
    if (node->kind == SCHEMA_MAP && item->branch->kind == SCHEMA_MAP)
        return fail(parse, &here, "expected no map of maps");
    node->children[node->children_count++] = item;
    return close_node(parse, node, place);
}

static bool parse_field_extras(struct parse *parse, const struct json *json,
                               struct schema_node *field, const struct place *place)
{
    const char *doc = json_member_text(json, "doc");
    if (doc)
        field->doc = doc;
    field->set_by = json_member_text(json, "setBy");
    if (!read_attributes(parse, json, field, place))
        return false;
    field->fallback = json_member(json, "default");
    struct place here = {.up = place, .name = "default"};
    if (field->fallback && !schema_fallback_fits(field, field->fallback))
        return fail(parse, &here, "expected a default that fits the type") != NULL;
    return true;
}

static bool parse_field(struct parse *parse, struct schema_node *record, const struct json *json,
                        const char *namespace, const struct place *place)
{
    const char *name = json_member_text(json, "name");
    if (!name || !is_plain_name(name, strlen(name)))
        return fail(parse, place, "expected a field with a name of letters, digits and _") != NULL;
    struct place here = {.up = place, .name = "type"};
    struct schema_node *field = parse_type(parse, json_member(json, "type"), namespace, &here);
    if (!field)
        return false;
    for (size_t i = 0; i < record->children_count; i++)
        if (strcmp(record->children[i]->field_name, name) == 0)
            return fail(parse, place, "expected one field %s", name) != NULL;
    field->field_name = arena_text(parse->arena, name);
    field->field_name_length = strlen(name);
    if (!field->field_name)
        return fail(parse, place, "out of memory") != NULL;
    record->children[record->children_count++] = field;
    return parse_field_extras(parse, json, field, place);
}

static struct schema_node *parse_record(struct parse *parse, struct schema_node *node,
                                        const struct json *json, const char *namespace,
                                        const struct place *place)
{
    const struct json *fields = json_member(json, "fields");
    if (json_kind_of(fields) != JSON_IS_ARRAY || json_count(fields) > FIELDS_MAX)
        return fail(parse, place, "expected a record with a list of fields, at most %d",
                    FIELDS_MAX);
    if (!take_children(parse, node, json_count(fields)))
        return NULL;
    bool broken = false;
    struct place list = {.up = place, .name = "fields"};
    for (size_t i = 0; i < json_count(fields); i++) {
        struct place here = {.up = &list, .index = i};
        if (!parse_field(parse, node, json_item(fields, i), namespace, &here)) {
            if (!parse->tell)
                return NULL;
            broken = true;
        }
    }
    if (broken)
        return NULL;
    if (!schema_index_fields(parse->arena, node))
        return fail(parse, place, "out of memory");
    return close_node(parse, node, place);
}

static struct schema_node *parse_enum(struct parse *parse, struct schema_node *node,
                                      const struct json *json, const struct place *place)
{
    const struct json *symbols = json_member(json, "symbols");
    size_t count = json_kind_of(symbols) == JSON_IS_ARRAY ? json_count(symbols) : 0;
    node->symbols = count > 0 ? arena_take(parse->arena, count * sizeof(char *)) : NULL;
    if (!node->symbols)
        return fail(parse, place, "expected an enum with a list of symbols");
    for (size_t i = 0; i < count; i++) {
        const char *symbol = json_text(json_item(symbols, i));
        if (!symbol || !is_plain_name(symbol, strlen(symbol)))
            return fail(parse, place, "expected symbols of letters, digits and _");
        for (size_t k = 0; k < i; k++)
            if (strcmp(node->symbols[k], symbol) == 0)
                return fail(parse, place, "expected the symbol %s once", symbol);
        node->symbols[i] = arena_text(parse->arena, symbol);
        if (!node->symbols[i])
            return fail(parse, place, "out of memory");
        node->symbols_count++;
    }
    return close_node(parse, node, place);
}

static struct schema_node *parse_fixed(struct parse *parse, struct schema_node *node,
                                       const struct json *json, const struct place *place)
{
    int64_t size = json_member_whole(json, "size", 0);
    if (size < 1 || size > FIXED_MAX)
        return fail(parse, place, "expected a fixed with a size from 1 to %d", FIXED_MAX);
    node->fixed_size = (size_t)size;
    return close_node(parse, node, place);
}

static struct schema_node *parse_named(struct parse *parse, enum schema_kind kind,
                                       const struct json *json, const char *namespace,
                                       const struct place *place)
{
    const char *own = json_member_text(json, "namespace");
    const char *name = json_member_text(json, "name");
    char full[NAME_MAX_BYTES + 1];
    if (!name || !full_name(name, own ? own : namespace, full))
        return fail(parse, place, "expected a type with a name of letters, digits and _");
    if (find_named(parse, full) || parse->named_count == NAMED_MAX)
        return fail(parse, place, "expected one type %s, and at most %d", full, NAMED_MAX);
    struct schema_node *node = new_node(parse, kind);
    if (!node)
        return NULL;
    node->name = arena_text(parse->arena, full);
    if (!node->name)
        return fail(parse, place, "out of memory");
    size_t number = parse->named_count++;
    parse->named[number] = (struct named){.name = node->name, .node = node, .open = true};
    node->doc = json_member_text(json, "doc");
    char *dot = strrchr(full, '.');
    if (dot)
        *dot = '\0';
    const char *inner = dot ? full : "";
    struct schema_node *done = kind == SCHEMA_RECORD ? parse_record(parse, node, json, inner, place)
                               : kind == SCHEMA_ENUM ? parse_enum(parse, node, json, place)
                                                     : parse_fixed(parse, node, json, place);
    parse->named[number].open = false;
    parse->named[number].broken = !done;
    return done;
}

static struct schema_node *parse_object(struct parse *parse, const struct json *json,
                                        const char *namespace, const struct place *place)
{
    const char *type = json_member_text(json, "type");
    if (!type)
        return fail(parse, place, "expected a type with a member \"type\" that is a text");
    enum schema_kind kind = SCHEMA_NULL;
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
        if (strcmp(type, type_names[i].name) == 0)
            kind = type_names[i].kind;
    struct schema_node *node;
    if (kind == SCHEMA_RECORD || kind == SCHEMA_ENUM || kind == SCHEMA_FIXED) {
        node = parse_named(parse, kind, json, namespace, place);
    } else if (kind == SCHEMA_ARRAY || kind == SCHEMA_MAP) {
        node = new_node(parse, kind);
        node = node ? parse_items(parse, node, json, namespace, place) : NULL;
    } else {
        node = parse_name(parse, type, namespace, place);
    }
    if (!node || !read_attributes(parse, json, node, place))
        return NULL;
    return node;
}

static struct schema_node *parse_type(struct parse *parse, const struct json *json,
                                      const char *namespace, const struct place *place)
{
    switch (json_kind_of(json)) {
    case JSON_IS_TEXT:
        return parse_name(parse, json_text(json), namespace, place);
    case JSON_IS_ARRAY:
        return parse_union(parse, json, namespace, place);
    case JSON_IS_OBJECT:
        return parse_object(parse, json, namespace, place);
    default:
        return fail(parse, place, "expected a type: its name, an object or a list");
    }
}

/* Attributes may arrive after the node (a field's), so what has to be looked at is marked at the
 * end. */
static void mark(struct schema_node *node)
{
    node->limited = node->format || node->length_max > 0 || node->has_minimum ||
                    node->has_maximum || node->allowed_count > 0 || node->kind == SCHEMA_FLOAT ||
                    node->kind == SCHEMA_DOUBLE;
    node->canonical = node->format && node->format->canonical;
    for (size_t i = 0; i < node->children_count; i++) {
        mark(node->children[i]);
        node->limited |= node->children[i]->limited;
        node->canonical |= node->children[i]->canonical;
    }
}

struct schema_node *schema_tree_new(struct arena *arena, const struct json *json,
                                    struct reason *reason)
{
    struct parse parse = {.arena = arena, .reason = reason};
    struct schema_node *root = parse_type(&parse, json, "", NULL);
    if (root)
        mark(root);
    return root;
}

void schema_faults(const struct json *json, schema_tell *tell, void *context)
{
    struct arena arena = {0};
    struct reason reason = {0};
    struct parse parse = {.arena = &arena, .reason = &reason, .tell = tell, .context = context};
    (void)parse_type(&parse, json, "", NULL);
    arena_free(&arena);
}
