// SPDX-License-Identifier: Apache-2.0
// The registry's own check depends on the level that somebody has set for the subject, so each of
// its versions is fetched and judged here, too.
#include "schema_registry.h"

#include "base/json.h"
#include "base/text.h"
#include "codec/compatible.h"

#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 512

static void add_finding(struct schema_findings *findings, const struct subject *subject,
                        const struct reason *reason)
{
    if (findings->count < SCHEMA_FINDINGS_MAX) {
        struct schema_finding *finding = &findings->list[findings->count];
        (void)text_copy(finding->subject, sizeof finding->subject, subject->name);
        finding->reason = *reason;
    }
    findings->count++;
}

// Both directions; `what` names the other one.
static void compare(const struct subject *subject, const struct schema *other, const char *what,
                    struct schema_findings *findings)
{
    struct reason inner = {0}, reason = {0};
    if (!schema_reads(subject->schema, other, &inner)) {
        reason_set(&reason, inner.code, inner.pointer, "can't read what %s wrote: %s", what,
                   inner.detail);
        add_finding(findings, subject, &reason);
    }
    if (!schema_reads(other, subject->schema, &inner)) {
        reason_set(&reason, inner.code, inner.pointer, "can't be read by %s: %s", what,
                   inner.detail);
        add_finding(findings, subject, &reason);
    }
}

void subject_check_versions(const struct contract *contract, const struct subject *subject,
                            struct schema_findings *findings)
{
    size_t cursor = 0;
    const struct schema *other;
    while ((other = contract_next(contract, &cursor)) != NULL) {
        if (other == subject->schema ||
            !text_equal(schema_name(other), schema_name(subject->schema))) {
            continue;
        }
        char what[48];
        (void)text_format(what, sizeof what, "version %016llx",
                          (unsigned long long)schema_fingerprint(other));
        compare(subject, other, what, findings);
    }
}

// ---- the registry

static enum verdict verdict_of(enum registry_outcome outcome)
{
    return outcome == REGISTRY_AWAY ? TRY_AGAIN : DONE;
}

static struct registry_reply ask(struct registry_line *line, const char *before,
                                 const struct subject *subject, const char *after, const char *body,
                                 bool put)
{
    char path[PATH_SIZE];
    struct registry_reply reply = {0};
    if (text_format(path, sizeof path, "%s%s%s", before, subject->name, after)) {
        reply = registry_ask(line, path, body, put);
    }
    return reply;
}

static char *body_of(const struct schema *schema)
{
    struct json *json = json_new_object();
    char *body = json_set_text(json, "schema", schema_text(schema)) &&
                         json_set_text(json, "schemaType", "AVRO")
                     ? json_print(json, JSON_COMPACT)
                     : NULL;
    json_free(json);
    return body;
}

static enum verdict look_up(struct registry_line *line, const char *body, struct subject *subject,
                            struct reason *reason)
{
    struct registry_reply reply = ask(line, "/subjects/", subject, "", body, false);
    enum registry_outcome outcome =
        registry_answer_id(&reply, &subject->id, &subject->version, reason);
    subject->state = outcome == REGISTRY_FOUND ? SUBJECT_REGISTERED : SUBJECT_CHANGED;
    return verdict_of(outcome);
}

static enum verdict look_at_level(struct registry_line *line, struct subject *subject,
                                  struct reason *reason)
{
    char level[REGISTRY_LEVEL_SIZE] = "";
    struct registry_reply reply =
        ask(line, "/config/", subject, "?defaultToGlobal=true", NULL, false);
    enum registry_outcome outcome = registry_answer_level(&reply, level, reason);
    subject->level_set = outcome == REGISTRY_FOUND && text_equal(level, SCHEMA_LEVEL);
    return verdict_of(outcome);
}

