/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema may be, what it becomes, and which one it is. */
#include "sample.h"

#include "ids/formats.h"

#define FIELD(type) "{'type':'record','name':'R','fields':[{'name':'f','type':" type "}]}"

static void schemas_that_cannot_be_read_safely_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *name, *pointer, *schema;
    } cases[] = {
        {"no type", "", "{}"},
        {"a number", "", "5"},
        {"an unknown type", "/fields/0/type", FIELD("'strin'")},
        {"recursion", "/fields/0/type/1",
         "{'type':'record','name':'R','fields':[{'name':'f','type':['null','R']}]}"},
        {"recursion through a list", "/fields/0/type/items", FIELD("{'type':'array','items':'R'}")},
        {"a list of null", "/fields/0/type/items", FIELD("{'type':'array','items':'null'}")},
        {"a map of maps", "/fields/0/type/values",
         FIELD("{'type':'map','values':{'type':'map','values':'int'}}")},
        {"a large fixed", "/fields/0/type", FIELD("{'type':'fixed','name':'F','size':1025}")},
        {"an empty fixed", "/fields/0/type", FIELD("{'type':'fixed','name':'F','size':0}")},
        {"a union of two types", "/fields/0/type", FIELD("['null','int','string']")},
        {"a union of null", "/fields/0/type", FIELD("['null']")},
        {"an empty union", "/fields/0/type", FIELD("[]")},
        {"null twice", "/fields/0/type/1", FIELD("['null','null']")},
        {"a union in a union", "/fields/0/type/1", FIELD("['null',['int']]")},
        {"an enum without symbols", "/fields/0/type",
         FIELD("{'type':'enum','name':'E','symbols':[]}")},
        {"a symbol twice", "/fields/0/type",
         FIELD("{'type':'enum','name':'E','symbols':['A','A']}")},
        {"a symbol of dashes", "/fields/0/type",
         FIELD("{'type':'enum','name':'E','symbols':['a-b']}")},
        {"a record without fields", "", "{'type':'record','name':'R'}"},
        {"a field without a name", "/fields/0",
         "{'type':'record','name':'R','fields':[{'type':'int'}]}"},
        {"a field twice", "/fields/1",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'int'},"
         "{'name':'f','type':'int'}]}"},
        {"a type twice", "/fields/0/type", FIELD("{'type':'fixed','name':'R','size':4}")},
        {"a name with a blank", "", "{'type':'record','name':'R S','fields':[]}"},
        {"a name space with a hole", "", "{'type':'record','name':'a..R','fields':[]}"},
        {"an unknown format", "/fields/0/format",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'string','format':'postal'}]}"},
        {"a format of a number", "/fields/0/format",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'int','format':'phone'}]}"},
        {"maxLength of a list", "/fields/0/type/maxLength",
         FIELD("{'type':'array','items':'int','maxLength':3}")},
        {"maxItems as text", "/fields/0/type/maxItems",
         FIELD("{'type':'array','items':'int','maxItems':'3'}")},
        {"maxLength 0", "/fields/0/type/maxLength", FIELD("{'type':'string','maxLength':0}")},
        {"minimum of a text", "/fields/0/type/minimum", FIELD("{'type':'string','minimum':0}")},
        {"oneOf of a number", "/fields/0/type/oneOf", FIELD("{'type':'string','oneOf':[1]}")},
        {"an empty oneOf", "/fields/0/type/oneOf", FIELD("{'type':'string','oneOf':[]}")},
        {"a default of another kind", "/fields/0/default",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'int','default':'x'}]}"},
        {"a default out of range", "/fields/0/default",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'int','default':2147483648}]}"},
        {"a default that is no symbol", "/fields/0/default",
         "{'type':'record','name':'R','fields':[{'name':'f','type':{'type':'enum','name':'E',"
         "'symbols':['A']},'default':'B'}]}"},
        {"a default null where there is none", "/fields/0/default",
         "{'type':'record','name':'R','fields':[{'name':'f','type':'int','default':null}]}"},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *json = quoted(cases[i].schema);
        struct reason reason = {0};
        struct schema *schema = schema_parse(json, strlen(json), &reason);
        if (schema || strcmp(reason.code, "bad-schema") != 0 ||
            strcmp(reason.pointer, cases[i].pointer) != 0 || !*reason.detail) {
            print_error("%s: %s %s %s\n", cases[i].name, reason.code, reason.pointer,
                        reason.detail);
            wrong++;
        }
        schema_free(schema);
        free(json);
    }
    assert_int_equal(wrong, 0);
}

