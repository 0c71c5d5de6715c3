// SPDX-License-Identifier: Apache-2.0
// Which deliveries are meant, and which reasons may be kept.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "deliveries.h"

#include "base/text.h"

#include <string.h>

static void a_reason_says_something_and_names_no_patient(void **state)
{
    static const struct {
        bool fit;
        const char *why;
    } table[] = {
        {false, NULL},
        {false, ""},
        {false, "too few"},
        {true, "eight ch"},
        {true, "supplier is down until 2026-12-01 09:00"},
        {true, "ticket 12345, as asked by the LPC"},
        {false, "ticket 123456"},
        {false, "patient 9990000018"},
        {false, "patient 999 000 0018"},
        {false, "patient 999-000-0018 asked"},
        {false, "1 999 000 0018 of them"},
        {true, "999 000 0017 is no NHS number"},
        {false, "\xff\xfe not UTF-8"},
    };
    (void)state;
    struct reason reason;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        if (deliveries_check_reason(table[index].why, &reason) != table[index].fit) {
            fail_msg("row %zu: %s", index, table[index].why);
        }
    }
    char longest[OPERATION_REASON_SIZE + 1];
    memset(longest, 'x', sizeof longest);
    longest[OPERATION_REASON_SIZE] = '\0';
    assert_false(deliveries_check_reason(longest, &reason));
    longest[OPERATION_REASON_SIZE - 1] = '\0';
    assert_true(deliveries_check_reason(longest, &reason));
}

static void a_destinations_own_are_found_in_the_list(void **state)
{
    static struct held_delivery held[5];
    static const char *const destinations[] = {"FA001", "FA001", "FB001", "FD001", "FD001"};
    struct held_delivery *list[5];
    struct deliveries deliveries = {.list = list, .count = 5};
    static const struct {
        size_t count, first;
        const char *destination;
    } table[] = {
        {2, 0, "FA001"}, {1, 2, "FB001"}, {0, 3, "FC001"}, {2, 3, "FD001"},
        {0, 5, "FE001"}, {0, 0, "EE001"}, {0, 0, ""},
    };
    (void)state;
    for (size_t index = 0; index < 5; index++) {
        text_copy(held[index].destination, sizeof held[index].destination, destinations[index]);
        text_format(held[index].id, sizeof held[index].id, "delivery-%zu", index);
        text_format(held[index].referral_id, sizeof held[index].referral_id, "referral-%zu", index);
        list[index] = &held[index];
    }
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        size_t first = 99;
        size_t count = deliveries_of(&deliveries, table[index].destination, &first);
        if (count != table[index].count || first != table[index].first) {
            fail_msg("row %zu: %zu from %zu on", index, count, first);
        }
    }
    assert_ptr_equal(deliveries_find(&deliveries, "delivery-3"), &held[3]);
    assert_ptr_equal(deliveries_find(&deliveries, "referral-2"), &held[2]);
    assert_null(deliveries_find(&deliveries, "delivery-5"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reason_says_something_and_names_no_patient),
        cmocka_unit_test(a_destinations_own_are_found_in_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
