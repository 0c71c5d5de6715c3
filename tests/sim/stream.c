/* SPDX-License-Identifier: Apache-2.0 */
/* What the shell does with the topic, as records.c and writes.c of the dispatcher and the
 * transaction loop do it: fences, rewinding after an abort, outcomes that are learnt later. */
#include "base/map.h"
#include "base/text.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MOST 500
#define FETCH_LATE_ONE_IN 200
#define FETCH_LATE_MS 10000
#define WRITES_MOST 1000000
#define EARLY_MOST 8 /* results, before the end of a transaction */
#define COMMIT_INTERVAL_MS 50
#define AWAY_FIRST_MS 100
#define AWAY_MOST_MS 5000
#define MOVE_LEAST_MS 3000
#define RETRY_FIRST_MS 5000
#define RETRY_MOST_MS 300000

/* ---- reading */

static enum verdict take_place(struct world *world, struct process *process, int32_t partition,
                               const struct entry *entry, int64_t clock_ms)
{
    const struct place *place = &entry->place;
    world_tell(world, place->referral, "process %d reads hop %d, attempts %d", process->number,
               place->hop, place->attempts);
    if (deliver_echo_seen(process->core, partition, entry->offset, &place->id, place,
                          sizeof(*place)))
        return DONE;
    const struct deliver_record record = {.id = place->id,
                                          .destination =
                                              world->providers.items[place->destination].code,
                                          .created_at_ms = place->created_at_ms,
                                          .deadline_at_ms = place->deadline_at_ms,
                                          .next_attempt_at_ms = place->next_attempt_at_ms,
                                          .attempts = place->attempts,
                                          .intent = place->intent != 0,
                                          .told_to_wait = place->status != 0,
                                          .retry_first_ms = RETRY_FIRST_MS,
                                          .retry_most_ms = RETRY_MOST_MS,
                                          .bytes = place,
                                          .size = sizeof(*place)};
    return deliver_record_seen(process->core, partition, entry->offset, &record, clock_ms);
}

static enum verdict take(struct world *world, struct process *process, int32_t partition,
                         const struct entry *entry)
{
    const int64_t clock_ms = process_clock(world, process);
    struct owned *owned = &process->owned[partition];
    if (!deliver_is_new(process->core, partition, entry->offset))
        return DONE;
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_FENCE:
        deliver_skip(process->core, partition, entry->offset);
        if (owned->nonce && entry->nonce == owned->nonce) {
            owned->nonce = 0;
            world->ledger.taken_over_ms[partition] = world->now_ms;
            deliver_restored(process->core, partition, clock_ms);
        }
        return DONE;
    case ENTRY_INTENTS:
        return deliver_intents_seen(process->core, partition, entry->offset, entry->ids,
                                    entry->ids_count);
    case ENTRY_TOMBSTONE:
        world_tell(world, entry->place.referral, "process %d reads the end of hop %d",
                   process->number, entry->place.hop);
        deliver_tombstone_seen(process->core, partition, entry->offset, &entry->place.id, clock_ms);
        return DONE;
    case ENTRY_PLACE:
        break;
    }
    return take_place(world, process, partition, entry, clock_ms);
}

static enum verdict read_some(struct world *world, struct process *process)
{
    enum verdict verdict = DONE;
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        struct owned *owned = &process->owned[i];
        const struct entry *entry;
        if (!owned->ours || owned->fetched_ms > world->now_ms)
            continue;
        if (world_mishap(world, FETCH_LATE_ONE_IN))
            owned->fetched_ms = world->now_ms + world_between(world, 1, FETCH_LATE_MS);
        const int64_t most = world_mishap(world, 4) ? world_between(world, 1, 3) : BATCH_MOST;
        for (int64_t n = 0; verdict == DONE && n < most; n++) {
            if (!(entry = topic_read(world->topic, i, &owned->reader)))
                break;
            process->read_any = true;
            verdict = take(world, process, i, entry);
        }
    }
    return verdict;
}

int64_t stream_input_at(const struct world *world, const struct process *process)
{
    int64_t at_ms = INT64_MAX;
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        const struct owned *owned = &process->owned[i];
        if (owned->ours && owned->fetched_ms < at_ms &&
            topic_has_more(world->topic, i, &owned->reader))
            at_ms = owned->fetched_ms;
    }
    return at_ms;
}

/* ---- writing */

static const char *const effect_names[] = {[EFFECT_HOP] = "the beginning",
                                           [EFFECT_UPDATE] = "a new state",
                                           [EFFECT_TOMBSTONE] = "the end",
                                           [EFFECT_DELIVERED] = "the delivery",
                                           [EFFECT_RETURNED] = "the return"};

static void append(struct world *world, struct process *process, int32_t partition,
                   const struct entry *entry)
{
    if (!process->transaction)
        process->transaction = topic_begin(world->topic);
    if (!process->transaction ||
        !topic_append(world->topic, partition, process->transaction, entry))
        abort();
}

