/* SPDX-License-Identifier: Apache-2.0 */
#include "count.h"

#include "base/calendar.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
// cmocka.h needs the four above
#include <cmocka.h>

static int64_t instant(const char *text)
{
    int64_t ms = 0;
    assert_true(instant_parse(text, &ms));
    return ms;
}

static int64_t day(const char *text)
{
    struct date date;
    assert_true(date_parse(text, &date));
    return date_to_days(date);
}

static struct referral_event event_of(const char *kind, const char *occurred, const char *accepted)
{
    struct referral_event event = {.kind = event_kind_parse(kind)};
    assert_int_not_equal(event.kind, EVENT_KINDS);
    event.occurred_at_ms = instant(occurred);
    event.accepted_at_ms = instant(accepted);
    text_copy(event.pathway, sizeof(event.pathway), "pharmacy-first");
    text_copy(event.service, sizeof(event.service), "minor-illness");
    text_copy(event.source_kind, sizeof(event.source_kind), "gp-practice");
    text_copy(event.hcp, sizeof(event.hcp), "West Kent");
    text_copy(event.pcn, sizeof(event.pcn), "Malling");
    text_copy(event.destination, sizeof(event.destination), "FA001");
    return event;
}

static struct window *new_window(const char *floor_day)
{
    struct window *window = window_new(1000);
    assert_non_null(window);
    window_begin(window, day(floor_day));
    return window;
}

static void count_well(struct window *window, const struct referral_event *event)
{
    int64_t needed = 0;
    assert_int_equal(count_event(window, event, &needed), COUNTED);
}

/* The only unsent volume. */
static struct volume one_change(struct window *window)
{
    struct volume volume, other;
    void *cursor = NULL;
    assert_true(window_next_unsent(window, &cursor, &volume));
    assert_false(window_next_unsent(window, &cursor, &other));
    return volume;
}

static bool no_change(struct window *window)
{
    struct volume volume;
    void *cursor = NULL;
    return !window_next_unsent(window, &cursor, &volume);
}

