// SPDX-License-Identifier: Apache-2.0
// topics create: every topic with its settings; what is there already is left as it is and said.
#include "command.h"
#include "topic_table.h"

#include "base/text.h"
#include "codec/contract.h"

#include <stdio.h>

struct making {
    struct kafka_admin *admin;
    struct json *list; /* with --json */
    size_t made, found;
    bool json;
};

static enum verdict make_topic(struct making *making, const struct topic_plan *plan,
                               struct reason *reason)
{
    bool made = false;
    enum verdict verdict = kafka_admin_create(making->admin, &plan->topic, &made, reason);
    if (verdict != DONE) {
        return verdict;
    }
    making->made += made ? 1 : 0;
    making->found += made ? 0 : 1;
    if (!making->json) {
        printf("%-10s %-32s %d partition%s\n", made ? "made" : "is there", plan->name,
               plan->topic.partitions, text_plural((size_t)plan->topic.partitions));
        return DONE;
    }
    struct json *item = json_new_object();
    if (!json_set_text(item, "name", plan->name) ||
        !json_set_whole(item, "partitions", plan->topic.partitions) ||
        !json_set_boolean(item, "made", made) || !json_array_add_take(making->list, item)) {
        reason_set(reason, "no-memory", NULL, "no memory for the answer");
        return BROKEN;
    }
    return DONE;
}

static enum verdict make_all(struct making *making, const struct contract *contract,
                             const struct topic_counts *counts, struct reason *reason)
{
    struct topic_plan plan;
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && topic_plan_fixed(index, counts, &plan); index++) {
        verdict = make_topic(making, &plan, reason);
    }
    for (size_t index = 0; verdict == DONE && index < contract_pathway_count(contract); index++) {
        topic_plan_referrals(contract_pathway_name(contract, index), counts, &plan);
        verdict = make_topic(making, &plan, reason);
    }
    return verdict;
}

struct topic_counts topic_counts_of(const struct command_values *values)
{
    return (struct topic_counts){
        .referrals = (int)values->referrals_partitions,
        .deliveries = (int)values->deliveries_partitions,
        .events = (int)values->events_partitions,
        .replication = (int)values->replication,
        .payload_days = values->payload_days,
    };
}

static int run_create(const struct command *command)
{
    const struct command_values *values = command->values;
    const struct topic_counts counts = topic_counts_of(values);
    struct making making = {.json = values->json, .list = json_new_array()};
    struct reason reason = {0};
    struct kafka_settings *settings = NULL;
    int exit_code = EXIT_CONFIGURATION;
    struct contract *contract = contract_load(values->schemas_dir, &reason);
    if (!contract) {
        command_fail(exit_code, &reason);
        goto out;
    }
    settings = kafka_settings_from_environment("referralctl", &reason);
    making.admin = settings ? kafka_admin_open(settings, &reason) : NULL;
    if (!making.admin) {
        command_fail(exit_code, &reason);
        goto out;
    }
    enum verdict verdict = make_all(&making, contract, &counts, &reason);
    exit_code = verdict == DONE ? EXIT_WELL : command_fail_as(verdict, &reason);
    if (exit_code == EXIT_WELL && values->json) {
        struct json *answer = json_new_object();
        if (!json_set_take(answer, "topics", json_copy_deep(making.list)) ||
            !command_print_json_take(answer, JSON_INDENTED)) {
            exit_code = EXIT_FINDINGS;
        }
    } else if (exit_code == EXIT_WELL) {
        printf("%zu made, %zu there already\n", making.made, making.found);
    }
out:
    kafka_admin_close(making.admin);
    kafka_settings_free(settings);
    contract_free(contract);
    json_free(making.list);
    return exit_code;
}

const struct verb VERBS_TOPICS[] = {
    {"topics create", "", 0, 0, "make every topic; safe to run twice",
     "json schemas-dir referrals-partitions deliveries-partitions events-partitions replication "
     "payload-days ",
     run_create},
    {0},
};
