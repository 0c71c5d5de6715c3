// SPDX-License-Identifier: Apache-2.0
// One referral's life in every way that balances, and every way that does not: each imbalance has
// its own code.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ledger.h"

#include "base/text.h"
#include "lifecycle/delivery.h"

#include <stdio.h>
#include <string.h>

#define TOPIC "referrals.msk"
#define REFERRAL "6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d"
#define OTHER "7e2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d"
#define IDS_MAX 1000

static struct ledger_problem problems[20];
static struct ledger_report report;
static bool ids_without_pathway; /* deliveries have the ids that they had before */

static int64_t offset_of(char digit)
{
    return digit - '0';
}

static void feed_event(struct ledger *ledger, enum event_kind kind, const char *id,
                       const char *origin)
{
    static int64_t offset;
    const struct ledger_event event = {.kind = kind,
                                       .referral_id = id,
                                       .pathway = "msk",
                                       .origin = origin,
                                       .partition = 0,
                                       .offset = offset++};
    assert_true(ledger_event(ledger, &event));
}

static const char *delivery(int hop)
{
    static char id[UUID_TEXT_SIZE];
    if (ids_without_pathway) {
        char number[12];
        text_format(number, sizeof number, "%d", hop);
        struct uuid uuid = uuid_of("delivery", REFERRAL, number, NULL);
        uuid_format(&uuid, id);
    } else {
        delivery_id_of("msk", REFERRAL, hop, id);
    }
    return id;
}

// What was read, a letter each, in the order of reading; the digit behind a letter is an offset or
// a hop:
//   c committed up to   d delivery   t tombstone   D, T the same, late   q delivery, unreadable
//   r received   u duplicate   x refused   (with the origin's offset)
//   e the end: 1 delivered, 2 returned, 3 cancelled, 4 recorded   o received, of another referral
//   l dead letter   m record   w low watermark
static void feed(struct ledger *ledger, const char *story)
{
    for (const char *at = story; *at; at += 2) {
        char origin[40];
        int64_t number = offset_of(at[1]);
        text_format(origin, sizeof origin, "%s/0/%d", TOPIC, (int)number);
        switch (at[0]) {
        case 'c':
            assert_true(ledger_cut(ledger, TOPIC, 0, 0, number));
            break;
        case 'w':
            assert_true(ledger_low(ledger, TOPIC, 0, number));
            break;
        case 'd':
        case 'D':
            assert_true(ledger_delivery(ledger, delivery((int)number), REFERRAL, at[0] == 'D'));
            break;
        case 't':
        case 'T':
            assert_true(ledger_tombstone(ledger, delivery((int)number), 36, at[0] == 'T'));
            break;
        case 'q':
            assert_true(ledger_unreadable(ledger, delivery((int)number), 36));
            break;
        case 'r':
            feed_event(ledger, EVENT_RECEIVED, REFERRAL, origin);
            break;
        case 'o':
            feed_event(ledger, EVENT_RECEIVED, OTHER, origin);
            break;
        case 'u':
            feed_event(ledger, EVENT_DUPLICATE, REFERRAL, origin);
            break;
        case 'x':
            feed_event(ledger, EVENT_REFUSED, OTHER, origin);
            break;
        case 'e':
            feed_event(ledger,
                       number == 1   ? EVENT_DELIVERED
                       : number == 2 ? EVENT_RETURNED
                       : number == 3 ? EVENT_CANCELLED
                                     : EVENT_RECORDED,
                       REFERRAL, NULL);
            break;
        case 'l':
            assert_true(ledger_dead_letter(ledger, origin));
            break;
        case 'm':
            assert_true(ledger_record(ledger, TOPIC, 0, number, 1000));
            break;
        default:
            fail_msg("no such letter: %s", at);
        }
    }
}

static void judge(struct ledger *ledger)
{
    report = (struct ledger_report){.problems = problems, .problems_max = 20};
    ledger_judge(ledger, &report);
}

static bool counts_are(const char *expected)
{
    char text[120];
    const struct ledger_counts *total = &report.total;
    text_format(text, sizeof text, "%d %d %d %d %d %d %d %d %d", (int)total->accepted,
                (int)total->delivered, (int)total->returned, (int)total->refused,
                (int)total->cancelled, (int)total->recorded, (int)total->pending,
                (int)total->duplicates, (int)total->missing);
    return strcmp(text, expected) == 0;
}

