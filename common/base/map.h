/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from short byte keys (copied) to pointers (borrowed), bounded when it is made. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map;

struct map *map_new(size_t count_max);
/* `free_value` may be NULL. */
void map_free(struct map *map, void (*free_value)(void *value));
size_t map_count(const struct map *map);
/* False when full or out of memory; an existing key's value is replaced, and the old one returned
 * in *ret_old (may be NULL, then the old value is forgotten). */
__attribute__((warn_unused_result)) bool map_set(struct map *map, const void *key, size_t length,
                                                 void *value, void **ret_old);
void *map_get(const struct map *map, const void *key, size_t length);
/* The removed value, or NULL. */
void *map_remove(struct map *map, const void *key, size_t length);
/* Walks all entries in no set order: start with *cursor = 0. Nothing may be added or removed
 * meanwhile. */
bool map_next(const struct map *map, size_t *cursor, const void **ret_key, size_t *ret_length,
              void **ret_value);

/* FNV-1a folded with a final mix: stable over processes and releases (used for ties in routing). */
uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);

#endif
