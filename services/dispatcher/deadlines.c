/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

#define BUCKET_MS 60000
#define NEAR_BUCKETS 2 /* in the heap: this minute and the next */

void deadlines_init(struct deadlines *deadlines, const struct pool *pool)
{
    *deadlines = (struct deadlines){.pool = pool};
    heap_init(&deadlines->near, offsetof(struct job, deadline_slot));
}

void deadlines_clear(struct deadlines *deadlines)
{
    heap_clear(&deadlines->near);
    for (size_t i = 0; i < DEADLINES_BUCKETS; i++)
        roster_clear(&deadlines->far[i]);
}

bool deadlines_reserve(struct deadlines *deadlines, size_t count)
{
    return heap_reserve(&deadlines->near, count);
}

/* Rows are counted from 1: 0 is none. */
static void leave_far(struct deadlines *deadlines, struct job *job)
{
    if (!job->far_row)
        return;
    roster_leave(&deadlines->far[job->far_row - 1], job->far_place);
    deadlines->far_count--;
    job->far_row = 0;
}

static void put(struct deadlines *deadlines, struct job *job)
{
    int64_t bucket = job->move_at_ms / BUCKET_MS;
    job->watched = true;
    if (bucket >= deadlines->bucket) {
        if (bucket >= deadlines->bucket + DEADLINES_BUCKETS)
            bucket = deadlines->bucket + DEADLINES_BUCKETS - 1;
        const int32_t row = (int32_t)(bucket % DEADLINES_BUCKETS) + 1;
        heap_remove(&deadlines->near, job);
        if (job->far_row == row)
            return;
        leave_far(deadlines, job);
        if (roster_add(&deadlines->far[row - 1], job->number, &job->far_place)) {
            job->far_row = row;
            deadlines->far_count++;
            return;
        } /* there is room in the heap for all */
    }
    leave_far(deadlines, job);
    heap_put(&deadlines->near, job, job->move_at_ms);
}

void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms)
{
    if (!deadlines->bucket)
        deadlines->bucket = now_ms / BUCKET_MS + NEAR_BUCKETS;
    put(deadlines, job);
}

void deadlines_expect(const struct deadlines *deadlines, int64_t move_at_ms, bool known)
{
    const uint64_t bucket = (uint64_t)(move_at_ms / BUCKET_MS);
    const struct roster *row = &deadlines->far[bucket % DEADLINES_BUCKETS];
    if (known)
        roster_expect_add(row);
    else
        __builtin_prefetch(row, 1);
}

void deadlines_expect_remove(const struct deadlines *deadlines, const struct job *job, bool known)
{
    if (!job->far_row)
        return;
    const struct roster *row = &deadlines->far[job->far_row - 1];
    if (known)
        roster_expect_leave(row, job->far_place);
    else
        __builtin_prefetch(row, 1);
}

void deadlines_rest(struct deadlines *deadlines, struct job *job)
{
    heap_remove(&deadlines->near, job);
    job->watched = false;
}

void deadlines_remove(struct deadlines *deadlines, struct job *job)
{
    deadlines_rest(deadlines, job);
    leave_far(deadlines, job);
}

/* What is in the buckets up to a minute ahead goes into the heap, or farther on. */
static void come_near(struct deadlines *deadlines, int64_t now_ms)
{
    const int64_t until = now_ms / BUCKET_MS + NEAR_BUCKETS;
    if (until - deadlines->bucket > DEADLINES_BUCKETS) /* all of them, once */
        deadlines->bucket = until - DEADLINES_BUCKETS;
    while (deadlines->bucket < until) {
        const int32_t row = (int32_t)(deadlines->bucket % DEADLINES_BUCKETS) + 1;
        struct roster due = deadlines->far[row - 1]; /* some may come round again */
        deadlines->far[row - 1] = (struct roster){0};
        deadlines->bucket++;
        uint32_t cursor = 0, number;
        while (roster_next(&due, &cursor, &number)) {
            struct job *job = pool_item(deadlines->pool, number);
            job->far_row = 0;
            deadlines->far_count--;
            if (job->watched)
                put(deadlines, job);
        }
        roster_clear(&due);
    }
}

struct job *deadlines_due(struct deadlines *deadlines, int64_t now_ms)
{
    int64_t key;
    come_near(deadlines, now_ms);
    struct job *job = heap_top(&deadlines->near, &key);
    return job && key <= now_ms ? job : NULL;
}

int64_t deadlines_wake_at(const struct deadlines *deadlines)
{
    int64_t at = INT64_MAX;
    if (deadlines->far_count)
        at = (deadlines->bucket - NEAR_BUCKETS + 1) * BUCKET_MS;
    int64_t key;
    if (heap_top(&deadlines->near, &key) && key < at)
        at = key;
    return at;
}
