// SPDX-License-Identifier: Apache-2.0
// Jobs by id against a plain array, in a table that grows, and is full and crowded again and again.
#include "core/jobs.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define JOBS 3000
#define HELD_MOST 2900

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {.bytes = {0}};
    memcpy(id.bytes + number % 3 * 4, &number, sizeof(number));
    id.bytes[15] = (uint8_t)(number % 3);
    return id;
}

static void each_is_found_until_it_is_removed(void **state)
{
    (void)state;
    static struct job *held[JOBS];
    struct random random = {.state = 11};
    struct pool pool;
    struct jobs jobs;
    size_t count = 0;
    pool_init(&pool, sizeof(struct job));
    jobs_init(&jobs, &pool, HELD_MOST);
    for (int step = 0; step < 300000; step++) {
        const uint32_t which = (uint32_t)random_below(&random, JOBS);
        const struct uuid id = id_of(which);
        jobs_expect(&jobs, &id);
        assert_ptr_equal(jobs_find(&jobs, &id), held[which]);
        const bool growing = step / 20000 % 2 == 0;
        if (held[which] && random_below(&random, 10) < (growing ? 2 : 9)) {
            jobs_remove(&jobs, held[which]);
            assert_null(jobs_find(&jobs, &id));
            pool_give_back(&pool, held[which], held[which]->number);
            held[which] = NULL;
            count--;
        } else if (!held[which] && growing) {
            uint32_t number;
            struct job *job = pool_take(&pool, &number);
            assert_non_null(job);
            job->id = id;
            job->number = number;
            const bool added = jobs_add(&jobs, job);
            assert_int_equal(added, count < HELD_MOST);
            if (!added) {
                pool_give_back(&pool, job, number);
                continue;
            }
            held[which] = job;
            count++;
        }
        assert_int_equal(jobs.count, count);
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        const struct uuid id = id_of(i);
        assert_ptr_equal(jobs_find(&jobs, &id), held[i]);
    }
    jobs_clear(&jobs);
    pool_clear(&pool);
}

static void a_pool_is_walked_by_number_from_anywhere(void **state)
{
    (void)state;
    static uint32_t numbers[30000];
    struct pool pool;
    uint32_t cursor = 0;
    pool_init(&pool, sizeof(struct job));
    assert_null(pool_next(&pool, &cursor));
    for (uint32_t i = 0; i < 30000; i++)
        assert_non_null(pool_take(&pool, &numbers[i]));
    for (uint32_t i = 0; i < 30000; i++)
        assert_ptr_equal(pool_next(&pool, &cursor), pool_item(&pool, numbers[i]));
    assert_null(pool_next(&pool, &cursor));
    cursor = numbers[20000];
    assert_ptr_equal(pool_next(&pool, &cursor), pool_item(&pool, numbers[20000]));
    assert_ptr_equal(pool_next(&pool, &cursor), pool_item(&pool, numbers[20001]));
    pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_found_until_it_is_removed),
                                       cmocka_unit_test(a_pool_is_walked_by_number_from_anywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
