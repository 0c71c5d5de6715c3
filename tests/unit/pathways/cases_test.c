/* SPDX-License-Identifier: Apache-2.0 */
/* Every folder's cases.tsv is held to its pathway.json; a new folder needs nothing here. */
#include "bodies.h"

#include "pathways/internal.h"

#include <stdio.h>

#define LINE_SIZE 1024
#define DECISION_SIZE 160

static struct contract *contract;
static struct pathway_set *set;
static bool decided[PATHWAY_RULES_MAX]; /* by which rules of the pathway at hand */

/* The decision in the words of cases.tsv. */
static void decision_text(const struct rules_decision *decision, char text[DECISION_SIZE])
{
    if (decision->outcome == RULES_RETURN)
        text_format(text, DECISION_SIZE, "return %s", decision->reason);
    else if (decision->outcome == RULES_RECORD)
        text_format(text, DECISION_SIZE, "record %s", decision->service);
    else if (decision->fell_back_from)
        text_format(text, DECISION_SIZE, "fall-back %s %s", decision->service, decision->reason);
    else
        text_format(text, DECISION_SIZE, "route %s", decision->service);
}

/* The base body with a line's "path=value; path=value" applied. */
static struct json *apply_inputs(const struct json *base, char *inputs, struct date *ret_day)
{
    struct json *body = json_copy_deep(base);
    for (char *input = inputs; input;) {
        char *next = strstr(input, "; ");
        if (next) {
            *next = '\0';
            next += 2;
        }
        char *value = strchr(input, '=');
        if (!value) {
            json_free(body);
            return NULL;
        }
        *value++ = '\0';
        if (strcmp(input, "day") == 0) {
            assert_true(date_parse(value, ret_day));
        } else {
            struct json *changed = json_with_take(body, input, json_of_value(value));
            json_free(body);
            body = changed;
        }
        input = next;
    }
    return body;
}

/* True if the line's decision is made; what was decided instead goes to `actual`. */
static bool case_holds(const struct pathway *pathway, struct record *record,
                       const struct json *base, char *line, char actual[DECISION_SIZE])
{
    struct date day = {.year = 0};
    struct reason reason = {.detail = ""};
    struct rules_decision decision;
    char *inputs = strchr(line, '\t');
    if (!inputs) {
        text_copy(actual, DECISION_SIZE, "(no tab in the line)");
        return false;
    }
    *inputs++ = '\0';
    struct json *body = apply_inputs(base, inputs, &day);
    if (!body || !date_valid(day) || record_of_body(record, body, &reason) != DONE) {
        text_format(actual, DECISION_SIZE, "(bad inputs: %s %s)", reason.code, reason.pointer);
        json_free(body);
        return false;
    }
    json_free(body);
    pathway_decide(pathway, record, day, &decision);
    for (size_t i = 0; i < pathway->rules_count; i++)
        decided[i] = decided[i] || strcmp(pathway->rules[i].id, decision.rule_id) == 0;
    decision_text(&decision, actual);
    if (decision.outcome != RULES_ROUTE && decision.words[0] == '\0')
        text_copy(actual, DECISION_SIZE, "(a decision without words)");
    return strcmp(actual, line) == 0;
}

static size_t check_cases(const struct pathway *pathway, size_t *failures)
{
    const char *name = pathway_name(pathway);
    char path[512], line[LINE_SIZE], copy[LINE_SIZE], actual[DECISION_SIZE];
    char files[FILES_MAX][FILE_NAME_SIZE];
    assert_true(example_files(name, "valid-1", files) == 1);
    struct json *base = example_body(name, files[0]);
    struct record *record = record_new(contract_referral(contract, name));
    assert_non_null(record);
    assert_true(text_format(path, sizeof(path), SOURCE_DIR "/schemas/pathways/%s/cases.tsv", name));
    FILE *cases = fopen(path, "r");
    assert_non_null(cases);
    size_t number = 0, count = 0;
    while (fgets(line, sizeof(line), cases)) {
        number++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        count++;
        text_copy(copy, sizeof(copy), line);
        if (!case_holds(pathway, record, base, line, actual)) {
            print_error("%s:%zu: %s\n    decided: %s\n", path, number, copy, actual);
            (*failures)++;
        }
    }
    fclose(cases);
    record_free(record);
    json_free(base);
    return count;
}

static size_t rules_without_case(const struct pathway *pathway)
{
    size_t count = 0;
    for (size_t i = 0; i < pathway->rules_count; i++) {
        if (!decided[i]) {
            print_error("%s: no case is decided by the rule %s\n", pathway_name(pathway),
                        pathway->rules[i].id);
            count++;
        }
    }
    memset(decided, 0, sizeof(decided));
    return count;
}

static void every_case_is_decided_as_its_folder_says_and_every_rule_has_one(void **state)
{
    (void)state;
    size_t failures = 0;
    assert_true(pathway_count(set) >= 10);
    for (size_t i = 0; i < pathway_count(set); i++) {
        size_t count = check_cases(pathway_at(set, i), &failures);
        if (count < 15)
            fail_msg("%s: only %zu cases", pathway_name(pathway_at(set, i)), count);
        failures += rules_without_case(pathway_at(set, i));
    }
    assert_int_equal(failures, 0);
}

static int load(void **state)
{
    (void)state;
    struct reason reason = {.detail = ""};
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    set = contract ? pathway_set_load(contract, &reason) : NULL;
    if (!set)
        print_error("%s %s: %s\n", reason.code, reason.pointer, reason.detail);
    return set ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    pathway_set_free(set);
    contract_free(contract);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_is_decided_as_its_folder_says_and_every_rule_has_one),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
