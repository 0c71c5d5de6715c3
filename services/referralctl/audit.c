// SPDX-License-Identifier: Apache-2.0
// audit: reads everything, judges, prints. A problem is believed only if it is there again when
// everything is read anew (see audit_read.c for the millisecond that this bridges).
#include "command.h"

#include "audit_read.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define READINGS_MAX 3

static const struct {
    const char *name;
    size_t offset;
} COLUMNS[] = {
    {"accepted", offsetof(struct ledger_counts, accepted)},
    {"delivered", offsetof(struct ledger_counts, delivered)},
    {"returned", offsetof(struct ledger_counts, returned)},
    {"refused", offsetof(struct ledger_counts, refused)},
    {"cancelled", offsetof(struct ledger_counts, cancelled)},
    {"recorded", offsetof(struct ledger_counts, recorded)},
    {"pending", offsetof(struct ledger_counts, pending)},
    {"duplicates", offsetof(struct ledger_counts, duplicates)},
    {"missing", offsetof(struct ledger_counts, missing)},
};
#define COLUMNS_COUNT (sizeof COLUMNS / sizeof *COLUMNS)

static int64_t cell(const struct ledger_counts *counts, size_t column)
{
    return *(const int64_t *)(const void *)((const char *)counts + COLUMNS[column].offset);
}

static bool is_empty(const struct ledger_counts *counts)
{
    for (size_t column = 0; column < COLUMNS_COUNT; column++) {
        if (cell(counts, column) != 0) {
            return false;
        }
    }
    return true;
}