/* Each type holds the one before ten times: 10^6 leaves from a few lines. */
static void references_that_multiply_are_counted_before_they_cost_anything(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100000);
    buffer_append_text(&buffer, "{'type':'record','name':'R','fields':[");
    for (int level = 0; level < 6; level++) {
        buffer_append_format(&buffer,
                             "%s{'name':'l%d','type':{'type':'record','name':'L%d','fields':[",
                             level > 0 ? "," : "", level, level);
        for (int field = 0; field < 10; field++) {
            if (level == 0)
                buffer_append_format(&buffer, "%s{'name':'f%d','type':'int'}", field ? "," : "",
                                     field);
            else
                buffer_append_format(&buffer, "%s{'name':'f%d','type':'L%d'}", field ? "," : "",
                                     field, level - 1);
        }
        buffer_append_text(&buffer, "]}}");
    }
    buffer_append_text(&buffer, "]}");
    char *json = quoted(buffer_text(&buffer));
    struct reason reason = {0};
    assert_null(schema_parse(json, strlen(json), &reason));
    assert_string_equal(reason.detail, "expected at most 10000 nodes");
    free(json);
    buffer_clear(&buffer);
}

static void references_that_nest_too_deep_are_refused(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100000);
    buffer_append_text(&buffer, "{'type':'record','name':'R','fields':["
                                "{'name':'l0','type':{'type':'record','name':'L0','fields':[]}}");
    for (int level = 1; level < 40; level++)
        buffer_append_format(&buffer,
                             ",{'name':'l%d','type':{'type':'record','name':'L%d','fields':["
                             "{'name':'f','type':'L%d'}]}}",
                             level, level, level - 1);
    buffer_append_text(&buffer, "]}");
    char *json = quoted(buffer_text(&buffer));
    struct reason reason = {0};
    assert_null(schema_parse(json, strlen(json), &reason));
    assert_string_equal(reason.detail, "expected at most 32 levels");
    free(json);
    buffer_clear(&buffer);
}

static void fingerprints_agree_with_other_languages(void **state)
{
    (void)state;
    /* the first four from Avro's own share/test/data/schema-tests.txt */
    static const struct {
        uint64_t fingerprint;
        const char *schema, *canonical;
    } cases[] = {
        {UINT64_C(7195948357588979594), "'null'", "'null'"},
        {UINT64_C(0x9F42FC78A4D4F764), "{'type':'boolean','doc':'x'}", "'boolean'"},
        {UINT64_C(8247732601305521295), "'int'", "'int'"},
        {UINT64_C(0x8F014872634503C7), " 'string' ", "'string'"},
        {UINT64_C(0x6A7C11B4AF6AF6CA), "{'type':'array','items':['null','string'],'maxItems':3}",
         "{'type':'array','items':['null','string']}"},
        {UINT64_C(0x1630F91939E388D9),
         "{'fields':[{'name':'e','type':{'type':'enum','name':'c.E','symbols':['A','B']}},"
         "{'name':'f','type':{'type':'record','name':'I','fields':[{'name':'x','type':'c.E'}]}},"
         "{'name':'g','type':['I']}],'name':'R','type':'record','namespace':'a.b','aliases':['Q']}",
         "{'name':'a.b.R','type':'record','fields':[{'name':'e','type':{'name':'c.E','type':'enum',"
         "'symbols':['A','B']}},{'name':'f','type':{'name':'a.b.I','type':'record','fields':"
         "[{'name':'x','type':'c.E'}]}},{'name':'g','type':['a.b.I']}]}"},
    };
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *schema = schema_of(cases[i].schema);
        char *canonical = quoted(cases[i].canonical);
        if (strcmp(schema_canonical(schema), canonical) != 0 ||
            schema_fingerprint(schema) != cases[i].fingerprint) {
            print_error("%s: %s %llx\n", cases[i].schema, schema_canonical(schema),
                        (unsigned long long)schema_fingerprint(schema));
            wrong++;
        }
        free(canonical);
        schema_free(schema);
    }
    assert_int_equal(wrong, 0);
}

static const struct schema_node *field_of(const struct schema *schema, const char *name)
{
    size_t index = schema_field(schema_root(schema), name, strlen(name));
    return index == SCHEMA_NO_FIELD ? NULL : schema_root(schema)->children[index];
}

static void attributes_stand_on_the_field_or_in_its_type(void **state)
{
    (void)state;
    struct schema *schema = schema_of(sample_schema);
    assert_string_equal(schema_name(schema), "a.b.Sample");
    assert_string_equal(schema_short_name(schema), "Sample");
    const struct schema_node *postcode = field_of(schema, "postcode");
    assert_int_equal(postcode->kind, SCHEMA_UNION);
    assert_true(postcode->nullable);
    assert_string_equal(postcode->branch->format->name, "postcode");
    assert_int_equal(postcode->branch->length_max, 8);
    const struct schema_node *phones = field_of(schema, "phones");
    assert_int_equal(phones->length_max, 3);
    assert_string_equal(phones->children[0]->format->name, "phone");
    assert_int_equal(phones->children[0]->length_max, 0);
    const struct schema_node *sex = field_of(schema, "sex");
    assert_int_equal(sex->allowed_count, 3);
    assert_string_equal(sex->allowed[1], "male");
    const struct schema_node *x = field_of(schema, "inner")->children[0];
    assert_true(x->branch->has_maximum && !x->branch->has_minimum && x->branch->maximum == 5);
    /* a named type that is referred to keeps its own limits and none of the first field's */
    const struct schema_node *again = field_of(schema, "again")->branch;
    assert_string_equal(again->name, "a.b.Inner");
    assert_true(again->reference);
    assert_true(again->children[0]->branch->maximum == 5);
    assert_null(again->field_name);
    assert_int_equal(json_kind_of(field_of(schema, "note")->fallback), JSON_IS_TEXT);
    assert_null(field_of(schema, "absent"));
    assert_null(field_of(schema, ""));
    assert_null(field_of(schema, "i"));
    assert_null(field_of(schema, "idd"));
    schema_free(schema);
}

