/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery through Avro and back, its id, and the events that are made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lifecycle/delivery.h"
#include "shipped.h"

#include <string.h>

static uint8_t large[DELIVERY_PAYLOAD_MAX + 1];

static struct delivery example(void)
{
    struct delivery delivery = {
        .id = "11111111-1111-5111-8111-111111111111",
        .referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
        .correlation_id = "22222222-2222-5222-8222-222222222222",
        .pathway = "pharmacy-first",
        .service = "minor-illness",
        .source_kind = "gp-practice",
        .source_ods = "G82123",
        .hcp = "East Kent",
        .pcn = "Herne Bay",
        .destination = "FA015",
        .hop = 2,
        .tried = {{"FA066", false}, {"FC123", true}},
        .tried_count = 2,
        .attempts = 3,
        .intent = true,
        .accepted_at_ms = 1795420980000,
        .created_at_ms = 1795420981000,
        .deadline_at_ms = 1795507380000,
        .next_attempt_at_ms = 1795420990000,
        .last_result = "http-503",
        .rules_version = "1",
        .directory_version = "p12",
        .payload = "\xC3\x01payload",
        .payload_size = 9,
    };
    return delivery;
}

static void a_delivery_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct delivery delivery = example(), back;
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    assert_int_equal(delivery_encode(codec, contract, &delivery, &buffer, &reason), DONE);
    assert_int_equal(delivery_decode(codec, buffer.data, buffer.length, &back, &reason), DONE);
    assert_int_equal(back.payload_size, 9);
    assert_memory_equal(back.payload, delivery.payload, 9);
    assert_int_equal(back.tried_count, 2);
    assert_string_equal(back.tried[0].ods_code, "FA066");
    assert_false(back.tried[0].declined);
    assert_string_equal(back.tried[1].ods_code, "FC123");
    assert_true(back.tried[1].declined);
    assert_true(back.intent);
    assert_int_equal(back.hop, 2);
    assert_int_equal(back.attempts, 3);
    assert_int_equal(back.next_attempt_at_ms, delivery.next_attempt_at_ms);
    assert_int_equal(back.deadline_at_ms, delivery.deadline_at_ms);
    assert_string_equal(back.destination, "FA015");
    assert_string_equal(back.last_result, "http-503");
    assert_string_equal(back.traceparent, "");
    assert_string_equal(back.service, "minor-illness");
    buffer_clear(&buffer);
}

static void writing_one_delivery_leaves_nothing_of_it_in_the_next(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct delivery first = example(), second = example(), back;
    second.tried_count = 0;
    second.intent = false;
    second.hop = second.attempts = 0;
    second.last_result[0] = second.pcn[0] = second.correlation_id[0] = '\0';
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    assert_int_equal(delivery_encode(codec, contract, &first, &buffer, &reason), DONE);
    buffer_reset(&buffer);
    assert_int_equal(delivery_encode(codec, contract, &second, &buffer, &reason), DONE);
    assert_int_equal(delivery_decode(codec, buffer.data, buffer.length, &back, &reason), DONE);
    assert_int_equal(back.tried_count, 0);
    assert_false(back.intent);
    assert_int_equal(back.hop, 0);
    assert_int_equal(back.attempts, 0);
    assert_string_equal(back.last_result, "");
    assert_string_equal(back.pcn, "");
    assert_string_equal(back.correlation_id, "");
    buffer_clear(&buffer);
}

static void the_largest_payload_fits_and_one_byte_more_is_refused(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct delivery delivery = example(), back;
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    delivery.payload = large;
    delivery.payload_size = DELIVERY_PAYLOAD_MAX;
    assert_int_equal(delivery_encode(codec, contract, &delivery, &buffer, &reason), DONE);
    assert_int_equal(delivery_decode(codec, buffer.data, buffer.length, &back, &reason), DONE);
    assert_int_equal(back.payload_size, DELIVERY_PAYLOAD_MAX);
    buffer_reset(&buffer);
    delivery.payload_size = DELIVERY_PAYLOAD_MAX + 1;
    assert_int_equal(delivery_encode(codec, contract, &delivery, &buffer, &reason), REFUSED);
    assert_string_equal(reason.code, "too-large");
    assert_int_equal(buffer.length, 0);
    buffer_clear(&buffer);
}

