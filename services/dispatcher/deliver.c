/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions: what an answer leads to, which send is next, what is to be written, when a
 * delivery moves on. hold.c keeps the books. A slot of a destination's window is taken by the send
 * alone; what waits for its transaction takes none, but when too much waits (Kafka is away) nothing
 * new is started. */
#include "backoff.h"
#include "core.h"

#include <stdlib.h>

#define FACTS_PER_FLIGHT 4 /* not yet committed, per allowed send, before starting stops */
#define INTENTS_PER_TRANSACTION 4096
#define ATTEMPT_LEAST_MS 1000
#define ASK_AGAIN_LEAST_MS                                                                         \
    10000 /* less time than this left: another provider is not asked for again */

struct deliverer *deliver_new(const struct deliver_options *options)
{
    struct deliverer *core = calloc(1, sizeof(*core));
    if (!core)
        return NULL;
    core->options = *options;
    core->random.state = options->seed;
    core->facts_max = options->in_flight_max * FACTS_PER_FLIGHT;
    heap_init(&core->deadlines, offsetof(struct job, deadline_slot));
    heap_init(&core->wakes, offsetof(struct destination, wake_slot));
    link_init(&core->senders);
    link_init(&core->noters);
    link_init(&core->facts);
    link_init(&core->written);
    link_init(&core->lists);
    core->jobs = map_new(options->pending_max);
    core->destinations = map_new(DESTINATIONS_MAX);
    core->flights = calloc(options->in_flight_max, sizeof(*core->flights));
    if (!core->jobs || !core->destinations || !core->flights) {
        deliver_free(core);
        return NULL;
    }
    for (size_t i = 0; i < options->in_flight_max; i++)
        core->flights[i].next_free = i + 1 < options->in_flight_max ? (uint32_t)(i + 1) : NO_FLIGHT;
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
    heap_clear(&core->deadlines);
    heap_clear(&core->wakes);
    map_free(core->jobs, NULL);
    map_free(core->destinations, free_destination);
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
    int64_t key;
    struct job *job;
    while ((job = heap_top(&core->deadlines, &key)) && key <= now_ms) {
        core_dequeue(core, job);
        core_post_move(core, job, "time-used-up", now_ms >= core_give_up_at(core, job), now_ms);
        core_refresh(core, job->destination, now_ms);
    }
    struct destination *destination;
    while ((destination = heap_top(&core->wakes, &key)) && key <= now_ms) {
        heap_remove(&core->wakes, destination);
        core_refresh(core, destination, now_ms);
    }
}

int64_t deliver_wake_at(const struct deliverer *core)
{
    int64_t at = INT64_MAX;
    int64_t key;
    if (heap_top(&core->deadlines, &key))
        at = key;
    if (heap_top(&core->wakes, &key) && key < at)
        at = key;
    return at;
}

/* ---- sending */

static bool may_start(const struct deliverer *core)
{
    return !core->draining && core->flights_free != NO_FLIGHT &&
           core->facts_count < core->facts_max;
}

static void depart(struct deliverer *core, struct job *job, int64_t now_ms,
                   struct deliver_send *send)
{
    struct destination *destination = job->destination;
    uint32_t number = core->flights_free;
    struct flight *flight = &core->flights[number];
    core->flights_free = flight->next_free;
    *flight = (struct flight){
        .job = job, .destination = destination, .started_ms = now_ms, .first = !job->maybe_sent};
    core_dequeue(core, job);
    job->stage = JOB_FLYING;
    job->flight = number;
    core->in_flight++;
    destination->in_flight++;
    int64_t timeout = core_give_up_at(core, job) - now_ms;
    if (timeout < ATTEMPT_LEAST_MS)
        timeout = ATTEMPT_LEAST_MS;
    if (timeout > core->options.attempt_timeout_ms)
        timeout = core->options.attempt_timeout_ms;
    *send = (struct deliver_send){.job = job,
                                  .destination = destination->code,
                                  .flight = number,
                                  .timeout_ms = timeout,
                                  .possible_duplicate = job->maybe_sent};
    job->maybe_sent = true;
}