static struct json *counts_json(const struct ledger_counts *counts)
{
    struct json *object = json_new_object();
    bool done = object != NULL;
    for (size_t column = 0; done && column < COLUMNS_COUNT; column++) {
        done = json_set_whole(object, COLUMNS[column].name, cell(counts, column));
    }
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

static bool add_problem_json(struct json *list, const struct ledger_problem *problem)
{
    struct json *item = json_new_object();
    bool done = json_set_text(item, "code", problem->code) &&
                json_set_text(item, "pathway", problem->pathway) &&
                json_set_text(item, "what", problem->what) &&
                json_set_text(item, "detail", problem->detail);
    if (!done) {
        json_free(item);
        return false;
    }
    return json_array_add_take(list, item);
}

// A pathway without a name and without a count is only the place where unnamed events would stand.
static bool is_shown(const struct ledger_report *report, size_t index)
{
    return report->names[index][0] != '\0' || !is_empty(&report->pathways[index]);
}

static bool print_json(const struct audit *audit, const struct ledger_report *report)
{
    struct json *pathways = json_new_object();
    struct json *problems = json_new_array();
    struct json *answer = json_new_object();
    bool done = pathways && problems && answer;
    for (size_t index = 0; done && index < report->pathways_count; index++) {
        if (is_shown(report, index)) {
            done = json_set_take(pathways, report->names[index],
                                 counts_json(&report->pathways[index]));
        }
    }
    for (size_t index = 0; done && index < report->problems_listed; index++) {
        done = add_problem_json(problems, &report->problems[index]);
    }
    done = json_set_take(answer, "total", counts_json(&report->total)) && done;
    done = json_set_take(answer, "pathways", pathways) && done;
    done = json_set_take(answer, "problems", problems) && done;
    done = done && json_set_whole(answer, "problems_total", report->problems_total) &&
           json_set_boolean(answer, "volumes_checked", report->volumes_checked) &&
           json_set_whole(answer, "volumes_uncertain", report->volumes_uncertain) &&
           json_set_whole(answer, "records_read", audit->records) &&
           json_set_boolean(answer, "balanced", report->balanced);
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static void print_row(const char *name, const struct ledger_counts *counts)
{
    printf("%-20s", name);
    for (size_t column = 0; column < COLUMNS_COUNT; column++) {
        printf(" %10lld", (long long)cell(counts, column));
    }
    printf("\n");
}

static void print_text(const struct ledger_report *report)
{
    printf("%-20s", "pathway");
    for (size_t column = 0; column < COLUMNS_COUNT; column++) {
        printf(" %10s", COLUMNS[column].name);
    }
    printf("\n");
    for (size_t index = 0; index < report->pathways_count; index++) {
        if (is_shown(report, index)) {
            print_row(report->names[index], &report->pathways[index]);
        }
    }
    print_row("total", &report->total);
    for (size_t index = 0; index < report->problems_listed; index++) {
        const struct ledger_problem *problem = &report->problems[index];
        printf("%s  %s  %s  %s\n", problem->code, problem->pathway, problem->what, problem->detail);
    }
    if (report->problems_total > (int64_t)report->problems_listed) {
        printf("… and %lld more problems\n",
               (long long)(report->problems_total - (int64_t)report->problems_listed));
    }
    if (!report->volumes_checked) {
        printf("volumes.daily was NOT compared: there is no such topic, or its first events have "
               "expired\n");
    } else if (report->volumes_uncertain > 0) {
        printf("volumes.daily compared, but for %lld events that were counted meanwhile\n",
               (long long)report->volumes_uncertain);
    }
    const struct ledger_counts *total = &report->total;
    printf("%s: accepted %lld %s %lld final + %lld pending, %lld missing, %lld problems\n",
           report->balanced ? "balanced" : "NOT BALANCED", (long long)total->accepted,
           report->balanced ? "=" : "against",
           (long long)(total->delivered + total->returned + total->refused + total->cancelled +
                       total->recorded),
           (long long)total->pending, (long long)total->missing, (long long)report->problems_total);
}

// One reading with a ledger of its own; the report points into it.
static enum verdict read_once(struct audit *audit, size_t ids_max, struct ledger_report *report,
                              struct reason *reason)
{
    ledger_free(audit->ledger);
    audit->ledger = ledger_new(ids_max);
    audit->records = 0;
    if (!audit->ledger) {
        reason_set(reason, "no-memory", NULL, "no memory for the ledger");
        return BROKEN;
    }
    enum verdict verdict = audit_read(audit, reason);
    if (verdict == DONE) {
        ledger_judge(audit->ledger, report);
    }
    return verdict;
}

static int audit_and_print(struct audit *audit, const struct command_values *values,
                           struct ledger_report *report, struct reason *reason)
{
    enum verdict verdict = DONE;
    report->balanced = false;
    for (int reading = 0; verdict == DONE && !report->balanced && reading < READINGS_MAX;
         reading++) {
        verdict = read_once(audit, (size_t)values->ids_max, report, reason);
    }
    if (verdict != DONE) {
        return command_fail_as(verdict, reason);
    }
    if (values->json) {
        if (!print_json(audit, report)) {
            return EXIT_FINDINGS;
        }
    } else {
        print_text(report);
    }
    if (!report->balanced) {
        return EXIT_FINDINGS;
    }
    return report->volumes_checked ? EXIT_WELL : EXIT_UNCHECKED;
}

static int run_audit(const struct command *command)
{
    struct reason reason = {0};
    struct audit audit = {0};
    struct kafka_settings *settings = NULL;
    struct ledger_report *report = calloc(1, sizeof *report);
    struct contract *contract = contract_load(command->values->schemas_dir, &reason);
    int exit_code = EXIT_CONFIGURATION;
    if (!contract || !report) {
        command_fail(exit_code, &reason);
        goto out;
    }
    report->problems_max = (size_t)command->values->list_max;
    report->problems = calloc(report->problems_max, sizeof *report->problems);
    settings = kafka_settings_from_environment("referralctl", &reason);
    audit.settings = settings;
    audit.contract = contract;
    audit.admin = settings ? kafka_admin_open(settings, &reason) : NULL;
    audit.codec = codec_new(contract, registry_table(command->registry));
    if (!audit.admin || !audit.codec || !report->problems) {
        command_fail(exit_code, &reason);
        goto out;
    }
    exit_code = audit_and_print(&audit, command->values, report, &reason);
out:
    ledger_free(audit.ledger);
    codec_free(audit.codec);
    kafka_admin_close(audit.admin);
    kafka_settings_free(settings);
    contract_free(contract);
    if (report) {
        free(report->problems);
    }
    free(report);
    return exit_code;
}

const struct verb VERBS_AUDIT[] = {
    {"audit", "", 0, 0, "prove from the topics that nothing is lost or counted twice",
     "json schemas-dir ids-max list-max " TAKES_REGISTRY, run_audit},
    {0},
};
