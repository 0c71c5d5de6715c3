/* SPDX-License-Identifier: Apache-2.0 */
/* What a seed makes of a world: its sizes, and how much goes wrong in it. */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FULL_EVERY 5 /* seeds: one of them is a world of full size */
#define FULL_DESTINATIONS 1000
#define FULL_REFERRALS 10000
#define PROCESSES_MAX 4
#define PARTITIONS_MOST 32
#define HOPS_MAX 6 /* providers that one referral may have to choose from */

struct sizes { /* 0 = as the seed says */
    int64_t destinations, referrals, partitions, processes, in_flight_max;
};

struct plan {
    uint64_t seed;
    int32_t destinations, referrals, partitions, processes, hosts;
    size_t in_flight_max, slow_max, pending_max;
    int64_t arrivals_ms;     /* the time in which referrals come */
    int64_t deadline_max_ms; /* of a referral, from its acceptance */
    int64_t directory_ms;    /* between two changes of the directory, at most */
    int32_t healthy_percent; /* of the destinations */
    int32_t misfortunes;     /* per hour: crashes, rebalances and the like */
    int32_t aborts_one_in;   /* transactions */
    bool bounded;            /* pending_max is met: memory has no room for all */
    bool intent;
    bool full; /* large enough for percentiles */
    bool well; /* the twin in which nothing goes wrong */
};

struct plan plan_of(uint64_t seed, const struct sizes *sizes);
/* The same referrals and destinations, and nothing goes wrong. */
struct plan plan_twin(const struct plan *plan);

/* A number that depends on nothing but the seed and what it is for: the same in a world and its
 * twin, whatever happened before. */
int32_t plan_most_popular(const struct plan *plan); /* a destination */
uint64_t plan_draw(const struct plan *plan, const char *what, int64_t a, int64_t b);

#endif
