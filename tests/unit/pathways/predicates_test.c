/* SPDX-License-Identifier: Apache-2.0 */
/* What each predicate means, as docs/pathways.md says it; and the days on which a pathway and a
 * rule are in force. */
#include "temporary.h"

static struct contract *contract;
static struct record *record;

#define BEFORE_RULE                                                                                \
    "{\"name\":\"minor-eye\",\"title\":\"Eye\",\"version\":\"1\",\"clinical_owner\":\"nobody\","   \
    "\"enabled\":%s,\"provider_kind\":\"optometrist\",\"deadline_minutes\":1,"                     \
    "\"outcome_minutes\":1,\"retry\":{\"first_seconds\":1,\"most_seconds\":1},"                    \
    "\"sources\":[\"self\"],\"services\":[{\"service\":\"eye\",\"title\":\"Eye\",\"when\":true}]," \
    "\"rules\":[{\"id\":\"one\",\"then\":\"return\",\"reason\":\"held\",\"words\":\"w\","          \
    "\"when\":%s}]}"

/* The reason of the return on that day, "" where it is routed. */
static const char *reason_on(const char *enabled, const char *predicate, struct date day)
{
    char text[4096];
    static char code[64];
    struct reason reason = {.detail = ""};
    struct rules_decision decision;
    assert_true(text_format(text, sizeof text, BEFORE_RULE, enabled, predicate));
    write_file("pathways/" NAME "/pathway.json", text);
    struct pathway *pathway = pathway_compile(contract, NAME, NULL, &reason);
    if (!pathway)
        fail_msg("%s: %s", predicate, reason.detail);
    pathway_decide(pathway, record, day, &decision);
    text_copy(code, sizeof code, decision.reason);
    pathway_free(pathway);
    return code;
}

/* A referral of someone who is 40 on 2 March 2026: the left eye, sticky for 8 days. */
static void fill_record(void)
{
    record_reset(record);
    record_set_text(record, "source.kind", "self");
    record_set_text(record, "patient.date_of_birth", "1986-03-02");
    record_set_text(record, "patient.sex", "female");
    record_set_boolean(record, "consent.direct_care", true);
    record_set_text(record, "details.eye", "LEFT");
    record_set_text(record, "details.problem", "sticky");
    record_set_text(record, "details.since", "2026-02-22");
    record_set_whole(record, "details.days", 8);
    record_set_boolean(record, "details.lenses", false);
    assert_true(record_add(record, "details.signs"));
    assert_true(record_add(record, "details.signs"));
    record_set_text(record, "details.signs.0", "pain");
    record_set_text(record, "details.signs.1", "blind");
}

static const struct {
    bool holds;
    const char *predicate;
} rows[] = {
    {true, "true"},
    /* equals: text, enum, number, boolean, date; absent equals nothing */
    {true, "{\"field\":\"details.problem\",\"equals\":\"sticky\"}"},
    {false, "{\"field\":\"details.problem\",\"equals\":\"itch\"}"},
    {true, "{\"field\":\"details.eye\",\"equals\":\"LEFT\"}"},
    {true, "{\"field\":\"details.days\",\"equals\":8}"},
    {false, "{\"field\":\"details.days\",\"equals\":9}"},
    {true, "{\"field\":\"details.lenses\",\"equals\":false}"},
    {false, "{\"field\":\"details.lenses\",\"equals\":true}"},
    {true, "{\"field\":\"details.since\",\"equals\":\"2026-02-22\"}"},
    {false, "{\"field\":\"details.words\",\"equals\":\"x\"}"},
    {true, "{\"not\":{\"field\":\"details.words\",\"equals\":\"x\"}}"},
    /* one_of; a list matches if one of its items does */
    {true, "{\"field\":\"details.problem\",\"one_of\":[\"itch\",\"sticky\"]}"},
    {false, "{\"field\":\"details.problem\",\"one_of\":[\"itch\"]}"},
    {true, "{\"field\":\"details.signs\",\"one_of\":[\"blind\"]}"},
    {true, "{\"field\":\"details.signs\",\"equals\":\"pain\"}"},
    {false, "{\"field\":\"patient.pregnancy\",\"one_of\":[\"pregnant\",\"unknown\"]}"},
    /* range: both ends included; numbers, dates, age, day */
    {true, "{\"field\":\"details.days\",\"range\":{\"least\":8}}"},
    {false, "{\"field\":\"details.days\",\"range\":{\"least\":9}}"},
    {true, "{\"field\":\"details.days\",\"range\":{\"most\":8}}"},
    {false, "{\"field\":\"details.days\",\"range\":{\"most\":7}}"},
    {true, "{\"field\":\"details.days\",\"range\":{\"least\":8,\"most\":8}}"},
    {true, "{\"field\":\"details.since\",\"range\":{\"most\":\"2026-02-22\"}}"},
    {false, "{\"field\":\"details.since\",\"range\":{\"most\":\"2026-02-21\"}}"},
    {true, "{\"field\":\"age_years\",\"range\":{\"least\":40,\"most\":40}}"},
    {false, "{\"field\":\"age_years\",\"range\":{\"least\":41}}"},
    {true, "{\"field\":\"day\",\"range\":{\"least\":\"2026-03-02\",\"most\":\"2026-03-02\"}}"},
    {false, "{\"field\":\"day\",\"range\":{\"least\":\"2026-03-03\"}}"},
    {true, "{\"field\":\"day\",\"equals\":\"2026-03-02\"}"},
    /* present: text, list, record */
    {false, "{\"field\":\"details.words\",\"present\":true}"},
    {true, "{\"field\":\"details.words\",\"present\":false}"},
    {true, "{\"field\":\"details.signs\",\"present\":true}"},
    {false, "{\"field\":\"patient.contacts\",\"present\":true}"},
    {true, "{\"field\":\"patient\",\"present\":true}"},
    {true, "{\"field\":\"details.lenses\",\"present\":true}"},
    /* the service that was chosen */
    {true, "{\"field\":\"service\",\"equals\":\"eye\"}"},
    /* all, any, not */
    {true, "{\"all_of\":[true,{\"field\":\"details.days\",\"equals\":8}]}"},
    {false, "{\"all_of\":[true,{\"field\":\"details.days\",\"equals\":9}]}"},
    {true, "{\"any_of\":[{\"field\":\"details.days\",\"equals\":9},true]}"},
    {false, "{\"any_of\":[{\"field\":\"details.days\",\"equals\":9},{\"not\":true}]}"},
    {false, "{\"not\":true}"},
    {true, "{\"not\":{\"all_of\":[true,{\"any_of\":[{\"not\":true}]}]}}"},
};

