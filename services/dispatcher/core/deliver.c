/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions: what an answer leads to, when a delivery moves on, what a change in the directory
 * means. */
#include "core/backoff.h"
#include "core/core.h"

#include <stdlib.h>

#define RESULTS_PER_FLIGHT 8 /* not yet committed, per allowed send, before starting stops */
#define ATTEMPT_LEAST_MS 1000
#define OURS_WAIT_MS 5000
#define MOVES_PER_TICK 4096
#define GHOSTS_MAX 1000000

struct deliverer *deliver_new(const struct deliver_options *options)
{
    struct deliverer *core = calloc(1, sizeof(*core));
    if (!core)
        return NULL;
    core->options = *options;
    core->random.state = options->seed;
    core->results_max = options->in_flight_max * RESULTS_PER_FLIGHT;
    const size_t slow_max =
        options->slow_max ? options->slow_max : (options->in_flight_max + 1) / 2;
    /* What becomes slow on its way takes none of the others' places: it is on top. */
    const size_t flights = options->in_flight_max * 2 + slow_max;
    core->lanes[LANE_FAST].most = options->in_flight_max;
    core->lanes[LANE_SLOW].most = slow_max;
    for (int lane = 0; lane < LANES; lane++)
        link_init(&core->lanes[lane].waiters);
    pool_init(&core->pool, sizeof(struct job));
    deadlines_init(&core->deadlines, &core->pool);
    heap_init(&core->wakes, offsetof(struct destination, wake_slot));
    heap_init(&core->host_wakes, offsetof(struct host, wake_slot));
    heap_init(&core->punctual, offsetof(struct flight, late_slot));
    link_init(&core->senders);
    link_init(&core->called);
    link_init(&core->noters);
    link_init(&core->facts);
    link_init(&core->leaving);
    link_init(&core->asking);
    link_init(&core->written);
    link_init(&core->lists);
    jobs_init(&core->jobs, &core->pool, options->pending_max * 2 + GHOSTS_MAX);
    core->destinations = map_new(DESTINATIONS_MAX);
    core->hosts = map_new(DESTINATIONS_MAX);
    core->flights = calloc(flights, sizeof(*core->flights));
    if (!core->destinations || !core->hosts || !core->flights ||
        !heap_reserve(&core->punctual, flights)) {
        deliver_free(core);
        return NULL;
    }
    for (size_t i = 0; i < flights; i++)
        core->flights[i].next_free = i + 1 < flights ? (uint32_t)(i + 1) : NO_FLIGHT;
    return core;
}

static void free_destination(void *value)
{
    destination_clear(value);
    free(value);
}

void deliver_free(struct deliverer *core)
{
    if (!core)
        return;
    for (size_t i = 0; i < core->partitions_count; i++)
        deliver_revoked(core, (int32_t)i);
    free(core->partitions);
    deadlines_clear(&core->deadlines);
    heap_clear(&core->wakes);
    heap_clear(&core->host_wakes);
    heap_clear(&core->punctual);
    jobs_clear(&core->jobs);
    pool_clear(&core->pool);
    spares_clear(&core->spares);
    map_free(core->destinations, free_destination);
    map_free(core->hosts, free);
    free(core->flights);
    free(core->ids);
    free(core);
}

void deliver_drain(struct deliverer *core)
{
    core->draining = true;
}

void deliver_tick(struct deliverer *core, int64_t now_ms)
{
    if (link_alone(&core->written)) /* what stays where it is needs no commit */
        core->moves_open = 0;
    int64_t key;
    struct job *job;
    for (int i = 0; i < MOVES_PER_TICK && (job = deadlines_due(&core->deadlines, now_ms)); i++) {
        if (job->stage == JOB_FACT) {
            core_must_leave(core, job);
            continue;
        }
        core_dequeue(core, job);
        core_post_move(core, job, "time-used-up", now_ms >= core_give_up_at(core, job), now_ms);
        core_refresh(core, job->destination, now_ms);
    }
    struct destination *destination;
    while ((destination = heap_top(&core->wakes, &key)) && key <= now_ms) {
        heap_remove(&core->wakes, destination);
        core_refresh(core, destination, now_ms);
    }
    core_host_wake(core, now_ms);
    core_note_late(core, now_ms);
}

