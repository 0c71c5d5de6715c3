/* SPDX-License-Identifier: Apache-2.0 */
/* What is read where it stands is what a record says of the same bytes, mutants and all. */
#include "codec/flat.h"

#include "codec/prescan.h"
#include "mutate.h"
#include "sample.h"

static const char codes[3][6] = {"FA066", "FC123", "FD999"};

struct world {
    struct contract *contract;
    struct codec *codec, *other; /* the same twice: what each lends is its own */
    struct buffer valid;
};

static int set_up(void **state)
{
    static struct world world;
    struct reason reason = {0};
    world.contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!world.contract)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    world.codec = codec_new(world.contract, NULL);
    world.other = codec_new(world.contract, NULL);
    buffer_init(&world.valid, PRESCAN_SIZE_MAX);
    *state = &world;
    return world.codec && world.other ? 0 : -1;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    buffer_clear(&world->valid);
    codec_free(world->other);
    codec_free(world->codec);
    contract_free(world->contract);
    return 0;
}

#define TEXT(member, value)                                                                        \
    {                                                                                              \
        .name = member, .kind = FLAT_TEXT, .bytes = value, .length = strlen(value)                 \
    }
#define WHOLE(member, value)                                                                       \
    {                                                                                              \
        .name = member, .kind = FLAT_WHOLE, .whole = value                                         \
    }
#define CODES(member, count)                                                                       \
    {                                                                                              \
        .name = member, .kind = FLAT_TEXTS, .bytes = codes, .length = count, .stride = 6           \
    }

static void write_valid(struct world *world)
{
    const struct flat_field fields[] = {
        TEXT("id", "11111111-1111-5111-8111-111111111111"),
        TEXT("referral_id", "7d444840-9dc0-51d1-b245-5ffdce74fad2"),
        TEXT("pathway", "pharmacy-first"),
        TEXT("service", "minor-illness"),
        TEXT("source_kind", ""),
        TEXT("hcp", "East Kent"),
        TEXT("destination", "FA015"),
        WHOLE("hop", -2),
        CODES("tried", 3),
        CODES("declined", 1),
        WHOLE("attempts", 300),
        {.name = "intent", .kind = FLAT_BOOLEAN, .whole = 1},
        WHOLE("accepted_at", INT64_MAX),
        WHOLE("created_at", INT64_MIN),
        WHOLE("deadline_at", 0),
        WHOLE("next_attempt_at", 1795420990000),
        TEXT("last_result", "http-503"),
        {.name = "payload", .kind = FLAT_BYTES, .bytes = "\xC3\x01payload", .length = 9},
    };
    struct reason reason = {0};
    buffer_reset(&world->valid);
    if (codec_write_flat(world->codec, contract_message(world->contract, "Delivery"), fields,
                         COUNT(fields), &world->valid, &reason) != DONE)
        fail_msg("%s %s", reason.code, reason.detail);
}

