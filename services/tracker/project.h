/* SPDX-License-Identifier: Apache-2.0 */
/* The projection: referral.events and volumes.daily into the store, positions and rows in one SQL
 * transaction. */
#ifndef TRACKER_PROJECT_H
#define TRACKER_PROJECT_H

#include "store.h"

struct projection;

/* What it counts, for the shell's metrics. */
struct projection_counts {
    uint64_t events[EVENT_KINDS]; /* applied, by kind */
    uint64_t replayed;            /* events that were there already */
    uint64_t volumes;
    uint64_t passed_over; /* could not be read */
    uint64_t sql_errors;
    int64_t newest_event_ms; /* 0 = none seen since the start */
    int64_t lag;             /* records still to be read, as last measured */
};

/* Nothing is opened yet. Everything is borrowed and must outlive it. NULL without memory. */
struct projection *projection_new(const struct kafka_settings *settings,
                                  const struct contract *contract, struct registry *registry,
                                  const struct store_options *store);
void projection_free(struct projection *projection);
/* Opens the database (and migrates it) and the topics at the stored positions. TRY_AGAIN: one of
 * them is away. BROKEN: the database belongs to another log (other-log) or will not do. */
__attribute__((warn_unused_result)) enum verdict projection_open(struct projection *projection,
                                                                 struct reason *reason);
/* Reads and applies; commits every 1,000 records or 100 ms. TRY_AGAIN: what was not committed is
 * undone and will be read again. Opens what an error closed. */
__attribute__((warn_unused_result)) enum verdict
projection_step(struct projection *projection, int wait_ms, struct reason *reason);
/* Commits what is under way. */
__attribute__((warn_unused_result)) enum verdict projection_commit(struct projection *projection,
                                                                   struct reason *reason);
const struct projection_counts *projection_counts(const struct projection *projection);

#endif
