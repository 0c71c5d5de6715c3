/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: does every referral on Kafka have exactly one fate? Pure: fed with what was read, in
 * the order below; the argument for that order is in audit.c.
 *
 * Memory, bounded by `ids_max`: a byte for each record of referrals.*, about 110 bytes for each
 * received referral, about 90 for each delivery that is live or ended while the audit read, and a
 * map entry for each cell of volumes.daily. Past the bound every call returns false and the ledger
 * is of no use. */
#ifndef REFERRALCTL_LEDGER_H
#define REFERRALCTL_LEDGER_H

#include "codec/contract.h"
#include "ids/uuid.h"
#include "lifecycle/event.h"

#define LEDGER_PATHWAYS_MAX 128

struct ledger_counts {
    int64_t accepted, delivered, returned, refused, cancelled, recorded, pending, duplicates,
        missing;
};

struct ledger_problem {
    const char *code;   /* static */
    const char *detail; /* static */
    char pathway[PATHWAY_NAME_SIZE];
    char what[ORIGIN_SIZE]; /* referral id, origin, or a stage of the volumes */
};

struct ledger_report {
    struct ledger_counts total;
    struct ledger_counts pathways[LEDGER_PATHWAYS_MAX];
    const char *names[LEDGER_PATHWAYS_MAX]; /* borrowed from the ledger, in order of appearance */
    size_t pathways_count;
    struct ledger_problem *problems; /* the first `problems_max` */
    size_t problems_max;
    size_t problems_listed;
    int64_t problems_total;
    bool balanced;        /* no problem, nothing missing, accepted = final + pending */
    bool volumes_checked; /* against the events; without, `balanced` says nothing of them */
    int64_t
        volumes_uncertain; /* counted while they were read: so far the comparison is not exact */
};

struct ledger;
struct ledger *ledger_new(size_t ids_max);
void ledger_free(struct ledger *ledger);
/* Names a pathway, so that it is in the report even with nothing in it. */
bool ledger_name_pathway(struct ledger *ledger, const char *pathway);

/* 1. The cut: below `committed` (0 if none) the router has handled a partition; below `low` it was
 * trimmed by retention. */
bool ledger_cut(struct ledger *ledger, const char *topic, int32_t partition, int64_t low,
                int64_t committed);
/* How far the aggregator had counted a partition of the events before and after the volumes were
 * read: they are compared with the events up to there. Equal: exactly; else what was counted
 * meanwhile may be in them or not. Never called: volumes are not checked. */
bool ledger_counted(struct ledger *ledger, int32_t partition, int64_t before, int64_t after);
/* A cell of volumes.daily; a later one of the same key replaces it. */
bool ledger_volume(struct ledger *ledger, const void *key, size_t length, const char *pathway,
                   const char *stage, int64_t count);
/* Its tombstone. */
void ledger_no_volume(struct ledger *ledger, const void *key, size_t length);

/* 2. and 4. A Delivery or its tombstone, before (`late` false) and after the events were read. */
bool ledger_delivery(struct ledger *ledger, const char *delivery_id, const char *referral_id,
                     bool late);
bool ledger_tombstone(struct ledger *ledger, const void *key, size_t length, bool late);
/* A Delivery that can't be read: the dispatcher can't either, so nobody delivers it. */
bool ledger_unreadable(struct ledger *ledger, const void *key, size_t length);

/* 3. An event. Events of a trimmed topic: the time of the oldest one left. */
struct ledger_event {
    enum event_kind kind;
    const char *referral_id, *pathway;
    const char *origin; /* NULL or "" where there is none */
    int32_t partition;
    int64_t offset;
};
bool ledger_event(struct ledger *ledger, const struct ledger_event *event);
void ledger_events_trimmed(struct ledger *ledger, int64_t oldest_ms);

/* 5. A dead letter on referrals.refused, by the origin in its headers; or that this topic was
 * trimmed. */
bool ledger_dead_letter(struct ledger *ledger, const char *origin);
void ledger_dead_letters_trimmed(struct ledger *ledger);

/* 6. A record on referrals.*, of every topic that the ledger has heard of by now; then the low
 * watermark at the end. */
size_t ledger_topics(const struct ledger *ledger, const char **topics, size_t topics_max);
bool ledger_record(struct ledger *ledger, const char *topic, int32_t partition, int64_t offset,
                   int64_t timestamp_ms);
bool ledger_low(struct ledger *ledger, const char *topic, int32_t partition, int64_t low);

/* Judges. The caller sets problems and problems_max (memory for the list) before. */
void ledger_judge(const struct ledger *ledger, struct ledger_report *report);

#endif