static void assert_same_text(const char *text, size_t length, const char *expected)
{
    assert_int_equal(text != NULL, expected != NULL);
    if (!text)
        return;
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void assert_same_list(const struct record_field *list, const struct record *record)
{
    struct record_field texts[4];
    const size_t count = flat_texts(list, texts, 4);
    assert_int_equal(count, record_count(record, list->name));
    for (size_t i = 0; i < count && i < 4; i++) {
        char path[32];
        (void)snprintf(path, sizeof(path), "%s.%zu", list->name, i);
        assert_same_text(texts[i].text, texts[i].length, record_text(record, path));
    }
}

static void assert_same(const struct record_field *flat, size_t count, const struct record *record)
{
    struct record_field field;
    for (size_t i = 0; i < count; i++) {
        assert_true(record_field_at(record, i, &field));
        assert_string_equal(flat[i].name, field.name);
        assert_same_text(flat[i].text, flat[i].length, field.text);
        assert_int_equal(flat[i].is_whole, field.is_whole);
        assert_int_equal(flat[i].whole, field.whole);
        size_t length = 0;
        const void *bytes = record_bytes(record, flat[i].name, &length);
        if (bytes) {
            assert_int_equal(flat[i].length, length);
            assert_memory_equal(flat[i].bytes, bytes, length);
        } else if (flat[i].bytes) {
            assert_same_list(&flat[i], record);
        }
    }
    assert_false(record_field_at(record, count, &field));
}

static void mutants_are_read_alike(void **state)
{
    struct world *world = *state;
    struct random random = {.state = 20261126};
    struct record_field fields[FLAT_FIELDS_MAX];
    static uint8_t bytes[4096];
    int taken = 0;
    write_valid(world);
    for (int i = 0; i < 100000; i++) {
        struct reason reason = {0}, expected = {0};
        struct record *record = NULL;
        size_t count = 0;
        size_t length =
            i ? mutate(&random, &world->valid, bytes, sizeof(bytes)) : world->valid.length;
        if (!i)
            memcpy(bytes, world->valid.data, length);
        uint8_t *exact = malloc(length ? length : 1); /* a sanitizer sees one byte too many */
        memcpy(exact, bytes, length);
        enum verdict verdict =
            codec_read_flat(world->codec, exact, length, "Delivery", fields, &count, &reason);
        if (verdict != codec_read(world->other, exact, length, "Delivery", &record, &expected) ||
            strcmp(reason.code, expected.code) != 0 ||
            strcmp(reason.pointer, expected.pointer) != 0)
            fail_msg("mutant %d: %s %s, %s was expected", i, verdict_name(verdict), reason.code,
                     expected.code);
        if (verdict == DONE) {
            assert_same(fields, count, record);
            memset(fields, 0xA5, sizeof(fields));
            assert_int_equal(codec_read_flat_again(world->codec, exact, length, "Delivery", fields,
                                                   &count, &reason),
                             DONE);
            assert_same(fields, count, record);
        }
        taken += verdict == DONE;
        free(exact);
    }
    assert_true(taken > 1000);
}

/* Of the whole record: the bytes are one value of its root. */
static bool write_json(const struct schema *schema, const void *bytes, struct buffer *buffer)
{
    const struct record_field whole = {.node = schema_root(schema), .value = bytes};
    buffer_reset(buffer);
    return flat_write_json(&whole, buffer);
}

static void mutants_are_printed_alike(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_of(schema, sample_full);
    struct random random = {.state = 20261127};
    struct buffer valid, written;
    static uint8_t bytes[4096];
    int taken = 0;
    buffer_init(&valid, PRESCAN_SIZE_MAX);
    buffer_init(&written, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(record, &valid, NULL), DONE);
    for (int i = 0; i < 40000; i++) {
        size_t length = i ? mutate(&random, &valid, bytes, sizeof(bytes)) : valid.length;
        if (!i)
            memcpy(bytes, valid.data, length);
        if (record_decode(record, bytes, length, NULL) != DONE)
            continue;
        uint8_t *exact = malloc(length); /* a sanitizer sees one byte too many */
        memcpy(exact, bytes, length);
        struct json *json = record_to_json(record);
        char *expected = json_print(json, JSON_COMPACT);
        assert_true(write_json(schema, exact, &written));
        if (strcmp(buffer_text(&written), expected) != 0)
            fail_msg("mutant %d: %s, %s was expected", i, buffer_text(&written), expected);
        free(expected);
        json_free(json);
        free(exact);
        taken++;
    }
    assert_in_range(taken, 2000, 38000);
    buffer_clear(&valid);
    buffer_clear(&written);
    record_free(record);
    schema_free(schema);
}

static void what_is_nothing_is_null(void **state)
{
    (void)state;
    static const uint8_t none[] = {0x00}, note[] = {0x02, 0x02, 'x'};
    struct schema *schema = schema_of("{'type':'record','name':'A','fields':[{'name':'note',"
                                      "'type':['null','string'],'default':null}]}");
    const struct schema_node *node = schema_root(schema)->children[0];
    const struct record_field fields[] = {
        {.name = "note"}, {.node = node, .value = none}, {.node = node, .value = note}};
    static const char *const expected[] = {"null", "null", "\"x\""};
    struct buffer written;
    buffer_init(&written, 16);
    for (size_t i = 0; i < 3; i++) {
        buffer_reset(&written);
        assert_int_equal(flat_is_null(&fields[i]), i < 2);
        assert_true(flat_write_json(&fields[i], &written));
        assert_string_equal(buffer_text(&written), expected[i]);
    }
    buffer_clear(&written);
    schema_free(schema);
}

static void a_list_in_several_blocks_is_one_list(void **state)
{
    (void)state;
    static const uint8_t blocks[] = {0x03, 0x0C, 0x04, 'A',  'B', 0x04,
                                     'C',  'D',  0x02, 0x02, 'E', 0x00};
    struct record_field texts[3];
    const struct record_field list = {.name = "tried", .bytes = blocks}, none = {0};
    assert_int_equal(flat_texts(&list, texts, 3), 3);
    assert_same_text(texts[0].text, texts[0].length, "AB");
    assert_same_text(texts[1].text, texts[1].length, "CD");
    assert_same_text(texts[2].text, texts[2].length, "E");
    texts[1].text = NULL;
    assert_int_equal(flat_texts(&list, texts, 1), 3);
    assert_null(texts[1].text);
    assert_int_equal(flat_texts(&none, texts, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mutants_are_read_alike),
        cmocka_unit_test(mutants_are_printed_alike),
        cmocka_unit_test(what_is_nothing_is_null),
        cmocka_unit_test(a_list_in_several_blocks_is_one_list),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
