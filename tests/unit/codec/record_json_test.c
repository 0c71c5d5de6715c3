/* SPDX-License-Identifier: Apache-2.0 */
/* Posted JSON: what is refused, where, and that no refusal repeats a value. */
#include "codec/flat.h"
#include "sample.h"

#define ID "'id':'123e4567-e89b-42d3-a456-426614174000'"
#define BASE ID ",'kind':'RED','count':1,'inner':{}"

static void faults_in_posted_json_are_named_by_pointer_and_code(void **state)
{
    (void)state;
    static const struct {
        const char *code, *pointer, *json;
    } cases[] = {
        {"", "", "{" BASE "}"},
        {"", "", "{" BASE ",'postcode':null,'at':null}"},
        {"wrong-type", "", "[]"},
        {"wrong-type", "", "'x'"},
        {"missing-field", "/id", "{}"},
        {"missing-field", "/count", "{" ID ",'kind':'RED'}"},
        {"missing-field", "/count", "{" ID ",'kind':'RED','count':null}"},
        {"missing-field", "/inner", "{" ID ",'kind':'RED','count':1}"},
        {"unknown-field", "/nothing", "{" BASE ",'nothing':1}"},
        {"unknown-field", "/nothing", "{" BASE ",'nothing':null}"},
        {"unknown-field", "/a~1b~0c", "{" BASE ",'a/b~c':1}"},
        {"unknown-field", "/a\\u0007\\u007f", "{" BASE ",'a\\u0007\x7F':1}"},
        {"unknown-field", "/", "{" BASE ",'':1}"},
        {"unknown-field", "/inner/w", "{" ID ",'kind':'RED','count':1,'inner':{'w':1}}"},
        {"unknown-field", "/people/1/x", "{" BASE ",'people':[{'name':'a'},{'name':'b','x':1}]}"},
        {"wrong-type", "/id", "{'id':5,'kind':'RED','count':1,'inner':{}}"},
        {"wrong-type", "/count", "{" ID ",'kind':'RED','count':1.0,'inner':{}}"},
        {"wrong-type", "/count", "{" ID ",'kind':'RED','count':'1','inner':{}}"},
        {"out-of-range", "/count", "{" ID ",'kind':'RED','count':2147483648,'inner':{}}"},
        {"out-of-range", "/small", "{" BASE ",'small':1e39}"},
        {"wrong-type", "/small", "{" BASE ",'small':'1'}"},
        {"", "", "{" BASE ",'small':1,'ratio':2}"},
        {"wrong-type", "/yes", "{" BASE ",'yes':1}"},
        {"not-allowed", "/kind", "{" ID ",'kind':'PINK','count':1,'inner':{}}"},
        {"wrong-type", "/kind", "{" ID ",'kind':1,'count':1,'inner':{}}"},
        {"bad-format", "/raw", "{" BASE ",'raw':'Zg='}"},
        {"wrong-type", "/raw", "{" BASE ",'raw':[1]}"},
        {"bad-format", "/key", "{" BASE ",'key':'Zg=='}"},
        {"wrong-type", "/inner", "{" ID ",'kind':'RED','count':1,'inner':'x'}"},
        {"wrong-type", "/inner/x", "{" ID ",'kind':'RED','count':1,'inner':{'x':'5'}}"},
        {"wrong-type", "/again", "{" BASE ",'again':[]}"},
        {"wrong-type", "/phones", "{" BASE ",'phones':{}}"},
        {"wrong-type", "/phones/1", "{" BASE ",'phones':['1',2]}"},
        {"missing-field", "/phones/0", "{" BASE ",'phones':[null]}"},
        {"too-many", "/phones", "{" BASE ",'phones':['1','2','3','4']}"},
        {"wrong-type", "/marks/one", "{" BASE ",'marks':{'one':'1'}}"},
        {"missing-field", "/people/0/name", "{" BASE ",'people':[{}]}"},
    };
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_new(schema);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json *json = json_of(cases[i].json);
        struct reason reason = {0};
        enum verdict verdict = record_from_json(record, json, &reason);
        if (verdict != (*cases[i].code ? REFUSED : DONE) ||
            strcmp(reason.code, cases[i].code) != 0 ||
            strcmp(reason.pointer, cases[i].pointer) != 0) {
            print_error("%s: %s %s %s\n", cases[i].json, reason.code, reason.pointer,
                        reason.detail);
            wrong++;
        }
        json_free(json);
    }
    assert_int_equal(wrong, 0);
    record_free(record);
    schema_free(schema);
}

