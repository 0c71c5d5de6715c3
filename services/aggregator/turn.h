/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to count. A day's cell sums over all partitions of referral.events, so one
 * process must read them all. The partition of the empty one-partition topic aggregator.turn is the
 * token: Kafka's group protocol gives it to one living process and, when that is gone, to a
 * standby. A token is only politeness, so that two processes do not fight: what makes it safe is
 * the fence behind it (aggregator.c). */
#ifndef AGGREGATOR_TURN_H
#define AGGREGATOR_TURN_H

#include "kafka/stream.h"

struct turn;

/* Makes the topic when it is missing, and joins. `instance` must differ between the processes.
 * TRY_AGAIN: no broker answers. BROKEN: the topic has more than one partition. */
__attribute__((warn_unused_result)) enum verdict turn_open(const struct kafka_settings *settings,
                                                           const char *instance,
                                                           struct turn **ret_turn,
                                                           struct reason *reason);
/* Polls the group. DONE, whether it is our turn or not. */
__attribute__((warn_unused_result)) enum verdict turn_step(struct turn *turn, int wait_ms,
                                                           struct reason *reason);
/* By what turn_step has heard, which is old news in a process that was paused. */
bool turn_is_ours(const struct turn *turn);
/* DONE: it is our turn, and the group has just said so. TRY_AGAIN: it is not, or can't be told. */
__attribute__((warn_unused_result)) enum verdict turn_confirm(struct turn *turn,
                                                              struct reason *reason);
/* NULL in the group, with or without the token; else as stream_not_ready. */
const char *turn_not_ready(const struct turn *turn);
void turn_close(struct turn *turn);

#endif
