/* SPDX-License-Identifier: Apache-2.0 */
/* When each job has to be looked at because its time is up. Exact to the millisecond for the next
 * minutes; who has longer stands nowhere, since most jobs are gone long before, and to be listed
 * and to leave the list would cost each a line of main memory or two: once a minute all jobs of the
 * pool are looked through, a few at a time, for those whose time has come near. */
#ifndef DISPATCHER_DEADLINES_H
#define DISPATCHER_DEADLINES_H

#include "core/heap.h"
#include "core/job.h"
#include "core/pool.h"

struct deadlines {
    struct heap near;
    const struct pool *pool; /* of the jobs */
    size_t far_count;
    uint32_t cursor;    /* where in the pool the next look begins */
    int64_t look_at_ms; /* when */
};

void deadlines_init(struct deadlines *deadlines, const struct pool *pool);
void deadlines_clear(struct deadlines *deadlines);
/* Room for `count` jobs, after which deadlines_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool deadlines_reserve(struct deadlines *deadlines,
                                                           size_t count);
/* Adds the job, of the pool, at its move_at_ms, or moves it if it is in. */
void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms);
/* It need not be looked at until it is put again; also before it is given back to the pool.
 * Harmless if it is not in. */
void deadlines_rest(struct deadlines *deadlines, struct job *job);
/* The earliest whose time has come, or NULL. */
struct job *deadlines_due(struct deadlines *deadlines, int64_t now_ms);
/* When to ask again, no later than the next deadline; INT64_MAX = nothing is in. */
int64_t deadlines_wake_at(const struct deadlines *deadlines);

#endif
