// SPDX-License-Identifier: Apache-2.0
// What an operator asks for reaches what stays on the topic for want of room. Once it did not.
#include "stage_topic.h"

#define HELD 20
#define BEYOND (HELD / 8 + 1)
#define ALL 200
#define OTHERS 5

static int finished[NUMBERS];

/* FA001 is paused, and has far more than is held. */
static void open_backlog(struct stage *stage, int waits)
{
    memset(finished, 0, sizeof(finished));
    open_full(stage, HELD, false);
    (void)text_copy(stage->paused, sizeof(stage->paused), "FA001");
    for (int i = 0; i < ALL; i++)
        put(&(struct entry){.number = i, .destination = "FA001", .minutes = 6000, .waits = waits});
    topic.restore_to = topic.count;
    read_log(stage);
    assert_int_equal(counts_of(stage).pending, HELD);
    assert_int_equal(counts_of(stage).left, ALL - HELD);
}

static struct deliver_destination seen_of(const struct stage *stage, const char *destination)
{
    struct deliver_destination seen;
    assert_true(deliver_look(stage->core, destination, &seen));
    return seen;
}

/* Until nothing is asked for any more. */
static void turn_until_decided(struct stage *stage)
{
    for (int round = 0; seen_of(stage, "FA001").asked > 0; round++, stage->now += 200) {
        assert_true(round < 1000);
        turn_with_topic(stage, finished);
        assert_in_range(counts_of(stage).pending, 0, HELD + BEYOND);
    }
}

static void a_reroute_of_all_moves_each_of_them_once(void **state)
{
    (void)state;
    static struct stage stage;
    open_backlog(&stage, 0);
    topic.elsewhere = true;
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
    assert_int_equal(seen_of(&stage, "FA001").asked, ALL);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), 0); /* asked already */
    turn_until_decided(&stage);
    for (int i = 0; i < ALL; i++)
        assert_int_equal(finished[i], 1);
    assert_int_equal(counts_of(&stage).left, 0);
    print_message("200 moved, 20 held: read again %d times\n", topic.reads);
    deliver_free(stage.core);
}

static void where_nobody_else_is_each_is_asked_once_and_left_again(void **state)
{
    (void)state;
    static struct stage stage;
    open_backlog(&stage, 0);
    for (int order = 1; order <= 2; order++) {
        assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
        turn_until_decided(&stage);
        turn_with_topic(&stage, finished);
        for (int i = 0; i < ALL; i++)
            assert_int_equal(topic.asked[i], order);
        assert_int_equal(counts_of(&stage).pending + counts_of(&stage).left, ALL);
        assert_in_range(counts_of(&stage).pending, 0, HELD);
        assert_int_equal(seen_of(&stage, "FA001").left, counts_of(&stage).left);
    }
    deliver_free(stage.core);
}

static void others_that_are_left_with_them_are_left_alone(void **state)
{
    (void)state;
    static struct stage stage;
    open_backlog(&stage, 0);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    deliver_directory_changed(stage.core, stage.now);
    for (int i = ALL; i < ALL + 50; i++)
        put_delivery("FB001", i, 6000);
    read_log(&stage);
    topic.elsewhere = true;
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
    turn_until_decided(&stage);
    for (int i = 0; i < ALL + 50; i++)
        assert_int_equal(topic.asked[i], i < ALL);
    assert_int_equal(seen_of(&stage, "FB001").held + seen_of(&stage, "FB001").left, 50);
    deliver_free(stage.core);
}