static void what_a_field_says_wins_over_its_type_and_who_sets_it_is_kept(void **state)
{
    (void)state;
    struct schema *schema = schema_of(
        "{'type':'record','name':'R','fields':[{'name':'f','type':{'type':'string','maxLength':5},"
        "'maxLength':3,'setBy':'gateway','doc':'of the field'}]}");
    const struct schema_node *field = field_of(schema, "f");
    assert_int_equal(field->length_max, 3);
    assert_string_equal(field->set_by, "gateway");
    assert_string_equal(field->doc, "of the field");
    assert_non_null(strstr(schema_text(schema), "\"setBy\":\"gateway\""));
    schema_free(schema);
    schema_free(NULL);
}

static void every_field_of_a_wide_record_is_found_by_name(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 100000);
    buffer_append_text(&buffer, "{'type':'record','name':'R','fields':[");
    for (int i = 0; i < 250; i++)
        buffer_append_format(&buffer, "%s{'name':'field_%d','type':'int'}", i > 0 ? "," : "", i);
    buffer_append_text(&buffer, "]}");
    struct schema *schema = schema_of(buffer_text(&buffer));
    for (size_t i = 0; i < 300; i++) {
        char name[32];
        size_t length = (size_t)snprintf(name, sizeof(name), "field_%zu", i);
        assert_int_equal(schema_field(schema_root(schema), name, length),
                         i < 250 ? i : SCHEMA_NO_FIELD);
    }
    schema_free(schema);
    buffer_clear(&buffer);
}

static void note_fault(void *context, const struct reason *fault)
{
    buffer_append_format(context, "%s %s\n", fault->pointer, fault->detail);
}

/* One of each field, at any depth; what only follows from another is not told. */
static void every_fault_is_told_once(void **state)
{
    (void)state;
    struct buffer told;
    struct reason reason = {0};
    buffer_init(&told, 4000);
    char *text =
        quoted("{'type':'record','name':'R','fields':["
               "{'name':'a','type':'strin'},"
               "{'name':'b','type':'string','format':'post','maxLength':0},"
               "{'name':'c','type':{'type':'record','name':'Inner','fields':["
               "{'name':'d','type':['null','null']},{'name':'e','type':'int','default':'x'},"
               "{'name':'f','type':'int'}]},'default':{'f':1}},"
               "{'name':'g','type':{'type':'array','items':'Inner'}},"
               "{'name':'9','type':'int'},"
               "{'name':'h','type':{'type':'enum','name':'E','symbols':[]}},"
               "{'name':'i','type':'E','default':'x'},"
               "{'name':'j','type':'string','minimum':1}]}");
    struct json *json = json_parse(text, strlen(text), 4000, &reason);
    assert_non_null(json);
    schema_faults(json, note_fault, &told);
    assert_string_equal(buffer_text(&told),
                        "/fields/0/type expected the name of a type that is known here\n"
                        "/fields/1/format format: expected the name of a known format\n"
                        "/fields/2/type/fields/0/type/1 expected null once in a union\n"
                        "/fields/2/type/fields/1/default expected a default that fits the type\n"
                        "/fields/4 expected a field with a name of letters, digits and _\n"
                        "/fields/5/type expected an enum with a list of symbols\n"
                        "/fields/7/minimum minimum: expected a type that it can apply to\n");
    json_free(json);
    free(text);
    buffer_reset(&told);
    text = quoted("{'type':'record','name':'R','fields':[{'name':'a','type':'string'}]}");
    json = json_parse(text, strlen(text), 4000, &reason);
    schema_faults(json, note_fault, &told);
    assert_int_equal(told.length, 0);
    json_free(json);
    free(text);
    buffer_clear(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_that_cannot_be_read_safely_are_refused_with_their_place),
        cmocka_unit_test(references_that_multiply_are_counted_before_they_cost_anything),
        cmocka_unit_test(references_that_nest_too_deep_are_refused),
        cmocka_unit_test(every_fault_is_told_once),
        cmocka_unit_test(fingerprints_agree_with_other_languages),
        cmocka_unit_test(attributes_stand_on_the_field_or_in_its_type),
        cmocka_unit_test(what_a_field_says_wins_over_its_type_and_who_sets_it_is_kept),
        cmocka_unit_test(every_field_of_a_wide_record_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
