/* SPDX-License-Identifier: Apache-2.0 */
/* When each job has to be looked at because its time is up. Exact to the millisecond for the next
 * minutes; what is later stands in a bucket per minute, since most jobs are gone long before and a
 * heap of a million would cost each of them its way through it. */
#ifndef DISPATCHER_DEADLINES_H
#define DISPATCHER_DEADLINES_H

#include "heap.h"
#include "job.h"
#include "pool.h"
#include "roster.h"

#define DEADLINES_BUCKETS 4096 /* minutes: what is still later comes round again */

struct deadlines {
    struct heap near;
    struct roster far[DEADLINES_BUCKETS];
    const struct pool *pool; /* of the jobs */
    size_t far_count;
    int64_t bucket; /* the first that is still far, in minutes */
};

void deadlines_init(struct deadlines *deadlines, const struct pool *pool);
void deadlines_clear(struct deadlines *deadlines);
/* Room for `count` jobs, after which deadlines_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool deadlines_reserve(struct deadlines *deadlines,
                                                           size_t count);
/* Adds the job at its move_at_ms, or moves it if it is in. */
void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms);
/* A job will be put at this time soon: first where its minute's jobs are, then, if that is `known`,
 * the place among them comes from main memory meanwhile. */
void deadlines_expect(const struct deadlines *deadlines, int64_t move_at_ms, bool known);
/* One that is far will be removed soon: first where its minute's jobs are, then its place. */
void deadlines_expect_remove(const struct deadlines *deadlines, const struct job *job, bool known);
/* It need not be looked at until it is put again, which is cheap if its time is then the same: what
 * is far keeps its place. Harmless if it is not in. */
void deadlines_rest(struct deadlines *deadlines, struct job *job);
/* It will not be put again. Harmless if it is not in. */
void deadlines_remove(struct deadlines *deadlines, struct job *job);
/* The earliest whose time has come, or NULL. */
struct job *deadlines_due(struct deadlines *deadlines, int64_t now_ms);
/* When to ask again, no later than the next deadline; INT64_MAX = nothing is in. */
int64_t deadlines_wake_at(const struct deadlines *deadlines);

#endif
