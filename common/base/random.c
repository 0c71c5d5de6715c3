/* SPDX-License-Identifier: Apache-2.0 */
/* splitmix64 (Steele, Lea, Flood 2014): eight bytes of state, any seed is a good one. */
#include "base/random.h"

uint64_t random_next(struct random *random)
{
    uint64_t mixed = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

uint64_t random_below(struct random *random, uint64_t limit)
{
    if (limit == 0)
        return 0;
    uint64_t uneven =
        (UINT64_MAX - limit + 1) % limit; /* 2^64 mod limit: numbers that would favour some */
    uint64_t number;
    do
        number = random_next(random);
    while (number < uneven);
    return number % limit;
}
