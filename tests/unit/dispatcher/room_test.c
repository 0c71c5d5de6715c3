// SPDX-License-Identifier: Apache-2.0
// More deliveries than may be held: who gives way, and that what stays on the topic is read again.
#include "stage_topic.h"

static void who_holds_most_gives_way(void **state)
{
    (void)state;
    static struct stage stage;
    open_full(&stage, 12, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "FA001");
    for (int i = 0; i < 20; i++)
        put_delivery("FA001", i, 600);
    read_log(&stage);
    assert_int_equal(counts_of(&stage).pending, 12);
    assert_int_equal(counts_of(&stage).left, 8);
    for (int i = 20; i < 30; i++)
        put_delivery("FB001", i, 600 + i);
    read_log(&stage);
    turn(&stage, true);
    EXPECT(&stage, "send 20, send 21"); /* as if FA001 had nothing */
    assert_int_equal(counts_of(&stage).pending, 12);
    assert_int_equal(counts_of(&stage).left, 18);
    deliver_free(stage.core);
}

static void a_record_too_many_is_no_trouble(void **state)
{
    (void)state;
    static struct stage stage;
    open_full(&stage, 2, false);
    for (int i = 0; i < 1000; i++)
        put_delivery("FA001", i, 600);
    read_log(&stage);
    assert_int_equal(counts_of(&stage).pending, 2);
    assert_int_equal(counts_of(&stage).left, 998);
    assert_false(deliver_is_new(stage.core, 0, 999));
    deliver_revoked(stage.core, 0);
    assert_int_equal(counts_of(&stage).left, 0);
    deliver_free(stage.core);
}

static void all_that_did_not_fit_is_delivered_once(void **state)
{
    (void)state;
    static struct stage stage;
    static int finished[NUMBERS], sent[NUMBERS];
    memset(finished, 0, sizeof(finished));
    memset(sent, 0, sizeof(sent));
    open_full(&stage, 40, true);
    topic.restore_to = 0;
    int number = 0, done = 0;
    for (int round = 0; done < 600; round++) {
        assert_true(round < 20000);
        for (int i = 0; number < 600 && i < 7; i++, number++)
            put_delivery(number % 3 ? "FA001" : number % 2 ? "FB001" : "FC001", number, 600);
        turn_with_topic(&stage, finished);
        struct deliver_send send;
        for (int i = 0; i < 3 && deliver_next_send(stage.core, stage.now, &send); i++) {
            struct answer well = {.status = 200};
            sent[number_of(&send.job->id)]++;
            assert_false(send.possible_duplicate);
            deliver_answered(stage.core, send.flight, &well, stage.now);
            done++;
        }
        stage.now += 100;
    }
    turn_with_topic(&stage, finished);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(sent[i], 1);
        assert_int_equal(finished[i], 1);
    }
    assert_true(topic.reads > 3);
    print_message("600 deliveries, 40 held: read again %d times\n", topic.reads);
    assert_int_equal(counts_of(&stage).left, 0);
    deliver_free(stage.core);
}

/* Sixteen hold all the room, and none of them gives any of it back. */
static void who_is_well_gets_its_share_of_what_the_dead_hold(void **state)
{
    (void)state;
    static struct stage stage;
    static char dead[16][ODS_CODE_SIZE];
    static int finished[NUMBERS];
    memset(finished, 0, sizeof(finished));
    open_full(&stage, 640, false);
    for (int i = 0; i < 1280; i++) {
        (void)text_format(dead[i % 16], ODS_CODE_SIZE, "FA0%02d", i % 16);
        put_delivery(dead[i % 16], i, 600);
    }
    for (int i = 2000; i < 2060; i++)
        put_delivery("FB001", i, 600);
    read_log(&stage);
    assert_int_equal(counts_of(&stage).pending, 640);
    int done = 0;
    for (int round = 0; done < 60; round++, stage.now += 1000) {
        struct deliver_send send;
        assert_true(round < 120);
        turn_with_topic(&stage, finished);
        while (deliver_next_send(stage.core, stage.now, &send)) {
            bool well = strcmp(send.destination, "FB001") == 0;
            struct answer answer = {.status = well ? 200 : 500};
            deliver_answered(stage.core, send.flight, &answer, stage.now);
            done += well;
        }
    }
    const int reads = topic.reads;
    assert_in_range(reads, 1, 6); /* each for a good part of its share */
    for (int round = 0; round < 120; round++, stage.now += 1000)
        turn_with_topic(&stage, finished);
    assert_true(topic.reads <= reads + 1); /* nor does it read on for the dead */
    deliver_free(stage.core);
}

