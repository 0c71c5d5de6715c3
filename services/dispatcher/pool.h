/* SPDX-License-Identifier: Apache-2.0 */
/* Items of one size out of large pieces of memory: a million of them lie close together, on huge
 * pages where the system has them, so that touching one at random costs no walk of page tables.
 * What is freed is used again, not given back. */
#ifndef DISPATCHER_POOL_H
#define DISPATCHER_POOL_H

#include <stddef.h>

struct pool {
    size_t item_size;
    void *free;    /* chain of items */
    void *chunks;  /* chain */
    size_t unused; /* items at the end of the first chunk that were never given out */
};

void pool_init(struct pool *pool, size_t item_size);
/* All items with it. */
void pool_clear(struct pool *pool);
/* Zeroed; NULL without memory. */
void *pool_take(struct pool *pool);
void pool_give_back(struct pool *pool, void *item);

#endif
