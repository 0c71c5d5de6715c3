/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of answer that a registry, a proxy before one, or a stranger on its port may give. The
 * one thing that must never happen: something that is no "no" taken for one. */
#include "registry/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum question { SCHEMA, ID, VERSIONS, COMPATIBLE, LEVEL };

static const struct {
    enum question question;
    long status;
    const char *bytes; /* apostrophes stand for quotation marks */
    enum registry_outcome outcome;
    const char *code;
} cases[] = {
    {SCHEMA, 200, "{'schema':'\\'int\\''}", REGISTRY_FOUND, ""},
    {SCHEMA, 200, "{'schema':'\\'int\\'','schemaType':'AVRO','references':[]}", REGISTRY_FOUND, ""},
    {SCHEMA, 404, "{'error_code':40403,'message':'no'}", REGISTRY_ABSENT, "unknown-schema-id"},
    {SCHEMA, 404, "{'error_code':40401}", REGISTRY_ABSENT, "unknown-schema-id"},
    {SCHEMA, 404, "{'error_code':404,'message':'HTTP 404 Not Found'}", REGISTRY_AWAY,
     "registry-away"},
    {SCHEMA, 404, "{'error_code':'40403'}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 404, "<html>", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 404, "", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 0, "", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 500, "{'error_code':50001}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 500, "{'error_code':40403}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 401, "{'error_code':40101}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 403, "", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 429, "", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 302, "{'schema':'\\'int\\''}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "{}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "[]", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "{'schema':7}", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "{'schema':'\\'int\\''", REGISTRY_AWAY, "registry-away"},
    {SCHEMA, 200, "{'schema':'message M {}','schemaType':'PROTOBUF'}", REGISTRY_UNUSABLE,
     "unusable-schema"},
    {SCHEMA, 200, "{'schema':'\\'x.Y\\'','references':[{'name':'x.Y'}]}", REGISTRY_UNUSABLE,
     "unusable-schema"},
    {SCHEMA, 200, "{'schema':'{'}", REGISTRY_UNUSABLE, "unusable-schema"},
    {SCHEMA, 200, "{'schema':'[\\'int\\',\\'string\\']'}", REGISTRY_UNUSABLE, "unusable-schema"},
    {ID, 200, "{'id':7}", REGISTRY_FOUND, ""},
    {ID, 200, "{'id':0,'version':3}", REGISTRY_FOUND, ""},
    {ID, 200, "{'id':-1}", REGISTRY_AWAY, "registry-away"},
    {ID, 200, "{'id':4294967296}", REGISTRY_AWAY, "registry-away"},
    {ID, 200, "{'id':'7'}", REGISTRY_AWAY, "registry-away"},
    {ID, 200, "{'id':1.5}", REGISTRY_AWAY, "registry-away"},
    {ID, 404, "{'error_code':40403}", REGISTRY_ABSENT, "unknown-schema-id"},
    {ID, 409, "{'error_code':409,'message':'Incompatible'}", REGISTRY_CONFLICT,
     "incompatible-schema"},
    {ID, 409, "", REGISTRY_CONFLICT, "incompatible-schema"},
    {ID, 422, "{'error_code':42201,'message':'Invalid'}", REGISTRY_UNUSABLE, "invalid-schema"},
    {ID, 422, "", REGISTRY_AWAY, "registry-away"},
    {VERSIONS, 200, "[]", REGISTRY_FOUND, ""},
    {VERSIONS, 200, "[1,2,7]", REGISTRY_FOUND, ""},
    {VERSIONS, 200, "[1,'2']", REGISTRY_AWAY, "registry-away"},
    {VERSIONS, 200, "[0]", REGISTRY_AWAY, "registry-away"},
    {VERSIONS, 200, "{}", REGISTRY_AWAY, "registry-away"},
    {VERSIONS, 404, "{'error_code':40401}", REGISTRY_ABSENT, "unknown-schema-id"},
    {COMPATIBLE, 200, "{'is_compatible':true}", REGISTRY_FOUND, ""},
    {COMPATIBLE, 200, "{'is_compatible':false}", REGISTRY_CONFLICT, "incompatible-schema"},
    {COMPATIBLE, 200, "{'is_compatible':1}", REGISTRY_AWAY, "registry-away"},
    {COMPATIBLE, 200, "{}", REGISTRY_AWAY, "registry-away"},
    {COMPATIBLE, 409, "{}", REGISTRY_CONFLICT, "incompatible-schema"},
    {LEVEL, 200, "{'compatibilityLevel':'FULL_TRANSITIVE'}", REGISTRY_FOUND, ""},
    {LEVEL, 200, "{'compatibility':'NONE'}", REGISTRY_FOUND, ""},
    {LEVEL, 404, "{'error_code':40408}", REGISTRY_AWAY, "registry-away"},
    {LEVEL, 404, "{'error_code':40401}", REGISTRY_ABSENT, "unknown-schema-id"},
};

static enum registry_outcome ask(enum question question, const struct registry_reply *reply,
                                 struct reason *reason)
{
    static int32_t versions[REGISTRY_VERSIONS_MAX];
    struct schema *schema = NULL;
    char level[REGISTRY_LEVEL_SIZE];
    int32_t id, version;
    size_t count;
    enum registry_outcome outcome;
    switch (question) {
    case SCHEMA:
        outcome = registry_answer_schema(reply, &schema, reason);
        assert_int_equal(outcome == REGISTRY_FOUND, schema != NULL);
        schema_free(schema);
        return outcome;
    case ID:
        return registry_answer_id(reply, &id, &version, reason);
    case VERSIONS:
        return registry_answer_versions(reply, versions, &count, reason);
    case COMPATIBLE:
        return registry_answer_compatible(reply, reason);
    default:
        return registry_answer_level(reply, level, reason);
    }
}

static void each_answer_means_one_thing(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *bytes = strdup(cases[i].bytes);
        for (char *at = bytes; *at; at++)
            if (*at == '\'')
                *at = '"';
        struct registry_reply reply = {cases[i].status, bytes, strlen(bytes)};
        struct reason reason = {0};
        enum registry_outcome outcome = ask(cases[i].question, &reply, &reason);
        if (outcome != cases[i].outcome || strcmp(reason.code, cases[i].code) != 0) {
            print_error("case %zu: %ld %s: %d %s %s\n", i, reply.status, bytes, (int)outcome,
                        reason.code, reason.detail);
            wrong++;
        }
        free(bytes);
    }
    assert_int_equal(wrong, 0);
}

static void a_message_of_the_registry_is_fit_for_a_terminal(void **state)
{
    (void)state;
    static const char bytes[] = "{\"error_code\":409,\"message\":\"a\\u001b[31mb\\nc\"}";
    const struct registry_reply reply = {409, bytes, sizeof(bytes) - 1};
    struct reason reason = {0};
    assert_int_equal(registry_answer_compatible(&reply, &reason), REGISTRY_CONFLICT);
    assert_string_equal(reason.detail, "the schema registry says: a [31mb c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_means_one_thing),
        cmocka_unit_test(a_message_of_the_registry_is_fit_for_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
