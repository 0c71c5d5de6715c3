/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a directory in step with the compacted topic `providers`. */
#ifndef DIRECTORY_FOLLOW_H
#define DIRECTORY_FOLLOW_H

#include "directory/directory.h"
#include "kafka/kafka.h"

struct directory_follower;

/* Reads the topic to its end, then follows it; once a provider names a capacity, what was sent
 * today, too. TRY_AGAIN if Kafka is away, or a registry that a record needs. Borrows settings,
 * contract, registry (may be NULL) and directory. */
__attribute__((warn_unused_result)) enum verdict
directory_follow(const struct kafka_settings *settings, const struct contract *contract,
                 struct registry *registry, struct directory *directory,
                 struct directory_follower **ret_follower, struct reason *reason);
/* Applies what has come since, without waiting; *ret_changes (may be NULL) says how many. A record
 * that can't be read is logged by offset and left out. */
__attribute__((warn_unused_result)) enum verdict
directory_follow_step(struct directory_follower *follower, size_t *ret_changes,
                      struct reason *reason);
/* Does anybody name a capacity? Then decisions of this process belong into directory_load. */
bool directory_follow_counts(const struct directory_follower *follower);
/* Referrals sent somewhere that count against no capacity: their events wait for a schema that only
 * an absent registry knows, can't be read at all, or were too many. */
uint64_t directory_follow_uncounted(const struct directory_follower *follower);
/* After a reload: reads with that codec from now on, adopts it, and borrows its contract instead of
 * the old one. Can't fail, so that a reload may do it last; without a follower the codec is freed.
 */
void directory_follow_use_take(struct directory_follower *follower, struct codec *codec);
/* For a decision that is made again: what was sent by then, as it knew it. Counts only what was
 * sent on the day of `before_ms` before that instant, `referral_id` (may be NULL) left out.
 * TRY_AGAIN if Kafka is away, or a registry that an event needs. */
__attribute__((warn_unused_result)) enum verdict
directory_load_before(const struct kafka_settings *settings, struct directory *directory,
                      int64_t before_ms, const char *referral_id, struct codec *codec,
                      struct reason *reason);
void directory_follow_stop(struct directory_follower *follower);

#endif
