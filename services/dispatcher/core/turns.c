/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is to send. Destinations that may send stand in one ring. One whose turn comes
 * while its host or its lane takes no more steps into that one's ring of waiters and comes back, in
 * order, as places become free, before those that came later; so nobody is looked at twice for
 * nothing, however many wait. A slot of a destination's window is taken by the send alone; what
 * waits for its transaction takes none, but when too much waits (Kafka is away) nothing new is
 * started. */
#include "core/core.h"

#include <stdlib.h>

#define ATTEMPT_LEAST_MS 1000

/* ---- hosts */

static struct host *host_of(struct deliverer *core, uint64_t hash)
{
    if (!hash)
        return NULL;
    struct host *host = map_get(core->hosts, &hash, sizeof(hash));
    if (host)
        return host;
    host = calloc(1, sizeof(*host));
    if (!host)
        return NULL;
    host_init(host);
    if (!heap_reserve(&core->host_wakes, map_count(core->hosts) + 1) ||
        !map_set(core->hosts, &hash, sizeof(hash), host, NULL)) {
        free(host);
        return NULL;
    }
    return host;
}

/* Without memory for it a destination goes without: its own breaker is enough. */
void core_join_host(struct deliverer *core, struct destination *destination, uint64_t hash)
{
    if (destination->host_hash == hash)
        return;
    if (destination->host) {
        link_remove(&destination->host_link);
        link_remove(&destination->send_link); /* it may be one of its waiters */
        destination->host->members_count--;
    }
    destination->host = host_of(core, hash);
    destination->host_hash = hash;
    destination->host_row = destination->late_row = 0;
    if (destination->host) {
        link_append(&destination->host->members, &destination->host_link);
        destination->host->members_count++;
    }
    core_choose_lane(core, destination);
}

static void call_one(struct deliverer *core, struct link *waiters)
{
    if (link_alone(waiters))
        return;
    struct link *link = waiters->next;
    link_remove(link);
    link_append(&core->called, link);
}

void core_call_waiters(struct deliverer *core, struct host *host, int64_t now_ms)
{
    if (!host || !host_may_send(host, now_ms))
        return;
    int64_t free = host->open ? 1 : host->window > 0 ? (int32_t)host->window - host->in_flight : -1;
    for (; free != 0 && !link_alone(&host->waiters); free--)
        call_one(core, &host->waiters);
}

/* It answers again. Each of its destinations starts slowly, those that are broken themselves by a
 * probe. */
static void reopen(struct deliverer *core, struct host *host, int64_t now_ms)
{
    heap_remove(&core->host_wakes, host);
    for (struct link *link = host->members.next; link != &host->members; link = link->next) {
        struct destination *destination = LINK_ITEM(link, struct destination, host_link);
        if (destination->window > WINDOW_FIRST)
            destination->window = WINDOW_FIRST;
        if (destination->open)
            destination->probe_at_ms = now_ms;
        core_release(core, destination, now_ms);
    }
}

/* It began to hang, or has ceased to: that is true of all its destinations. */
static void choose_lanes(struct deliverer *core, struct host *host)
{
    for (struct link *link = host->members.next; link != &host->members; link = link->next)
        core_choose_lane(core, LINK_ITEM(link, struct destination, host_link));
}

static void learn(struct deliverer *core, const struct flight *flight, const struct answer *answer,
                  int64_t now_ms)
{
    struct host *host = flight->host;
    const bool unreached = classify_unreached(answer), hung = host_hangs(host);
    if (answer->unstarted || !classify_telling(answer) || (!answer->status && !unreached))
        return;
    switch (host_learn(host, &flight->destination->host_row, !unreached, flight->probe, now_ms,
                       core->options.probe_first_ms, core->options.probe_most_ms)) {
    case HOST_OPENED:
        heap_put(&core->host_wakes, host, host->probe_at_ms);
        break;
    case HOST_CLOSED:
        reopen(core, host, now_ms);
        break;
    case HOST_SAME:
        break;
    }
    if (hung && !host_hangs(host))
        choose_lanes(core, host);
}

