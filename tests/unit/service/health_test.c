/* SPDX-License-Identifier: Apache-2.0 */
/* When a service is alive, when it is ready, and which reason it gives when several would do. */
#include "service/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void alive_means_that_the_loop_turned_within_thirty_seconds(void **state)
{
    struct health health = {.turned_ms = 1000};

    (void)state;
    assert_true(health_is_alive(&health, 1000));
    assert_true(health_is_alive(&health, 1000 + HEALTH_TURN_MS));
    assert_false(health_is_alive(&health, 1001 + HEALTH_TURN_MS));
}

static void not_ready_has_one_reason_the_most_telling(void **state)
{
    static const struct {
        const char *why;
        bool draining;
        int64_t failing_since_ms, now_ms;
        const char *expected, *code;
    } cases[] = {
        {NULL, false, 0, 1000, NULL, NULL},
        {"starting", false, 0, 1000, "starting", NULL},
        {"starting", true, 0, 1000, "draining", NULL},
        {NULL, true, 900, 99000, "draining", NULL},
        {NULL, false, 900, 900 + HEALTH_FAILING_MS, NULL, NULL},
        {NULL, false, 900, 901 + HEALTH_FAILING_MS, "every turn fails; the log says why", NULL},
        {NULL, false, 0, 1001 + HEALTH_TURN_MS, "the loop stands still", NULL},
        {"starting", false, 900, 1000, "the schema registry is away", "registry-away"},
        {"starting", false, 900, 1000, "starting", "kafka-timed-out"},
        {"starting", true, 900, 1000, "draining", "registry-away"},
        {"no assignment yet", false, 900, 1000, "a topic is missing: referralctl topics create",
         "topic-missing"},
        {NULL, false, 900, 900 + HEALTH_FAILING_MS, NULL, "registry-away"},
        {NULL, false, 900, 901 + HEALTH_FAILING_MS, "the schema registry is away", "registry-away"},
        {"no assignment yet", false, 900, 1000, "Kafka has forgotten the group's offsets",
         "offsets-lost"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct health health = {.turned_ms = 1000,
                                .not_ready = cases[i].why,
                                .waits_for = cases[i].code ? health_waits_for(cases[i].code) : NULL,
                                .draining = cases[i].draining,
                                .failing_since_ms = cases[i].failing_since_ms};
        const char *why = health_why_not_ready(&health, cases[i].now_ms);

        if (cases[i].expected ? !why : why != NULL)
            fail_msg("case %zu: %s", i, why ? why : "ready");
        if (why)
            assert_string_equal(why, cases[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alive_means_that_the_loop_turned_within_thirty_seconds),
        cmocka_unit_test(not_ready_has_one_reason_the_most_telling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
