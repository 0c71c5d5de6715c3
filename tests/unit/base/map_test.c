/* SPDX-License-Identifier: Apache-2.0 */
/* The map against a plain array as its model, and the seeded numbers that drive it. */
#include "base/map.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 700

static void any_order_of_sets_and_removals_agrees_with_a_plain_array(void **state)
{
    (void)state;
    struct random random = {.state = 7};
    static int values[KEYS];
    void *model[KEYS] = {0};
    size_t count = 0;
    struct map *map = map_new(500);
    assert_non_null(map);
    for (int turn = 0; turn < 60000; turn++) {
        char key[40];
        size_t number = (size_t)random_below(&random, KEYS);
        /* every second key is longer than what fits into a slot */
        int length =
            snprintf(key, sizeof(key), number % 2 ? "%zu" : "%zu-a-key-of-many-letters", number);
        if (random_below(&random, 100) < 60) {
            void *old = &turn;
            bool room = model[number] || count < 500;
            assert_int_equal(map_set(map, key, (size_t)length, &values[turn % KEYS], &old), room);
            if (room) {
                assert_ptr_equal(old, model[number]);
                count += model[number] == NULL;
                model[number] = &values[turn % KEYS];
            }
        } else {
            assert_ptr_equal(map_remove(map, key, (size_t)length), model[number]);
            count -= model[number] != NULL;
            model[number] = NULL;
        }
        assert_ptr_equal(map_get(map, key, (size_t)length), model[number]);
        assert_int_equal(map_count(map), count);
    }
    size_t walked = 0;
    size_t cursor = 0;
    const void *key;
    size_t length;
    void *value;
    while (map_next(map, &cursor, &key, &length, &value)) {
        assert_ptr_equal(map_get(map, key, length), value);
        walked++;
    }
    assert_int_equal(walked, count);
    map_free(map, NULL);
}

static int freed;

static void count_freed(void *value)
{
    (void)value;
    freed++;
}

static void values_are_freed_with_the_map_and_an_empty_key_is_a_key(void **state)
{
    (void)state;
    struct map *map = map_new(2);
    assert_null(map_get(map, "a", 1));
    assert_null(map_remove(map, "a", 1));
    assert_true(map_set(map, "", 0, &freed, NULL));
    assert_true(map_set(map, "a", 1, &freed, NULL));
    assert_false(map_set(map, "b", 1, &freed, NULL));
    assert_true(map_set(map, "a", 1, &freed, NULL));
    assert_ptr_equal(map_get(map, "", 0), &freed);
    map_free(map, count_freed);
    assert_int_equal(freed, 2);
    map_free(NULL, count_freed);
}

static void hashes_are_the_same_in_every_release(void **state)
{
    (void)state;
    /* routing breaks ties with them: a change would move patients to other pharmacies on a replay
     */
    assert_int_equal(hash_bytes("", 0, 0), UINT64_C(0xEFD01F60BA992926));
    assert_int_equal(hash_bytes("FAA99", 5, 0), UINT64_C(0x8EF6A94244D6995D));
    assert_int_not_equal(hash_bytes("FAA99", 5, 0), hash_bytes("FAA99", 5, 1));
    assert_int_not_equal(hash_bytes("FAA99", 5, 0), hash_bytes("FAA98", 5, 0));
}

static void numbers_follow_from_the_seed_and_stay_below_the_limit(void **state)
{
    (void)state;
    struct random random = {.state = 1234567};
    assert_int_equal(random_next(&random),
                     UINT64_C(6457827717110365317)); /* the published sequence */
    assert_int_equal(random_next(&random), UINT64_C(3203168211198807973));
    int counts[3] = {0};
    for (int i = 0; i < 30000; i++)
        counts[random_below(&random, 3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(counts[i], 9500, 10500);
    assert_int_equal(random_below(&random, 1), 0);
    assert_int_equal(random_below(&random, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_sets_and_removals_agrees_with_a_plain_array),
        cmocka_unit_test(values_are_freed_with_the_map_and_an_empty_key_is_a_key),
        cmocka_unit_test(hashes_are_the_same_in_every_release),
        cmocka_unit_test(numbers_follow_from_the_seed_and_stay_below_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
