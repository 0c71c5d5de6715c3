/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the shell, one turn at a time: answers in, the stream's turn, sends out. What a turn
 * does takes no time; the world decides how long it is until the next. */
#include "process.h"

#include "world.h"

#include <stdlib.h>
#include <string.h>

#define YIELD_MS 5000
#define LEAVE_MS 25000
#define HELD_UP_MS 10000
#define HELD_UP_ONE_IN 1000 /* referrals, in such a time */
#define IN_VAIN_MOST 1000   /* sends in a turn */

int64_t process_clock(const struct world *world, const struct process *process)
{
    return world->now_ms + process->skew_ms;
}

bool process_alive(const struct process *process)
{
    return process->state == PROCESS_RUNNING || process->state == PROCESS_YIELDING;
}

static void on_endpoint(void *self, const char *code, struct endpoint_state *ret_state)
{
    const struct world *world = self;
    const struct provider *provider = &world->providers.items[provider_number(code)];
    ret_state->usable = !provider->paused;
    ret_state->hash = provider->endpoint;
    ret_state->host = (uint64_t)provider->host + 1;
}

bool process_start(struct world *world, struct process *process)
{
    const struct plan *plan = &world->plan;
    process->life = ++world->lives * PROCESSES_MAX + process->number;
    const struct deliver_options options = {
        .pending_max = plan->pending_max,
        .in_flight_max = plan->in_flight_max,
        .slow_max = plan->slow_max,
        .intent = plan->intent,
        .attempt_timeout_ms = 30000,
        .probe_first_ms = 15000,
        .probe_most_ms = 300000,
        .seed = plan_draw(plan, "core", process->number, process->life),
        .self = world,
        .endpoint = on_endpoint};
    process->core = deliver_new(&options);
    process->flights_count = plan->in_flight_max * 2 + plan->slow_max;
    process->flights = calloc(process->flights_count, sizeof(*process->flights));
    heap_init(&process->landings, offsetof(struct flight_seen, slot));
    if (!process->core || !process->flights ||
        !heap_reserve(&process->landings, process->flights_count))
        return false;
    if (process->transaction) /* of the life before: init_transactions ends it */
        stream_undo(world, process);
    process->state = PROCESS_RUNNING;
    process->unresolved = process->read_any = false;
    process->cut_off_ms = process->cut_until_ms = 0;
    process->stream_ms = process->commit_ms = world->now_ms;
    process->skew_ms = process->backoff_ms = 0;
    for (int32_t i = 0; i < plan->partitions; i++)
        if (world->owners[i] == process->number)
            process_assign(world, process, i);
    world_share(world);
    return true;
}

void process_clear(struct process *process)
{
    deliver_free(process->core);
    free(process->flights);
    heap_clear(&process->landings);
    process->core = NULL;
    process->flights = NULL;
    process->under_way = 0;
}

void process_assign(struct world *world, struct process *process, int32_t partition)
{
    struct owned *owned = &process->owned[partition];
    const int32_t assignment = owned->assignment + 1;
    if (!deliver_assigned(process->core, partition))
        abort();
    *owned = (struct owned){.nonce = ++world->nonces, .ours = true, .assignment = assignment};
    world->owners[partition] = process->number;
    world->ledger.taken_over_ms[partition] = world->now_ms;
    for (int32_t i = partition; i < world->plan.destinations; i += world->plan.partitions)
        watch_forgotten(&world->watch, i, process->life);
}

static void forget(struct process *process, int32_t partition)
{
    process->owned[partition] = (struct owned){.assignment = process->owned[partition].assignment};
}

/* ---- dying, stopping, leaving */

void process_kill(struct world *world, struct process *process, int64_t down_for_ms)
{
    process_clear(process);
    for (int32_t i = 0; i < world->plan.partitions; i++)
        forget(process, i);
    process->effects.count = 0;
    process->unresolved = false;
    process->state = PROCESS_DOWN;
    process->down_ms = world->now_ms;
    process->until_ms = world->now_ms + down_for_ms;
}

void process_stop(struct world *world, struct process *process, int64_t stopped_for_ms)
{
    if (world->now_ms >= world->kafka_back_ms && world_between(world, 0, 1))
        stream_leave_open(world, process);
    process->state = PROCESS_STOPPED;
    process->down_ms = world->now_ms;
    process->until_ms = world->now_ms + stopped_for_ms;
}

static void lose(struct world *world, struct process *process, int32_t partition)
{
    deliver_revoked(process->core, partition);
    forget(process, partition);
    if (world->owners[partition] == process->number)
        world->owners[partition] = NOBODY;
}

/* It finds out what has happened before it does anything else. */
static void wake(struct world *world, struct process *process)
{
    bool lost = false;
    process->state = PROCESS_RUNNING;
    for (int32_t i = 0; i < world->plan.partitions; i++)
        lost |= process->owned[i].ours && world->owners[i] != process->number;
    if (process->transaction && !process->unresolved)
        stream_undo(world, process); /* timed out, or fenced */
    for (int32_t i = 0; lost && i < world->plan.partitions; i++)
        if (process->owned[i].ours && world->owners[i] != process->number)
            lose(world, process, i);
    world_share(world);
}

void process_cut_off(struct world *world, struct process *process, int64_t cut_for_ms)
{
    process->cut_off_ms = world->now_ms;
    process->cut_until_ms = world->now_ms + cut_for_ms;
}

/* After a session without Kafka it knows that it has lost everything, before anybody else has it.
 */
