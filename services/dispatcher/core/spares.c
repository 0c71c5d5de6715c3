/* SPDX-License-Identifier: Apache-2.0 */
/* With the address sanitizer nothing is spared, so that it can watch each room. */
#include "core/spares.h"

#include <stdlib.h>

#define EXPECTED_MOST 1024 /* of a room: as much as a usual record takes */

/* The next record comes soon, and is copied there. */
static void expect(const struct spare *spare)
{
    for (size_t at = 0; at < spare->size && at < EXPECTED_MOST; at += 64)
        __builtin_prefetch((const char *)spare->room + at, 1);
}

void *spares_take(struct spares *spares, size_t size)
{
    if (spares->count) {
        struct spare last = spares->list[--spares->count];
        if (spares->count)
            expect(&spares->list[spares->count - 1]);
        if (last.size >= size && last.size - size <= size / 8)
            return last.room;
        free(last.room);
    }
    return malloc(size ? size : 1);
}

#ifdef __SANITIZE_ADDRESS__

void spares_give_back(struct spares *spares, void *room, size_t size)
{
    (void)spares, (void)size;
    free(room);
}

#else

void spares_give_back(struct spares *spares, void *room, size_t size)
{
    if (room && size >= SPARE_LEAST && spares->count < SPARES_MAX)
        spares->list[spares->count++] = (struct spare){room, size};
    else
        free(room);
}

#endif

void spares_clear(struct spares *spares)
{
    while (spares->count)
        free(spares->list[--spares->count].room);
}
