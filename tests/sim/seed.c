/* SPDX-License-Identifier: Apache-2.0 */
/* A large world is run twice, the second time with nothing going wrong, to compare how long the
 * healthy ones have waited. */
#include "seed.h"

#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    size_t offset;
    const char *words;
} counts[] = {
    {offsetof(struct tally, seeds), "seeds"},
    {offsetof(struct tally, full), "of full size"},
    {offsetof(struct tally, referrals), "referrals"},
    {offsetof(struct tally, returned), "returned"},
    {offsetof(struct tally, sends), "sends"},
    {offsetof(struct tally, dead_sends), "to the dead"},
    {offsetof(struct tally, crashes), "kills"},
    {offsetof(struct tally, stops), "stops"},
    {offsetof(struct tally, restarts), "restarts"},
    {offsetof(struct tally, rebalances), "rebalances"},
    {offsetof(struct tally, aborts), "aborts"},
    {offsetof(struct tally, unknowns), "unknown outcomes"},
    {offsetof(struct tally, jumps), "clock jumps"},
    {offsetof(struct tally, outages), "Kafka outages"},
    {offsetof(struct tally, cuts), "cuts"},
    {offsetof(struct tally, rereads), "readings once more"},
    {offsetof(struct tally, orders), "operators' orders"},
    {offsetof(struct tally, compactions), "compactions"},
    {offsetof(struct tally, recoveries), "recoveries"},
    {offsetof(struct tally, full_recoveries), "of them with a large backlog"},
};
#define COUNTS (sizeof(counts) / sizeof(*counts))

static int64_t *count_of(struct tally *tally, size_t row)
{
    return (int64_t *)(void *)((char *)tally + counts[row].offset);
}

void tally_join(struct tally *tally, const struct tally *other)
{
    struct tally copy = *other;
    for (size_t i = 0; i < COUNTS; i++)
        *count_of(tally, i) += *count_of(&copy, i);
}

void tally_print(const struct tally *tally)
{
    struct tally copy = *tally;
    for (size_t i = 0; i < COUNTS; i++)
        printf("%s%" PRId64 " %s", i ? ", " : "", *count_of(&copy, i), counts[i].words);
    printf("\n");
}

static void count_world(struct tally *tally, const struct world *world)
{
    const struct tally one = {.seeds = 1,
                              .full = world->plan.full,
                              .referrals = world->ledger.created,
                              .returned = world->ledger.returned,
                              .sends = world->watch.sends,
                              .dead_sends = world->watch.dead_sends,
                              .crashes = world->crashes,
                              .stops = world->stops,
                              .restarts = world->restarts,
                              .rebalances = world->rebalances,
                              .aborts = world->aborts,
                              .unknowns = world->unknowns,
                              .jumps = world->jumps,
                              .outages = world->outages,
                              .cuts = world->cuts,
                              .rereads = world->rereads,
                              .orders = world->orders,
                              .compactions = world->compactions,
                              .recoveries = world->watch.recoveries,
                              .full_recoveries = world->watch.full_recoveries};
    tally_join(tally, &one);
}

static void compare_with_twin(struct world *world, bool tell)
{
    static struct world twin;
    const struct plan plan = plan_twin(&world->plan);
    const int64_t p99_ms = ledger_p99_ms(&world->ledger);
    if (!p99_ms || world->finding.promise)
        return;
    if (!world_run(&twin, &plan, NOBODY))
        abort();
    if (twin.finding.promise)
        world->finding = twin.finding;
    const int64_t twin_ms = ledger_p99_ms(&twin.ledger);
    if (twin_ms && p99_ms > 2 * twin_ms)
        finding_set(&world->finding, world->now_ms - world->start_ms,
                    "the healthy are as quick as ever",
                    "their p99 is %" PRId64 " ms, and %" PRId64 " ms when nothing is wrong", p99_ms,
                    twin_ms);
    if (tell)
        printf("p99 of the healthy: %" PRId64 " ms, and %" PRId64 " ms when nothing is wrong\n",
               p99_ms, twin_ms);
    world_clear(&twin);
}

static void print_finding(const struct world *world, const struct sizes *sizes)
{
    const int64_t at_ms = world->finding.at_ms;
    printf("seed %" PRIu64 " breaks \"%s\": %s (after %" PRId64 ".%03" PRId64
           " s)\n  replay: " SEED_PROGRAM " --seed %" PRIu64,
           world->plan.seed, world->finding.promise, world->finding.detail, at_ms / 1000,
           at_ms % 1000, world->plan.seed);
    const struct {
        const char *name;
        int64_t value;
    } given[] = {{"destinations", sizes->destinations},
                 {"referrals", sizes->referrals},
                 {"partitions", sizes->partitions},
                 {"processes", sizes->processes},
                 {"in-flight-max", sizes->in_flight_max}};
    for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
        if (given[i].value)
            printf(" --%s %" PRId64, given[i].name, given[i].value);
    printf("\n");
}

bool seed_run(uint64_t seed, const struct sizes *sizes, bool tell, int32_t referral,
              struct tally *tally)
{
    static struct world world;
    const struct plan plan = plan_of(seed, sizes);
    if (!world_run(&world, &plan, referral))
        abort();
    if (plan.full)
        compare_with_twin(&world, tell);
    const bool well = !world.finding.promise;
    if (!well)
        print_finding(&world, sizes);
    if (tell)
        printf("seed %" PRIu64 ": %d destinations, %d referrals, %d partitions, %d dispatchers; "
               "%" PRId64 " events in %" PRId64 " s; digest %016" PRIx64 "\n",
               seed, plan.destinations, plan.referrals, plan.partitions, plan.processes,
               world.events, (world.now_ms - world.start_ms) / 1000, world.digest);
    count_world(tally, &world);
    world_clear(&world);
    return well;
}