void core_host_learn(struct deliverer *core, const struct flight *flight,
                     const struct answer *answer, int64_t now_ms)
{
    if (flight->host) {
        learn(core, flight, answer, now_ms);
        if (host_untried(flight->host)) /* one may try it, though no slow place is free */
            choose_lanes(core, flight->host);
    }
    core_call_waiters(core, flight->host, now_ms);
}

void core_host_wake(struct deliverer *core, int64_t now_ms)
{
    int64_t key;
    struct host *host;
    while ((host = heap_top(&core->host_wakes, &key)) && key <= now_ms) {
        heap_remove(&core->host_wakes, host);
        core_call_waiters(core, host, now_ms);
    }
}

/* ---- lanes */

void core_choose_lane(struct deliverer *core, struct destination *destination)
{
    const enum lane lane = destination_slow(destination) ? LANE_SLOW : LANE_FAST;
    if (lane == destination->lane)
        return;
    core->lanes[destination->lane].in_flight -= (size_t)destination->in_flight;
    core->lanes[lane].in_flight += (size_t)destination->in_flight;
    destination->lane = (uint8_t)lane;
    core->slowed |= lane == LANE_SLOW;
    if (!link_alone(&destination->send_link)) { /* it may have waited for the other one */
        link_remove(&destination->send_link);
        link_append(&core->senders, &destination->send_link);
    }
}

void deliver_begun(struct deliverer *core, uint32_t number, int64_t now_ms)
{
    struct flight *flight = &core->flights[number];
    flight->started_ms = now_ms;
    flight->begun = true;
    heap_put(&core->punctual, flight, now_ms + destination_late_after_ms(flight->destination) + 1);
}

void core_note_late(struct deliverer *core, int64_t now_ms)
{
    int64_t late_at_ms;
    struct flight *flight;
    while ((flight = heap_top(&core->punctual, &late_at_ms)) && late_at_ms <= now_ms) {
        heap_remove(&core->punctual, flight);
        flight->late = true;
        flight->destination->late++;
        core_choose_lane(core, flight->destination);
        struct host *host = flight->host;
        if (!host)
            continue;
        host->late++;
        if (host == flight->destination->host)
            host_late(host, &flight->destination->late_row, now_ms);
        if (host_hangs(host))
            choose_lanes(core, host);
    }
}

static bool lane_full(const struct deliverer *core, int lane)
{
    return core->lanes[lane].in_flight >= core->lanes[lane].most;
}

size_t deliver_slow_in_flight(const struct deliverer *core)
{
    return core->lanes[LANE_SLOW].in_flight;
}

bool deliver_slowed(struct deliverer *core)
{
    const bool slowed = core->slowed;
    core->slowed = false;
    return slowed && core->lanes[LANE_SLOW].in_flight > core->lanes[LANE_SLOW].most;
}

const char *deliver_destination(const struct deliverer *core, uint32_t flight)
{
    return core->flights[flight].destination->code;
}

bool deliver_to_slow(const struct deliverer *core, uint32_t flight)
{
    return core->flights[flight].destination->lane == LANE_SLOW;
}

/* ---- departing and landing */

static bool may_start(const struct deliverer *core)
{
    return !core->draining && core->flights_free != NO_FLIGHT &&
           core_results(core) < core->results_max;
}

/* Until it leaves for good, but long enough for an answer; what that adds leaves as much again for
 * its outcome to be written before the deadline. */
static int64_t timeout_of(const struct deliverer *core, const struct job *job, int64_t now_ms)
{
    const int64_t half = (job->deadline_at_ms - now_ms) / 2;
    const int64_t least = half < ATTEMPT_LEAST_MS ? half : ATTEMPT_LEAST_MS;
    int64_t timeout = core_give_up_at(core, job) - now_ms;
    if (timeout < least)
        timeout = least;
    if (timeout > core->options.attempt_timeout_ms)
        timeout = core->options.attempt_timeout_ms;
    return timeout > 0 ? timeout : 1;
}