static void an_event_counts_for_its_london_day(void **state)
{
    static const struct {
        int line;
        const char *expected, *kind, *occurred, *accepted;
    } rows[] = {
        /* winter: London is UTC */
        {__LINE__, "2026-01-15", "delivered", "2026-01-15T00:00:00Z", "2026-01-14T23:59:59Z"},
        {__LINE__, "2026-01-14", "delivered", "2026-01-14T23:59:59.999Z", "2026-01-14T00:00:00Z"},
        /* summer: midnight in London is 23:00 UTC of the day before */
        {__LINE__, "2026-07-02", "delivered", "2026-07-01T23:00:00Z", "2026-07-01T00:00:00Z"},
        {__LINE__, "2026-07-01", "delivered", "2026-07-01T22:59:59.999Z", "2026-07-01T00:00:00Z"},
        {__LINE__, "2026-07-01", "delivered", "2026-07-01T00:30:00+01:00", "2026-07-01T00:00:00Z"},
        /* the clocks go forward on 29 March 2026 at 01:00 UTC: that day begins at 00:00 UTC, ends
           at 23:00 */
        {__LINE__, "2026-03-28", "delivered", "2026-03-28T23:59:59Z", "2026-03-28T00:00:00Z"},
        {__LINE__, "2026-03-29", "delivered", "2026-03-29T00:00:00Z", "2026-03-28T00:00:00Z"},
        {__LINE__, "2026-03-29", "delivered", "2026-03-29T22:59:59Z", "2026-03-28T00:00:00Z"},
        {__LINE__, "2026-03-30", "delivered", "2026-03-29T23:00:00Z", "2026-03-28T00:00:00Z"},
        /* and back on 25 October 2026: that day begins at 23:00 UTC of the 24th and has 25 hours */
        {__LINE__, "2026-10-24", "delivered", "2026-10-24T22:59:59Z", "2026-10-24T00:00:00Z"},
        {__LINE__, "2026-10-25", "delivered", "2026-10-24T23:00:00Z", "2026-10-24T00:00:00Z"},
        {__LINE__, "2026-10-25", "delivered", "2026-10-25T23:59:59Z", "2026-10-24T00:00:00Z"},
        {__LINE__, "2026-10-26", "delivered", "2026-10-26T00:00:00Z", "2026-10-24T00:00:00Z"},
        /* received: the day the gateway took it, not the day the router got round to it */
        {__LINE__, "2026-07-01", "received", "2026-07-02T08:00:00Z", "2026-07-01T22:59:59Z"},
        {__LINE__, "2026-07-03", "returned", "2026-07-02T23:30:00Z", "2026-07-01T22:59:59Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct window *window = new_window("2026-01-01");
        struct referral_event event = event_of(rows[i].kind, rows[i].occurred, rows[i].accepted);
        count_well(window, &event);
        struct volume volume = one_change(window);
        if (strcmp(volume.period, rows[i].expected) != 0)
            fail_msg("line %d: %s, expected %s", rows[i].line, volume.period, rows[i].expected);
        window_free(window);
    }
}

static void a_volume_has_the_dimensions_of_its_event(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    count_well(window, &event);
    count_well(window, &event);
    struct volume volume = one_change(window);
    assert_string_equal(volume.pathway, "pharmacy-first");
    assert_string_equal(volume.service, "minor-illness");
    assert_string_equal(volume.source_kind, "gp-practice");
    assert_string_equal(volume.hcp, "West Kent");
    assert_string_equal(volume.pcn, "Malling");
    assert_string_equal(volume.provider, "FA001");
    assert_string_equal(volume.stage, "delivered");
    assert_int_equal(volume.count, 2);
    assert_true(no_change(window));
    window_free(window);
}

static void every_kind_counts_for_the_stage_of_its_word_or_not_at_all(void **state)
{
    (void)state;
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        struct window *window = new_window("2026-07-01");
        const struct event_word *word = event_word((enum event_kind)kind);
        struct referral_event event =
            event_of(word->name, "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
        int64_t needed = 0;
        enum counted counted = count_event(window, &event, &needed);
        if (counted != (word->stage ? COUNTED : COUNTED_NOT))
            fail_msg("%s: counted is %d", word->name, counted);
        if (word->stage)
            assert_string_equal(one_change(window).stage, word->stage);
        else
            assert_true(no_change(window));
        window_free(window);
    }
}

static void different_dimensions_are_different_cells(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    count_well(window, &event);
    /* the same letters, divided otherwise between two texts */
    text_copy(event.hcp, sizeof(event.hcp), "West");
    text_copy(event.pcn, sizeof(event.pcn), " KentMalling");
    count_well(window, &event);
    event.kind = EVENT_RETURNED;
    count_well(window, &event);
    event.occurred_at_ms += INT64_C(86400000);
    count_well(window, &event);
    assert_int_equal(window_cells(window), 4);
    struct volume volume;
    void *cursor = NULL;
    for (int i = 0; i < 4; i++) {
        assert_true(window_next_unsent(window, &cursor, &volume));
        assert_int_equal(volume.count, 1);
    }
    assert_false(window_next_unsent(window, &cursor, &volume));
    window_free(window);
}

static void cells_that_differ_have_keys_that_differ(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    text_copy(event.pcn, sizeof(event.pcn), "a|b");
    count_well(window, &event);
    text_copy(event.pcn, sizeof(event.pcn), "a/b"); /* the same Kafka key: must be the same cell */
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 2);
    window_free(window);
}

static void an_abort_undoes_what_was_counted_since_the_commit(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 1);
    window_committed(window, day("2026-07-01"));
    count_well(window, &event);
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 3);
    window_aborted(window);
    assert_true(no_change(window));
    count_well(window, &event); /* it comes again */
    assert_int_equal(one_change(window).count, 2);
    window_aborted(window); /* before anything was sent, too */
    count_well(window, &event);
    window_aborted(window);
    assert_true(no_change(window));
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 2);
    window_free(window);
}

