/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's database: referrals, their history, volumes, and how far the topics were read, all
 * of which change in one SQL transaction. The same SQL for SQLite and PostgreSQL; which one it is,
 * is known at open only. A store belongs to one thread; verdicts as in sql.h. */
#ifndef TRACKER_STORE_H
#define TRACKER_STORE_H

#include "lifecycle/volume.h"
#include "track.h"

struct store;

struct store_options {
    const char *path; /* of an SQLite file, or ":memory:" */
    const char *url;  /* postgres://…; NULL = SQLite */
};

/* The writer migrates the schema; only one process at a time may be one. A reader comes after it.
 */
__attribute__((warn_unused_result)) enum verdict store_open(const struct store_options *options,
                                                            bool writer, struct store **ret_store,
                                                            struct reason *reason);
void store_close(struct store *store);

/* ---- writing: between begin and commit. After a failure: store_rollback, and all since begin is
 * undone. */
__attribute__((warn_unused_result)) enum verdict store_begin(struct store *store,
                                                             struct reason *reason);
__attribute__((warn_unused_result)) enum verdict store_commit(struct store *store,
                                                              struct reason *reason);
void store_rollback(struct store *store);

/* *ret_new is false when the event of that id is there already; nothing changes then. `offset`
 * orders the history. */
__attribute__((warn_unused_result)) enum verdict
store_add_event(struct store *store, const char *id, int64_t offset,
                const struct referral_event *event, bool *ret_new, struct reason *reason);
/* All zero but for the id if it is not known. */
__attribute__((warn_unused_result)) enum verdict
store_get_referral(struct store *store, const char *id, struct referral_state *ret_state,
                   struct reason *reason);
__attribute__((warn_unused_result)) enum verdict
store_put_referral(struct store *store, const struct referral_state *state, struct reason *reason);
__attribute__((warn_unused_result)) enum verdict store_add_count(struct store *store,
                                                                 enum event_kind kind,
                                                                 int64_t count, int64_t newest_ms,
                                                                 struct reason *reason);
__attribute__((warn_unused_result)) enum verdict
store_put_volume(struct store *store, const struct volume *volume, struct reason *reason);
/* The next offset to be read; -1 = none stored. */
__attribute__((warn_unused_result)) enum verdict
store_get_position(struct store *store, const char *topic, int32_t partition, int64_t *ret_next,
                   struct reason *reason);
/* TRY_AGAIN (another-tracker) if the stored one is not `expected` any more. */
__attribute__((warn_unused_result)) enum verdict
store_put_position(struct store *store, const char *topic, int32_t partition, int64_t expected,
                   int64_t next, struct reason *reason);

/* ---- reading. Rows are borrowed for the time of the call; returning false ends the reading. */
struct stored_event {
    const char *id, *kind, *destination, *reason, *result, *explanation /* JSON or "" */;
    int64_t occurred_at_ms, recorded_at_ms, hop, attempt;
};
typedef bool store_event_row(void *self, const struct stored_event *event);
__attribute__((warn_unused_result)) enum verdict
store_history(struct store *store, const char *referral_id, int64_t events_max,
              store_event_row *row, void *self, struct reason *reason);

struct volume_filter {
    char from[11], to[11];           /* both inclusive */
    char pathway[PATHWAY_NAME_SIZE]; /* "" = all */
    char stage[17];
    char hcp[AREA_SIZE];
};
typedef bool store_volume_row(void *self, const struct volume *volume);
/* By period and then all other dimensions. */
__attribute__((warn_unused_result)) enum verdict
store_volumes(struct store *store, const struct volume_filter *filter, int64_t rows_max,
              store_volume_row *row, void *self, struct reason *reason);
/* Sums over the period; only pathway, stage and count of the rows are set. */
__attribute__((warn_unused_result)) enum verdict
store_volume_sums(struct store *store, const struct volume_filter *filter, store_volume_row *row,
                  void *self, struct reason *reason);
struct stored_count {
    const char *kind;
    int64_t count, newest_ms;
};
typedef bool store_count_row(void *self, const struct stored_count *count);
__attribute__((warn_unused_result)) enum verdict
store_counts(struct store *store, store_count_row *row, void *self, struct reason *reason);
/* Referrals received that have come to no end; of the rows pathway, count and the stage "under-way"
 * are set. */
__attribute__((warn_unused_result)) enum verdict
store_under_way(struct store *store, store_volume_row *row, void *self, struct reason *reason);
/* The `noticed` events by their reason, which stands for the kind. */
__attribute__((warn_unused_result)) enum verdict
store_notices(struct store *store, store_count_row *row, void *self, struct reason *reason);

#endif
