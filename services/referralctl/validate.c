// SPDX-License-Identifier: Apache-2.0
// validate: are the schemas and every pathway folder fit to be loaded? Three levels, because each
// has its place: --syntax while a file is being written, the default before a release and in CI
// (no network, whatever the environment), --connect on the machine that will run it.
#include "validate.h"

#include "base/text.h"
#include "directory/directory.h"
#include "pathways/cases.h"
#include "pathways/pathway.h"

#include <stdio.h>

#define FINDINGS_MAX 10000

struct validation {
    bool json, failed; // failed: the answer could not be written
    struct json *list;
    size_t count;
};

static bool add_finding(struct json *list, const struct finding *finding)
{
    struct json *item = json_new_object();
    if (json_set_text(item, "file", finding->file) &&
        json_set_whole(item, "line", (int64_t)finding->line) &&
        json_set_text(item, "pointer", finding->pointer) &&
        json_set_text(item, "code", finding->code) &&
        json_set_text(item, "found", finding->found) &&
        json_set_text(item, "expected", finding->expected)) {
        return json_array_add_take(list, item);
    }
    json_free(item);
    return false;
}

static void tell(void *context, const struct finding *finding)
{
    struct validation *validation = context;
    if (++validation->count > FINDINGS_MAX) {
        return;
    }
    if (validation->json) {
        validation->failed = !add_finding(validation->list, finding) || validation->failed;
        return;
    }
    char line[32] = "";
    if (finding->line > 0) {
        text_format(line, sizeof line, ":%zu", finding->line);
    }
    validation->failed = printf("%s%s: %s%s%s%s%s%s%s\n", finding->file, line, finding->pointer,
                                *finding->pointer ? ": " : "", *finding->found ? "found " : "",
                                finding->found, *finding->found && *finding->expected ? ", " : "",
                                *finding->expected ? "expected " : "", finding->expected) < 0 ||
                         validation->failed;
}

static void check_pathway(const struct contract *contract, const char *name,
                          const struct findings *findings)
{
    struct reason reason = {0};
    struct pathway *pathway = pathway_compile(contract, name, findings, &reason);
    struct pathway_cases *cases = pathway_cases_load(contract, name, findings, &reason);
    if (cases) {
        validate_cases(contract, name, pathway_cases_count(cases), findings);
    }
    if (pathway && cases) {
        (void)pathway_cases_check(cases, pathway, findings);
    }
    validate_examples(contract, name, findings);
    pathway_cases_free(cases);
    pathway_free(pathway);
}

// What belongs together: references, rules, schemas, cases and examples.
static struct contract *check_contents(const char *dir, const struct findings *findings)
{
    struct reason reason = {0};
    struct contract *contract = contract_load_all(dir, findings, &reason);
    for (size_t index = 0; contract && index < contract_pathway_count(contract); index++) {
        check_pathway(contract, contract_pathway_name(contract, index), findings);
    }
    if (contract) {
        validate_versions(contract, findings);
    }
    struct places *places = places_load(dir, &reason);
    if (!places) {
        findings_tell(findings, &reason);
    }
    places_free(places);
    return contract;
}

// `asked_all`: not so when Kafka is away; then nothing is well, and the error says the rest.
static bool print_end(struct validation *validation, const struct contract *contract, size_t files,
                      bool asked_all)
{
    size_t pathways = contract ? contract_pathway_count(contract) : 0;
    if (!validation->json && validation->count > 0) {
        return printf("%zu finding%s\n", validation->count, text_plural(validation->count)) > 0;
    }
    if (!validation->json && !asked_all) {
        return true;
    }
    if (!validation->json && !contract) {
        return printf("well: %zu file%s\n", files, text_plural(files)) > 0;
    }
    if (!validation->json) {
        return printf("well: %zu pathway%s\n", pathways, text_plural(pathways)) > 0;
    }
    struct json *names = json_new_array();
    struct json *answer = json_new_object();
    bool done = names != NULL;
    for (size_t index = 0; done && index < pathways; index++) {
        done = json_array_add_take(names, json_new_text(contract_pathway_name(contract, index)));
    }
    done = json_set_take(answer, "pathways", names) && done;
    done = json_set_take(answer, "findings", json_copy_deep(validation->list)) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static int run_validate(const struct command *command)
{
    const struct command_values *values = command->values;
    const char *dir = command->arguments_count > 0 ? command->arguments[0] : values->schemas_dir;
    struct validation validation = {.json = values->json, .list = json_new_array()};
    struct findings findings = {.tell = tell, .context = &validation};
    struct contract *contract = NULL;
    struct reason reason = {0};
    enum verdict verdict = DONE;
    size_t files = 0;
    if (values->syntax && values->connect) {
        reason_set(&reason, "usage", NULL, "--syntax or --connect, not both");
        json_free(validation.list);
        return command_fail(EXIT_USAGE, &reason);
    }
    if (values->syntax) {
        validate_syntax(dir, &findings, &files);
    } else {
        contract = check_contents(dir, &findings);
    }
    if (values->connect && contract) {
        verdict = validate_connections(contract, values, &findings, &reason);
    }
    bool printed = print_end(&validation, contract, files, verdict == DONE) && !validation.failed;
    int exit_code = validation.count == 0 && printed ? EXIT_WELL : EXIT_FINDINGS;
    if (verdict != DONE) {
        exit_code =
            command_fail(verdict == TRY_AGAIN ? EXIT_UNAVAILABLE : EXIT_CONFIGURATION, &reason);
    }
    contract_free(contract);
    json_free(validation.list);
    return exit_code;
}

const struct verb VERBS_VALIDATE[] = {
    {"validate", "[DIR]", 0, 1, "check the schemas and every pathway folder; no network",
     "json schemas-dir syntax connect referrals-partitions deliveries-partitions "
     "events-partitions " TAKES_REGISTRY,
     run_validate},
    {0},
};
