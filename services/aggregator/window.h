/* SPDX-License-Identifier: Apache-2.0 */
/* The counts in memory: cells (one per combination of dimensions) by London day. Every day from the
 * floor on is held whole; an older one only after window_hold_late. Where space is short the floor
 * rises: the oldest days leave memory and are late ones from then on. Changes are undone unless
 * they are committed. Pure. */
#ifndef AGGREGATOR_WINDOW_H
#define AGGREGATOR_WINDOW_H

#include "lifecycle/volume.h"

struct window;

/* `cells_max` bounds the memory (about 200 bytes a cell). Days are days since 1970-01-01. NULL
 * without memory. */
struct window *window_new(size_t cells_max);
void window_free(struct window *window);
/* Empties it and sets the first day of those that are held without asking. */
void window_begin(struct window *window, int64_t floor_day);
int64_t window_floor(const struct window *window);
size_t window_cells(const struct window *window);
/* How many days have left for want of space, since the window was made. */
uint64_t window_squeezed(const struct window *window);
/* True if counts of that day may be read and changed: it is at or after the floor, or was loaded
 * since. */
bool window_holds(const struct window *window, int64_t day);
/* An older day is about to be loaded: from now on it is held. False if the bound is reached. */
__attribute__((warn_unused_result)) bool window_hold_late(struct window *window, int64_t day);
/* Its loading failed half-way: it is not held any more. Nothing of it may have been changed yet. */
void window_let_go(struct window *window, int64_t day);

/* What volumes.daily says of a held day: replaces the cell's count, as committed. Days that are not
 * held are passed over. REFUSED: the period is no date (bad-period). BROKEN: the bound is reached
 * (window-full). */
__attribute__((warn_unused_result)) enum verdict
window_restore(struct window *window, const struct volume *volume, struct reason *reason);
/* One more for the cell with these dimensions (`period` and `count` are ignored). The day must be
 * held. False if the bound is reached. */
__attribute__((warn_unused_result)) bool window_add(struct window *window, int64_t day,
                                                    const struct volume *dimensions);

/* The cells that changed since they were last handed out: start with *cursor = NULL. */
bool window_next_unsent(struct window *window, void **cursor, struct volume *ret_volume);
/* A late day is kept for this many transactions after its last use, so that a backfill does not
 * read the same days again and again; but only while at most half of the bound is used. */
#define WINDOW_LATE_TRANSACTIONS 600

/* All changes are visible to others. Days before `floor_day` are let go, but never one that this
 * transaction used: only after one more whole transaction is it certain that a scan of the topic
 * sees its last change (the markers of a transaction are written after its commit returns, and
 * before the next one of the same transactional id can begin). */
void window_committed(struct window *window, int64_t floor_day);
/* Every change since the last window_committed is undone. */
void window_aborted(struct window *window);

#endif
