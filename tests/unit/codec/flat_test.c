/* SPDX-License-Identifier: Apache-2.0 */
/* What is written straight from values is, byte for byte, what avro-c writes. */
#include "codec/flat.h"

#include "codec/prescan.h"
#include "sample.h"

#define TEXT_FIELD(member, value)                                                                  \
    (struct flat_field)                                                                            \
    {                                                                                              \
        .name = member, .kind = FLAT_TEXT, .bytes = value, .length = strlen(value)                 \
    }
#define WHOLE_FIELD(member, value)                                                                 \
    (struct flat_field)                                                                            \
    {                                                                                              \
        .name = member, .kind = FLAT_WHOLE, .whole = value                                         \
    }

static const char flat_schema[] =
    "{'type':'record','name':'Flat','fields':["
    "{'name':'id','type':'string','maxLength':8},"
    "{'name':'note','type':['null','string'],'default':null},"
    "{'name':'kind','type':'string','default':'usual'},"
    "{'name':'count','type':'int','default':-3},"
    "{'name':'at','type':'long'},"
    "{'name':'late_at','type':['long','null']},"
    "{'name':'sure','type':'boolean','default':true},"
    "{'name':'tried','type':{'type':'array','items':{'type':'string','maxLength':4}},"
    " 'default':[],'maxItems':3},"
    "{'name':'load','type':'bytes','maxLength':16}]}";

static const char tried[2][5] = {"AB", "CDEF"};

struct world {
    struct schema *schema;
    struct codec *codec;
    struct buffer buffer;
};

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    world->schema = schema_of(flat_schema);
    world->codec = codec_new(NULL, NULL);
    buffer_init(&world->buffer, PRESCAN_SIZE_MAX * 2);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    buffer_clear(&world->buffer);
    codec_free(world->codec);
    schema_free(world->schema);
    free(world);
    return 0;
}

static void assert_as_avro_writes_it(struct world *world, const struct flat_field *fields,
                                     size_t count, const char *json)
{
    struct reason reason = {0};
    buffer_reset(&world->buffer);
    enum verdict verdict =
        codec_write_flat(world->codec, world->schema, fields, count, &world->buffer, &reason);
    if (verdict != DONE)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    struct record *record = record_of(world->schema, json);
    struct buffer expected;
    buffer_init(&expected, PRESCAN_SIZE_MAX);
    assert_int_equal(codec_write(world->codec, record, &expected, NULL), DONE);
    assert_int_equal(world->buffer.length, expected.length);
    assert_memory_equal(world->buffer.data, expected.data, expected.length);
    buffer_clear(&expected);
    record_free(record);
}

static void all_fields_in_any_order_are_written_as_avro_writes_them(void **state)
{
    const struct flat_field in_order[] = {
        TEXT_FIELD("id", "one"),
        TEXT_FIELD("note", "a note"),
        TEXT_FIELD("kind", "other"),
        WHOLE_FIELD("count", INT32_MIN),
        WHOLE_FIELD("at", INT64_MAX),
        WHOLE_FIELD("late_at", INT64_MIN),
        {.name = "sure", .kind = FLAT_BOOLEAN, .whole = 0},
        {.name = "tried", .kind = FLAT_TEXTS, .bytes = tried, .length = 2, .stride = 5},
        {.name = "load", .kind = FLAT_BYTES, .bytes = "\0\xFF", .length = 2},
    };
    static const char json[] = "{'id':'one','note':'a note','kind':'other','count':-2147483648,"
                               "'at':9223372036854775807,'late_at':-9223372036854775808,"
                               "'sure':false,'tried':['AB','CDEF'],'load':'AP8='}";
    struct flat_field turned[COUNT(in_order)];
    assert_as_avro_writes_it(*state, in_order, COUNT(in_order), json);
    for (size_t i = 0; i < COUNT(in_order); i++)
        turned[i] = in_order[(i * 4 + 3) % COUNT(in_order)];
    assert_as_avro_writes_it(*state, turned, COUNT(turned), json);
}

