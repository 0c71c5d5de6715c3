// SPDX-License-Identifier: Apache-2.0
// schema check: would every reader, old and new, understand what is written with these schemas?
// schema register: gives them their ids. Nothing is registered while there is a finding.
#include "command.h"

#include "schema_registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECTS_MAX 128

struct work {
    const struct command_values *values;
    struct contract *contract;
    struct registry_line *line; // NULL: there is no registry
    struct subject subjects[SUBJECTS_MAX];
    size_t subjects_count;
    struct schema_findings findings;
};

static const char *state_name(enum subject_state state)
{
    static const char *const NAMES[] = {
        [SUBJECT_UNASKED] = "not-asked",
        [SUBJECT_NEW] = "new",
        [SUBJECT_CHANGED] = "changed",
        [SUBJECT_REGISTERED] = "registered",
    };
    return NAMES[state];
}

static bool list_subjects(struct work *work, struct reason *reason)
{
    const struct schema *schema;
    const char *pathway;
    for (size_t index = 0; (schema = contract_at(work->contract, index, &pathway)) != NULL;
         index++) {
        struct subject subject = {.schema = schema};
        for (size_t number = 0;
             registry_subject(schema_short_name(schema), pathway, number, subject.name); number++) {
            if (work->subjects_count == SUBJECTS_MAX) {
                reason_set(reason, "too-many", NULL, "more than %d subjects", SUBJECTS_MAX);
                return false;
            }
            work->subjects[work->subjects_count++] = subject;
        }
    }
    return true;
}

static enum verdict check_all(struct work *work, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < work->subjects_count; index++) {
        struct subject *subject = &work->subjects[index];
        subject_check_versions(work->contract, subject, &work->findings);
        if (work->line) {
            verdict = subject_check_registry(work->line, subject, &work->findings, reason);
        }
    }
    return verdict;
}

static enum verdict register_all(struct work *work, struct reason *reason)
{
    for (size_t index = 0; index < work->subjects_count; index++) {
        struct subject *subject = &work->subjects[index];
        enum verdict verdict = subject_register(work->line, subject, reason);
        if (verdict != DONE) {
            struct reason inner = *reason;
            reason_set(reason, inner.code, subject->name, "%s", inner.detail);
            return verdict;
        }
    }
    return DONE;
}

static bool add_subject(struct json *list, const struct subject *subject)
{
    struct json *item = json_new_object();
    bool done = json_set_text(item, "subject", subject->name) &&
                json_set_text(item, "schema", schema_name(subject->schema)) &&
                json_set_text(item, "state", state_name(subject->state)) &&
                (subject->state != SUBJECT_REGISTERED ||
                 (json_set_whole(item, "id", subject->id) &&
                  json_set_whole(item, "version", subject->version)));
    if (done) {
        return json_array_add_take(list, item);
    }
    json_free(item);
    return false;
}

static bool add_finding(struct json *list, const struct schema_finding *finding)
{
    struct json *item = json_new_object();
    bool done = json_set_text(item, "subject", finding->subject) &&
                json_set_text(item, "code", finding->reason.code) &&
                json_set_text(item, "pointer", finding->reason.pointer) &&
                json_set_text(item, "detail", finding->reason.detail);
    if (done) {
        return json_array_add_take(list, item);
    }
    json_free(item);
    return false;
}

static bool print_json(const struct work *work, size_t findings)
{
    struct json *subjects = json_new_array();
    struct json *list = json_new_array();
    struct json *answer = json_new_object();
    bool done = subjects && list;
    for (size_t index = 0; done && index < work->subjects_count; index++) {
        done = add_subject(subjects, &work->subjects[index]);
    }
    for (size_t index = 0; done && index < findings; index++) {
        done = add_finding(list, &work->findings.list[index]);
    }
    done = json_set_take(answer, "subjects", subjects) && done;
    done = json_set_take(answer, "findings", list) && done;
    done = json_set_whole(answer, "findings_total", (int64_t)work->findings.count) && done;
    if (done) {
        return command_print_json_take(answer, JSON_INDENTED);
    }
    json_free(answer);
    return false;
}

