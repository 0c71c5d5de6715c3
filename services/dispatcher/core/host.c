/* SPDX-License-Identifier: Apache-2.0 */
/* After the first answer the window grows by one per answer, which doubles it with every round: a
 * host that was away for hours is at full speed within seconds, but never flooded at once. */
#include "core/host.h"

#include "core/backoff.h"

void host_init(struct host *host)
{
    *host = (struct host){.row = 1};
    link_init(&host->members);
    link_init(&host->waiters);
}

bool host_may_send(const struct host *host, int64_t now_ms)
{
    if (host->open)
        return now_ms >= host->probe_at_ms && !host->probing;
    return host->window == 0 || host->in_flight < (int32_t)host->window;
}

static enum host_change answered(struct host *host, int64_t now_ms)
{
    bool closed = host->open;
    host->answered_at_ms = now_ms;
    host->open = false;
    host->probes = host->failures_in_row = host->failing = host->hanging = 0;
    host->row += host->row == UINT32_MAX ? 2 : 1;
    if (closed)
        host->window = HOST_WINDOW_FIRST;
    else if (host->window > 0)
        host->window += 1.0;
    if (host->window > HOST_WINDOW_MOST)
        host->window = 0;
    return closed ? HOST_CLOSED : HOST_SAME;
}

static int32_t enough_endpoints(const struct host *host)
{
    return host->members_count == 2 ? 2 : HOST_ENDPOINTS;
}

static bool enough(const struct host *host)
{
    return host->failures_in_row >= HOST_FAILURES && host->failing >= enough_endpoints(host);
}

void host_late(struct host *host, uint32_t *late_row, int64_t now_ms)
{
    const int64_t silent_ms = now_ms - host->answered_at_ms;
    if (silent_ms >= 0 && silent_ms < HOST_SILENT_MS)
        return;
    host->hanging += *late_row != host->row;
    *late_row = host->row;
}

bool host_hangs(const struct host *host)
{
    return host->hanging >= enough_endpoints(host);
}

bool host_untried(const struct host *host)
{
    return host_hangs(host) && host->in_flight <= host->late;
}

enum host_change host_learn(struct host *host, uint32_t *seen_row, bool reached, bool probe,
                            int64_t now_ms, int64_t probe_first_ms, int64_t probe_most_ms)
{
    if (reached)
        return answered(host, now_ms);
    host->failing += *seen_row != host->row;
    *seen_row = host->row;
    host->failures_in_row++;
    if (host->window > 0)
        host->window = host->window * 0.75 > 1.0 ? host->window * 0.75 : 1.0;
    /* Those that were in flight when it opened say nothing new. */
    if (host->open ? !probe : !enough(host))
        return HOST_SAME;
    host->open = true;
    host->probes++;
    host->probe_at_ms = now_ms + backoff_probe_ms(host->probes, probe_first_ms, probe_most_ms);
    return HOST_OPENED;
}
