/* SPDX-License-Identifier: Apache-2.0 */
/* A host that several destinations share, as pharmacies share their supplier's: whether it is
 * spoken to at all, and how much at a time after it was away. Pure.
 *
 * What counts against it is that nobody answers there at all, and only when several of its
 * endpoints say so with no answer of any of them between: a status, be it 500, shows that it is
 * there. So one broken endpoint never closes the others off. */
#ifndef DISPATCHER_HOST_H
#define DISPATCHER_HOST_H

#include "core/list.h"

#include <stdint.h>

#define HOST_FAILURES 5 /* in a row open it … */
#define HOST_ENDPOINTS                                                                             \
    3 /* … if they come from as many endpoints, or from both where it has two                    \
       */
#define HOST_SILENT_MS 50 /* who has answered within that time does not hang */
#define HOST_WINDOW_FIRST 2.0
#define HOST_WINDOW_MOST 64.0 /* past it the destinations' own windows are enough */

struct host {
    struct link members; /* its destinations, by host_link */
    struct link waiters; /* those whose turn came while it took no more, by send_link */
    size_t members_count;
    uint32_t wake_slot;
    int32_t in_flight;
    int32_t late; /* of those in flight */
    int32_t failures_in_row;
    int32_t failing; /* endpoints that these failures came from */
    uint32_t row;    /* number of the row, never 0 */
    int32_t hanging; /* endpoints with a late send in this row */
    int32_t probes;  /* since it opened */
    int64_t probe_at_ms, answered_at_ms;
    double window; /* 0 = no limit */
    bool open;     /* breaker */
    bool probing;
};

enum host_change { HOST_SAME, HOST_OPENED, HOST_CLOSED };

void host_init(struct host *host);
/* May one more send to any of its endpoints start now? */
bool host_may_send(const struct host *host, int64_t now_ms);
/* A send to one of its endpoints is late. `late_row` belongs to the endpoint, 0 at first. */
void host_late(struct host *host, uint32_t *late_row, int64_t now_ms);
/* As many endpoints hang as would open it by their failures, and none has answered since, or just
 * before: those that are not late yet will hang, too. */
bool host_hangs(const struct host *host);
/* It hangs, and nobody is finding out whether it still does: nothing is under way to it but what is
 * late. */
bool host_untried(const struct host *host);
/* Takes what an attempt has shown: `reached` = somebody answered there; `probe` = it was let
 * through while the breaker was open. `seen_row` belongs to the endpoint, 0 at first. */
enum host_change host_learn(struct host *host, uint32_t *seen_row, bool reached, bool probe,
                            int64_t now_ms, int64_t probe_first_ms, int64_t probe_most_ms);

#endif
