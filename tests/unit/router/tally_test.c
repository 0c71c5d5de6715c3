/* SPDX-License-Identifier: Apache-2.0 */
/* What was counted shows only once it is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "tally.h"

#include <string.h>

static struct taken taken_as(enum event_kind kind, const char *reason)
{
    struct taken taken = {.events_count = 1};
    taken.events[0].kind = kind;
    text_copy(taken.events[0].reason, REASON_CODE_MAX, reason);
    text_copy(taken.events[0].result, REASON_CODE_MAX, "nearest");
    return taken;
}

static void check(struct metrics *metrics, const char *line, bool expected)
{
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    assert_true(metrics_print(metrics, &buffer));
    const char *text = buffer_text(&buffer);
    if ((strstr(text, line) != NULL) != expected)
        fail_msg("'%s' in\n%s", line, text);
    buffer_clear(&buffer);
}

static void an_aborted_transaction_counts_nothing(void **state)
{
    (void)state;
    static struct tally tally;
    struct metrics *metrics = metrics_new(router_metrics, ROUTER_METRICS);
    struct taken routed = taken_as(EVENT_ROUTED, "");
    tally_taken(&tally, "msk", &routed);
    tally_undo(&tally);
    tally_commit(&tally, metrics);
    check(metrics, "referral_router_taken_total{pathway=\"msk\"}", false);
    tally_taken(&tally, "msk", &routed);
    tally_taken(&tally, "msk", &routed);
    tally_commit(&tally, metrics);
    check(metrics, "referral_router_taken_total{pathway=\"msk\"} 2\n", true);
    check(metrics, "referral_router_routed_total{how=\"nearest\"} 2\n", true);
    check(metrics, "referral_router_batch_records 2\n", true);
    metrics_free(metrics);
}

static void each_outcome_has_its_own_metric(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        const char *reason, *line;
    } rows[] = {
        {EVENT_DUPLICATE, "", "referral_router_duplicates_total 1\n"},
        {EVENT_REFUSED, "conflict", "referral_router_refused_total{reason=\"conflict\"} 1\n"},
        {EVENT_RECORDED, "", "referral_router_recorded_total{pathway=\"msk\"} 1\n"},
        {EVENT_RETURNED, "no-provider",
         "referral_router_returned_total{reason=\"no-provider\"} 1\n"},
    };
    static struct tally tally;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct metrics *metrics = metrics_new(router_metrics, ROUTER_METRICS);
        struct taken taken = taken_as(rows[i].kind, rows[i].reason);
        tally_taken(&tally, "msk", &taken);
        tally_commit(&tally, metrics);
        check(metrics, rows[i].line, true);
        metrics_free(metrics);
    }
}

static void labels_past_the_bound_are_counted_as_other(void **state)
{
    (void)state;
    static struct tally tally;
    struct metrics *metrics = metrics_new(router_metrics, ROUTER_METRICS);
    for (int i = 0; i < 500; i++) {
        char reason[REASON_CODE_MAX];
        text_format(reason, sizeof reason, "reason-%d", i);
        struct taken taken = taken_as(EVENT_REFUSED, reason);
        tally_taken(&tally, "msk", &taken);
    }
    assert_true(tally.lines_count <= TALLY_LINES_MAX);
    tally_commit(&tally, metrics);
    check(metrics, "referral_router_taken_total{pathway=\"msk\"} 500\n", true);
    check(metrics, "referral_router_refused_total{reason=\"other\"}", true);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_aborted_transaction_counts_nothing),
        cmocka_unit_test(each_outcome_has_its_own_metric),
        cmocka_unit_test(labels_past_the_bound_are_counted_as_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
