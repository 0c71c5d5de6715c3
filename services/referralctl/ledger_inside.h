/* SPDX-License-Identifier: Apache-2.0 */
/* What ledger.c gathers and ledger_judge.c judges. */
#ifndef REFERRALCTL_LEDGER_INSIDE_H
#define REFERRALCTL_LEDGER_INSIDE_H

#include "ledger.h"

#include "base/map.h"

#define LEDGER_PARTITIONS_MAX 8192
#define LEDGER_EVENT_PARTITIONS_MAX 1024
#define LEDGER_TOPIC_SIZE 64

/* What is known of one record, in a byte. */
enum mark {
    MARK_RECORD = 1,
    MARK_RECEIVED = 2,
    MARK_DUPLICATE = 4,
    MARK_REFUSED = 8,
    MARK_EVENT_AGAIN = 16, /* a second event with this origin */
    MARK_DEAD_LETTER = 32,
    MARK_DEAD_LETTER_AGAIN = 64,
    MARK_OLD = 128, /* written before the oldest event that is left */
};
#define MARK_EVENTS (MARK_RECEIVED | MARK_DUPLICATE | MARK_REFUSED)

struct ledger_partition {
    char topic[LEDGER_TOPIC_SIZE];
    int32_t partition;
    size_t pathway;
    int64_t base; /* offset of marks[0] */
    int64_t low, committed;
    uint8_t *marks;
    size_t marks_count, marks_capacity;
    struct ledger_counts trimmed; /* events about records below base */
};

struct ledger_referral {
    struct uuid id;
    uint8_t pathway;
    uint8_t received;   /* events, up to 2 */
    uint8_t finals;     /* up to 2 */
    uint8_t final_kind; /* of the first */
    uint8_t live;       /* deliveries without a tombstone, up to 2 */
    bool delivered_again;
    bool delivery_early; /* a delivery was there before the events were read */
};

struct ledger_volume {
    int64_t count;
    size_t pathway;
    enum event_kind stage;
};

struct ledger {
    size_t ids_max;
    char names[LEDGER_PATHWAYS_MAX][PATHWAY_NAME_SIZE];
    size_t names_count;
    struct map *partition_index; /* "topic/partition" -> its place + 1 */
    struct ledger_partition *partitions;
    size_t partitions_count;
    size_t marks_total;
    struct map *referral_index; /* id -> its place + 1 */
    struct ledger_referral *referrals;
    size_t referrals_count, referrals_capacity;
    struct map *deliveries;      /* delivery id -> place of its referral + 1 */
    struct map *late_tombstones; /* delivery id -> anything */
    struct map *unreadable;      /* delivery id -> anything */
    struct map *volumes;         /* key -> struct ledger_volume */
    bool volumes_read;
    struct {
        int64_t least, most;
    } counted[LEDGER_EVENT_PARTITIONS_MAX], expected[LEDGER_PATHWAYS_MAX][EVENT_KINDS];
    int64_t bad_origins;
    bool events_trimmed, dead_letters_trimmed;
    int64_t events_oldest_ms;
};

#endif
