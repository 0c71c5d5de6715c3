/* SPDX-License-Identifier: Apache-2.0 */
/* The words, and what a round trip through Avro keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "lifecycle/event.h"
#include "shipped.h"

#include <stdlib.h>
#include <string.h>

static void each_word_has_its_state_finality_and_stage(void **state)
{
    (void)state;
    static const struct {
        const char *state_after;
        const char *stage;
        bool final;
        const char *word;
    } table[] = {
        {"received", "received", false, "received"},
        {NULL, NULL, false, "duplicate"},
        {"refused", "refused", true, "refused"},
        {"recorded", "recorded", true, "recorded"},
        {"routed", NULL, false, "routed"},
        {"routed", NULL, false, "attempted"},
        {"delivered", "delivered", true, "delivered"},
        {"returned", "returned", true, "returned"},
        {"cancelled", "cancelled", true, "cancelled"},
        {"accepted", "accepted", false, "accepted"},
        {"declined", "declined", false, "declined"},
        {"no-contact", NULL, false, "no-contact"},
        {"completed", "completed", false, "completed"},
        {"forwarded", NULL, false, "forwarded"},
        {NULL, NULL, false, "overdue"},
        {NULL, NULL, false, "noticed"},
    };
    assert_int_equal(EVENT_KINDS, sizeof table / sizeof table[0]);
    for (size_t i = 0; i < EVENT_KINDS; i++) {
        enum event_kind kind = event_kind_parse(table[i].word);
        if (kind == EVENT_KINDS)
            fail_msg("line %zu: %s is unknown", i, table[i].word);
        const struct event_word *word = event_word(kind);
        if (!text_equal(word->name, table[i].word) ||
            !text_equal(word->state_after, table[i].state_after) ||
            !text_equal(word->stage, table[i].stage) || word->final != table[i].final)
            fail_msg("line %zu: %s", i, table[i].word);
    }
}

static void words_that_do_not_exist_are_unknown(void **state)
{
    (void)state;
    assert_int_equal(event_kind_parse("rejected"), EVENT_KINDS);
    assert_int_equal(event_kind_parse(""), EVENT_KINDS);
    assert_int_equal(event_kind_parse(NULL), EVENT_KINDS);
    assert_null(event_word(EVENT_KINDS));
}

static struct referral_event example(void)
{
    struct referral_event event = {
        .kind = EVENT_ROUTED,
        .referral_id = "7d444840-9dc0-51d1-b245-5ffdce74fad2",
        .occurred_at_ms = 1795420980123,
        .recorded_at_ms = 1795420980124,
        .accepted_at_ms = 1795420980000,
        .deadline_at_ms = 1795507380000,
        .pathway = "msk",
        .service = "msk",
        .source_kind = "self",
        .hcp = "West Kent",
        .destination = "Y0001",
        .hop = 2,
        .attempt = 0,
        .result = "nearest",
        .explanation = "{\"rule\":\"\"}",
        .duration_ms = 12,
        .address = "2001:db8::1",
        .excerpt = "patient * not found",
    };
    return event;
}

static void the_id_of_an_event_is_the_same_each_time_it_is_made(void **state)
{
    (void)state;
    struct referral_event a = example(), b = example();
    b.recorded_at_ms++;
    char id_a[UUID_TEXT_SIZE], id_b[UUID_TEXT_SIZE];
    event_id(&a, id_a);
    event_id(&b, id_b);
    assert_string_equal(id_a, id_b);
}

static void pathway_referral_kind_hop_attempt_and_origin_each_change_the_id(void **state)
{
    (void)state;
    struct referral_event variants[7];
    for (size_t i = 0; i < 7; i++)
        variants[i] = example();
    variants[1].kind = EVENT_DELIVERED;
    variants[2].hop = 3;
    variants[3].attempt = 1;
    text_copy(variants[4].origin, ORIGIN_SIZE, "referrals.msk/0/1");
    variants[5].referral_id[0] = '8';
    text_copy(variants[6].pathway, sizeof(variants[6].pathway), "another");
    char ids[7][UUID_TEXT_SIZE];
    for (size_t i = 0; i < 7; i++) {
        event_id(&variants[i], ids[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

static void an_event_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct referral_event event = example(), back;
    char id[UUID_TEXT_SIZE], id_back[UUID_TEXT_SIZE];
    event_id(&event, id);
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    assert_int_equal(event_encode(codec, contract, &event, &buffer, &reason), DONE);
    assert_int_equal(event_decode(codec, buffer.data, buffer.length, &back, id_back, &reason),
                     DONE);
    assert_string_equal(id, id_back);
    assert_string_equal(back.explanation, event.explanation);
    back.explanation = event.explanation;
    assert_int_equal(back.kind, event.kind);
    assert_string_equal(back.referral_id, event.referral_id);
    assert_string_equal(back.correlation_id, "");
    assert_string_equal(back.hcp, "West Kent");
    assert_string_equal(back.pcn, "");
    assert_string_equal(back.destination, "Y0001");
    assert_string_equal(back.result, "nearest");
    assert_int_equal(back.occurred_at_ms, event.occurred_at_ms);
    assert_int_equal(back.recorded_at_ms, event.recorded_at_ms);
    assert_int_equal(back.accepted_at_ms, event.accepted_at_ms);
    assert_int_equal(back.deadline_at_ms, event.deadline_at_ms);
    assert_int_equal(back.duration_ms, 12);
    assert_string_equal(back.address, "2001:db8::1");
    assert_string_equal(back.excerpt, "patient * not found");
    assert_int_equal(back.hop, 2);
    assert_int_equal(back.attempt, 0);
    buffer_clear(&buffer);
}

static void a_word_of_a_later_version_is_refused_by_name(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct record *record = record_new(contract_message(contract, "ReferralEvent"));
    record_set_text(record, "id", "7d444840-9dc0-51d1-b245-5ffdce74fad2");
    record_set_text(record, "kind", "teleported");
    record_set_text(record, "referral_id", "7d444840-9dc0-51d1-b245-5ffdce74fad2");
    record_set_text(record, "pathway", "msk");
    assert_false(record_failed(record));
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    struct referral_event back;
    assert_int_equal(codec_write(codec, record, &buffer, &reason), DONE);
    assert_int_equal(event_decode(codec, buffer.data, buffer.length, &back, NULL, &reason),
                     REFUSED);
    assert_string_equal(reason.code, "unknown-event");
    record_free(record);
    buffer_clear(&buffer);
}

/* The event schema with wider bounds: the same fingerprint, for bounds are no part of it. */
static struct schema *wider_schema(void)
{
    size_t length;
    char *text = text_read_file(SOURCE_DIR "/schemas/event.avsc", 65536, &length);
    assert_non_null(text);
    for (char *at = text; (at = strstr(at, "\"maxLength\": 36")) != NULL; at++)
        memcpy(at, "\"maxLength\": 99", 15);
    struct reason reason;
    struct schema *schema = schema_parse(text, length, &reason);
    assert_non_null(schema);
    free(text);
    return schema;
}

