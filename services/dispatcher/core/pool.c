/* SPDX-License-Identifier: Apache-2.0 */
/* The address sanitizer is told which items are given out, so that it can watch them. */
#include "core/pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

#define AHEAD 8        /* items, when all are walked */
#define SMALL_CHUNKS 2 /* they take as much memory as is used of them, not all at once */
#define CHUNKS_MAX (((size_t)1 << 31) / POOL_LINES)

void pool_init(struct pool *pool, size_t item_size)
{
    *pool = (struct pool){.item_size = (item_size + POOL_LINE - 1) / POOL_LINE * POOL_LINE};
}

void pool_clear(struct pool *pool)
{
    for (size_t i = 0; i < pool->chunks_count; i++) {
        ASAN_UNPOISON_MEMORY_REGION(pool->chunks[i], POOL_CHUNK);
        free(pool->chunks[i]);
    }
    free(pool->chunks);
    pool_init(pool, pool->item_size);
}

static bool grow(struct pool *pool)
{
    char **chunks = realloc(pool->chunks, (pool->chunks_count + 1) * sizeof(*chunks));
    if (!chunks)
        return false;
    pool->chunks = chunks;
    char *chunk = pool->chunks_count < CHUNKS_MAX ? aligned_alloc(POOL_CHUNK, POOL_CHUNK) : NULL;
    if (!chunk)
        return false;
    if (pool->chunks_count >= SMALL_CHUNKS)
        (void)madvise(chunk, POOL_CHUNK, MADV_HUGEPAGE); /* without it, it is only slower */
    ASAN_POISON_MEMORY_REGION(chunk, POOL_CHUNK);
    pool->chunks[pool->chunks_count++] = chunk;
    return true;
}

/* Where an item fits whose number is this one, or greater. */
static uint32_t next_number(const struct pool *pool, uint32_t number)
{
    const uint32_t in_chunk = number % POOL_LINES;
    const bool fits = in_chunk + pool->item_size / POOL_LINE <= POOL_LINES;
    return fits ? number : number + (POOL_LINES - in_chunk);
}

/* What is free says which one follows in the chain, and its own number. */
struct free_item {
    void *next;
    uint32_t number;
};
_Static_assert(sizeof(struct free_item) <= POOL_OVERWRITTEN, "as pool_next says");

void *pool_take(struct pool *pool, uint32_t *ret_number)
{
    void *item = pool->free;
    if (item) {
        struct free_item free;
        ASAN_UNPOISON_MEMORY_REGION(item, pool->item_size);
        memcpy(&free, item, sizeof(free));
        pool->free = free.next;
        *ret_number = free.number;
    } else {
        const uint32_t number = next_number(pool, pool->end);
        if (number / POOL_LINES == pool->chunks_count && !grow(pool))
            return NULL;
        item = pool_item(pool, number);
        pool->end = number + (uint32_t)(pool->item_size / POOL_LINE);
        *ret_number = number;
        ASAN_UNPOISON_MEMORY_REGION(item, pool->item_size);
    }
    memset(item, 0, pool->item_size);
    return item;
}

void pool_give_back(struct pool *pool, void *item, uint32_t number)
{
    const struct free_item free = {pool->free, number};
    memcpy(item, &free, sizeof(free));
    pool->free = item;
    ASAN_POISON_MEMORY_REGION(item, pool->item_size);
}

void *pool_next(const struct pool *pool, uint32_t *cursor)
{
    const uint32_t number = next_number(pool, *cursor);
    if (number >= pool->end)
        return NULL;
    char *item = pool_item(pool, number);
    *cursor = number + (uint32_t)(pool->item_size / POOL_LINE);
    __builtin_prefetch(item + AHEAD * pool->item_size);
    return item;
}
