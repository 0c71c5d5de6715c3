// SPDX-License-Identifier: Apache-2.0
// route --explain: the router's own decision, for a referral in a file or one that is on Kafka,
// without sending anything. One that was decided is judged as it was then, hop for hop: what became
// of it since is left out, so that the last stored decision and this one can be laid side by side.
#include "command.h"

#include "explain_show.h"

#include "base/clock.h"
#include "base/text.h"
#include "directory/follow.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
    int64_t accepted_at_ms;
    struct tried_provider tried[DECISIONS_MAX];
    struct explained told;
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
        explain->told.pathway = pathway_name(known);
        explain->posted =
            record_new(contract_referral(explain->topic.contract, explain->told.pathway));
        bool named = json_member(body, "id") ||
                     json_set_text(body, "id", NO_ID); // the gateway gives the real one
        named = named && (json_member(body, "accepted_at") ||
                          json_set_whole(body, "accepted_at", explain->told.at_ms));
        verdict =
            explain->posted && named ? record_from_json(explain->posted, body, reason) : BROKEN;
    }
    if (verdict == DONE) {
        verdict = record_check(explain->posted, reason);
    }
    json_free(body);
    explain->told.id_is_given =
        explain->posted && !text_equal(record_text(explain->posted, "id"), NO_ID);
    explain->referral = explain->posted;
    explain->accepted_at_ms = explain->told.at_ms;
    return verdict;
}

// Those that it had been sent to when the last decision was made, or at the time that is given.
static void list_tried(struct explain *explain)
{
    const struct found_referral *found = &explain->found;
    for (size_t index = 0; index < found->decisions_count; index++) {
        const struct stored_decision *stored = &found->decisions[index];
        if (stored->kind != EVENT_ROUTED || stored == explain->told.replayed ||
            stored->occurred_at_ms > explain->told.at_ms) {
            continue;
        }
        struct tried_provider *tried = &explain->tried[explain->told.tried_count++];
        text_copy(tried->ods_code, sizeof tried->ods_code, stored->destination);
        tried->declined = stored->declined;
    }
}

// Judged as on the last decision, unless a time is given.
static enum verdict read_topics(struct explain *explain, const char *id, struct reason *reason)
{
    struct found_referral *found = &explain->found;
    enum verdict verdict =
        find_referral(&explain->topic, id, explain->values->records_max, found, reason);
    if (verdict != DONE) {
        return verdict;
    }
    explain->referral = found->record;
    explain->told.id_is_given = true;
    explain->told.pathway = found->pathway;
    explain->accepted_at_ms = found->accepted_at_ms;
    if (!explain->values->at && found->decisions_count > 0) {
        explain->told.replayed = &found->decisions[found->decisions_count - 1];
        explain->told.at_ms = explain->told.replayed->occurred_at_ms;
    }
    list_tried(explain);
    return record_check(found->record, reason);
}

// ---- the verb

// A return by the dispatcher names whom it could not reach or who sent it back, not what is wrong
// with the others.
static void name_return(struct explain *explain)
{
    const struct stored_decision *replayed = explain->told.replayed;
    struct route_decision *decision = &explain->told.decision;
    if (replayed && replayed->kind == EVENT_RETURNED && explain->told.tried_count > 0 &&
        decision->rules.outcome == RULES_ROUTE && !decision->choice.provider) {
        decision->reason = replayed->reason;
    }
}

static enum verdict decide(struct explain *explain, struct reason *reason)
{
    const struct provider_topic *topic = &explain->topic;
    const struct route_world world = {
        .pathways = explain->pathways,
        .directory = topic->directory,
        .places = topic->places,
    };
    struct explained *told = &explain->told;
    const struct pathway *pathway = pathway_find(explain->pathways, told->pathway);
    enum verdict verdict =
        directory_load_before(topic->settings, topic->directory, told->at_ms,
                              record_text(explain->referral, "id"), topic->codec, reason);
    if (verdict != DONE) {
        return verdict;
    }
    if (!pathway || !route_decide(&world, told->pathway, explain->referral, explain->accepted_at_ms,
                                  told->at_ms, told->tried, told->tried_count, &told->decision)) {
        reason_set(reason, "no-decision", NULL, "the pathway's folder is not there any more");
        return REFUSED;
    }
    told->decision.accepted_at_replaced =
        explain->found.accepted_at_replaced && told->tried_count == 0;
    name_return(explain);
    told->pathway_version = pathway_version(pathway);
    told->directory_version = directory_version(topic->directory);
    if (!route_explain(&world, &told->decision, told->pathway_version, told->explanation,
                       sizeof told->explanation)) {
        reason_set(reason, "explanation-too-long", NULL,
                   "the explanation does not fit in %zu bytes; the router would store none",
                   sizeof told->explanation - 1);
        return REFUSED;
    }
    return DONE;
}

static int show(struct explain *explain, struct reason *reason)
{
    const struct route_decision *decision = &explain->told.decision;
    if (!explain->values->json) {
        explain_show_text(&explain->told);
    } else if (!explain_show_json(&explain->told)) {
        return EXIT_FINDINGS;
    }
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
    const bool is_id = uuid_parse(what, &id);
    if (!is_id && access(what, F_OK) != 0 && errno == ENOENT) {
        reason_set(reason, "unreadable-file", NULL,
                   "%.120s is neither a file that is there nor the id of a referral (a UUID)",
                   what);
        return command_fail_as(REFUSED, reason);
    }
    enum verdict verdict = provider_topic_open(&explain->topic, explain->values->schemas_dir,
                                               explain->registry, reason);
    if (verdict != DONE) {
        return command_fail(verdict == TRY_AGAIN ? EXIT_UNAVAILABLE : EXIT_CONFIGURATION, reason);
    }
    explain->pathways = pathway_set_load(explain->topic.contract, reason);
    if (!explain->pathways) {
        return command_fail(EXIT_CONFIGURATION, reason);
    }
    verdict = is_id ? read_topics(explain, what, reason) : read_body(explain, what, reason);
    if (verdict == DONE) {
        verdict = decide(explain, reason);
    }
    return verdict == DONE ? show(explain, reason) : command_fail_as(verdict, reason);
}

static int run_route(const struct command *command)
{
    static struct explain explain; // large
    explain = (struct explain){.values = command->values, .registry = command->registry};
    explain.told.at_ms = clock_now_ms();
    explain.told.found = &explain.found;
    explain.told.tried = explain.tried;
    struct reason reason = {0};
    if (!command->values->explain) {
        reason_set(&reason, "usage", NULL, "route sends nothing and only explains: add --explain");
        return command_fail(EXIT_USAGE, &reason);
    }
    if (command->values->at && !instant_parse(command->values->at, &explain.told.at_ms)) {
        reason_set(&reason, "bad-option", NULL,
                   "--at \"%.40s\": expected an instant such as 2026-11-26T09:30:00Z",
                   command->values->at);
        return command_fail_as(REFUSED, &reason);
    }
    int exit_code = explain_it(&explain, command->arguments[0], &reason);
    found_referral_clear(&explain.found);
    record_free(explain.posted);
    pathway_set_free(explain.pathways);
    provider_topic_close(&explain.topic);
    return exit_code;
}

const struct verb VERBS_ROUTE[] = {
    {"route", "FILE|ID --explain", 1, 1, "say where a referral goes, and why; sends nothing",
     "json schemas-dir explain at records-max " TAKES_REGISTRY, run_route},
    {0},
};
