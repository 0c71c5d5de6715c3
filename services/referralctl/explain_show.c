// SPDX-License-Identifier: Apache-2.0
// The stored explanation and the new one are of one form, so they are compared member by member.
// Versions are told but decide nothing: another version that comes to the same decision agrees.
#include "explain_show.h"

#include "command.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char OF_THEN[] = "what was sent that day before that instant";
static const char OF_NOW[] = "rules, providers (hours, pauses, capacities), places";

static struct json *explanation_json(const char *text)
{
    struct reason reason = {0};
    return text ? json_parse(text, strlen(text), EXPLANATION_SIZE, &reason) : json_new_null();
}

static const char *outcome_of(const struct explained *explained)
{
    return explained->decision.choice.provider                 ? "routed"
           : explained->decision.rules.outcome == RULES_RECORD ? "recorded"
                                                               : "returned";
}

// ---- the difference

static bool add_difference(struct json *list, const char *member, const struct json *stored,
                           const struct json *now)
{
    char *a = stored ? json_print(stored, JSON_COMPACT) : strdup("null");
    char *b = now ? json_print(now, JSON_COMPACT) : strdup("null");
    bool done = a && b;
    if (done && strcmp(a, b) != 0) {
        struct json *entry = json_new_object();
        done = entry && json_set_text(entry, "member", member);
        done = json_set_take(entry, "stored", stored ? json_copy_deep(stored) : json_new_null()) &&
               done;
        done = json_set_take(entry, "now", now ? json_copy_deep(now) : json_new_null()) && done;
        done = json_array_add_take(list, entry) && done;
    }
    free(a);
    free(b);
    return done;
}

static bool compare(struct json *list, const struct explained *explained)
{
    struct json *stored = explanation_json(explained->replayed->explanation);
    struct json *now = explanation_json(explained->explanation);
    struct json *was = json_new_text(event_word(explained->replayed->kind)->name);
    struct json *is = json_new_text(outcome_of(explained));
    bool done = stored && now && was && is && add_difference(list, "outcome", was, is);
    const char *name = NULL;
    const struct json *value = NULL;
    void *cursor = NULL;
    while (done && explained->replayed->explanation &&
           json_next_member(stored, &cursor, &name, &value)) {
        done = add_difference(list, name, value, json_member(now, name));
    }
    cursor = NULL;
    while (done && explained->replayed->explanation &&
           json_next_member(now, &cursor, &name, &value)) {
        if (!json_member(stored, name)) {
            done = add_difference(list, name, NULL, value);
        }
    }
    json_free(stored);
    json_free(now);
    json_free(was);
    json_free(is);
    return done;
}

// NULL: memory ran out.
static struct json *differences_of(const struct explained *explained)
{
    struct json *list = json_new_array();
    if (list && explained->replayed && !compare(list, explained)) {
        json_free(list);
        return NULL;
    }
    return list;
}

static bool agrees(const struct json *differences)
{
    for (size_t index = 0; index < json_count(differences); index++) {
        const char *member = json_member_text(json_item(differences, index), "member");
        if (!text_equal(member, "rules_version") && !text_equal(member, "directory_version")) {
            return false;
        }
    }
    return true;
}

// ---- words

static void print_line(const char *name, const char *text)
{
    if (text && text[0]) {
        printf("  %-12s %s\n", name, text);
    }
}

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

static void print_outcome(const struct explained *explained)
{
    const struct route_decision *decision = &explained->decision;
    const struct provider_choice *choice = &decision->choice;
    if (decision->rules.outcome == RULES_RECORD) {
        printf("%s: recorded, nothing to deliver\n", explained->pathway);
    } else if (!choice->provider) {
        printf("%s: returned, %s\n", explained->pathway, decision->reason);
    } else {
        printf("%s: to %s, %s (%s", explained->pathway, choice->provider->ods_code,
               choice->provider->name, choice->how);
        if (choice->distance_m >= 0) {
            printf(", within %lld km", (long long)(choice->distance_m / 1000 + 1));
        }
        if (choice->spare >= 0) {
            printf(", room for %d", (int)choice->spare);
        }
        puts(")");
    }
}

static void print_inputs(const struct explained *explained)
{
    printf("  %-12s %s%s\n", "as of then",
           explained->found->record ? "the referral, who had it before, " : "", OF_THEN);
    printf("  %-12s %s\n", "as of now", OF_NOW);
    for (size_t index = 0; index < explained->tried_count; index++) {
        printf("  %-12s %s %s\n", index == 0 ? "had it before" : "",
               explained->tried[index].ods_code,
               explained->tried[index].declined ? "declined" : "tried");
    }
}

