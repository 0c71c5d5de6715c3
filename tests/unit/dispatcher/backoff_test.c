// SPDX-License-Identifier: Apache-2.0
// Waits: the bounds of the jitter, the probes of a broken destination, and both forms of
// Retry-After.
#include "core/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void a_retry_waits_within_its_doubling_span(void **state)
{
    (void)state;
    static const struct {
        int64_t span;
        int32_t attempts;
    } rows[] = {{5000, 0},   {5000, 1},   {10000, 2},   {20000, 3},        {160000, 6},
                {300000, 7}, {300000, 8}, {300000, 64}, {300000, 1000000}, {300000, INT32_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct random random = {i};
        int64_t least = INT64_MAX, most = 0;
        for (int n = 0; n < 4000; n++) {
            int64_t wait = backoff_ms(&random, rows[i].attempts, 5000, 300000);
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
        /* Full jitter: both ends are come near to, neither is passed. */
        if (least < 1 || most > rows[i].span || least > rows[i].span / 50 ||
            most < rows[i].span - rows[i].span / 50)
            fail_msg("row %zu: %ld to %ld", i, (long)least, (long)most);
    }
}

static void probes_come_ever_more_rarely(void **state)
{
    (void)state;
    static const struct {
        int64_t expected;
        int32_t probes;
    } rows[] = {{15000, 0},  {15000, 1},  {60000, 2},    {135000, 3},
                {240000, 4}, {300000, 5}, {300000, 999}, {300000, INT32_MAX}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(backoff_probe_ms(rows[i].probes, 15000, 300000), rows[i].expected);
}

#define NOW 1795424400000 /* 2026-11-23T09:00:00Z, a Monday */

static void retry_after_is_read_in_all_its_forms(void **state)
{
    (void)state;
    static const struct {
        int64_t expected; /* -1 = refused */
        const char *text;
    } rows[] = {
        {0, "0"},
        {120000, "120"},
        {1000000000000, "1000000000"},
        {60000, "Mon, 23 Nov 2026 09:01:00 GMT"},
        {60000, "Monday, 23-Nov-26 09:01:00 GMT"},
        {60000, "Mon Nov 23 09:01:00 2026"},
        {0, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {0, "Sunday, 06-Nov-94 08:49:37 GMT"},
        {0, "Sun Nov  6 08:49:37 1994"},
        {86400000, "Tue, 24 Nov 2026 09:00:00 GMT"},
        {-1, NULL},
        {-1, ""},
        {-1, "-1"},
        {-1, "1.5"},
        {-1, "1000000001"},
        {-1, "99999999999999999999"},
        {-1, "soon"},
        {-1, "Mon, 23 Nov 2026 09:01:00"},
        {-1, "Mon, 23 Nov 2026 25:01:00 GMT"},
        {-1, "Mon, 31 Nov 2026 09:01:00 GMT"},
        {-1, "Mon, 23 Nov 2026 09:01:00 GMT and more"},
        {-1, "Mon, 23 Nev 2026 09:01:00 GMT"},
        {-1, ", "},
        {-1, "Mon "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t wait = -1;
        bool well = retry_after_parse(rows[i].text, NOW, &wait);
        if (well != (rows[i].expected >= 0) || wait != rows[i].expected)
            fail_msg("row %zu: %s gives %ld", i, rows[i].text, (long)wait);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retry_waits_within_its_doubling_span),
        cmocka_unit_test(probes_come_ever_more_rarely),
        cmocka_unit_test(retry_after_is_read_in_all_its_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