static void write_place(struct world *world, struct process *process, const struct place *place,
                        enum effect_kind effect)
{
    const struct entry entry = {.kind = effect == EFFECT_TOMBSTONE ? ENTRY_TOMBSTONE : ENTRY_PLACE,
                                .place = *place};
    append(world, process, ledger_partition(&world->ledger, place->destination), &entry);
    effects_add(&process->effects, effect, place);
    world_note(world, hash_bytes(place, sizeof(*place), (uint64_t)effect));
    world_tell(world, place->referral, "process %d writes %s of hop %d for %s, attempts %d",
               process->number, effect_names[effect], place->hop,
               world->providers.items[place->destination].code, place->attempts);
}

static void write_update(struct world *world, struct process *process, struct job *job,
                         const struct place *place)
{
    write_place(world, process, place, EFFECT_UPDATE);
    deliver_wrote(job, place, sizeof(*place));
}

/* The first of its candidates that was not tried and is not paused, as the router's choice would
 * be; -1 if there is none. */
static int32_t choose(const struct world *world, const struct place *place)
{
    const struct referral *referral = &world->ledger.referrals[place->referral];
    for (int32_t i = 0; i < referral->candidates_count; i++) {
        const int32_t candidate = referral->candidates[i];
        if (!(place->tried & (1U << i)) && candidate != place->destination &&
            !world->providers.items[candidate].paused)
            return i;
    }
    return -1;
}

static uint32_t tried_bit(const struct world *world, const struct place *place)
{
    const struct referral *referral = &world->ledger.referrals[place->referral];
    uint32_t bits = 0;
    for (int32_t i = 0; i < referral->candidates_count; i++)
        bits |= referral->candidates[i] == place->destination ? 1U << i : 0;
    return bits;
}

static void write_move(struct world *world, struct process *process, struct job *job,
                       const struct place *place, int64_t clock_ms)
{
    struct place next = *place;
    int32_t choice = -1;
    if (place->hop + 1 < HOPS_MAX && place->deadline_at_ms - clock_ms >= MOVE_LEAST_MS)
        choice = choose(world, place);
    if (choice < 0 && !job->must_move) {
        if (deliver_stays(process->core, job, clock_ms)) {
            next.next_attempt_at_ms = job->next_attempt_at_ms;
            write_update(world, process, job, &next);
        }
        return;
    }
    write_place(world, process, place, EFFECT_TOMBSTONE);
    if (choice < 0) {
        effects_add(&process->effects, EFFECT_RETURNED, place);
        return;
    }
    next.tried |= tried_bit(world, place);
    next.destination = world->ledger.referrals[place->referral].candidates[choice];
    next.hop++;
    next.id = place_id(next.referral, next.hop);
    next.attempts = next.intent = next.status = 0;
    next.created_at_ms = next.next_attempt_at_ms = clock_ms;
    write_place(world, process, &next, EFFECT_HOP);
}

static void write_intents(struct world *world, struct process *process,
                          const struct deliver_write *write)
{
    struct entry entry = {.kind = ENTRY_INTENTS, .ids_count = write->ids_count};
    entry.ids = malloc(write->ids_count * sizeof(*entry.ids) + 1);
    if (!entry.ids)
        abort();
    memcpy(entry.ids, write->ids, write->ids_count * sizeof(*entry.ids));
    append(world, process, write->partition, &entry);
}

static void write_one(struct world *world, struct process *process,
                      const struct deliver_write *write, int64_t clock_ms)
{
    struct job *job = write->job;
    struct place place;
    if (write->fact == FACT_INTENT) {
        write_intents(world, process, write);
        return;
    }
    if (job->record_size != sizeof(place))
        abort();
    memcpy(&place, job->record, sizeof(place));
    place.attempts = job->attempts;
    place.intent = 1;
    place.status = job->status;
    place.next_attempt_at_ms = job->next_attempt_at_ms;
    if (write->fact == FACT_MOVE) {
        write_move(world, process, job, &place, clock_ms);
    } else if (write->fact == FACT_DELIVERED) {
        write_place(world, process, &place, EFFECT_TOMBSTONE);
        effects_add(&process->effects, EFFECT_DELIVERED, &place);
    } else {
        write_update(world, process, job, &place);
    }
}

static void write_fences(struct world *world, struct process *process)
{
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        struct owned *owned = &process->owned[i];
        if (!owned->ours || !owned->nonce || owned->fence_written)
            continue;
        const struct entry entry = {
            .kind = ENTRY_FENCE, .nonce = owned->nonce, .writer = process->number};
        append(world, process, i, &entry);
        owned->fence_written = true;
    }
}

/* False: something failed on the way, and it is to be undone. */
static bool write_all(struct world *world, struct process *process)
{
    const int64_t clock_ms = process_clock(world, process);
    struct deliver_write write;
    int writes = 0;
    write_fences(world, process);
    deliver_tick(process->core, clock_ms);
    while (deliver_next_write(process->core, clock_ms, &write)) {
        if (++writes > WRITES_MOST) {
            finding_set(&world->finding, world->now_ms - world->start_ms, "comes to an end",
                        "a transaction of more than %d records", WRITES_MOST);
            return false;
        }
        write_one(world, process, &write, clock_ms);
        if (world_mishap(world, 200 * world->plan.aborts_one_in))
            return false;
    }
    return true;
}

