// SPDX-License-Identifier: Apache-2.0
// Whose turn it is: hosts that are away, slow destinations, backlogs that look for another place.
#include "stage.h"

static void pass(struct stage *stage, int64_t ms)
{
    stage->now += ms;
    turn(stage, true);
    commit(stage);
}

static void a_host_where_nobody_answers_is_only_probed(void **state)
{
    (void)state;
    static struct stage stage;
    open_places(&stage, 100, 1);
    static const char *const codes[] = {"FA001", "FA002", "FA003"};
    for (int i = 0; i < 9; i++)
        read_for(&stage, codes[i % 3], i, 600 + i);
    turn(&stage, true);
    EXPECT(&stage, "send 0, send 1, send 2, send 3, send 4, send 5");
    for (int i = 0; i < 5; i++)
        answer(&stage, i, 0, NULL);
    answer(&stage, 5, 0, NULL); /* it was under way: nothing new */
    assert_int_equal(counts_of(&stage).hosts_broken, 1);
    assert_int_equal(counts_of(&stage).broken, 0);
    read_for(&stage, "FA004", 50, 60);
    read_for(&stage, "FB001", 60, 60);
    pass(&stage, 14999);
    EXPECT(&stage, "retry 0, retry 1, retry 2, retry 3, retry 4, retry 5, send 60");
    pass(&stage, 1);
    EXPECT(&stage, "send-again 0"); /* one, of all of them */
    pass(&stage, 30000);
    EXPECT(&stage, "");
    answer(&stage, 0, 0, NULL);
    pass(&stage, 59999); /* 15 * 2 * 2 */
    EXPECT(&stage, "retry 0");
    pass(&stage, 1);
    EXPECT(&stage, "send-again 1"); /* another endpoint, in case the first is broken itself */
    answer(&stage, 1, 503, NULL);   /* somebody is there */
    assert_int_equal(counts_of(&stage).hosts_broken, 0);
    turn(&stage, true);
    EXPECT(&stage, "retry 1, send-again 2, send 50"); /* two at first, by turns */
    deliver_free(stage.core);
}

static void the_probes_of_a_host_are_never_more_than_five_minutes_apart(void **state)
{
    (void)state;
    static struct stage stage;
    static const int64_t waits[] = {15000, 60000, 135000, 240000, 300000, 300000};
    open_places(&stage, 100, 1);
    for (int i = 0; i < 40; i++) {
        char code[ODS_CODE_SIZE];
        assert_true(text_format(code, sizeof(code), "FA%03d", i));
        read_for(&stage, code, i, 6000 + i);
    }
    turn(&stage, true);
    for (int i = 0; i < 40; i++)
        answer(&stage, i, 0, NULL);
    int64_t last = stage.now;
    for (size_t probes = 0; probes < sizeof(waits) / sizeof(*waits);) {
        struct deliver_send send;
        int64_t wake = deliver_wake_at(stage.core);
        assert_true(wake >= stage.now && wake < stage.now + 300001);
        stage.now = wake;
        deliver_tick(stage.core, stage.now);
        write_all(&stage, true);
        commit(&stage);
        if (!deliver_next_send(stage.core, stage.now, &send))
            continue;
        assert_int_equal(stage.now - last, waits[probes++]);
        last = stage.now;
        assert_false(deliver_next_send(stage.core, stage.now, &send));
        struct answer away = {.error = "refused-connection"};
        deliver_answered(stage.core, send.flight, &away, stage.now);
    }
    deliver_free(stage.core);
}

