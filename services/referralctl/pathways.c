// SPDX-License-Identifier: Apache-2.0
// pathways list, show, diff: what the rules are, for people, and what differs between two folders
// or from what a running gateway says that it uses.
#include "pathways.h"

#include "base/text.h"
#include "command.h"
#include "exchange.h"
#include "pathways/pathway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX (1 << 20)
#define ANSWER_MAX (1 << 20)
#define VALUE_WIDTH 300

struct folder_set {
    struct contract *contract;
    struct pathway_set *pathways;
};

static void folder_set_clear(struct folder_set *set)
{
    pathway_set_free(set->pathways);
    contract_free(set->contract);
    *set = (struct folder_set){0};
}

static bool folder_set_load(const char *dir, struct folder_set *ret_set, struct reason *reason)
{
    struct folder_set set = {.contract = contract_load(dir, reason)};
    if (set.contract) {
        set.pathways = pathway_set_load(set.contract, reason);
    }
    if (!set.pathways) {
        folder_set_clear(&set);
        return false;
    }
    *ret_set = set;
    return true;
}

static double minutes(const struct json *document, const char *name)
{
    return json_number(json_member(document, name), 0);
}

static bool add_row(struct json *list, const struct pathway *pathway)
{
    const struct json *document = pathway_document(pathway);
    struct json *row = json_new_object();
    bool done = json_set_text(row, "name", pathway_name(pathway)) &&
                json_set_text(row, "title", pathway_title(pathway)) &&
                json_set_text(row, "version", pathway_version(pathway)) &&
                json_set_text(row, "digest", pathway_digest(pathway)) &&
                json_set_take(row, "enabled", json_copy_deep(json_member(document, "enabled"))) &&
                json_set_take(row, "sources", json_copy_deep(json_member(document, "sources"))) &&
                json_set_take(row, "deadline_minutes",
                              json_new_real(minutes(document, "deadline_minutes"))) &&
                json_set_take(row, "outcome_minutes",
                              json_new_real(minutes(document, "outcome_minutes"))) &&
                json_set_whole(row, "rules", (int64_t)json_count(json_member(document, "rules")));
    if (done) {
        return json_array_add_take(list, row);
    }
    json_free(row);
    return false;
}

static bool print_row(const struct pathway *pathway)
{
    const struct json *document = pathway_document(pathway);
    const struct json *enabled = json_member(document, "enabled");
    const struct json *sources = json_member(document, "sources");
    const char *from = json_member_text(enabled, "from");
    const char *until = json_member_text(enabled, "until");
    char days[64], deadline[DURATION_SIZE], outcome[DURATION_SIZE], names[256] = "";
    if (json_kind_of(enabled) == JSON_IS_OBJECT) {
        text_format(days, sizeof days, "%s..%s", from ? from : "", until ? until : "");
    } else {
        text_copy(days, sizeof days, "no");
    }
    duration_words(minutes(document, "deadline_minutes"), deadline);
    duration_words(minutes(document, "outcome_minutes"), outcome);
    for (size_t index = 0; index < json_count(sources); index++) {
        size_t used = strlen(names);
        text_format(names + used, sizeof names - used, "%s%s", index > 0 ? "," : "",
                    json_text(json_item(sources, index)));
    }
    return printf("%-20s %-10s %-24s %-8s %-8s %5zu  %-32s  %s\n", pathway_name(pathway),
                  pathway_version(pathway), days, deadline, outcome,
                  json_count(json_member(document, "rules")), names, pathway_title(pathway)) > 0;
}

