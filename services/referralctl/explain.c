// SPDX-License-Identifier: Apache-2.0
// route --explain: the router's own decision, for a referral in a file or one that is on Kafka,
// without sending anything. What is printed is the explanation that the router stores with its
// event, so that both can be laid side by side.
#include "command.h"

#include "explain_find.h"

#include "base/clock.h"
#include "base/text.h"
#include "directory/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SIZE_MAX ((size_t)1 << 20)
#define NO_ID "00000000-0000-0000-0000-000000000000"

struct explain {
    const struct command_values *values;
    struct registry_client *registry;
    struct provider_topic topic;
    struct pathway_set *pathways;
    struct record *posted; // of a file
    struct found_referral found;
    const struct record *referral;
    const char *pathway;
    int64_t accepted_at_ms, at_ms;
    struct route_decision decision;
    char explanation[EXPLANATION_SIZE];
};

// ---- what is to be decided

static enum verdict read_body(struct explain *explain, const char *path, struct reason *reason)
{
    struct json *body = json_parse_file(path, BODY_SIZE_MAX, reason);
    const char *pathway = json_member_text(body, "pathway");
    const struct pathway *known = pathway ? pathway_find(explain->pathways, pathway) : NULL;
    enum verdict verdict = REFUSED;
    if (body && !known) {
        reason_set(reason, "unknown-pathway", "/pathway",
                   "expected the name of a pathway's folder");
    }
    if (known) {
        explain->pathway = pathway_name(known);
        explain->posted = record_new(contract_referral(explain->topic.contract, explain->pathway));
        bool named = json_member(body, "id") ||
                     json_set_text(body, "id", NO_ID); // the gateway gives the real one
        named = named && (json_member(body, "accepted_at") ||
                          json_set_whole(body, "accepted_at", explain->at_ms));
        verdict =
            explain->posted && named ? record_from_json(explain->posted, body, reason) : BROKEN;
    }
    if (verdict == DONE) {
        verdict = record_check(explain->posted, reason);
    }
    json_free(body);
    explain->referral = explain->posted;
    explain->accepted_at_ms = explain->at_ms;
    return verdict;
}

// Judged as on the first decision, unless a time is given.
static enum verdict read_topics(struct explain *explain, const char *id, struct reason *reason)
{
    struct found_referral *found = &explain->found;
    enum verdict verdict =
        find_referral(&explain->topic, id, explain->values->records_max, found, reason);
    if (verdict != DONE) {
        return verdict;
    }
    explain->referral = found->record;
    explain->pathway = found->pathway;
    explain->accepted_at_ms = found->accepted_at_ms;
    if (!explain->values->at && found->decisions_count > 0) {
        explain->at_ms = found->decisions[0].occurred_at_ms;
    }
    return record_check(found->record, reason);
}

// ---- what is printed

static void print_passed_over(const struct provider_choice *choice)
{
    for (size_t index = 0; index < choice->passed_over_count; index++) {
        printf("  %-12s %s %s\n", index == 0 ? "passed over" : "",
               choice->passed_over[index].ods_code, choice->passed_over[index].why);
    }
    if (choice->passed_over_total > choice->passed_over_count) {
        printf("  %-12s … and %zu more\n", "",
               choice->passed_over_total - choice->passed_over_count);
    }
}

static void print_line(const char *name, const char *text)
{
    if (text && text[0]) {
        printf("  %-12s %s\n", name, text);
    }
}

static void print_outcome(const struct explain *explain)
{
    const struct route_decision *decision = &explain->decision;
    const struct provider_choice *choice = &decision->choice;
    if (decision->rules.outcome == RULES_RECORD) {
        printf("%s: recorded, nothing to deliver\n", explain->pathway);
    } else if (!choice->provider) {
        printf("%s: returned, %s\n", explain->pathway, decision->reason);
    } else {
        printf("%s: to %s, %s (%s", explain->pathway, choice->provider->ods_code,
               choice->provider->name, choice->how);
        if (choice->distance_m >= 0) {
            printf(", within %lld km", (long long)(choice->distance_m / 1000 + 1));
        }
        if (choice->spare >= 0) {
            printf(", room for %d today", (int)choice->spare);
        }
        puts(")");
    }
}

