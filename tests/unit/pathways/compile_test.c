/* SPDX-License-Identifier: Apache-2.0 */
/* A slip in pathway.json stops the load, and the message names the place, what was found and what
 * was expected. */
#include "temporary.h"

static const char good[] =
    "{\"name\": \"minor-eye\", \"title\": \"Minor eye conditions\", \"version\": \"1\","
    " \"clinical_owner\": \"nobody yet\", \"enabled\": {\"from\": \"2026-01-01\"},"
    " \"provider_kind\": \"optometrist\", \"deadline_minutes\": 0.5, \"outcome_minutes\": 60,"
    " \"retry\": {\"first_seconds\": 5, \"most_seconds\": 300}, \"sources\": [\"self\"],"
    " \"services\": [{\"service\": \"eye\", \"title\": \"Eye\", \"when\": true}],"
    " \"rules\": [{\"id\": \"one\", \"then\": \"return\", \"reason\": \"too-long\","
    " \"words\": \"Too long.\", \"from\": \"2026-02-01\", \"until\": \"2026-02-28\","
    " \"when\": {\"field\": \"details.days\", \"range\": {\"least\": 8}}}]}";

static const struct {
    const char *expected; /* a part of the detail */
    const char *replace, *with;
} slips[] = {
    {"/colour: found \"blue\", expected only members of the list name, title", "\"version\": \"1\"",
     "\"version\": \"1\", \"colour\": \"blue\""},
    {"/name: found \"eyes\", expected the name of its folder, \"minor-eye\"", "\"minor-eye\"",
     "\"eyes\""},
    {"/title: found nothing, expected a text", "\"title\": \"Minor eye conditions\",", ""},
    {"/version: found 1, expected a text", "\"version\": \"1\"", "\"version\": 1"},
    {"/enabled: found", "{\"from\": \"2026-01-01\"}", "true"},
    {"/enabled/from: found \"2026-02-29\", expected a date, YYYY-MM-DD, that exists",
     "\"2026-01-01\"", "\"2026-02-29\""},
    {"/provider_kind: found \"dentist\", expected a kind of schemas/provider.avsc: pharmacy",
     "\"optometrist\"", "\"dentist\""},
    {"/provider_kind: found \"referrer\", expected a kind of schemas/provider.avsc: "
     "pharmacy, community-provider, optometrist",
     "\"optometrist\"", "\"referrer\""},
    {"/deadline_minutes: found 0, expected a number from 0.001", "0.5", "0"},
    {"/deadline_minutes: found \"soon\", expected a number", "0.5", "\"soon\""},
    {"/retry/most_seconds: found 3, expected a number from 5", "300", "3"},
    {"/sources: found a list, expected a list of 1 to 16 items", "[\"self\"]", "[]"},
    {"/sources/0: found \"vet\", expected a value that source.kind can have: gp-practice, utc",
     "\"self\"", "\"vet\""},
    {"/services/0/service: found \"Eye Care\", expected lower-case letters", "\"service\": \"eye\"",
     "\"service\": \"Eye Care\""},
    {"/services/0/when: found nothing, expected true, or an object", ", \"when\": true}", "}"},
    {"/services/0/when/field: found \"service\", expected a field of the referral",
     "\"when\": true", "\"when\": {\"field\": \"service\", \"equals\": \"eye\"}"},
    {"/services/1/service: found \"eye\", expected each service once", "\"when\": true}]",
     "\"when\": true}, {\"service\": \"eye\", \"title\": \"E\", \"when\": true}]"},
    {"/rules/0/then: found \"refuse\", expected return, fall-back or record", "\"return\"",
     "\"refuse\""},
    {"/rules/0/service: found nothing, expected one of this pathway's services", "\"return\"",
     "\"fall-back\""},
    {"/rules/0/service: found \"ear\", expected one of this pathway's services", "\"return\"",
     "\"fall-back\", \"service\": \"ear\""},
    {"/rules/0/service: found \"eye\", expected no service", "\"return\"",
     "\"return\", \"service\": \"eye\""},
    {"/rules/0/urgent: found true, expected true (of a return or a record)", "\"return\"",
     "\"fall-back\", \"service\": \"eye\", \"urgent\": true"},
    {"/rules/0/reason: found nothing", "\"return\", \"reason\": \"too-long\"",
     "\"record\", \"urgent\": true"},
    {"/rules/0/reason: found \"too-long\", expected no reason", "\"return\"", "\"record\""},
    {"/rules/0/reason: found nothing", "\"reason\": \"too-long\",", ""},
    {"/rules/0/words: found nothing", "\"words\": \"Too long.\",", ""},
    {"/rules/0/until: found \"2026-01-31\", expected a day not before from", "\"2026-02-28\"",
     "\"2026-01-31\""},
    {"/rules/1/id: found \"one\", expected an id that no other rule has", "8}}}]",
     "8}}}, {\"id\": \"one\", \"then\": \"record\", \"words\": \"w\", \"when\": true}]"},
    {"/rules/0/when/field: found \"details.weeks\", expected a field of the envelope",
     "details.days", "details.weeks"},
    {"/rules/0/when/field: found \"details.days.more\", expected a field", "details.days",
     "details.days.more"},
    {"/rules/0/when: found an object, expected field and just one of equals", "\"range\"",
     "\"about\""},
    {"/rules/0/when/range/up_to: found 8, expected only members of the list least, most",
     "\"least\"", "\"up_to\""},
    {"/rules/0/when/range: found an object, expected least, most or both", "{\"least\": 8}", "{}"},
    {"/rules/0/when/range: found an object, expected least, most or both", "{\"least\": 8}",
     "{\"least\": 8, \"most\": 7}"},
    {"/rules/0/when/range/least: found \"8\", expected a number", "{\"least\": 8}",
     "{\"least\": \"8\"}"},
    {"/rules/0/when/equals: found \"8\", expected a number, as details.days is",
     "\"range\": {\"least\": 8}", "\"equals\": \"8\""},
    {"/rules/0/when/one_of: found a list, expected equals or range", "\"range\": {\"least\": 8}",
     "\"one_of\": [8]"},
    {"/rules/0/when/range: found an object, expected equals: details.problem is neither",
     "details.days", "details.problem"},
    {"/rules/0/when/equals: found \"itchy\", expected a value that details.problem can have: itch",
     "\"details.days\", \"range\": {\"least\": 8}", "\"details.problem\", \"equals\": \"itchy\""},
    {"/rules/0/when/one_of/1: found \"UP\", expected a value that details.eye can have: LEFT",
     "\"details.days\", \"range\": {\"least\": 8}",
     "\"details.eye\", \"one_of\": [\"LEFT\", \"UP\"]"},
    {"/rules/0/when/equals: found \"dead\", expected a value that details.signs can have: pain",
     "\"details.days\", \"range\": {\"least\": 8}", "\"details.signs\", \"equals\": \"dead\""},
    {"/rules/0/when/equals: found \"yes\", expected true or false, as details.lenses is",
     "\"details.days\", \"range\": {\"least\": 8}", "\"details.lenses\", \"equals\": \"yes\""},
    {"/rules/0/when/equals: found \"spring\", expected a date, YYYY-MM-DD, as details.since is",
     "\"details.days\", \"range\": {\"least\": 8}", "\"details.since\", \"equals\": \"spring\""},
    {"/rules/0/when/equals: found \"ear\", expected a value that service can have: eye",
     "\"details.days\", \"range\": {\"least\": 8}", "\"service\", \"equals\": \"ear\""},
    {"/rules/0/when/equals: found \"x\", expected present: patient is neither text nor number",
     "\"details.days\", \"range\": {\"least\": 8}", "\"patient\", \"equals\": \"x\""},
    {"/rules/0/when/all_of: found a list, expected a list of at least one predicate",
     "{\"field\": \"details.days\", \"range\": {\"least\": 8}}", "{\"all_of\": []}"},
    {"/rules/0/when/not/not/not/not/not/not/not/not: found true, expected at most 8 levels",
     "{\"field\": \"details.days\", \"range\": {\"least\": 8}}",
     "{\"not\": {\"not\": {\"not\": {\"not\": {\"not\": {\"not\": {\"not\": {\"not\": "
     "true}}}}}}}}"},
    {"line 1", "\"title\":", "\"title\""},
};

