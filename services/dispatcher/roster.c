/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <stdlib.h>

#define CAPACITY_FIRST 8
#define FREE (UINT32_C(1) << 31) /* and the place, and one, that is free after it */

void roster_clear(struct roster *roster)
{
    free(roster->numbers);
    *roster = (struct roster){0};
}

static bool grow(struct roster *roster)
{
    const uint32_t capacity = roster->capacity ? roster->capacity * 2 : CAPACITY_FIRST;
    uint32_t *numbers =
        capacity < FREE ? realloc(roster->numbers, capacity * sizeof(*numbers)) : NULL;
    if (!numbers)
        return false;
    roster->numbers = numbers;
    roster->capacity = capacity;
    return true;
}

bool roster_add(struct roster *roster, uint32_t number, uint32_t *ret_place)
{
    uint32_t place = roster->count;
    if (roster->free) {
        place = roster->free - 1;
        roster->free = roster->numbers[place] & ~FREE;
    } else if (place < roster->capacity || grow(roster)) {
        roster->count++;
    } else {
        return false;
    }
    roster->numbers[place] = number;
    *ret_place = place;
    return true;
}

void roster_leave(struct roster *roster, uint32_t place)
{
    roster->numbers[place] = FREE | roster->free;
    roster->free = place + 1;
}

bool roster_next(const struct roster *roster, uint32_t *cursor, uint32_t *ret_number)
{
    while (*cursor < roster->count) {
        const uint32_t number = roster->numbers[(*cursor)++];
        if (number & FREE)
            continue;
        *ret_number = number;
        return true;
    }
    return false;
}

void roster_expect_add(const struct roster *roster)
{
    const uint32_t place = roster->free ? roster->free - 1 : roster->count;
    __builtin_prefetch(roster->numbers + place, 1);
}

void roster_expect_leave(const struct roster *roster, uint32_t place)
{
    __builtin_prefetch(roster->numbers + place, 1);
}
