/* SPDX-License-Identifier: Apache-2.0 */
/* How each destination is treated, and the promises about that: one that is dead is only probed,
 * one that asks for quiet gets it, one that answers is not starved, one that recovers gets all that
 * waits for it within a minute. */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "ledger.h"
#include "providers.h"

struct watched {
    int64_t dead_since_ms; /* the episode that is being counted */
    int32_t dead_sends;
    int32_t fresh_starts; /* of the breaker, in this episode: restarts, changes in the directory */
    int64_t last_sent_ms;
    int64_t free_since_ms;              /* when it could not be spoken to last: paused, dead */
    int64_t quiet_until_ms;             /* by the clock of the process that was told */
    int64_t quiet_life;                 /* of that process */
    int64_t life;                       /* of its owner */
    int64_t known_lives[PROCESSES_MAX]; /* of the processes that have heard of it */
    int32_t failures;                   /* in a row, heard by its owner */
    int64_t recovered_ms; /* first success after an episode; 0 = none to be looked at */
    int32_t backlog;      /* at that time */
    int32_t in_flight, in_flight_peak; /* of its owner; peak since recovered_ms */
    int64_t gone_life;                 /* of the process that got a 410 */
    bool retired;                      /* somebody got one */
};

struct watch {
    const struct plan *plan;
    const struct providers *providers;
    struct ledger *ledger;
    struct watched *items;
    int64_t sends, dead_sends, recoveries, full_recoveries;
};

/* False without memory. */
__attribute__((warn_unused_result)) bool watch_init(struct watch *watch, const struct plan *plan,
                                                    const struct providers *providers,
                                                    struct ledger *ledger);
void watch_clear(struct watch *watch);

/* A process, in this life of its own, sends to it. */
void watch_sent(struct watch *watch, int32_t number, int64_t life, int64_t now_ms,
                int64_t clock_ms);
/* An answer has been heard; `ours` = its partition has been the process's own all the time. */
void watch_heard(struct watch *watch, int32_t number, int64_t life, bool ours,
                 const struct answer *answer, int64_t now_ms, int64_t clock_ms);
/* What is known of it has been forgotten, and rightly so: its partition has a new owner, in this
 * life of that process. */
void watch_forgotten(struct watch *watch, int32_t number, int64_t life);
/* The directory has changed it. */
void watch_changed(struct watch *watch, int32_t number, int64_t now_ms);
/* Called every few seconds. */
void watch_check(struct watch *watch, int64_t now_ms);

#endif
