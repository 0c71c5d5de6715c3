/* SPDX-License-Identifier: Apache-2.0 */
/* The first of two records with one id is the one that was taken, so the first is remembered, as it
 * was the first time. */
#include "restore.h"

#include "take.h"

#define RESTORE_MOST_MS 60000

static enum verdict remember(const struct restore *restore, struct memory *memory,
                             const struct kafka_message *message, struct reason *reason)
{
    bool has_id;
    struct uuid id;
    uint64_t digest;
    enum verdict verdict = take_identify(restore->codec, message, &has_id, &id, &digest, reason);
    if (verdict != DONE || !has_id || memory_ask(memory, &id, digest) != MEMORY_NEW)
        return verdict;
    if (!memory_add(memory, &id, digest, message->timestamp_ms)) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    return DONE;
}

struct reading {
    const struct restore *restore;
    struct partitions *partitions;
    size_t records;
};

/* Whatever of it is not before its partition's bound comes later, as work. */
static enum verdict take_back(void *self, const struct kafka_message *message,
                              struct reason *reason)
{
    struct reading *reading = self;
    struct partition *partition =
        partitions_find(reading->partitions, message->topic, message->partition);
    if (partition == NULL || message->offset >= partition->restore_to)
        return DONE;
    enum verdict verdict = remember(reading->restore, partition->memory, message, reason);
    reading->records += verdict == DONE;
    return verdict;
}

/* Adds what has anything to read back; what has not is done. */
static enum verdict add(const struct restore *restore, struct kafka_reader *reader,
                        struct partition *partition, struct reason *reason)
{
    int64_t start = 0;
    enum verdict verdict = kafka_admin_offset_at(
        restore->admin, partition->topic, partition->number, restore->since_ms, &start, reason);
    if (verdict != DONE)
        return verdict;
    if (start >= partition->restore_to) {
        partition->restore_to = 0;
        return DONE;
    }
    return kafka_reader_add(reader, partition->topic, partition->number, start,
                            partition->restore_to, reason)
               ? DONE
               : TRY_AGAIN;
}

enum verdict restore_memories(const struct restore *restore, struct partitions *partitions,
                              size_t *ret_records, struct reason *reason)
{
    struct partition *partition;
    struct kafka_reader *reader = NULL;
    struct reading reading = {.restore = restore, .partitions = partitions};
    enum verdict verdict = DONE;

    for (size_t i = 0; verdict == DONE && (partition = partitions_next(partitions, &i)) != NULL;) {
        if (partition->restore_to <= 0)
            continue; /* nothing stands before it */
        if (reader == NULL)
            reader = kafka_reader_open(restore->settings, NULL, 0, reason);
        verdict = reader == NULL ? TRY_AGAIN : add(restore, reader, partition, reason);
    }
    if (verdict == DONE && reader != NULL)
        verdict = kafka_reader_to_end(reader, RESTORE_MOST_MS, take_back, &reading, reason);
    *ret_records = reading.records;
    kafka_reader_close(reader);
    for (size_t i = 0; verdict == DONE && (partition = partitions_next(partitions, &i)) != NULL;) {
        if (partition->restore_to > 0)
            memory_commit(partition->memory);
        partition->restore_to = 0;
    }
    return verdict;
}
