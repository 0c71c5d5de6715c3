/* SPDX-License-Identifier: Apache-2.0 */
/* More deliveries than memory is meant for. The topic has them all, so what doesn't fit is left
 * there: all that is kept of it is its id, and per partition from which offset on to read again and
 * when the first of them has to be looked at. It is always the destination that holds most that
 * gives way, so that the backlog of a dead one never keeps the others' new work out. A partition is
 * read again, as after an assignment, when there is room, in time before a deadline, and when one
 * that is well has done what is held of it and would get the room of others. The ids tell what was
 * left from what is finished: without them the records of finished deliveries would take the room,
 * again and again. */
#include "core/core.h"

#define FORCED_MS (2 * LEFT_AHEAD_MS) /* what is due within it is held, room or not */
#define READ_AGAIN_INTERVAL_MS 10000
#define FULLEST_USES 1000
#define CANDIDATES 8
#define LEFT_MAX(core) ((core)->options.pending_max * 8 + 1000000)
#define BEYOND_MAX(core) ((core)->options.pending_max / 4) /* for what is due and finds no room */

size_t core_pending(const struct deliverer *core)
{
    return core->jobs.count - core->ghosts;
}

static void count_more(struct deliverer *core, struct partition *partition, const struct left *left)
{
    const bool now = left->want >= LEFT_RETRY_NOW;
    core->left_count++;
    left->destination->left_count++;
    partition->left_now += now;
    left->destination->asked += now;
}

static void count_less(struct deliverer *core, struct partition *partition, const struct left *left)
{
    const bool now = left->want >= LEFT_RETRY_NOW;
    core->left_count--;
    left->destination->left_count--;
    partition->left_now -= now;
    left->destination->asked -= now;
}

bool core_left_mark(struct deliverer *core, struct partition *partition, const struct uuid *id,
                    struct left *left)
{
    const struct left *before = core_left(partition, id);
    if (!map_set(partition->left, id->bytes, sizeof(id->bytes), left, NULL))
        return false;
    if (before)
        count_less(core, partition, before);
    count_more(core, partition, left);
    return true;
}

bool core_leave(struct deliverer *core, struct partition *partition, struct left *left,
                const struct uuid *id, int64_t offset, int64_t due_ms)
{
    if (!partition->left && !(partition->left = map_new(LEFT_MAX(core))))
        return false;
    if ((core->left_count >= LEFT_MAX(core) && !core_left(partition, id)) ||
        !core_left_mark(core, partition, id, left))
        return false;
    if (!partition->left_any || offset < partition->left_from)
        partition->left_from = offset;
    if (!partition->left_any || due_ms < partition->left_due_ms)
        partition->left_due_ms = due_ms;
    partition->left_any = true;
    return true;
}

struct left *core_left(const struct partition *partition, const struct uuid *id)
{
    return partition->left ? map_get(partition->left, id->bytes, sizeof(id->bytes)) : NULL;
}

void core_left_no_more(struct deliverer *core, struct partition *partition, const struct uuid *id)
{
    const struct left *left =
        partition->left ? map_remove(partition->left, id->bytes, sizeof(id->bytes)) : NULL;
    if (left)
        count_less(core, partition, left);
}

void core_leave_none(struct deliverer *core, struct partition *partition)
{
    if (!partition->left)
        return;
    size_t cursor = 0;
    void *value;
    while (map_next(partition->left, &cursor, NULL, NULL, &value))
        count_less(core, partition, value);
    map_free(partition->left, NULL);
    partition->left = NULL;
}

/* The destination with the most jobs, or nearly so: it is looked for now and then only. */
static struct destination *fullest(struct deliverer *core)
{
    if (core->fullest && core->fullest_uses++ < FULLEST_USES &&
        core->fullest->jobs_count >= core->fullest_count / 2)
        return core->fullest;
    size_t cursor = 0;
    void *value;
    core->fullest = NULL;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value)) {
        struct destination *destination = value;
        if (!core->fullest || destination->jobs_count > core->fullest->jobs_count)
            core->fullest = destination;
    }
    core->fullest_uses = 0;
    core->fullest_count = core->fullest ? core->fullest->jobs_count : 0;
    return core->fullest;
}

/* Nobody would miss it for a while: not due soon, and what the topic says of it is all that is
 * known, but for what is wanted of it. */
static bool can_be_spared(const struct deliverer *core, const struct job *job, int64_t now_ms)
{
    return !job->note_place && core_give_up_at(core, job) - now_ms > FORCED_MS;
}

static struct job *spare(const struct deliverer *core, const struct destination *destination,
                         int64_t now_ms)
{
    const struct queue *queues[] = {&destination->fresh, &destination->waiting,
                                    &destination->ready};
    for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++) {
        for (size_t back = 0; back < queues[i]->count && back < CANDIDATES; back++) {
            struct job *job = queue_late(queues[i], &core->pool, back);
            if (job && can_be_spared(core, job, now_ms))
                return job;
        }
    }
    return NULL;
}