static void what_is_asked_of_one_is_done_wherever_it_is(void **state)
{
    (void)state;
    static const struct {
        bool done;
        char what; /* m: another provider, r: retry */
        int number;
        const char *where;
    } rows[] = {
        {true, 'm', 0, "held"},    {true, 'm', ALL - 1, "left"}, {false, 'm', ALL, "unknown"},
        {true, 'r', 0, "held"},    {true, 'r', ALL - 1, "left"}, {false, 'r', ALL, "unknown"},
        {false, 'm', 90, "ended"}, {false, 'r', 90, "ended"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        static struct stage stage;
        const struct uuid id = id_of(rows[i].number);
        struct deliver_send send;
        open_backlog(&stage, 900);
        stage.paused[0] = '\0';
        deliver_directory_changed(stage.core, stage.now);
        topic.elsewhere = true;
        put(&(struct entry){.number = 90});
        read_log(&stage);
        const bool done = rows[i].what == 'm' ? deliver_reroute(stage.core, &id, stage.now)
                                              : deliver_retry_now(stage.core, &id, stage.now);
        if (done != rows[i].done)
            fail_msg("row %zu: one that is %s", i, rows[i].where);
        turn_until_decided(&stage);
        turn_with_topic(&stage, finished);
        const bool sent = deliver_next_send(stage.core, stage.now, &send);
        assert_int_equal(sent, done && rows[i].what == 'r');
        if (sent)
            assert_int_equal(number_of(&send.job->id), rows[i].number);
        for (int n = 0; n < ALL; n++)
            assert_int_equal(topic.asked[n], done && rows[i].what == 'm' && n == rows[i].number);
        deliver_free(stage.core);
    }
}

/* What is held because it is wanted gives way to them like any other, and is wanted still. */
static void others_find_room_while_much_is_wanted(void **state)
{
    (void)state;
    static struct stage stage;
    int32_t partition;
    open_backlog(&stage, 0);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
    stage.now += 1000;
    assert_true(deliver_next_read_again(stage.core, stage.now, &partition, &topic.read_to));
    put_delivery("FB001", ALL, 6000);
    topic.restore_to = topic.count;
    read_log(&stage);
    assert_int_equal(seen_of(&stage, "FB001").held, 1);
    assert_int_equal(seen_of(&stage, "FA001").asked, ALL);
    turn_until_decided(&stage);
    for (int i = 0; i <= ALL; i++)
        assert_int_equal(topic.asked[i], i < ALL);
    deliver_free(stage.core);
}

/* All wait for a day, by the provider's own word, and the release comes long before that. What
 * others take the room of meanwhile does not wait again. */
static void a_release_ends_the_waits_of_those_too_that_are_read_later(void **state)
{
    (void)state;
    for (int all = 0; all < 2; all++) {
        static struct stage stage;
        open_backlog(&stage, 1440);
        stage.paused[0] = '\0';
        deliver_directory_changed(stage.core, stage.now);
        assert_int_equal(all ? deliver_retry_all(stage.core, "FA001", stage.now)
                             : deliver_release(stage.core, "FA001", stage.now),
                         HELD);
        assert_int_equal(seen_of(&stage, "FA001").asked, 0);
        for (int i = ALL; i < ALL + OTHERS; i++)
            put_delivery("FB001", i, 6000);
        int done = 0;
        for (int round = 0; done < ALL + OTHERS; round++, stage.now += 1000) {
            struct deliver_send send;
            assert_true(round < 1000);
            turn_with_topic(&stage, finished);
            while (deliver_next_send(stage.core, stage.now, &send)) {
                struct answer well = {.status = 200};
                deliver_answered(stage.core, send.flight, &well, stage.now);
                done++;
            }
        }
        deliver_free(stage.core);
    }
}

/* What is new in it waits while it is read, and must not wait all the time. */
static void a_partition_rests_for_as_long_as_its_reading_took(void **state)
{
    (void)state;
    static struct stage stage;
    int32_t partition;
    open_backlog(&stage, 0);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
    stage.now += 1000;
    assert_true(deliver_next_read_again(stage.core, stage.now, &partition, &topic.read_to));
    topic.restore_to = topic.count;
    stage.now += 30000;
    read_log(&stage);
    for (int second = 0; second < 30; second++, stage.now += 1000) {
        turn_with_topic(&stage, finished);
        assert_int_equal(topic.reads, 0);
    }
    turn_with_topic(&stage, finished);
    assert_int_equal(topic.reads, 1);
    deliver_free(stage.core);
}

static void what_was_asked_is_forgotten_with_what_it_was_about(void **state)
{
    (void)state;
    static struct stage stage;
    int32_t partition;
    open_backlog(&stage, 0);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), ALL);
    put(&(struct entry){.number = ALL - 1}); /* somebody else has finished it */
    read_log(&stage);
    assert_int_equal(seen_of(&stage, "FA001").asked, ALL - 1);
    stage.now += 1000;
    assert_true(deliver_next_read_again(stage.core, stage.now, &partition, &topic.read_to));
    read_log(&stage); /* some are held only because they are wanted, and the reading goes on */
    assert_int_equal(counts_of(&stage).pending, HELD + BEYOND);
    assert_int_equal(seen_of(&stage, "FA001").asked, ALL - 1);
    deliver_revoked(stage.core, 0);
    assert_int_equal(seen_of(&stage, "FA001").asked, 0);
    assert_int_equal(seen_of(&stage, "FA001").left, 0);
    assert_int_equal(counts_of(&stage).left, 0);
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reroute_of_all_moves_each_of_them_once),
        cmocka_unit_test(where_nobody_else_is_each_is_asked_once_and_left_again),
        cmocka_unit_test(others_that_are_left_with_them_are_left_alone),
        cmocka_unit_test(others_find_room_while_much_is_wanted),
        cmocka_unit_test(what_is_asked_of_one_is_done_wherever_it_is),
        cmocka_unit_test(a_release_ends_the_waits_of_those_too_that_are_read_later),
        cmocka_unit_test(a_partition_rests_for_as_long_as_its_reading_took),
        cmocka_unit_test(what_was_asked_is_forgotten_with_what_it_was_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
