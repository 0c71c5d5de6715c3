/* SPDX-License-Identifier: Apache-2.0 */
/* The key stands beside the pointer, so that sifting touches one array only; the item is written to
 * when it moves. */
#include "core/heap.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t *slot_of(const struct heap *heap, void *item)
{
    return (uint32_t *)(void *)((char *)item + heap->slot_offset);
}

static void place(struct heap *heap, size_t position, struct heap_entry entry)
{
    heap->entries[position] = entry;
    if (heap->slot_offset != HEAP_UNTOLD)
        *slot_of(heap, entry.item) = (uint32_t)position;
}

/* Four children each: half as many levels as with two, and the four keys lie side by side. */
static size_t parent_of(size_t position)
{
    return (position + 2) / 4;
}

static void sift(struct heap *heap, size_t position, struct heap_entry entry)
{
    while (position > 1 && entry.key < heap->entries[parent_of(position)].key) {
        place(heap, position, heap->entries[parent_of(position)]);
        position = parent_of(position);
    }
    for (;;) {
        size_t child = position * 4 - 2;
        if (child > heap->count)
            break;
        for (size_t other = child + 1; other <= heap->count && other <= position * 4 + 1; other++)
            if (heap->entries[other].key < heap->entries[child].key)
                child = other;
        if (entry.key <= heap->entries[child].key)
            break;
        place(heap, position, heap->entries[child]);
        position = child;
    }
    place(heap, position, entry);
}

void heap_init(struct heap *heap, size_t slot_offset)
{
    *heap = (struct heap){.slot_offset = slot_offset};
}

void heap_clear(struct heap *heap)
{
    free(heap->entries);
    heap_init(heap, heap->slot_offset);
}

bool heap_reserve(struct heap *heap, size_t count)
{
    if (count <= heap->capacity)
        return true;
    if (count > UINT32_MAX / 2)
        return false;
    size_t capacity = heap->capacity ? heap->capacity : 8;
    while (capacity < count)
        capacity *= 2;
    struct heap_entry *entries = realloc(heap->entries, (capacity + 1) * sizeof(*entries));
    if (!entries)
        return false;
    heap->entries = entries;
    heap->capacity = (uint32_t)capacity;
    return true;
}

void heap_put(struct heap *heap, void *item, int64_t key)
{
    size_t position = heap->slot_offset != HEAP_UNTOLD ? *slot_of(heap, item) : 0;
    if (!position) {
        assert(heap->count < heap->capacity);
        position = ++heap->count;
    }
    sift(heap, position, (struct heap_entry){key, item});
}

void heap_remove(struct heap *heap, void *item)
{
    size_t position = *slot_of(heap, item);
    if (!position)
        return;
    *slot_of(heap, item) = 0;
    heap_take(heap, position);
}

void heap_take(struct heap *heap, size_t position)
{
    struct heap_entry last = heap->entries[heap->count--];
    if (position <= heap->count)
        sift(heap, position, last);
}

void *heap_top(const struct heap *heap, int64_t *ret_key)
{
    if (!heap->count)
        return NULL;
    if (ret_key)
        *ret_key = heap->entries[1].key;
    return heap->entries[1].item;
}

void heap_expect_put(const struct heap *heap)
{
    const size_t position = heap->count + 1;
    if (!heap->capacity)
        return;
    __builtin_prefetch(&heap->entries[position], 1);
    __builtin_prefetch(&heap->entries[parent_of(position)], 1);
}

bool heap_holds(const struct heap *heap, const void *item)
{
    const uint32_t *slot = (const uint32_t *)(const void *)((const char *)item + heap->slot_offset);
    return *slot != 0 && *slot <= heap->count && heap->entries[*slot].item == item;
}