// accepted delivered returned refused cancelled recorded pending duplicates missing; the story
static const struct {
    int line;
    const char *counts, *story;
} BALANCED[] = {
    {__LINE__, "0 0 0 0 0 0 0 0 0", ""},
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c0m0"},             /* not handled yet */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1d0r0m0"},         /* on its way */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c1d0t0r0e1m0"},     /* delivered */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c1r0e1m0"},         /* delivered, compacted away */
    {__LINE__, "1 0 1 0 0 0 0 0 0", "c1r0e2m0"},         /* returned at once */
    {__LINE__, "1 0 0 0 1 0 0 0 0", "c1d0t0r0e3m0"},     /* cancelled */
    {__LINE__, "1 0 0 0 0 1 0 0 0", "c1r0e4m0"},         /* a walk-in */
    {__LINE__, "1 0 0 1 0 0 0 0 0", "c1x0l0m0"},         /* refused */
    {__LINE__, "1 1 0 0 0 0 0 1 0", "c2r0u1e1m0m1"},     /* sent twice */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c1d0t0d1t1r0e1m0"}, /* at the second provider */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1d0d0d0r0m0"},     /* attempts rewrite the delivery */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1d0t0D1r0m0"},     /* re-routed while the audit read */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1d0r0T0m0"},       /* ended while the audit read */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1r0D0T0m0"},       /* began and ended while it read */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c0r0e1T0m0"},       /* past the cut, handled by now */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c0D0m0"},           /* its events are behind the events' cut */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c0l0m0"},           /* the same for a dead letter */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c1r0e1w1"},         /* the record was trimmed meanwhile */
    {__LINE__, "1 1 0 0 0 0 0 0 0", "c1q0t0r0e1m0"},     /* unreadable, ended all the same */
    {__LINE__, "1 0 0 0 0 0 1 0 0", "c1q0d0r0m0"},       /* written again, readable */
};

static void every_balanced_life(void)
{
    for (size_t index = 0; index < sizeof BALANCED / sizeof *BALANCED; index++) {
        struct ledger *ledger = ledger_new(IDS_MAX);
        feed(ledger, BALANCED[index].story);
        judge(ledger);
        if (!report.balanced || !counts_are(BALANCED[index].counts)) {
            fail_msg("line %d: accepted %d, pending %d, missing %d, %s", BALANCED[index].line,
                     (int)report.total.accepted, (int)report.total.pending,
                     (int)report.total.missing,
                     report.problems_listed ? problems[0].code : "no problem");
        }
        ledger_free(ledger);
    }
}

static void a_life_that_balances_has_no_problem(void **state)
{
    (void)state;
    every_balanced_life();
}

// expected code, expected missing, the story
static const struct {
    int line;
    const char *code;
    int missing;
    const char *story;
} IMBALANCES[] = {
    {__LINE__, "no-event", 1, "c1m0"},
    {__LINE__, "no-end", 1, "c1r0m0"},
    {__LINE__, "no-end", 1, "c1d0t0r0m0"},
    {__LINE__, "pending-unreadable", 0, "c1q0r0m0"},
    {__LINE__, "pending-unreadable", 0, "c1d0t0q1r0m0"}, /* at the second provider */
    {__LINE__, "pending-unreadable", 0, "c1d0q0r0m0"},   /* the attempt's record */
    {__LINE__, "counted-twice", 0, "c1r0r0e1m0"},
    {__LINE__, "counted-twice", 0, "c1r0u0e1m0"},
    {__LINE__, "received-twice", 0, "c2r0r1e1m0m1"},
    {__LINE__, "two-finals", 0, "c1r0e1e2m0"},
    {__LINE__, "two-finals", 0, "c1r0e2e1m0"},
    {__LINE__, "delivered-twice", 0, "c1r0e1e1m0"},
    {__LINE__, "final-and-live", 0, "c1d0r0e1m0"},
    {__LINE__, "two-deliveries", 0, "c1d0d1r0m0"},
    {__LINE__, "final-without-received", 0, "c0e1"},
    {__LINE__, "delivery-without-received", 0, "c0d0"},
    {__LINE__, "event-without-record", 0, "c1r0e1"},
    {__LINE__, "no-dead-letter", 0, "c1x0m0"},
    {__LINE__, "dead-letter-without-event", 1, "c1l0m0"},
    {__LINE__, "dead-letter-twice", 0, "c1x0l0l0m0"},
    {__LINE__, "dead-letter-and-received", 0, "c1r0e1l0m0"},
    {__LINE__, "dead-letter-and-duplicate", 0, "c2r0u1e1l1m0m1"},
};