static void one_broken_endpoint_does_not_close_its_host(void **state)
{
    (void)state;
    static struct stage stage;
    open_places(&stage, 100, 1);
    for (int i = 0; i < 20; i++)
        read_for(&stage, i % 2 ? "FA001" : "FA002", i, 600 + i);
    int sent = 0;
    for (int round = 0; round < 12; round++) { /* FA001 hangs, FA002 has little to do */
        struct deliver_send send;
        deliver_tick(stage.core, stage.now);
        while (deliver_next_send(stage.core, stage.now, &send)) {
            bool hangs = text_equal(send.destination, "FA001");
            struct answer answer = {.status = hangs ? 0 : 200, .error = hangs ? "timeout" : NULL};
            sent += !hangs;
            deliver_answered(stage.core, send.flight, &answer, stage.now);
        }
        write_all(&stage, true);
        commit(&stage);
        stage.now += 20000;
    }
    assert_int_equal(sent, 10);
    assert_int_equal(counts_of(&stage).hosts_broken, 0);
    assert_int_equal(counts_of(&stage).broken, 1);
    deliver_free(stage.core);
}

static void after_its_return_a_host_is_not_flooded_and_its_destinations_take_turns(void **state)
{
    (void)state;
    static struct stage stage;
    int under_way[2 * NUMBERS], first = 0, last = 0, most = 0, turns[100] = {0};
    open_places(&stage, 1000, 1);
    for (int i = 0; i < 900; i++) {
        char code[ODS_CODE_SIZE];
        assert_true(text_format(code, sizeof(code), "FA%03d", i % 100));
        read_for(&stage, code, i, 600);
    }
    struct deliver_send send;
    for (int i = 0; i < 5 && deliver_next_send(stage.core, stage.now, &send); i++) {
        struct answer away = {.error = "refused-connection"};
        deliver_answered(stage.core, send.flight, &away, stage.now);
    }
    assert_int_equal(counts_of(&stage).hosts_broken, 1);
    pass(&stage, 0);
    stage.now += 15000;
    int rounds = 0, done = 0;
    for (; done < 600; rounds++) { /* each round trip everything under way is answered */
        struct answer well = {.status = 200};
        deliver_tick(stage.core, stage.now);
        while (deliver_next_send(stage.core, stage.now, &send)) {
            under_way[last++] = (int)send.flight;
            turns[strtol(send.destination + 2, NULL, 10)]++;
        }
        if (rounds == 0)
            assert_int_equal(last, 1); /* the probe */
        if (rounds == 1)
            assert_int_equal(last - first, 2);
        most = last - first > most ? last - first : most;
        assert_true(last > first);
        for (; first < last; first++, done++)
            deliver_answered(stage.core, (uint32_t)under_way[first], &well, stage.now);
        write_all(&stage, true);
        commit(&stage);
        stage.now += 50;
    }
    assert_true(most > 64);                 /* full speed in the end … */
    assert_true(rounds > 6 && rounds < 20); /* … but by doubling */
    int least = 1000, highest = 0;
    for (int i = 0; i < 100; i++) {
        least = turns[i] < least ? turns[i] : least;
        highest = turns[i] > highest ? turns[i] : highest;
    }
    assert_true(least >= 1 && highest - least <= 8);
    deliver_free(stage.core);
}

/* ---- slow ones */

#define ENDPOINTS 200
#define HANGING_FIRST 190
#define HANG_MS 5000

struct traffic {
    size_t in_flight_max;
    bool hang;
    int answered;
    int hanging_most; /* at once, of those that hang, once they are known */
};

