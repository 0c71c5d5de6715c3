/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a directory's load in step with `referral.events`. Inside directory only. */
#ifndef DIRECTORY_FOLLOW_LOAD_H
#define DIRECTORY_FOLLOW_LOAD_H

#include "directory/load.h"
#include "kafka/kafka.h"

struct load_follower;
struct codec;

/* Reads the events of today to their end, then follows them. TRY_AGAIN if Kafka is away. */
__attribute__((warn_unused_result)) enum verdict
load_follow(const struct kafka_settings *settings, struct load *load, int64_t now_ms,
            struct codec *codec, struct load_follower **ret_follower, struct reason *reason);
/* Counts what has come since, without waiting. */
__attribute__((warn_unused_result)) enum verdict
load_follow_step(struct load_follower *follower, struct codec *codec, struct reason *reason);
void load_follow_stop(struct load_follower *follower);

#endif
