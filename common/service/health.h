/* SPDX-License-Identifier: Apache-2.0 */
/* What a service says of itself over HTTP: /livez (the loop turns), /readyz (it can work, or why
 * not), /metrics. */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include "base/reason.h"
#include "service/metrics.h"

#include <stdatomic.h>
#include <stdint.h>

struct http_server;

/* A loop that has not turned for this long counts as dead. */
#define HEALTH_TURN_MS 30000
/* A loop whose every turn has failed for this long is not ready. */
#define HEALTH_FAILING_MS 5000

struct health {
    const char *service;
    struct metrics *metrics;
    struct http_server *server;
    _Atomic int64_t turned_ms;        /* monotonic */
    _Atomic int64_t failing_since_ms; /* 0 = well */
    _Atomic(const char *) not_ready;  /* static text; NULL = ready */
    _Atomic(const char *) waits_for;  /* static text, why every turn fails; NULL = the log knows */
    atomic_bool draining;
};

/* Starts to answer on `listen`. `health` must be zeroed and stay where it is. */
__attribute__((warn_unused_result)) bool health_start(struct health *health, const char *service,
                                                      const char *listen, struct metrics *metrics,
                                                      struct reason *reason);
void health_stop(struct health *health);
/* NULL when ready; also used by the tests of the rules. */
const char *health_why_not_ready(const struct health *health, int64_t now_ms);
/* What a turn, or the start, that failed with this code waits for; NULL = the log says it. */
const char *health_waits_for(const char *code);
bool health_is_alive(const struct health *health, int64_t now_ms);

#endif