/* A minute of a full backlog; every place that becomes free is taken at once. */
static void run_traffic(struct traffic *traffic)
{
    static struct stage stage;
    static struct {
        int64_t ends_at;
        uint32_t flight;
        bool slow, used;
    } air[1024];
    memset(&stage, 0, sizeof(stage));
    memset(air, 0, sizeof(air));
    struct deliver_options options = stage_options(&stage);
    options.in_flight_max = traffic->in_flight_max;
    options.pending_max = 100000;
    open_stage_with(&stage, &options);
    restore(&stage);
    int number = 0, hanging = 0, queued[ENDPOINTS] = {0};
    traffic->answered = traffic->hanging_most = 0;
    for (; stage.now < START + 60000; stage.now += 10) {
        for (int i = 0; i < ENDPOINTS * 20; i++) {
            char code[ODS_CODE_SIZE];
            if (queued[i % ENDPOINTS] > 20)
                continue;
            queued[i % ENDPOINTS]++;
            assert_true(text_format(code, sizeof(code), "F%03d", i % ENDPOINTS));
            struct deliver_record record = stage_record(number, code, 600);
            record.id.bytes[2] = (uint8_t)(number >> 16);
            assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &record, stage.now),
                             DONE);
            number++;
        }
        for (size_t i = 0; i < sizeof(air) / sizeof(*air); i++) {
            if (!air[i].used || air[i].ends_at > stage.now)
                continue;
            struct answer well = {.status = 200};
            air[i].used = false;
            traffic->answered += !air[i].slow;
            hanging -= air[i].slow;
            deliver_answered(stage.core, air[i].flight, &well, stage.now);
        }
        deliver_tick(stage.core, stage.now);
        struct deliver_write write;
        static struct uuid finished[4096];
        size_t finished_count = 0;
        while (deliver_next_write(stage.core, stage.now, &write))
            finished[finished_count++] = write.job->id;
        commit(&stage);
        for (size_t i = 0; i < finished_count; i++)
            deliver_tombstone_seen(stage.core, 0, stage.offset++, &finished[i], stage.now);
        struct deliver_send send;
        while (deliver_next_send(stage.core, stage.now, &send)) {
            size_t i = 0;
            while (air[i].used)
                i++;
            queued[strtol(send.destination + 1, NULL, 10)]--;
            bool slow = traffic->hang && strtol(send.destination + 1, NULL, 10) >= HANGING_FIRST;
            air[i].used = true;
            air[i].slow = slow;
            air[i].flight = send.flight;
            deliver_begun(stage.core, send.flight, stage.now);
            air[i].ends_at = stage.now + (slow ? HANG_MS : 40);
            hanging += slow;
        }
        if (stage.now > START + 3 * HANG_MS && hanging > traffic->hanging_most)
            traffic->hanging_most = hanging;
    }
    deliver_free(stage.core);
}

/* One in twenty hangs for five seconds on every request and there is work for everybody all the
 * time, so that each place it took from the others would show. */
static void endpoints_that_hang_leave_the_others_their_rate(void **state)
{
    (void)state;
    struct traffic with = {.in_flight_max = 64, .hang = true};
    struct traffic without = {.in_flight_max = 64};
    run_traffic(&with);
    run_traffic(&without);
    print_message(
        "healthy answers in a minute: %d, with 5 %% hanging %d; at most %d hang at once\n",
        without.answered, with.answered, with.hanging_most);
    assert_true(with.answered >= without.answered * 95 / 100);
    assert_true(with.hanging_most <= 32);
}

static void a_hung_send_gives_its_place_up_when_it_is_late_not_when_it_ends(void **state)
{
    (void)state;
    static struct stage stage;
    open_places(&stage, 3, 1);
    read_for(&stage, "FA001", 1, 60);
    read_for(&stage, "FA002", 2, 60);
    read_for(&stage, "FA003", 3, 60);
    read_for(&stage, "FB001", 4, 60);
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2, send 3");
    assert_int_equal(deliver_wake_at(stage.core), START + 501); /* nothing is known of them yet */
    pass(&stage, 500);
    EXPECT(&stage, "");
    pass(&stage, 1);
    EXPECT(&stage, "send 4");
    assert_int_equal(counts_of(&stage).slow_in_flight, 3);
    read_for(&stage, "FA001", 5, 60);
    read_for(&stage, "FC001", 6, 60);
    pass(&stage, 0);
    EXPECT(&stage, "send 6"); /* the slow lane has two places, and three in it already */
    deliver_free(stage.core);
}

/* Went wrong in a draft: who had just been answered took its own place again, before those that
 * waited for one. */
