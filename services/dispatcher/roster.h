/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers (of jobs in the pool) that belong to something, each at a place of one array. To leave
 * touches that place alone, which is the next one to be taken; so nobody is ever moved. In a ring,
 * or in an array that is kept dense, one that leaves touches other jobs, which are in no cache
 * where a million are held. */
#ifndef DISPATCHER_ROSTER_H
#define DISPATCHER_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

struct roster {        /* all zero: nobody */
    uint32_t *numbers; /* at a free place: which is free after it, see roster.c */
    uint32_t count, capacity;
    uint32_t free; /* place that was left last, and one; 0 = none is free */
};

void roster_clear(struct roster *roster);
/* Adds a number, which is below 2^31; false without memory. */
__attribute__((warn_unused_result)) bool roster_add(struct roster *roster, uint32_t number,
                                                    uint32_t *ret_place);
void roster_leave(struct roster *roster, uint32_t place);
/* Each that belongs, once, in the order of their places: start with *cursor = 0. Any may leave
 * meanwhile. False at the end. */
bool roster_next(const struct roster *roster, uint32_t *cursor, uint32_t *ret_number);
/* One will be added soon, or leave this place: it comes from main memory meanwhile. */
void roster_expect_add(const struct roster *roster);
void roster_expect_leave(const struct roster *roster, uint32_t place);

#endif
