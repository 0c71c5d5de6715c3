// SPDX-License-Identifier: Apache-2.0
// Room given back is used again for what fits it well, and for nothing else.
#include "core/spares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void room_is_used_again_for_what_is_nearly_as_large(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        bool again;
    } cases[] = {{900, true}, {801, true}, {799, false}, {901, false}, {0, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct spares spares;
        void *first = spares_take(&spares, 900);
        assert_non_null(first);
        spares_give_back(&spares, first, 900);
        const size_t spared = spares.count; /* none, with the address sanitizer */
        void *next = spares_take(&spares, cases[i].size);
        assert_non_null(next);
        if (spared && cases[i].again)
            assert_ptr_equal(next, first);
        assert_int_equal(spares.count, 0); /* what does not fit goes, too */
        memset(next, 1, cases[i].size);
        spares_give_back(&spares, next, cases[i].size);
        spares_clear(&spares);
    }
}

static void no_more_is_spared_than_there_is_a_place_for(void **state)
{
    (void)state;
    static struct spares spares;
    static void *rooms[SPARES_MAX + 10];
    for (size_t i = 0; i < SPARES_MAX + 10; i++)
        assert_non_null(rooms[i] = spares_take(&spares, 10));
    for (size_t i = 0; i < SPARES_MAX + 10; i++)
        spares_give_back(&spares, rooms[i], 10);
    assert_true(spares.count <= SPARES_MAX);
    spares_give_back(&spares, NULL, 0);
    spares_clear(&spares);
    assert_int_equal(spares.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_used_again_for_what_is_nearly_as_large),
        cmocka_unit_test(no_more_is_spared_than_there_is_a_place_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
