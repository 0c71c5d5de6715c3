/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a directory's load in step with `referral.events`. Inside directory only. */
#ifndef DIRECTORY_FOLLOW_LOAD_H
#define DIRECTORY_FOLLOW_LOAD_H

#include "directory/load.h"
#include "kafka/kafka.h"

struct load_follower;
struct codec;

/* Reads the events of today to their end, then follows them. TRY_AGAIN if Kafka is away; an event
 * that only an absent registry's schema can read waits meanwhile. */
__attribute__((warn_unused_result)) enum verdict
load_follow(const struct kafka_settings *settings, struct load *load, int64_t now_ms,
            struct codec *codec, struct load_follower **ret_follower, struct reason *reason);
/* Counts what has come since, without waiting. */
__attribute__((warn_unused_result)) enum verdict
load_follow_step(struct load_follower *follower, struct codec *codec, struct reason *reason);
/* Counts anew, and only what was sent on the day of `before_ms` before that instant, `referral_id`
 * (may be NULL) left out. TRY_AGAIN if Kafka is away, or a registry that an event needs. */
__attribute__((warn_unused_result)) enum verdict
load_count_before(const struct kafka_settings *settings, struct load *load, int64_t before_ms,
                  const char *referral_id, struct codec *codec, struct reason *reason);
/* How many events wait for their schema. A follower may be NULL. */
size_t load_follow_waiting(const struct load_follower *follower);
void load_follow_stop(struct load_follower *follower);

#endif
