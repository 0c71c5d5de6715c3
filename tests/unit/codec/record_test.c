/* SPDX-License-Identifier: Apache-2.0 */
/* Records by path, over binary and back, and from writers whose schema is not ours. */
#include "sample.h"

#include "codec/prescan.h"

#include <math.h>

static void an_empty_record_has_its_defaults(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_new(schema);
    double real = 9;
    int64_t whole = 9;
    assert_ptr_equal(record_schema(record), schema);
    assert_string_equal(record_text(record, "id"), "");
    assert_string_equal(record_text(record, "kind"), "RED");
    assert_string_equal(record_text(record, "note"), "none");
    assert_string_equal(record_text(record, "sex"), "unknown");
    assert_string_equal(record_text(record, "inner.y_z"), "why");
    assert_int_equal(record_whole_or(record, "at", 0), 5);
    assert_true(record_real(record, "ratio", &real) && real == 0.5);
    assert_true(record_real(record, "small", &real) && real == 1.0);
    assert_true(record_is_true(record, "yes"));
    assert_true(record_whole(record, "yes", &whole) && whole == 1);
    assert_false(record_has(record, "postcode"));
    assert_true(record_has(record, "id"));
    assert_false(record_has(record, "again"));
    assert_false(record_has(record, "again.x"));
    assert_int_equal(record_count(record, "phones"), 0);
    record_free(record);
    schema_free(schema);
    record_free(NULL);
}

