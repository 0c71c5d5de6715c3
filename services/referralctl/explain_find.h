/* SPDX-License-Identifier: Apache-2.0 */
/* A referral and what was decided about it, read back from Kafka by its id. Only the one partition
 * of each topic that its key leads to is read. */
#ifndef REFERRALCTL_EXPLAIN_FIND_H
#define REFERRALCTL_EXPLAIN_FIND_H

#include "provider_topic.h"

#include "lifecycle/event.h"

#define DECISIONS_MAX 32

/* One stored decision: an event routed, recorded or returned. */
struct stored_decision {
    enum event_kind kind;
    int64_t occurred_at_ms;
    int32_t hop;
    char destination[ODS_CODE_SIZE]; /* of a return: who had it last */
    char reason[REASON_CODE_MAX];
    char last_result[REASON_CODE_MAX]; /* of the attempts there */
    bool declined;                     /* by that destination, as the next decision says */
    char *explanation;                 /* JSON, or NULL */
};

struct found_referral {
    struct record *record; /* lent by the topic's codec until it reads another referral */
    char pathway[PATHWAY_NAME_SIZE];
    int64_t accepted_at_ms; /* as the router takes it: the record's, bounded by Kafka's time */
    bool accepted_at_replaced;
    struct stored_decision decisions[DECISIONS_MAX]; /* the latest ones */
    size_t decisions_count;
};

/* REFUSED: not-found; the topics keep referrals for a week. TRY_AGAIN: Kafka is away, or the
 * registry that one of its records needs. Reads at most `records_max` records. Clear with
 * found_referral_clear either way. */
__attribute__((warn_unused_result)) enum verdict find_referral(struct provider_topic *topic,
                                                               const char *id, int64_t records_max,
                                                               struct found_referral *ret_found,
                                                               struct reason *reason);
void found_referral_clear(struct found_referral *found);

#endif
