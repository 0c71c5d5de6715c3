// SPDX-License-Identifier: Apache-2.0
// A roster against a plain model: who was added and has not left comes once, and no other; and who
// has left makes room.
#include "roster.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NUMBERS 200
#define NOWHERE UINT32_MAX

static void each_that_has_not_left_comes_once(void **state)
{
    (void)state;
    struct random random = {.state = 3};
    struct roster roster = {0};
    uint32_t places[NUMBERS];
    for (uint32_t i = 0; i < NUMBERS; i++)
        places[i] = NOWHERE;
    for (int step = 0; step < 50000; step++) {
        const uint32_t number = (uint32_t)random_below(&random, NUMBERS);
        if (places[number] == NOWHERE) {
            assert_true(roster_add(&roster, number, &places[number]));
        } else {
            roster_leave(&roster, places[number]);
            places[number] = NOWHERE;
        }
        if (step % 50)
            continue;
        bool came[NUMBERS] = {false};
        uint32_t cursor = 0, next;
        while (roster_next(&roster, &cursor, &next)) {
            assert_true(next < NUMBERS && !came[next] && places[next] == cursor - 1);
            came[next] = true;
        }
        for (uint32_t i = 0; i < NUMBERS; i++)
            assert_int_equal(came[i], places[i] != NOWHERE);
    }
    assert_true(roster.count <= NUMBERS);
    roster_clear(&roster);
}

static void all_may_leave_while_they_are_walked(void **state)
{
    (void)state;
    struct roster roster = {0};
    uint32_t places[NUMBERS], cursor = 0, next, count = 0;
    for (uint32_t i = 0; i < NUMBERS; i++)
        assert_true(roster_add(&roster, i, &places[i]));
    for (; roster_next(&roster, &cursor, &next); count++) {
        assert_int_equal(next, count); /* as they came, while none has left */
        roster_leave(&roster, places[next]);
    }
    assert_int_equal(count, NUMBERS);
    cursor = 0;
    assert_false(roster_next(&roster, &cursor, &next));
    roster_clear(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_that_has_not_left_comes_once),
                                       cmocka_unit_test(all_may_leave_while_they_are_walked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
