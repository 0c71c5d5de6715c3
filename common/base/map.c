/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing; removal shifts the followers back, so there are no graves to
 * clean up. Keys of up to 16 bytes (a binary UUID) live in the slot itself: the router keeps
 * hundreds of thousands of them. The hash is not seeded by chance: iteration order, and with it a
 * simulation, is the same in every run. */
#include "base/map.h"

#include "base/large.h"

#include <stdlib.h>
#include <string.h>

#define KEY_INSIDE 16

struct slot {
    void *value;
    union {
        uint8_t inside[KEY_INSIDE];
        uint8_t *outside;
    } key;
    uint32_t length_1; /* the key's length and one; 0 = free */
    uint32_t hash;     /* upper half, to compare before the key */
};

static size_t length_of(const struct slot *slot)
{
    return slot->length_1 - 1;
}

struct map {
    struct slot *slots;
    size_t slots_count; /* 0 or a power of two */
    size_t count;
    size_t count_max;
};

uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xCBF29CE484222325) ^ seed;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * UINT64_C(0x100000001B3);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return hash ^ (hash >> 33);
}

/* Where a key belongs. Most are ids of 16 bytes, and each lookup waits for this. */
static uint64_t hash_key(const void *key, size_t length)
{
    uint64_t words[2] = {0, 0};
    if (length > KEY_INSIDE)
        return hash_bytes(key, length, 0);
    if (length > 0)
        memcpy(words, key, length);
    uint64_t hash = (words[0] ^ length) * UINT64_C(0x9E3779B97F4A7C15);
    hash = ((hash ^ (hash >> 32)) + words[1]) * UINT64_C(0xFF51AFD7ED558CCD);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return hash ^ (hash >> 33);
}

struct map *map_new(size_t count_max)
{
    struct map *map = calloc(1, sizeof(*map));
    if (map)
        map->count_max = count_max;
    return map;
}

static const uint8_t *slot_key(const struct slot *slot)
{
    return length_of(slot) <= KEY_INSIDE ? slot->key.inside : slot->key.outside;
}

static void slot_free_key(struct slot *slot)
{
    if (length_of(slot) > KEY_INSIDE)
        free(slot->key.outside);
}

void map_free(struct map *map, void (*free_value)(void *value))
{
    if (!map)
        return;
    for (size_t i = 0; i < map->slots_count; i++) {
        struct slot *slot = &map->slots[i];
        if (!slot->length_1)
            continue;
        slot_free_key(slot);
        if (free_value)
            free_value(slot->value);
    }
    free(map->slots);
    free(map);
}

size_t map_count(const struct map *map)
{
    return map->count;
}

/* The key's slot, or the free one where it belongs. There is always a free one. */
static size_t find(const struct map *map, const void *key, size_t length, uint64_t hash)
{
    size_t mask = map->slots_count - 1;
    size_t at = (size_t)hash & mask;
    for (;; at = (at + 1) & mask) {
        const struct slot *slot = &map->slots[at];
        if (!slot->length_1)
            return at;
        if (slot->hash == (uint32_t)(hash >> 32) && slot->length_1 == length + 1 &&
            (length == 0 || memcmp(slot_key(slot), key, length) == 0))
            return at;
    }
}

static bool enlarge(struct map *map)
{
    struct map larger = *map;
    larger.slots_count = map->slots_count == 0 ? 16 : map->slots_count * 2;
    larger.slots = large_zeroed(larger.slots_count * sizeof(struct slot));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < map->slots_count; i++) {
        const struct slot *slot = &map->slots[i];
        if (!slot->length_1)
            continue;
        const uint8_t *key = slot_key(slot);
        larger.slots[find(&larger, key, length_of(slot), hash_key(key, length_of(slot)))] = *slot;
    }
    free(map->slots);
    *map = larger;
    return true;
}

bool map_set(struct map *map, const void *key, size_t length, void *value, void **ret_old)
{
    uint64_t hash = hash_key(key, length);
    if (map->slots_count > 0) {
        struct slot *slot = &map->slots[find(map, key, length, hash)];
        if (slot->length_1) {
            if (ret_old)
                *ret_old = slot->value;
            slot->value = value;
            return true;
        }
    }
    if (map->count >= map->count_max || length >= UINT32_MAX)
        return false;
    uint8_t *copy = length > KEY_INSIDE ? malloc(length) : NULL;
    if (length > KEY_INSIDE && !copy)
        return false;
    if ((map->count + 1) * 4 > map->slots_count * 3 && !enlarge(map)) {
        free(copy);
        return false;
    }
    struct slot *slot = &map->slots[find(map, key, length, hash)];
    *slot = (struct slot){
        .value = value, .length_1 = (uint32_t)length + 1, .hash = (uint32_t)(hash >> 32)};
    if (copy)
        slot->key.outside = copy;
    if (length > 0)
        memcpy(copy ? copy : slot->key.inside, key, length);
    map->count++;
    if (ret_old)
        *ret_old = NULL;
    return true;
}

void *map_get(const struct map *map, const void *key, size_t length)
{
    if (map->count == 0)
        return NULL;
    const struct slot *slot = &map->slots[find(map, key, length, hash_key(key, length))];
    return slot->length_1 ? slot->value : NULL;
}

void *map_remove(struct map *map, const void *key, size_t length)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->slots_count - 1;
    size_t hole = find(map, key, length, hash_key(key, length));
    if (!map->slots[hole].length_1)
        return NULL;
    void *value = map->slots[hole].value;
    slot_free_key(&map->slots[hole]);
    for (size_t at = (hole + 1) & mask; map->slots[at].length_1; at = (at + 1) & mask) {
        const struct slot *slot = &map->slots[at];
        size_t home = (size_t)hash_key(slot_key(slot), length_of(slot)) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* its home lies behind the hole */
        map->slots[hole] = *slot;
        hole = at;
    }
    map->slots[hole].length_1 = 0;
    map->count--;
    return value;
}

bool map_next(const struct map *map, size_t *cursor, const void **ret_key, size_t *ret_length,
              void **ret_value)
{
    while (*cursor < map->slots_count) {
        const struct slot *slot = &map->slots[(*cursor)++];
        if (!slot->length_1)
            continue;
        if (ret_key)
            *ret_key = slot_key(slot);
        if (ret_length)
            *ret_length = length_of(slot);
        if (ret_value)
            *ret_value = slot->value;
        return true;
    }
    return false;
}
