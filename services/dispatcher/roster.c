/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <stdlib.h>

#define CAPACITY_FIRST 8

void roster_clear(struct roster *roster)
{
    free(roster->numbers);
    *roster = (struct roster){0};
}

/* Of a job that was given back, too: what it said last is still there. */
__attribute__((no_sanitize("address"))) static bool
belongs(const struct roster_kind *kind, int32_t which, uint32_t place, const void *job)
{
    const char *at = job;
    return *(const int32_t *)(const void *)(at + kind->which_offset) == which &&
           *(const uint32_t *)(const void *)(at + kind->place_offset) == place;
}

static void set_place(const struct roster_kind *kind, void *job, uint32_t place)
{
    *(uint32_t *)(void *)((char *)job + kind->place_offset) = place;
}

/* Who has left makes room; if that is less than half, there is more of it. */
static bool make_room(struct roster *roster, const struct roster_kind *kind, int32_t which,
                      const struct pool *pool)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < roster->count; i++) {
        const uint32_t number = roster->numbers[i];
        void *job = pool_item(pool, number);
        if (!belongs(kind, which, i, job))
            continue;
        set_place(kind, job, count);
        roster->numbers[count++] = number;
    }
    roster->count = count;
    const uint32_t capacity = roster->capacity ? roster->capacity * 2 : CAPACITY_FIRST;
    if (count >= roster->capacity / 2 && capacity > roster->capacity) {
        uint32_t *numbers = realloc(roster->numbers, capacity * sizeof(*numbers));
        if (numbers) {
            roster->numbers = numbers;
            roster->capacity = capacity;
        }
    }
    return count < roster->capacity;
}

bool roster_add(struct roster *roster, const struct roster_kind *kind, int32_t which,
                const struct pool *pool, void *job)
{
    if (roster->count == roster->capacity && !make_room(roster, kind, which, pool))
        return false;
    *(int32_t *)(void *)((char *)job + kind->which_offset) = which;
    set_place(kind, job, roster->count);
    roster->numbers[roster->count++] =
        *(const uint32_t *)(const void *)((char *)job + kind->number_offset);
    return true;
}

void *roster_next(const struct roster *roster, const struct roster_kind *kind, int32_t which,
                  const struct pool *pool, uint32_t *cursor)
{
    while (*cursor < roster->count) {
        const uint32_t place = (*cursor)++;
        void *job = pool_item(pool, roster->numbers[place]);
        if (belongs(kind, which, place, job))
            return job;
    }
    return NULL;
}
