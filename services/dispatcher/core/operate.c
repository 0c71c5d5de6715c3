/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may ask of the core. Only where a delivery is not under way and nothing of it
 * waits to be written can it be taken elsewhere; the others are not counted. What stays on the
 * topic for want of room is marked, and done when it is read. */
#include "core/core.h"

#include <string.h>

static struct destination *find(const struct deliverer *core, const char *code)
{
    return map_get(core->destinations, code, strlen(code));
}

static bool idle(const struct job *job)
{
    return job->stage == JOB_FRESH || job->stage == JOB_READY || job->stage == JOB_WAITING;
}

static bool try_now(struct deliverer *core, struct job *job, int64_t now_ms)
{
    if (job->stage != JOB_WAITING)
        return false;
    core_dequeue(core, job);
    job->next_attempt_at_ms = now_ms;
    job->told_to_wait = false;
    core_enqueue(core, job, now_ms);
    return true;
}

static bool reroute(struct deliverer *core, struct job *job, int64_t now_ms)
{
    if (!idle(job))
        return false;
    core_dequeue(core, job);
    core_post_move(core, job, "operator", now_ms >= core_give_up_at(core, job), now_ms);
    job->asked = true;
    job->destination->asked++;
    return true;
}

size_t core_each(struct deliverer *core, struct destination *destination,
                 bool (*act)(struct deliverer *core, struct job *job, int64_t now_ms),
                 int64_t now_ms)
{
    struct queue *queues[] = {&destination->fresh, &destination->ready, &destination->waiting};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++)
        count += queue_each(queues[i], core, &core->pool, act, now_ms);
    return count;
}

size_t deliver_release(struct deliverer *core, const char *code, int64_t now_ms)
{
    struct destination *destination = find(core, code);
    if (!destination)
        return 0;
    destination_restart(destination);
    destination->released_at_ms = now_ms; /* also for those whose record is on its way */
    size_t count = core_each(core, destination, try_now, now_ms);
    (void)core_want(core, destination, LEFT_RETRY);
    core_refresh(core, destination, now_ms);
    return count;
}

bool deliver_retry_now(struct deliverer *core, const struct uuid *id, int64_t now_ms)
{
    struct job *job = jobs_find(&core->jobs, id);
    return job ? try_now(core, job, now_ms) : core_want_one(core, id, LEFT_RETRY_NOW);
}

size_t deliver_retry_all(struct deliverer *core, const char *code, int64_t now_ms)
{
    struct destination *destination = find(core, code);
    if (!destination)
        return 0;
    (void)core_want(core, destination, LEFT_RETRY);
    return core_each(core, destination, try_now, now_ms);
}

size_t deliver_reroute_all(struct deliverer *core, const char *code, int64_t now_ms)
{
    struct destination *destination = find(core, code);
    if (!destination)
        return 0;
    size_t count =
        core_want(core, destination, LEFT_MOVE) + core_each(core, destination, reroute, now_ms);
    core_refresh(core, destination, now_ms);
    return count;
}

bool deliver_reroute(struct deliverer *core, const struct uuid *id, int64_t now_ms)
{
    struct job *job = jobs_find(&core->jobs, id);
    if (!job)
        return core_want_one(core, id, LEFT_MOVE);
    if (!reroute(core, job, now_ms))
        return false;
    core_refresh(core, job->destination, now_ms);
    return true;
}

static void look(const struct destination *destination, struct deliver_destination *ret)
{
    const struct host *host = destination->host;
    *ret = (struct deliver_destination){
        .code = destination->code,
        .held = destination->jobs_count,
        .left = destination->left_count,
        .ready = destination->fresh.count + destination->ready.count,
        .waiting = destination->waiting.count,
        .in_flight = (size_t)destination->in_flight,
        .asked = (size_t)destination->asked,
        .window = (int32_t)destination->window,
        .usable = destination->usable,
        .retired = destination->retired,
        .open = destination->open,
        .restarted = destination->restarted,
        .host_open = host && host->open,
        .slow = destination->lane == LANE_SLOW,
        .probe_at_ms = host && host->open  ? host->probe_at_ms
                       : destination->open ? destination->probe_at_ms
                                           : 0,
        .quiet_until_ms = destination->quiet_until_ms,
        .mean_ms = (int64_t)destination->mean_ms,
    };
}

bool deliver_look(const struct deliverer *core, const char *code, struct deliver_destination *ret)
{
    const struct destination *destination = find(core, code);
    if (destination)
        look(destination, ret);
    return destination;
}

bool deliver_next_destination(const struct deliverer *core, size_t *cursor,
                              struct deliver_destination *ret)
{
    void *value;
    if (!map_next(core->destinations, cursor, NULL, NULL, &value))
        return false;
    look(value, ret);
    return true;
}

const struct job *deliver_find(const struct deliverer *core, const struct uuid *id)
{
    const struct job *job = jobs_find(&core->jobs, id);
    return job && job->stage != JOB_DONE ? job : NULL;
}
