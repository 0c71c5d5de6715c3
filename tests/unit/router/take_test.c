/* SPDX-License-Identifier: Apache-2.0 */
/* One record in, what is to be written out: received, duplicate or refused, each by its origin;
 * then the decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "take.h"

#include <stdlib.h>
#include <string.h>

#define ID "7d444840-9dc0-51d1-b245-5ffdce74fad2"
#define OTHER_ID "00000000-0000-5000-8000-000000000001"
#define NOW_MS INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */
#define HOUR_MS INT64_C(3600000)

static struct contract *contract;
static struct codec *codec, *writer;
static struct pathway_set *pathways;
static struct places *places;
static struct directory *directory;
static struct route_world world;
static struct memory *memory;
static struct record *referral;
static struct buffer value;
static struct taken taken;
static struct kafka_message message;

static int set_up(void **state)
{
    (void)state;
    struct reason reason;
    const char *folder = SOURCE_DIR "/tests/unit/directory/schemas";
    contract = contract_load(folder, &reason);
    if (contract == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    pathways = pathway_set_load(contract, &reason);
    if (pathways == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    places = places_load(folder, &reason);
    directory = directory_new();
    codec = codec_new(contract, NULL);
    writer = codec_new(contract, NULL);
    referral = record_new(contract_referral(contract, "check"));
    if (places == NULL || directory == NULL || codec == NULL || writer == NULL || referral == NULL)
        return -1;
    directory_set_version(directory, "p1");
    struct provider_service service = {"plain", true, -1, -1, -1};
    char name[] = "Test Pharmacy", hcp[] = "West Kent", empty[] = "", url[] = "https://x";
    struct provider provider = {.ods_code = "FAA01",
                                .kind = "pharmacy",
                                .has_place = true,
                                .easting = 577000,
                                .northing = 156000,
                                .name = name,
                                .hcp = hcp,
                                .pcn = empty,
                                .postcode = empty,
                                .url = url,
                                .services = &service,
                                .services_count = 1};
    if (!directory_put_take(directory, provider_copy(&provider)))
        return -1;
    world = (struct route_world){pathways, directory, places};
    buffer_init(&value, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&value);
    record_free(referral);
    codec_free(writer);
    codec_free(codec);
    directory_free(directory);
    places_free(places);
    pathway_set_free(pathways);
    contract_free(contract);
    return 0;
}

static void write_value(void)
{
    struct reason reason;
    assert_false(record_failed(referral));
    buffer_reset(&value);
    if (codec_write(writer, referral, &value, &reason) != DONE)
        fail_msg("%s %s", reason.pointer, reason.detail);
    message.value = value.data;
    message.value_size = value.length;
}

/* A sound record and an empty memory for each test. */
static int begin(void **state)
{
    (void)state;
    memory = memory_new(1000);
    record_reset(referral);
    record_set_text(referral, "id", ID);
    record_set_text(referral, "correlation_id", OTHER_ID);
    record_set_text(referral, "pathway", "check");
    record_set_whole(referral, "accepted_at", NOW_MS - 1000);
    record_set_text(referral, "body_digest",
                    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    record_set_text(referral, "source.kind", "gp-practice");
    record_set_text(referral, "source.ods_code", "G82999");
    record_set_text(referral, "source.hcp", "West Kent");
    record_set_text(referral, "source.pcn", "Malling");
    record_set_text(referral, "patient.date_of_birth", "1980-02-03");
    record_set_text(referral, "patient.sex", "female");
    record_set_text(referral, "patient.postcode", "ME14 1AA");
    record_set_boolean(referral, "consent.direct_care", true);
    record_set_text(referral, "details.strand", "plain");
    message = (struct kafka_message){
        .topic = "referrals.check",
        .partition = 2,
        .offset = 41,
        .timestamp_ms = NOW_MS - 500,
        .key = ID,
        .key_size = strlen(ID),
    };
    write_value();
    return 0;
}

static int end(void **state)
{
    (void)state;
    memory_free(memory);
    return 0;
}

static void begin_again(void)
{
    end(NULL);
    begin(NULL);
}

static void take(void)
{
    struct reason reason = {0};
    const struct take_input input = {
        .world = &world,
        .contract = contract,
        .codec = codec,
        .memory = memory,
        .pathway = "check",
        .message = &message,
        .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        .now_ms = NOW_MS,
    };
    if (take_message(&input, &taken, &reason) != DONE)
        fail_msg("%s: %s", reason.code, reason.detail);
}

static void check_refused(const char *code)
{
    if (taken.events_count != 1 || taken.events[0].kind != EVENT_REFUSED ||
        strcmp(taken.events[0].reason, code) != 0)
        fail_msg("expected %s, found %s %s", code, event_word(taken.events[0].kind)->name,
                 taken.events[0].reason);
    assert_string_equal(taken.reason.code, code);
    assert_false(taken.has_delivery);
    assert_string_equal(taken.events[0].origin, "referrals.check/2/41");
    assert_string_equal(taken.events[0].pathway, "check");
}

static void a_sound_referral_is_received_routed_and_delivered(void **state)
{
    (void)state;
    take();
    assert_int_equal(taken.events_count, 2);
    const struct referral_event *received = &taken.events[0], *routed = &taken.events[1];
    assert_int_equal(received->kind, EVENT_RECEIVED);
    assert_string_equal(received->referral_id, ID);
    assert_string_equal(received->correlation_id, OTHER_ID);
    assert_string_equal(received->origin, "referrals.check/2/41");
    assert_int_equal(received->occurred_at_ms, NOW_MS - 1000);
    assert_int_equal(received->recorded_at_ms, NOW_MS);
    assert_string_equal(received->service, "plain");
    assert_string_equal(received->source_kind, "gp-practice");
    assert_string_equal(received->source_ods, "G82999");
    assert_string_equal(received->hcp, "West Kent");
    assert_string_equal(received->pcn, "Malling");
    assert_string_equal(received->destination, "");
    assert_string_equal(received->rules_version, "1.2.3");
    assert_string_equal(received->directory_version, "p1");
    assert_null(received->explanation);
    assert_int_equal(routed->kind, EVENT_ROUTED);
    assert_string_equal(routed->origin, "");
    assert_string_equal(routed->destination, "FAA01");
    assert_string_equal(routed->result, "nearest");
    assert_string_equal(routed->reason, "");
    assert_int_equal(routed->occurred_at_ms, NOW_MS);
    assert_int_equal(routed->deadline_at_ms, NOW_MS - 1000 + 24 * HOUR_MS);
    assert_non_null(strstr(routed->explanation, "\"provider\":\"FAA01\""));
    assert_true(taken.has_delivery);
    char id[UUID_TEXT_SIZE];
    delivery_id_of("check", ID, 0, id);
    assert_string_equal(taken.delivery.id, id);
    assert_string_equal(taken.delivery.destination, "FAA01");
    assert_string_equal(taken.delivery.service, "plain");
    assert_int_equal(taken.delivery.deadline_at_ms, routed->deadline_at_ms);
    assert_int_equal(taken.delivery.next_attempt_at_ms, NOW_MS);
    assert_ptr_equal(taken.delivery.payload, message.value);
    assert_int_equal(taken.delivery.payload_size, message.value_size);
    assert_string_equal(taken.delivery.traceparent,
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

static void the_records_own_traceparent_comes_before_the_headers(void **state)
{
    (void)state;
    static const char own[] = "00-11111111111111111111111111111111-2222222222222222-01";
    record_set_text(referral, "traceparent", own);
    write_value();
    take();
    assert_string_equal(taken.delivery.traceparent, own);
}

static void every_strand_ends_in_its_own_word(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        const char *reason, *result, *service, *strand, *source_kind;
        size_t events;
    } rows[] = {
        {EVENT_ROUTED, "", "nearest", "plain", "plain", "gp-practice", 2},
        {EVENT_ROUTED, "not-special", "fell-back", "plain", "fall-back", "gp-practice", 2},
        {EVENT_RETURNED, "asked-back", "", "plain", "return", "gp-practice", 3},
        {EVENT_RETURNED, "asked-back", "", "plain", "return", "walk-in", 2}, /* nobody's to tell */
        {EVENT_RETURNED, "no-provider", "", "special", "special", "gp-practice", 3},
        {EVENT_RECORDED, "", "", "plain", "record", "walk-in", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin_again();
        record_set_text(referral, "source.kind", rows[i].source_kind);
        record_set_text(referral, "details.strand", rows[i].strand);
        write_value();
        take();
        const struct referral_event *decided = &taken.events[1];
        if (taken.events_count != rows[i].events || decided->kind != rows[i].kind ||
            strcmp(decided->reason, rows[i].reason) != 0 ||
            strcmp(decided->result, rows[i].result) != 0 ||
            strcmp(decided->service, rows[i].service) != 0 ||
            taken.has_delivery != (rows[i].kind == EVENT_ROUTED))
            fail_msg("row %zu: %s '%s' '%s' '%s'", i, event_word(decided->kind)->name,
                     decided->reason, decided->result, decided->service);
    }
}

static void the_same_record_again_is_a_named_duplicate(void **state)
{
    (void)state;
    take();
    message.offset = 57;
    record_set_whole(referral, "accepted_at", NOW_MS); /* a retry through the gateway */
    write_value();
    take();
    assert_int_equal(taken.events_count, 1);
    assert_int_equal(taken.events[0].kind, EVENT_DUPLICATE);
    assert_string_equal(taken.events[0].referral_id, ID);
    assert_string_equal(taken.events[0].origin, "referrals.check/2/57");
    assert_false(taken.has_delivery);
    assert_int_equal(memory_count(memory), 1);
}

static void another_content_under_the_same_id_is_a_refused_conflict(void **state)
{
    (void)state;
    take();
    record_set_text(referral, "body_digest",
                    "0000000000000000000000000000000000000000000000000000000000000000");
    write_value();
    take();
    check_refused("conflict");
    struct uuid id = uuid_of("origin", "referrals.check/2/41", NULL);
    char text[UUID_TEXT_SIZE];
    uuid_format(&id, text);
    assert_string_equal(taken.events[0].referral_id, text); /* the first one's life goes on */
}

static void without_a_body_digest_the_bytes_tell(void **state)
{
    (void)state;
    record_set_text(referral, "body_digest", NULL);
    write_value();
    take();
    assert_int_equal(taken.events[0].kind, EVENT_RECEIVED);
    take();
    assert_int_equal(taken.events[0].kind, EVENT_DUPLICATE);
    record_set_whole(referral, "accepted_at", NOW_MS - 999);
    write_value();
    take();
    check_refused("conflict");
}

static void an_undone_record_is_new_again(void **state)
{
    (void)state;
    take();
    memory_undo(memory);
    take();
    assert_int_equal(taken.events[0].kind, EVENT_RECEIVED);
}

static void a_refused_record_is_remembered_too(void **state)
{
    (void)state;
    message.value = "rubbish";
    message.value_size = 7;
    take();
    check_refused("unknown-framing");
    assert_string_equal(taken.events[0].referral_id, ID);
    take();
    assert_int_equal(taken.events[0].kind, EVENT_DUPLICATE);
    write_value();
    take();
    check_refused("conflict");
}

static void keys_that_are_no_ids_are_refused_each_time_under_their_origin(void **state)
{
    (void)state;
    static const struct {
        const char *code, *key;
    } rows[] = {
        {"empty-key", NULL},
        {"empty-key", ""},
        {"bad-key", "7"},
        {"bad-key", ID " "},
        {"bad-key", "7d444840-9dc0-51d1-b245-5ffdce74fadZ"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        message.key = rows[i].key;
        message.key_size = rows[i].key == NULL ? 0 : strlen(rows[i].key);
        take();
        check_refused(rows[i].code);
        struct uuid id = uuid_of("origin", "referrals.check/2/41", NULL);
        char text[UUID_TEXT_SIZE];
        uuid_format(&id, text);
        assert_string_equal(taken.events[0].referral_id, text);
    }
    assert_int_equal(memory_count(memory), 0);
}

static void a_tombstone_is_refused(void **state)
{
    (void)state;
    message.value = NULL;
    message.value_size = 0;
    take();
    check_refused("tombstone");
}

static void a_key_that_is_not_the_records_id_is_refused(void **state)
{
    (void)state;
    message.key = OTHER_ID;
    take();
    check_refused("key-mismatch");
}

static void a_key_in_capitals_is_refused_as_it_has_another_partition(void **state)
{
    (void)state;
    message.key = "7D444840-9DC0-51D1-B245-5FFDCE74FAD2";
    take();
    check_refused("bad-key");
}

static void a_referral_of_another_pathway_is_refused(void **state)
{
    (void)state;
    record_set_text(referral, "pathway", "other");
    write_value();
    take();
    check_refused("wrong-pathway");
}

static void a_record_with_another_pathways_schema_is_refused(void **state)
{
    (void)state;
    struct reason reason;
    struct record *other = record_new(contract_referral(contract, "other"));
    record_set_text(other, "id", ID);
    record_set_text(other, "pathway", "check");
    buffer_reset(&value);
    assert_int_equal(codec_write(writer, other, &value, &reason), DONE);
    message.value = value.data;
    message.value_size = value.length;
    record_free(other);
    take();
    check_refused("wrong-pathway");
}

static void another_kind_of_message_is_refused(void **state)
{
    (void)state;
    struct reason reason;
    struct record *volume = record_new(contract_message(contract, "Volume"));
    buffer_reset(&value);
    assert_int_equal(codec_write(writer, volume, &value, &reason), DONE);
    message.value = value.data;
    message.value_size = value.length;
    record_free(volume);
    take();
    check_refused("wrong-schema");
}

static void what_cannot_be_read_is_refused_with_the_codecs_reason(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        const char *bytes;
        size_t size;
    } rows[] = {
        {"empty-value", "", 0},
        {"unknown-framing", "\xFF", 1},
        {"unknown-fingerprint", "\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08", 10},
        {"unknown-schema-id", "\x00\x00\x00\x00\x07", 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin_again();
        message.value = rows[i].bytes;
        message.value_size = rows[i].size;
        take();
        check_refused(rows[i].code);
    }
    begin_again();
    message.value_size--;
    take();
    assert_int_equal(taken.events[0].kind, EVENT_REFUSED);
    assert_int_equal(strncmp(taken.reason.code, "avro-", 5), 0);
}

static void a_field_out_of_its_bounds_is_refused_without_its_value(void **state)
{
    (void)state;
    record_set_text(referral, "patient.nhs_number", "9434765910");
    write_value();
    take();
    check_refused("bad-format");
    assert_string_equal(taken.reason.pointer, "/patient/nhs_number");
    assert_null(strstr(taken.reason.detail, "9434765910"));
    assert_string_equal(taken.events[0].hcp, "");
}

/* Dimensions of every volume: what a producer types there would be published. */
static void an_area_name_that_is_none_reaches_no_event(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"source.hcp", "Swale"}, {"source.pcn", "Whitstable"}};
    for (size_t i = 0; i < 2; i++) {
        begin_again();
        record_set_text(referral, rows[i][0], "seen Mrs Sample");
        write_value();
        take();
        check_refused("not-allowed");
        assert_non_null(strstr(taken.reason.detail, rows[i][1]));
        assert_int_equal(strlen(taken.events[0].hcp) + strlen(taken.events[0].pcn), 0);
    }
}

/* Bounds are no part of a fingerprint, so a writer with wider ones looks the same until it is
 * checked. */
static struct record *large_referral(struct schema **ret_schema)
{
    struct reason reason;
    const char *bounded = schema_text(contract_referral(contract, "check"));
    static const char narrow[] = "\"maxLength\":4000";
    const char *at = strstr(bounded, narrow);
    assert_non_null(at);
    size_t size = strlen(bounded) + 8;
    char *text = malloc(size), *notes = calloc(1, DELIVERY_PAYLOAD_MAX + 1);
    assert_non_null(text);
    assert_non_null(notes);
    assert_true(text_format(text, size, "%.*s\"maxLength\":65000%s", (int)(at - bounded), bounded,
                            at + sizeof narrow - 1));
    *ret_schema = schema_parse(text, strlen(text), &reason);
    assert_non_null(*ret_schema);
    struct record *large = record_new(*ret_schema);
    memset(notes, 'x', DELIVERY_PAYLOAD_MAX);
    record_set_text(large, "id", ID);
    record_set_text(large, "pathway", "check");
    record_set_text(large, "notes", notes);
    assert_false(record_failed(large));
    free(notes);
    free(text);
    return large;
}

static void a_referral_too_large_to_be_delivered_is_refused(void **state)
{
    (void)state;
    struct reason reason;
    struct schema *schema;
    struct record *large = large_referral(&schema);
    buffer_reset(&value);
    if (codec_write(writer, large, &value, &reason) != DONE)
        fail_msg("%s %s", reason.code, reason.detail);
    message.value = value.data;
    message.value_size = value.length;
    take();
    check_refused("too-large");
    record_free(large);
    schema_free(schema);
}

static void an_acceptance_in_the_future_is_replaced_by_kafkas_time(void **state)
{
    (void)state;
    record_set_whole(referral, "accepted_at", message.timestamp_ms + 24 * HOUR_MS + 1);
    write_value();
    take();
    assert_int_equal(taken.events[0].accepted_at_ms, message.timestamp_ms);
    assert_int_equal(taken.events[1].deadline_at_ms, message.timestamp_ms + 24 * HOUR_MS);
    assert_non_null(strstr(taken.explanation, "\"accepted_at_replaced\":true"));
    begin_again();
    record_set_whole(referral, "accepted_at", message.timestamp_ms + 24 * HOUR_MS);
    write_value();
    take();
    assert_int_equal(taken.events[0].accepted_at_ms, message.timestamp_ms + 24 * HOUR_MS);
    assert_null(strstr(taken.explanation, "accepted_at_replaced"));
}

static void no_event_holds_anything_of_the_patient(void **state)
{
    (void)state;
    static const char *const secrets[] = {"9992500018", "Canary", "1980-02-03", "ME14", "07700"};
    record_set_text(referral, "patient.nhs_number", secrets[0]);
    record_set_text(referral, "patient.family_name", secrets[1]);
    record_set_text(referral, "notes", "Canary 07700 900123");
    write_value();
    take();
    struct reason reason;
    struct buffer encoded;
    buffer_init(&encoded, 65536);
    for (size_t i = 0; i < taken.events_count; i++)
        assert_int_equal(event_encode(writer, contract, &taken.events[i], &encoded, &reason), DONE);
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        assert_null(memmem(encoded.data, encoded.length, secrets[i], strlen(secrets[i])));
    assert_non_null(memmem(encoded.data, encoded.length, "FAA01", 5));
    buffer_clear(&encoded);
}

static void what_is_read_back_is_known_as_what_was_taken(void **state)
{
    (void)state;
    struct reason reason;
    struct uuid id;
    uint64_t digest;
    bool has_id = false;
    take();
    assert_int_equal(take_identify(codec, &message, &has_id, &id, &digest, &reason), DONE);
    assert_true(has_id);
    assert_int_equal(memory_ask(memory, &id, digest), MEMORY_SAME);
    message.key = "x";
    message.key_size = 1;
    assert_int_equal(take_identify(codec, &message, &has_id, &id, &digest, &reason), DONE);
    assert_false(has_id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sound_referral_is_received_routed_and_delivered),
        TEST(the_records_own_traceparent_comes_before_the_headers),
        TEST(every_strand_ends_in_its_own_word),
        TEST(the_same_record_again_is_a_named_duplicate),
        TEST(another_content_under_the_same_id_is_a_refused_conflict),
        TEST(without_a_body_digest_the_bytes_tell),
        TEST(an_undone_record_is_new_again),
        TEST(a_refused_record_is_remembered_too),
        TEST(keys_that_are_no_ids_are_refused_each_time_under_their_origin),
        TEST(a_tombstone_is_refused),
        TEST(a_key_that_is_not_the_records_id_is_refused),
        TEST(a_key_in_capitals_is_refused_as_it_has_another_partition),
        TEST(a_referral_of_another_pathway_is_refused),
        TEST(a_record_with_another_pathways_schema_is_refused),
        TEST(another_kind_of_message_is_refused),
        TEST(what_cannot_be_read_is_refused_with_the_codecs_reason),
        TEST(a_field_out_of_its_bounds_is_refused_without_its_value),
        TEST(an_area_name_that_is_none_reaches_no_event),
        TEST(a_referral_too_large_to_be_delivered_is_refused),
        TEST(an_acceptance_in_the_future_is_replaced_by_kafkas_time),
        TEST(no_event_holds_anything_of_the_patient),
        TEST(what_is_read_back_is_known_as_what_was_taken),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
