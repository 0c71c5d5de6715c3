// SPDX-License-Identifier: Apache-2.0
// What an operator may ask of the core, and what is answered.
#include "stage.h"

static void a_release_ends_every_wait_and_starts_slowly(void **state)
{
    (void)state;
    static struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 1; i <= 6; i++)
        read_delivery(&stage, i, 0, false, 600 + i);
    turn(&stage, true);
    answer(&stage, 1, 503, "1200"); /* nothing more goes there */
    turn(&stage, true);
    commit(&stage);
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2, retry 1");
    assert_int_equal(deliver_release(stage.core, "FA001", stage.now), 1);
    stage.said[0] = '\0';
    turn(&stage, true);
    EXPECT(&stage, "send-again 1"); /* the second place of the window is taken by number 2 */
    assert_int_equal(deliver_release(stage.core, "nobody", stage.now), 0);
    deliver_free(stage.core);
}

static void a_release_takes_back_a_410_but_not_a_pause(void **state)
{
    (void)state;
    static struct stage stage;
    struct deliver_destination seen;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 1; i <= 4; i++)
        read_delivery(&stage, i, 0, false, 600 + i);
    turn(&stage, true);
    answer(&stage, 1, 410, NULL);
    turn(&stage, true);
    EXPECT(&stage, "send 1, send 2, leave 1, stay 4, stay 3");
    commit(&stage);
    assert_true(deliver_look(stage.core, "FA001", &seen));
    assert_true(seen.retired && seen.usable && !seen.open);
    assert_int_equal(seen.ready, 2);
    assert_int_equal(seen.in_flight, 1);
    (void)deliver_release(stage.core, "FA001", stage.now);
    turn(&stage, true);
    EXPECT(&stage, "send 3");
    assert_true(deliver_look(stage.core, "FA001", &seen));
    assert_true(seen.restarted); /* which is not to say that it is well */
    (void)text_copy(stage.paused, sizeof(stage.paused), "FA001");
    deliver_directory_changed(stage.core, stage.now);
    answer(&stage, 2, 200, NULL);
    answer(&stage, 3, 200, NULL);
    assert_true(deliver_look(stage.core, "FA001", &seen));
    assert_false(seen.restarted);
    (void)deliver_release(stage.core, "FA001", stage.now);
    turn(&stage, true);
    EXPECT(&stage, "delivered 2, delivered 3");
    deliver_free(stage.core);
}

static void one_delivery_is_tried_at_once(void **state)
{
    (void)state;
    static struct stage stage;
    const struct uuid second = id_of(2), third = id_of(3), unknown = id_of(77);
    open_stage(&stage, false);
    restore(&stage);
    read_delivery(&stage, 2, 0, false, 600);
    read_delivery(&stage, 3, 0, false, 601);
    turn(&stage, true);
    answer(&stage, 2, 408, "900");
    assert_false(deliver_retry_now(stage.core, &second, stage.now)); /* not written yet */
    turn(&stage, true);
    commit(&stage);
    stage.said[0] = '\0';
    turn(&stage, true);
    EXPECT(&stage, "");
    assert_true(deliver_retry_now(stage.core, &second, stage.now));
    assert_false(deliver_retry_now(stage.core, &second, stage.now)); /* it waits no more */
    assert_false(deliver_retry_now(stage.core, &third, stage.now));  /* it is under way */
    assert_false(deliver_retry_now(stage.core, &unknown, stage.now));
    answer(&stage, 3, 200, NULL);
    turn(&stage, true);
    EXPECT(&stage, "delivered 3, send-again 2");
    deliver_free(stage.core);
}

static void all_of_a_destination_are_tried_at_once(void **state)
{
    (void)state;
    static struct stage stage;
    open_stage(&stage, false);
    restore(&stage);
    for (int i = 1; i <= 3; i++) {
        read_for(&stage, i == 3 ? "FB001" : "FA001", i, 600 + i);
        turn(&stage, true);
        answer(&stage, i, 408, "900");
        turn(&stage, true);
        commit(&stage);
    }
    stage.said[0] = '\0';
    assert_int_equal(deliver_retry_all(stage.core, "nobody", stage.now), 0);
    assert_int_equal(deliver_retry_all(stage.core, "FA001", stage.now), 2);
    assert_int_equal(deliver_retry_all(stage.core, "FA001", stage.now), 0);
    turn(&stage, true);
    EXPECT(&stage, "send-again 1"); /* its window has shrunk */
    answer(&stage, 1, 200, NULL);
    turn(&stage, true);
    EXPECT(&stage, "delivered 1, send-again 2");
    deliver_free(stage.core);
}