static void a_change_after_the_sending_is_sent_again(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 1);
    count_well(window, &event); /* same transaction, after the first tick */
    assert_int_equal(one_change(window).count, 2);
    window_committed(window, day("2026-07-01"));
    assert_true(no_change(window));
    window_free(window);
}

static void a_restored_figure_is_counted_on(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    count_well(window, &event);
    struct volume stored = one_change(window);
    window_begin(window, day("2026-07-01"));
    stored.count = 41;
    assert_int_equal(window_restore(window, &stored, NULL), DONE);
    stored.count = 42; /* a later record of the same key replaces it */
    assert_int_equal(window_restore(window, &stored, NULL), DONE);
    assert_true(no_change(window));
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 43);
    window_aborted(window);
    count_well(window, &event);
    assert_int_equal(one_change(window).count, 43);
    window_free(window);
}

static void a_period_that_is_no_date_is_refused(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct volume volume = {.period = "2026-07"};
    struct reason reason;
    assert_int_equal(window_restore(window, &volume, &reason), REFUSED);
    assert_string_equal(reason.code, "bad-period");
    assert_int_equal(window_cells(window), 0);
    window_free(window);
}

static void an_older_day_is_asked_for_and_corrected(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event late =
        event_of("delivered", "2026-05-02T10:00:00Z", "2026-05-02T09:00:00Z");
    int64_t needed = 0;
    assert_int_equal(count_event(window, &late, &needed), COUNT_NEEDS_DAY);
    assert_int_equal(needed, day("2026-05-02"));
    assert_true(no_change(window));
    struct volume stored = {.period = "2026-05-02",
                            .pathway = "pharmacy-first",
                            .service = "minor-illness",
                            .source_kind = "gp-practice",
                            .hcp = "West Kent",
                            .pcn = "Malling",
                            .provider = "FA001",
                            .stage = "delivered",
                            .count = 7};
    assert_true(window_hold_late(window, needed));
    assert_int_equal(window_restore(window, &stored, NULL), DONE);
    text_copy(stored.period, sizeof(stored.period), "2026-05-03"); /* not held: passed over */
    assert_int_equal(window_restore(window, &stored, NULL), DONE);
    assert_int_equal(window_cells(window), 1);
    count_well(window, &late);
    assert_int_equal(one_change(window).count, 8);
    window_free(window);
}

static void
a_late_day_is_let_go_one_whole_transaction_after_its_last_change_when_space_is_short(void **state)
{
    (void)state;
    struct window *window = window_new(6); /* more than half is used by two days and two cells */
    assert_non_null(window);
    window_begin(window, day("2026-07-01"));
    int64_t late_day = day("2026-05-02");
    struct referral_event late =
        event_of("delivered", "2026-05-02T10:00:00Z", "2026-05-02T09:00:00Z");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    assert_true(window_hold_late(window, late_day));
    count_well(window, &event);
    count_well(window, &late);
    window_committed(window, day("2026-07-01"));
    assert_true(window_holds(window, late_day)); /* its change may not be readable yet */
    count_well(window, &event);
    window_aborted(window); /* no whole transaction */
    assert_true(window_holds(window, late_day));
    count_well(window, &event);
    window_committed(window, day("2026-07-01"));
    assert_false(window_holds(window, late_day));
    assert_int_equal(window_cells(window), 1);
    window_free(window);
}

static void a_late_day_is_kept_a_while_and_let_go_unused(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    int64_t late_day = day("2026-05-02");
    struct referral_event late =
        event_of("delivered", "2026-05-02T10:00:00Z", "2026-05-02T09:00:00Z");
    assert_true(window_hold_late(window, late_day));
    for (int i = 0; i < 3 * WINDOW_LATE_TRANSACTIONS; i++) {
        if (i % WINDOW_LATE_TRANSACTIONS == 0)
            count_well(window, &late);
        window_committed(window, day("2026-07-01"));
        assert_true(window_holds(window, late_day));
    }
    window_committed(window, day("2026-07-01"));
    assert_false(window_holds(window, late_day));
    assert_int_equal(window_cells(window), 0);
    window_free(window);
}