int64_t deliver_wake_at(const struct deliverer *core)
{
    int64_t at = deadlines_wake_at(&core->deadlines);
    int64_t key;
    if (heap_top(&core->wakes, &key) && key < at)
        at = key;
    if (heap_top(&core->host_wakes, &key) && key < at)
        at = key;
    if (heap_top(&core->punctual, &key) && key < at)
        at = key;
    return at;
}

/* ---- answers */

static void retry_later(struct deliverer *core, struct job *job, const struct answer *answer,
                        int64_t now_ms)
{
    const int64_t last = core_give_up_at(core, job) - ATTEMPT_LEAST_MS; /* start of an attempt */
    int64_t first =
        core->options.retry_first_ms ? core->options.retry_first_ms : job->retry_first_ms;
    int64_t most = core->options.retry_most_ms ? core->options.retry_most_ms : job->retry_most_ms;
    int64_t wait = backoff_ms(&core->random, job->attempts, first, most);
    int64_t told = 0;
    job->told_to_wait = retry_after_parse(answer->retry_after, now_ms, &told) && told > 0;
    if (now_ms + wait > last)
        wait = last - now_ms;
    if (told > wait) /* our own delay may be cut, the provider's not */
        wait = told;
    job->next_attempt_at_ms = now_ms + wait;
    job->held = false;
    job->failed_at_ms = now_ms;
    if (job->next_attempt_at_ms > last || now_ms >= last)
        core_post_move(core, job, "wait-too-long", true, now_ms);
    else if (job->next_attempt_at_ms >= job->move_at_ms)
        core_post_move(core, job, "wait-too-long", false, now_ms);
    else
        core_post_fact(core, job, FACT_RETRY, now_ms);
}

static void quieten(struct destination *destination, const struct answer *answer, int64_t now_ms)
{
    int64_t told;
    if ((answer->status == 429 || answer->status == 503) &&
        retry_after_parse(answer->retry_after, now_ms, &told) &&
        now_ms + told > destination->quiet_until_ms)
        destination->quiet_until_ms = now_ms + told;
}

static bool leave_gone(struct deliverer *core, struct job *job, int64_t now_ms)
{
    if (job->stayed_until_ms || job->stage == JOB_HELD)
        return false;
    core_dequeue(core, job);
    core_post_move(core, job, "endpoint-gone", false, now_ms);
    return true;
}

/* All that waits for this destination looks for another one. */
static void disperse(struct deliverer *core, struct destination *destination, int64_t now_ms)
{
    (void)core_each(core, destination, leave_gone, now_ms);
}

static void put_back(struct deliverer *core, struct job *job, const struct flight *flight,
                     const struct answer *answer, int64_t now_ms)
{
    job->maybe_sent = !flight->first;
    job->held = answer->holds == HOLDS_DELIVERY;
    if (job->held)
        job->next_attempt_at_ms = now_ms + OURS_WAIT_MS;
    core_enqueue(core, job, now_ms);
}

