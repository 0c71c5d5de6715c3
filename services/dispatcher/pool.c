/* SPDX-License-Identifier: Apache-2.0 */
/* With the address sanitizer each item is an allocation of its own, so that it can watch them. */
#include "pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_SIZE ((size_t)2 << 20)
#define LINE                                                                                       \
    64 /* of the cache: items start at one, and so does the first behind the chain's link */

void pool_init(struct pool *pool, size_t item_size)
{
    *pool = (struct pool){.item_size = (item_size + LINE - 1) / LINE * LINE};
}

void pool_clear(struct pool *pool)
{
    while (pool->chunks) {
        void *chunk = pool->chunks;
        memcpy(&pool->chunks, chunk, sizeof(void *));
        free(chunk);
    }
    pool_init(pool, pool->item_size);
}

#ifdef __SANITIZE_ADDRESS__

void *pool_take(struct pool *pool)
{
    return calloc(1, pool->item_size);
}

void pool_give_back(struct pool *pool, void *item)
{
    (void)pool;
    free(item);
}

#else

static bool grow(struct pool *pool)
{
    void *chunk = aligned_alloc(CHUNK_SIZE, CHUNK_SIZE);
    if (!chunk)
        return false;
    (void)madvise(chunk, CHUNK_SIZE, MADV_HUGEPAGE); /* without it, it is only slower */
    memcpy(chunk, &pool->chunks, sizeof(void *));
    pool->chunks = chunk;
    pool->unused = (CHUNK_SIZE - LINE) / pool->item_size;
    return true;
}

void *pool_take(struct pool *pool)
{
    void *item = pool->free;
    if (item) {
        memcpy(&pool->free, item, sizeof(void *));
    } else {
        if (!pool->unused && !grow(pool))
            return NULL;
        item = (char *)pool->chunks + LINE + --pool->unused * pool->item_size;
    }
    memset(item, 0, pool->item_size);
    return item;
}

void pool_give_back(struct pool *pool, void *item)
{
    memcpy(item, &pool->free, sizeof(void *));
    pool->free = item;
}

#endif
