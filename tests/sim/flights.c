/* SPDX-License-Identifier: Apache-2.0 */
/* Sends under way. What each send must be like is checked when it begins. */
#include "core/backoff.h"
#include "base/map.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define LATE_ONE_IN 16 /* begins only a moment after it was handed over */

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
    /* What is due soon is held, room or not, up to a quarter more. */
    if (world->plan.bounded) {
        struct deliver_counts counts;
        deliver_count(process->core, &counts);
        if (counts.pending > world->plan.pending_max + world->plan.pending_max / 4)
            finding_set(finding, at_ms, "bounds are kept", "%zu deliveries are held",
                        counts.pending);
    }
    const size_t slow = deliver_slow_in_flight(process->core);
    const size_t fast = process->under_way + 1 - slow; /* with this one */
    /* What has changed its lane under way is on top, but nothing is added to it. */
    const bool full = deliver_to_slow(process->core, send->flight)
                          ? slow > world->plan.slow_max
                          : fast > world->plan.in_flight_max;
    if (process->under_way + 1 < slow || full || process->under_way >= process->flights_count)
        finding_set(finding, at_ms, "bounds are kept", "%zu sends under way, and %zu slow ones",
                    fast, slow);
}

void flights_start(struct world *world, struct process *process, const struct deliver_send *send)
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
    if (world_mishap(world, LATE_ONE_IN))
        flight->begins_ms += world_between(world, 0, 300);
    flight->ends_ms = world->now_ms + flight->reply.wait_ms;
    heap_put(&process->landings, flight,
             flight->begins_ms < flight->ends_ms ? flight->begins_ms : flight->ends_ms);
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
            referral->sends -= answer.unsent;
            referral->not_before_ms = told ? world->now_ms + told_ms : 0;
            if (ours) /* who has lost the partition can tell nobody */
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

void flights_hear(struct world *world, struct process *process)
{
    struct flight_seen *flight;
    int64_t at_ms;
    while ((flight = heap_top(&process->landings, &at_ms)) && at_ms <= world->now_ms) {
        if (at_ms >= flight->ends_ms) {
            land(world, process, flight, true);
            continue;
        }
        deliver_begun(process->core, flight->number, process_clock(world, process));
        heap_put(&process->landings, flight, flight->ends_ms);
    }
}

void flights_recall(struct world *world, struct process *process)
{
    for (size_t i = 0; i < process->flights_count; i++)
        if (process->flights[i].used && process->flights[i].begins_ms > world->now_ms)
            land(world, process, &process->flights[i], false);
}
