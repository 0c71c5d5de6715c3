/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

#define BUCKET_MS 60000
#define NEAR_BUCKETS 2 /* in the heap: this minute and the next */

void deadlines_init(struct deadlines *deadlines)
{
    heap_init(&deadlines->near, offsetof(struct job, deadline_slot));
    for (size_t i = 0; i < DEADLINES_BUCKETS; i++)
        link_init(&deadlines->far[i]);
    deadlines->far_count = 0;
    deadlines->bucket = 0;
}

void deadlines_clear(struct deadlines *deadlines)
{
    heap_clear(&deadlines->near);
}

bool deadlines_reserve(struct deadlines *deadlines, size_t count)
{
    return heap_reserve(&deadlines->near, count);
}

static void put(struct deadlines *deadlines, struct job *job)
{
    int64_t bucket = job->move_at_ms / BUCKET_MS;
    deadlines_remove(deadlines, job);
    if (bucket < deadlines->bucket) {
        heap_put(&deadlines->near, job, job->move_at_ms);
        return;
    }
    if (bucket >= deadlines->bucket + DEADLINES_BUCKETS)
        bucket = deadlines->bucket + DEADLINES_BUCKETS - 1;
    link_append(&deadlines->far[bucket % DEADLINES_BUCKETS], &job->deadline_link);
    deadlines->far_count++;
}

void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms)
{
    if (!deadlines->bucket)
        deadlines->bucket = now_ms / BUCKET_MS + NEAR_BUCKETS;
    put(deadlines, job);
}

void deadlines_remove(struct deadlines *deadlines, struct job *job)
{
    heap_remove(&deadlines->near, job);
    if (link_alone(&job->deadline_link))
        return;
    link_remove(&job->deadline_link);
    deadlines->far_count--;
}

/* What is in the buckets up to a minute ahead goes into the heap, or farther on. */
static void come_near(struct deadlines *deadlines, int64_t now_ms)
{
    const int64_t until = now_ms / BUCKET_MS + NEAR_BUCKETS;
    if (until - deadlines->bucket > DEADLINES_BUCKETS) /* all of them, once */
        deadlines->bucket = until - DEADLINES_BUCKETS;
    while (deadlines->bucket < until) {
        struct link *list = &deadlines->far[deadlines->bucket % DEADLINES_BUCKETS];
        struct link due;
        link_init(&due);
        link_append_all(&due, list);
        deadlines->bucket++;
        while (!link_alone(&due))
            put(deadlines, LINK_ITEM(due.next, struct job, deadline_link));
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
