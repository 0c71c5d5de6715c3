/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded pseudo-random numbers (splitmix64) for jitter and simulations; never for secrets. Pure. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);
/* Uniform in [0, limit); 0 if limit is 0. */
uint64_t random_below(struct random *random, uint64_t limit);

#endif
