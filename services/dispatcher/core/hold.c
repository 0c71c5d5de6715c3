/* SPDX-License-Identifier: Apache-2.0 */
/* Holding deliveries: the fold of the topic into jobs, and jobs into the queues of their
 * destinations. Every queue's room is reserved when a job is taken in, so that nothing later can
 * fail for want of memory. */
#include "core/core.h"

#include <stdlib.h>
#include <string.h>

#define READ_AGAIN_AFTER_MS 1000
#define NOWHERE (-1) /* in no partition */
#define HELD_KEY INT64_MAX

struct partition *core_partition(const struct deliverer *core, int32_t number)
{
    if (number < 0 || (size_t)number >= core->partitions_count)
        return NULL;
    return core->partitions[number];
}

bool deliver_assigned(struct deliverer *core, int32_t number)
{
    if (number < 0 || number >= PARTITIONS_MAX)
        return false;
    deliver_revoked(core, number);
    if ((size_t)number >= core->partitions_count) {
        size_t count = (size_t)number + 1;
        struct partition **partitions =
            realloc(core->partitions, count * sizeof(struct partition *));
        if (!partitions)
            return false;
        memset(partitions + core->partitions_count, 0,
               (count - core->partitions_count) * sizeof(struct partition *));
        core->partitions = partitions;
        core->partitions_count = count;
    }
    struct partition *partition = calloc(1, sizeof(*partition));
    if (!partition)
        return false;
    link_init(&partition->note_link);
    partition->number = number;
    partition->jobs_from = UINT32_MAX;
    partition->restoring = true;
    core->partitions[number] = partition;
    return true;
}

_Static_assert(offsetof(struct job, partition) >= POOL_OVERWRITTEN, "as is_of needs it");

/* Of a job that was given back, too: what it said last is still there. */
__attribute__((no_sanitize("address"))) static bool is_of(const struct job *job, int32_t number)
{
    return job->partition == number;
}

/* To list them would cost each that comes and goes a line of main memory; to look through all of a
 * million takes some ten milliseconds, and it is rare that anyone asks. */
static struct job *next_of(const struct deliverer *core, const struct partition *partition,
                           uint32_t *cursor)
{
    struct job *job;
    while (*cursor < partition->jobs_to && (job = pool_next(&core->pool, cursor)))
        if (is_of(job, partition->number))
            return job;
    return NULL;
}

void deliver_restored(struct deliverer *core, int32_t number, int64_t now_ms)
{
    struct partition *partition = core_partition(core, number);
    if (!partition || !partition->restoring)
        return;
    partition->restoring = false;
    core_note_restored(core, partition);
    if (partition->read_again_at_ms < now_ms + READ_AGAIN_AFTER_MS)
        partition->read_again_at_ms = now_ms + READ_AGAIN_AFTER_MS;
    core_want_rest(partition, now_ms);
    uint32_t cursor = partition->jobs_from;
    for (struct job *job; (job = next_of(core, partition, &cursor));) {
        if (job->stage != JOB_HELD)
            continue;
        core_dequeue(core, job);
        job->maybe_sent = job->intent || job->attempts > 0 || !core->options.intent;
        if (!core_want_done(core, job, now_ms))
            core_enqueue(core, job, now_ms);
    }
}

void deliver_revoked(struct deliverer *core, int32_t number)
{
    struct partition *partition = core_partition(core, number);
    if (!partition)
        return;
    uint32_t cursor = partition->jobs_from;
    for (struct job *job; (job = next_of(core, partition, &cursor));)
        core_remove(core, job);
    core->partitions[number] = NULL;
    core_leave_none(core, partition);
    link_remove(&partition->note_link);
    free(partition->noted);
    free(partition->restored_ids);
    free(partition->strays);
    free(partition);
}

bool deliver_is_new(const struct deliverer *core, int32_t number, int64_t offset)
{
    const struct partition *partition = core_partition(core, number);
    return partition && offset >= partition->folded_to;
}

