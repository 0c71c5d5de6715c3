/* SPDX-License-Identifier: Apache-2.0 */
/* The window is additive: 1/N more per success, a quarter less per failure, as Postfix's queue
 * manager does, so that it reacts before the breaker has to. Intents are written ahead, because
 * a transaction takes longer than a POST; but not for a whole backlog, or everything in it would
 * count as perhaps sent after a crash. */
#include "core/destination.h"

#include "core/backoff.h"
#include "base/text.h"

#include <stdint.h>

#define NOTE_AHEAD (8 * (size_t)WINDOW_MOST)
#define WINDOW_SOON 8.0 /* after a few answers more */
#define SOON_WINDOWS 8  /* before it has shown more */
#define SOON_MS 200     /* what is known to be answered in that time goes soon, too */
#define MEAN_WEIGHT 0.1
#define SLOW_WEIGHT (1.0 / 16) /* one slow attempt is told from none until four others were not */
#define SLOW_SHARE 0.05
#define LATE_MEANS 4.0
#define LATE_LEAST_MS 100
#define LATE_UNKNOWN 500.0 /* nothing was heard of it yet */
#define RESERVE_STEP 8
#define KEPT_MOST 32 /* jobs for which there is room though there is none */

void destination_init(struct destination *destination, const char *code)
{
    *destination = (struct destination){.window = WINDOW_FIRST, .usable = true};
    (void)text_copy(destination->code, sizeof(destination->code), code);
    queue_init(&destination->fresh);
    queue_init(&destination->ready);
    queue_init(&destination->waiting);
    link_init(&destination->send_link);
    link_init(&destination->intent_link);
    link_init(&destination->host_link);
    for (int want = 0; want < LEFT_WANTS; want++)
        destination->lefts[want] = (struct left){destination, (enum left_want)want};
}

void destination_clear(struct destination *destination)
{
    queue_clear(&destination->fresh);
    queue_clear(&destination->ready);
    queue_clear(&destination->waiting);
}

bool destination_reserve(struct destination *destination)
{
    if (destination->jobs_count < destination->reserved)
        return true;
    const size_t count = destination->jobs_count + RESERVE_STEP;
    if (!queue_reserve(&destination->fresh, count) || !queue_reserve(&destination->ready, count) ||
        !queue_reserve(&destination->waiting, count))
        return false;
    destination->reserved = count;
    return true;
}

void destination_done(struct destination *destination)
{
    if (--destination->jobs_count || destination->reserved <= KEPT_MOST)
        return;
    destination_clear(destination);
    destination->reserved = 0;
}

bool destination_spoken_to(const struct destination *destination, int64_t now_ms)
{
    return destination->usable && !destination->retired && now_ms >= destination->quiet_until_ms &&
           (!destination->open || (now_ms >= destination->probe_at_ms && !destination->in_flight));
}

bool destination_may_send(const struct destination *destination, int64_t now_ms)
{
    return destination->ready.count && destination->in_flight < (int32_t)destination->window &&
           destination_spoken_to(destination, now_ms);
}

bool destination_may_note(const struct destination *destination, int64_t now_ms, size_t share)
{
    const bool closed_off = destination->open || (destination->host && destination->host->open);
    const size_t most = closed_off ? 1 : share < NOTE_AHEAD ? share : NOTE_AHEAD;
    return destination->fresh.count && destination_spoken_to(destination, now_ms) &&
           (size_t)destination->noting + destination->ready.count < most;
}

size_t destination_soon(const struct destination *destination, size_t queued, bool growing)
{
    double window = destination->window, windows = SOON_WINDOWS;
    if (!destination->failures_in_row) {
        const double mean_ms = destination->mean_ms < 1 ? 1 : destination->mean_ms;
        if (growing && window < WINDOW_SOON)
            window = WINDOW_SOON;
        if (destination->mean_ms > 0 && SOON_MS / mean_ms > windows)
            windows = SOON_MS / mean_ms;
    }
    const size_t most = (size_t)((double)(size_t)window * windows);
    return queued < most ? queued : most;
}