static void details_say_what_was_found_by_kind_only(void **state)
{
    (void)state;
    static const struct {
        const char *detail, *json;
    } cases[] = {
        {"found text, expected a whole number", "{" ID ",'kind':'RED','count':'Jane','inner':{}}"},
        {"found a number, expected a whole number", "{" ID ",'kind':'RED','count':9.5,'inner':{}}"},
        {"expected a whole number from -2147483648 to 2147483647",
         "{" ID ",'kind':'RED','count':9434765919,'inner':{}}"},
        {"expected one of RED, GREEN, BLUE", "{" ID ",'kind':'Jane','count':1,'inner':{}}"},
        {"expected at most 3 items", "{" BASE ",'phones':['Jane','Jane','Jane','Jane']}"},
        {"found a list, expected text", "{" BASE ",'postcode':['Jane']}"},
    };
    struct schema *schema = schema_of(sample_schema);
    struct record *record = record_new(schema);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json *json = json_of(cases[i].json);
        struct reason reason = {0};
        if (record_from_json(record, json, &reason) != REFUSED ||
            strcmp(reason.detail, cases[i].detail) != 0) {
            print_error("%s: %s\n", cases[i].json, reason.detail);
            wrong++;
        }
        json_free(json);
    }
    assert_int_equal(wrong, 0);
    record_free(record);
    schema_free(schema);
}

static void a_long_name_from_outside_is_cut_between_letters(void **state)
{
    (void)state;
    struct schema *schema = schema_of("{'type':'record','name':'R','fields':[]}");
    struct record *record = record_new(schema);
    struct json *json = json_new_object();
    char name[2001];
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(name + i, "\xC3\xA9", 2);
    name[2000] = '\0';
    assert_true(json_set_whole(json, name, 1));
    struct reason reason = {0};
    assert_int_equal(record_from_json(record, json, &reason), REFUSED);
    assert_int_equal(strlen(reason.pointer), REASON_POINTER_MAX - 1);
    struct json *text = json_new_text(reason.pointer); /* UTF-8, or there is none */
    assert_non_null(text);
    json_free(text);
    json_free(json);
    record_free(record);
    schema_free(schema);
}

static void text_with_a_nul_is_refused(void **state)
{
    (void)state;
    struct schema *schema =
        schema_of("{'type':'record','name':'R','fields':[{'name':'f','type':'string'}]}");
    struct record *record = record_new(schema);
    struct json *json = json_new_object();
    assert_true(json_set_take(json, "f", json_new_text_bytes("a\0b", 3)));
    struct reason reason = {0};
    assert_int_equal(record_from_json(record, json, &reason), REFUSED);
    assert_string_equal(reason.code, "wrong-type");
    assert_string_equal(reason.pointer, "/f");
    json_free(json);
    record_free(record);
    schema_free(schema);
}

static char *printed_flat(const struct schema *schema, const struct record *record)
{
    struct buffer bytes, written;
    buffer_init(&bytes, 65536);
    buffer_init(&written, 65536);
    assert_int_equal(record_encode(record, &bytes, NULL), DONE);
    const struct record_field whole = {.node = schema_root(schema), .value = bytes.data};
    assert_true(flat_write_json(&whole, &written));
    char *text = strdup(buffer_text(&written));
    buffer_clear(&bytes);
    buffer_clear(&written);
    return text;
}

static void json_comes_back_as_it_was_posted_without_its_nulls(void **state)
{
    (void)state;
    static const struct {
        const char *expected, *posted;
    } cases[] = {
        {sample_full, sample_full},
        {"{'id':'123e4567-e89b-42d3-a456-426614174000','kind':'GREEN','count':3,'at':5,'ratio':0.5,"
         "'small':1.0,'yes':true,'raw':'','note':'none','sex':'unknown','inner':{'y_z':'why'},"
         "'phones':[],'people':[],'marks':{}}",
         sample_least},
        {"{'id':'','kind':'RED','count':0,'at':5,'ratio':0.5,'small':1.0,'yes':true,'raw':'',"
         "'sex':'unknown','inner':{'y_z':'why'},'phones':[],'people':[],'marks':{}}",
         "{'id':'','kind':'RED','count':0,'inner':{'x':null},'note':null}"},
    };
    struct schema *schema = schema_of(sample_schema);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record *record = record_of(schema, cases[i].posted);
        struct json *json = record_to_json(record);
        struct json *expected = json_of(cases[i].expected);
        char *text = json_print(json, JSON_SORTED);
        char *expected_text = json_print(expected, JSON_SORTED);
        if (strcmp(text, expected_text) != 0) {
            print_error("%s\n%s\n", text, expected_text);
            wrong++;
        }
        char *compact = json_print(json, JSON_COMPACT);
        char *flat = printed_flat(schema, record);
        if (strcmp(flat, compact) != 0) {
            print_error("written as text: %s\n%s\n", flat, compact);
            wrong++;
        }
        free(flat);
        free(compact);
        free(text);
        free(expected_text);
        json_free(json);
        json_free(expected);
        record_free(record);
    }
    assert_int_equal(wrong, 0);
    schema_free(schema);
}

