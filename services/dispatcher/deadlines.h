/* SPDX-License-Identifier: Apache-2.0 */
/* When each job has to be looked at because its time is up. Exact to the millisecond for the next
 * minutes; what is later stands in a bucket per minute, since most jobs are gone long before and a
 * heap of a million would cost each of them its way through it. */
#ifndef DISPATCHER_DEADLINES_H
#define DISPATCHER_DEADLINES_H

#include "heap.h"
#include "job.h"

#define DEADLINES_BUCKETS 4096 /* minutes: what is still later comes round again */

struct deadlines {
    struct heap near;
    struct link far[DEADLINES_BUCKETS];
    size_t far_count;
    int64_t bucket; /* the first that is still far, in minutes */
};

void deadlines_init(struct deadlines *deadlines);
void deadlines_clear(struct deadlines *deadlines);
/* Room for `count` jobs, after which deadlines_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool deadlines_reserve(struct deadlines *deadlines,
                                                           size_t count);
/* Adds the job at its move_at_ms, or moves it if it is in. */
void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms);
/* Harmless if it is not in. */
void deadlines_remove(struct deadlines *deadlines, struct job *job);
/* The earliest whose time has come, or NULL. */
struct job *deadlines_due(struct deadlines *deadlines, int64_t now_ms);
/* When to ask again, no later than the next deadline; INT64_MAX = there is none. */
int64_t deadlines_wake_at(const struct deadlines *deadlines);

#endif
