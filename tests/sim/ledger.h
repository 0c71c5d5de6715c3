/* SPDX-License-Identifier: Apache-2.0 */
/* What has become of each referral, as far as it is committed, and the promises about that: in one
 * place or ended, never both, never neither; ended once, and in time; no attempt counted twice. */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "finding.h"
#include "plan.h"
#include "topic.h"

#define LATE_GRACE_MS 30000 /* to end what fell due while nobody could write */
#define ABORT_GRACE_MS 6000 /* the longest pause after an abort, and a little */
#define NO_HOP (-1)

struct referral {
    int64_t accepted_at_ms, deadline_at_ms;
    int32_t candidates[HOPS_MAX], candidates_count;
    int32_t hop, destination; /* where it is; NO_HOP = nowhere */
    int32_t attempts;         /* of this hop, committed */
    int32_t sends;            /* of this hop, begun */
    int64_t hop_placed_ms, last_sent_ms, last_heard_ms;
    int64_t not_before_ms;    /* a Retry-After holds for it until then */
    int64_t told_ms, kept_ms; /* the same by the clock of who heard it; once it is committed */
    int32_t finals;
    bool taken; /* the provider of this hop has it */
    bool returned;
};

/* What a record, or an event beside it, says once it is committed. */
enum effect_kind {
    EFFECT_HOP,
    EFFECT_UPDATE,
    EFFECT_TOMBSTONE,
    EFFECT_DELIVERED,
    EFFECT_RETURNED,
};

struct effect {
    enum effect_kind kind;
    int32_t referral, hop, destination, attempts;
};

struct effects { /* of one open transaction */
    struct effect *items;
    size_t count, capacity;
};
/* Never fails but for memory, which ends the program. */
void effects_add(struct effects *effects, enum effect_kind kind, const struct place *place);
void effects_clear(struct effects *effects);

struct ledger {
    const struct plan *plan;
    struct finding *finding;
    int64_t start_ms;
    struct referral *referrals;
    int32_t created, ended, returned;
    /* Of each partition: nobody can write for it now; when that, or anything else out of the
     * ordinary, was so last; when its owner last was still taking over. */
    bool troubled[PARTITIONS_MOST];
    bool skewed[PARTITIONS_MOST]; /* its owner's clock is not the router's */
    int64_t disturbed_ms[PARTITIONS_MOST];
    int64_t taken_over_ms[PARTITIONS_MOST];
    int64_t away_ms[PARTITIONS_MOST]; /* when it last had no owner that could work */
    int64_t *calm_ms; /* time to delivery of hops to sound providers in quiet times */
    size_t calm_count;
};

/* False without memory. */
__attribute__((warn_unused_result)) bool ledger_init(struct ledger *ledger, const struct plan *plan,
                                                     struct finding *finding, int64_t start_ms);
void ledger_clear(struct ledger *ledger);
int32_t ledger_partition(const struct ledger *ledger, int32_t destination);

/* The transaction of these effects has been committed. `clock_ms` is the writer's clock; `sound`
 * says which destinations count for calm_ms. */
void ledger_commit(struct ledger *ledger, const struct effects *effects, int64_t now_ms,
                   int64_t clock_ms, const bool *sound);
/* Was there nothing out of the ordinary since then? */
bool ledger_calm_since(const struct ledger *ledger, int32_t partition, int64_t since_ms);
/* Has it had an owner that could work ever since, if not without a hitch? */
bool ledger_owned_since(const struct ledger *ledger, int32_t partition, int64_t since_ms);
/* Nothing is past its deadline; `clocks_ms` are those of each partition's owner. */
void ledger_check_deadlines(struct ledger *ledger, int64_t now_ms, const int64_t *clocks_ms);
/* A reader who begins now finds exactly what is pending. */
void ledger_check_topic(struct ledger *ledger, const struct topic *topic, int64_t now_ms);
/* The 99th percentile of calm_ms; 0 if there are too few. Sorts them. */
int64_t ledger_p99_ms(struct ledger *ledger);

#endif