static void each_predicate_means_what_the_documents_say(void **state)
{
    (void)state;
    fill_record();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *reason = reason_on("{}", rows[i].predicate, (struct date){2026, 3, 2});
        if (strcmp(reason, rows[i].holds ? "held" : "") != 0)
            fail_msg("%s: \"%s\"", rows[i].predicate, reason);
    }
}

static void a_list_without_items_is_absent(void **state)
{
    (void)state;
    record_reset(record);
    record_set_text(record, "source.kind", "self");
    record_set_text(record, "patient.date_of_birth", "1986-03-02");
    record_set_boolean(record, "consent.direct_care", true);
    const struct date day = {2026, 3, 2};
    assert_string_equal(reason_on("{}", "{\"field\":\"details.signs\",\"present\":true}", day), "");
    assert_string_equal(reason_on("{}", "{\"field\":\"details.signs\",\"one_of\":[\"pain\"]}", day),
                        "");
    assert_string_equal(
        reason_on("{}", "{\"field\":\"details.days\",\"range\":{\"most\":1000}}", day), "");
}

static void a_pathway_is_open_on_its_days_and_no_other(void **state)
{
    (void)state;
    static const struct {
        const char *enabled;
        struct date day;
        bool open;
    } days[] = {
        {"false", {2026, 3, 2}, false},
        {"{}", {2026, 3, 2}, true},
        {"{\"from\":\"2026-03-02\"}", {2026, 3, 1}, false},
        {"{\"from\":\"2026-03-02\"}", {2026, 3, 2}, true},
        {"{\"until\":\"2026-03-02\"}", {2026, 3, 2}, true},
        {"{\"until\":\"2026-03-02\"}", {2026, 3, 3}, false},
        {"{\"from\":\"2028-02-29\",\"until\":\"2028-02-29\"}", {2028, 2, 28}, false},
        {"{\"from\":\"2028-02-29\",\"until\":\"2028-02-29\"}", {2028, 2, 29}, true},
        {"{\"from\":\"2028-02-29\",\"until\":\"2028-02-29\"}", {2028, 3, 1}, false},
    };
    fill_record();
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        const char *reason = reason_on(days[i].enabled, "{\"not\":true}", days[i].day);
        assert_string_equal(reason, days[i].open ? "" : "pathway-not-enabled");
    }
}

static int load(void **state)
{
    struct reason reason = {.detail = ""};
    if (make_folder(state) != 0)
        return -1;
    write_file("pathways/" NAME "/pathway.json", "{}");
    contract = contract_load(root, &reason);
    record = contract ? record_new(contract_referral(contract, NAME)) : NULL;
    if (!record)
        print_error("%s %s\n", reason.pointer, reason.detail);
    return record ? 0 : -1;
}

static int unload(void **state)
{
    record_free(record);
    contract_free(contract);
    return remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_predicate_means_what_the_documents_say),
        cmocka_unit_test(a_list_without_items_is_absent),
        cmocka_unit_test(a_pathway_is_open_on_its_days_and_no_other),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
