/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of both kinds, over the real messages. */
#include "codec/flat.h"
#include "sample.h"

#include "codec/contract.h"

static struct contract *contract;

static int load(void **state)
{
    (void)state;
    contract = contract_load(SOURCE_DIR "/schemas", NULL);
    return contract ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    contract_free(contract);
    return 0;
}

static void write_volume(struct codec *codec, struct buffer *buffer)
{
    struct record *record = codec_blank(codec, contract_message(contract, "Volume"));
    assert_non_null(record);
    record_set_text(record, "period", "2026-11-23");
    record_set_whole(record, "count", 7);
    assert_int_equal(codec_write(codec, record, buffer, NULL), DONE);
}

static void single_objects_carry_the_fingerprint_in_little_endian(void **state)
{
    (void)state;
    struct codec *codec = codec_new(contract, NULL);
    struct buffer buffer;
    struct record *record = NULL;
    buffer_init(&buffer, 1000);
    write_volume(codec, &buffer);
    uint64_t fingerprint = schema_fingerprint(contract_message(contract, "Volume"));
    assert_memory_equal(buffer.data, "\xC3\x01", 2);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(buffer.data[2 + i], (uint8_t)(fingerprint >> (8 * i)));
    assert_int_equal(codec_read(codec, buffer.data, buffer.length, "Volume", &record, NULL), DONE);
    assert_string_equal(record_text(record, "period"), "2026-11-23");
    assert_int_equal(record_whole_or(record, "count", 0), 7);
    struct record *blank = codec_blank(codec, contract_message(contract, "Volume"));
    assert_ptr_not_equal(blank, record);
    assert_string_equal(record_text(blank, "period"), "");
    struct record *again = NULL;
    assert_int_equal(codec_read(codec, buffer.data, buffer.length, NULL, &again, NULL), DONE);
    assert_ptr_equal(again, record);
    buffer_clear(&buffer);
    codec_free(codec);
}