/* ---- how it ends */

static void tell_effects(const struct world *world, const struct process *process, const char *what)
{
    for (size_t i = 0; world->traced != NOBODY && i < process->effects.count; i++)
        world_tell(world, process->effects.items[i].referral, "process %d %s %s", process->number,
                   what, effect_names[process->effects.items[i].kind]);
}

static void done(struct world *world, struct process *process)
{
    deliver_committed(process->core, process_clock(world, process));
    for (int32_t i = 0; i < world->plan.partitions; i++)
        process->owned[i].base = process->owned[i].reader;
    process->transaction = 0;
    process->effects.count = 0;
    process->read_any = false;
    process->backoff_ms = 0;
}

static void make_true(struct world *world, struct process *process)
{
    if (process->transaction)
        topic_end(world->topic, process->transaction, true);
    tell_effects(world, process, "commits");
    ledger_commit(&world->ledger, &process->effects, world->now_ms, process_clock(world, process),
                  world->sound);
    for (int32_t i = 0; process->transaction && i < world->plan.partitions; i++)
        world_wake_reader(world, i);
}

void stream_undo(struct world *world, struct process *process)
{
    if (process->transaction)
        topic_end(world->topic, process->transaction, false);
    tell_effects(world, process, "takes back");
    deliver_aborted(process->core);
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        struct owned *owned = &process->owned[i];
        owned->reader = owned->base;
        owned->fence_written = false;
        if (owned->ours)
            world->ledger.disturbed_ms[i] = world->now_ms;
        world_wake_reader(world, i); /* what lay behind the open transaction */
    }
    process->transaction = 0;
    process->effects.count = 0;
    process->read_any = false;
    process->backoff_ms = process->backoff_ms ? process->backoff_ms * 2 : AWAY_FIRST_MS;
    if (process->backoff_ms > AWAY_MOST_MS)
        process->backoff_ms = AWAY_MOST_MS;
    process->stream_ms = world->now_ms + process->backoff_ms;
    world->aborts++;
}

void stream_resolve(struct world *world, struct process *process)
{
    process->unresolved = false;
    if (process->unresolved_is_done)
        done(world, process);
    else
        stream_undo(world, process);
}

static bool commit(struct world *world, struct process *process)
{
    process->commit_ms = world->now_ms + COMMIT_INTERVAL_MS;
    if (process->transaction && world_mishap(world, 4 * world->plan.aborts_one_in)) {
        world->unknowns++;
        process->unresolved = true;
        process->unresolved_is_done = world_between(world, 0, 1) != 0;
        process->stream_ms = world->now_ms + world_between(world, 100, 20000);
        if (process->unresolved_is_done) {
            make_true(world, process);
            process->transaction = 0;
            process->effects.count = 0;
        }
        return false;
    }
    if (process->transaction && world_mishap(world, world->plan.aborts_one_in)) {
        stream_undo(world, process);
        return false;
    }
    make_true(world, process);
    done(world, process);
    return true;
}

bool stream_settle(struct world *world, struct process *process)
{
    if (!write_all(world, process)) {
        stream_undo(world, process);
        return false;
    }
    return commit(world, process);
}

void stream_leave_open(struct world *world, struct process *process)
{
    if (!process->unresolved && !write_all(world, process))
        stream_undo(world, process);
}

void stream_read_again(struct world *world, struct process *process)
{
    int32_t partition;
    int64_t offset;
    while (deliver_next_read_again(process->core, process_clock(world, process), &partition,
                                   &offset)) {
        struct owned *owned = &process->owned[partition];
        owned->reader = owned->base = (struct topic_reader){.offset = offset};
        owned->nonce = ++world->nonces;
        owned->fence_written = false;
        owned->again = true;
        world->rereads++;
    }
}

/* Some results do not wait for the end of the transaction. */
static bool write_early(struct world *world, struct process *process)
{
    const int64_t clock_ms = process_clock(world, process);
    struct deliver_write write;
    int64_t most = world_between(world, 0, EARLY_MOST);
    while (most-- > 0 && deliver_next_result(process->core, &write)) {
        write_one(world, process, &write, clock_ms);
        if (world_mishap(world, 200 * world->plan.aborts_one_in))
            return false;
    }
    return true;
}

bool stream_turn(struct world *world, struct process *process)
{
    if (read_some(world, process) != DONE || !write_early(world, process)) {
        stream_undo(world, process);
        return false;
    }
    if (world->now_ms < process->commit_ms)
        return true;
    bool fences = false;
    for (int32_t i = 0; i < world->plan.partitions; i++)
        fences |=
            process->owned[i].ours && process->owned[i].nonce && !process->owned[i].fence_written;
    if (!process->read_any && !fences && !deliver_has_news(process->core))
        return true;
    return stream_settle(world, process);
}
