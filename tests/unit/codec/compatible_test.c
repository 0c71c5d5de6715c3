/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of schemas: who reads whom. tests/walk/schema_versions_test.py holds its own judge to the
 * same rules by reading with fastavro. */
#include "codec/compatible.h"
#include "sample.h"

#define RECORD(fields) "{'type':'record','name':'R','fields':[" fields "]}"
#define FIELD(type) RECORD("{'name':'f','type':" type "}")
#define ENUM(symbols) FIELD("{'type':'enum','name':'E','symbols':[" symbols "]}")

static const struct {
    const char *a, *b;
    const char *a_reads_b, *b_reads_a; /* NULL: it does; else the pointer at fault */
} cases[] = {
    {FIELD("'int'"), FIELD("'int'"), NULL, NULL},
    {FIELD("'long'"), FIELD("'int'"), NULL, "/f"},
    {FIELD("'double'"), FIELD("'float'"), NULL, "/f"},
    {FIELD("'string'"), FIELD("'bytes'"), NULL, NULL},
    {FIELD("'string'"), FIELD("'int'"), "/f", "/f"},
    {FIELD("'boolean'"), FIELD("'int'"), "/f", "/f"},
    {FIELD("['null','int']"), FIELD("'int'"), NULL, "/f"},
    {FIELD("['null','long']"), FIELD("['int','null']"), NULL, "/f"},
    {FIELD("['null','int']"), FIELD("['null','string']"), "/f", "/f"},
    {FIELD("['null','int']"), FIELD("'null'"), NULL, "/f"},
    {ENUM("'A','B'"), ENUM("'B'"), NULL, "/f"},
    {ENUM("'A','B'"), ENUM("'B','A'"), NULL, NULL},
    {FIELD("{'type':'fixed','name':'F','size':2}"), FIELD("{'type':'fixed','name':'F','size':3}"),
     "/f", "/f"},
    {FIELD("{'type':'fixed','name':'F','size':2}"), FIELD("{'type':'fixed','name':'G','size':2}"),
     "/f", "/f"},
    {FIELD("{'type':'array','items':'long'}"), FIELD("{'type':'array','items':'int'}"), NULL,
     "/f/items"},
    {FIELD("{'type':'map','values':'int'}"), FIELD("{'type':'map','values':'long'}"), "/f/values",
     NULL},
    {FIELD("{'type':'map','values':'int'}"), FIELD("{'type':'array','items':'int'}"), "/f", "/f"},
    {RECORD("{'name':'a','type':'int'},{'name':'b','type':'int','default':1}"),
     RECORD("{'name':'a','type':'int'}"), NULL, NULL},
    {RECORD("{'name':'a','type':'int'},{'name':'b','type':'int'}"),
     RECORD("{'name':'a','type':'int'}"), "/b", NULL},
    {RECORD("{'name':'a','type':['null','int']}"), RECORD(""), "/a", NULL},
    {RECORD("{'name':'a','type':['null','int'],'default':null}"), RECORD(""), NULL, NULL},
    {FIELD("{'type':'record','name':'I','fields':[{'name':'x','type':'int'}]}"),
     FIELD("{'type':'record','name':'I','fields':[]}"), "/f/x", NULL},
    {"{'type':'record','name':'a.R','fields':[]}", "{'type':'record','name':'b.R','fields':[]}",
     NULL, NULL},
    {"{'type':'record','name':'a.R','fields':[]}", "{'type':'record','name':'a.S','fields':[]}", "",
     ""},
    {sample_schema, sample_schema, NULL, NULL},
};

static bool as_expected(const struct schema *reader, const struct schema *writer,
                        const char *expected)
{
    struct reason reason = {0};
    if (schema_reads(reader, writer, &reason))
        return !expected;
    return expected && strcmp(reason.code, "incompatible-schema") == 0 &&
           strcmp(reason.pointer, expected) == 0;
}

static void who_reads_whom_is_judged_as_avro_does(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *a = schema_of(cases[i].a);
        struct schema *b = schema_of(cases[i].b);
        if (!as_expected(a, b, cases[i].a_reads_b) || !as_expected(b, a, cases[i].b_reads_a)) {
            print_error("case %zu: %s | %s\n", i, cases[i].a, cases[i].b);
            wrong++;
        }
        schema_free(a);
        schema_free(b);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_reads_whom_is_judged_as_avro_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