static size_t asked_of(const struct stage *stage, const char *destination)
{
    struct deliver_destination seen;
    assert_true(deliver_look(stage->core, destination, &seen));
    return seen.asked;
}

static void a_move_that_was_asked_for_is_forgotten_with_its_partition(void **state)
{
    (void)state;
    static struct stage stage;
    open_stage(&stage, false);
    (void)text_copy(stage.paused, sizeof(stage.paused), "*");
    restore(&stage);
    for (int i = 1; i <= 4; i++)
        read_delivery(&stage, i, 0, false, 600 + i);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), 4);
    read_tombstone(&stage, 3); /* somebody else has finished it */
    assert_int_equal(asked_of(&stage, "FA001"), 3);
    deliver_revoked(stage.core, 0);
    assert_int_equal(asked_of(&stage, "FA001"), 0);
    deliver_free(stage.core);
}

static void a_reroute_asks_for_another_provider(void **state)
{
    (void)state;
    static struct stage stage;
    const struct uuid fourth = id_of(4);
    open_stage(&stage, true);
    restore(&stage);
    for (int i = 1; i <= 6; i++)
        read_for(&stage, i == 6 ? "FB001" : "FA001", i, 600 + i);
    turn(&stage, true);
    commit(&stage);
    turn(&stage, true);
    stage.said[0] = '\0'; /* 1, 2 and 6 are under way */
    assert_true(deliver_reroute(stage.core, &fourth, stage.now));
    assert_false(deliver_reroute(stage.core, &fourth, stage.now));
    turn(&stage, false);
    EXPECT(&stage, "move 4");
    assert_int_equal(asked_of(&stage, "FA001"), 1); /* until it is committed */
    deliver_aborted(stage.core);
    assert_int_equal(asked_of(&stage, "FA001"), 1);
    turn(&stage, false);
    EXPECT(&stage, "move 4");
    commit(&stage);
    assert_int_equal(asked_of(&stage, "FA001"), 0);
    assert_int_equal(deliver_reroute_all(stage.core, "FA001", stage.now), 2);
    assert_int_equal(asked_of(&stage, "FA001"), 2);
    turn(&stage, true); /* nobody else */
    assert_int_equal(asked_of(&stage, "FA001"), 0);
    assert_non_null(strstr(stage.said, "stay 3"));
    assert_non_null(strstr(stage.said, "stay 5"));
    assert_null(strstr(stage.said, "6"));
    assert_int_equal(deliver_reroute_all(stage.core, "nobody", stage.now), 0);
    deliver_free(stage.core);
}

static void destinations_can_be_looked_through(void **state)
{
    (void)state;
    static struct stage stage;
    struct deliver_destination seen;
    const struct uuid first = id_of(1), unknown = id_of(77);
    size_t cursor = 0, held = 0, count = 0;
    open_stage(&stage, false);
    restore(&stage);
    read_for(&stage, "FA001", 1, 60);
    read_for(&stage, "FB001", 2, 60);
    read_for(&stage, "FB001", 3, 60);
    while (deliver_next_destination(stage.core, &cursor, &seen)) {
        held += seen.held;
        count++;
    }
    assert_int_equal(count, 2);
    assert_int_equal(held, 3);
    assert_false(deliver_look(stage.core, "FC001", &seen));
    assert_non_null(deliver_find(stage.core, &first));
    assert_null(deliver_find(stage.core, &unknown));
    deliver_free(stage.core);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_ends_every_wait_and_starts_slowly),
        cmocka_unit_test(a_release_takes_back_a_410_but_not_a_pause),
        cmocka_unit_test(one_delivery_is_tried_at_once),
        cmocka_unit_test(all_of_a_destination_are_tried_at_once),
        cmocka_unit_test(a_move_that_was_asked_for_is_forgotten_with_its_partition),
        cmocka_unit_test(a_reroute_asks_for_another_provider),
        cmocka_unit_test(destinations_can_be_looked_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
