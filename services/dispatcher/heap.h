/* SPDX-License-Identifier: Apache-2.0 */
/* A heap of items by time, earliest first; each item keeps its own position (a size_t member, 0 =
 * not in the heap), so that any item can be moved or taken out in O(log n). */
#ifndef DISPATCHER_HEAP_H
#define DISPATCHER_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    int64_t key;
    void *item;
};

struct heap {
    struct heap_entry *entries; /* from 1 on */
    size_t count;
    size_t capacity;
    size_t slot_offset;
};

/* `slot_offset`: offsetof the item's position member. Nothing is allocated yet. */
void heap_init(struct heap *heap, size_t slot_offset);
void heap_clear(struct heap *heap);
/* Room for `count` items, after which heap_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool heap_reserve(struct heap *heap, size_t count);
/* Adds the item, or moves it if it is in. The room must have been reserved. */
void heap_put(struct heap *heap, void *item, int64_t key);
/* Harmless if the item is not in. */
void heap_remove(struct heap *heap, void *item);
/* The earliest item (and its key), or NULL. */
void *heap_top(const struct heap *heap, int64_t *ret_key);
bool heap_holds(const struct heap *heap, const void *item);

#endif