static bool print_text(const struct work *work, size_t findings)
{
    bool done = true;
    for (size_t index = 0; done && index < work->subjects_count; index++) {
        const struct subject *subject = &work->subjects[index];
        done = printf("%-36s  %s", subject->name, state_name(subject->state)) > 0;
        if (subject->state == SUBJECT_REGISTERED) {
            done = printf("  id %d  version %d", subject->id, subject->version) > 0 && done;
        }
        done = putchar('\n') != EOF && done;
    }
    for (size_t index = 0; done && index < findings; index++) {
        const struct schema_finding *finding = &work->findings.list[index];
        done = printf("%s: %s: %s%s%s\n", finding->subject, finding->reason.code,
                      finding->reason.pointer, finding->reason.pointer[0] ? ": " : "",
                      finding->reason.detail) > 0;
    }
    if (done && work->findings.count > findings) {
        done = printf("and %zu more findings\n", work->findings.count - findings) > 0;
    }
    if (done && !work->line && work->findings.count == 0) {
        done = printf("each agrees with its own versions; no registry was asked, as "
                      "SCHEMA_REGISTRY_URL is not set\n") > 0;
    }
    return done;
}

static int print_all(const struct work *work)
{
    size_t findings =
        work->findings.count < SCHEMA_FINDINGS_MAX ? work->findings.count : SCHEMA_FINDINGS_MAX;
    bool done = work->values->json ? print_json(work, findings) : print_text(work, findings);
    return done && work->findings.count == 0 ? EXIT_WELL : EXIT_FINDINGS;
}

static int run(const struct command *command, bool and_register)
{
    struct reason reason = {0};
    int exit_code = EXIT_CONFIGURATION;
    const struct registry_options *options = &command->values->registry;
    bool asked = options->url && options->url[0];
    struct work *work = calloc(1, sizeof *work);
    if (!work) {
        reason_set(&reason, "no-memory", NULL, "memory ran out");
        return command_fail(EXIT_FINDINGS, &reason);
    }
    work->values = command->values;
    work->contract = contract_load(command->values->schemas_dir, &reason);
    if (and_register && !asked) {
        reason_set(&reason, "bad-option", NULL, "SCHEMA_REGISTRY_URL is not set");
    }
    bool ready = work->contract && (asked || !and_register) && list_subjects(work, &reason);
    if (ready && asked) {
        work->line = registry_line_open(options, NULL, &reason);
        ready = work->line != NULL;
    }
    if (!ready) {
        command_fail(exit_code, &reason);
        goto out;
    }
    enum verdict verdict = check_all(work, &reason);
    if (verdict == DONE && and_register && work->findings.count == 0) {
        verdict = register_all(work, &reason);
    }
    if (verdict == TRY_AGAIN && work->line && registry_line_trouble(work->line)[0]) {
        reason_set(&reason, reason.code, NULL, "%.200s: %s", options->url,
                   registry_line_trouble(work->line));
    }
    exit_code = verdict == DONE ? print_all(work) : command_fail_as(verdict, &reason);
out:
    registry_line_close(work->line);
    contract_free(work->contract);
    free(work);
    return exit_code;
}

static int run_check(const struct command *command)
{
    return run(command, false);
}

static int run_register(const struct command *command)
{
    return run(command, true);
}

const struct verb VERBS_SCHEMA[] = {
    {"schema check", "", 0, 0,
     "are the schemas FULL_TRANSITIVE compatible with all their versions?",
     "json schemas-dir " TAKES_REGISTRY, run_check},
    {"schema register", "", 0, 0, "register the schemas, unless schema check has findings",
     "json schemas-dir " TAKES_REGISTRY, run_register},
    {0},
};