static void a_late_day_that_could_not_be_loaded_is_not_held(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    assert_true(window_hold_late(window, day("2026-05-02")));
    window_let_go(window, day("2026-05-02"));
    assert_false(window_holds(window, day("2026-05-02")));
    window_free(window);
}

static void the_window_moves_on_at_a_commit_and_never_back(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event first =
        event_of("delivered", "2026-07-01T10:00:00Z", "2026-07-01T09:00:00Z");
    count_well(window, &first);
    window_committed(window, day("2026-07-01"));
    for (int i = 0; i <= WINDOW_LATE_TRANSACTIONS; i++)
        window_committed(window, day("2026-07-02"));
    assert_false(window_holds(window, day("2026-07-01")));
    assert_true(window_holds(window, day("2026-07-02")));
    window_committed(window, day("2026-06-01")); /* the clock was put back */
    assert_int_equal(window_floor(window), day("2026-07-02"));
    window_free(window);
}

static void a_time_without_a_day_is_named(void **state)
{
    (void)state;
    struct window *window = new_window("2026-07-01");
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    int64_t needed = 0;
    static const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_C(253402300800000)};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        event.occurred_at_ms = times[i];
        assert_int_equal(count_event(window, &event, &needed), COUNTED_NO_DAY);
    }
    assert_true(no_change(window));
    window_free(window);
}

static struct volume cell_of(const char *period, const char *stage, int64_t count)
{
    struct volume volume = {.count = count};
    text_copy(volume.period, sizeof(volume.period), period);
    text_copy(volume.stage, sizeof(volume.stage), stage);
    return volume;
}

/* What is read back at a start: the oldest days do not fit and are late ones from then on, in
 * whatever order the records come. */
static void a_start_holds_the_newest_days_that_fit(void **state)
{
    (void)state;
    static const char *const orders[][4] = {
        {"2026-07-01", "2026-07-02", "2026-07-03", "2026-07-04"},
        {"2026-07-04", "2026-07-03", "2026-07-02", "2026-07-01"},
        {"2026-07-02", "2026-07-04", "2026-07-01", "2026-07-03"},
    };
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct window *window = window_new(4); /* two days of a cell each */
        struct reason reason;
        window_begin(window, day("2026-06-01"));
        for (size_t j = 0; j < 4; j++) {
            struct volume volume = cell_of(orders[i][j], "received", 5);
            assert_int_equal(window_restore(window, &volume, &reason), DONE);
        }
        assert_false(window_holds(window, day("2026-07-02")));
        assert_true(window_holds(window, day("2026-07-03")));
        assert_true(window_holds(window, day("2026-07-04")));
        assert_int_equal(window_cells(window), 2);
        assert_true(window_squeezed(window) >= 1);
        window_free(window);
    }
}

/* A day leaves only when a scan of the topic is certain to see its last change. */
static void days_make_room_two_transactions_after_their_last_change(void **state)
{
    (void)state;
    struct window *window = window_new(4);
    struct volume one = {.stage = "received"}, two = {.stage = "returned"};
    window_begin(window, day("2026-07-01"));
    assert_true(window_add(window, day("2026-07-01"), &one));
    window_committed(window, day("2026-06-01"));
    assert_true(window_add(window, day("2026-07-02"), &one));
    assert_false(window_add(window, day("2026-07-02"), &two)); /* the markers of the first … */
    window_committed(window, day("2026-06-01"));
    assert_true(window_add(window, day("2026-07-02"), &two)); /* … are there now */
    assert_false(window_holds(window, day("2026-07-01")));
    assert_int_equal(window_squeezed(window), 1);
    window_committed(window, day("2026-06-01"));
    /* a late event for it: it is held again, and read back */
    window_committed(window, day("2026-06-01"));
    assert_true(window_hold_late(window, day("2026-07-01")));
    struct volume back = cell_of("2026-07-01", "received", 1);
    struct reason reason;
    assert_int_equal(window_restore(window, &back, &reason), DONE);
    assert_false(window_holds(window, day("2026-07-02")));
    assert_true(window_add(window, day("2026-07-01"), &one));
    void *cursor = NULL;
    struct volume sent;
    assert_true(window_next_unsent(window, &cursor, &sent));
    assert_int_equal(sent.count, 2);
    window_free(window);
}

