/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile bytes, one fault at a time, and then 200,000 seeded mutants of a valid record: none that
 * the pre-scan lets through may fail in avro-c. Run it under the sanitizers. */
#include "mutate.h"
#include "sample.h"

#include "codec/prescan.h"

#define RECORD(type) "{'type':'record','name':'R','fields':[{'name':'f','type':" type "}]}"
#define LIST RECORD("{'type':'array','items':'int'}")
#define MAP RECORD("{'type':'map','values':'int'}")
#define MAP_IN_MAP                                                                                 \
    RECORD("{'type':'map','values':{'type':'record','name':'N','fields':["                         \
           "{'name':'m','type':{'type':'map','values':'int'}}]}}")
#define ENUM RECORD("{'type':'enum','name':'E','symbols':['A','B']}")
#define NINE "123456789"
#define OPTIONAL RECORD("['null','string']")

static void each_kind_of_hostile_byte_has_its_own_code(void **state)
{
    (void)state;
    static const struct {
        const char *code, *schema, *bytes;
        size_t length;
        const char *name;
    } cases[] = {
        {"", RECORD("'string'"),
         "\x06"
         "abc",
         4, "a text"},
        {"avro-truncated", RECORD("'string'"), "", 0, "nothing at all"},
        {"avro-length", RECORD("'string'"),
         "\x08"
         "abc",
         4, "a text that is cut"},
        {"avro-length", RECORD("'string'"),
         "\x80\x80\x80\x80\x08"
         "abc",
         8, "a length of 2^30"},
        {"avro-length", RECORD("'string'"), "\x01", 1, "a length of -1"},
        {"avro-length", RECORD("'bytes'"), "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10,
         "a length of INT64_MAX"},
        {"avro-length", RECORD("'bytes'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10,
         "a length of INT64_MIN"},
        {"avro-varint", RECORD("'string'"),
         "\x86\x00"
         "abc",
         5, "a length longer than it needs to be"},
        {"avro-length", RECORD("'string'"), "\x81\x01", 2, "a length of -65"},
        {"avro-length", RECORD("'string'"), "\x80\x01" NINE NINE NINE NINE NINE NINE NINE, 65,
         "a text of 64 bytes, one of which is missing"},
        {"", RECORD("'string'"), "\x80\x01" NINE NINE NINE NINE NINE NINE NINE "x", 66,
         "a text of 64 bytes"},
        {"avro-utf8", RECORD("'string'"),
         "\x12"
         "12345678\x80",
         10, "the ninth letter is none"},
        {"avro-utf8", RECORD("'string'"),
         "\x12"
         "1234\x80"
         "6789",
         10, "the fifth is none"},
        {"avro-utf8", RECORD("'string'"),
         "\x06"
         "12\x80",
         4, "the third of three is none"},
        {"avro-utf8", RECORD("'string'"),
         "\x06"
         "1\x80"
         "3",
         4, "the second of three is none"},
        {"avro-utf8", RECORD("'string'"),
         "\x0E"
         "123\0"
         "567",
         8, "the fourth of seven is NUL"},
        {"avro-utf8", RECORD("'string'"), "\x04\xC0\xAF", 3, "an overlong slash"},
        {"avro-utf8", RECORD("'string'"),
         "\x06"
         "a\0b",
         4, "a NUL in a text"},
        {"avro-utf8", RECORD("'string'"), "\x02\xC3", 2, "half a letter"},
        {"", RECORD("'bytes'"), "\x04\xC0\x00", 3, "any bytes"},
        {"avro-trailing", RECORD("'string'"),
         "\x02"
         "ab",
         3, "one byte too many"},
        {"avro-boolean", RECORD("'boolean'"), "\x07", 1, "boolean 7"},
        {"avro-truncated", RECORD("'boolean'"), "", 0, "no boolean"},
        {"", RECORD("'boolean'"), "\x01", 1, "true"},
        {"avro-varint", RECORD("'int'"), "\x80\x00", 2, "0 in two bytes"},
        {"avro-varint", RECORD("'long'"), "\x81\x80\x00", 3, "-1 in three bytes"},
        {"avro-varint", RECORD("'int'"), "\x80\x80\x80\x80\x10", 5, "2^31 as an int"},
        {"", RECORD("'int'"), "\xFE\xFF\xFF\xFF\x0F", 5, "2^31 - 1 as an int"},
        {"", RECORD("'int'"), "\xFF\xFF\xFF\xFF\x0F", 5, "-2^31 as an int"},
        {"", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10,
         "INT64_MIN as a long"},
        {"", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 9, "-2^62"},
        {"avro-varint", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x80\x00", 10,
         "a number of ten bytes that needs nine"},
        {"avro-varint", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x80\x00", 9,
         "a number of nine bytes that needs eight"},
        {"avro-varint", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10,
         "65 bits"},
        {"avro-varint", RECORD("'long'"), "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11,
         "eleven bytes"},
        {"avro-truncated", RECORD("'long'"), "\xFF\xFF", 2, "a number that is cut"},
        {"avro-truncated", RECORD("'double'"), "1234567", 7, "seven bytes of a double"},
        {"avro-truncated", RECORD("'float'"), "123", 3, "three bytes of a float"},
        {"avro-truncated", RECORD("{'type':'fixed','name':'F','size':4}"), "123", 3,
         "a short fixed"},
        {"", ENUM, "\x02", 1, "symbol B"},
        {"avro-enum", ENUM, "\x04", 1, "symbol number 2 of 2"},
        {"avro-enum", ENUM, "\x01", 1, "symbol number -1"},
        {"avro-enum", ENUM, "\xCE\x0F", 2, "symbol number 999"},
        {"", OPTIONAL, "\x00", 1, "null"},
        {"", OPTIONAL,
         "\x02\x02"
         "a",
         3, "a text in a union"},
        {"avro-union", OPTIONAL, "\x04", 1, "branch 2 of 2"},
        {"avro-union", OPTIONAL, "\x01", 1, "branch -1"},
        {"", RECORD("['string','null']"), "\x02", 1, "null as the second branch"},
        {"", LIST, "\x00", 1, "an empty list"},
        {"", LIST, "\x04\x02\x04\x02\x06\x00", 6, "two blocks"},
        {"", LIST, "\x03\x04\x02\x04\x00", 5, "a block with its size"},
        {"avro-length", LIST, "\x03\x06\x02\x04\x00", 5, "a block larger than it is"},
        {"avro-length", LIST, "\x03\x02\x02\x04\x00", 5, "a block smaller than it is"},
        {"avro-length", LIST, "\x03\x01\x02\x04\x00", 5, "a block of size -1"},
        {"avro-length", LIST, "\x03\x40\x02\x04\x00", 5, "a block past the end"},
        {"avro-length", LIST, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x00", 11,
         "INT64_MIN items"},
        {"avro-items", LIST, "\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x00", 11, "INT64_MAX items"},
        {"avro-items", LIST, "\xA2\x9C\x01\x00", 4, "10,001 items"},
        {"avro-truncated", LIST, "\xA0\x9C\x01\x00", 4, "10,000 items that are not there"},
        {"avro-truncated", LIST, "\x02\x02", 2, "a list without its end"},
        {"avro-items", RECORD("{'type':'array','items':{'type':'record','name':'N','fields':[]}}"),
         "\x80\xC2\xD7\x2F\x00", 5, "5 x 10^7 items of no bytes"},
        {"avro-items",
         RECORD("{'type':'array','items':{'type':'record','name':'N','fields':["
                "{'name':'a','type':'null'},{'name':'b','type':'null'}]}}"),
         "\xA0\x9C\x01\x00", 4, "10,000 items of two values of no bytes"},
        {"", MAP,
         "\x02\x02"
         "k\x02\x00",
         5, "a map"},
        {"", MAP,
         "\x02\x02"
         "k\x02\x02\x04"
         "kk\x02\x00",
         10, "a map of two blocks"},
        {"avro-map", MAP,
         "\x04\x02"
         "k\x02\x02"
         "k\x04\x00",
         8, "a key twice"},
        {"avro-map", MAP,
         "\x04\x02"
         "k\x02\x02"
         "a\x02\x02\x02"
         "k\x04\x00",
         12, "a key twice, in two blocks"},
        {"avro-map", MAP_IN_MAP,
         "\x04\x02"
         "k\x02\x02"
         "k\x02\x00\x02"
         "k\x00\x00",
         12, "a key twice about one of another map"},
        {"", MAP_IN_MAP,
         "\x04\x02"
         "k\x02\x02"
         "k\x02\x00\x02"
         "a\x02\x02"
         "k\x02\x00\x00",
         16, "the same key in three maps"},
        {"avro-utf8", MAP, "\x02\x02\xFF\x02\x00", 5, "a key that is no UTF-8"},
        {"avro-truncated", MAP,
         "\x02\x02"
         "k",
         3, "a key without a value"},
        {"", "'string'",
         "\x02"
         "a",
         2, "a root that is no record"},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *schema = schema_of(cases[i].schema);
        struct record *record = record_new(schema);
        struct reason reason = {0};
        /* a copy of the exact size, so that a sanitizer sees one byte too many */
        char *bytes = malloc(cases[i].length + 1);
        memmove(bytes, cases[i].bytes, cases[i].length);
        char *exact = realloc(bytes, cases[i].length > 0 ? cases[i].length : 1);
        bool passed = prescan(schema, exact, cases[i].length, &reason);
        enum verdict verdict = record_decode(record, exact, cases[i].length, NULL);
        if (passed != (*cases[i].code == '\0') || strcmp(reason.code, cases[i].code) != 0 ||
            verdict != (passed ? DONE : REFUSED)) {
            print_error("%s: %s %s\n", cases[i].name, reason.code, reason.detail);
            wrong++;
        }
        free(exact);
        record_free(record);
        schema_free(schema);
    }
    assert_int_equal(wrong, 0);
}

static void a_refusal_names_the_field_and_the_byte(void **state)
{
    (void)state;
    struct schema *schema = schema_of(
        "{'type':'record','name':'R','fields':[{'name':'people','type':{'type':'array','items':"
        "{'type':'record','name':'P','fields':[{'name':'name','type':['null','string']}]}}}]}");
    struct reason reason = {0};
    assert_false(prescan(schema,
                         "\x04\x02\x02"
                         "a\x02\x02\xFF\x00",
                         8, &reason));
    assert_string_equal(reason.code, "avro-utf8");
    assert_string_equal(reason.pointer, "/people/1/name");
    assert_string_equal(reason.detail, "byte 6: text that is not UTF-8, or holds a NUL");
    char *large = calloc(1, PRESCAN_SIZE_MAX + 1);
    assert_false(prescan(schema, large, PRESCAN_SIZE_MAX + 1, &reason));
    assert_string_equal(reason.code, "avro-too-large");
    free(large);
    assert_false(prescan(schema, NULL, 0, &reason));
    schema_free(schema);
}

/* Every truncation of a valid record is refused, or a record by chance: none may crash or leak. */
static void no_truncation_of_a_valid_record_is_taken(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_of(schema, sample_full);
    struct buffer buffer;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(record, &buffer, NULL), DONE);
    for (size_t length = 0; length < buffer.length; length++) {
        char *exact = malloc(length > 0 ? length : 1);
        memcpy(exact, buffer.data, length);
        assert_int_equal(record_decode(record, exact, length, NULL), REFUSED);
        free(exact);
    }
    assert_int_equal(record_decode(record, buffer.data, buffer.length, NULL), DONE);
    buffer_clear(&buffer);
    record_free(record);
    schema_free(schema);
}