static void paths_that_lead_nowhere_are_absent_fields(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_of(schema, sample_full);
    static const char *const paths[] = {
        "",
        "nothing",
        "id.x",
        "inner.nothing",
        "inner.x.y",
        "phones.2",
        "phones.-1",
        "phones.x",
        "phones.",
        "phones.0.x",
        "people.5.name",
        "people.name",
        ".",
        ".id",
        "id.",
        "marks.one",
        "people.00000000000000000001.name",
        "inn",
        "inner..x",
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(paths); i++) {
        int64_t whole = 0;
        double real = 0;
        size_t length = 0;
        if (record_text(record, paths[i]) || record_whole(record, paths[i], &whole) ||
            record_real(record, paths[i], &real) || record_bytes(record, paths[i], &length) ||
            record_is_true(record, paths[i]) || (record_has(record, paths[i]) && *paths[i])) {
            print_error("%s\n", paths[i]);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    record_free(record);
    schema_free(schema);
}

static void what_is_set_is_read_back_after_encoding(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_new(schema);
    struct record *other = record_new(schema);
    struct buffer buffer;
    size_t length = 0;
    double real = 0;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    assert_true(record_set_text(record, "id", "x\xC3\xA9"));
    assert_true(record_set_text(record, "kind", "BLUE"));
    assert_true(record_set_whole(record, "count", INT32_MIN));
    assert_true(record_set_whole(record, "at", INT64_MIN));
    assert_true(record_set_real(record, "ratio", -0.25));
    assert_true(record_set_real(record, "small", 0.5));
    assert_true(record_set_boolean(record, "yes", false));
    assert_true(record_set_bytes(record, "raw", "\0\xFF", 2));
    assert_true(record_set_bytes(record, "key", "abcd", 4));
    assert_true(record_set_text(record, "postcode", "ME14"));
    assert_true(record_set_text(record, "note", NULL));
    assert_true(
        record_set_whole(record, "again.x", 4)); /* makes the record in the union, with defaults */
    assert_true(record_add(record, "people"));
    assert_true(record_set_text(record, "people.0.name", "A"));
    assert_true(record_add(record, "people"));
    assert_true(record_set_whole(record, "people.1.rank", 2));
    assert_true(record_add(record, "phones"));
    assert_true(record_set_text(record, "phones.0", "1"));
    assert_false(record_failed(record));
    assert_true(buffer_append_text(&buffer, "before"));
    assert_int_equal(record_encode(record, &buffer, NULL), DONE);
    assert_memory_equal(buffer.data, "before", 6);
    assert_int_equal(record_decode(other, buffer.data + 6, buffer.length - 6, NULL), DONE);
    assert_string_equal(record_text(other, "id"), "x\xC3\xA9");
    assert_string_equal(record_text(other, "kind"), "BLUE");
    assert_int_equal(record_whole_or(other, "count", 0), INT32_MIN);
    assert_int_equal(record_whole_or(other, "at", 0), INT64_MIN);
    assert_true(record_real(other, "ratio", &real) && real == -0.25);
    assert_true(record_real(other, "small", &real) && real == 0.5);
    assert_false(record_is_true(other, "yes"));
    assert_memory_equal(record_bytes(other, "raw", &length), "\0\xFF", 2);
    assert_int_equal(length, 2);
    assert_memory_equal(record_bytes(other, "key", &length), "abcd", 4);
    assert_false(record_has(other, "note"));
    assert_string_equal(record_text(other, "again.y_z"), "why");
    assert_int_equal(record_whole_or(other, "again.x", 0), 4);
    assert_int_equal(record_count(other, "people"), 2);
    assert_string_equal(record_text(other, "people.0.name"), "A");
    assert_int_equal(record_whole_or(other, "people.0.rank", 0), 1);
    assert_int_equal(record_whole_or(other, "people.1.rank", 0), 2);
    assert_string_equal(record_text(other, "phones.0"), "1");
    assert_true(record_set_text(other, "again", NULL));
    assert_false(record_has(other, "again"));
    buffer_clear(&buffer);
    record_free(record);
    record_free(other);
    schema_free(schema);
}

static void a_set_that_fails_is_remembered_until_the_reset(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_new(schema);
    struct buffer buffer;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
#define REFUSES(call)                                                                              \
    do {                                                                                           \
        record_reset(record);                                                                      \
        assert_false(record_failed(record));                                                       \
        assert_false(call);                                                                        \
        assert_true(record_failed(record));                                                        \
    } while (0)
    REFUSES(record_set_text(record, "nothing", "x"));
    REFUSES(record_set_text(record, "count", "x"));
    REFUSES(record_set_text(record, "kind", "PINK"));
    REFUSES(record_set_text(record, "id", NULL));
    REFUSES(record_set_text(record, "id", "\xFF"));
    REFUSES(record_set_text(record, "people.0.name", "x"));
    REFUSES(record_set_text(record, "inner", "x"));
    REFUSES(record_set_whole(record, "id", 1));
    REFUSES(record_set_whole(record, "count", INT64_C(2147483648)));
    REFUSES(record_set_real(record, "at", 1.0));
    REFUSES(record_set_real(record, "small", 1e39));
    REFUSES(record_set_real(record, "ratio", HUGE_VAL));
    REFUSES(record_set_boolean(record, "count", true));
    REFUSES(record_set_bytes(record, "key", "abc", 3));
    REFUSES(record_set_bytes(record, "id", "abc", 3));
    REFUSES(record_add(record, "inner"));
    struct reason reason = {0};
    assert_int_equal(record_encode(record, &buffer, &reason), BROKEN);
    assert_string_equal(reason.code, "unset-field");
    assert_int_equal(buffer.length, 0);
    record_reset(record);
    assert_int_equal(record_encode(record, &buffer, &reason), DONE);
    buffer_clear(&buffer);
    record_free(record);
    schema_free(schema);
}

static void an_encoder_keeps_to_the_lengths_that_readers_take(void **state)
{
    (void)state;
    struct schema *schema =
        schema_of("{'type':'record','name':'R','fields':["
                  "{'name':'short','type':'string','maxLength':3},"
                  "{'name':'long','type':'bytes'},"
                  "{'name':'few','type':{'type':'array','items':'int'},'maxItems':1}]}");
    struct record *record = record_new(schema);
    struct reason reason = {0};
    struct buffer buffer;
    buffer_init(&buffer, 200000);
    assert_true(record_set_text(record, "short", "abcd"));
    assert_int_equal(record_encode(record, &buffer, &reason), REFUSED);
    assert_string_equal(reason.code, "too-long");
    assert_string_equal(reason.pointer, "/short");
    assert_true(record_set_text(record, "short", "abc"));
    assert_true(record_add(record, "few"));
    assert_int_equal(record_encode(record, &buffer, &reason), DONE);
    assert_true(record_add(record, "few"));
    assert_int_equal(record_encode(record, &buffer, &reason), REFUSED);
    assert_string_equal(reason.code, "too-many");
    record_reset(record);
    char *large = calloc(1, PRESCAN_SIZE_MAX);
    assert_true(record_set_bytes(record, "long", large, PRESCAN_SIZE_MAX));
    assert_int_equal(record_encode(record, &buffer, &reason), REFUSED);
    assert_string_equal(reason.code, "too-large");
    assert_true(record_set_bytes(record, "long", large, 1000));
    struct buffer small;
    buffer_init(&small, 500);
    assert_int_equal(record_encode(record, &small, &reason), REFUSED);
    assert_string_equal(reason.code, "too-large");
    assert_int_equal(small.length, 0);
    buffer_clear(&small);
    buffer_clear(&buffer);
    free(large);
    record_free(record);
    schema_free(schema);
}

static void a_record_that_is_used_again_holds_nothing_of_the_last_one(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *full = record_of(schema, sample_full);
    struct record *least = record_of(schema, sample_least);
    struct buffer first;
    struct buffer second;
    buffer_init(&first, PRESCAN_SIZE_MAX);
    buffer_init(&second, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(least, &first, NULL), DONE);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(record_decode(full, first.data, first.length, NULL), DONE);
        assert_int_equal(record_count(full, "people"), 0);
        buffer_reset(&second);
        assert_int_equal(record_encode(full, &second, NULL), DONE);
        assert_int_equal(first.length, second.length);
        assert_memory_equal(first.data, second.data, first.length);
    }
    assert_int_equal(record_decode(full, "x", 1, NULL), REFUSED);
    assert_string_equal(record_text(full, "id"), "");
    record_free(full);
    /* avro-c's own reset leaves texts with a size that its writer wraps around */
    full = record_of(schema, sample_full);
    record_reset(full);
    record_free(least);
    least = record_new(schema);
    buffer_reset(&first);
    buffer_reset(&second);
    assert_int_equal(record_encode(full, &first, NULL), DONE);
    assert_int_equal(record_encode(least, &second, NULL), DONE);
    assert_int_equal(first.length, second.length);
    assert_memory_equal(first.data, second.data, first.length);
    assert_string_equal(record_text(full, "inner.y_z"), "why");
    buffer_clear(&first);
    buffer_clear(&second);
    record_free(full);
    record_free(least);
    schema_free(schema);
}

/* Our schema, and one of a writer that has moved on: a new optional field in the middle, symbols in
 * another order. */
static void a_writer_that_has_moved_on_is_read_by_names_and_symbols(void **state)
{
    (void)state;
    struct schema *theirs = schema_of(
        "{'type':'record','name':'R','fields':["
        "{'name':'kind','type':{'type':'enum','name':'K','symbols':['BP','CONTRACEPTION','NEW']}},"
        "{'name':'added','type':['null','string'],'default':null},"
        "{'name':'patient','type':{'type':'record','name':'P','fields':["
        "  {'name':'extra','type':'double','default':1},"
        "  {'name':'sex','type':['null','string']}]}}]}");
    struct record *record =
        record_of(theirs, "{'kind':'CONTRACEPTION','added':'x','patient':{'sex':'female'}}");
    struct record *read = record_new(theirs);
    struct buffer buffer;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(record, &buffer, NULL), DONE);
    assert_int_equal(record_decode(read, buffer.data, buffer.length, NULL), DONE);
    /* what a reader of ours asks for, where CONTRACEPTION is symbol 2 of 3 and `added` unknown */
    assert_string_equal(record_text(read, "kind"), "CONTRACEPTION");
    assert_string_equal(record_text(read, "patient.sex"), "female");
    assert_false(record_has(read, "patient.pregnancy"));
    buffer_clear(&buffer);
    record_free(record);
    record_free(read);
    schema_free(theirs);
}

