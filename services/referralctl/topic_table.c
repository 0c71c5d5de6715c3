// SPDX-License-Identifier: Apache-2.0
// Why these settings: `deliveries` and `providers` are state that is read from the beginning, so
// they are compacted early (small segments, low dirty ratio); max.compaction.lag.ms bounds how long
// a finished delivery's patient data stays, and segment.ms must be below it, as an open segment is
// never compacted. Events are the audit's proof and stay for years.
#include "topic_table.h"

#include "base/text.h"
#include "lifecycle/operation.h"

#define TOPIC_VOLUMES_MONTHLY "volumes.monthly"
#define TOPIC_VOLUMES_PUBLISHED "volumes.published"
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
/* A dead letter is the whole of a record that some topic took, and its headers. */
#define REFUSED_BYTES_MAX (INT64_C(4) << 20)

enum partitions { ONE, AS_REFERRALS, AS_DELIVERIES, AS_EVENTS };
enum cleanup { DELETE_AFTER, COMPACT };

struct topic_row {
    const char *name;
    enum partitions partitions;
    enum cleanup cleanup;
    int64_t retention_ms;      /* DELETE_AFTER */
    int64_t compaction_lag_ms; /* COMPACT; 0 = payload_days */
    int64_t message_bytes_max; /* 0 = the broker's own limit */
};

static const struct topic_row ROWS[] = {
    {TOPIC_DELIVERIES, AS_DELIVERIES, COMPACT, 0, 0, 0},
    {TOPIC_EVENTS, AS_EVENTS, DELETE_AFTER, 3 * 366 * DAY_MS, 0, 0},
    {TOPIC_REFUSED, ONE, DELETE_AFTER, 30 * DAY_MS, 0, REFUSED_BYTES_MAX},
    {TOPIC_OPERATIONS, ONE, DELETE_AFTER, 3 * 366 * DAY_MS, 0, 0},
    {TOPIC_STATES, ONE, DELETE_AFTER, HOUR_MS, 0, 0},
    {TOPIC_TURN, ONE, DELETE_AFTER, DAY_MS, 0, 0},
    {TOPIC_PROVIDERS, ONE, COMPACT, 0, DAY_MS, 0},
    {TOPIC_VOLUMES_DAILY, ONE, COMPACT, 0, 7 * DAY_MS, 0},
    {TOPIC_VOLUMES_MONTHLY, ONE, COMPACT, 0, 7 * DAY_MS, 0},
    {TOPIC_VOLUMES_PUBLISHED, ONE, COMPACT, 0, 7 * DAY_MS, 0},
};
static const struct topic_row REFERRALS = {NULL, AS_REFERRALS, DELETE_AFTER, 7 * DAY_MS, 0, 0};

struct writer {
    struct topic_plan *plan;
    size_t count;
};

static void add_text(struct writer *writer, const char *name, const char *value)
{
    writer->plan->settings[2 * writer->count] = name;
    writer->plan->settings[2 * writer->count + 1] = value;
    writer->count++;
}

static void add_number(struct writer *writer, const char *name, int64_t number)
{
    char *text = writer->plan->numbers[writer->count];
    text_format(text, TOPIC_NUMBER_SIZE, "%lld", (long long)number);
    add_text(writer, name, text);
}

static int partitions_of(const struct topic_row *row, const struct topic_counts *counts)
{
    switch (row->partitions) {
    case AS_REFERRALS:
        return counts->referrals;
    case AS_DELIVERIES:
        return counts->deliveries;
    case AS_EVENTS:
        return counts->events;
    case ONE:
        break;
    }
    return 1;
}

static void fill(const struct topic_row *row, const char *name, const struct topic_counts *counts,
                 struct topic_plan *plan)
{
    struct writer writer = {plan, 0};
    *plan = (struct topic_plan){0};
    text_copy(plan->name, sizeof plan->name, name);
    if (row->cleanup == COMPACT) {
        int64_t lag_ms =
            row->compaction_lag_ms ? row->compaction_lag_ms : counts->payload_days * DAY_MS;
        add_text(&writer, "cleanup.policy", "compact");
        add_number(&writer, "max.compaction.lag.ms", lag_ms);
        add_number(&writer, "segment.ms", lag_ms / 4);
        add_number(&writer, "segment.bytes", INT64_C(64) << 20);
        add_text(&writer, "min.cleanable.dirty.ratio", "0.1");
        add_number(&writer, "delete.retention.ms", DAY_MS);
    } else {
        add_text(&writer, "cleanup.policy", "delete");
        add_number(&writer, "retention.ms", row->retention_ms);
        add_number(&writer, "segment.ms", DAY_MS);
    }
    if (row->message_bytes_max) {
        add_number(&writer, "max.message.bytes", row->message_bytes_max);
    }
    if (counts->replication >= 3) {
        add_text(&writer, "min.insync.replicas", "2");
    }
    /* The broker's time: a producer's clock must not decide what retention takes. */
    add_text(&writer, "message.timestamp.type", "LogAppendTime");
    add_text(&writer, "unclean.leader.election.enable", "false");
    plan->topic = (struct kafka_topic){
        .name = plan->name,
        .partitions = partitions_of(row, counts),
        .replication = counts->replication,
        .settings = plan->settings,
    };
}

bool topic_plan_fixed(size_t index, const struct topic_counts *counts, struct topic_plan *ret_plan)
{
    if (index >= sizeof ROWS / sizeof *ROWS) {
        return false;
    }
    fill(&ROWS[index], ROWS[index].name, counts, ret_plan);
    return true;
}

void topic_plan_referrals(const char *pathway, const struct topic_counts *counts,
                          struct topic_plan *ret_plan)
{
    char name[TOPIC_NAME_SIZE];
    text_format(name, sizeof name, "%s%s", TOPIC_REFERRALS_PREFIX, pathway);
    fill(&REFERRALS, name, counts, ret_plan);
}