static void what_is_not_given_is_null_or_the_default_or_empty(void **state)
{
    const struct flat_field fields[] = {TEXT_FIELD("id", ""), WHOLE_FIELD("at", 0)};
    assert_as_avro_writes_it(*state, fields, COUNT(fields), "{'id':'','at':0,'load':''}");
}

static void what_does_not_fit_is_refused_and_leaves_nothing_behind(void **state)
{
    struct world *world = *state;
    static const char three[4][5] = {"A", "B", "C", "D"};
    static const char long_text[1][8] = {"TOOLONG"};
    static const char no_text[2][5] = {"AB", "\xC3("};
    const struct {
        const char *name;
        struct flat_field field;
        enum verdict verdict;
        const char *code, *pointer;
    } cases[] = {
        {"a long text", TEXT_FIELD("id", "123456789"), REFUSED, "too-long", "/id"},
        {"no UTF-8", TEXT_FIELD("note", "\xFF"), REFUSED, "wrong-type", "/note"},
        {"a NUL",
         {.name = "note", .kind = FLAT_TEXT, .bytes = "a\0b", .length = 3},
         REFUSED,
         "wrong-type",
         "/note"},
        {"many bytes",
         {.name = "load", .kind = FLAT_BYTES, .bytes = "12345678901234567", .length = 17},
         REFUSED,
         "too-long",
         "/load"},
        {"many items",
         {.name = "tried", .kind = FLAT_TEXTS, .bytes = three, .length = 4, .stride = 5},
         REFUSED,
         "too-many",
         "/tried"},
        {"a long item",
         {.name = "tried", .kind = FLAT_TEXTS, .bytes = long_text, .length = 1, .stride = 8},
         REFUSED,
         "too-long",
         "/tried"},
        {"an item that is no UTF-8",
         {.name = "tried", .kind = FLAT_TEXTS, .bytes = no_text, .length = 2, .stride = 5},
         REFUSED,
         "wrong-type",
         "/tried"},
        {"no such field", TEXT_FIELD("nothing", ""), BROKEN, "no-such-field", ""},
        {"a number for a text", WHOLE_FIELD("id", 1), BROKEN, "no-such-field", ""},
        {"a text for a number", TEXT_FIELD("at", "1"), BROKEN, "no-such-field", ""},
        {"more than 32 bits", WHOLE_FIELD("count", 1LL << 31), BROKEN, "no-such-field", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reason reason = {0};
        buffer_reset(&world->buffer);
        assert_true(buffer_append_text(&world->buffer, "before"));
        enum verdict verdict = codec_write_flat(world->codec, world->schema, &cases[i].field, 1,
                                                &world->buffer, &reason);
        if (verdict != cases[i].verdict || strcmp(reason.code, cases[i].code) != 0 ||
            strcmp(reason.pointer, cases[i].pointer) != 0 || world->buffer.length != 6)
            fail_msg("%s: %s %s %s", cases[i].name, verdict_name(verdict), reason.code,
                     reason.pointer);
    }
}

static void more_than_a_reader_takes_is_refused(void **state)
{
    struct world *world = *state;
    struct reason reason = {0};
    static char text[PRESCAN_SIZE_MAX + 1];
    memset(text, 'a', PRESCAN_SIZE_MAX);
    const struct flat_field field = TEXT_FIELD("note", text);
    buffer_reset(&world->buffer);
    assert_int_equal(
        codec_write_flat(world->codec, world->schema, &field, 1, &world->buffer, &reason), REFUSED);
    assert_string_equal(reason.code, "too-large");
    assert_int_equal(world->buffer.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_fields_in_any_order_are_written_as_avro_writes_them,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_given_is_null_or_the_default_or_empty, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused_and_leaves_nothing_behind,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_a_reader_takes_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
