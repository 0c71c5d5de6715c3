/* SPDX-License-Identifier: Apache-2.0 */
/* One dispatcher: the real core, and around it what its shell does: reading, transactions with
 * their fences, sends and answers, draining, and all the ways to die. */
#ifndef SIM_PROCESS_H
#define SIM_PROCESS_H

#include "core/deliver.h"
#include "core/heap.h"
#include "ledger.h"
#include "providers.h"
#include "topic.h"

struct world;

enum process_state {
    PROCESS_DOWN,
    PROCESS_RUNNING,
    PROCESS_YIELDING, /* a partition is to be given away: what is under way is waited for */
    PROCESS_LEAVING,  /* stopped in an orderly way */
    PROCESS_STOPPED,  /* SIGSTOP */
};

struct flight_seen { /* a send under way */
    int64_t begins_ms, ends_ms;
    struct reply reply;
    int32_t referral, hop, destination;
    int32_t assignment; /* of its partition, then */
    uint32_t number;
    size_t slot;
    bool used, first_taken;
};

struct owned {
    struct topic_reader reader, base; /* now; where the transaction began */
    uint64_t nonce;                   /* of a fence that is not read back yet */
    int64_t fetched_ms;               /* nothing of it comes before then */
    int32_t assignment;
    bool ours, fence_written;
    bool again; /* the fence closes what is read once more */
    bool to_give;
};

struct process {
    int32_t number;
    enum process_state state;
    int64_t until_ms;  /* of that state */
    int64_t down_ms;   /* since when nothing was heard of it */
    int64_t life;      /* its number is in it: life % PROCESSES_MAX */
    int64_t skew_ms;   /* of its clock */
    int64_t jumped_ms; /* when that changed */
    struct deliverer *core;
    struct owned owned[PARTITIONS_MOST];
    struct flight_seen *flights;
    size_t flights_count;
    struct heap landings;
    size_t under_way;
    int64_t cut_off_ms, cut_until_ms; /* from Kafka, not from the providers; 0 = it is not */
    int64_t commit_ms;                /* the next one, not before */
    int64_t stream_ms;                /* trouble: not before then */
    int64_t backoff_ms;               /* of trouble */
    bool read_any;                    /* in the open transaction */
    uint32_t transaction;
    struct effects effects;
    bool unresolved;         /* the last transaction's end is not known */
    bool unresolved_is_done; /* it was committed */
};

/* False without memory. */
__attribute__((warn_unused_result)) bool process_start(struct world *world,
                                                       struct process *process);
void process_clear(struct process *process);
int64_t process_clock(const struct world *world, const struct process *process);
bool process_alive(const struct process *process);
void process_assign(struct world *world, struct process *process, int32_t partition);

/* kill -9. */
void process_kill(struct world *world, struct process *process, int64_t down_for_ms);
/* SIGSTOP; with a transaction open, perhaps. */
void process_stop(struct world *world, struct process *process, int64_t stopped_for_ms);
/* Nothing reaches Kafka any more, but the providers are still there. */
void process_cut_off(struct world *world, struct process *process, int64_t cut_for_ms);
/* A partition is to go to somebody else. */
void process_yield(struct world *world, struct process *process, int32_t partition);
void process_leave(struct world *world, struct process *process);

/* Its turn has come; sets its next one. */
void process_turn(struct world *world, struct process *process);

/* flights.c: sends under way. */
void flights_start(struct world *world, struct process *process, const struct deliver_send *send);
void flights_hear(struct world *world, struct process *process);
/* What has not begun ends now. */
void flights_recall(struct world *world, struct process *process);

/* stream.c: reading and writing. */
/* False: an abort happened. */
bool stream_turn(struct world *world, struct process *process);
/* Ticks, writes and commits what there is. False: an abort, or the outcome is unknown. */
bool stream_settle(struct world *world, struct process *process);
/* Writes, and leaves it at that: the transaction stays open. */
void stream_leave_open(struct world *world, struct process *process);
void stream_undo(struct world *world, struct process *process);
void stream_resolve(struct world *world, struct process *process);
/* What there was no room for is read once more. */
void stream_read_again(struct world *world, struct process *process);
/* When there is something to be read; INT64_MAX = not yet. */
int64_t stream_input_at(const struct world *world, const struct process *process);

#endif
