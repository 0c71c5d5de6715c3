/* SPDX-License-Identifier: Apache-2.0 */
/* What counts once, in whatever order commit, abort and reading back come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "directory/load.h"

#include <string.h>

#define TODAY 20780

static struct uuid event_of(int number)
{
    struct uuid event = {{0}};
    memcpy(event.bytes, &number, sizeof number);
    return event;
}

/* Letters: d decide, r read back, c commit, u undo, each of event 1; R another's event 2; n the
 * first event of the next day. */
static void what_happens_to_a_decision_counts_once(void **state)
{
    (void)state;
    static const struct {
        int expected;
        const char *story;
    } rows[] = {
        {0, ""},      {1, "d"},    {1, "dc"},  {1, "dcr"},
        {1, "drc"},                /* its event may be read before we are told of the commit */
        {0, "du"},    {1, "dudc"}, /* done again after an abort */
        {1, "dudcr"}, {1, "dur"},  /* a commit in doubt that did arrive */
        {1, "r"},                  /* decided by another process */
        {2, "dR"},    {2, "dcRr"}, {1, "dRu"}, {1, "dcrn"}, /* yesterday's are gone */
        {1, "dn"},    {1, "dnu"}, /* and can't be taken back from today's */
        {1, "dnr"},               /* an event of yesterday that comes late */
        {2, "dndc"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct load *load = load_new();
        assert_non_null(load);
        int32_t day = TODAY;
        struct uuid first = event_of(1), second = event_of(2), next = event_of(3);
        for (const char *at = rows[i].story; *at != '\0'; at++) {
            if (*at == 'd')
                load_decide(load, &first, day, "FAA01", "check");
            else if (*at == 'r')
                load_read(load, &first, TODAY, "FAA01", "check");
            else if (*at == 'R')
                load_read(load, &second, day, "FAA01", "check");
            else if (*at == 'n')
                load_read(load, &next, ++day, "FAA01", "check");
            else if (*at == 'c')
                load_commit(load);
            else
                load_undo(load);
        }
        int found = load_of(load, day, "FAA01", "check");
        if (found != rows[i].expected)
            fail_msg("\"%s\": %d", rows[i].story, found);
        assert_int_equal(load_of(load, day, "FAA02", "check"), 0);
        assert_int_equal(load_of(load, day, "FAA01", "chec"), 0);
        assert_int_equal(load_of(load, day + 1, "FAA01", "check"), 0);
        load_free(load);
    }
}

static void a_transaction_takes_back_all_of_its_own_and_nothing_else(void **state)
{
    (void)state;
    struct load *load = load_new();
    assert_non_null(load);
    for (int i = 0; i < 1000; i++) {
        struct uuid event = event_of(i);
        load_decide(load, &event, TODAY, i % 2 ? "FAA01" : "FAA02", "check");
        if (i == 599)
            load_commit(load);
    }
    assert_int_equal(load_of(load, TODAY, "FAA01", "check"), 500);
    load_undo(load);
    assert_int_equal(load_of(load, TODAY, "FAA01", "check"), 300);
    assert_int_equal(load_of(load, TODAY, "FAA02", "check"), 300);
    for (int i = 0; i < 1000; i++) {
        struct uuid event = event_of(i);
        load_read(load, &event, TODAY, i % 2 ? "FAA01" : "FAA02", "check");
    }
    assert_int_equal(load_of(load, TODAY, "FAA01", "check"), 500);
    assert_int_equal(load_left_out(load), 0);
    load_free(load);
}

static void past_its_bound_it_leaves_out_and_says_so(void **state)
{
    (void)state;
    struct load *load = load_new();
    assert_non_null(load);
    for (int i = 0; i < LOAD_COUNTERS_MAX + 5; i++) {
        char service[24] = "s";
        for (int rest = i, at = 1; rest > 0; rest /= 26)
            service[at++] = (char)('a' + rest % 26);
        struct uuid event = event_of(i);
        load_read(load, &event, TODAY, "FAA01", service);
    }
    assert_true(load_left_out(load) >= 5);
    load_free(load);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_happens_to_a_decision_counts_once),
        cmocka_unit_test(a_transaction_takes_back_all_of_its_own_and_nothing_else),
        cmocka_unit_test(past_its_bound_it_leaves_out_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
