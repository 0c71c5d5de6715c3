/* SPDX-License-Identifier: Apache-2.0 */
/* Intents. Before a delivery's first send the topic has to say that it may be under way, or nobody
 * could mark it after a crash. One small record per partition says it of all at once: the ids of
 * those that may be sent, or may have been, and of which no record of their own says so. A newer
 * list replaces the older one, so it carries on what is still open, and it is written only when it
 * has grown: an id too many does no harm, for it belongs to a delivery that is finished, or marked
 * anyway. */
#include "core/core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NOTED_AHEAD 4096 /* by all that have something to note together, roughly */
#define SHARE_LEAST 4
#define NOTED_KEPT 256 /* room in a partition's list when nothing is noted any more */

size_t core_note_share(const struct deliverer *core)
{
    const uint32_t share = NOTED_AHEAD / ((uint32_t)core->wanting + 1);
    return share > SHARE_LEAST ? share : SHARE_LEAST;
}

static void grow_list(struct deliverer *core, struct partition *partition)
{
    if (link_alone(&partition->note_link))
        link_append(&core->lists, &partition->note_link);
}

static bool reserve_ids(struct deliverer *core, size_t count)
{
    if (count <= core->ids_capacity)
        return true;
    size_t capacity = core->ids_capacity ? core->ids_capacity : 256;
    while (capacity < count)
        capacity *= 2;
    struct uuid *ids = realloc(core->ids, capacity * sizeof(*ids));
    if (!ids)
        return false;
    core->ids = ids;
    core->ids_capacity = capacity;
    return true;
}

static bool reserve_noted(struct partition *partition, size_t count)
{
    if (count <= partition->noted_capacity)
        return true;
    size_t capacity = partition->noted_capacity ? partition->noted_capacity * 2 : 16;
    struct noted *noted = realloc(partition->noted, capacity * sizeof(*noted));
    if (!noted)
        return false;
    partition->noted = noted;
    partition->noted_capacity = capacity;
    return true;
}

bool core_note_reserve(struct deliverer *core, struct partition *partition)
{
    size_t count = partition->noted_count + partition->strays_count + 1;
    return count <= NOTED_MAX && reserve_ids(core, count) &&
           reserve_noted(partition, partition->noted_count + 1);
}

static void add(struct partition *partition, struct job *job)
{
    if (job->note_place)
        return;
    assert(partition->noted_count < partition->noted_capacity);
    partition->noted[partition->noted_count++] =
        (struct noted){.id = job->id, .number = job->number};
    job->note_place = (uint32_t)partition->noted_count;
}

void core_note_add(struct deliverer *core, struct job *job)
{
    struct partition *partition = core_partition(core, job->partition);
    add(partition, job);
    grow_list(core, partition);
}

void core_note_remove(struct deliverer *core, struct job *job)
{
    if (!job->note_place)
        return;
    struct partition *partition = core_partition(core, job->partition);
    const struct noted last = partition->noted[--partition->noted_count];
    struct job *moved = pool_item(&core->pool, last.number);
    partition->noted[job->note_place - 1] = last;
    moved->note_place = job->note_place;
    job->note_place = 0;
    if (!partition->noted_count && partition->noted_capacity > NOTED_KEPT) {
        free(partition->noted);
        partition->noted = NULL;
        partition->noted_capacity = 0;
    }
}

void core_note_leave_out(struct deliverer *core, const struct job *job, bool left_out)
{
    if (job->note_place)
        core_partition(core, job->partition)->noted[job->note_place - 1].left_out = left_out;
}

bool core_note_next(struct deliverer *core, struct deliver_write *ret_write)
{
    if (link_alone(&core->lists))
        return false;
    struct partition *partition = LINK_ITEM(core->lists.next, struct partition, note_link);
    link_remove(&partition->note_link);
    size_t count = 0;
    for (size_t i = 0; i < partition->noted_count; i++) {
        core->ids[count] = partition->noted[i].id;
        count += !partition->noted[i].left_out;
    }
    for (size_t i = 0; i < partition->strays_count; i++)
        core->ids[count++] = partition->strays[i];
    *ret_write = (struct deliver_write){
        .fact = FACT_INTENT, .partition = partition->number, .ids = core->ids, .ids_count = count};
    return true;
}

enum verdict deliver_intents_seen(struct deliverer *core, int32_t number, int64_t offset,
                                  const struct uuid *ids, size_t count)
{
    struct partition *partition = core_partition(core, number);
    if (!partition || offset < partition->folded_to)
        return DONE;
    if (partition->restoring) {
        struct uuid *copy = malloc(count ? count * sizeof(*copy) : 1);
        if (!copy)
            return TRY_AGAIN;
        if (count)
            memcpy(copy, ids, count * sizeof(*copy));
        free(partition->restored_ids);
        partition->restored_ids = copy;
        partition->restored_count = count;
    }
    partition->folded_to = offset + 1;
    return DONE;
}

/* Those of the list that are not held are carried on for as long as something is left on the
 * topic: they may be among it. When they are read again, so is the list, which stands behind them.
 */
static void keep_strays(struct deliverer *core, struct partition *partition)
{
    struct uuid *ids = partition->restored_ids;
    size_t count = 0;
    for (size_t i = 0; i < partition->restored_count; i++)
        if (core_left(partition, &ids[i]))
            ids[count++] = ids[i];
    if (!count || !reserve_ids(core, partition->noted_count + count)) {
        free(ids);
        ids = NULL;
        count = 0;
    }
    free(partition->strays);
    partition->strays = ids;
    partition->strays_count = count;
    partition->restored_ids = NULL;
    partition->restored_count = 0;
}

/* The last list read says which of the restored may have been sent; ours carry on from it. */
void core_note_restored(struct deliverer *core, struct partition *partition)
{
    for (size_t i = 0; i < partition->restored_count; i++) {
        const struct uuid *id = &partition->restored_ids[i];
        struct job *job = jobs_find(&core->jobs, id);
        if (!job || job->partition != partition->number || job->stage != JOB_HELD || job->intent ||
            job->attempts > 0 || !core_note_reserve(core, partition))
            continue;
        job->intent = true;
        add(partition, job);
    }
    keep_strays(core, partition);
}