static void a_text_that_passes_its_bound_is_refused_and_not_cut(void **state)
{
    (void)state;
    struct reason reason = {0};
    struct schema *schema = wider_schema();
    struct record *record = record_new(schema);
    record_set_text(record, "id", "7d444840-9dc0-51d1-b245-5ffdce74fad2");
    record_set_text(record, "kind", "routed");
    record_set_text(record, "referral_id", "7d444840-9dc0-51d1-b245-5ffdce74fad2-and-more");
    record_set_text(record, "pathway", "msk");
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    struct referral_event back;
    assert_int_equal(codec_write(codec, record, &buffer, &reason), DONE);
    assert_int_equal(event_decode(codec, buffer.data, buffer.length, &back, NULL, &reason),
                     REFUSED);
    assert_string_equal(reason.code, "too-long");
    record_free(record);
    schema_free(schema);
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_has_its_state_finality_and_stage),
        cmocka_unit_test(words_that_do_not_exist_are_unknown),
        cmocka_unit_test(the_id_of_an_event_is_the_same_each_time_it_is_made),
        cmocka_unit_test(pathway_referral_kind_hop_attempt_and_origin_each_change_the_id),
        cmocka_unit_test(an_event_comes_back_as_it_was_written),
        cmocka_unit_test(a_word_of_a_later_version_is_refused_by_name),
        cmocka_unit_test(a_text_that_passes_its_bound_is_refused_and_not_cut),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