static int run_list(const struct command *command)
{
    struct folder_set set = {0};
    struct reason reason = {0};
    bool json = command->values->json;
    if (!folder_set_load(command->values->schemas_dir, &set, &reason)) {
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    struct json *list = json_new_array();
    bool done =
        list && (json || printf("%-20s %-10s %-24s %-8s %-8s %5s  %-32s  %s\n", "NAME", "VERSION",
                                "ENABLED", "DEADLINE", "OUTCOME", "RULES", "SOURCES", "TITLE") > 0);
    for (size_t index = 0; done && index < pathway_count(set.pathways); index++) {
        const struct pathway *pathway = pathway_at(set.pathways, index);
        done = json ? add_row(list, pathway) : print_row(pathway);
    }
    if (json) {
        struct json *answer = json_new_object();
        done = done && json_set_take(answer, "pathways", json_copy_deep(list)) &&
               command_print_json_take(answer, JSON_INDENTED);
    }
    json_free(list);
    folder_set_clear(&set);
    return done ? EXIT_WELL : EXIT_FINDINGS;
}

static int run_show(const struct command *command)
{
    const char *name = command->arguments[0];
    struct folder_set set = {0};
    struct reason reason = {0};
    if (!folder_set_load(command->values->schemas_dir, &set, &reason)) {
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    const struct pathway *pathway = pathway_find(set.pathways, name);
    int exit_code = EXIT_FINDINGS;
    if (!pathway) {
        reason_set(&reason, "no-such-pathway", name, "referralctl pathways list names them");
        (void)command_fail(exit_code, &reason);
    } else if (command->values->json) {
        if (command_print_json_take(json_copy_deep(pathway_document(pathway)), JSON_INDENTED)) {
            exit_code = EXIT_WELL;
        }
    } else {
        struct buffer buffer;
        buffer_init(&buffer, WORDS_MAX);
        if (pathway_words(pathway_document(pathway), &buffer) &&
            fputs(buffer_text(&buffer), stdout) >= 0) {
            exit_code = EXIT_WELL;
        }
        buffer_clear(&buffer);
    }
    folder_set_clear(&set);
    return exit_code;
}

// ---- diff

// One pathway's part of the answer; `changes` is adopted. Nothing is added where nothing changed.
static bool add_difference(struct json *list, const char *name, const char *change,
                           struct json *changes)
{
    bool is_change = text_equal(change, "changed");
    if (is_change && json_count(changes) == 0) {
        json_free(changes);
        return true;
    }
    struct json *item = json_new_object();
    if (json_set_text(item, "name", name) && json_set_text(item, "change", change) &&
        json_set_take(item, "changes", changes)) {
        return json_array_add_take(list, item);
    }
    json_free(item);
    return false;
}

static bool note(struct json *changes, const char *what, const char *from, const char *to)
{
    struct json *item = json_new_object();
    if (json_set_text(item, "what", what) && json_set_text(item, "change", "changed") &&
        json_set_text(item, "from", from) && json_set_text(item, "to", to)) {
        return json_array_add_take(changes, item);
    }
    json_free(item);
    return false;
}

static bool compare_pathways(struct json *list, const struct folder_set *from_set,
                             const struct folder_set *to_set, const struct pathway *from)
{
    const char *name = pathway_name(from);
    const struct pathway *to = pathway_find(to_set->pathways, name);
    struct json *changes = json_new_array();
    if (!to) {
        return add_difference(list, name, "removed", changes);
    }
    bool done = pathway_changes(pathway_document(from), pathway_document(to), changes);
    const char *from_schema = schema_text(contract_referral(from_set->contract, name));
    const char *to_schema = schema_text(contract_referral(to_set->contract, name));
    if (done && strcmp(from_schema, to_schema) != 0) {
        done = note(changes, "referral.avsc", "other fields, limits or docs", "");
    }
    if (!done) {
        json_free(changes);
        return false;
    }
    return add_difference(list, name, "changed", changes);
}

static bool compare_folders(struct json *list, const struct folder_set *from,
                            const struct folder_set *to)
{
    bool done = true;
    for (size_t index = 0; done && index < pathway_count(from->pathways); index++) {
        done = compare_pathways(list, from, to, pathway_at(from->pathways, index));
    }
    for (size_t index = 0; done && index < pathway_count(to->pathways); index++) {
        const char *name = pathway_name(pathway_at(to->pathways, index));
        if (!pathway_find(from->pathways, name)) {
            done = add_difference(list, name, "added", json_new_array());
        }
    }
    return done;
}

static const struct json *find_running(const struct json *running, const char *name)
{
    for (size_t index = 0; index < json_count(running); index++) {
        if (text_equal(json_member_text(json_item(running, index), "name"), name)) {
            return json_item(running, index);
        }
    }
    return NULL;
}

static bool compare_running(struct json *list, const struct json *running,
                            const struct folder_set *to)
{
    bool done = true;
    for (size_t index = 0; done && index < json_count(running); index++) {
        const char *name = json_member_text(json_item(running, index), "name");
        if (name && !pathway_find(to->pathways, name)) {
            done = add_difference(list, name, "removed", json_new_array());
        }
    }
    for (size_t index = 0; done && index < pathway_count(to->pathways); index++) {
        const struct pathway *pathway = pathway_at(to->pathways, index);
        const struct json *one = find_running(running, pathway_name(pathway));
        const char *version = json_member_text(one, "version");
        const char *digest = json_member_text(one, "digest");
        struct json *changes = json_new_array();
        if (!text_equal(version, pathway_version(pathway))) {
            done = note(changes, "version", version ? version : "", pathway_version(pathway));
        }
        if (done && !text_equal(digest, pathway_digest(pathway))) {
            done = note(changes, "digest", digest ? digest : "", pathway_digest(pathway));
        }
        done =
            add_difference(list, pathway_name(pathway), one ? "changed" : "added", changes) && done;
    }
    return done;
}

// What the gateway at --gateway-url says it uses; NULL with the exit code.
static struct json *ask_running(const char *gateway_url, int *ret_exit_code)
{
    char url[1024];
    long status = 0;
    struct reason reason = {0};
    struct buffer body;
    struct json *answer = NULL;
    buffer_init(&body, ANSWER_MAX);
    enum verdict verdict = REFUSED;
    if (text_format(url, sizeof url, "%s/v1/pathways", gateway_url)) {
        verdict = exchange(&(struct exchange){.url = url}, &status, &body, &reason);
    } else {
        reason_set(&reason, "bad-url", NULL, "the gateway's address is too long");
    }
    if (verdict == DONE && status == 200) {
        answer = json_parse(buffer_text(&body), body.length, ANSWER_MAX, &reason);
    } else if (verdict == DONE) {
        reason_set(&reason, "no-pathways", url, "status %ld, expected 200", status);
    }
    *ret_exit_code = answer ? EXIT_WELL : command_fail_as(verdict, &reason);
    buffer_clear(&body);
    return answer;
}

static void print_value(const char *sign, const struct json *value)
{
    char *text = value ? json_print(value, JSON_COMPACT) : NULL;
    if (text && strcmp(text, "\"\"") != 0) {
        printf("    %s %.*s%s\n", sign, VALUE_WIDTH, text,
               strlen(text) > VALUE_WIDTH ? " ..." : "");
    }
    free(text);
}

static void print_differences(const struct json *list)
{
    for (size_t index = 0; index < json_count(list); index++) {
        const struct json *item = json_item(list, index);
        const struct json *changes = json_member(item, "changes");
        printf("%s: %s\n", json_member_text(item, "name"), json_member_text(item, "change"));
        for (size_t at = 0; at < json_count(changes); at++) {
            const struct json *change = json_item(changes, at);
            printf("  %s: %s\n", json_member_text(change, "what"),
                   json_member_text(change, "change"));
            print_value("-", json_member(change, "from"));
            print_value("+", json_member(change, "to"));
        }
    }
    if (json_count(list) == 0) {
        printf("no difference\n");
    }
}

static int run_diff(const struct command *command)
{
    struct folder_set from = {0}, to = {0};
    struct reason reason = {0};
    struct json *list = json_new_array(), *running = NULL;
    bool two = command->arguments_count == 2;
    int exit_code = EXIT_WELL;
    if (!folder_set_load(command->arguments[two ? 1 : 0], &to, &reason) ||
        (two && !folder_set_load(command->arguments[0], &from, &reason))) {
        exit_code = command_fail(EXIT_CONFIGURATION, &reason);
        goto out;
    }
    if (!two) {
        running = ask_running(command->values->gateway_url, &exit_code);
        if (!running) {
            goto out;
        }
    }
    bool done = two ? compare_folders(list, &from, &to)
                    : compare_running(list, json_member(running, "pathways"), &to);
    exit_code = done && json_count(list) == 0 ? EXIT_WELL : EXIT_FINDINGS;
    if (command->values->json) {
        struct json *answer = json_new_object();
        if (!json_set_take(answer, "pathways", json_copy_deep(list)) ||
            !command_print_json_take(answer, JSON_INDENTED)) {
            exit_code = EXIT_FINDINGS;
        }
    } else if (done) {
        print_differences(list);
    }
out:
    json_free(running);
    json_free(list);
    folder_set_clear(&from);
    folder_set_clear(&to);
    return exit_code;
}

const struct verb VERBS_PATHWAYS[] = {
    {"pathways list", "", 0, 0, "the pathways of a schemas folder", "json schemas-dir ", run_list},
    {"pathways show", "NAME", 1, 1, "a pathway's rules in plain words", "json schemas-dir ",
     run_show},
    {"pathways diff", "[OLD] NEW", 1, 2,
     "what differs between two schemas folders, or from the running gateway", "json gateway-url ",
     run_diff},
    {0},
};