static void a_place_that_becomes_free_goes_to_who_has_waited_longest(void **state)
{
    (void)state;
    static struct stage stage;
    open_places(&stage, 2, 1);
    for (int i = 0; i < 40; i++) {
        char code[ODS_CODE_SIZE];
        assert_true(text_format(code, sizeof(code), "FA%03d", i % 4));
        read_for(&stage, code, i, 60 + i);
    }
    turn(&stage, true);
    EXPECT(&stage, "send 0, send 1");
    for (int i = 0; i < 6; i++) {
        answer(&stage, i, 425, NULL);
        turn(&stage, true);
    }
    EXPECT(&stage, "retry 0, send 2, retry 1, send 3, retry 2, send 4, retry 3, send 5, retry 4, "
                   "send 6, retry 5, send 7");
    deliver_free(stage.core);
}

static void one_that_is_quick_again_leaves_the_slow_lane(void **state)
{
    (void)state;
    static struct stage stage;
    open_places(&stage, 100, 1);
    read_for(&stage, "FA001", 0, 60);
    turn(&stage, true);
    stage.now += 3000;
    answer(&stage, 0, 200, NULL);
    assert_int_equal(counts_of(&stage).slow, 1);
    int answers = 0;
    for (; counts_of(&stage).slow; answers++) {
        assert_true(answers < 60);
        read_for(&stage, "FA001", 1 + answers, 60);
        pass(&stage, 0);
        answer(&stage, 1 + answers, 200, NULL);
    }
    assert_int_equal(answers, 4);
    deliver_free(stage.core);
}

/* ---- backlogs */

/* Went wrong once: 410 of one destination put its whole backlog in front of everybody's answers,
 * and nothing was sent until all of it had been written. */
static void a_backlog_that_looks_for_another_place_holds_nobody_up(void **state)
{
    (void)state;
    static struct stage stage;
    memset(&stage, 0, sizeof(stage));
    struct deliver_options options = stage_options(&stage);
    options.pending_max = 10000;
    open_stage_with(&stage, &options);
    restore(&stage);
    for (int i = 0; i < 4000; i++)
        read_for(&stage, "FA001", i, i ? 600 : 599);
    turn(&stage, false);
    EXPECT(&stage, "send 0, send 1");
    answer(&stage, 0, 410, NULL);
    read_for(&stage, "FB001", 4001, 600);
    turn(&stage, false);
    assert_non_null(strstr(stage.said, "leave 0, move "));
    assert_non_null(strstr(stage.said, "send 4001"));
    size_t moves = 0;
    for (const char *at = stage.said; (at = strstr(at, "move ")); at++)
        moves++;
    assert_int_equal(moves, 1024); /* per transaction */
    answer(&stage, 4001, 200, NULL);
    commit(&stage);
    stage.said[0] = '\0';
    turn(&stage, false);
    assert_ptr_equal(strstr(stage.said, "delivered 4001"), stage.said); /* answers come first */
    deliver_free(stage.core);
}

static void who_has_to_leave_goes_before_who_may_stay(void **state)
{
    (void)state;
    static struct stage stage;
    memset(&stage, 0, sizeof(stage));
    struct deliver_options options = stage_options(&stage);
    options.pending_max = 10000;
    open_stage_with(&stage, &options);
    restore(&stage);
    for (int i = 1; i <= 3000; i++)
        read_for(&stage, "FA001", i, i == 3000 ? 3 : 600);
    turn(&stage, false);
    answer(&stage, 3000, 410, NULL); /* its deadline is the earliest: it went first */
    read_for(&stage, "FA001", 3001, 3);
    stage.said[0] = '\0';
    turn(&stage, false);
    commit(&stage);
    stage.now = START + 3 * MINUTE - 2000; /* nobody had time for number 3001 until now */
    stage.said[0] = '\0';
    turn(&stage, false);
    assert_ptr_equal(strstr(stage.said, "leave 3001"), stage.said);
    deliver_free(stage.core);
}