/* The good file with the first `replace` changed, loaded; NULL if it was refused. */
static struct pathway_set *load_changed(const char *replace, const char *with,
                                        struct contract **ret_contract, struct reason *reason)
{
    char text[4096];
    const char *at = strstr(good, replace);
    assert_non_null(at);
    assert_true(text_format(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, with,
                            at + strlen(replace)));
    write_file("pathways/" NAME "/pathway.json", text);
    *ret_contract = contract_load(root, reason);
    if (!*ret_contract)
        fail_msg("%s %s", reason->pointer, reason->detail);
    return pathway_set_load(*ret_contract, reason);
}

static void each_slip_is_refused_with_place_found_and_expected(void **state)
{
    (void)state;
    size_t failures = 0;
    for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
        struct reason reason = {.code = "(loaded)"};
        struct contract *contract;
        struct pathway_set *set = load_changed(slips[i].replace, slips[i].with, &contract, &reason);
        if (set || !strstr(reason.detail, slips[i].expected) ||
            !strstr(reason.pointer, "pathways/" NAME "/pathway.json")) {
            print_error("slip %zu: expected %s\n    got %s %s: %s\n", i, slips[i].expected,
                        reason.code, reason.pointer, reason.detail);
            failures++;
        }
        pathway_set_free(set);
        contract_free(contract);
    }
    assert_int_equal(failures, 0);
}

