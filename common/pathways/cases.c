/* SPDX-License-Identifier: Apache-2.0 */
/* Each line is made into a referral once, so that the tests can judge all of them again for each
 * change that a slip might make to a rule. */
#include "pathways/cases.h"

#include "base/text.h"
#include "codec/folder.h"
#include "pathways/body.h"
#include "pathways/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CASES_FILE_SIZE_MAX (1 << 20)
#define BASE_PREFIX "valid-1"

struct one_case {
    size_t line;
    char expected[CASE_DECISION_SIZE];
    struct date day;
    struct record *referral;
};

struct pathway_cases {
    const struct contract *contract;
    const char *pathway;
    char path[FOLDER_PATH_SIZE];
    struct json *base;
    struct one_case *cases;
    size_t count;
};

static void tell(const struct findings *findings, const char *file, size_t line, const char *found,
                 const char *expected)
{
    if (findings)
        findings->tell(findings->context, &(struct finding){.code = "bad-case",
                                                            .file = file,
                                                            .pointer = "",
                                                            .line = line,
                                                            .found = found,
                                                            .expected = expected});
}

/* The first example whose name starts with valid-1. */
static struct json *load_base(struct pathway_cases *cases, struct reason *reason)
{
    char dir[FOLDER_PATH_SIZE], path[FOLDER_PATH_SIZE];
    struct folder folder;
    struct json *base = NULL;
    if (!text_format(dir, sizeof(dir), "%s/pathways/%s/examples", contract_dir(cases->contract),
                     cases->pathway) ||
        !folder_read(dir, &folder)) {
        reason_set(reason, "unreadable-file", dir, "expected a folder with %s*.json", BASE_PREFIX);
        return NULL;
    }
    reason_set(reason, "unreadable-file", dir,
               "expected an example %s*.json, the base of cases.tsv", BASE_PREFIX);
    for (size_t i = 0; i < folder.count && !base; i++) {
        if (strncmp(folder.names[i], BASE_PREFIX, strlen(BASE_PREFIX)) != 0)
            continue;
        if (folder_join(path, dir, folder.names[i], reason))
            base = json_parse_file(path, BODY_SIZE_MAX, reason);
        break;
    }
    folder_clear(&folder);
    return base;
}

/* The base body with a line's "path=value; path=value" applied; NULL with what was expected. */
static struct json *apply(const struct json *base, char *inputs, struct date *ret_day,
                          const char **ret_expected)
{
    struct json *body = json_copy_deep(base);
    *ret_expected = "path=value; path=value";
    for (char *input = inputs; input && body;) {
        char *next = strstr(input, "; ");
        if (next) {
            *next = '\0';
            next += 2;
        }
        char *value = strchr(input, '=');
        struct json *changed = NULL;
        if (value)
            *value++ = '\0';
        if (!value) {
            json_free(body);
            return NULL;
        }
        if (strcmp(input, "day") == 0) {
            if (date_parse(value, ret_day))
                changed = json_copy_deep(body);
            else
                *ret_expected = "day=YYYY-MM-DD, a date that exists";
        } else {
            changed = body_with_take(body, input, body_value(value));
        }
        json_free(body);
        body = changed;
        input = next;
    }
    return body;
}

/* Reads one line, which it cuts into pieces. False if it has been told. */
static bool read_line(struct pathway_cases *cases, size_t number, char *line,
                      const struct findings *findings)
{
    struct one_case *one = &cases->cases[cases->count];
    char *inputs = strchr(line, '\t');
    char found[REASON_DETAIL_MAX];
    *one = (struct one_case){.line = number};
    if (inputs)
        *inputs++ = '\0';
    if (!inputs || !text_copy(one->expected, sizeof(one->expected), line)) {
        tell(findings, cases->path, number, "a line without a tab", "decision, tab, inputs");
        return false;
    }
    const char *expected;
    struct reason reason = {.code = ""};
    struct json *body = apply(cases->base, inputs, &one->day, &expected);
    if (body && !date_valid(one->day)) {
        json_free(body);
        body = NULL;
        expected = "day=YYYY-MM-DD among the inputs";
    }
    if (!body) {
        tell(findings, cases->path, number, "inputs of another form", expected);
        return false;
    }
    one->referral = record_new(contract_referral(cases->contract, cases->pathway));
    bool taken = one->referral && body_record(one->referral, body, &reason) == DONE;
    json_free(body);
    if (!taken) {
        text_format(found, sizeof(found), "a referral that is refused: %s %s", reason.code,
                    reason.pointer);
        tell(findings, cases->path, number, found, reason.detail);
        record_free(one->referral);
        return false;
    }
    cases->count++;
    return true;
}

static void read_lines(struct pathway_cases *cases, char *text, const struct findings *findings)
{
    size_t number = 0;
    for (char *line = text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        number++;
        line[strcspn(line, "\r")] = '\0';
        if (cases->count == CASES_MAX) {
            tell(findings, cases->path, number, "too many lines", "at most 2000 cases");
            return;
        }
        if (*line != '\0' && *line != '#')
            (void)read_line(cases, number, line, findings);
        line = end ? end + 1 : NULL;
    }
}

