// SPDX-License-Identifier: Apache-2.0
// What opens the breaker of a host, and what makes it a slow one, as tables.
#include "core/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct {
    bool opens;
    size_t members;
    const char *who; /* endpoints where nobody answers, in this order; + = that one answered */
} rows[] = {
    {true, 9, "1 2 3 1 2"},
    {true, 9, "1 1 1 2 3"},
    {true, 9, "1 2 3 4 5"},
    {true, 3, "3 3 2 2 1"},
    {false, 9, "1 2 3 4"},         /* not five */
    {false, 9, "1 1 1 1 1 1 1 1"}, /* one broken endpoint */
    {false, 9, "1 2 1 2 1 2 1 2"}, /* two of many */
    {true, 9, "1 2 1 2 1 2 1 3"},
    {false, 9, "1 2 3 1 4+ 2 3 1 2"}, /* somebody answered */
    {true, 9, "1 2 3 1 4+ 2 3 1 2 3"},
    {false, 9, "1+ 2+ 3+ 4+ 5+"},
    {true, 2, "1 2 1 2 1"}, /* a host with two endpoints: both */
    {false, 2, "1 1 1 1 1 1"},
    {false, 1, "1 1 1 1 1 1"}, /* with one: its own breaker */
};

static void only_what_its_endpoints_have_in_common_opens_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct host host;
        uint32_t seen[10] = {0};
        host_init(&host);
        host.members_count = rows[i].members;
        for (const char *at = rows[i].who; *at; at++)
            if (*at >= '0' && *at <= '9')
                (void)host_learn(&host, &seen[*at - '0'], at[1] == '+', false, 1000, 15000, 300000);
        if (host.open != rows[i].opens)
            fail_msg("row %zu: %s", i, rows[i].who);
    }
}

static void while_it_is_open_only_the_probe_says_something_new(void **state)
{
    (void)state;
    struct host host;
    uint32_t seen[4] = {0};
    host_init(&host);
    host.members_count = 4;
    for (int i = 0; i < 5; i++)
        (void)host_learn(&host, &seen[i % 4], false, false, 1000, 15000, 300000);
    assert_int_equal(host.probe_at_ms, 16000);
    assert_false(host_may_send(&host, 15999));
    assert_true(host_may_send(&host, 16000));
    assert_int_equal(host_learn(&host, &seen[0], false, false, 16000, 15000, 300000), HOST_SAME);
    assert_int_equal(host.probe_at_ms, 16000);
    assert_int_equal(host_learn(&host, &seen[0], false, true, 17000, 15000, 300000), HOST_OPENED);
    assert_int_equal(host.probe_at_ms, 17000 + 60000);
    assert_int_equal(host_learn(&host, &seen[3], true, false, 18000, 15000, 300000), HOST_CLOSED);
    assert_true(host_may_send(&host, 18000));
    host.in_flight = 2;
    assert_false(host_may_send(&host, 18000)); /* slowly */
    for (int i = 0; i < 63; i++)
        (void)host_learn(&host, &seen[3], true, false, 18000, 15000, 300000);
    host.in_flight = 100000;
    assert_true(host_may_send(&host, 18000));
}

/* A letter: one of its endpoints is late; + after it: and then somebody answers. */
static void it_hangs_when_several_endpoints_are_late_and_none_answers(void **state)
{
    (void)state;
    static const struct {
        bool hangs;
        size_t members;
        const char *who;
    } cases[] = {
        {false, 9, "a"},    {false, 9, "a a a a"}, {false, 9, "a b"},    {true, 9, "a b c"},
        {true, 9, "c a b"}, {false, 9, "a b c+"},  {false, 9, "a b+ c"}, {true, 9, "a b+ c a b"},
        {true, 2, "a b"},   {false, 2, "a a"},     {false, 1, "a a a"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct host host;
        uint32_t late[3] = {0}, seen = 0;
        host_init(&host);
        host.members_count = cases[i].members;
        for (const char *at = cases[i].who; *at; at++)
            if (*at >= 'a' && *at <= 'c')
                host_late(&host, &late[*at - 'a'], 2000);
            else if (*at == '+')
                (void)host_learn(&host, &seen, true, false, 1000, 15000, 300000);
        if (host_hangs(&host) != cases[i].hangs)
            fail_msg("case %zu: %s", i, cases[i].who);
    }
}

/* Went wrong once: ten of 200 endpoints of a host began to hang, three of them were found late
 * between two answers of the others, and these were held back with them. */
static void it_does_not_hang_if_it_has_just_answered(void **state)
{
    (void)state;
    static const struct {
        int64_t late_ms;
        bool hangs;
    } cases[] = {{1000, false}, {1049, false}, {1050, true}, {500, true}}; /* the clock put back */
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct host host;
        uint32_t late[3] = {0}, seen = 0;
        host_init(&host);
        host.members_count = 200;
        (void)host_learn(&host, &seen, true, false, 1000, 15000, 300000);
        for (int one = 0; one < 3; one++)
            host_late(&host, &late[one], cases[i].late_ms);
        if (host_hangs(&host) != cases[i].hangs)
            fail_msg("late at %lld ms", (long long)cases[i].late_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_its_endpoints_have_in_common_opens_it),
        cmocka_unit_test(while_it_is_open_only_the_probe_says_something_new),
        cmocka_unit_test(it_hangs_when_several_endpoints_are_late_and_none_answers),
        cmocka_unit_test(it_does_not_hang_if_it_has_just_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
