/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of the system with their settings, as one table (DESIGN.md 3). Pure. */
#ifndef REFERRALCTL_TOPIC_TABLE_H
#define REFERRALCTL_TOPIC_TABLE_H

#include "kafka/kafka.h"

#define TOPIC_NAME_SIZE 64
#define TOPIC_SETTINGS_MAX 16
#define TOPIC_NUMBER_SIZE 24

struct topic_counts {
    int referrals, deliveries, events; /* partitions */
    int replication;                   /* 0 = the broker's default */
    int64_t payload_days;
};

/* As the command's options say. */
struct command_values;
struct topic_counts topic_counts_of(const struct command_values *values);

struct topic_plan {
    char name[TOPIC_NAME_SIZE];
    char numbers[TOPIC_SETTINGS_MAX][TOPIC_NUMBER_SIZE];
    const char *settings[TOPIC_SETTINGS_MAX * 2 + 1];
    struct kafka_topic topic; /* points into this struct: don't copy it */
};

/* The topics that exist once. False past the last. */
bool topic_plan_fixed(size_t index, const struct topic_counts *counts, struct topic_plan *ret_plan);
/* referrals.<pathway>. */
void topic_plan_referrals(const char *pathway, const struct topic_counts *counts,
                          struct topic_plan *ret_plan);

#endif