static void see_cut(struct world *world, struct process *process)
{
    if (world->now_ms >= process->cut_off_ms + SESSION_MS)
        for (int32_t i = 0; i < world->plan.partitions; i++)
            if (process->owned[i].ours)
                lose(world, process, i);
    if (world->now_ms >= process->cut_until_ms)
        process->cut_off_ms = process->cut_until_ms = 0;
    world_share(world);
}

void process_yield(struct world *world, struct process *process, int32_t partition)
{
    process->owned[partition].to_give = true;
    process->state = PROCESS_YIELDING;
    process->until_ms = world->now_ms + YIELD_MS;
    flights_recall(world, process);
}

static void give(struct world *world, struct process *process)
{
    if (process->under_way && world->now_ms < process->until_ms)
        return;
    process->state = PROCESS_RUNNING;
    if (!process->unresolved && world->now_ms >= world->kafka_back_ms)
        (void)stream_settle(world, process);
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        if (process->owned[i].to_give)
            lose(world, process, i);
    }
    world_share(world);
}

void process_leave(struct world *world, struct process *process)
{
    process->state = PROCESS_LEAVING;
    process->until_ms = world->now_ms + LEAVE_MS;
    deliver_drain(process->core);
    flights_recall(world, process);
}

static void leave(struct world *world, struct process *process)
{
    struct deliver_counts counts;
    deliver_count(process->core, &counts);
    if (counts.facts || counts.in_flight) {
        if (world->now_ms < process->until_ms)
            return;
    }
    process_kill(world, process, world_between(world, 500, 5000));
}

/* ---- the turn */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t next_turn(const struct world *world, const struct process *process)
{
    int64_t next_ms = INT64_MAX;
    int64_t key;
    if (process->state == PROCESS_DOWN || process->state == PROCESS_STOPPED)
        return process->until_ms;
    if (heap_top(&process->landings, &key))
        next_ms = key;
    key = deliver_wake_at(process->core);
    if (key != INT64_MAX)
        next_ms = sooner(next_ms, key - process->skew_ms);
    if (process->state != PROCESS_RUNNING)
        next_ms = sooner(next_ms, process->until_ms);
    int64_t stream_ms = later(process->stream_ms, world->kafka_back_ms);
    if (process->cut_off_ms) {
        stream_ms = later(stream_ms, process->cut_until_ms);
        next_ms = sooner(next_ms, sooner(process->cut_until_ms, process->cut_off_ms + SESSION_MS));
    }
    bool news = process->read_any || deliver_has_news(process->core);
    for (int32_t i = 0; i < world->plan.partitions; i++)
        news |= process->owned[i].nonce && !process->owned[i].fence_written;
    const int64_t input_ms = stream_input_at(world, process);
    if (process->unresolved)
        next_ms = sooner(next_ms, stream_ms);
    else if (input_ms != INT64_MAX)
        next_ms = sooner(next_ms, later(stream_ms, input_ms));
    if (!process->unresolved && news)
        next_ms = sooner(next_ms, later(stream_ms, process->commit_ms));
    return later(next_ms, world->now_ms + 1);
}

/* Nothing is sent, for a fault of ours, some ten seconds long: a schema that only an absent
 * registry knows, or a signature that can't be made. */
static bool held_up(struct world *world, struct process *process, const struct deliver_send *send)
{
    struct place place;
    memcpy(&place, send->job->record, sizeof(place));
    const uint64_t draw =
        plan_draw(&world->plan, "held-up", place.referral, world->now_ms / HELD_UP_MS);
    if (world->quiet || draw % HELD_UP_ONE_IN)
        return false;
    const bool all = draw / HELD_UP_ONE_IN % 2;
    const struct answer answer = {.error = all ? "not-signed" : "registry-away",
                                  .unstarted = true,
                                  .holds = all ? HOLDS_DESTINATION : HOLDS_DELIVERY};
    world_tell(world, place.referral, "process %d can't send hop %d: %s", process->number,
               place.hop, answer.error);
    deliver_answered(process->core, send->flight, &answer, process_clock(world, process));
    return true;
}

static void send_due(struct world *world, struct process *process)
{
    struct deliver_send send;
    int32_t in_vain = 0;
    while (!world->finding.promise &&
           deliver_next_send(process->core, process_clock(world, process), &send)) {
        if (!held_up(world, process, &send))
            flights_start(world, process, &send);
        else if (++in_vain > IN_VAIN_MOST)
            finding_set(&world->finding, world->now_ms - world->start_ms, "a turn ends",
                        "what can't be sent is tried again at once");
    }
}

void process_turn(struct world *world, struct process *process)
{
    if (process->state == PROCESS_DOWN && !process_start(world, process))
        abort();
    if (process->state == PROCESS_STOPPED)
        wake(world, process);
    flights_hear(world, process);
    if (process->cut_off_ms)
        see_cut(world, process);
    const bool stream = !process->cut_off_ms && world->now_ms >= world->kafka_back_ms &&
                        world->now_ms >= process->stream_ms;
    if (stream && process->unresolved)
        stream_resolve(world, process);
    else if (process->state == PROCESS_YIELDING)
        give(world, process);
    else if (stream && stream_turn(world, process))
        stream_read_again(world, process);
    deliver_tick(process->core, process_clock(world, process));
    if (process->state == PROCESS_RUNNING)
        send_due(world, process);
    if (process->state == PROCESS_LEAVING)
        leave(world, process);
    world->next_ms[EVENT_PROCESS + process->number] = next_turn(world, process);
}
