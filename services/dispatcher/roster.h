/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that belong to something, in one array, by their numbers in the pool. To leave costs no more
 * than to say so in the job itself; who has left is found when the array is full, or walked. In a
 * ring, or in an array that is kept exact, a job that leaves touches others, which are in no cache
 * where a million are held. */
#ifndef DISPATCHER_ROSTER_H
#define DISPATCHER_ROSTER_H

#include "pool.h"

#include <stdbool.h>

struct roster { /* all zero: nobody */
    uint32_t *numbers;
    uint32_t count, capacity;
};

/* Where a job says its number in the pool (a uint32_t), to which roster of a kind it belongs (an
 * int32_t), and at which place in it (a uint32_t). It leaves by saying something else, also before
 * it is given back to the pool. */
struct roster_kind {
    size_t number_offset, which_offset, place_offset;
};

void roster_clear(struct roster *roster);
/* Adds a job, which belongs to `which` from now on; false without memory. */
__attribute__((warn_unused_result)) bool roster_add(struct roster *roster,
                                                    const struct roster_kind *kind, int32_t which,
                                                    const struct pool *pool, void *job);
/* Each that belongs, once, in the order in which they came: start with *cursor = 0. Jobs may leave
 * meanwhile. NULL at the end. */
void *roster_next(const struct roster *roster, const struct roster_kind *kind, int32_t which,
                  const struct pool *pool, uint32_t *cursor);

#endif