bool deliver_next_send(struct deliverer *core, int64_t now_ms, struct deliver_send *ret_send)
{
    while (may_start(core) && !link_alone(&core->senders)) {
        struct destination *destination =
            LINK_ITEM(core->senders.next, struct destination, send_link);
        link_remove(&destination->send_link); /* core_refresh puts it at the end again */
        if (!destination_may_send(destination, now_ms))
            continue;
        struct job *job = heap_top(&destination->ready, NULL);
        depart(core, job, now_ms, ret_send);
        core_refresh(core, destination, now_ms);
        return true;
    }
    return false;
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
    job->told_to_wait = retry_after_parse(answer->retry_after, now_ms, &told) && told > wait;
    if (job->told_to_wait)
        wait = told;
    else if (now_ms + wait > last)
        wait = last - now_ms; /* our own delay may be cut, the provider's not */
    job->next_attempt_at_ms = now_ms + wait;
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

/* All that waits for this destination looks for another one. */
static void disperse(struct deliverer *core, struct destination *destination, const char *why,
                     int64_t now_ms)
{
    struct heap *queues[] = {&destination->fresh, &destination->ready, &destination->waiting};
    for (size_t i = 0; i < sizeof(queues) / sizeof(*queues); i++) {
        for (size_t j = queues[i]->count; j > 0; j--) {
            struct job *job;
            while (j <= queues[i]->count && !(job = queues[i]->entries[j].item)->stayed_until_ms) {
                core_dequeue(core, job);
                core_post_move(core, job, why, false, now_ms);
            }
        }
    }
}

static struct flight land(struct deliverer *core, uint32_t number)
{
    struct flight flight = core->flights[number];
    core->flights[number] = (struct flight){.next_free = core->flights_free};
    core->flights_free = number;
    core->in_flight--;
    flight.destination->in_flight--;
    if (flight.job)
        flight.job->flight = NO_FLIGHT;
    return flight;
}

void deliver_answered(struct deliverer *core, uint32_t number, const struct answer *answer,
                      int64_t now_ms)
{
    struct flight flight = land(core, number);
    struct destination *destination = flight.destination;
    struct job *job = flight.job;
    if (answer->unstarted) { /* as if it had never departed */
        if (job) {
            job->maybe_sent = !flight.first;
            core_enqueue(core, job, now_ms);
        }
        core_refresh(core, destination, now_ms);
        return;
    }
    enum answer_meaning meaning = classify(answer);
    bool recovered =
        classify_telling(answer) &&
        destination_learn(destination, classify_unwell(answer), now_ms - flight.started_ms, now_ms,
                          core->options.probe_first_ms, core->options.probe_most_ms);
    quieten(destination, answer, now_ms);
    if (job) {
        job->attempts += answer->unsendable ? 0 : 1;
        job->intent = true;
        job->status = (int16_t)answer->status;
        job->error = answer->error;
        job->attempted = !answer->unsendable;
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
        disperse(core, destination, "endpoint-gone", now_ms);
    }
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
        if (moved || resumed) { /* a new start: slow, but at once */
            destination->retired = false;
            destination->open = false;
            destination->probes = 0;
            destination->failures_in_row = 0;
            destination->quiet_until_ms = 0;
            destination->window = WINDOW_FIRST;
            core_release(core, destination, now_ms);
        } else {
            core_refresh(core, destination, now_ms);
        }
    }
}

/* ---- writing */