struct pathway_cases *pathway_cases_load(const struct contract *contract, const char *pathway,
                                         const struct findings *findings, struct reason *reason)
{
    struct pathway_cases *cases = calloc(1, sizeof(*cases));
    char *text = NULL;
    if (cases)
        cases->cases = calloc(CASES_MAX + 1, sizeof(*cases->cases));
    if (!cases || !cases->cases) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        goto failed;
    }
    cases->contract = contract;
    cases->pathway = pathway;
    if (!text_format(cases->path, sizeof(cases->path), "%s/pathways/%s/cases.tsv",
                     contract_dir(contract), pathway) ||
        !(text = text_read_file(cases->path, CASES_FILE_SIZE_MAX, &(size_t){0}))) {
        reason_set(reason, "unreadable-file", cases->path, "%s: expected cases.tsv",
                   strerror(errno));
        goto failed;
    }
    cases->base = load_base(cases, reason);
    if (!cases->base)
        goto failed;
    read_lines(cases, text, findings);
    free(text);
    return cases;
failed:
    findings_tell(findings, reason);
    free(text);
    pathway_cases_free(cases);
    return NULL;
}

void pathway_cases_free(struct pathway_cases *cases)
{
    if (!cases)
        return;
    for (size_t i = 0; i < cases->count; i++)
        record_free(cases->cases[i].referral);
    json_free(cases->base);
    free(cases->cases);
    free(cases);
}

size_t pathway_cases_count(const struct pathway_cases *cases)
{
    return cases->count;
}

size_t pathway_cases_line(const struct pathway_cases *cases, size_t index)
{
    return cases->cases[index].line;
}

struct date pathway_cases_day(const struct pathway_cases *cases, size_t index)
{
    return cases->cases[index].day;
}

const struct record *pathway_cases_referral(const struct pathway_cases *cases, size_t index)
{
    return cases->cases[index].referral;
}

bool pathway_cases_judge(const struct pathway_cases *cases, size_t index,
                         const struct pathway *pathway, char decided[CASE_DECISION_SIZE],
                         const char **ret_rule_id)
{
    const struct one_case *one = &cases->cases[index];
    struct rules_decision decision;
    pathway_decide(pathway, one->referral, one->day, &decision);
    *ret_rule_id = decision.rule_id;
    if (decision.outcome != RULES_ROUTE && decision.words[0] == '\0')
        text_copy(decided, CASE_DECISION_SIZE, "a decision without words");
    else if (decision.outcome == RULES_RETURN)
        text_format(decided, CASE_DECISION_SIZE, "return %s%s", decision.reason,
                    decision.urgent ? " urgent" : "");
    else if (decision.outcome == RULES_RECORD)
        text_format(decided, CASE_DECISION_SIZE, "record %s%s", decision.service,
                    decision.urgent ? " urgent" : "");
    else if (decision.fell_back_from)
        text_format(decided, CASE_DECISION_SIZE, "fall-back %s %s", decision.service,
                    decision.reason);
    else
        text_format(decided, CASE_DECISION_SIZE, "route %s", decision.service);
    return strcmp(decided, one->expected) == 0;
}

static bool check_lines(const struct pathway_cases *cases, const struct pathway *pathway,
                        const struct findings *findings, bool decided_by[PATHWAY_RULES_MAX])
{
    bool well = true;
    for (size_t i = 0; i < cases->count; i++) {
        char decided[CASE_DECISION_SIZE], found[CASE_DECISION_SIZE + CODE_LENGTH_MAX + 16];
        const char *rule_id;
        bool holds = pathway_cases_judge(cases, i, pathway, decided, &rule_id);
        for (size_t j = 0; j < pathway->rules_count; j++)
            decided_by[j] = decided_by[j] || strcmp(pathway->rules[j].id, rule_id) == 0;
        if (holds)
            continue;
        text_format(found, sizeof(found), "%s%s%s%s", decided, *rule_id ? " (rule " : "", rule_id,
                    *rule_id ? ")" : "");
        tell(findings, cases->path, cases->cases[i].line, found, cases->cases[i].expected);
        well = false;
    }
    return well;
}

bool pathway_cases_check(const struct pathway_cases *cases, const struct pathway *pathway,
                         const struct findings *findings)
{
    bool decided_by[PATHWAY_RULES_MAX] = {false};
    bool well = check_lines(cases, pathway, findings, decided_by);
    char path[FOLDER_PATH_SIZE];
    if (!text_format(path, sizeof(path), "%s/pathways/%s/pathway.json",
                     contract_dir(cases->contract), cases->pathway))
        return false;
    for (size_t i = 0; i < pathway->rules_count; i++) {
        char pointer[32];
        if (decided_by[i])
            continue;
        well = false;
        text_format(pointer, sizeof(pointer), "/rules/%zu", i);
        if (findings)
            findings->tell(
                findings->context,
                &(struct finding){.code = "rule-without-case",
                                  .file = path,
                                  .pointer = pointer,
                                  .line = json_file_line(path, PATHWAY_FILE_SIZE_MAX, pointer),
                                  .found = pathway->rules[i].id,
                                  .expected = "a line of cases.tsv that this rule decides"});
    }
    return well;
}