static void every_imbalance(void)
{
    for (size_t index = 0; index < sizeof IMBALANCES / sizeof *IMBALANCES; index++) {
        struct ledger *ledger = ledger_new(IDS_MAX);
        bool found = false;
        feed(ledger, IMBALANCES[index].story);
        judge(ledger);
        for (size_t problem = 0; problem < report.problems_listed; problem++) {
            found = found || strcmp(problems[problem].code, IMBALANCES[index].code) == 0;
        }
        if (report.balanced || !found || report.total.missing != IMBALANCES[index].missing) {
            fail_msg("line %d: balanced %d, missing %d, %d problems, the first %s",
                     IMBALANCES[index].line, report.balanced, (int)report.total.missing,
                     (int)report.problems_total,
                     report.problems_listed ? problems[0].code : "none");
        }
        ledger_free(ledger);
    }
}

static void each_imbalance_is_a_problem_with_its_own_code(void **state)
{
    (void)state;
    every_imbalance();
}

static void deliveries_with_ids_without_pathway(void **state)
{
    (void)state;
    ids_without_pathway = true;
    every_balanced_life();
    every_imbalance();
}

static int with_pathway_again(void **state)
{
    (void)state;
    ids_without_pathway = false;
    return 0;
}

static void an_origin_that_cannot_be_is_a_problem(void **state)
{
    static const char *const origins[] = {NULL,
                                          "",
                                          "referrals.msk",
                                          "referrals.msk/0",
                                          "referrals.msk/x/1",
                                          "referrals.msk/0/-1",
                                          "referrals.msk/0/1x"};
    (void)state;
    for (size_t index = 0; index < sizeof origins / sizeof *origins; index++) {
        struct ledger *ledger = ledger_new(IDS_MAX);
        feed_event(ledger, EVENT_DUPLICATE, REFERRAL, origins[index]);
        judge(ledger);
        assert_int_equal(report.problems_total, 1);
        assert_string_equal(problems[0].code, "bad-origin");
        ledger_free(ledger);
    }
}

static void an_origin_past_the_bound_fails_instead_of_taking_memory(void **state)
{
    struct ledger *ledger = ledger_new(IDS_MAX);
    const struct ledger_event event = {.kind = EVENT_DUPLICATE,
                                       .referral_id = REFERRAL,
                                       .pathway = "msk",
                                       .origin = TOPIC "/0/9223372036854775806"};
    (void)state;
    assert_false(ledger_event(ledger, &event));
    ledger_free(ledger);
}

static void more_ids_than_the_bound_fail(void **state)
{
    struct ledger *ledger = ledger_new(2);
    const char *ids[] = {"6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3a",
                         "6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3b",
                         "6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3c"};
    (void)state;
    assert_true(ledger_delivery(ledger, ids[0], ids[0], false));
    assert_true(ledger_delivery(ledger, ids[1], ids[1], false));
    assert_false(ledger_delivery(ledger, ids[2], ids[2], false));
    ledger_free(ledger);
}

// Events of msk on partition 3: received at 0, recorded at 1. The volumes say received 1.
static const struct {
    int line;
    int64_t before, after;
    const char *what; /* NULL: they agree */
    int uncertain;
} VOLUMES[] = {
    {__LINE__, 0, 0, "received: volumes 1, events 0", 0},
    {__LINE__, 1, 1, NULL, 0},
    {__LINE__, 2, 2, "recorded: volumes 0, events 1", 0},
    {__LINE__, 0, 1, NULL, 1},
    {__LINE__, 1, 2, NULL, 1},
    {__LINE__, 0, 2, NULL, 2},
    {__LINE__, -1, -1, "received: volumes 1, events 0", 0},
};

static void volumes_are_compared_with_the_events_they_were_counted_from(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof VOLUMES / sizeof *VOLUMES; row++) {
        struct ledger *ledger = ledger_new(IDS_MAX);
        const struct ledger_event received = {.kind = EVENT_RECEIVED,
                                              .referral_id = REFERRAL,
                                              .pathway = "msk",
                                              .origin = TOPIC "/0/0",
                                              .partition = 3,
                                              .offset = 0};
        const struct ledger_event recorded = {.kind = EVENT_RECORDED,
                                              .referral_id = REFERRAL,
                                              .pathway = "msk",
                                              .partition = 3,
                                              .offset = 1};
        assert_true(ledger_counted(ledger, 3, VOLUMES[row].before, VOLUMES[row].after));
        assert_true(ledger_volume(ledger, "a", 1, "msk", "received", 7));
        assert_true(ledger_volume(ledger, "a", 1, "msk", "received", 1));
        feed(ledger, "c1");
        assert_true(ledger_event(ledger, &received));
        assert_true(ledger_event(ledger, &recorded));
        feed(ledger, "m0");
        judge(ledger);
        const char *what = report.problems_listed ? problems[0].what : NULL;
        if (!report.volumes_checked || report.volumes_uncertain != VOLUMES[row].uncertain ||
            report.balanced != (VOLUMES[row].what == NULL) ||
            strcmp(what ? what : "", VOLUMES[row].what ? VOLUMES[row].what : "") != 0) {
            fail_msg("line %d: checked %d, uncertain %d, %s", VOLUMES[row].line,
                     report.volumes_checked, (int)report.volumes_uncertain, what ? what : "well");
        }
        ledger_free(ledger);
    }
}

