/* SPDX-License-Identifier: Apache-2.0 */
/* One seed: its world, the twin of a large one, what came of it, and the sum over many. */
#ifndef SIM_SEED_H
#define SIM_SEED_H

#include "plan.h"

#define SEED_PROGRAM "referral-sim"

struct tally {
    int64_t seeds, full, referrals, returned, sends, dead_sends, crashes, stops, restarts,
        rebalances, aborts, unknowns, jumps, outages, cuts, rereads, orders, compactions,
        recoveries, full_recoveries;
};

/* Prints the promise that it breaks, if any, and how to see that again; with `tell` also what the
 * world was like, and with a `referral` of 0 or more what happens to that one. False if a promise
 * is broken. Adds to the tally. */
bool seed_run(uint64_t seed, const struct sizes *sizes, bool tell, int32_t referral,
              struct tally *tally);

void tally_join(struct tally *tally, const struct tally *other);
void tally_print(const struct tally *tally);

#endif
