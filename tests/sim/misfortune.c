/* SPDX-License-Identifier: Apache-2.0 */
/* Every one of them may strike at any moment: between a read and a commit, while a send is under
 * way, while another is not over. Sound providers are left in peace, or nothing could be said of
 * them. */
#include "misfortune.h"

#include "world.h"

#define HOUR_MS 3600000
#define GUESSES 50
#define SKEW_MOST_MS 60000
#define TOMBSTONES_KEPT_MS 600000 /* longer than anybody reads behind */

static struct process *anybody(struct world *world)
{
    return &world->processes[random_below(&world->random, (uint64_t)world->plan.processes)];
}

static void kill_one(struct world *world, struct process *process)
{
    if (process->state == PROCESS_DOWN)
        return;
    world->crashes++;
    process_kill(world, process, world_between(world, 200, world_mishap(world, 3) ? 60000 : 5000));
    world->next_ms[EVENT_PROCESS + process->number] = process->until_ms;
}

static void stop_one(struct world *world, struct process *process)
{
    if (process->state != PROCESS_RUNNING)
        return;
    world->stops++;
    process_stop(world, process, world_between(world, 200, 40000));
    world->next_ms[EVENT_PROCESS + process->number] = process->until_ms;
}

static void restart_one(struct world *world, struct process *process)
{
    if (process->state != PROCESS_RUNNING)
        return;
    world->restarts++;
    process_leave(world, process);
    world->next_ms[EVENT_PROCESS + process->number] = world->now_ms + 1;
}

static void move_one(struct world *world, struct process *process)
{
    const int32_t first = (int32_t)random_below(&world->random, (uint64_t)world->plan.partitions);
    if (process->state != PROCESS_RUNNING)
        return;
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        const int32_t partition = (first + i) % world->plan.partitions;
        if (!process->owned[partition].ours)
            continue;
        world->rebalances++;
        process_yield(world, process, partition);
        world->next_ms[EVENT_PROCESS + process->number] = world->now_ms + 1;
        return;
    }
}

static void shift_clock(struct world *world, struct process *process)
{
    if (process->state != PROCESS_RUNNING)
        return;
    world->jumps++;
    process->jumped_ms = world->now_ms;
    process->skew_ms = process->skew_ms ? 0 : world_between(world, -SKEW_MOST_MS, SKEW_MOST_MS);
    for (int32_t i = 0; i < world->plan.partitions; i++)
        if (process->owned[i].ours)
            world->ledger.disturbed_ms[i] = world->ledger.away_ms[i] = world->now_ms;
    world->next_ms[EVENT_PROCESS + process->number] = world->now_ms + 1;
}

static void cut_one_off(struct world *world, struct process *process)
{
    if (process->state != PROCESS_RUNNING || process->cut_off_ms)
        return;
    world->cuts++;
    process_cut_off(world, process, world_between(world, 100, 30000));
    world->next_ms[EVENT_PROCESS + process->number] = world->now_ms + 1;
}

void misfortune_strike(struct world *world)
{
    struct process *process = anybody(world);
    switch (random_below(&world->random, 9)) {
    case 0:
    case 1:
        kill_one(world, process);
        break;
    case 2:
        stop_one(world, process);
        break;
    case 3:
        restart_one(world, process);
        break;
    case 4:
    case 5:
        move_one(world, process);
        break;
    case 6:
        cut_one_off(world, process);
        break;
    case 7:
        shift_clock(world, process);
        break;
    default:
        world->outages++;
        world->kafka_back_ms = world->now_ms + world_between(world, 100, 60000);
        break;
    }
    world->next_ms[EVENT_MISFORTUNE] =
        world->now_ms + world_between(world, 1, 2LL * HOUR_MS / world->plan.misfortunes);
}

void misfortune_change_directory(struct world *world)
{
    const int32_t number =
        (int32_t)random_below(&world->random, (uint64_t)world->plan.destinations);
    struct provider *provider = &world->providers.items[number];
    world->next_ms[EVENT_DIRECTORY] =
        world->now_ms + world_between(world, 1000, world->plan.directory_ms);
    if (world->sound[number])
        return;
    if (provider->paused) {
        provider->paused = false;
    } else if (random_below(&world->random, 3)) {
        provider->endpoint++;
        provider->cured |= provider->temper == TEMPER_GONE;
    } else {
        provider->paused = true;
    }
    watch_changed(&world->watch, number, world->now_ms);
    for (int32_t i = 0; i < world->plan.processes; i++) {
        struct process *process = &world->processes[i];
        if (!process->core)
            continue;
        deliver_directory_changed(process->core, process_clock(world, process));
        if (process_alive(process))
            world->next_ms[EVENT_PROCESS + i] = world->now_ms + 1;
    }
}

/* All of a destination's may be sent at once, whatever it had asked for. */
static void end_waits(struct world *world, int32_t number)
{
    for (int32_t i = 0; i < world->ledger.created; i++) {
        struct referral *referral = &world->ledger.referrals[i];
        if (referral->hop != NO_HOP && referral->destination == number)
            referral->told_ms = referral->kept_ms = 0;
    }
}

static void release(struct world *world, struct process *process, int32_t number, int64_t clock_ms)
{
    (void)deliver_release(process->core, world->providers.items[number].code, clock_ms);
    watch_changed(&world->watch, number, world->now_ms);
    end_waits(world, number);
}

/* One that is pending, if a few guesses find any; else NOBODY. */
static int32_t somebody_pending(struct world *world)
{
    for (int i = 0; world->ledger.created && i < GUESSES; i++) {
        const int32_t number =
            (int32_t)random_below(&world->random, (uint64_t)world->ledger.created);
        if (world->ledger.referrals[number].hop != NO_HOP)
            return number;
    }
    return NOBODY;
}

void misfortune_operate(struct world *world)
{
    const int32_t chosen = somebody_pending(world);
    if (chosen == NOBODY)
        return;
    struct referral *referral = &world->ledger.referrals[chosen];
    const int32_t owner = world->owners[ledger_partition(&world->ledger, referral->destination)];
    if (owner == NOBODY || world->processes[owner].state != PROCESS_RUNNING)
        return;
    struct process *process = &world->processes[owner];
    const int64_t clock_ms = process_clock(world, process);
    const char *code = world->providers.items[referral->destination].code;
    const struct uuid id = place_id(chosen, referral->hop);
    world->orders++;
    switch (random_below(&world->random, 5)) {
    case 0:
        release(world, process, referral->destination, clock_ms);
        break;
    case 1:
        if (deliver_retry_now(process->core, &id, clock_ms))
            referral->told_ms = referral->kept_ms = 0;
        break;
    case 2:
        (void)deliver_reroute(process->core, &id, clock_ms);
        break;
    case 3:
        (void)deliver_retry_all(process->core, code, clock_ms);
        end_waits(world, referral->destination);
        break;
    default:
        (void)deliver_reroute_all(process->core, code, clock_ms);
        break;
    }
    world->next_ms[EVENT_PROCESS + owner] = world->now_ms + 1;
}

void misfortune_compact(struct world *world)
{
    const int32_t partition =
        (int32_t)random_below(&world->random, (uint64_t)world->plan.partitions);
    world->compactions++;
    topic_compact(world->topic, partition, (size_t)world_between(world, 0, 50), world->now_ms,
                  TOMBSTONES_KEPT_MS);
    world->next_ms[EVENT_COMPACTION] = world->now_ms + world_between(world, 1000, 120000);
}
