// SPDX-License-Identifier: Apache-2.0
// Queues against the simplest thing that could be right: looking through all jobs.
#include "core/queue.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define JOBS 2000

static struct pool pool;
static struct job *jobs[JOBS];
static size_t looked_at;

static void open_jobs(void)
{
    pool_init(&pool, sizeof(struct job));
    for (size_t i = 0; i < JOBS; i++) {
        uint32_t number;
        assert_non_null(jobs[i] = pool_take(&pool, &number));
        jobs[i]->number = number;
    }
}

static int64_t first_key(size_t *ret_count)
{
    int64_t first = INT64_MAX;
    *ret_count = 0;
    for (size_t i = 0; i < JOBS; i++) {
        *ret_count += jobs[i]->queued;
        if (jobs[i]->queued && jobs[i]->deadline_at_ms < first)
            first = jobs[i]->deadline_at_ms;
    }
    return first;
}

static void toggle(struct queue *queue, size_t i, int64_t key)
{
    if (jobs[i]->queued) {
        queue_remove(queue, jobs[i], jobs[i]->deadline_at_ms);
        assert_false(jobs[i]->queued);
        return;
    }
    jobs[i]->deadline_at_ms = key;
    queue_put(queue, jobs[i], key);
}

static void the_earliest_comes_first_whoever_left_before(void **state)
{
    (void)state;
    static const uint64_t keys[] = {1, 30, 1000000}; /* from all the same to hardly any */
    for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        struct random random = {.state = k + 1};
        struct queue queue;
        queue_init(&queue);
        open_jobs();
        assert_true(queue_reserve(&queue, JOBS));
        assert_null(queue_first(&queue, &pool));
        for (int step = 0; step < 30000; step++) {
            /* It fills, and empties. */
            const bool filling = step / 5000 % 2 == 0;
            size_t i = (size_t)random_below(&random, JOBS), count;
            if (jobs[i]->queued == filling && random_below(&random, 4))
                continue;
            if (!filling && random_below(&random, 2) && queue.count) { /* as it is used most */
                struct job *first = queue_first(&queue, &pool);
                queue_remove(&queue, first, first->deadline_at_ms);
            } else {
                toggle(&queue, i, (int64_t)random_below(&random, keys[k]));
            }
            if (step % 16)
                continue;
            const int64_t least = first_key(&count);
            const struct job *first = queue_first(&queue, &pool);
            assert_int_equal(queue.count, count);
            assert_true(queue_first_key(&queue) == least);
            assert_true(first ? first->queued && first->deadline_at_ms == least : !count);
        }
        int64_t last = -1;
        for (struct job *first; (first = queue_first(&queue, &pool));) {
            assert_true(first->deadline_at_ms >= last);
            last = first->deadline_at_ms;
            queue_remove(&queue, first, last);
        }
        queue_clear(&queue);
        pool_clear(&pool);
    }
}

static bool leaves(struct deliverer *core, struct job *job, int64_t now_ms)
{
    looked_at++;
    if (job->deadline_at_ms % 3 != now_ms)
        return false;
    queue_remove((struct queue *)(void *)core, job, job->deadline_at_ms);
    return true;
}

static void each_is_looked_at_though_some_leave_meanwhile(void **state)
{
    (void)state;
    struct random random = {.state = 1};
    struct queue queue;
    queue_init(&queue);
    open_jobs();
    assert_true(queue_reserve(&queue, JOBS));
    for (size_t i = 0; i < JOBS; i++)
        toggle(&queue, i, (int64_t)random_below(&random, 500));
    size_t left = JOBS;
    for (int64_t third = 0; third < 3; third++) {
        looked_at = 0;
        const size_t count =
            queue_each(&queue, (struct deliverer *)(void *)&queue, &pool, leaves, third);
        assert_true(looked_at >= left); /* of the heap some may be seen again */
        left -= count;
        assert_int_equal(queue.count, left);
        for (size_t i = 0; i < JOBS; i++)
            assert_int_equal(jobs[i]->queued, jobs[i]->deadline_at_ms % 3 > third);
    }
    assert_int_equal(left, 0);
    queue_clear(&queue);
    pool_clear(&pool);
}

static void it_tells_who_is_late_and_how_many_are_early(void **state)
{
    (void)state;
    struct queue queue;
    queue_init(&queue);
    open_jobs();
    assert_true(queue_reserve(&queue, JOBS));
    assert_null(queue_late(&queue, &pool, 0));
    for (size_t i = 0; i < JOBS; i++)
        toggle(&queue, i, (int64_t)(i * 7 % JOBS));
    const size_t half = queue_ahead(&queue, JOBS / 2);
    assert_true(half > JOBS / 2 - JOBS / 16 && half < JOBS / 2 + JOBS / 16);
    assert_int_equal(queue_ahead(&queue, 0), 0);
    assert_int_equal(queue_ahead(&queue, JOBS), JOBS);
    const struct job *late = queue_late(&queue, &pool, 0);
    assert_true(late && late->deadline_at_ms > JOBS / 2);
    assert_null(queue_late(&queue, &pool, JOBS));
    queue_clear(&queue);
    pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first_whoever_left_before),
        cmocka_unit_test(each_is_looked_at_though_some_leave_meanwhile),
        cmocka_unit_test(it_tells_who_is_late_and_how_many_are_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