static void a_good_folder_says_what_its_file_says(void **state)
{
    (void)state;
    struct reason reason = {.code = ""};
    struct contract *contract;
    struct pathway_set *set = load_changed("{", "{", &contract, &reason);
    if (!set)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    assert_int_equal(pathway_count(set), 1);
    assert_null(pathway_find(set, "major-eye"));
    const struct pathway *pathway = pathway_find(set, NAME);
    assert_ptr_equal(pathway, pathway_at(set, 0));
    assert_string_equal(pathway_name(pathway), NAME);
    assert_string_equal(pathway_title(pathway), "Minor eye conditions");
    assert_string_equal(pathway_version(pathway), "1");
    assert_string_equal(pathway_topic(pathway), "referrals." NAME);
    assert_string_equal(pathway_provider_kind(pathway), "optometrist");
    assert_int_equal(pathway_deadline_ms(pathway), 30000);
    assert_int_equal(pathway_outcome_ms(pathway), 3600000);
    assert_int_equal(pathway_distance_most_m(pathway), 0);
    assert_int_equal(pathway_retry_first_ms(pathway), 5000);
    assert_int_equal(pathway_retry_most_ms(pathway), 300000);
    pathway_set_free(set);
    contract_free(contract);
}

/* Eight slips on eight lines. */
static const char bad[] =
    "{\"name\": \"eyes\", \"title\": \"Minor eye conditions\",\n"
    "\"version\": 1,\n"
    "\"clinical_owner\": \"nobody yet\", \"enabled\": false,\n"
    "\"provider_kind\": \"dentist\", \"deadline_minutes\": 1,\n"
    "\"outcome_minutes\": -1,\n"
    "\"retry\": {\"first_seconds\": 5, \"most_seconds\": 300},\n"
    "\"sources\": [\"self\",\n"
    "  \"vet\"],\n"
    "\"services\": [{\"service\": \"eye\", \"title\": \"Eye\", \"when\": 1}],\n"
    "\"rules\": [{\"id\": \"one\", \"then\": \"return\", \"reason\": \"r\",\n"
    "  \"words\": \"w\", \"when\": {\"any_of\": [\n"
    "    {\"field\": \"details.weeks\", \"range\": {\"least\": 8}},\n"
    "    {\"field\": \"details.problem\", \"equals\": \"itchy\"}]}}]}\n";

static const struct {
    size_t line;
    const char *pointer, *found;
} told[] = {
    {1, "/name", "\"eyes\""},
    {2, "/version", "1"},
    {4, "/provider_kind", "\"dentist\""},
    {5, "/outcome_minutes", "-1"},
    {8, "/sources/1", "\"vet\""},
    {9, "/services/0/when", "1"},
    {12, "/rules/0/when/any_of/0/field", "\"details.weeks\""},
    {13, "/rules/0/when/any_of/1/equals", "\"itchy\""},
};
#define TOLD_COUNT (sizeof(told) / sizeof(told[0]))

static void check_told(void *context, const struct finding *finding)
{
    size_t *count = context;
    assert_true(*count < TOLD_COUNT);
    assert_int_equal(finding->line, told[*count].line);
    assert_string_equal(finding->pointer, told[*count].pointer);
    assert_string_equal(finding->found, told[*count].found);
    assert_non_null(strstr(finding->file, "pathways/" NAME "/pathway.json"));
    assert_true(strlen(finding->expected) > 0);
    (*count)++;
}

static void one_look_tells_every_slip_with_its_line(void **state)
{
    (void)state;
    struct reason reason = {.detail = ""};
    size_t count = 0;
    struct findings findings = {.tell = check_told, .context = &count};
    write_file("pathways/" NAME "/pathway.json", bad);
    struct contract *contract = contract_load(root, &reason);
    assert_non_null(contract);
    assert_null(pathway_compile(contract, NAME, &findings, &reason));
    assert_int_equal(count, TOLD_COUNT);
    assert_memory_equal(reason.detail, "line 1: /name: found \"eyes\", expected ", 38);
    contract_free(contract);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_folder_says_what_its_file_says),
        cmocka_unit_test(each_slip_is_refused_with_place_found_and_expected),
        cmocka_unit_test(one_look_tells_every_slip_with_its_line),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
