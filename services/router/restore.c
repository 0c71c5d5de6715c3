/* SPDX-License-Identifier: Apache-2.0 */
/* The first of two records with one id is the one that was taken, so the first is remembered, as it
 * was the first time. */
#include "restore.h"

#include "base/clock.h"
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

static enum verdict read_up_to(const struct restore *restore, struct kafka_reader *reader,
                               struct memory *memory, int64_t from, size_t *records,
                               struct reason *reason)
{
    int64_t give_up_ms = clock_monotonic_ms() + RESTORE_MOST_MS;
    for (;;) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(reader, 50, &message, reason);
        if (verdict != DONE)
            return verdict;
        if (message == NULL && kafka_reader_at_end(reader))
            return DONE;
        if (message != NULL && message->offset >= from)
            return DONE;
        if (message != NULL) {
            verdict = remember(restore, memory, message, reason);
            if (verdict != DONE)
                return verdict;
            ++*records;
            if (message->offset + 1 == from)
                return DONE;
        }
        if (clock_monotonic_ms() > give_up_ms) {
            reason_set(reason, "restore-slow", NULL, "ids were not read back within %d s",
                       RESTORE_MOST_MS / 1000);
            return TRY_AGAIN;
        }
    }
}

enum verdict restore_memory(const struct restore *restore, struct partition *partition,
                            int64_t from, size_t *ret_records, struct reason *reason)
{
    int64_t start = 0;
    *ret_records = 0;
    if (from <= 0)
        return DONE; /* nothing stands before it */
    enum verdict verdict = kafka_admin_offset_at(
        restore->admin, partition->topic, partition->number, restore->since_ms, &start, reason);
    if (verdict != DONE || start >= from)
        return verdict;
    struct kafka_reader *reader =
        kafka_reader_open_at(restore->settings, partition->topic, partition->number, start, reason);
    if (reader == NULL)
        return TRY_AGAIN;
    verdict = read_up_to(restore, reader, partition->memory, from, ret_records, reason);
    kafka_reader_close(reader);
    memory_commit(partition->memory);
    return verdict;
}
