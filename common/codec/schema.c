/* SPDX-License-Identifier: Apache-2.0 */
/* A schema keeps its own JSON (defaults and docs are borrowed from it), the tree made from it, and
 * everything that is asked for often: text, canonical form, fingerprint, avro-c's schema. */
#include "codec/schema_tree.h"

#include "codec/value.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct schema {
    struct json *json;
    struct arena arena;
    struct schema_node *root;
    char *text;
    struct buffer canonical;
    uint64_t fingerprint;
    void *avro;
};

#define ARENA_BLOCK_SIZE (16 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void *arena_take(struct arena *arena, size_t size)
{
    size_t rounded =
        (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct arena_block *block = arena->blocks;
    if (!block || block->size - block->used < rounded) {
        size_t block_size = rounded > ARENA_BLOCK_SIZE ? rounded : ARENA_BLOCK_SIZE;
        block = calloc(1, sizeof(*block) + block_size);
        if (!block)
            return NULL;
        block->size = block_size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *taken = block->bytes + block->used;
    block->used += rounded;
    return taken;
}

char *arena_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_take(arena, size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

/* Names differ most in length, first and last letter; a multiplication mixes the three. */
static size_t hash_name(const char *name, size_t length)
{
    uint32_t first = (uint8_t)name[0];
    uint32_t last = (uint8_t)name[length - 1];
    uint32_t middle = (uint8_t)name[length / 2];
    return (((uint32_t)length << 24 | first << 16 | middle << 8 | last) * 0x9E3779B1u) >> 20;
}

bool schema_index_fields(struct arena *arena, struct schema_node *record)
{
    size_t slots = 4;
    while (slots < record->children_count * 4)
        slots *= 2;
    record->fields_by_hash = arena_take(arena, slots);
    if (!record->fields_by_hash)
        return false;
    record->fields_by_hash_mask = slots - 1;
    for (size_t i = 0; i < record->children_count; i++) {
        const struct schema_node *field = record->children[i];
        size_t at = hash_name(field->field_name, field->field_name_length);
        while (record->fields_by_hash[at & record->fields_by_hash_mask] != 0)
            at++;
        record->fields_by_hash[at & record->fields_by_hash_mask] = (uint8_t)(i + 1);
    }
    return true;
}

size_t schema_field(const struct schema_node *record, const char *name, size_t length)
{
    if (record->kind != SCHEMA_RECORD || length == 0)
        return SCHEMA_NO_FIELD;
    for (size_t at = hash_name(name, length);; at++) {
        size_t number = record->fields_by_hash[at & record->fields_by_hash_mask];
        if (number == 0)
            return SCHEMA_NO_FIELD;
        const struct schema_node *field = record->children[number - 1];
        if (field->field_name_length == length && memcmp(field->field_name, name, length) == 0)
            return number - 1;
    }
}

/* Everything that follows from the tree. */
static bool complete(struct schema *schema, struct reason *reason)
{
    buffer_init(&schema->canonical, SCHEMA_SIZE_MAX);
    canonical_append(&schema->canonical, schema->root);
    const char *canonical = schema->canonical.failed ? NULL : buffer_text(&schema->canonical);
    schema->text = json_print(schema->json, JSON_COMPACT);
    if (!canonical || !schema->text) {
        reason_set(reason, "bad-schema", NULL, "too large, or out of memory");
        return false;
    }
    schema->fingerprint = canonical_fingerprint(canonical);
    schema->avro = value_schema_new(canonical, schema->canonical.length);
    if (!schema->avro)
        reason_set(reason, "bad-schema", NULL, "avro-c does not take it");
    return schema->avro != NULL;
}

static struct schema *from_json_take(struct json *json, struct reason *reason)
{
    struct schema *schema = calloc(1, sizeof(*schema));
    if (!schema || !json) {
        json_free(json);
        free(schema);
        reason_set(reason, "bad-schema", NULL, "out of memory");
        return NULL;
    }
    schema->json = json;
    schema->root = schema_tree_new(&schema->arena, json, reason);
    if (!schema->root || !complete(schema, reason)) {
        schema_free(schema);
        return NULL;
    }
    return schema;
}

struct schema *schema_from_json(const struct json *json, struct reason *reason)
{
    return from_json_take(json_copy_deep(json), reason);
}

struct schema *schema_parse(const char *json, size_t length, struct reason *reason)
{
    struct json *parsed = json_parse(json, length, SCHEMA_SIZE_MAX, reason);
    return parsed ? from_json_take(parsed, reason) : NULL;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    value_schema_free(schema->avro);
    buffer_clear(&schema->canonical);
    free(schema->text);
    arena_free(&schema->arena);
    json_free(schema->json);
    free(schema);
}

const struct schema_node *schema_root(const struct schema *schema)
{
    return schema->root;
}

const char *schema_name(const struct schema *schema)
{
    return schema->root->name ? schema->root->name : "";
}

const char *schema_short_name(const struct schema *schema)
{
    const char *dot = strrchr(schema_name(schema), '.');
    return dot ? dot + 1 : schema_name(schema);
}

uint64_t schema_fingerprint(const struct schema *schema)
{
    return schema->fingerprint;
}

const char *schema_canonical(const struct schema *schema)
{
    return (const char *)schema->canonical.data;
}

const char *schema_text(const struct schema *schema)
{
    return schema->text;
}

void *schema_avro(const struct schema *schema)
{
    return schema->avro;
}