static void print_stored(const struct found_referral *found)
{
    for (size_t index = 0; index < found->decisions_count; index++) {
        const struct stored_decision *stored = &found->decisions[index];
        char at[INSTANT_TEXT_SIZE];
        instant_format(stored->occurred_at_ms, at);
        printf("stored %s: %s%s%s%s%s\n", at, event_word(stored->kind)->name,
               stored->kind == EVENT_ROUTED ? " to " : "",
               stored->kind == EVENT_ROUTED ? stored->destination : "",
               stored->reason[0] ? ", " : "", stored->reason);
        if (stored->explanation) {
            printf("  %s\n", stored->explanation);
        }
    }
}

static void print_differences(const struct explained *explained)
{
    struct json *differences = explained->replayed ? differences_of(explained) : NULL;
    if (!differences) {
        return;
    }
    puts(agrees(differences) ? "agrees with the last one stored"
                             : "differs from the last one stored");
    for (size_t index = 0; index < json_count(differences); index++) {
        const struct json *entry = json_item(differences, index);
        char *stored = json_print(json_member(entry, "stored"), JSON_COMPACT);
        char *now = json_print(json_member(entry, "now"), JSON_COMPACT);
        printf("  %s: stored %s, now %s\n", json_member_text(entry, "member"),
               stored ? stored : "?", now ? now : "?");
        free(stored);
        free(now);
    }
    json_free(differences);
}

void explain_show_text(const struct explained *explained)
{
    const struct route_decision *decision = &explained->decision;
    char at[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    instant_format(explained->at_ms, at);
    instant_format(decision->deadline_at_ms, deadline);
    print_outcome(explained);
    print_line("service", decision->rules.service);
    print_line("fell back", decision->rules.fell_back_from);
    print_line("rule", decision->rules.rule_id[0] ? decision->rules.rule_id : "no rule objects");
    print_line("because", route_words(decision));
    print_line("urgent", decision->rules.urgent ? "with urgent advice" : "");
    print_passed_over(&decision->choice);
    if (!explained->id_is_given) {
        print_line("note", "among equal providers the id decides, which the gateway gives");
    }
    print_line("decided at", at);
    print_line("deadline", decision->rules.outcome == RULES_ROUTE ? deadline : "");
    printf("  %-12s rules %s, directory %s\n", "versions", explained->pathway_version,
           explained->directory_version);
    print_inputs(explained);
    print_stored(explained->found);
    print_differences(explained);
}

// ---- JSON

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
               json_set_text(entry, "destination", stored->destination) &&
               json_set_text(entry, "reason", stored->reason);
        done = json_set_take(entry, "explanation", explanation_json(stored->explanation)) && done;
        done = json_array_add_take(list, entry) && done;
    }
    if (!done) {
        json_free(list);
        return NULL;
    }
    return list;
}

static struct json *tried_json(const struct explained *explained)
{
    struct json *list = json_new_array();
    bool done = list != NULL;
    for (size_t index = 0; done && index < explained->tried_count; index++) {
        struct json *pair = json_new_array();
        done = pair && json_array_add_take(pair, json_new_text(explained->tried[index].ods_code)) &&
               json_array_add_take(
                   pair, json_new_text(explained->tried[index].declined ? "declined" : "tried"));
        done = json_array_add_take(list, pair) && done;
    }
    if (!done) {
        json_free(list);
        return NULL;
    }
    return list;
}

bool explain_show_json(const struct explained *explained)
{
    const struct route_decision *decision = &explained->decision;
    const struct provider *provider = decision->choice.provider;
    char at[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    instant_format(explained->at_ms, at);
    instant_format(decision->deadline_at_ms, deadline);
    struct json *answer = json_new_object(), *differences = differences_of(explained);
    bool done =
        answer && differences && json_set_text(answer, "pathway", explained->pathway) &&
        json_set_text(answer, "outcome", outcome_of(explained)) &&
        json_set_text(answer, "destination", provider ? provider->ods_code : "") &&
        json_set_text(answer, "reason", decision->reason) &&
        json_set_text(answer, "words", route_words(decision)) &&
        json_set_text(answer, "decided_at", at) && json_set_text(answer, "deadline_at", deadline) &&
        json_set_text(answer, "as_of_then", OF_THEN) && json_set_text(answer, "as_of_now", OF_NOW);
    done = json_set_take(answer, "explanation", explanation_json(explained->explanation)) && done;
    done = json_set_take(answer, "tried", tried_json(explained)) && done;
    done = json_set_take(answer, "stored", stored_json(explained->found)) && done;
    done = json_set_take(answer, "agrees",
                         explained->replayed ? json_new_boolean(agrees(differences))
                                             : json_new_null()) &&
           done;
    done = json_set_take(answer, "differences", differences) && done;
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}