/* What no longer waits will not have to when it is held again. */
static bool give_way(struct deliverer *core, struct job *job, int64_t now_ms)
{
    struct destination *destination = job->destination;
    const bool waits = job->stage == JOB_WAITING || job->stage == JOB_HELD;
    const enum left_want want = waits ? (enum left_want)job->want : LEFT_RETRY;
    if (!core_leave(core, core_partition(core, job->partition), &destination->lefts[want], &job->id,
                    job->offset, core_give_up_at(core, job)))
        return false;
    destination->left = true;
    core_remove(core, job);
    core_refresh(core, destination, now_ms);
    return true;
}

void core_let_go(struct deliverer *core, struct job *job, int64_t now_ms)
{
    if (core_pending(core) > core->options.pending_max && job->stage <= JOB_WAITING &&
        can_be_spared(core, job, now_ms))
        (void)give_way(core, job, now_ms);
}

static bool take_room(struct deliverer *core, const struct destination *destination,
                      int64_t give_up_ms, int64_t now_ms)
{
    const bool forced = give_up_ms - now_ms <= FORCED_MS;
    struct destination *from = fullest(core);
    if (!forced && (from == destination || (destination->jobs_count + 1) * 2 > from->jobs_count))
        return false;
    struct job *job = spare(core, from, now_ms);
    if (!job)
        return forced && core_pending(core) < core->options.pending_max + BEYOND_MAX(core);
    return give_way(core, job, now_ms);
}

bool core_make_room(struct deliverer *core, struct destination *destination, enum left_want want,
                    int64_t give_up_ms, int64_t now_ms)
{
    const size_t beyond = want >= LEFT_RETRY_NOW ? WANTED_MAX(core) : 0;
    if (core_pending(core) < core->options.pending_max + beyond ||
        take_room(core, destination, give_up_ms, now_ms))
        return true;
    destination->left = true;
    return false;
}

/* Far below its share, half of the fullest's: or each job that is done would have all read again.
 */
void core_left_hungry(struct deliverer *core, const struct destination *destination)
{
    if (core->left_count && destination->left && destination->usable && !destination->open &&
        core->fullest && destination->jobs_count * 8 < core->fullest->jobs_count)
        core->hungry = true;
}

/* From now on; who is left anew when the partitions are read will say it anew. */
static void begin_hunger(struct deliverer *core, int64_t now_ms)
{
    size_t cursor = 0;
    void *value;
    core->hungry = false;
    core->hungry_since_ms = now_ms;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value))
        ((struct destination *)value)->left = false;
}

static bool not_yet_read(const struct deliverer *core, const struct partition *partition)
{
    return partition && partition->left && map_count(partition->left) &&
           partition->read_began_ms < core->hungry_since_ms;
}

static bool worth_it(const struct deliverer *core, const struct partition *partition, bool reading,
                     int64_t now_ms)
{
    const size_t left = partition && partition->left ? map_count(partition->left) : 0;
    if (!left || partition->restoring)
        return false;
    if (core_want_due(core, partition, now_ms))
        return true;
    if (now_ms < partition->read_again_at_ms)
        return false;
    if (partition->left_any && partition->left_due_ms - now_ms <= LEFT_AHEAD_MS)
        return true;
    const size_t pending = core_pending(core), most = core->options.pending_max;
    const size_t room = pending < most ? most - pending : 0;
    if (reading)
        return false;
    return not_yet_read(core, partition) || (room > 0 && (room >= left || room >= most / 16));
}

bool deliver_next_read_again(struct deliverer *core, int64_t now_ms, int32_t *ret_partition,
                             int64_t *ret_offset)
{
    struct partition *chosen = NULL;
    bool reading = false, unread = false;
    if (!core->left_count) {
        core->hungry = false;
        core->hungry_since_ms = 0;
    }
    if (!core->left_count || core->draining)
        return false;
    if (core->hungry && !core->hungry_since_ms)
        begin_hunger(core, now_ms);
    for (size_t i = 0; i < core->partitions_count; i++) {
        reading |= core->partitions[i] && core->partitions[i]->restoring;
        unread |= not_yet_read(core, core->partitions[i]);
    }
    if (!unread)
        core->hungry_since_ms = 0;
    for (size_t i = 0; i < core->partitions_count; i++) {
        struct partition *partition = core->partitions[i];
        if (worth_it(core, partition, reading, now_ms) &&
            (!chosen || partition->read_again_at_ms < chosen->read_again_at_ms))
            chosen = partition;
    }
    if (!chosen)
        return false;
    *ret_partition = chosen->number;
    *ret_offset = chosen->left_any ? chosen->left_from : 0;
    chosen->seen_to = chosen->folded_to;
    chosen->folded_to = *ret_offset;
    chosen->left_any = false; /* what there is no room for once more will say it anew */
    chosen->restoring = true;
    chosen->read_began_ms = now_ms;
    chosen->read_again_at_ms = chosen->read_wanted_at_ms = now_ms + READ_AGAIN_INTERVAL_MS;
    return true;
}

void deliver_not_read_again(struct deliverer *core, int32_t number)
{
    struct partition *partition = core_partition(core, number);
    if (!partition || !partition->restoring)
        return;
    partition->restoring = false;
    partition->read_began_ms = 0;
    partition->left_from = partition->folded_to;
    partition->left_any = true;
    partition->folded_to = partition->seen_to;
}