static void depart(struct deliverer *core, struct job *job, int64_t now_ms,
                   struct deliver_send *send)
{
    struct destination *destination = job->destination;
    struct host *host = destination->host;
    uint32_t number = core->flights_free;
    struct flight *flight = &core->flights[number];
    core->flights_free = flight->next_free;
    *flight = (struct flight){.job = job,
                              .destination = destination,
                              .host = host,
                              .started_ms = now_ms,
                              .first = !job->maybe_sent,
                              .probe = host && host->open};
    core_dequeue(core, job);
    job->stage = JOB_FLYING;
    job->flight = number;
    core->in_flight++;
    core->lanes[destination->lane].in_flight++;
    destination->in_flight++;
    if (host) {
        host->in_flight++;
        host->probing |= flight->probe;
    }
    *send = (struct deliver_send){.job = job,
                                  .destination = destination->code,
                                  .flight = number,
                                  .timeout_ms = timeout_of(core, job, now_ms),
                                  .possible_duplicate = job->maybe_sent};
    job->maybe_sent = true;
}

struct flight core_land(struct deliverer *core, uint32_t number)
{
    struct flight flight = core->flights[number];
    struct destination *destination = flight.destination;
    heap_remove(&core->punctual, &core->flights[number]);
    core->flights[number] = (struct flight){.next_free = core->flights_free};
    core->flights_free = number;
    core->in_flight--;
    core->lanes[destination->lane].in_flight--;
    destination->in_flight--;
    destination->late -= flight.late;
    if (flight.host) {
        flight.host->in_flight--;
        flight.host->late -= flight.late;
        flight.host->probing &= !flight.probe;
    }
    if (flight.job)
        flight.job->flight = NO_FLIGHT;
    return flight;
}

/* The destination may send for its own part: may it also for its host's and its lane's? If not it
 * waits there. */
static bool let_through(struct destination *destination, struct deliverer *core, int64_t now_ms)
{
    struct host *host = destination->host;
    core_choose_lane(core, destination);
    if (host && !host_may_send(host, now_ms)) {
        link_append(&host->waiters, &destination->send_link);
        return false;
    }
    if (lane_full(core, destination->lane)) {
        link_append(&core->lanes[destination->lane].waiters, &destination->send_link);
        return false;
    }
    return true;
}

/* Those called go first, for they have waited longest. NULL if nobody may send. */
static struct destination *take_turn(struct deliverer *core)
{
    for (int lane = 0; lane < LANES && link_alone(&core->called); lane++)
        if (!lane_full(core, lane))
            call_one(core, &core->lanes[lane].waiters);
    struct link *ring = !link_alone(&core->called) ? &core->called : &core->senders;
    if (link_alone(ring))
        return NULL;
    struct destination *destination = LINK_ITEM(ring->next, struct destination, send_link);
    link_remove(&destination->send_link); /* core_refresh puts it at the end again */
    return destination;
}

bool deliver_next_send(struct deliverer *core, int64_t now_ms, struct deliver_send *ret_send)
{
    struct destination *destination;
    while (may_start(core) && (destination = take_turn(core))) {
        if (!destination_may_send(destination, now_ms)) {
            core_call_waiters(core, destination->host,
                              now_ms); /* if it had been called: the next one */
            continue;
        }
        if (!let_through(destination, core, now_ms))
            continue;
        struct job *job = queue_first(&destination->ready, &core->pool);
        if (core_give_up_at(core, job) <= now_ms) { /* the clock was put forward */
            core_dequeue(core, job);
            core_post_move(core, job, "time-used-up", true, now_ms);
            core_refresh(core, destination, now_ms);
            continue;
        }
        core_expect_turns(core, &core->senders, offsetof(struct destination, send_link),
                          offsetof(struct destination, ready));
        depart(core, job, now_ms, ret_send);
        core_refresh(core, destination, now_ms);
        return true;
    }
    return false;
}