int64_t destination_wake_at(const struct destination *destination, int64_t now_ms)
{
    int64_t at = queue_first_key(&destination->waiting);
    bool queued = destination->ready.count || destination->fresh.count;
    if (queued && destination->open && destination->probe_at_ms > now_ms &&
        destination->probe_at_ms < at)
        at = destination->probe_at_ms;
    if (queued && destination->quiet_until_ms > now_ms && destination->quiet_until_ms < at)
        at = destination->quiet_until_ms;
    return at;
}

static void failed(struct destination *destination, int64_t now_ms, int64_t probe_first_ms,
                   int64_t probe_most_ms)
{
    destination->window *= 0.75;
    if (destination->window < 1.0)
        destination->window = 1.0;
    if (++destination->failures_in_row < BREAKER_FAILURES)
        return;
    /* Those that were in flight when it opened say nothing new. */
    if (destination->open && now_ms < destination->probe_at_ms)
        return;
    destination->open = true;
    destination->probes++;
    destination->probe_at_ms =
        now_ms + backoff_probe_ms(destination->probes, probe_first_ms, probe_most_ms);
}

bool destination_learn(struct destination *destination, bool unwell, int64_t duration_ms,
                       int64_t now_ms, int64_t probe_first_ms, int64_t probe_most_ms)
{
    double duration = (double)duration_ms;
    const bool unknown = destination->mean_ms <= 0;
    destination->mean_ms =
        destination->mean_ms > 0
            ? destination->mean_ms + MEAN_WEIGHT * (duration - destination->mean_ms)
            : duration + 0.001;
    destination->slow_share +=
        SLOW_WEIGHT * ((duration_ms > SLOW_MS ? 1.0 : 0.0) - destination->slow_share);
    if (unwell) {
        failed(destination, now_ms, probe_first_ms, probe_most_ms);
        return false;
    }
    bool closed = destination->open;
    if (closed)
        destination->window = WINDOW_FIRST;
    destination->open = destination->restarted = false;
    destination->probes = 0;
    destination->failures_in_row = 0;
    destination->window += 1.0 / destination->window;
    if (destination->window > WINDOW_MOST)
        destination->window = WINDOW_MOST;
    /* At the first word from it, what waits was restored: it waits for what another saw. */
    return closed || unknown;
}

void destination_restart(struct destination *destination)
{
    destination->retired = false;
    destination->open = false;
    destination->restarted = true;
    destination->probes = 0;
    destination->failures_in_row = 0;
    destination->quiet_until_ms = 0;
    destination->window = WINDOW_FIRST;
}

int64_t destination_late_after_ms(const struct destination *destination)
{
    const double late = destination->mean_ms > 0 ? LATE_MEANS * destination->mean_ms : LATE_UNKNOWN;
    return late < LATE_LEAST_MS ? LATE_LEAST_MS : late > SLOW_MS ? SLOW_MS : (int64_t)late;
}

bool destination_slow(const struct destination *destination)
{
    const bool always = destination->mean_ms > SLOW_MS;
    const struct host *host = destination->host;
    return destination->late > 0 || (host && host_hangs(host) && !host_untried(host)) ||
           (destination->slow_share > SLOW_SHARE && (always || destination->in_flight));
}

size_t destination_ahead(const struct destination *destination, int64_t deadline_at_ms)
{
    return queue_ahead(&destination->ready, deadline_at_ms) +
           queue_ahead(&destination->fresh, deadline_at_ms);
}

int64_t destination_expected_wait_ms(const struct destination *destination, size_t ahead,
                                     int64_t now_ms)
{
    double wait = (double)ahead * destination->mean_ms / destination->window;
    const struct host *host = destination->host;
    if (host && host->open && host->probe_at_ms > now_ms)
        wait += (double)(host->probe_at_ms - now_ms);
    else if (destination->open && destination->probe_at_ms > now_ms)
        wait += (double)(destination->probe_at_ms - now_ms);
    else if (destination->quiet_until_ms > now_ms)
        wait += (double)(destination->quiet_until_ms - now_ms);
    return wait > 1e15 ? (int64_t)1e15 : (int64_t)wait;
}
