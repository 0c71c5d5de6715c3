/* SPDX-License-Identifier: Apache-2.0 */
#include "core/deadlines.h"

#define ROUND_MS 60000         /* in which all are looked at */
#define NEAR_MS (3 * ROUND_MS) /* two would do while the pool does not grow */
#define LOOK (POOL_LINES / 2)  /* lines of the pool at a time: some thousand jobs */

void deadlines_init(struct deadlines *deadlines, const struct pool *pool)
{
    *deadlines = (struct deadlines){.pool = pool};
    heap_init(&deadlines->near, offsetof(struct job, deadline_slot));
}

void deadlines_clear(struct deadlines *deadlines)
{
    heap_clear(&deadlines->near);
}

bool deadlines_reserve(struct deadlines *deadlines, size_t count)
{
    return heap_reserve(&deadlines->near, count);
}

_Static_assert(offsetof(struct job, stage) >= POOL_OVERWRITTEN, "`watched` behind it, too");

/* Of a job that was given back, too: it is not watched. */
__attribute__((no_sanitize("address"))) static bool is_far(const struct job *job)
{
    return job->watched && !job->deadline_slot;
}

/* The clock may have been put back. */
static void begin_by(struct deadlines *deadlines, int64_t at_ms)
{
    if (!deadlines->far_count || deadlines->look_at_ms > at_ms)
        deadlines->look_at_ms = at_ms;
}

void deadlines_put(struct deadlines *deadlines, struct job *job, int64_t now_ms)
{
    deadlines_rest(deadlines, job);
    job->watched = true;
    if (job->move_at_ms < now_ms + NEAR_MS) {
        heap_put(&deadlines->near, job, job->move_at_ms);
    } else {
        begin_by(deadlines, now_ms + ROUND_MS);
        deadlines->far_count++;
    }
}

void deadlines_rest(struct deadlines *deadlines, struct job *job)
{
    deadlines->far_count -= is_far(job);
    heap_remove(&deadlines->near, job);
    job->watched = false;
}

static void look(struct deadlines *deadlines, int64_t now_ms)
{
    const uint32_t end = deadlines->cursor + LOOK;
    while (deadlines->cursor < end) {
        struct job *job = pool_next(deadlines->pool, &deadlines->cursor);
        if (!job) {
            deadlines->cursor = 0;
            return;
        }
        if (is_far(job) && job->move_at_ms < now_ms + NEAR_MS) {
            heap_put(&deadlines->near, job, job->move_at_ms);
            deadlines->far_count--;
        }
    }
}

/* At most once at each of them, however long nobody has asked. */
static void come_near(struct deadlines *deadlines, int64_t now_ms)
{
    const uint32_t looks = deadlines->pool->end / LOOK + 2;
    begin_by(deadlines, now_ms + ROUND_MS);
    for (uint32_t i = 0; i < looks && deadlines->look_at_ms <= now_ms; i++) {
        look(deadlines, now_ms);
        deadlines->look_at_ms += ROUND_MS / looks;
    }
    if (deadlines->look_at_ms <= now_ms)
        deadlines->look_at_ms = now_ms + ROUND_MS / looks;
}

struct job *deadlines_due(struct deadlines *deadlines, int64_t now_ms)
{
    int64_t key;
    if (deadlines->far_count)
        come_near(deadlines, now_ms);
    struct job *job = heap_top(&deadlines->near, &key);
    return job && key <= now_ms ? job : NULL;
}

int64_t deadlines_wake_at(const struct deadlines *deadlines)
{
    int64_t at = deadlines->far_count ? deadlines->look_at_ms : INT64_MAX;
    int64_t key;
    if (heap_top(&deadlines->near, &key) && key < at)
        at = key;
    return at;
}
