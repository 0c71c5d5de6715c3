/* SPDX-License-Identifier: Apache-2.0 */
/* A heap of items by time, earliest first; each item keeps its own position (a uint32_t member, 0
 * = not in the heap), so that any item can be moved or taken out in O(log n). */
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
    uint32_t count;
    uint32_t capacity;
    size_t slot_offset;
};

/* `slot_offset`: offsetof the item's position member. Nothing is allocated yet. HEAP_UNTOLD: the
 * items keep no position and are not touched; then heap_put only adds, and items leave by
 * heap_take. */
#define HEAP_UNTOLD SIZE_MAX
void heap_init(struct heap *heap, size_t slot_offset);
void heap_clear(struct heap *heap);
/* Room for `count` items, after which heap_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool heap_reserve(struct heap *heap, size_t count);
/* Adds the item, or moves it if it is in. The room must have been reserved. */
void heap_put(struct heap *heap, void *item, int64_t key);
/* Harmless if the item is not in. */
void heap_remove(struct heap *heap, void *item);
/* Takes out the entry at this position, from 1 on; another may be there then. */
void heap_take(struct heap *heap, size_t position);
/* The earliest item (and its key), or NULL. */
void *heap_top(const struct heap *heap, int64_t *ret_key);
/* One will be put in soon: where it may go to comes from main memory meanwhile. */
void heap_expect_put(const struct heap *heap);
bool heap_holds(const struct heap *heap, const void *item);

#endif