void deliver_skip(struct deliverer *core, int32_t number, int64_t offset)
{
    struct partition *partition = core_partition(core, number);
    if (partition && offset >= partition->folded_to)
        partition->folded_to = offset + 1;
}

bool deliver_echo_seen(struct deliverer *core, int32_t number, int64_t offset,
                       const struct uuid *id, const void *bytes, size_t size)
{
    const struct partition *partition = core_partition(core, number);
    if (!partition || partition->restoring) { /* little of it is ours: it is decoded first */
        jobs_expect(&core->jobs, id);
        return false;
    }
    const struct job *job = jobs_find(&core->jobs, id);
    if (!job || job->partition != number)
        return false;
    if (job->stage != JOB_DONE && (!job->echo || job->echo != hash_bytes(bytes, size, 1)))
        return false;
    deliver_skip(core, number, offset);
    return true;
}

void deliver_wrote(struct job *job, const void *bytes, size_t size)
{
    job->echo = hash_bytes(bytes, size, 1);
}

static struct destination *destination_add(struct deliverer *core, const char *code)
{
    size_t length = strlen(code);
    struct destination *destination = calloc(1, sizeof(*destination));
    if (!destination)
        return NULL;
    destination_init(destination, code);
    if (!heap_reserve(&core->wakes, map_count(core->destinations) + 1) ||
        !map_set(core->destinations, code, length, destination, NULL)) {
        free(destination);
        return NULL;
    }
    struct endpoint_state state = {.usable = true};
    if (core->options.endpoint)
        core->options.endpoint(core->options.self, code, &state);
    destination->usable = state.usable;
    destination->endpoint = state.hash;
    core_join_host(core, destination, state.host);
    return destination;
}

static void drop_record(struct deliverer *core, struct job *job)
{
    spares_give_back(&core->spares, job->record, job->record_size);
    job->record = NULL;
    job->record_size = 0;
}

void deliver_keep_only(struct deliverer *core, struct job *job, const void *bytes, size_t size)
{
    uint8_t *kept = malloc(size);
    if (!kept)
        return;
    memcpy(kept, bytes, size);
    drop_record(core, job);
    job->record = kept;
    job->record_size = (uint32_t)size;
}

/* What the record says replaces what the job holds. */
static bool job_take_record(struct deliverer *core, struct job *job,
                            const struct deliver_record *record)
{
    uint8_t *bytes = spares_take(&core->spares, record->size);
    if (!bytes)
        return false;
    if (record->size)
        memcpy(bytes, record->bytes, record->size);
    drop_record(core, job);
    job->record = bytes;
    job->record_size = (uint32_t)record->size;
    job->id = record->id;
    job->created_at_ms = record->created_at_ms;
    job->deadline_at_ms = record->deadline_at_ms;
    job->next_attempt_at_ms = record->next_attempt_at_ms;
    job->attempts = record->attempts;
    job->intent = record->intent;
    job->told_to_wait = record->told_to_wait;
    job->alone = record->alone;
    job->retry_first_ms = (uint32_t)record->retry_first_ms;
    job->retry_most_ms = (uint32_t)record->retry_most_ms;
    return true;
}

static struct job *job_add(struct deliverer *core, struct partition *partition,
                           struct destination *destination, const struct deliver_record *record)
{
    uint32_t job_number;
    struct job *job = pool_take(&core->pool, &job_number);
    if (!job)
        return NULL;
    job->number = job_number;
    link_init(&job->fact_link);
    job->destination = destination;
    job->partition = partition->number;
    job->flight = NO_FLIGHT;
    job->stage = JOB_HELD;
    size_t count = core->jobs.count + 1;
    queue_expect_put(&destination->fresh);
    if (!job_take_record(core, job, record) || !destination_reserve(destination) ||
        !deadlines_reserve(&core->deadlines, count) || !jobs_add(&core->jobs, job)) {
        job->partition = NOWHERE;
        drop_record(core, job);
        pool_give_back(&core->pool, job, job->number);
        return NULL;
    }
    if (job->number < partition->jobs_from)
        partition->jobs_from = job->number;
    if (job->number >= partition->jobs_to)
        partition->jobs_to = job->number + 1;
    destination->jobs_count++;
    if (partition->restoring)
        queue_put(&destination->waiting, job, HELD_KEY);
    return job;
}

