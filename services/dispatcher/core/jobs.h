/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of a pool by their ids. A million of them are found in 16 MiB: an entry has the job's
 * number and as much of a hash that the job itself is looked at, as a rule, only when it is the
 * one. */
#ifndef DISPATCHER_JOBS_H
#define DISPATCHER_JOBS_H

#include "core/job.h"
#include "core/pool.h"

struct jobs_entry {
    uint32_t hash;
    uint32_t number_1; /* of the job, and one; 0 = free */
};

struct jobs {
    const struct pool *pool;
    struct jobs_entry *entries;
    uint32_t bits; /* of a hash that say where it belongs; there are as many entries */
    size_t count, count_max;
};

void jobs_init(struct jobs *jobs, const struct pool *pool, size_t count_max);
void jobs_clear(struct jobs *jobs);
/* Adds one whose id is not in; false when full, or without memory. */
__attribute__((warn_unused_result)) bool jobs_add(struct jobs *jobs, const struct job *job);
/* NULL = not in. */
struct job *jobs_find(const struct jobs *jobs, const struct uuid *id);
/* One that is in. */
void jobs_remove(struct jobs *jobs, const struct job *job);
/* The id will be asked for soon: its place comes from main memory meanwhile. */
void jobs_expect(const struct jobs *jobs, const struct uuid *id);

#endif