static void print_text(const struct explain *explain)
{
    const struct route_decision *decision = &explain->decision;
    char at[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    instant_format(explain->at_ms, at);
    instant_format(decision->deadline_at_ms, deadline);
    print_outcome(explain);
    print_line("service", decision->rules.service);
    print_line("fell back", decision->rules.fell_back_from);
    print_line("rule", decision->rules.rule_id[0] ? decision->rules.rule_id : "none objects");
    print_line("because", route_words(decision));
    print_line("urgent", decision->rules.urgent ? "a red flag: urgent advice" : "");
    print_passed_over(&decision->choice);
    if (explain->posted && text_equal(record_text(explain->posted, "id"), NO_ID)) {
        print_line("note", "among equal providers the id decides, which the gateway gives");
    }
    print_line("decided at", at);
    print_line("deadline", decision->rules.outcome == RULES_ROUTE ? deadline : "");
    printf("  %-12s rules %s, directory %s\n", "versions",
           pathway_version(pathway_find(explain->pathways, explain->pathway)),
           directory_version(explain->topic.directory));
    for (size_t index = 0; index < explain->found.decisions_count; index++) {
        const struct stored_decision *stored = &explain->found.decisions[index];
        instant_format(stored->occurred_at_ms, at);
        printf("stored %s: %s%s%s\n  %s\n", at, event_word(stored->kind)->name,
               stored->destination[0] ? " to " : "", stored->destination, stored->explanation);
    }
}

static struct json *explanation_json(const char *text)
{
    struct reason reason = {0};
    return json_parse(text, strlen(text), EXPLANATION_SIZE, &reason);
}

static struct json *stored_json(const struct found_referral *found)
{
    struct json *list = json_new_array();
    bool done = list != NULL;
    for (size_t index = 0; done && index < found->decisions_count; index++) {
        const struct stored_decision *stored = &found->decisions[index];
        char at[INSTANT_TEXT_SIZE];
        instant_format(stored->occurred_at_ms, at);
        struct json *entry = json_new_object();
        done = entry && json_set_text(entry, "kind", event_word(stored->kind)->name) &&
               json_set_text(entry, "at", at) && json_set_whole(entry, "hop", stored->hop) &&
               json_set_text(entry, "destination", stored->destination);
        done = json_set_take(entry, "explanation", explanation_json(stored->explanation)) && done;
        done = json_array_add_take(list, entry) && done;
    }
    if (!done) {
        json_free(list);
        return NULL;
    }
    return list;
}

static bool print_json(const struct explain *explain)
{
    const struct route_decision *decision = &explain->decision;
    const struct provider *provider = decision->choice.provider;
    char at[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    instant_format(explain->at_ms, at);
    instant_format(decision->deadline_at_ms, deadline);
    const char *outcome = provider                                  ? "routed"
                          : decision->rules.outcome == RULES_RECORD ? "recorded"
                                                                    : "returned";
    struct json *answer = json_new_object();
    bool done = answer && json_set_text(answer, "pathway", explain->pathway) &&
                json_set_text(answer, "outcome", outcome) &&
                json_set_text(answer, "destination", provider ? provider->ods_code : "") &&
                json_set_text(answer, "reason", decision->reason) &&
                json_set_text(answer, "words", route_words(decision)) &&
                json_set_text(answer, "decided_at", at) &&
                json_set_text(answer, "deadline_at", deadline);
    done = json_set_take(answer, "explanation", explanation_json(explain->explanation)) && done;
    done = json_set_take(answer, "stored", stored_json(&explain->found)) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

// ---- the verb

static int decide(struct explain *explain, struct reason *reason)
{
    const struct route_world world = {
        .pathways = explain->pathways,
        .directory = explain->topic.directory,
        .places = explain->topic.places,
    };
    const struct pathway *pathway = pathway_find(explain->pathways, explain->pathway);
    if (!pathway ||
        !route_decide(&world, explain->pathway, explain->referral, explain->accepted_at_ms,
                      explain->at_ms, NULL, 0, &explain->decision)) {
        reason_set(reason, "no-decision", NULL, "the pathway's folder is not there any more");
        return command_fail(EXIT_FINDINGS, reason);
    }
    if (!route_explain(&world, &explain->decision, pathway_version(pathway), explain->explanation,
                       sizeof explain->explanation)) {
        reason_set(reason, "explanation-too-long", NULL,
                   "the explanation does not fit in %zu bytes; the router would store none",
                   sizeof explain->explanation - 1);
        return command_fail(EXIT_FINDINGS, reason);
    }
    if (!explain->values->json) {
        print_text(explain);
    } else if (!print_json(explain)) {
        return EXIT_FINDINGS;
    }
    const struct route_decision *decision = &explain->decision;
    if (decision->choice.provider || decision->rules.outcome == RULES_RECORD) {
        return EXIT_WELL;
    }
    reason_set(reason, "not-routed", NULL, "it would be returned to the referrer: %s",
               decision->reason);
    return command_fail(EXIT_UNROUTED, reason);
}

static int explain_it(struct explain *explain, const char *what, struct reason *reason)
{
    struct uuid id;
    enum verdict verdict = provider_topic_open(&explain->topic, explain->values->schemas_dir,
                                               explain->registry, reason);
    if (verdict != DONE) {
        return command_fail(verdict == TRY_AGAIN ? EXIT_UNAVAILABLE : EXIT_CONFIGURATION, reason);
    }
    explain->pathways = pathway_set_load(explain->topic.contract, reason);
    if (!explain->pathways) {
        return command_fail(EXIT_CONFIGURATION, reason);
    }
    verdict = uuid_parse(what, &id) ? read_topics(explain, what, reason)
                                    : read_body(explain, what, reason);
    return verdict == DONE ? decide(explain, reason) : command_fail_as(verdict, reason);
}

static int run_route(const struct command *command)
{
    struct explain explain = {
        .values = command->values, .registry = command->registry, .at_ms = clock_now_ms()};
    struct reason reason = {0};
    if (!command->values->explain) {
        reason_set(&reason, "usage", NULL, "route sends nothing and only explains: add --explain");
        return command_fail(EXIT_USAGE, &reason);
    }
    if (command->values->at && !instant_parse(command->values->at, &explain.at_ms)) {
        reason_set(&reason, "usage", NULL,
                   "--at \"%.40s\": expected an instant such as 2026-11-26T09:30:00Z",
                   command->values->at);
        return command_fail(EXIT_USAGE, &reason);
    }
    int exit_code = explain_it(&explain, command->arguments[0], &reason);
    found_referral_clear(&explain.found);
    record_free(explain.posted);
    pathway_set_free(explain.pathways);
    provider_topic_close(&explain.topic);
    return exit_code;
}

const struct verb VERBS_ROUTE[] = {
    {"route", "FILE|ID", 1, 1, "say where a referral goes, and why; sends nothing",
     "json schemas-dir explain at records-max " TAKES_REGISTRY, run_route},
    {0},
};
