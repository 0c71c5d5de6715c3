// SPDX-License-Identifier: Apache-2.0
// validate: are the schemas and every pathway folder fit to be loaded? Nothing is touched but the
// files.
#include "command.h"

#include "base/text.h"
#include "directory/directory.h"
#include "pathways/pathway.h"

#include <stdio.h>

static bool print_finding(bool json, const char *dir, const struct reason *reason)
{
    if (!json) {
        return printf("%s: %s: %s\n", reason->pointer[0] ? reason->pointer : dir, reason->code,
                      reason->detail) > 0;
    }
    struct json *finding = json_new_object();
    struct json *list = json_new_array();
    struct json *answer = json_new_object();
    bool done = json_set_text(finding, "file", reason->pointer) &&
                json_set_text(finding, "code", reason->code) &&
                json_set_text(finding, "detail", reason->detail);
    done = json_array_add_take(list, finding) && done;
    done = json_set_take(answer, "findings", list) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static bool print_well(bool json, const struct pathway_set *pathways)
{
    if (!json) {
        return printf("well: %zu pathways\n", pathway_count(pathways)) > 0;
    }
    struct json *names = json_new_array();
    struct json *answer = json_new_object();
    bool done = names != NULL;
    for (size_t index = 0; done && index < pathway_count(pathways); index++) {
        done = json_array_add_take(names, json_new_text(pathway_name(pathway_at(pathways, index))));
    }
    done = json_set_take(answer, "pathways", names) && done;
    done = json_set_take(answer, "findings", json_new_array()) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static int run_validate(const struct command *command)
{
    const char *dir =
        command->arguments_count > 0 ? command->arguments[0] : command->values->schemas_dir;
    struct reason reason = {0};
    struct pathway_set *pathways = NULL;
    struct places *places = NULL;
    int exit_code = EXIT_FINDINGS;
    struct contract *contract = contract_load(dir, &reason);
    if (contract) {
        pathways = pathway_set_load(contract, &reason);
    }
    if (pathways) {
        places = places_load(dir, &reason);
    }
    if (places) {
        exit_code = print_well(command->values->json, pathways) ? EXIT_WELL : EXIT_FINDINGS;
    } else {
        (void)print_finding(command->values->json, dir, &reason);
    }
    places_free(places);
    pathway_set_free(pathways);
    contract_free(contract);
    return exit_code;
}

const struct verb VERBS_VALIDATE[] = {
    {"validate", "[DIR]", 0, 1, "check the schemas and every pathway folder; no network",
     "json schemas-dir ", run_validate},
    {0},
};
