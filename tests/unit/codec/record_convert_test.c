/* SPDX-License-Identifier: Apache-2.0 */
/* What another writer's record is for a reader of ours: a table of schemas and values. avro-c's own
 * resolver took BP for PHARMACY_FIRST once, since it maps symbols by position. */
#include "sample.h"

#define RECORD(fields) "{'type':'record','name':'R','fields':[" fields "]}"
#define INNER(fields) "{'type':'record','name':'I','fields':[" fields "]}"

static const struct {
    const char *what, *writer, *value, *reader, *expected; /* expected: JSON, or "!pointer" */
} cases[] = {
    {"a field that is new has its default", RECORD("{'name':'a','type':'int'}"), "{'a':1}",
     RECORD("{'name':'a','type':'int'},{'name':'b','type':'string','default':'new'}"),
     "{'a':1,'b':'new'}"},
    {"a nullable one without a default is null", RECORD("{'name':'a','type':'int'}"), "{'a':1}",
     RECORD("{'name':'b','type':['null','string']},{'name':'a','type':'int'}"), "{'a':1}"},
    {"a field that is new without a default can't be read", RECORD("{'name':'a','type':'int'}"),
     "{'a':1}", RECORD("{'name':'b','type':'string'}"), "!/b"},
    {"a field that went is left out", RECORD("{'name':'a','type':'int'},{'name':'b','type':'int'}"),
     "{'a':1,'b':2}", RECORD("{'name':'b','type':'int'}"), "{'b':2}"},
    {"fields are found by name",
     RECORD("{'name':'a','type':'string'},{'name':'b','type':'string'}"), "{'a':'1','b':'2'}",
     RECORD("{'name':'b','type':'string'},{'name':'a','type':'string'}"), "{'b':'2','a':'1'}"},
    {"symbols are found by name",
     RECORD("{'name':'e','type':{'type':'enum','name':'E','symbols':['BP','CONTRACEPTION']}}"),
     "{'e':'BP'}",
     RECORD("{'name':'e','type':{'type':'enum','name':'E','symbols':['PHARMACY_FIRST','BP']}}"),
     "{'e':'BP'}"},
    {"a symbol that is not known can't be read",
     RECORD("{'name':'e','type':{'type':'enum','name':'E','symbols':['A','B']}}"), "{'e':'B'}",
     RECORD("{'name':'e','type':{'type':'enum','name':'E','symbols':['A']}}"), "!/e"},
    {"numbers get wider", RECORD("{'name':'a','type':'int'},{'name':'b','type':'long'}"),
     "{'a':-7,'b':8}", RECORD("{'name':'a','type':'long'},{'name':'b','type':'double'}"),
     "{'a':-7,'b':8.0}"},
    {"and no number fits where it is too large", RECORD("{'name':'a','type':'long'}"),
     "{'a':4294967296}", RECORD("{'name':'a','type':'int'}"), "!/a"},
    {"a truth is no number", RECORD("{'name':'a','type':'boolean'}"), "{'a':true}",
     RECORD("{'name':'a','type':'long'}"), "!/a"},
    {"a text is no list", RECORD("{'name':'a','type':'string'}"), "{'a':'x'}",
     RECORD("{'name':'a','type':{'type':'array','items':'string'}}"), "!/a"},
    {"what may be null is read where it is not", RECORD("{'name':'a','type':['null','int']}"),
     "{'a':3}", RECORD("{'name':'a','type':'int'}"), "{'a':3}"},
    {"and refused where it is", RECORD("{'name':'a','type':['null','int']}"), "{}",
     RECORD("{'name':'a','type':'int'}"), "!/a"},
    {"a null is no default", RECORD("{'name':'a','type':['null','string']}"), "{}",
     RECORD("{'name':'a','type':['string','null'],'default':'x'}"), "{}"},
    {"records inside lists, too",
     RECORD("{'name':'l','type':{'type':'array','items':" INNER("{'name':'x','type':'int'}") "}}"),
     "{'l':[{'x':1},{'x':2}]}",
     RECORD("{'name':'l','type':{'type':'array','items':" INNER(
         "{'name':'y','type':'int','default':9},{'name':'x','type':'int'}") "}}"),
     "{'l':[{'y':9,'x':1},{'y':9,'x':2}]}"},
    {"and what is wrong in one is named",
     RECORD("{'name':'l','type':{'type':'array','items':" INNER("{'name':'x','type':'int'}") "}}"),
     "{'l':[{'x':1}]}",
     RECORD("{'name':'l','type':{'type':'array','items':" INNER("{'name':'y','type':'int'}") "}}"),
     "!/l/0/y"},
    {"maps keep their keys", RECORD("{'name':'m','type':{'type':'map','values':'int'}}"),
     "{'m':{'k':1}}", RECORD("{'name':'m','type':{'type':'map','values':'long'}}"),
     "{'m':{'k':1}}"},
    {"everything that there is", sample_schema, sample_full, sample_schema, sample_full},
};

static void a_record_of_another_writer_is_read_by_name(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *writer = schema_of(cases[i].writer);
        struct schema *reader = schema_of(cases[i].reader);
        struct record *from = record_of(writer, cases[i].value);
        struct record *to = record_new(reader);
        struct reason reason = {0};
        for (int round = 0; round < 2; round++) { /* the second finds what the first has left */
            enum verdict verdict = record_convert(from, to, &reason);
            struct json *json = record_to_json(to);
            struct json *wanted = *cases[i].expected == '!' ? NULL : json_of(cases[i].expected);
            char *text = json_print(json, JSON_COMPACT);
            char *wanted_text = wanted ? json_print(wanted, JSON_COMPACT) : NULL;
            bool well = wanted_text ? verdict == DONE && strcmp(text, wanted_text) == 0
                                    : verdict == REFUSED &&
                                          strcmp(reason.code, "incompatible-schema") == 0 &&
                                          strcmp(reason.pointer, cases[i].expected + 1) == 0;
            if (!well) {
                print_error("%s: %s, %s %s\n", cases[i].what, text, reason.code, reason.pointer);
                wrong++;
            }
            free(text);
            free(wanted_text);
            json_free(json);
            json_free(wanted);
        }
        record_free(from);
        record_free(to);
        schema_free(writer);
        schema_free(reader);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_another_writer_is_read_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