static bool in_queue(const struct job *job)
{
    return job->stage <= JOB_WAITING;
}

enum verdict deliver_record_seen(struct deliverer *core, int32_t number, int64_t offset,
                                 const struct deliver_record *record, int64_t now_ms)
{
    struct partition *partition = core_partition(core, number);
    if (!partition || offset < partition->folded_to)
        return DONE;
    jobs_expect(&core->jobs, &record->id);
    struct destination *destination =
        map_get(core->destinations, record->destination, strlen(record->destination));
    core_expect_destination(destination);
    struct job *job = jobs_find(&core->jobs, &record->id);
    if (!job) {
        if (!destination)
            destination = destination_add(core, record->destination);
        const int64_t give_up =
            core_give_up_of(core, record->created_at_ms, record->deadline_at_ms, record->alone);
        if (offset < partition->seen_to && !core_left(partition, &record->id)) {
            partition->folded_to = offset + 1; /* read again, and finished long since */
            return DONE;
        }
        const struct left *left = core_left(partition, &record->id);
        const enum left_want want = left ? left->want : LEFT_PLAIN;
        if (destination && !core_make_room(core, destination, want, give_up, now_ms)) {
            if (!core_leave(core, partition, &destination->lefts[want], &record->id, offset,
                            give_up))
                return TRY_AGAIN;
            partition->folded_to = offset + 1;
            return DONE;
        }
        job = destination ? job_add(core, partition, destination, record) : NULL;
        if (!job)
            return TRY_AGAIN;
        core_left_no_more(core, partition, &record->id);
        core_want_held(job, want);
        job->offset = offset;
        job->maybe_sent = job->attempts > 0 || job->intent;
        if (!partition->restoring) {
            core_dequeue(core, job);
            if (!core_want_done(core, job, now_ms))
                core_enqueue(core, job, now_ms);
        }
    } else if (job->partition == number) {
        /* A delivery only ever gains attempts and its intent: what is not ahead of us is our own,
         * read back. */
        bool ahead = record->attempts > job->attempts ||
                     (record->attempts == job->attempts && record->intent && !job->intent);
        if (job->stage == JOB_HELD || (ahead && in_queue(job))) {
            const bool queued = job->stage != JOB_HELD;
            if (queued) /* by what it held */
                core_dequeue(core, job);
            const bool taken = job_take_record(core, job, record);
            job->maybe_sent |= taken && queued;
            if (queued)
                core_enqueue(core, job, now_ms);
            if (!taken)
                return TRY_AGAIN;
        }
    }
    partition->folded_to = offset + 1;
    return DONE;
}

void deliver_tombstone_seen(struct deliverer *core, int32_t number, int64_t offset,
                            const struct uuid *id, int64_t now_ms)
{
    struct partition *partition = core_partition(core, number);
    if (!partition || offset < partition->folded_to)
        return;
    partition->folded_to = offset + 1;
    core_left_no_more(core, partition, id);
    struct job *job = jobs_find(&core->jobs, id);
    if (!job || job->partition != number)
        return;
    if (job->stage == JOB_WRITTEN) {
        job->gone = true; /* its transaction decides */
        return;
    }
    struct destination *destination = job->destination;
    core_remove(core, job);
    core_refresh(core, destination, now_ms);
}