void deliver_answered(struct deliverer *core, uint32_t number, const struct answer *answer,
                      int64_t now_ms)
{
    struct flight flight = core_land(core, number);
    struct destination *destination = flight.destination;
    struct job *job = flight.job;
    int64_t duration_ms = now_ms - flight.started_ms;
    if (answer->duration_ms > 0 && answer->duration_ms < duration_ms) /* heard with a delay */
        duration_ms = answer->duration_ms;
    if (duration_ms < 0) /* the clock was put back */
        duration_ms = 0;
    if (answer->unstarted) { /* as if it had never departed */
        if (answer->holds == HOLDS_DESTINATION &&
            now_ms + OURS_WAIT_MS > destination->quiet_until_ms)
            destination->quiet_until_ms = now_ms + OURS_WAIT_MS;
        if (job)
            put_back(core, job, &flight, answer, now_ms);
        core_choose_lane(core, destination);
        core_host_learn(core, &flight, answer, now_ms);
        core_refresh(core, destination, now_ms);
        return;
    }
    enum answer_meaning meaning = classify(answer);
    bool recovered = classify_telling(answer) &&
                     destination_learn(destination, classify_unwell(answer), duration_ms, now_ms,
                                       core->options.probe_first_ms, core->options.probe_most_ms);
    core_choose_lane(core, destination);
    quieten(destination, answer, now_ms);
    if (job) {
        if (answer->unsent)
            job->maybe_sent = !flight.first;
        job->attempts += answer->unsendable ? 0 : 1;
        job->intent = true;
        job->status = (int16_t)answer->status;
        job->error = answer->error;
        job->attempted = !answer->unsendable;
        job->last = job->attempted ? attempt_new(answer) : NULL;
        if (meaning == ANSWER_DELIVERED)
            core_post_fact(core, job, FACT_DELIVERED, now_ms);
        else if (meaning == ANSWER_AGAIN)
            retry_later(core, job, answer, now_ms);
        else
            core_post_move(core, job,
                           meaning == ANSWER_GONE     ? "endpoint-gone"
                           : meaning == ANSWER_UNSENT ? answer->error
                                                      : "returned-by-provider",
                           true, now_ms);
    }
    if (meaning == ANSWER_GONE && !destination->retired) {
        destination->retired = true;
        disperse(core, destination, now_ms);
    }
    core_host_learn(core, &flight, answer, now_ms);
    if (recovered)
        core_release(core, destination, now_ms);
    else
        core_refresh(core, destination, now_ms);
}

void deliver_directory_changed(struct deliverer *core, int64_t now_ms)
{
    size_t cursor = 0;
    void *value;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value)) {
        struct destination *destination = value;
        struct endpoint_state state = {.usable = true};
        if (core->options.endpoint)
            core->options.endpoint(core->options.self, destination->code, &state);
        bool moved = state.hash != destination->endpoint;
        bool resumed = state.usable && !destination->usable;
        destination->usable = state.usable;
        destination->endpoint = state.hash;
        core_join_host(core, destination, state.host);
        if (moved || resumed) {
            destination_restart(destination);
            core_release(core, destination, now_ms);
        } else {
            core_refresh(core, destination, now_ms);
        }
    }
}

size_t deliver_sendable(const struct deliverer *core, int64_t now_ms)
{
    size_t count = 0, cursor = 0;
    void *value;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value)) {
        const struct destination *destination = value;
        const size_t queued = destination->fresh.count + destination->ready.count;
        if (destination_spoken_to(destination, now_ms))
            count += destination_soon(destination, queued, true);
    }
    return count;
}

void deliver_count(const struct deliverer *core, struct deliver_counts *ret_counts)
{
    const size_t left_to_ask = core->draining && core->moves_count > core->moves_open
                                   ? core->moves_count - core->moves_open
                                   : 0;
    struct deliver_counts counts = {.pending = core_pending(core),
                                    .left = core->left_count,
                                    .in_flight = core->in_flight,
                                    .slow_in_flight = core->lanes[LANE_SLOW].in_flight,
                                    .facts = core->facts_count - left_to_ask,
                                    .destinations = map_count(core->destinations)};
    size_t cursor = 0;
    void *value;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value)) {
        const struct destination *destination = value;
        counts.unusable += !destination->usable || destination->retired;
        counts.broken += destination->open;
        counts.slow += destination->lane == LANE_SLOW;
    }
    cursor = 0;
    while (map_next(core->hosts, &cursor, NULL, NULL, &value))
        counts.hosts_broken += ((const struct host *)value)->open;
    for (size_t i = 0; i < core->partitions_count; i++)
        counts.restoring |= core->partitions[i] && core->partitions[i]->restoring;
    *ret_counts = counts;
}
