/* SPDX-License-Identifier: Apache-2.0 */
/* Time goes from event to event. After each the world looks who can write for which partition, so
 * that lateness can be told from helplessness. */
#include "world.h"

#include "misfortune.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS INT64_C(1795424400000)
#define CHECK_MS 10000
#define SETTLE_MS 1800000 /* after the last referral has ended */
#define EVENTS_PER_REFERRAL 4000
#define EVENTS_LEAST 5000000

bool world_mishap(struct world *world, int32_t one_in)
{
    return !world->quiet && random_below(&world->random, (uint64_t)one_in) == 0;
}

int64_t world_between(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)random_below(&world->random, (uint64_t)(most - least + 1));
}

void world_note(struct world *world, uint64_t what)
{
    world->digest = (world->digest ^ what) * UINT64_C(0x100000001B3);
}

void world_tell(const struct world *world, int32_t referral, const char *format, ...)
{
    va_list arguments;
    if (referral != world->traced)
        return;
    const int64_t at_ms = world->now_ms - world->start_ms;
    printf("%" PRId64 ".%03" PRId64 " s: ", at_ms / 1000, at_ms % 1000);
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

void world_wake_reader(struct world *world, int32_t partition)
{
    const int32_t owner = world->owners[partition];
    if (owner == NOBODY || !process_alive(&world->processes[owner]) ||
        !topic_has_more(world->topic, partition, &world->processes[owner].owned[partition].reader))
        return;
    int64_t *next_ms = &world->next_ms[EVENT_PROCESS + owner];
    if (*next_ms > world->now_ms + 2)
        *next_ms = world->now_ms + 2;
}

void world_share(struct world *world)
{
    int32_t alive[PROCESSES_MAX];
    uint64_t count = 0;
    for (int32_t i = 0; i < world->plan.processes; i++)
        if (world->processes[i].state == PROCESS_RUNNING && !world->processes[i].cut_off_ms)
            alive[count++] = i;
    for (int32_t i = 0; count && i < world->plan.partitions; i++) {
        if (world->owners[i] != NOBODY)
            continue;
        struct process *process = &world->processes[alive[random_below(&world->random, count)]];
        process_assign(world, process, i);
        world->next_ms[EVENT_PROCESS + process->number] = world->now_ms + 1;
    }
}

/* ---- events */

static void choose_candidates(const struct world *world, int32_t number, struct referral *referral)
{
    const struct plan *plan = &world->plan;
    const bool popular = plan_draw(plan, "popular", number, 0) % 10 == 0;
    int32_t wanted = 1 + (int32_t)(plan_draw(plan, "choices", number, 0) % HOPS_MAX);
    if (popular && wanted <= HOPS_MAX / 2)
        wanted = 1; /* many have nobody else to go to */
    for (int32_t i = 0; i < 4 * HOPS_MAX && referral->candidates_count < wanted; i++) {
        const uint64_t draw = plan_draw(plan, "candidate", number, i) % 1000000;
        /* A tenth goes to one of them, the rest by a square: some are much busier than others. */
        int32_t candidate =
            (int32_t)(draw * draw / 1000000 * (uint64_t)plan->destinations / 1000000);
        if (i == 0 && popular)
            candidate = plan_most_popular(plan);
        bool known = false;
        for (int32_t j = 0; j < referral->candidates_count; j++)
            known |= referral->candidates[j] == candidate;
        if (!known)
            referral->candidates[referral->candidates_count++] = candidate;
    }
}

static void arrive(struct world *world)
{
    const struct plan *plan = &world->plan;
    const int32_t number = world->ledger.created++;
    struct referral *referral = &world->ledger.referrals[number];
    const bool urgent = plan_draw(plan, "urgent", number, 0) % 20 == 0;
    const int64_t least_ms = urgent ? 60000 : 600000;
    *referral = (struct referral){.hop = NO_HOP, .accepted_at_ms = world->now_ms};
    referral->deadline_at_ms =
        world->now_ms + least_ms +
        (int64_t)(plan_draw(plan, "deadline", number, 0) %
                  (uint64_t)(urgent ? 60000 : plan->deadline_max_ms - least_ms + 1));
    choose_candidates(world, number, referral);
    struct place place = {.accepted_at_ms = world->now_ms,
                          .created_at_ms = world->now_ms,
                          .deadline_at_ms = referral->deadline_at_ms,
                          .next_attempt_at_ms = world->now_ms,
                          .referral = number,
                          .destination = referral->candidates[0]};
    place.id = place_id(number, 0);
    const struct entry entry = {.kind = ENTRY_PLACE, .place = place};
    const int32_t partition = ledger_partition(&world->ledger, place.destination);
    struct effects effects = {0};
    uint32_t transaction;
    if (world_mishap(world, 50)) { /* the router's first try is undone */
        transaction = topic_begin(world->topic);
        if (!topic_append(world->topic, partition, transaction, &entry))
            abort();
        topic_end(world->topic, transaction, false);
    }
    transaction = topic_begin(world->topic);
    if (!transaction || !topic_append(world->topic, partition, transaction, &entry))
        abort();
    topic_end(world->topic, transaction, true);
    world_tell(world, number, "accepted for %s, %d to choose from, due at %" PRId64 " s",
               world->providers.items[place.destination].code, referral->candidates_count,
               (place.deadline_at_ms - world->start_ms) / 1000);
    effects_add(&effects, EFFECT_HOP, &place);
    ledger_commit(&world->ledger, &effects, world->now_ms, world->now_ms, world->sound);
    effects_clear(&effects);
    world_wake_reader(world, partition);
}

static void on_arrival(struct world *world)
{
    const struct plan *plan = &world->plan;
    if (world->now_ms < world->kafka_back_ms) {
        world->next_ms[EVENT_ARRIVAL] = world->kafka_back_ms;
        return;
    }
    arrive(world);
    const int32_t number = world->ledger.created;
    const int64_t gap_ms = 2 * plan->arrivals_ms / plan->referrals + 1;
    const bool crowd = number % 100 < 20; /* they come together */
    world->next_ms[EVENT_ARRIVAL] =
        number == plan->referrals ? INT64_MAX
        : crowd                   ? world->now_ms
                : world->now_ms + (int64_t)(plan_draw(plan, "gap", number, 0) % (uint64_t)gap_ms);
}

static void on_check(struct world *world)
{
    int64_t clocks_ms[PARTITIONS_MOST] = {0};
    world->next_ms[EVENT_CHECK] = world->now_ms + CHECK_MS;
    for (int32_t i = 0; i < world->plan.partitions; i++)
        if (world->owners[i] != NOBODY)
            clocks_ms[i] = process_clock(world, &world->processes[world->owners[i]]);
    ledger_check_deadlines(&world->ledger, world->now_ms, clocks_ms);
    watch_check(&world->watch, world->now_ms);
}

/* Whoever was not heard of for a session's length loses all it has, if somebody can take it. */
static void on_expiry(struct world *world)
{
    bool somebody = false;
    for (int32_t i = 0; i < world->plan.processes; i++)
        somebody |= world->processes[i].state == PROCESS_RUNNING;
    world->next_ms[EVENT_EXPIRY] = world->now_ms + 1000;
    for (int32_t i = 0; somebody && i < world->plan.partitions; i++) {
        const int32_t owner = world->owners[i];
        if (owner == NOBODY)
            continue;
        const struct process *process = &world->processes[owner];
        if ((process->state == PROCESS_DOWN || process->state == PROCESS_STOPPED) &&
            world->now_ms - process->down_ms >= SESSION_MS)
            world->owners[i] = NOBODY;
    }
    world_share(world);
}

static void handle(struct world *world, int event)
{
    switch (event) {
    case EVENT_ARRIVAL:
        on_arrival(world);
        break;
    case EVENT_MISFORTUNE:
        misfortune_strike(world);
        break;
    case EVENT_DIRECTORY:
        misfortune_change_directory(world);
        misfortune_operate(world);
        break;
    case EVENT_COMPACTION:
        misfortune_compact(world);
        break;
    case EVENT_CHECK:
        on_check(world);
        break;
    case EVENT_EXPIRY:
        on_expiry(world);
        break;
    default:
        process_turn(world, &world->processes[event - EVENT_PROCESS]);
        break;
    }
}

static void look_who_can_write(struct world *world)
{
    struct ledger *ledger = &world->ledger;
    for (int32_t i = 0; i < world->plan.partitions; i++) {
        const struct process *process =
            world->owners[i] == NOBODY ? NULL : &world->processes[world->owners[i]];
        const bool away = !process || process->state != PROCESS_RUNNING || process->unresolved ||
                          (process->owned[i].nonce && !process->owned[i].again) ||
                          process->cut_off_ms || world->kafka_back_ms > world->now_ms;
        const bool troubled = away || process->stream_ms > world->now_ms ||
                              process->owned[i].fetched_ms > world->now_ms;
        if (away)
            ledger->away_ms[i] = world->now_ms;
        if (troubled || ledger->troubled[i])
            ledger->disturbed_ms[i] = world->now_ms;
        ledger->troubled[i] = troubled;
        ledger->skewed[i] = process && process->skew_ms != 0;
    }
}

/* ---- the run */

/* False when nothing is left to be done. */
static bool goes_on(struct world *world)
{
    const struct ledger *ledger = &world->ledger;
    if (world->finding.promise)
        return false;
    if (!world->quiet && ledger->ended == world->plan.referrals) {
        world->quiet = true;
        world->end_ms = world->now_ms + SETTLE_MS;
        world->next_ms[EVENT_MISFORTUNE] = world->next_ms[EVENT_DIRECTORY] = INT64_MAX;
    }
    const int64_t events_max = EVENTS_LEAST + EVENTS_PER_REFERRAL * (int64_t)world->plan.referrals;
    if (++world->events > events_max)
        finding_set(&world->finding, world->now_ms - world->start_ms, "comes to an end",
                    "more than %" PRId64 " events, %d of %d ended", events_max, ledger->ended,
                    world->plan.referrals);
    return !world->finding.promise && world->now_ms < world->end_ms;
}

/* What was asked of deliveries, and is not done, with those that are left. */
static void check_asked(struct world *world, int32_t number, int64_t at_ms)
{
    struct deliver_destination seen;
    size_t cursor = 0;
    while (world->processes[number].core &&
           deliver_next_destination(world->processes[number].core, &cursor, &seen))
        if (seen.asked || seen.left)
            finding_set(&world->finding, at_ms, "nothing is kept for ever",
                        "process %d thinks that of %s %zu are left, and %zu are asked for", number,
                        seen.code, seen.left, seen.asked);
}

/* All is over: the cores have nothing left, and the topic says so, too. */
static void check_end(struct world *world)
{
    const int64_t at_ms = world->now_ms - world->start_ms;
    for (int32_t i = 0; i < world->plan.processes && !world->finding.promise; i++) {
        struct deliver_counts counts = {0};
        if (world->processes[i].core)
            deliver_count(world->processes[i].core, &counts);
        if (counts.pending || counts.facts || counts.in_flight)
            finding_set(&world->finding, at_ms, "nothing is kept for ever",
                        "process %d still holds %zu deliveries, %zu facts, %zu sends", i,
                        counts.pending, counts.facts, counts.in_flight);
        check_asked(world, i, at_ms);
    }
    if (!world->finding.promise)
        ledger_check_topic(&world->ledger, world->topic, world->now_ms);
    if (world->ledger.ended < world->plan.referrals)
        finding_set(&world->finding, at_ms, "comes to an end", "%d of %d referrals ended",
                    world->ledger.ended, world->plan.referrals);
}

static bool build(struct world *world, const struct plan *plan)
{
    *world = (struct world){.plan = *plan, .random = {plan->seed ^ 0x51D}, .start_ms = START_MS};
    world->now_ms = world->start_ms;
    world->end_ms = world->start_ms + plan->arrivals_ms + 2 * plan->deadline_max_ms + SETTLE_MS;
    world->quiet = plan->well;
    world->topic = topic_new(plan->partitions);
    world->sound = calloc((size_t)plan->destinations, sizeof(*world->sound));
    if (!world->topic || !world->sound ||
        !providers_init(&world->providers, plan, world->start_ms) ||
        !ledger_init(&world->ledger, plan, &world->finding, world->start_ms) ||
        !watch_init(&world->watch, plan, &world->providers, &world->ledger))
        return false;
    for (int32_t i = 0; i < plan->destinations; i++)
        world->sound[i] = provider_sound(&world->providers, i);
    for (size_t i = 0; i < PARTITIONS_MOST; i++)
        world->owners[i] = NOBODY;
    for (int i = 0; i < EVENTS; i++)
        world->next_ms[i] = i == EVENT_ARRIVAL ? world->start_ms + 1000 : INT64_MAX;
    world->next_ms[EVENT_CHECK] = world->start_ms;
    for (int32_t i = 0; i < plan->processes; i++)
        world->processes[i].number = i;
    for (int32_t i = 0; i < plan->processes; i++) {
        if (!process_start(world, &world->processes[i]))
            return false;
        world->next_ms[EVENT_PROCESS + i] = world->start_ms + 1;
    }
    if (plan->well)
        return true;
    world->next_ms[EVENT_EXPIRY] = world->start_ms + 1000;
    world->next_ms[EVENT_DIRECTORY] = world->start_ms + 10000;
    world->next_ms[EVENT_COMPACTION] = world->start_ms + 60000;
    if (plan->misfortunes)
        world->next_ms[EVENT_MISFORTUNE] = world->start_ms + 5000;
    return true;
}

bool world_run(struct world *world, const struct plan *plan, int32_t traced)
{
    if (!build(world, plan))
        return false;
    world->traced = traced;
    while (goes_on(world)) {
        int event = 0;
        for (int i = 1; i < EVENTS; i++)
            if (world->next_ms[i] < world->next_ms[event])
                event = i;
        if (world->next_ms[event] > world->now_ms)
            world->now_ms = world->next_ms[event];
        handle(world, event);
        look_who_can_write(world);
    }
    check_end(world);
    return true;
}

void world_clear(struct world *world)
{
    for (int32_t i = 0; i < PROCESSES_MAX; i++) {
        process_clear(&world->processes[i]);
        effects_clear(&world->processes[i].effects);
    }
    topic_free(world->topic);
    providers_clear(&world->providers);
    free(world->sound);
    watch_clear(&world->watch);
    ledger_clear(&world->ledger);
}
