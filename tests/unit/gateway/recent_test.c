// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "recent.h"

#define BODY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BODY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct uuid id(uint8_t number)
{
    return (struct uuid){{number}};
}

static void a_key_in_flight_is_in_flight_and_another_body_is_refused(void **state)
{
    struct recent *recent = recent_new(4);
    struct uuid one = id(1);
    (void)state;
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_GO_ON);
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_IN_FLIGHT);
    assert_int_equal(recent_begin(recent, &one, BODY_B), RECENT_OTHER_BODY);
    recent_end(recent, &one, true);
    assert_int_equal(recent_begin(recent, &one, BODY_B), RECENT_OTHER_BODY);
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_GO_ON);
    recent_free(recent);
}

static void what_was_not_sent_frees_the_key_unless_it_was_stored_before(void **state)
{
    struct recent *recent = recent_new(4);
    struct uuid one = id(1);
    (void)state;
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_GO_ON);
    recent_end(recent, &one, false);
    assert_int_equal(recent_begin(recent, &one, BODY_B), RECENT_GO_ON);
    recent_end(recent, &one, true);
    assert_int_equal(recent_begin(recent, &one, BODY_B), RECENT_GO_ON);
    recent_end(recent, &one, false);
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_OTHER_BODY);
    recent_free(recent);
}

static void the_oldest_that_is_not_in_flight_makes_room(void **state)
{
    struct recent *recent = recent_new(2);
    struct uuid one = id(1), two = id(2), three = id(3), four = id(4);
    (void)state;
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_GO_ON);
    assert_int_equal(recent_begin(recent, &two, BODY_A), RECENT_GO_ON);
    assert_int_equal(recent_begin(recent, &three, BODY_A), RECENT_FULL);
    recent_end(recent, &two, true);
    assert_int_equal(recent_begin(recent, &three, BODY_A), RECENT_GO_ON);
    assert_int_equal(recent_begin(recent, &one, BODY_A), RECENT_IN_FLIGHT);
    recent_end(recent, &one, true);
    recent_end(recent, &three, true);
    assert_int_equal(recent_begin(recent, &four, BODY_A), RECENT_GO_ON);
    assert_int_equal(recent_begin(recent, &two, BODY_B), RECENT_GO_ON); /* forgotten */
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_in_flight_is_in_flight_and_another_body_is_refused),
        cmocka_unit_test(what_was_not_sent_frees_the_key_unless_it_was_stored_before),
        cmocka_unit_test(the_oldest_that_is_not_in_flight_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
