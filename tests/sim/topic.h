/* SPDX-License-Identifier: Apache-2.0 */
/* The topic `deliveries` as a read_committed reader sees it: partitions of records, transactions
 * that are open, committed or aborted, compaction that leaves gaps and in the end forgets
 * tombstones. */
#ifndef SIM_TOPIC_H
#define SIM_TOPIC_H

#include "ids/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place { /* a Delivery, as the bytes that stand on the topic */
    struct uuid id;
    int64_t accepted_at_ms, created_at_ms, deadline_at_ms, next_attempt_at_ms;
    int32_t referral, hop, destination, attempts;
    int32_t intent, status; /* of the last attempt */
    uint32_t tried;         /* bits: of the referral's candidates */
};

/* The id of a delivery: made of its referral and its hop. */
struct uuid place_id(int32_t referral, int32_t hop);

enum entry_kind { ENTRY_PLACE, ENTRY_TOMBSTONE, ENTRY_INTENTS, ENTRY_FENCE };

struct entry {
    int64_t offset;
    int64_t goes_ms; /* of a tombstone: when a pass may remove it; 0 = none has seen it yet */
    uint32_t transaction;
    uint8_t kind; /* enum entry_kind */
    struct place place;
    struct uuid *ids; /* of ENTRY_INTENTS; owned */
    size_t ids_count;
    uint64_t nonce; /* of ENTRY_FENCE */
    int32_t writer; /* of ENTRY_FENCE: part of its key */
};

struct topic;

/* NULL without memory. */
struct topic *topic_new(int32_t partitions);
void topic_free(struct topic *topic);

/* 0 without memory. */
uint32_t topic_begin(struct topic *topic);
/* Takes entry->ids, also when it fails for want of memory. */
__attribute__((warn_unused_result)) bool topic_append(struct topic *topic, int32_t partition,
                                                      uint32_t transaction,
                                                      const struct entry *entry);
void topic_end(struct topic *topic, uint32_t transaction, bool committed);

struct topic_reader {
    int64_t offset; /* of the next record to be read */
    size_t index;   /* where it was found last */
};
/* The next record that is committed, before any that still may be; NULL if there is none. Valid
 * until the next append or compaction. */
const struct entry *topic_read(const struct topic *topic, int32_t partition,
                               struct topic_reader *reader);
bool topic_has_more(const struct topic *topic, int32_t partition,
                    const struct topic_reader *reader);

/* What the log cleaner may do at its worst: of all that is stable but the newest `keep` records,
 * only the last of each key stays, aborted ones go, and so do tombstones that a pass has left alone
 * `retention_ms` ago. */
void topic_compact(struct topic *topic, int32_t partition, size_t keep, int64_t now_ms,
                   int64_t retention_ms);
size_t topic_length(const struct topic *topic, int32_t partition);

#endif