static void frames_that_say_nothing_known_are_refused(void **state)
{
    (void)state;
    struct codec *codec = codec_new(contract, NULL);
    struct buffer good;
    buffer_init(&good, 1000);
    write_volume(codec, &good);
    static const struct {
        const char *code, *bytes;
        size_t length;
    } cases[] = {
        {"empty-value", NULL, 0},
        {"empty-value", "", 0},
        {"unknown-framing", "\xC3", 1},
        {"unknown-framing",
         "\xC3\x01"
         "1234567",
         9},
        {"unknown-framing",
         "\xC3\x02"
         "12345678",
         10},
        {"unknown-framing", "{\"a\": \"json\"}", 12},
        {"unknown-framing", "\x00\x00\x00\x00", 4},
        {"unknown-fingerprint",
         "\xC3\x01"
         "12345678",
         10},
        {"unknown-schema-id",
         "\x00\x00\x00\x00\x07"
         "x",
         6},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reason reason = {0};
        struct record *record = NULL;
        if (codec_read(codec, cases[i].bytes, cases[i].length, NULL, &record, &reason) != REFUSED ||
            strcmp(reason.code, cases[i].code) != 0 || record) {
            print_error("case %zu: %s\n", i, reason.code);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    struct reason reason = {0};
    struct record *record = NULL;
    assert_int_equal(codec_read(codec, good.data, good.length, "Delivery", &record, &reason),
                     REFUSED);
    assert_string_equal(reason.code, "wrong-schema");
    assert_int_equal(codec_read(codec, good.data, good.length - 1, "Volume", &record, &reason),
                     REFUSED);
    assert_string_equal(reason.code, "avro-truncated");
    assert_null(record);
    buffer_clear(&good);
    codec_free(codec);
}

static struct schema *copy_of(const char *name)
{
    const char *text = schema_text(contract_message(contract, name));
    struct schema *copy = schema_parse(text, strlen(text), NULL);
    assert_non_null(copy);
    return copy;
}

static enum verdict asked_verdict;

static enum verdict answer(void *context, struct registry *registry, int32_t id,
                           struct reason *reason)
{
    (*(int *)context)++;
    if (asked_verdict == DONE)
        return registry_add_take(registry, id, copy_of("Volume")) ? DONE : BROKEN;
    reason_set(reason, "registry-away", NULL, "no answer");
    return asked_verdict;
}

static void with_a_registry_frames_carry_its_id_and_both_kinds_are_read(void **state)
{
    (void)state;
    const struct schema *volume = contract_message(contract, "Volume");
    struct registry *registry = registry_new();
    struct codec *plain = codec_new(contract, NULL);
    struct codec *codec = codec_new(contract, registry);
    struct buffer buffer;
    struct record *record = NULL;
    buffer_init(&buffer, 1000);
    write_volume(codec, &buffer); /* as long as no id was given */
    assert_memory_equal(buffer.data, "\xC3\x01", 2);
    buffer_reset(&buffer);
    assert_true(registry_add_take(registry, 0x01020304, copy_of("Volume")));
    assert_true(registry_add_take(registry, 9, copy_of("Volume")));
    assert_false(registry_add_take(registry, -1, copy_of("Volume")));
    assert_non_null(registry_schema(registry, 9));
    assert_null(registry_schema(registry, 8));
    assert_true(registry_write_as(registry, schema_fingerprint(volume), 0x01020304));
    write_volume(codec, &buffer);
    assert_memory_equal(buffer.data, "\x00\x01\x02\x03\x04", 5);
    assert_int_equal(codec_read(codec, buffer.data, buffer.length, "Volume", &record, NULL), DONE);
    assert_ptr_equal(record_schema(record), volume);
    assert_true(registry_write_as(registry, schema_fingerprint(volume), -1));
    buffer_reset(&buffer);
    write_volume(codec, &buffer); /* the registry has lost it */
    assert_memory_equal(buffer.data, "\xC3\x01", 2);
    size_t cursor = 0, ids = 0;
    int32_t id;
    const struct schema *known;
    while (registry_next(registry, &cursor, &id, &known))
        ids += known == registry_schema(registry, id);
    assert_int_equal(ids, 2);
    assert_int_equal(codec_read(codec, buffer.data, buffer.length, "Volume", &record, NULL), DONE);
    buffer_reset(&buffer);
    write_volume(plain, &buffer);
    assert_int_equal(codec_read(codec, buffer.data, buffer.length, "Volume", &record, NULL), DONE);
    buffer_clear(&buffer);
    codec_free(codec);
    codec_free(plain);
    registry_free(registry);
    registry_free(NULL);
    codec_free(NULL);
}

static void an_unknown_id_is_asked_for_and_waits_while_the_registry_is_away(void **state)
{
    (void)state;
    struct registry *registry = registry_new();
    struct registry *writers = registry_new();
    struct codec *codec = codec_new(contract, registry);
    struct codec *writer = codec_new(contract, writers);
    struct buffer buffer;
    struct record *record = NULL;
    struct reason reason = {0};
    int asked = 0;
    buffer_init(&buffer, 1000);
    uint64_t fingerprint = schema_fingerprint(contract_message(contract, "Volume"));
    assert_true(registry_write_as(writers, fingerprint, 42));
    write_volume(writer, &buffer);
    registry_on_miss(registry, answer, &asked);
    static const enum verdict verdicts[] = {TRY_AGAIN, REFUSED, DONE, DONE};
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        asked_verdict = verdicts[i];
        assert_int_equal(codec_read(codec, buffer.data, buffer.length, "Volume", &record, &reason),
                         verdicts[i]);
    }
    assert_int_equal(asked, 3); /* the last time the id was known */
    assert_string_equal(reason.code, "registry-away");
    buffer_clear(&buffer);
    codec_free(codec);
    codec_free(writer);
    registry_free(registry);
    registry_free(writers);
}

/* As when a registry is made anew: what passed under the one schema has not under the other. */
static void an_id_that_means_another_schema_is_looked_at_again(void **state)
{
    (void)state;
    struct registry *registry = registry_new();
    struct codec *codec = codec_new(contract, registry);
    struct record_field fields[FLAT_FIELDS_MAX];
    struct buffer buffer;
    struct reason reason = {0};
    size_t count = 0;
    buffer_init(&buffer, 1000);
    assert_true(registry_add_take(registry, 9, copy_of("Volume")));
    assert_true(
        registry_write_as(registry, schema_fingerprint(contract_message(contract, "Volume")), 9));
    write_volume(codec, &buffer);
    assert_int_equal(
        codec_read_flat(codec, buffer.data, buffer.length, NULL, fields, &count, &reason), DONE);
    assert_int_equal(
        codec_read_flat_again(codec, buffer.data, buffer.length, NULL, fields, &count, &reason),
        DONE);
    assert_true(registry_add_take(registry, 9, copy_of("Delivery")));
    assert_int_equal(
        codec_read_flat_again(codec, buffer.data, buffer.length, NULL, fields, &count, &reason),
        REFUSED);
    buffer_clear(&buffer);
    codec_free(codec);
    registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_that_means_another_schema_is_looked_at_again),
        cmocka_unit_test(single_objects_carry_the_fingerprint_in_little_endian),
        cmocka_unit_test(frames_that_say_nothing_known_are_refused),
        cmocka_unit_test(with_a_registry_frames_carry_its_id_and_both_kinds_are_read),
        cmocka_unit_test(an_unknown_id_is_asked_for_and_waits_while_the_registry_is_away),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
