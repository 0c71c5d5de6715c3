/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with linear probing, as in base/map.c, by the upper bits of the hash: to enlarge
 * the table it is walked once from end to end, and so is the new one. */
#include "core/jobs.h"

#include "base/large.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BITS_FIRST 4
#define BITS_MOST 31

void jobs_init(struct jobs *jobs, const struct pool *pool, size_t count_max)
{
    *jobs = (struct jobs){.pool = pool, .count_max = count_max};
}

void jobs_clear(struct jobs *jobs)
{
    free(jobs->entries);
    jobs_init(jobs, jobs->pool, jobs->count_max);
}

static uint32_t hash_of(const struct uuid *id)
{
    uint64_t words[2];
    _Static_assert(sizeof(words) == sizeof(*id), "all of it");
    memcpy(words, id, sizeof(words));
    uint64_t hash = words[0] * UINT64_C(0x9E3779B97F4A7C15);
    hash = ((hash ^ (hash >> 32)) + words[1]) * UINT64_C(0xFF51AFD7ED558CCD);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return (uint32_t)(hash >> 32);
}

static uint32_t home_of(const struct jobs *jobs, uint32_t hash)
{
    return hash >> (32 - jobs->bits);
}

static uint32_t mask_of(const struct jobs *jobs)
{
    return (UINT32_C(1) << jobs->bits) - 1;
}

static uint32_t next_to(const struct jobs *jobs, uint32_t at)
{
    return (at + 1) & mask_of(jobs);
}

static void put(struct jobs *jobs, struct jobs_entry entry)
{
    uint32_t at = home_of(jobs, entry.hash);
    while (jobs->entries[at].number_1)
        at = next_to(jobs, at);
    jobs->entries[at] = entry;
}

static bool enlarge(struct jobs *jobs)
{
    struct jobs larger = *jobs;
    larger.bits = jobs->entries ? jobs->bits + 1 : BITS_FIRST;
    larger.entries =
        larger.bits <= BITS_MOST ? large_zeroed(sizeof(struct jobs_entry) << larger.bits) : NULL;
    if (!larger.entries)
        return false;
    for (size_t i = 0; jobs->entries && i < (size_t)1 << jobs->bits; i++)
        if (jobs->entries[i].number_1)
            put(&larger, jobs->entries[i]);
    free(jobs->entries);
    *jobs = larger;
    return true;
}

bool jobs_add(struct jobs *jobs, const struct job *job)
{
    if (jobs->count >= jobs->count_max)
        return false;
    const bool full = !jobs->entries || (jobs->count + 1) * 4 > (size_t)3 << jobs->bits;
    if (full && !enlarge(jobs))
        return false;
    put(jobs, (struct jobs_entry){.hash = hash_of(&job->id), .number_1 = job->number + 1});
    jobs->count++;
    return true;
}

struct job *jobs_find(const struct jobs *jobs, const struct uuid *id)
{
    const uint32_t hash = hash_of(id);
    if (!jobs->count)
        return NULL;
    for (uint32_t at = home_of(jobs, hash); jobs->entries[at].number_1; at = next_to(jobs, at)) {
        if (jobs->entries[at].hash != hash)
            continue;
        struct job *job = pool_item(jobs->pool, jobs->entries[at].number_1 - 1);
        if (memcmp(&job->id, id, sizeof(*id)) == 0)
            return job;
    }
    return NULL;
}

/* Its followers move up, so that there are no graves to clean up. */
void jobs_remove(struct jobs *jobs, const struct job *job)
{
    struct jobs_entry *entries = jobs->entries;
    uint32_t hole = home_of(jobs, hash_of(&job->id));
    for (; entries[hole].number_1 != job->number + 1; hole = next_to(jobs, hole))
        assert(entries[hole].number_1);
    const uint32_t mask = mask_of(jobs);
    for (uint32_t at = next_to(jobs, hole); entries[at].number_1; at = next_to(jobs, at)) {
        if (((at - home_of(jobs, entries[at].hash)) & mask) < ((at - hole) & mask))
            continue; /* its home lies behind the hole */
        entries[hole] = entries[at];
        hole = at;
    }
    entries[hole].number_1 = 0;
    jobs->count--;
}

void jobs_expect(const struct jobs *jobs, const struct uuid *id)
{
    if (jobs->entries)
        __builtin_prefetch(&jobs->entries[home_of(jobs, hash_of(id))], 1);
}