/* A hundred of one that answers within 2 ms are gone in a moment. */
static void what_is_answered_at_once_can_be_sent_soon(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_send send;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 0; i < 1000; i++)
        read_for(&stage, "FA001", i, 60);
    static const struct {
        int64_t takes_ms;
        size_t soon;
    } rows[] = {{2, 799} /* eight, 200 / 2.001 times */, {20000, 64}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(deliver_sendable(stage.core, stage.now), i ? rows[i - 1].soon : 64);
        assert_true(deliver_next_send(stage.core, stage.now, &send));
        deliver_begun(stage.core, send.flight, stage.now);
        stage.now += rows[i].takes_ms;
        deliver_answered(stage.core, send.flight,
                         &(struct answer){.status = 200, .duration_ms = rows[i].takes_ms},
                         stage.now);
        assert_int_equal(deliver_sendable(stage.core, stage.now), rows[i].soon);
    }
    deliver_free(stage.core);
}

/* A backlog behind one narrow window is not work for now. */
static void what_can_be_sent_soon_is_counted_by_windows(void **state)
{
    (void)state;
    struct stage stage;
    struct deliver_send send;
    open_stage(&stage, false);
    for (int i = 0; i < 100; i++)
        read_for(&stage, "FA001", i, 60);
    for (int i = 100; i < 110; i++)
        read_for(&stage, "FB001", i, 60);
    restore(&stage);
    /* at once: eight times two; soon: eight times what a window is after a few answers */
    assert_int_equal(deliver_ready(stage.core), 16 + 10);
    assert_int_equal(deliver_sendable(stage.core, stage.now), 64 + 10);
    assert_true(deliver_next_send(stage.core, stage.now, &send));
    deliver_answered(stage.core, send.flight, &(struct answer){.error = "timeout"}, stage.now);
    assert_string_equal(send.destination, "FA001");
    assert_int_equal(deliver_sendable(stage.core, stage.now), 8 + 10); /* it grows no more */
    deliver_free(stage.core);
}

static void a_notice_has_all_of_its_time_whatever_a_hop_may_last(void **state)
{
    (void)state;
    struct stage stage;
    memset(&stage, 0, sizeof(stage));
    struct deliver_options options = stage_options(&stage);
    options.hop_limit_ms = 6000;
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    open_stage_with(&stage, &options);
    struct deliver_record notice = stage_record(1, "G82001", 60);
    notice.alone = true;
    assert_int_equal(deliver_record_seen(stage.core, 0, stage.offset++, &notice, stage.now), DONE);
    restore(&stage);
    stage.now += 20 * MINUTE;
    turn(&stage, true);
    EXPECT(&stage, "");
    stage.now = START + 60 * MINUTE;
    turn(&stage, true);
    EXPECT(&stage, "leave 1");
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_at_once_can_be_sent_soon),
        cmocka_unit_test(what_can_be_sent_soon_is_counted_by_windows),
        cmocka_unit_test(a_host_where_nobody_answers_is_only_probed),
        cmocka_unit_test(the_probes_of_a_host_are_never_more_than_five_minutes_apart),
        cmocka_unit_test(one_broken_endpoint_does_not_close_its_host),
        cmocka_unit_test(after_its_return_a_host_is_not_flooded_and_its_destinations_take_turns),
        cmocka_unit_test(endpoints_that_hang_leave_the_others_their_rate),
        cmocka_unit_test(a_hung_send_gives_its_place_up_when_it_is_late_not_when_it_ends),
        cmocka_unit_test(a_place_that_becomes_free_goes_to_who_has_waited_longest),
        cmocka_unit_test(one_that_is_quick_again_leaves_the_slow_lane),
        cmocka_unit_test(a_backlog_that_looks_for_another_place_holds_nobody_up),
        cmocka_unit_test(who_has_to_leave_goes_before_who_may_stay),
        cmocka_unit_test(a_notice_has_all_of_its_time_whatever_a_hop_may_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