int64_t core_give_up_of(const struct deliverer *core, int64_t created_at_ms, int64_t deadline_at_ms,
                        bool alone)
{
    int64_t margin = (deadline_at_ms - created_at_ms) / 10;
    if (margin > GIVE_UP_MARGIN_MS)
        margin = GIVE_UP_MARGIN_MS;
    int64_t give_up = deadline_at_ms - (margin > 0 ? margin : 0);
    int64_t limit = alone ? 0 : core->options.hop_limit_ms;
    return limit && created_at_ms + limit < give_up ? created_at_ms + limit : give_up;
}

int64_t core_give_up_at(const struct deliverer *core, const struct job *job)
{
    return core_give_up_of(core, job->created_at_ms, job->deadline_at_ms, job->alone);
}

static int64_t move_at(const struct deliverer *core, const struct job *job)
{
    int64_t give_up = core_give_up_at(core, job);
    int64_t half = core_half_of(job->created_at_ms, job->deadline_at_ms);
    const bool limited = core->options.hop_limit_ms && !job->alone;
    int64_t hop_end = job->stayed_until_ms ? job->stayed_until_ms : limited ? give_up : half;
    return hop_end < give_up ? hop_end : give_up;
}

static bool has_to_wait(const struct job *job, int64_t now_ms)
{
    if (job->next_attempt_at_ms <= now_ms)
        return false;
    if (job->held)
        return true;
    /* A first try that was not put off is due, whatever the clock of its writer says. */
    if (!job->attempts && job->next_attempt_at_ms <= job->created_at_ms)
        return false;
    /* Its waits were ended while this one was on its way to the topic. */
    return job->told_to_wait || job->failed_at_ms >= job->destination->released_at_ms;
}

/* Would it wait beyond its end? The queue is by deadline: who comes late may be first. */
static bool too_long(const struct deliverer *core, const struct job *job, int64_t now_ms)
{
    const struct destination *destination = job->destination;
    const int64_t left = core_give_up_at(core, job) - now_ms;
    const size_t all = destination->ready.count + destination->fresh.count;
    return destination_expected_wait_ms(destination, all, now_ms) >= left &&
           destination_expected_wait_ms(
               destination, destination_ahead(destination, job->deadline_at_ms), now_ms) >= left;
}

static void put_fresh(struct job *job)
{
    job->stage = JOB_FRESH;
    queue_put(&job->destination->fresh, job, job->deadline_at_ms);
}

static void put_ready(struct job *job)
{
    job->stage = JOB_READY;
    queue_put(&job->destination->ready, job, job->deadline_at_ms);
}

void core_enqueue(struct deliverer *core, struct job *job, int64_t now_ms)
{
    struct destination *destination = job->destination;
    job->move_at_ms = move_at(core, job);
    if (job->move_at_ms <= now_ms) {
        core_post_move(core, job, "time-used-up", now_ms >= core_give_up_at(core, job), now_ms);
        return;
    }
    if (destination->retired && !job->stayed_until_ms) {
        core_post_move(core, job, "endpoint-gone", false, now_ms);
        return;
    }
    if (!job->stayed_until_ms && destination->mean_ms > 0 && too_long(core, job, now_ms)) {
        core_post_move(core, job, "wait-too-long", false, now_ms);
        return;
    }
    if (has_to_wait(job, now_ms)) {
        job->stage = JOB_WAITING;
        queue_put(&destination->waiting, job, job->next_attempt_at_ms);
    } else if (core->options.intent && !job->intent) {
        put_fresh(job);
    } else {
        put_ready(job);
    }
    deadlines_put(&core->deadlines, job, now_ms);
    core_refresh(core, destination, now_ms);
}

size_t deliver_ready(const struct deliverer *core)
{
    return core->ready_count;
}

size_t deliver_notable(const struct deliverer *core)
{
    return core->wanting;
}