static void blocks_of_any_number_and_kind_are_one_list(void **state)
{
    (void)state;
    struct schema *schema =
        schema_of("{'type':'record','name':'R','fields':["
                  "{'name':'numbers','type':{'type':'array','items':'int'}},"
                  "{'name':'people','type':{'type':'array','items':"
                  "  {'type':'record','name':'P','fields':["
                  "  {'name':'name','type':'string'},"
                  "  {'name':'scores','type':{'type':'array','items':'long'}}]}}},"
                  "{'name':'last','type':'string'}]}");
    static const uint8_t bytes[] = {
        2, 2,  4,   4,   6, 3, 4,   8, 10, 0,       /* [1] [2, 3] and [4, 5] with its size */
        2, 2,  'a', 2,   2, 2, 4,   0,              /* a: [1] [2] */
        3, 18, 2,   'b', 0, 2, 'c', 4, 6,  8, 0, 0, /* b: [], its size given; c: [3, 4] */
        2, 'z'};
    struct record *record = record_new(schema);
    struct reason reason = {0};
    if (record_decode(record, bytes, sizeof(bytes), &reason) != DONE)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    for (int changeable = 0; changeable < 2; changeable++) {
        struct json *json = record_to_json(record);
        char *text = json_print(json, JSON_COMPACT);
        assert_string_equal(text, "{\"numbers\":[1,2,3,4,5],\"people\":["
                                  "{\"name\":\"a\",\"scores\":[1,2]},"
                                  "{\"name\":\"b\",\"scores\":[]},"
                                  "{\"name\":\"c\",\"scores\":[3,4]}],\"last\":\"z\"}");
        free(text);
        json_free(json);
        assert_true(record_make_changeable(record)); /* the same to avro-c */
    }
    record_free(record);
    schema_free(schema);
}

