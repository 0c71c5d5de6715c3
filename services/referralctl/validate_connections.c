// SPDX-License-Identifier: Apache-2.0
// validate --connect: what the folder needs of the world outside. Nothing is made or changed.
#include "validate.h"

#include "base/text.h"
#include "registry/request.h"
#include "topic_table.h"

static void tell(const struct findings *findings, const char *code, const char *what,
                 const char *found, const char *expected)
{
    findings->tell(
        findings->context,
        &(struct finding){
            .code = code, .file = what, .pointer = "", .found = found, .expected = expected});
}

static enum verdict check_topic(struct kafka_admin *admin, const struct topic_plan *plan,
                                const struct findings *findings, struct reason *reason)
{
    int partitions = 0;
    char found[64], expected[96];
    enum verdict verdict = kafka_admin_partitions(admin, plan->name, &partitions, reason);
    if (verdict != DONE || partitions == plan->topic.partitions) {
        return verdict;
    }
    text_format(found, sizeof found, partitions == 0 ? "no such topic" : "%d partitions",
                partitions);
    text_format(expected, sizeof expected, "%d partitions%s", plan->topic.partitions,
                partitions == 0 ? ": referralctl topics create makes it" : "");
    tell(findings, partitions == 0 ? "no-topic" : "other-partitions", plan->name, found, expected);
    return DONE;
}

static enum verdict check_topics(struct kafka_admin *admin, const struct contract *contract,
                                 const struct command_values *values,
                                 const struct findings *findings, struct reason *reason)
{
    const struct topic_counts counts = topic_counts_of(values);
    struct topic_plan plan;
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && topic_plan_fixed(index, &counts, &plan); index++) {
        verdict = check_topic(admin, &plan, findings, reason);
    }
    for (size_t index = 0; verdict == DONE && index < contract_pathway_count(contract); index++) {
        topic_plan_referrals(contract_pathway_name(contract, index), &counts, &plan);
        verdict = check_topic(admin, &plan, findings, reason);
    }
    return verdict;
}

static enum verdict check_registry(const struct registry_options *options,
                                   const struct findings *findings, struct reason *reason)
{
    char found[64];
    if (!options->url || !options->url[0]) {
        return DONE;
    }
    struct registry_line *line = registry_line_open(options, NULL, reason);
    if (!line) {
        return BROKEN;
    }
    const struct registry_reply reply = registry_ask(line, "/subjects", NULL, false);
    if (reply.status == 0) {
        reason_set(reason, "registry-away", NULL, "%.200s: %s", options->url,
                   registry_line_trouble(line));
    } else if (reply.status != 200) {
        text_format(found, sizeof found, "status %ld", reply.status);
        tell(findings, "bad-registry", options->url, found, "200, from the Confluent API");
    }
    registry_line_close(line);
    return reply.status == 0 ? TRY_AGAIN : DONE;
}

enum verdict validate_connections(const struct contract *contract,
                                  const struct command_values *values,
                                  const struct findings *findings, struct reason *reason)
{
    struct kafka_settings *settings = kafka_settings_from_environment("referralctl", reason);
    struct kafka_admin *admin = settings ? kafka_admin_open(settings, reason) : NULL;
    enum verdict verdict = admin ? DONE : BROKEN;
    if (verdict == DONE) {
        verdict = check_topics(admin, contract, values, findings, reason);
    }
    if (verdict == DONE) {
        verdict = check_registry(&values->registry, findings, reason);
    }
    kafka_admin_close(admin);
    kafka_settings_free(settings);
    return verdict;
}
