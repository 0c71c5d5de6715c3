/* SPDX-License-Identifier: Apache-2.0 */
/* Items of one size out of large pieces of memory: a million of them lie close together, on huge
 * pages where the system has them, so that touching one at random costs no walk of page tables.
 * What is freed is used again, not given back. Each item has a number, which is shorter than its
 * address and the same in every run. */
#ifndef DISPATCHER_POOL_H
#define DISPATCHER_POOL_H

#include <stddef.h>
#include <stdint.h>

#define POOL_CHUNK ((size_t)2 << 20)
#define POOL_LINE 64        /* of the cache: items start at one */
#define POOL_OVERWRITTEN 16 /* the first bytes of what was given back */
#define POOL_LINES ((uint32_t)(POOL_CHUNK / POOL_LINE))

struct pool {
    size_t item_size;
    void *free;    /* chain of items */
    char **chunks; /* in the order of their numbers */
    size_t chunks_count;
    uint32_t end; /* the number after the last that was given out */
};

void pool_init(struct pool *pool, size_t item_size);
/* All items with it. */
void pool_clear(struct pool *pool);
/* Zeroed, and its number, which is below 2^31; NULL without memory. */
void *pool_take(struct pool *pool, uint32_t *ret_number);
void pool_give_back(struct pool *pool, void *item, uint32_t number);
/* Walks all that were ever given out, in the order of their numbers: start with *cursor = 0, or
 * with a number; it moves on to the next one's. NULL at the end. What was given back comes, too,
 * with its bytes as they were, but the first POOL_OVERWRITTEN: it is for the caller to tell, unseen
 * by the sanitizer. */
void *pool_next(const struct pool *pool, uint32_t *cursor);
static inline void *pool_item(const struct pool *pool, uint32_t number)
{
    return pool->chunks[number / POOL_LINES] + number % POOL_LINES * POOL_LINE;
}

#endif
