/* SPDX-License-Identifier: Apache-2.0 */
/* Entries lie in an array by offset. The end of a transaction takes an offset in each of its
 * partitions, as Kafka's markers do, so that offsets have gaps even before compaction. */
#include "topic.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

enum fate { OPEN, COMMITTED, ABORTED };

struct log {
    struct entry *entries;
    size_t count, capacity;
    size_t stable; /* entries before it belong to transactions that have ended */
    int64_t next_offset;
};

struct topic {
    struct log *logs;
    int32_t partitions;
    uint8_t *fates; /* of transactions, from 1 on */
    uint32_t fates_count, fates_capacity;
};

struct uuid place_id(int32_t referral, int32_t hop)
{
    struct uuid id = {.bytes = {0}};
    memcpy(id.bytes, &referral, sizeof(referral));
    memcpy(id.bytes + sizeof(referral), &hop, sizeof(hop));
    return id;
}

struct topic *topic_new(int32_t partitions)
{
    struct topic *topic = calloc(1, sizeof(*topic));
    if (!topic)
        return NULL;
    topic->logs = calloc((size_t)partitions, sizeof(*topic->logs));
    topic->partitions = partitions;
    if (!topic->logs) {
        free(topic);
        return NULL;
    }
    return topic;
}

void topic_free(struct topic *topic)
{
    if (!topic)
        return;
    for (int32_t i = 0; i < topic->partitions; i++) {
        for (size_t j = 0; j < topic->logs[i].count; j++)
            free(topic->logs[i].entries[j].ids);
        free(topic->logs[i].entries);
    }
    free(topic->logs);
    free(topic->fates);
    free(topic);
}

/* ---- writing */

uint32_t topic_begin(struct topic *topic)
{
    if (topic->fates_count + 1 >= topic->fates_capacity) {
        uint32_t capacity = topic->fates_capacity ? topic->fates_capacity * 2 : 256;
        uint8_t *fates = realloc(topic->fates, capacity);
        if (!fates)
            return 0;
        topic->fates = fates;
        topic->fates_capacity = capacity;
    }
    topic->fates[++topic->fates_count] = OPEN;
    return topic->fates_count;
}

bool topic_append(struct topic *topic, int32_t partition, uint32_t transaction,
                  const struct entry *entry)
{
    struct log *log = &topic->logs[partition];
    if (log->count == log->capacity) {
        size_t capacity = log->capacity ? log->capacity * 2 : 64;
        struct entry *entries = realloc(log->entries, capacity * sizeof(*entries));
        if (!entries) {
            free(entry->ids);
            return false;
        }
        log->entries = entries;
        log->capacity = capacity;
    }
    struct entry *last = &log->entries[log->count++];
    *last = *entry;
    last->offset = log->next_offset++;
    last->transaction = transaction;
    return true;
}

static void settle(const struct topic *topic, struct log *log)
{
    while (log->stable < log->count && topic->fates[log->entries[log->stable].transaction] != OPEN)
        log->stable++;
}

void topic_end(struct topic *topic, uint32_t transaction, bool committed)
{
    topic->fates[transaction] = committed ? COMMITTED : ABORTED;
    for (int32_t i = 0; i < topic->partitions; i++) {
        struct log *log = &topic->logs[i];
        bool marked = false;
        for (size_t j = log->count; j > log->stable && !marked; j--)
            marked = log->entries[j - 1].transaction == transaction;
        log->next_offset += marked;
        settle(topic, log);
    }
}

/* ---- reading */

/* The first entry at or after the reader's offset. */
static size_t find(const struct log *log, const struct topic_reader *reader)
{
    size_t index = reader->index;
    if (index <= log->count &&
        (index == log->count || log->entries[index].offset >= reader->offset) &&
        (index == 0 || log->entries[index - 1].offset < reader->offset))
        return index;
    size_t low = 0, high = log->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (log->entries[middle].offset < reader->offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct entry *topic_read(const struct topic *topic, int32_t partition,
                               struct topic_reader *reader)
{
    const struct log *log = &topic->logs[partition];
    reader->index = find(log, reader);
    while (reader->index < log->stable) {
        const struct entry *entry = &log->entries[reader->index++];
        reader->offset = entry->offset + 1;
        if (topic->fates[entry->transaction] == COMMITTED)
            return entry;
    }
    return NULL;
}

bool topic_has_more(const struct topic *topic, int32_t partition, const struct topic_reader *reader)
{
    const struct log *log = &topic->logs[partition];
    return log->stable && log->entries[log->stable - 1].offset >= reader->offset;
}

size_t topic_length(const struct topic *topic, int32_t partition)
{
    return topic->logs[partition].count;
}

/* ---- compaction */

struct key {
    uint8_t kind; /* places and their tombstones share one */
    uint8_t bytes[16];
};

static struct key key_of(const struct entry *entry)
{
    struct key key = {.kind = entry->kind == ENTRY_TOMBSTONE ? ENTRY_PLACE : entry->kind};
    if (key.kind == ENTRY_PLACE)
        memcpy(key.bytes, entry->place.id.bytes, sizeof(key.bytes));
    else if (key.kind == ENTRY_FENCE)
        memcpy(key.bytes, &entry->writer, sizeof(entry->writer));
    return key;
}

/* True if it may go now; the first time it is told when. */
static bool ages(struct entry *entry, int64_t now_ms, int64_t retention_ms)
{
    if (entry->kind != ENTRY_TOMBSTONE && entry->kind != ENTRY_FENCE)
        return false;
    if (!entry->goes_ms)
        entry->goes_ms = now_ms + retention_ms;
    return now_ms >= entry->goes_ms;
}

void topic_compact(struct topic *topic, int32_t partition, size_t keep, int64_t now_ms,
                   int64_t retention_ms)
{
    struct log *log = &topic->logs[partition];
    const size_t end = log->stable > keep ? log->stable - keep : 0;
    struct map *last = map_new(end + 1); /* key -> entry, as it stood before the pass */
    bool whole = last;
    for (size_t i = 0; whole && i < end; i++) {
        struct entry *entry = &log->entries[i];
        struct key key = key_of(entry);
        if (topic->fates[entry->transaction] == COMMITTED)
            whole = map_set(last, &key, sizeof(key), entry, NULL);
    }
    size_t kept = whole ? 0 : log->count;
    for (size_t i = 0; whole && i < log->count; i++) {
        struct entry *entry = &log->entries[i];
        struct key key = key_of(entry);
        bool stays = i >= end || map_get(last, &key, sizeof(key)) == (void *)entry;
        if (i < end && stays)
            stays = !ages(entry, now_ms, retention_ms);
        if (stays)
            log->entries[kept++] = *entry; /* a key's last is never moved before it is looked at */
        else
            free(entry->ids);
        if (i + 1 == log->stable)
            log->stable = kept; /* only entries at or behind it are still to come */
    }
    log->count = kept;
    map_free(last, NULL);
}
