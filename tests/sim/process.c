/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the shell, one turn at a time: answers in, the stream's turn, sends out. What a turn
 * does takes no time; the world decides how long it is until the next. */
#include "process.h"

#include "backoff.h"
#include "base/map.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define YIELD_MS 5000
#define LEAVE_MS 25000
#define FLIGHT_LATE_ONE_IN 16 /* begins only a moment after it was handed over */

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
    process->flights_count = plan->in_flight_max + plan->slow_max;
    process->flights = calloc(process->flights_count, sizeof(*process->flights));
    heap_init(&process->landings, offsetof(struct flight_seen, slot));
    if (!process->core || !process->flights ||
        !heap_reserve(&process->landings, process->flights_count))
        return false;
    if (process->transaction) /* of the life before: init_transactions ends it */
        stream_undo(world, process);
    process->state = PROCESS_RUNNING;
    process->unresolved = process->read_any = false;
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

/* ---- sending */

static void check_send(struct world *world, const struct process *process,
                       const struct deliver_send *send, const struct place *place)
{
    struct finding *finding = &world->finding;
    const struct referral *referral = &world->ledger.referrals[place->referral];
    const int32_t partition = ledger_partition(&world->ledger, place->destination);
    const int64_t at_ms = world->now_ms - world->start_ms;
    const int64_t clock_ms = process_clock(world, process);
    if (referral->hop != place->hop)
        finding_set(finding, at_ms, "nothing is sent after its end",
                    "hop %d of referral %d is sent while it is at hop %d", place->hop,
                    place->referral, referral->hop);
    if (clock_ms + send->timeout_ms > place->deadline_at_ms)
        finding_set(finding, at_ms, "no attempt outlasts the deadline",
                    "referral %d may be under way until %" PRId64 " ms after it", place->referral,
                    clock_ms + send->timeout_ms - place->deadline_at_ms);
    if (referral->sends && !send->possible_duplicate)
        finding_set(finding, at_ms, "duplicates are marked",
                    "send %d of hop %d of referral %d carries no mark", referral->sends + 1,
                    place->hop, place->referral);
    if (!referral->sends && send->possible_duplicate &&
        world->ledger.taken_over_ms[partition] < referral->hop_placed_ms)
        finding_set(finding, at_ms, "only duplicates are marked",
                    "the first send of hop %d of referral %d is marked, nobody had restarted",
                    place->hop, place->referral);
    if (clock_ms < referral->kept_ms && process->jumped_ms <= referral->last_heard_ms)
        finding_set(finding, at_ms, "Retry-After is kept",
                    "referral %d is sent %" PRId64 " ms too early", place->referral,
                    referral->kept_ms - clock_ms);
    const size_t slow = deliver_slow_in_flight(process->core);
    const size_t fast = process->under_way + 1 - slow; /* with this one */
    if (process->under_way + 1 < slow || fast > world->plan.in_flight_max ||
        process->under_way >= process->flights_count)
        finding_set(finding, at_ms, "bounds are kept", "%zu sends under way, and %zu slow ones",
                    fast, slow);
}

static void depart(struct world *world, struct process *process, const struct deliver_send *send)
{
    struct place place;
    memcpy(&place, send->job->record, sizeof(place));
    struct referral *referral = &world->ledger.referrals[place.referral];
    const int32_t partition = ledger_partition(&world->ledger, place.destination);
    check_send(world, process, send, &place);
    watch_sent(&world->watch, place.destination, process->life, world->now_ms,
               process_clock(world, process));
    struct flight_seen *flight = &process->flights[send->flight];
    *flight = (struct flight_seen){.begins_ms = world->now_ms,
                                   .referral = place.referral,
                                   .hop = place.hop,
                                   .destination = place.destination,
                                   .assignment = process->owned[partition].assignment,
                                   .number = send->flight,
                                   .used = true};
    const uint64_t draw =
        plan_draw(&world->plan, "reply", place.referral * HOPS_MAX + place.hop, referral->sends);
    provider_reply(&world->providers, place.destination, world->now_ms, send->timeout_ms,
                   referral->taken, draw, &flight->reply);
    if (world_mishap(world, FLIGHT_LATE_ONE_IN))
        flight->begins_ms += world_between(world, 0, 300);
    flight->ends_ms = world->now_ms + flight->reply.wait_ms;
    heap_put(&process->landings, flight, flight->ends_ms);
    process->under_way++;
    referral->sends++;
    referral->last_sent_ms = world->now_ms;
    flight->first_taken = flight->reply.taken && !referral->taken;
    referral->taken |= flight->reply.taken;
    world_note(world, hash_bytes(&place, sizeof(place), (uint64_t)world->now_ms));
    world_tell(world, place.referral, "process %d sends hop %d to %s%s, at most %" PRId64 " ms",
               process->number, place.hop, send->destination,
               send->possible_duplicate ? ", marked" : "", send->timeout_ms);
}