static void what_was_decoded_can_be_changed(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    struct record *first = record_of(schema, sample_full);
    struct record *read = record_new(schema);
    struct buffer buffer, again;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    buffer_init(&again, PRESCAN_SIZE_MAX);
    assert_int_equal(record_encode(first, &buffer, NULL), DONE);
    assert_int_equal(record_decode(read, buffer.data, buffer.length, NULL), DONE);
    assert_int_equal(record_encode(read, &again, NULL), DONE);
    assert_int_equal(again.length, buffer.length);
    assert_memory_equal(again.data, buffer.data, buffer.length);
    assert_true(record_set_text(read, "inner.y_z", "changed"));
    assert_string_equal(record_text(read, "inner.y_z"), "changed");
    buffer_reset(&again);
    assert_int_equal(record_encode(read, &again, NULL), DONE);
    assert_int_equal(record_decode(read, again.data, again.length, NULL), DONE);
    assert_string_equal(record_text(read, "inner.y_z"), "changed");
    buffer_clear(&buffer);
    buffer_clear(&again);
    record_free(first);
    record_free(read);
    schema_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_record_has_its_defaults),
        cmocka_unit_test(paths_that_lead_nowhere_are_absent_fields),
        cmocka_unit_test(what_is_set_is_read_back_after_encoding),
        cmocka_unit_test(a_set_that_fails_is_remembered_until_the_reset),
        cmocka_unit_test(an_encoder_keeps_to_the_lengths_that_readers_take),
        cmocka_unit_test(a_record_that_is_used_again_holds_nothing_of_the_last_one),
        cmocka_unit_test(a_writer_that_has_moved_on_is_read_by_names_and_symbols),
        cmocka_unit_test(blocks_of_any_number_and_kind_are_one_list),
        cmocka_unit_test(what_was_decoded_can_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