static char *printed(const struct record *record)
{
    struct json *json = record_to_json(record);
    char *text = json_print(json, JSON_COMPACT);
    assert_non_null(text);
    json_free(json);
    return text;
}

static void no_mutant_that_passes_fails_in_avro(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_of(schema, sample_full);
    struct random random = {.state = 20261123};
    struct buffer valid;
    struct buffer again;
    buffer_init(&valid, PRESCAN_SIZE_MAX);
    buffer_init(&again, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(record, &valid, NULL), DONE);
    int accepted = 0;
    static uint8_t bytes[4096];
    for (int i = 0; i < 200000; i++) {
        size_t length = mutate(&random, &valid, bytes, sizeof(bytes));
        bool passed = prescan(schema, bytes, length, NULL);
        enum verdict verdict = record_decode(record, bytes, length, NULL);
        if (verdict != (passed ? DONE : REFUSED))
            fail_msg("mutant %d: %s", i, verdict_name(verdict));
        if (!passed)
            continue;
        accepted++;
        bool compared = accepted % 4 == 0;
        char *text = compared ? printed(record) : NULL;
        assert_true(record_make_changeable(record));
        char *of_avro = compared ? printed(record) : NULL;
        if (compared && strcmp(text, of_avro) != 0)
            fail_msg("mutant %d: avro-c reads another value", i);
        free(text);
        free(of_avro);
        buffer_reset(&again);
        struct reason reason = {0};
        verdict = record_encode(record, &again, &reason);
        if ((verdict != DONE && strncmp(reason.code, "too-", 4) != 0) ||
            (verdict == DONE && !prescan(schema, again.data, again.length, &reason)))
            fail_msg("mutant %d: %s %s", i, reason.code, reason.pointer);
        assert_int_not_equal(record_check(record, NULL), BROKEN);
    }
    assert_in_range(accepted, 10000, 190000); /* or the test would test nothing */
    buffer_clear(&valid);
    buffer_clear(&again);
    record_free(record);
    schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_hostile_byte_has_its_own_code),
        cmocka_unit_test(a_refusal_names_the_field_and_the_byte),
        cmocka_unit_test(no_truncation_of_a_valid_record_is_taken),
        cmocka_unit_test(no_mutant_that_passes_fails_in_avro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