/* Wherever they stand; what is wrong is left as it is. */
static void numbers_and_postcodes_leave_as_one_writes_them(void **state)
{
    (void)state;
    struct schema *schema = schema_of(
        "{'type':'record','name':'R','fields':["
        "{'name':'number','type':['null','string'],'default':null,'format':'nhs-number'},"
        "{'name':'name','type':['null','string'],'default':null},"
        "{'name':'inner','type':{'type':'record','name':'I','fields':["
        "{'name':'postcode','type':'string','format':'postcode'}]}},"
        "{'name':'list','type':{'type':'array','items':{'type':'string','format':'postcode'}}},"
        "{'name':'map','type':{'type':'map','values':{'type':'string','format':'postcode'}}}]}");
    static const char posted[] =
        "{'number':'999 100 1026','name':'999 100 1026','inner':{'postcode':'da11aa'},"
        "'list':['me 14','nowhere'],'map':{'da1 1aa':'tn2  3'}}";
    static const char tidy[] =
        "{'number':'9991001026','name':'999 100 1026','inner':{'postcode':'DA1 1AA'},"
        "'list':['ME14','nowhere'],'map':{'da1 1aa':'TN2 3'}}";
    char *expected = quoted(tidy);
    struct json *json = json_of(posted);
    struct record *record = record_of(schema, posted); /* as others than the gateway write it */
    struct json *back = record_to_json(record);
    assert_string_equal(record_text(record, "number"), "999 100 1026");
    assert_true(record_tidy_json(schema, json));
    char *texts[] = {json_print(json, JSON_COMPACT), json_print(back, JSON_COMPACT),
                     printed_flat(schema, record)};
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_string_equal(texts[i], expected);
        free(texts[i]);
    }
    json_free(json);
    json_free(back);
    static const char *const strange[] = {"[]", "1", "{'number':1,'inner':[],'list':{},'map':[5]}",
                                          "{'inner':{'postcode':null},'list':'x','map':null}"};
    for (size_t i = 0; i < COUNT(strange); i++) {
        json = json_of(strange[i]);
        char *before = json_print(json, JSON_COMPACT);
        assert_true(record_tidy_json(schema, json));
        char *after = json_print(json, JSON_COMPACT);
        assert_string_equal(after, before);
        free(before);
        free(after);
        json_free(json);
    }
    free(expected);
    record_free(record);
    schema_free(schema);
}

static void text_is_escaped_as_the_printer_does(void **state)
{
    (void)state;
    char text[300];
    size_t length = 0;
    for (int byte = 1; byte < 0x80; byte++)
        text[length++] = (char)byte;
    memcpy(text + length, "\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8", 10);
    struct json *json = json_new_text(text);
    char *printed = json_print(json, JSON_COMPACT);
    struct buffer written;
    buffer_init(&written, 4096);
    assert_true(json_text_append(&written, text, strlen(text)));
    assert_string_equal(buffer_text(&written), printed);
    buffer_clear(&written);
    buffer_init(&written, 9);
    assert_false(json_text_append(&written, "12345678", 8));
    buffer_clear(&written);
    free(printed);
    json_free(json);
}

