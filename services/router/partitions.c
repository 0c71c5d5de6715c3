/* SPDX-License-Identifier: Apache-2.0 */
/* Records come in runs of one partition, so the last one found is looked at first; there are a few
 * hundred at most. */
#include "partitions.h"

#include "base/text.h"
#include "lifecycle/event.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MAX 4096

struct partitions {
    struct partition **rows;
    size_t count, capacity;
    struct partition *last_found;
    size_t ids_max;
    uint64_t pushed_out; /* by memories that are gone */
};

struct partitions *partitions_new(size_t ids_max)
{
    struct partitions *partitions = calloc(1, sizeof *partitions);
    if (partitions != NULL)
        partitions->ids_max = ids_max;
    return partitions;
}

static void partition_free(struct partition *partition)
{
    memory_free(partition->memory);
    free(partition);
}

void partitions_free(struct partitions *partitions)
{
    if (partitions == NULL)
        return;
    for (size_t i = 0; i < partitions->count; i++)
        partition_free(partitions->rows[i]);
    free(partitions->rows);
    free(partitions);
}

static bool is(const struct partition *partition, const char *topic, int32_t number)
{
    return partition->number == number && strcmp(partition->topic, topic) == 0;
}

struct partition *partitions_find(struct partitions *partitions, const char *topic, int32_t number)
{
    if (partitions->last_found != NULL && is(partitions->last_found, topic, number))
        return partitions->last_found;
    for (size_t i = 0; i < partitions->count; i++) {
        if (is(partitions->rows[i], topic, number)) {
            partitions->last_found = partitions->rows[i];
            return partitions->last_found;
        }
    }
    return NULL;
}

struct partition *partitions_next(struct partitions *partitions, size_t *cursor)
{
    return *cursor < partitions->count ? partitions->rows[(*cursor)++] : NULL;
}

void partitions_remove(struct partitions *partitions, const char *topic, int32_t number)
{
    for (size_t i = 0; i < partitions->count; i++) {
        struct partition *partition = partitions->rows[i];
        if (!is(partition, topic, number))
            continue;
        partitions->pushed_out += memory_pushed_out(partition->memory);
        partitions->rows[i] = partitions->rows[--partitions->count];
        partitions->last_found = NULL;
        partition_free(partition);
        return;
    }
}

static bool reserve(struct partitions *partitions)
{
    if (partitions->count < partitions->capacity)
        return true;
    size_t capacity = partitions->capacity == 0 ? 32 : partitions->capacity * 2;
    if (capacity > PARTITIONS_MAX)
        return false;
    struct partition **rows = realloc(partitions->rows, capacity * sizeof(struct partition *));
    if (rows == NULL)
        return false;
    partitions->rows = rows;
    partitions->capacity = capacity;
    return true;
}

struct partition *partitions_add(struct partitions *partitions, const char *topic, int32_t number)
{
    partitions_remove(partitions, topic, number);
    struct partition *partition = calloc(1, sizeof *partition);
    if (partition == NULL)
        return NULL;
    partition->memory = memory_new(partitions->ids_max);
    partition->number = number;
    if (partition->memory == NULL || !text_copy(partition->topic, TOPIC_NAME_SIZE, topic) ||
        !reserve(partitions)) {
        partition_free(partition);
        return NULL;
    }
    size_t prefix = strlen(TOPIC_REFERRALS_PREFIX);
    bool has_prefix = strncmp(topic, TOPIC_REFERRALS_PREFIX, prefix) == 0;
    partition->pathway = partition->topic + (has_prefix ? prefix : 0);
    partitions->rows[partitions->count++] = partition;
    return partition;
}

void partitions_commit(struct partitions *partitions, int64_t forget_before_ms)
{
    for (size_t i = 0; i < partitions->count; i++) {
        memory_commit(partitions->rows[i]->memory);
        memory_forget_before(partitions->rows[i]->memory, forget_before_ms);
    }
}

void partitions_undo(struct partitions *partitions)
{
    for (size_t i = 0; i < partitions->count; i++)
        memory_undo(partitions->rows[i]->memory);
}

size_t partitions_ids(const struct partitions *partitions)
{
    size_t ids = 0;
    for (size_t i = 0; i < partitions->count; i++)
        ids += memory_count(partitions->rows[i]->memory);
    return ids;
}

uint64_t partitions_pushed_out(const struct partitions *partitions)
{
    uint64_t pushed_out = partitions->pushed_out;
    for (size_t i = 0; i < partitions->count; i++)
        pushed_out += memory_pushed_out(partitions->rows[i]->memory);
    return pushed_out;
}