static void the_bound_is_kept_and_said(void **state)
{
    (void)state;
    struct window *window = window_new(3); /* a day and two cells */
    assert_non_null(window);
    window_begin(window, day("2026-07-01"));
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    int64_t needed = 0;
    count_well(window, &event);
    event.kind = EVENT_RETURNED;
    count_well(window, &event);
    event.kind = EVENT_CANCELLED;
    assert_int_equal(count_event(window, &event, &needed), COUNT_FULL);
    assert_int_equal(window_cells(window), 2);
    assert_false(window_hold_late(window, day("2026-05-02")));
    struct volume other = {.period = "2026-07-02", .stage = "refused", .count = 1};
    struct reason reason;
    assert_int_equal(window_restore(window, &other, &reason), BROKEN);
    assert_string_equal(reason.code, "window-full");
    event.kind = EVENT_RETURNED; /* what is there goes on */
    count_well(window, &event);
    window_free(window);
}

static void thousands_of_cells_keep_their_counts(void **state)
{
    (void)state;
    struct window *window = window_new(20000);
    assert_non_null(window);
    window_begin(window, day("2026-07-01"));
    struct referral_event event =
        event_of("delivered", "2026-07-02T10:00:00Z", "2026-07-02T09:00:00Z");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5000; i++) {
            text_format(event.destination, sizeof(event.destination), "F%04d", i);
            count_well(window, &event);
        }
    }
    assert_int_equal(window_cells(window), 5000);
    struct volume volume;
    void *cursor = NULL;
    int changed = 0;
    while (window_next_unsent(window, &cursor, &volume)) {
        assert_int_equal(volume.count, 3);
        changed++;
    }
    assert_int_equal(changed, 5000);
    window_free(window);
}

static void the_floor_is_a_number_of_london_days_back(void **state)
{
    (void)state;
    assert_int_equal(count_floor(instant("2026-07-10T12:00:00Z"), 9), day("2026-07-01"));
    assert_int_equal(count_floor(instant("2026-07-09T23:30:00Z"), 9), day("2026-07-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_counts_for_its_london_day),
        cmocka_unit_test(a_volume_has_the_dimensions_of_its_event),
        cmocka_unit_test(every_kind_counts_for_the_stage_of_its_word_or_not_at_all),
        cmocka_unit_test(different_dimensions_are_different_cells),
        cmocka_unit_test(cells_that_differ_have_keys_that_differ),
        cmocka_unit_test(an_abort_undoes_what_was_counted_since_the_commit),
        cmocka_unit_test(a_change_after_the_sending_is_sent_again),
        cmocka_unit_test(a_restored_figure_is_counted_on),
        cmocka_unit_test(a_period_that_is_no_date_is_refused),
        cmocka_unit_test(an_older_day_is_asked_for_and_corrected),
        cmocka_unit_test(
            a_late_day_is_let_go_one_whole_transaction_after_its_last_change_when_space_is_short),
        cmocka_unit_test(a_late_day_is_kept_a_while_and_let_go_unused),
        cmocka_unit_test(a_late_day_that_could_not_be_loaded_is_not_held),
        cmocka_unit_test(the_window_moves_on_at_a_commit_and_never_back),
        cmocka_unit_test(a_time_without_a_day_is_named),
        cmocka_unit_test(a_start_holds_the_newest_days_that_fit),
        cmocka_unit_test(days_make_room_two_transactions_after_their_last_change),
        cmocka_unit_test(the_bound_is_kept_and_said),
        cmocka_unit_test(thousands_of_cells_keep_their_counts),
        cmocka_unit_test(the_floor_is_a_number_of_london_days_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