// Balanced says nothing of volumes then, and the report says that.
static void volumes_that_could_not_be_compared_are_not_claimed(void **state)
{
    struct ledger *ledger = ledger_new(IDS_MAX);
    (void)state;
    feed(ledger, "c1r0e1m0");
    judge(ledger);
    assert_true(report.balanced);
    assert_false(report.volumes_checked);
    assert_true(ledger_counted(ledger, 0, 0, 0));
    ledger_events_trimmed(ledger, 5000);
    judge(ledger);
    assert_false(report.volumes_checked);
    ledger_free(ledger);
}

static void what_retention_has_trimmed_is_not_missing(void **state)
{
    struct ledger *ledger = ledger_new(IDS_MAX);
    (void)state;
    /* the record at 0 is gone, its events are not */
    assert_true(ledger_cut(ledger, TOPIC, 0, 1, 2));
    feed(ledger, "r0e1o1m1");
    feed_event(ledger, EVENT_RETURNED, OTHER, NULL);
    judge(ledger);
    assert_true(report.balanced);
    assert_true(counts_are("2 1 1 0 0 0 0 0 0"));
    ledger_free(ledger);

    /* the events of an old record are gone, the record is not */
    ledger = ledger_new(IDS_MAX);
    ledger_events_trimmed(ledger, 5000);
    feed(ledger, "c2o1m0");
    feed_event(ledger, EVENT_RETURNED, OTHER, NULL);
    assert_true(ledger_record(ledger, TOPIC, 0, 1, 6000));
    judge(ledger);
    assert_true(report.balanced);
    assert_int_equal(report.total.missing, 0);
    ledger_free(ledger);
}

static void the_list_is_bounded_and_the_number_is_not(void **state)
{
    struct ledger *ledger = ledger_new(IDS_MAX);
    (void)state;
    feed(ledger, "c9m0m1m2m3m4");
    report = (struct ledger_report){.problems = problems, .problems_max = 2};
    ledger_judge(ledger, &report);
    assert_int_equal(report.problems_listed, 2);
    assert_int_equal(report.problems_total, 5);
    assert_int_equal(report.total.missing, 5);
    assert_string_equal(problems[1].what, TOPIC "/0/1");
    ledger_free(ledger);
}

static void each_pathway_has_its_own_row(void **state)
{
    struct ledger *ledger = ledger_new(IDS_MAX);
    (void)state;
    assert_true(ledger_name_pathway(ledger, "falls"));
    feed(ledger, "c1d0r0m0");
    judge(ledger);
    assert_int_equal(report.pathways_count, 2);
    assert_string_equal(report.names[0], "falls");
    assert_int_equal(report.pathways[0].accepted, 0);
    assert_string_equal(report.names[1], "msk");
    assert_int_equal(report.pathways[1].pending, 1);
    ledger_free(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_life_that_balances_has_no_problem),
        cmocka_unit_test(each_imbalance_is_a_problem_with_its_own_code),
        cmocka_unit_test_teardown(deliveries_with_ids_without_pathway, with_pathway_again),
        cmocka_unit_test(an_origin_that_cannot_be_is_a_problem),
        cmocka_unit_test(an_origin_past_the_bound_fails_instead_of_taking_memory),
        cmocka_unit_test(more_ids_than_the_bound_fail),
        cmocka_unit_test(volumes_are_compared_with_the_events_they_were_counted_from),
        cmocka_unit_test(volumes_that_could_not_be_compared_are_not_claimed),
        cmocka_unit_test(what_retention_has_trimmed_is_not_missing),
        cmocka_unit_test(the_list_is_bounded_and_the_number_is_not),
        cmocka_unit_test(each_pathway_has_its_own_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
