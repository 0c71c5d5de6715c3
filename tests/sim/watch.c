/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds are those that docs/delivery.md states, with room for what was under way. */
#include "watch.h"

#include "core/backoff.h"

#include <inttypes.h>
#include <stdlib.h>

#define IN_FLIGHT_MOST 20
#define BREAKER_FAILURES 5
#define BREAKER_BURST 30 /* under way when it died, and five failures until the breaker opens */
#define PROBE_FIRST_MS 15000
#define PROBE_MOST_MS 300000
#define SOUND_WAIT_MS 60000  /* at most, until the first send to one that is well */
#define OTHER_WAIT_MS 690000 /* the longest probe, retry and attempt, one after the other */
#define FULL_RATE_MS 60000
#define BACKLOG_LARGE 200 /* about as many successes open the window */
#define FULL_RATE_IN_FLIGHT 8

#define BROKEN_IF(condition, promise, ...)                                                         \
    do {                                                                                           \
        if (condition)                                                                             \
            finding_set(watch->ledger->finding, now_ms - watch->ledger->start_ms, promise,         \
                        __VA_ARGS__);                                                              \
    } while (0)

bool watch_init(struct watch *watch, const struct plan *plan, const struct providers *providers,
                struct ledger *ledger)
{
    *watch = (struct watch){.plan = plan, .providers = providers, .ledger = ledger};
    watch->items = calloc((size_t)plan->destinations, sizeof(*watch->items));
    return watch->items;
}

void watch_clear(struct watch *watch)
{
    free(watch->items);
    *watch = (struct watch){0};
}

/* ---- the dead and the busy */

/* How many probes the schedule has room for in a time. */
static int32_t probes_in(int64_t span_ms)
{
    int32_t probes = 1;
    for (int64_t at_ms = 0; at_ms <= span_ms; probes++)
        at_ms += backoff_probe_ms(probes, PROBE_FIRST_MS, PROBE_MOST_MS);
    return probes;
}

static void count_dead(struct watch *watch, int32_t number, int64_t since_ms, int64_t now_ms)
{
    struct watched *watched = &watch->items[number];
    if (watched->dead_since_ms != since_ms) {
        watched->dead_since_ms = since_ms;
        watched->dead_sends = 0;
        watched->fresh_starts = 1;
    }
    watched->dead_sends++;
    watch->dead_sends++;
    const int32_t most = watched->fresh_starts * BREAKER_BURST + probes_in(now_ms - since_ms);
    BROKEN_IF(watched->dead_sends > most, "the dead are only probed",
              "D%04d got %d sends in %" PRId64 " ms, %d are allowed", number, watched->dead_sends,
              now_ms - since_ms, most);
}

void watch_sent(struct watch *watch, int32_t number, int64_t life, int64_t now_ms, int64_t clock_ms)
{
    struct watched *watched = &watch->items[number];
    const int64_t since_ms = provider_dead_since(watch->providers, number, now_ms);
    watch->sends++;
    if (since_ms != INT64_MIN)
        count_dead(watch, number, since_ms, now_ms);
    BROKEN_IF(watched->quiet_life == life && clock_ms < watched->quiet_until_ms,
              "Retry-After is kept", "D%04d is sent to %" PRId64 " ms too early", number,
              watched->quiet_until_ms - clock_ms);
    BROKEN_IF(watch->providers->items[number].paused, "the paused are left alone",
              "D%04d is sent to while it is paused", number);
    BROKEN_IF(watched->gone_life == life, "the gone are left alone",
              "D%04d is sent to after its 410", number);
    watched->last_sent_ms = now_ms;
    watched->in_flight++;
    BROKEN_IF(watched->in_flight > IN_FLIGHT_MOST, "bounds are kept", "%d sends to D%04d at once",
              watched->in_flight, number);
    if (watched->in_flight > watched->in_flight_peak)
        watched->in_flight_peak = watched->in_flight;
}

static int32_t pending_of(const struct watch *watch, int32_t number, int64_t unsent_since_ms,
                          int32_t *ret_last)
{
    int32_t count = 0;
    for (int32_t i = 0; i < watch->ledger->created; i++) {
        const struct referral *referral = &watch->ledger->referrals[i];
        if (referral->hop == NO_HOP || referral->destination != number ||
            referral->hop_placed_ms >= unsent_since_ms ||
            referral->last_heard_ms >= unsent_since_ms ||
            referral->last_sent_ms >= unsent_since_ms || referral->not_before_ms >= unsent_since_ms)
            continue;
        count++;
        *ret_last = i;
    }
    return count;
}

/* True if the process must take the answer as a sign that it is well again. */
static bool learn(struct watched *watched, int64_t life, const struct answer *answer)
{
    const int32_t failures = watched->failures;
    int64_t *known_life = &watched->known_lives[life % PROCESSES_MAX];
    const bool known = *known_life == life;
    if (answer->unstarted || !classify_telling(answer))
        return false;
    *known_life = life;
    if (life != watched->life)
        return false;
    watched->failures = classify_unwell(answer) ? failures + 1 : 0;
    return !watched->failures && (!known || failures >= BREAKER_FAILURES);
}