static void land(struct world *world, struct process *process, struct flight_seen *flight,
                 bool begun)
{
    const int64_t clock_ms = process_clock(world, process);
    const int32_t partition = ledger_partition(&world->ledger, flight->destination);
    const struct owned *owned = &process->owned[partition];
    struct referral *referral = &world->ledger.referrals[flight->referral];
    const bool ours = owned->ours && owned->assignment == flight->assignment;
    struct answer answer = flight->reply.answer;
    int64_t told_ms;
    if (!begun) {
        answer = (struct answer){.error = "unstarted", .unstarted = true};
        if (referral->hop == flight->hop) {
            referral->sends--;
            referral->taken &= !flight->first_taken;
        }
    } else {
        if (answer.retry_after)
            answer.retry_after = flight->reply.retry_after;
        const bool told = retry_after_parse(answer.retry_after, clock_ms, &told_ms);
        if (referral->hop == flight->hop) {
            referral->not_before_ms = told ? world->now_ms + told_ms : 0;
            referral->told_ms = told ? clock_ms + told_ms : 0;
        }
    }
    world_tell(world, flight->referral, "process %d hears %d %s of hop %d", process->number,
               answer.status, answer.error ? answer.error : "", flight->hop);
    heap_remove(&process->landings, flight);
    flight->used = false;
    process->under_way--;
    if (referral->hop == flight->hop)
        referral->last_heard_ms = world->now_ms;
    watch_heard(&world->watch, flight->destination, process->life, ours, &answer, world->now_ms,
                clock_ms);
    deliver_answered(process->core, flight->number, &answer, clock_ms);
}

static void hear(struct world *world, struct process *process)
{
    struct flight_seen *flight;
    int64_t ends_ms;
    while ((flight = heap_top(&process->landings, &ends_ms)) && ends_ms <= world->now_ms)
        land(world, process, flight, true);
}

/* What has not begun ends now. */
static void recall(struct world *world, struct process *process)
{
    for (size_t i = 0; i < process->flights_count; i++)
        if (process->flights[i].used && process->flights[i].begins_ms > world->now_ms)
            land(world, process, &process->flights[i], false);
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

/* It finds out what has happened before it does anything else. */
static void wake(struct world *world, struct process *process)
{
    bool lost = false;
    process->state = PROCESS_RUNNING;
    for (int32_t i = 0; i < world->plan.partitions; i++)
        lost |= process->owned[i].ours && world->owners[i] != process->number;
    if (process->transaction && !process->unresolved)
        stream_undo(world, process); /* timed out, or fenced */
    for (int32_t i = 0; lost && i < world->plan.partitions; i++) {
        if (!process->owned[i].ours || world->owners[i] == process->number)
            continue;
        deliver_revoked(process->core, i);
        forget(process, i);
    }
    world_share(world);
}

void process_yield(struct world *world, struct process *process, int32_t partition)
{
    process->owned[partition].to_give = true;
    process->state = PROCESS_YIELDING;
    process->until_ms = world->now_ms + YIELD_MS;
    recall(world, process);
}

static void give(struct world *world, struct process *process)
{
    if (process->under_way && world->now_ms < process->until_ms)
        return;
    process->state = PROCESS_RUNNING;
    if (!process->unresolved && world->now_ms >= world->kafka_back_ms)
        (void)stream_settle(world, process);
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        if (!process->owned[i].to_give)
            continue;
        deliver_revoked(process->core, i);
        forget(process, i);
        world->owners[i] = NOBODY;
    }
    world_share(world);
}

void process_leave(struct world *world, struct process *process)
{
    process->state = PROCESS_LEAVING;
    process->until_ms = world->now_ms + LEAVE_MS;
    deliver_drain(process->core);
    recall(world, process);
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
    const int64_t stream_ms = later(process->stream_ms, world->kafka_back_ms);
    bool news = process->read_any || deliver_has_news(process->core);
    for (int32_t i = 0; i < world->plan.partitions; i++)
        news |= process->owned[i].nonce && !process->owned[i].fence_written;
    if (process->unresolved || stream_has_input(world, process))
        next_ms = sooner(next_ms, stream_ms);
    else if (news)
        next_ms = sooner(next_ms, later(stream_ms, process->commit_ms));
    return later(next_ms, world->now_ms + 1);
}

void process_turn(struct world *world, struct process *process)
{
    if (process->state == PROCESS_DOWN && !process_start(world, process))
        abort();
    if (process->state == PROCESS_STOPPED)
        wake(world, process);
    hear(world, process);
    const bool stream =
        world->now_ms >= world->kafka_back_ms && world->now_ms >= process->stream_ms;
    if (stream && process->unresolved)
        stream_resolve(world, process);
    else if (process->state == PROCESS_YIELDING)
        give(world, process);
    else if (stream)
        (void)stream_turn(world, process);
    deliver_tick(process->core, process_clock(world, process));
    struct deliver_send send;
    while (process->state == PROCESS_RUNNING && !world->finding.promise &&
           deliver_next_send(process->core, process_clock(world, process), &send))
        depart(world, process, &send);
    if (process->state == PROCESS_LEAVING)
        leave(world, process);
    world->next_ms[EVENT_PROCESS + process->number] = next_turn(world, process);
}