void core_dequeue(struct deliverer *core, struct job *job)
{
    if (!in_queue(job))
        return;
    struct destination *destination = job->destination;
    if (job->stage == JOB_HELD || job->stage == JOB_WAITING)
        queue_remove(&destination->waiting, job,
                     job->stage == JOB_HELD ? HELD_KEY : job->next_attempt_at_ms);
    else
        queue_remove(job->stage == JOB_FRESH ? &destination->fresh : &destination->ready, job,
                     job->deadline_at_ms);
    if (destination->wanting && !destination->fresh.count) {
        destination->wanting = false;
        core->wanting--;
    }
    deadlines_rest(&core->deadlines, job);
}

static void ring(struct link *list, struct link *link, bool in)
{
    if (in && link_alone(link))
        link_append(list, link);
    else if (!in && !link_alone(link))
        link_remove(link);
}

static void end_wait(struct deliverer *core, struct job *job)
{
    queue_remove(&job->destination->waiting, job, job->next_attempt_at_ms);
    if (core->options.intent && !job->intent)
        put_fresh(job);
    else
        put_ready(job);
}

void core_refresh(struct deliverer *core, struct destination *destination, int64_t now_ms)
{
    while (queue_first_key(&destination->waiting) <= now_ms)
        end_wait(core, queue_first(&destination->waiting, &core->pool));
    const bool had_turn = !link_alone(&destination->send_link);
    ring(&core->senders, &destination->send_link, destination_may_send(destination, now_ms));
    if (had_turn && link_alone(&destination->send_link)) /* it may have been called by its host */
        core_call_waiters(core, destination->host, now_ms);
    const bool spoken_to = destination_spoken_to(destination, now_ms);
    const size_t ready = spoken_to && destination->lane == LANE_FAST
                             ? destination_soon(destination, destination->ready.count, false)
                             : 0;
    core->ready_count += ready;
    core->ready_count -= destination->ready_counted;
    destination->ready_counted = ready;
    const bool wanting = destination->fresh.count && spoken_to;
    core->wanting += wanting;
    core->wanting -= destination->wanting;
    destination->wanting = wanting;
    ring(&core->noters, &destination->intent_link,
         destination_may_note(destination, now_ms, core_note_share(core)));
    int64_t wake = destination_wake_at(destination, now_ms);
    if (wake == INT64_MAX)
        heap_remove(&core->wakes, destination);
    else
        heap_put(&core->wakes, destination, wake);
}

static bool release(struct deliverer *core, struct job *job, int64_t now_ms)
{
    (void)now_ms;
    if (job->stage == JOB_HELD || job->told_to_wait)
        return false;
    end_wait(core, job);
    return true;
}

void core_release(struct deliverer *core, struct destination *destination, int64_t now_ms)
{
    destination->released_at_ms = now_ms;
    (void)queue_each(&destination->waiting, core, &core->pool, release, now_ms);
    core_refresh(core, destination, now_ms);
}

void core_finish(struct deliverer *core, struct job *job)
{
    core_unlist(core, job);
    core_note_remove(core, job);
    deadlines_rest(&core->deadlines, job);
    drop_record(core, job);
    jobs_expect(&core->jobs, &job->id); /* its tombstone comes soon */
    job->stage = JOB_DONE;
    destination_done(job->destination);
    core->ghosts++;
    core_left_hungry(core, job->destination);
}

void core_remove(struct deliverer *core, struct job *job)
{
    core_dequeue(core, job);
    core_unlist(core, job);
    core_note_remove(core, job);
    if (job->stage == JOB_FLYING)
        core->flights[job->flight].job = NULL;
    if (job->stage == JOB_DONE)
        core->ghosts--;
    else
        destination_done(job->destination);
    job->destination->asked -= job->asked;
    deadlines_rest(&core->deadlines, job);
    job->partition = NOWHERE;
    jobs_remove(&core->jobs, job);
    drop_record(core, job);
    pool_give_back(&core->pool, job, job->number);
}
