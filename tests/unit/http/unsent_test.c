/* SPDX-License-Identifier: Apache-2.0 */
#include "http/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BOUND ((size_t)1000000)
#define LARGE ((size_t)400000)

static void small_answers_always_have_room(void **state)
{
    struct http_unsent unsent = {.size_max = BOUND};
    struct http_body *bodies[20];

    (void)state;
    for (size_t i = 0; i < 20; i++) {
        assert_true(http_unsent_has_room(&unsent, HTTP_SMALL_ANSWER));
        static char bytes[HTTP_SMALL_ANSWER];
        bodies[i] = http_body_new(&unsent, bytes, sizeof(bytes));
        assert_non_null(bodies[i]);
    }
    assert_int_equal(atomic_load(&unsent.size), 0);
    for (size_t i = 0; i < 20; i++)
        http_body_free(bodies[i]);
    http_body_free(NULL);
}

static void large_ones_share_the_bound_until_they_are_sent(void **state)
{
    static char bytes[LARGE];
    struct http_unsent unsent = {.size_max = BOUND};
    struct http_body *first, *second;

    (void)state;
    assert_true(http_unsent_has_room(&unsent, LARGE));
    first = http_body_new(&unsent, bytes, LARGE);
    assert_true(http_unsent_has_room(&unsent, LARGE));
    second = http_body_new(&unsent, bytes, LARGE);
    assert_false(http_unsent_has_room(&unsent, LARGE));
    assert_true(http_unsent_has_room(&unsent, BOUND - 2 * LARGE));
    http_body_free(first);
    assert_true(http_unsent_has_room(&unsent, LARGE));
    http_body_free(second);
    assert_int_equal(atomic_load(&unsent.size), 0);
}

static void one_that_is_larger_than_the_bound_is_sent_alone(void **state)
{
    static char bytes[LARGE];
    struct http_unsent unsent = {.size_max = LARGE / 2};
    struct http_body *alone;

    (void)state;
    assert_true(http_unsent_has_room(&unsent, LARGE));
    alone = http_body_new(&unsent, bytes, LARGE);
    assert_false(http_unsent_has_room(&unsent, HTTP_SMALL_ANSWER + 1));
    assert_true(http_unsent_has_room(&unsent, 1));
    http_body_free(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_answers_always_have_room),
        cmocka_unit_test(large_ones_share_the_bound_until_they_are_sent),
        cmocka_unit_test(one_that_is_larger_than_the_bound_is_sent_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
