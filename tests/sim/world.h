/* SPDX-License-Identifier: Apache-2.0 */
/* A whole world of one seed: a topic, providers, dispatchers, a router that adds referrals, and
 * misfortunes; its time goes from event to event. No clock, no threads, no chance but the seed. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "ledger.h"
#include "process.h"
#include "providers.h"
#include "watch.h"

#define NOBODY (-1)
#define SESSION_MS 10000 /* without a word, after which partitions go to others */

enum next_event {
    EVENT_ARRIVAL,
    EVENT_MISFORTUNE,
    EVENT_DIRECTORY,
    EVENT_COMPACTION,
    EVENT_CHECK,
    EVENT_EXPIRY, /* somebody's session */
    EVENT_PROCESS,
    EVENTS = EVENT_PROCESS + PROCESSES_MAX,
};

struct world {
    struct plan plan;
    struct random random; /* of what goes wrong */
    struct finding finding;
    int64_t start_ms, now_ms, end_ms;
    int64_t next_ms[EVENTS];
    struct topic *topic;
    struct providers providers;
    bool *sound;
    struct ledger ledger;
    struct watch watch;
    struct process processes[PROCESSES_MAX];
    int32_t owners[PARTITIONS_MOST];
    uint64_t nonces;
    int64_t lives;
    int32_t traced;        /* a referral to be told about; NOBODY = none */
    int64_t kafka_back_ms; /* away until then */
    bool quiet;            /* nothing further goes wrong */
    int64_t events, crashes, stops, restarts, rebalances, aborts, unknowns, jumps, outages, cuts,
        rereads, orders, compactions;
    uint64_t digest; /* of all that was sent and written: equal digests, equal runs */
};

/* Runs it to its end, or to the first broken promise. `traced` is a referral to tell about, or
 * NOBODY. False without memory. */
__attribute__((warn_unused_result)) bool world_run(struct world *world, const struct plan *plan,
                                                   int32_t traced);
void world_clear(struct world *world);

/* True with a chance of one in `one_in`; never in a world where nothing goes wrong. */
bool world_mishap(struct world *world, int32_t one_in);
int64_t world_between(struct world *world, int64_t least, int64_t most);
/* Something is to be read in this partition, maybe. */
void world_wake_reader(struct world *world, int32_t partition);
/* Gives partitions to those that can take them: all that nobody has. */
void world_share(struct world *world);
void world_note(struct world *world, uint64_t what);
/* Prints a line of what happens to a referral, if it is the one that is asked about. */
void world_tell(const struct world *world, int32_t referral, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
