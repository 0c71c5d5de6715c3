// SPDX-License-Identifier: Apache-2.0
// Deadlines against the simplest thing that could be right: looking through all of them.
#include "core/deadlines.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define JOBS 500
#define START 1795424400000

static void each_comes_up_in_time_and_once(void **state)
{
    (void)state;
    static struct deadlines deadlines;
    static struct job *jobs[JOBS];
    static bool in[JOBS];
    static const int64_t spans[] = {10, 60000, 3600000, 90 * 3600000LL, 4000 * 3600000LL};
    struct random random = {.state = 5};
    int64_t now = START;
    struct pool pool;
    pool_init(&pool, sizeof(struct job));
    for (uint32_t i = 0; i < JOBS; i++) {
        uint32_t number;
        for (int other = 0; other < 40; other++) /* more than are looked at in one go */
            assert_non_null(jobs[i] = pool_take(&pool, &number));
        jobs[i]->number = number;
        jobs[i]->flight = i;
    }
    deadlines_init(&deadlines, &pool);
    assert_true(deadlines_reserve(&deadlines, JOBS));
    for (int step = 0; step < 200000; step++) {
        size_t i = (size_t)random_below(&random, JOBS);
        if (random_below(&random, 3) == 0) {
            deadlines_rest(&deadlines, jobs[i]);
            in[i] = false;
        } else {
            int64_t span = spans[random_below(&random, sizeof(spans) / sizeof(*spans))];
            jobs[i]->move_at_ms = now + (int64_t)random_below(&random, (uint64_t)span);
            deadlines_put(&deadlines, jobs[i], now);
            in[i] = true;
        }
        if (step % 7)
            continue;
        int64_t wake = deadlines_wake_at(&deadlines), first = INT64_MAX;
        for (size_t j = 0; j < JOBS; j++)
            if (in[j] && jobs[j]->move_at_ms < first)
                first = jobs[j]->move_at_ms;
        assert_true(wake <= first);
        static const int64_t steps[] = {1, 500, 50000, 200000, 20 * 3600000LL, 2000 * 3600000LL};
        now += (int64_t)random_below(&random,
                                     (uint64_t)steps[random_below(&random, step % 70 ? 4 : 6)]);
        struct job *job;
        int64_t last = 0;
        while ((job = deadlines_due(&deadlines, now))) {
            assert_true(job->move_at_ms <= now && job->move_at_ms >= last);
            assert_true(in[job->flight]);
            last = job->move_at_ms;
            in[job->flight] = false;
            deadlines_rest(&deadlines, job);
        }
        for (size_t j = 0; j < JOBS; j++)
            assert_false(in[j] && jobs[j]->move_at_ms <= now);
    }
    for (size_t j = 0; j < JOBS; j++)
        deadlines_rest(&deadlines, jobs[j]);
    assert_true(deadlines_wake_at(&deadlines) == INT64_MAX);
    deadlines_clear(&deadlines);
    pool_clear(&pool);
}

/* Who looks only when it is told to, and what comes up then: each at its very millisecond, from
 * far or near, in a pool of which a part is looked at a time, and by a clock that is put back. */
static void each_comes_up_at_its_moment_to_who_wakes_as_told(void **state)
{
    (void)state;
    struct deadlines deadlines;
    struct random random = {.state = 7};
    struct pool pool;
    const uint32_t count = 20000;
    int64_t now = START;
    pool_init(&pool, sizeof(struct job));
    deadlines_init(&deadlines, &pool);
    assert_true(deadlines_reserve(&deadlines, count));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number;
        struct job *job = pool_take(&pool, &number);
        assert_non_null(job);
        job->number = number;
        if (i == count / 2)
            now -= 5 * 3600000;
        job->move_at_ms = now + 1 + (int64_t)random_below(&random, 2 * 3600000);
        deadlines_put(&deadlines, job, now);
        if (i % 100 == 0)
            assert_null(deadlines_due(&deadlines, now));
        assert_true(deadlines_wake_at(&deadlines) <= job->move_at_ms);
    }
    uint32_t come = 0, woken = 0;
    for (; deadlines_wake_at(&deadlines) != INT64_MAX; woken++) {
        assert_true(deadlines_wake_at(&deadlines) > now);
        now = deadlines_wake_at(&deadlines);
        for (struct job *job; (job = deadlines_due(&deadlines, now)); come++) {
            assert_true(job->move_at_ms == now);
            deadlines_rest(&deadlines, job);
        }
    }
    assert_int_equal(come, count);
    assert_true(woken < count + 7 * 60 * 10); /* and some times a minute besides */
    deadlines_clear(&deadlines);
    pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_up_in_time_and_once),
        cmocka_unit_test(each_comes_up_at_its_moment_to_who_wakes_as_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
