/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in a world that is not the providers' doing. */
#ifndef SIM_MISFORTUNE_H
#define SIM_MISFORTUNE_H

struct world;

/* One of: kill -9, SIGSTOP, an orderly restart, a rebalance, a clock that jumps, Kafka away. Says
 * when the next is due. */
void misfortune_strike(struct world *world);
/* A provider is paused, resumed, or gets a new endpoint. */
void misfortune_change_directory(struct world *world);
/* An operator asks for something: a release, a retry, another provider. */
void misfortune_operate(struct world *world);
/* The log cleaner comes by. */
void misfortune_compact(struct world *world);

#endif