static void the_finer_print_is_checked_field_by_field(void **state)
{
    (void)state;
    static const struct {
        const char *code, *pointer, *detail, *json;
    } cases[] = {
        {"", "", "", sample_full},
        {"", "", "", "{" BASE ",'phones':[],'postcode':'ZZ99 3VZ'}"},
        {"bad-format", "/id", NULL, "{'id':'x','kind':'RED','count':1,'inner':{}}"},
        {"too-long", "/id", "expected at most 36 bytes",
         "{'id':'123e4567-e89b-42d3-a456-4266141740000','kind':'RED','count':1,'inner':{}}"},
        {"out-of-range", "/count", "expected from 0 to 10",
         "{" ID ",'kind':'RED','count':11,'inner':{}}"},
        {"out-of-range", "/count", "expected from 0 to 10",
         "{" ID ",'kind':'RED','count':-1,'inner':{}}"},
        {"out-of-range", "/ratio", "expected at least 0", "{" BASE ",'ratio':-0.1}"},
        {"out-of-range", "/inner/x", "expected at most 5",
         "{" ID ",'kind':'RED','count':1,'inner':{'x':6}}"},
        {"out-of-range", "/again/x", "expected at most 5", "{" BASE ",'again':{'x':6}}"},
        {"too-long", "/raw", "expected at most 8 bytes", "{" BASE ",'raw':'AAAAAAAAAAAAAAAA'}"},
        {"bad-format", "/postcode",
         "expected a postcode, or its district (TN2) or sector (TN2 3) alone",
         "{" BASE ",'postcode':'Kent'}"},
        {"too-long", "/postcode", "expected at most 8 bytes", "{" BASE ",'postcode':'ME14  1XX'}"},
        {"not-allowed", "/sex", "expected one of female, male, unknown", "{" BASE ",'sex':'F'}"},
        {"bad-format", "/phones/1", NULL, "{" BASE ",'phones':['07700 900123','1']}"},
    };
    struct schema *schema = schema_of(sample_schema);
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct record *record = record_of(schema, cases[i].json);
        struct reason reason = {0};
        enum verdict verdict = record_check(record, &reason);
        if (verdict != (*cases[i].code ? REFUSED : DONE) ||
            strcmp(reason.code, cases[i].code) != 0 ||
            strcmp(reason.pointer, cases[i].pointer) != 0 ||
            (cases[i].detail && strcmp(reason.detail, cases[i].detail) != 0)) {
            print_error("%s: %s %s %s\n", cases[i].json, reason.code, reason.pointer,
                        reason.detail);
            wrong++;
        }
        record_free(record);
    }
    assert_int_equal(wrong, 0);
    schema_free(schema);
}

static void a_number_that_is_none_is_out_of_range(void **state)
{
    (void)state;
    struct schema *schema =
        schema_of("{'type':'record','name':'R','fields':[{'name':'f','type':'double'}]}");
    struct record *record = record_new(schema);
    struct reason reason = {0};
    static const uint8_t not_a_number[8] = {0, 0, 0, 0, 0, 0, 0xF8, 0x7F};
    assert_int_equal(record_decode(record, not_a_number, 8, NULL), DONE);
    assert_int_equal(record_check(record, &reason), REFUSED);
    assert_string_equal(reason.code, "out-of-range");
    struct json *json = record_to_json(record);
    assert_int_equal(json_count(json), 0);
    json_free(json);
    record_free(record);
    schema_free(schema);
}

static void a_long_list_of_choices_is_cut_and_says_so(void **state)
{
    (void)state;
    struct buffer buffer;
    buffer_init(&buffer, 10000);
    buffer_append_text(&buffer, "{'type':'record','name':'R','fields':[{'name':'f','type':'string',"
                                "'oneOf':[");
    for (int i = 0; i < 90; i++)
        buffer_append_format(&buffer, "%s'choice-%d'", i > 0 ? "," : "", i);
    buffer_append_text(&buffer, "]}]}");
    struct schema *schema = schema_of(buffer_text(&buffer));
    struct record *record = record_new(schema);
    struct reason reason = {0};
    assert_int_equal(record_check(record, &reason), REFUSED);
    assert_memory_equal(reason.detail, "expected one of choice-0, choice-1, ", 36);
    assert_string_equal(reason.detail + strlen(reason.detail) - 4, " ...");
    record_free(record);
    schema_free(schema);
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_in_posted_json_are_named_by_pointer_and_code),
        cmocka_unit_test(details_say_what_was_found_by_kind_only),
        cmocka_unit_test(a_long_name_from_outside_is_cut_between_letters),
        cmocka_unit_test(text_with_a_nul_is_refused),
        cmocka_unit_test(json_comes_back_as_it_was_posted_without_its_nulls),
        cmocka_unit_test(numbers_and_postcodes_leave_as_one_writes_them),
        cmocka_unit_test(text_is_escaped_as_the_printer_does),
        cmocka_unit_test(the_finer_print_is_checked_field_by_field),
        cmocka_unit_test(a_number_that_is_none_is_out_of_range),
        cmocka_unit_test(a_long_list_of_choices_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
