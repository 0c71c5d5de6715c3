/* SPDX-License-Identifier: Apache-2.0 */
/* One seed in five is a world of the size that the service is for; the others are small and
 * crowded, where more goes wrong per referral and a second of work tries hundreds of them. */
#include "plan.h"

#include "base/map.h"
#include "base/random.h"

#include <string.h>

#define MINUTE_MS 60000

static int32_t between(struct random *random, int32_t least, int32_t most)
{
    return least + (int32_t)random_below(random, (uint64_t)(most - least + 1));
}

struct plan plan_of(uint64_t seed, const struct sizes *sizes)
{
    struct random random = {seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
    struct plan plan = {.seed = seed, .full = seed % FULL_EVERY == 0, .pending_max = 1000000};
    if (plan.full) {
        plan.destinations = FULL_DESTINATIONS;
        plan.referrals = FULL_REFERRALS;
        plan.arrivals_ms = 60LL * MINUTE_MS;
        plan.misfortunes = between(&random, 4, 20);
        plan.in_flight_max = 256;
    } else {
        plan.destinations = between(&random, 5, 60);
        plan.referrals = between(&random, 100, 500);
        plan.arrivals_ms = between(&random, 2, 20) * MINUTE_MS;
        plan.misfortunes = between(&random, 0, 150);
        plan.in_flight_max = (size_t)between(&random, 8, 64);
    }
    plan.partitions = between(&random, 2, plan.full ? 16 : 6);
    plan.processes = between(&random, 1, 3);
    plan.hosts = plan.destinations / between(&random, 3, 30) + 1;
    plan.deadline_max_ms = between(&random, 10, 180) * MINUTE_MS;
    plan.healthy_percent = between(&random, 30, 95);
    plan.aborts_one_in = between(&random, 8, 200);
    plan.directory_ms = between(&random, 1, between(&random, 0, 1) ? 2 : 120) * MINUTE_MS;
    plan.intent = between(&random, 0, 4) != 0;
    if (sizes->destinations)
        plan.destinations = (int32_t)sizes->destinations;
    if (sizes->referrals)
        plan.referrals = (int32_t)sizes->referrals;
    if (sizes->partitions)
        plan.partitions = (int32_t)sizes->partitions;
    if (sizes->processes)
        plan.processes = (int32_t)sizes->processes;
    if (sizes->in_flight_max)
        plan.in_flight_max = (size_t)sizes->in_flight_max;
    plan.bounded = !plan.full && between(&random, 0, 2) == 0;
    if (plan.bounded)
        plan.pending_max = (size_t)plan.destinations * (size_t)between(&random, 2, 6);
    plan.slow_max = plan.in_flight_max / 2;
    return plan;
}

struct plan plan_twin(const struct plan *plan)
{
    struct plan twin = *plan;
    twin.well = true;
    return twin;
}

int32_t plan_most_popular(const struct plan *plan)
{
    return (int32_t)(plan_draw(plan, "most-popular", 0, 0) % (uint64_t)plan->destinations);
}

uint64_t plan_draw(const struct plan *plan, const char *what, int64_t a, int64_t b)
{
    const int64_t numbers[] = {a, b};
    return hash_bytes(numbers, sizeof(numbers),
                      plan->seed ^ hash_bytes(what, strlen(what), plan->seed));
}