/* Makes an intent of the next fresh job whose turn it is; false if there is none. */
static bool note_one(struct deliverer *core, int64_t now_ms)
{
    while (!core->draining && !link_alone(&core->noters) && core->facts_count < core->facts_max &&
           core->intents_open < INTENTS_PER_TRANSACTION) {
        struct destination *destination =
            LINK_ITEM(core->noters.next, struct destination, intent_link);
        link_remove(&destination->intent_link);
        if (!destination_may_note(destination, now_ms, core_note_share(core)))
            continue;
        struct job *fresh = heap_top(&destination->fresh, NULL);
        if (!core_note_reserve(core, core_partition(core, fresh->partition)))
            continue;
        core_dequeue(core, fresh);
        core_post_fact(core, fresh, FACT_INTENT, now_ms);
        core->intents_open++;
        core_refresh(core, destination, now_ms);
        return true;
    }
    return false;
}

bool deliver_next_write(struct deliverer *core, int64_t now_ms, struct deliver_write *ret_write)
{
    while (!link_alone(&core->facts) || note_one(core, now_ms)) {
        struct job *job = LINK_ITEM(core->facts.next, struct job, fact_link);
        link_remove(&job->fact_link);
        link_append(&core->written, &job->fact_link);
        job->stage = JOB_WRITTEN;
        if (job->fact == FACT_INTENT) {
            core_note_add(core, job);
            continue;
        }
        *ret_write = (struct deliver_write){
            .job = job, .destination = job->destination->code, .fact = (enum job_fact)job->fact};
        return true;
    }
    return core_note_next(core, ret_write);
}

bool deliver_stays(struct deliverer *core, struct job *job, int64_t now_ms)
{
    const int64_t give_up = core_give_up_at(core, job);
    const int64_t left = give_up - now_ms;
    job->stayed_until_ms = left > ASK_AGAIN_LEAST_MS ? now_ms + left / 2 : give_up;
    if (job->stayed_until_ms <= job->next_attempt_at_ms)
        job->stayed_until_ms = job->next_attempt_at_ms + 1;
    job->why = NULL;
    if (job->attempted) {
        job->fact = FACT_RETRY;
        return true;
    }
    core_unlist(core, job);
    core_enqueue(core, job, now_ms);
    return false;
}

void deliver_committed(struct deliverer *core, int64_t now_ms)
{
    core->intents_open = 0;
    while (!link_alone(&core->written)) {
        struct job *job = LINK_ITEM(core->written.next, struct job, fact_link);
        struct destination *destination = job->destination;
        enum job_fact fact = (enum job_fact)job->fact;
        if (fact == FACT_DELIVERED || fact == FACT_MOVE) {
            core_finish(core, job);
        } else if (job->gone) {
            core_remove(core, job);
        } else {
            if (fact != FACT_INTENT) /* its own record says so now */
                core_note_remove(core, job);
            core_unlist(core, job);
            job->intent = true;
            core_enqueue(core, job, now_ms);
        }
        core_refresh(core, destination, now_ms);
    }
}

void deliver_aborted(struct deliverer *core)
{
    core->intents_open = 0;
    struct link *next;
    for (struct link *link = core->written.next; link != &core->written; link = next) {
        next = link->next;
        struct job *job = LINK_ITEM(link, struct job, fact_link);
        job->stage = JOB_FACT;
        if (job->gone)
            core_remove(core, job);
    }
    link_prepend_all(&core->facts, &core->written);
}

bool deliver_has_news(const struct deliverer *core)
{
    return core->facts_count || !link_alone(&core->noters);
}

void deliver_count(const struct deliverer *core, struct deliver_counts *ret_counts)
{
    struct deliver_counts counts = {.pending = map_count(core->jobs) - core->ghosts,
                                    .in_flight = core->in_flight,
                                    .facts = core->facts_count,
                                    .destinations = map_count(core->destinations)};
    size_t cursor = 0;
    void *value;
    while (map_next(core->destinations, &cursor, NULL, NULL, &value)) {
        const struct destination *destination = value;
        counts.unusable += !destination->usable || destination->retired;
        counts.broken += destination->open;
    }
    for (size_t i = 0; i < core->partitions_count; i++)
        counts.restoring |= core->partitions[i] && core->partitions[i]->restoring;
    *ret_counts = counts;
}
