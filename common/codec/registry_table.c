/* SPDX-License-Identifier: Apache-2.0 */
/* One lock over two small maps, held for a look at one of them: it is taken once for each record
 * read or written. A schema that was ever lent lives as long as the table, since a codec keeps
 * records of it. */
#include "codec/registry_table.h"

#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct owned {
    struct owned *next;
    struct schema *schema;
};

struct registry {
    pthread_mutex_t lock;
    struct map *by_id;
    struct map *written; /* fingerprint -> the id + 1 as a pointer */
    struct owned *owned;
    uint64_t generation;
    registry_look_up *look_up;
    void *context;
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    if (!registry)
        return NULL;
    pthread_mutex_init(&registry->lock, NULL);
    registry->by_id = map_new(REGISTRY_IDS_MAX);
    registry->written = map_new(REGISTRY_IDS_MAX);
    if (registry->by_id && registry->written)
        return registry;
    registry_free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    map_free(registry->by_id, NULL);
    map_free(registry->written, NULL);
    while (registry->owned) {
        struct owned *next = registry->owned->next;
        schema_free(registry->owned->schema);
        free(registry->owned);
        registry->owned = next;
    }
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

bool registry_add_take(struct registry *registry, int32_t id, struct schema *schema)
{
    struct owned *owned = id < 0 ? NULL : malloc(sizeof(*owned));
    pthread_mutex_lock(&registry->lock);
    bool done = owned && map_set(registry->by_id, &id, sizeof(id), schema, NULL);
    if (done) {
        *owned = (struct owned){.next = registry->owned, .schema = schema};
        registry->owned = owned;
        registry->generation++;
    }
    pthread_mutex_unlock(&registry->lock);
    if (!done) {
        free(owned);
        schema_free(schema);
    }
    return done;
}

const struct schema *registry_schema(struct registry *registry, int32_t id)
{
    pthread_mutex_lock(&registry->lock);
    const struct schema *schema = map_get(registry->by_id, &id, sizeof(id));
    pthread_mutex_unlock(&registry->lock);
    return schema;
}

bool registry_write_as(struct registry *registry, uint64_t fingerprint, int32_t id)
{
    bool done = true;
    pthread_mutex_lock(&registry->lock);
    if (id < 0)
        (void)map_remove(registry->written, &fingerprint, sizeof(fingerprint));
    else
        done = map_set(registry->written, &fingerprint, sizeof(fingerprint),
                       (void *)((uintptr_t)id + 1), NULL);
    pthread_mutex_unlock(&registry->lock);
    return done;
}

bool registry_id(struct registry *registry, uint64_t fingerprint, int32_t *ret_id)
{
    pthread_mutex_lock(&registry->lock);
    uintptr_t found = (uintptr_t)map_get(registry->written, &fingerprint, sizeof(fingerprint));
    pthread_mutex_unlock(&registry->lock);
    if (found != 0)
        *ret_id = (int32_t)(found - 1);
    return found != 0;
}

uint64_t registry_generation(struct registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    const uint64_t generation = registry->generation;
    pthread_mutex_unlock(&registry->lock);
    return generation;
}

bool registry_next(struct registry *registry, size_t *cursor, int32_t *ret_id,
                   const struct schema **ret_schema)
{
    const void *key = NULL;
    size_t length = 0;
    void *schema = NULL;
    pthread_mutex_lock(&registry->lock);
    bool found = map_next(registry->by_id, cursor, &key, &length, &schema);
    if (found) {
        memcpy(ret_id, key, sizeof(*ret_id));
        *ret_schema = schema;
    }
    pthread_mutex_unlock(&registry->lock);
    return found;
}

void registry_on_miss(struct registry *registry, registry_look_up *look_up, void *context)
{
    registry->look_up = look_up;
    registry->context = context;
}

enum verdict registry_find(struct registry *registry, int32_t id, const struct schema **ret_schema,
                           struct reason *reason)
{
    *ret_schema = registry_schema(registry, id);
    if (!*ret_schema && registry->look_up) {
        enum verdict verdict = registry->look_up(registry->context, registry, id, reason);
        if (verdict != DONE)
            return verdict;
        *ret_schema = registry_schema(registry, id);
    }
    if (*ret_schema)
        return DONE;
    reason_set(reason, "unknown-schema-id", NULL, "schema id %d is not known", id);
    return REFUSED;
}