static enum verdict check_version(struct registry_line *line, const struct subject *subject,
                                  int32_t version, struct schema_findings *findings,
                                  struct reason *reason)
{
    char after[40], what[48];
    struct schema *other = NULL;
    (void)text_format(after, sizeof after, "/versions/%d", version);
    (void)text_format(what, sizeof what, "version %d of the registry", version);
    struct registry_reply reply = ask(line, "/subjects/", subject, after, NULL, false);
    enum registry_outcome outcome = registry_answer_schema(&reply, &other, reason);
    if (outcome == REGISTRY_FOUND) {
        compare(subject, other, what, findings);
        schema_free(other);
    } else if (outcome == REGISTRY_UNUSABLE) {
        struct reason inner = *reason;
        reason_set(&inner, reason->code, NULL, "%s: %s", what, reason->detail);
        add_finding(findings, subject, &inner);
    }
    return verdict_of(outcome);
}

static enum verdict check_versions(struct registry_line *line, struct subject *subject,
                                   struct schema_findings *findings, struct reason *reason)
{
    int32_t versions[REGISTRY_VERSIONS_MAX];
    size_t count = 0;
    struct registry_reply reply = ask(line, "/subjects/", subject, "/versions", NULL, false);
    enum registry_outcome outcome = registry_answer_versions(&reply, versions, &count, reason);
    if (outcome != REGISTRY_FOUND) {
        subject->state = SUBJECT_NEW;
        return verdict_of(outcome);
    }
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < count; index++) {
        verdict = check_version(line, subject, versions[index], findings, reason);
    }
    return verdict;
}

// What the registry itself would say to it.
static enum verdict check_by_registry(struct registry_line *line, const char *body,
                                      struct subject *subject, struct schema_findings *findings,
                                      struct reason *reason)
{
    struct registry_reply reply =
        ask(line, "/compatibility/subjects/", subject, "/versions", body, false);
    enum registry_outcome outcome = registry_answer_compatible(&reply, reason);
    if (outcome == REGISTRY_CONFLICT || outcome == REGISTRY_UNUSABLE) {
        add_finding(findings, subject, reason);
    }
    return verdict_of(outcome);
}

enum verdict subject_check_registry(struct registry_line *line, struct subject *subject,
                                    struct schema_findings *findings, struct reason *reason)
{
    char *body = body_of(subject->schema);
    if (!body) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    enum verdict verdict = look_up(line, body, subject, reason);
    if (verdict == DONE) {
        verdict = check_versions(line, subject, findings, reason);
    }
    if (verdict == DONE && subject->state != SUBJECT_NEW) {
        verdict = look_at_level(line, subject, reason);
    }
    if (verdict == DONE && subject->state == SUBJECT_CHANGED) {
        verdict = check_by_registry(line, body, subject, findings, reason);
    }
    free(body);
    return verdict;
}

// DONE also if the registry wants the subject to exist first.
static enum verdict set_level(struct registry_line *line, struct subject *subject,
                              struct reason *reason)
{
    char level[REGISTRY_LEVEL_SIZE] = "";
    struct registry_reply reply =
        ask(line, "/config/", subject, "", "{\"compatibility\":\"" SCHEMA_LEVEL "\"}", true);
    enum registry_outcome outcome = registry_answer_level(&reply, level, reason);
    subject->level_set = outcome == REGISTRY_FOUND;
    if (outcome == REGISTRY_AWAY) {
        return TRY_AGAIN;
    }
    return outcome == REGISTRY_FOUND || outcome == REGISTRY_ABSENT ? DONE : REFUSED;
}

enum verdict subject_register(struct registry_line *line, struct subject *subject,
                              struct reason *reason)
{
    enum verdict verdict = subject->level_set ? DONE : set_level(line, subject, reason);
    if (verdict == DONE && subject->state != SUBJECT_REGISTERED) {
        char *body = body_of(subject->schema);
        if (!body) {
            reason_set(reason, "no-memory", NULL, "memory ran out");
            return BROKEN;
        }
        struct registry_reply reply = ask(line, "/subjects/", subject, "/versions", body, false);
        enum registry_outcome outcome =
            registry_answer_id(&reply, &subject->id, &subject->version, reason);
        verdict = outcome == REGISTRY_AWAY    ? TRY_AGAIN
                  : outcome == REGISTRY_FOUND ? look_up(line, body, subject, reason)
                                              : REFUSED;
        free(body);
    }
    if (verdict == DONE && !subject->level_set) {
        verdict = set_level(line, subject, reason);
    }
    return verdict;
}
