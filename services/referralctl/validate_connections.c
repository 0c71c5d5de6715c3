// SPDX-License-Identifier: Apache-2.0
// validate --connect: what the folder needs of the world outside. Nothing is made or changed.
#include "validate.h"

#include "base/text.h"
#include "exchange.h"
#include "topic_table.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (1 << 20)

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

static enum verdict check_registry(const struct findings *findings, struct reason *reason)
{
    const char *base = getenv("SCHEMA_REGISTRY_URL");
    char url[1024], found[64];
    long status = 0;
    if (!base || !*base) {
        return DONE;
    }
    size_t length = strlen(base);
    if (!text_format(url, sizeof url, "%.*s/subjects",
                     (int)(base[length - 1] == '/' ? length - 1 : length), base)) {
        reason_set(reason, "bad-url", "SCHEMA_REGISTRY_URL", "the address is too long");
        return BROKEN;
    }
    struct buffer body;
    buffer_init(&body, ANSWER_MAX);
    enum verdict verdict = exchange(&(struct exchange){.url = url}, &status, &body, reason);
    buffer_clear(&body);
    if (verdict == DONE && status != 200) {
        text_format(found, sizeof found, "status %ld", status);
        tell(findings, "bad-registry", url, found, "200, from the Confluent API");
    }
    return verdict;
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
        verdict = check_registry(findings, reason);
    }
    kafka_admin_close(admin);
    kafka_settings_free(settings);
    return verdict;
}
