/* SPDX-License-Identifier: Apache-2.0 */
/* How many referrals each provider was sent today (London), by service: a fold over the routed
 * events of `referral.events`, so that every process counts the same and a crash forgets nothing. A
 * process's own decisions count at once, before anybody can read their events; an aborted
 * transaction takes its own back. A referral that moved on to another provider stays counted where
 * it was sent first. Pure; one thread. */
#ifndef DIRECTORY_LOAD_H
#define DIRECTORY_LOAD_H

#include "ids/uuid.h"

#include <stddef.h>
#include <stdint.h>

#define LOAD_COUNTERS_MAX 200000 /* providers times services of one day */
#define LOAD_OWN_MAX 100000      /* own decisions not yet read back */

struct load;

struct load *load_new(void);
void load_free(struct load *load);
/* An event of `day` (since the epoch), named by its id, was read. Counts one that is not of this
 * process, or has not been counted as its own. Days before the latest one are left out. */
void load_read(struct load *load, const struct uuid *event, int32_t day, const char *ods_code,
               const char *service);
/* A decision of this process, in the transaction under way. */
void load_decide(struct load *load, const struct uuid *event, int32_t day, const char *ods_code,
                 const char *service);
/* The transaction under way is committed, or has come to nothing. */
void load_commit(struct load *load);
void load_undo(struct load *load);
int32_t load_of(const struct load *load, int32_t day, const char *ods_code, const char *service);
/* Forgets all that was read. */
void load_restart(struct load *load);
/* One more can't be counted. */
void load_leave_out(struct load *load);
/* How many could not be counted, or because a bound was reached. */
uint64_t load_left_out(const struct load *load);

#endif
