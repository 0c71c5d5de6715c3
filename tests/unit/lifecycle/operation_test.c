/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask, and what dispatchers see, through Avro and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lifecycle/operation.h"
#include "shipped.h"

#include <string.h>

static const struct delivery_operation example = {
    .id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
    .kind = "reroute",
    .stage = "asked",
    .destination = "FA015",
    .delivery_id = "7d444840-9dc0-51d1-b245-5ffdce74fad3",
    .partition = 7,
    .asked_at_ms = 1795420980123,
    .asked_by = "ada",
    .reason = "supplier is down",
    .answered_at_ms = 1795420980124,
    .answered_by = "1",
    .touched = 5,
    .moved = 3,
    .returned = 1,
    .stayed = 1,
    .held = 9,
};

static void an_operation_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct delivery_operation back;
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    assert_int_equal(operation_encode(codec, contract, &example, &buffer, &reason), DONE);
    assert_int_equal(operation_decode(codec, buffer.data, buffer.length, &back, &reason), DONE);
    assert_string_equal(back.id, example.id);
    assert_string_equal(back.kind, example.kind);
    assert_string_equal(back.stage, example.stage);
    assert_string_equal(back.destination, example.destination);
    assert_string_equal(back.delivery_id, example.delivery_id);
    assert_string_equal(back.asked_by, example.asked_by);
    assert_string_equal(back.reason, example.reason);
    assert_string_equal(back.answered_by, example.answered_by);
    assert_int_equal(back.partition, 7);
    assert_int_equal(back.asked_at_ms, example.asked_at_ms);
    assert_int_equal(back.answered_at_ms, example.answered_at_ms);
    assert_int_equal(back.touched, 5);
    assert_int_equal(back.moved, 3);
    assert_int_equal(back.returned, 1);
    assert_int_equal(back.stayed, 1);
    assert_int_equal(back.held, 9);
    buffer_clear(&buffer);
}

static void a_destination_comes_back_as_it_was_seen(void **state)
{
    (void)state;
    struct reason reason = {0};
    const struct destination_state seen = {
        .operation_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
        .destination = "FA015",
        .at_ms = 1795420980123,
        .instance = "0",
        .state = "broken host-broken",
        .held = 6,
        .ready = 5,
        .waiting = 4,
        .in_flight = 3,
        .window = 2,
        .mean_ms = 1,
        .probe_at_ms = 1795420980125,
    };
    struct destination_state back;
    struct buffer buffer;
    buffer_init(&buffer, 4096);
    assert_int_equal(destination_state_encode(codec, contract, &seen, &buffer, &reason), DONE);
    assert_int_equal(destination_state_decode(codec, buffer.data, buffer.length, &back, &reason),
                     DONE);
    assert_string_equal(back.operation_id, seen.operation_id);
    assert_string_equal(back.destination, "FA015");
    assert_string_equal(back.instance, "0");
    assert_string_equal(back.state, "broken host-broken");
    assert_int_equal(back.at_ms, seen.at_ms);
    assert_int_equal(back.held, 6);
    assert_int_equal(back.ready, 5);
    assert_int_equal(back.waiting, 4);
    assert_int_equal(back.in_flight, 3);
    assert_int_equal(back.window, 2);
    assert_int_equal(back.mean_ms, 1);
    assert_int_equal(back.probe_at_ms, seen.probe_at_ms);
    assert_int_equal(back.quiet_until_ms, 0);
    buffer_clear(&buffer);
}

static void words_and_keys_are_known_again(void **state)
{
    (void)state;
    enum operation_kind kind;
    char key[OPERATION_KEY_SIZE];
    for (int i = OPERATION_LOOK; i <= OPERATION_REROUTE; i++) {
        assert_true(operation_kind_parse(operation_word((enum operation_kind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(operation_kind_parse("", &kind));
    operation_key(&example, key);
    assert_string_equal(key, "operation/7d444840-9dc0-51d1-b245-5ffdce74fad2");
    assert_true(operation_is_key(key, strlen(key)));
    assert_false(operation_is_key("operation/", 10));
    assert_false(operation_is_key("fence/0", 7));
    assert_false(operation_is_key(NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_comes_back_as_it_was_written),
        cmocka_unit_test(a_destination_comes_back_as_it_was_seen),
        cmocka_unit_test(words_and_keys_are_known_again),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