static void without_its_payload_a_record_tells_all_the_rest(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 8191, 8192, 20000}; /* by bytes of their length */
    struct reason reason = {0};
    struct buffer record, less;
    buffer_init(&record, 65536);
    buffer_init(&less, 65536);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct delivery delivery = example(), back, again;
        delivery.payload = large;
        delivery.payload_size = sizes[i];
        buffer_reset(&record);
        buffer_reset(&less);
        assert_int_equal(delivery_encode(codec, contract, &delivery, &record, &reason), DONE);
        assert_int_equal(delivery_decode(codec, record.data, record.length, &back, &reason), DONE);
        assert_true(delivery_without_payload(&back, record.data, record.length, &less));
        assert_int_equal(delivery_decode(codec, less.data, less.length, &again, &reason), DONE);
        assert_int_equal(again.payload_size, 0);
        /* exactly what would be written of it */
        delivery.payload_size = 0;
        buffer_reset(&record);
        assert_int_equal(delivery_encode(codec, contract, &delivery, &record, &reason), DONE);
        assert_int_equal(less.length, record.length);
        assert_memory_equal(less.data, record.data, record.length);
        assert_false(delivery_without_payload(&again, less.data, less.length, &record));
    }
    buffer_clear(&record);
    buffer_clear(&less);
}

static void a_payload_that_is_not_the_end_of_its_record_stays(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct delivery delivery = example(), back;
    struct buffer record, less;
    buffer_init(&record, 65536);
    buffer_init(&less, 65536);
    assert_int_equal(delivery_encode(codec, contract, &delivery, &record, &reason), DONE);
    assert_int_equal(delivery_decode(codec, record.data, record.length, &back, &reason), DONE);
    back.payload_size--; /* one more field follows */
    assert_false(delivery_without_payload(&back, record.data, record.length, &less));
    assert_int_equal(less.length, 0);
    buffer_clear(&record);
    buffer_clear(&less);
}

static void each_hop_of_a_referral_on_a_pathway_has_its_own_stable_id(void **state)
{
    (void)state;
    static const char referral[] = "7d444840-9dc0-51d1-b245-5ffdce74fad2";
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE];
    delivery_id_of("msk", referral, 0, a);
    delivery_id_of("msk", referral, 0, b);
    assert_string_equal(a, b);
    delivery_id_of("msk", referral, 1, b);
    assert_string_not_equal(a, b);
    delivery_id_of("falls", referral, 0, b);
    assert_string_not_equal(a, b);
}

static void an_event_about_a_delivery_carries_its_fields(void **state)
{
    (void)state;
    struct delivery delivery = example();
    struct referral_event event;
    delivery_event(&delivery, EVENT_ATTEMPTED, 1795420999000, &event);
    assert_int_equal(event.kind, EVENT_ATTEMPTED);
    assert_int_equal(event.occurred_at_ms, 1795420999000);
    assert_int_equal(event.recorded_at_ms, 1795420999000);
    assert_int_equal(event.accepted_at_ms, delivery.accepted_at_ms);
    assert_int_equal(event.hop, 2);
    assert_int_equal(event.attempt, 3);
    assert_string_equal(event.referral_id, delivery.referral_id);
    assert_string_equal(event.destination, "FA015");
    assert_string_equal(event.pcn, "Herne Bay");
    assert_string_equal(event.directory_version, "p12");
    assert_string_equal(event.origin, "");
    assert_null(event.explanation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delivery_comes_back_as_it_was_written),
        cmocka_unit_test(writing_one_delivery_leaves_nothing_of_it_in_the_next),
        cmocka_unit_test(the_largest_payload_fits_and_one_byte_more_is_refused),
        cmocka_unit_test(without_its_payload_a_record_tells_all_the_rest),
        cmocka_unit_test(a_payload_that_is_not_the_end_of_its_record_stays),
        cmocka_unit_test(each_hop_of_a_referral_on_a_pathway_has_its_own_stable_id),
        cmocka_unit_test(an_event_about_a_delivery_carries_its_fields),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