/* Went wrong in a draft: what is finished stays on the topic until it is compacted, and when that
 * was read again its records took the room, so that what came behind them was left again, for ever.
 */
static void what_is_finished_takes_no_room_when_it_is_read_again(void **state)
{
    (void)state;
    static struct stage stage;
    static int finished[NUMBERS];
    memset(finished, 0, sizeof(finished));
    open_full(&stage, 20, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "FA001");
    for (int i = 0; i < 40; i++)
        put_delivery("FA001", i, 600);
    for (int i = 100; i < 200; i++)
        put_delivery("FB001", i, 500 + i);
    int done = 0;
    for (int round = 0; done < 100; round++, stage.now += 1000) {
        struct deliver_send send;
        assert_true(round < 300);
        turn_with_topic(&stage, finished);
        while (deliver_next_send(stage.core, stage.now, &send)) {
            struct answer well = {.status = 200};
            assert_string_equal(send.destination, "FB001");
            deliver_answered(stage.core, send.flight, &well, stage.now);
            done++;
        }
    }
    turn_with_topic(&stage, finished);
    assert_int_equal(counts_of(&stage).pending + counts_of(&stage).left, 40);
    deliver_free(stage.core);
}

static void what_stays_on_the_topic_leaves_before_its_deadline(void **state)
{
    (void)state;
    static struct stage stage;
    static int finished[NUMBERS];
    memset(finished, 0, sizeof(finished));
    open_full(&stage, 10, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    for (int i = 0; i < 300; i++) /* those with the least time come last, and find no room */
        put_delivery("FA001", i, 330 - i);
    for (; stage.now < START + 331 * MINUTE; stage.now += 500)
        turn_with_topic(&stage, finished);
    for (int i = 0; i < 300; i++)
        assert_int_equal(finished[i], 1);
    assert_int_equal(counts_of(&stage).pending, 0);
    print_message("300 deadlines, 10 held: read again %d times\n", topic.reads);
    deliver_free(stage.core);
}

static void the_mark_of_what_may_have_been_sent_is_kept_for_it(void **state)
{
    (void)state;
    static struct stage stage;
    static int finished[NUMBERS];
    open_full(&stage, 4, true);
    for (int i = 0; i < 10; i++)
        put_delivery("FA001", i, 600);
    put_intents((struct uuid[]){id_of(2), id_of(8), id_of(99)}, 3); /* of a process that died */
    topic.restore_to = topic.count;
    read_log(&stage);
    struct deliver_write write;
    assert_true(deliver_next_write(stage.core, stage.now, &write));
    assert_int_equal(write.fact, FACT_INTENT);
    bool carried = false;
    for (size_t i = 0; i < write.ids_count; i++)
        carried |= number_of(&write.ids[i]) == 8;
    assert_true(carried); /* it isn't held, but the list that replaces the old one has it */
    deliver_aborted(stage.core);
    int again = 0;
    for (int done = 0, round = 0; done < 10; round++, stage.now += 1000) {
        struct deliver_send send;
        assert_true(round < 1000);
        turn_with_topic(&stage, finished);
        while (deliver_next_send(stage.core, stage.now, &send)) {
            int number = number_of(&send.job->id);
            struct answer well = {.status = 200};
            assert_int_equal(send.possible_duplicate, number == 2 || number == 8);
            again += send.possible_duplicate;
            deliver_answered(stage.core, send.flight, &well, stage.now);
            done++;
        }
    }
    assert_int_equal(again, 2);
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_holds_most_gives_way),
        cmocka_unit_test(a_record_too_many_is_no_trouble),
        cmocka_unit_test(all_that_did_not_fit_is_delivered_once),
        cmocka_unit_test(who_is_well_gets_its_share_of_what_the_dead_hold),
        cmocka_unit_test(what_is_finished_takes_no_room_when_it_is_read_again),
        cmocka_unit_test(what_stays_on_the_topic_leaves_before_its_deadline),
        cmocka_unit_test(the_mark_of_what_may_have_been_sent_is_kept_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
