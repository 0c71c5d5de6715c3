// SPDX-License-Identifier: Apache-2.0
// Rosters against a plain model: who was added and has not left comes once, in order, and no other,
// though items are given back to their pool and come again with the same number.
#include "roster.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define ITEMS 200
#define ROSTERS 3

struct item {
    void *chain[2]; /* of the pool */
    uint32_t number;
    int32_t which;
    uint32_t place, came;
};

static const struct roster_kind KIND = {offsetof(struct item, number), offsetof(struct item, which),
                                        offsetof(struct item, place)};

static void each_that_has_not_left_comes_once_and_in_order(void **state)
{
    (void)state;
    struct random random = {.state = 3};
    struct roster rosters[ROSTERS + 1] = {0};
    struct item *items[ITEMS] = {0};
    uint32_t came = 0, most = 0;
    struct pool pool;
    pool_init(&pool, sizeof(struct item));
    for (int step = 0; step < 50000; step++) {
        struct item **item = &items[random_below(&random, ITEMS)];
        const int32_t which = (int32_t)random_below(&random, ROSTERS) + 1;
        const bool stays = random_below(&random, 2);
        if (*item && !stays) {
            (*item)->which = 0;
            pool_give_back(&pool, *item, (*item)->number);
            *item = NULL;
        } else if (!*item || (*item)->which != which) {
            uint32_t number = 0;
            *item = *item ? (number = (*item)->number, *item) : pool_take(&pool, &number);
            (*item)->number = number;
            assert_ptr_equal(pool_item(&pool, number), *item);
            assert_true(roster_add(&rosters[which], &KIND, which, &pool, *item));
            (*item)->came = ++came;
        }
        for (int32_t i = 1; step % 50 == 0 && i <= ROSTERS; i++) {
            size_t count = 0, expected = 0;
            uint32_t cursor = 0, last = 0;
            for (size_t j = 0; j < ITEMS; j++)
                expected += items[j] && items[j]->which == i;
            for (const struct item *next;
                 (next = roster_next(&rosters[i], &KIND, i, &pool, &cursor)); count++) {
                assert_true(next->came > last);
                last = next->came;
            }
            assert_int_equal(count, expected);
            most = rosters[i].capacity > most ? rosters[i].capacity : most;
        }
    }
    assert_true(most <= 4 * ITEMS); /* who has left takes no room for ever */
    for (int i = 0; i <= ROSTERS; i++)
        roster_clear(&rosters[i]);
    pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_that_has_not_left_comes_once_and_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