void watch_heard(struct watch *watch, int32_t number, int64_t life, bool ours,
                 const struct answer *answer, int64_t now_ms, int64_t clock_ms)
{
    struct watched *watched = &watch->items[number];
    int64_t told_ms;
    int32_t last;
    watched->in_flight -= ours;
    if ((answer->status == 429 || answer->status == 503) &&
        retry_after_parse(answer->retry_after, clock_ms, &told_ms) &&
        (watched->quiet_life != life || clock_ms + told_ms > watched->quiet_until_ms)) {
        watched->quiet_life = life;
        watched->quiet_until_ms = clock_ms + told_ms;
    }
    if (answer->status == 410) {
        watched->retired = true;
        watched->gone_life = life;
    }
    if (!learn(watched, life, answer) || watched->dead_sends <= BREAKER_FAILURES ||
        !provider_takes(watch->providers, number, now_ms))
        return;
    watched->dead_sends = 0;
    watched->recovered_ms = now_ms;
    watched->in_flight_peak = watched->in_flight;
    watched->backlog = pending_of(watch, number, now_ms, &last);
}

void watch_forgotten(struct watch *watch, int32_t number, int64_t life)
{
    struct watched *watched = &watch->items[number];
    watched->life = life;
    watched->fresh_starts++;
    watched->quiet_until_ms = 0;
    watched->in_flight = watched->failures = 0;
    watched->gone_life = 0;
}

void watch_changed(struct watch *watch, int32_t number, int64_t now_ms)
{
    struct watched *watched = &watch->items[number];
    watched->fresh_starts++;
    watched->failures = 0;
    watched->free_since_ms = now_ms;
    watched->quiet_until_ms = 0;
    watched->retired = false;
    watched->gone_life = 0;
    watched->recovered_ms = 0;
}

/* ---- the living */

static void check_recovery(struct watch *watch, int32_t number, int64_t now_ms)
{
    struct watched *watched = &watch->items[number];
    const int64_t recovered_ms = watched->recovered_ms;
    if (!recovered_ms)
        return;
    if (!ledger_owned_since(watch->ledger, ledger_partition(watch->ledger, number), recovered_ms) ||
        !provider_takes(watch->providers, number, now_ms) ||
        provider_dead_since(watch->providers, number, recovered_ms) != INT64_MIN ||
        watch->providers->items[number].paused) {
        watched->recovered_ms = 0; /* nothing can be said of it */
        return;
    }
    int32_t last = 0;
    const int32_t left = pending_of(watch, number, recovered_ms, &last);
    if (left && now_ms < recovered_ms + FULL_RATE_MS)
        return;
    watched->recovered_ms = 0;
    watch->recoveries++;
    BROKEN_IF(left && !watch->plan->bounded, "a recovered one is served within a minute",
              "%d of %d referrals have waited for D%04d since it came back, the last of them %d",
              left, watched->backlog, number, last);
    if (watched->backlog < BACKLOG_LARGE)
        return;
    watch->full_recoveries++;
    BROKEN_IF(watched->in_flight_peak < FULL_RATE_IN_FLIGHT,
              "a recovered one is back to full rate within a minute",
              "D%04d had %d waiting and never more than %d under way", number, watched->backlog,
              watched->in_flight_peak);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void check_starved(struct watch *watch, int32_t i, int64_t now_ms)
{
    const struct referral *referral = &watch->ledger->referrals[i];
    if (referral->hop == NO_HOP)
        return;
    const int32_t number = referral->destination;
    const struct watched *watched = &watch->items[number];
    const struct provider *provider = &watch->providers->items[number];
    const int32_t partition = ledger_partition(watch->ledger, number);
    if (provider->paused || watched->retired || watch->ledger->troubled[partition] ||
        watch->ledger->skewed[partition])
        return;
    int64_t since_ms = later(referral->hop_placed_ms, watch->ledger->disturbed_ms[partition]);
    since_ms = later(since_ms, watched->free_since_ms);
    since_ms = later(since_ms, watched->quiet_until_ms);
    /* What memory had no room for is read again when there is some: nobody can say when. */
    BROKEN_IF(!watch->plan->bounded && provider_sound(watch->providers, number) &&
                  !referral->sends && now_ms - since_ms > SOUND_WAIT_MS,
              "nobody is starved", "referral %d waits for D%04d, which is well, for %" PRId64 " ms",
              i, number, now_ms - since_ms);
    since_ms = later(later(since_ms, watched->last_sent_ms), referral->not_before_ms);
    BROKEN_IF(now_ms - since_ms > OTHER_WAIT_MS, "nobody is starved",
              "D%04d has got nothing for %" PRId64 " ms while referral %d waits", number,
              now_ms - since_ms, i);
}

void watch_check(struct watch *watch, int64_t now_ms)
{
    for (int32_t i = 0; i < watch->plan->destinations; i++) {
        check_recovery(watch, i, now_ms);
        if (provider_dead_since(watch->providers, i, now_ms) != INT64_MIN)
            watch->items[i].free_since_ms = now_ms;
    }
    for (int32_t i = 0; i < watch->ledger->created; i++)
        check_starved(watch, i, now_ms);
}
