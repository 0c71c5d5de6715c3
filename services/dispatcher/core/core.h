/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the core share: hold.c keeps jobs, partitions and queues, room.c their number
 * in bounds, facts.c what is to be written, note.c the intents among it, turns.c says whose turn it
 * is to send, deliver.c decides.
 */
#ifndef DISPATCHER_CORE_H
#define DISPATCHER_CORE_H

#include "base/map.h"
#include "base/random.h"
#include "core/deadlines.h"
#include "core/deliver.h"
#include "core/destination.h"
#include "core/jobs.h"
#include "core/pool.h"
#include "core/spares.h"

#define PARTITIONS_MAX 4096
#define DESTINATIONS_MAX 60000
#define GIVE_UP_MARGIN_MS 2000
#define LEFT_AHEAD_MS                                                                              \
    120000              /* so long before it has to leave, what was left on the topic is read */
#define NOTED_MAX 50000 /* intents in one partition: what a record can hold */

struct noted { /* a job of which the topic says that it may have been sent */
    struct uuid id;
    uint32_t number; /* of the job in the pool */
    bool left_out;   /* what stands in the open transaction says more */
};

struct partition {
    uint32_t jobs_from, jobs_to; /* numbers of the pool, among which its jobs are */
    struct noted *noted;         /* the list of intents */
    size_t noted_count, noted_capacity;
    struct link note_link;     /* in the ring of lists to be written */
    struct uuid *restored_ids; /* the last list read while restoring */
    size_t restored_count;
    int64_t folded_to; /* offsets below it have been folded */
    int32_t number;
    bool restoring;            /* read for the first time, or again */
    struct map *left;          /* id of what stays on the topic -> struct left; NULL = none yet */
    size_t left_now;           /* of them, those for which there is room whatever is held */
    int64_t left_from;         /* the first of their records */
    bool left_any;             /* the two beside it are known */
    int64_t left_due_ms;       /* when the first of them has to leave its destination */
    int64_t read_again_at_ms;  /* not before */
    int64_t read_began_ms;     /* when it was last read again; 0 = never */
    int64_t read_wanted_at_ms; /* not before, for what operators want */
    int64_t seen_to;           /* what is below has been folded before it was to be read again */
    struct uuid *strays;       /* of the last list of intents: those that are not held */
    size_t strays_count;
};

struct flight {
    struct job *job; /* NULL = the job was given up meanwhile */
    struct destination *destination;
    struct host *host;  /* may be NULL */
    int64_t started_ms; /* departed, then begun */
    uint32_t late_slot;
    uint32_t next_free;
    bool first; /* nothing had been sent before */
    bool probe; /* of its host */
    bool begun; /* on the wire, not only handed over */
    bool late;  /* for longer than its destination lets expect */
};

struct deliverer {
    struct deliver_options options;
    struct random random;
    struct pool pool;         /* of jobs */
    struct spares spares;     /* of their records */
    struct jobs jobs;         /* by id */
    struct map *destinations; /* by ODS code */
    struct map *hosts;        /* by hash */
    struct partition **partitions;
    size_t partitions_count;
    struct deadlines deadlines; /* of jobs in a queue */
    struct heap wakes;          /* destinations */
    struct heap host_wakes;     /* open hosts, by probe_at */
    struct link senders;        /* ring of destinations */
    struct link called;         /* those of them that had to wait for a place: they go first */
    struct link noters;         /* ring of destinations */
    size_t ready_count;         /* see deliver_ready */
    size_t wanting;             /* destinations that have something to note, now or later */
    struct link facts;          /* jobs, to be written */
    struct link leaving;        /* jobs that have to move, but with no attempt to be told of */
    struct link asking;         /* the same, of jobs that may stay; they are in `deadlines`, too */
    struct link written;        /* jobs, in the open transaction */
    struct link lists;          /* partitions whose list of intents has grown */
    struct uuid *ids;           /* room for any of these lists */
    size_t ids_capacity;
    struct flight *flights;
    uint32_t flights_free;
    struct heap punctual; /* flights that are on the wire and not late, by when they will be */
    struct {
        size_t in_flight, most;
        struct link waiters; /* destinations whose turn came while it was full */
    } lanes[LANES];
    size_t in_flight;
    size_t ghosts;
    size_t facts_count; /* all of the lists above */
    size_t moves_count; /* of these: with no attempt to be told of */
    size_t intents_count;
    size_t results_max;
    size_t moves_open;   /* of moves_count, given out for the open transaction */
    size_t intents_open; /* in the open transaction */
    size_t left_count;
    struct destination *fullest;
    size_t fullest_count, fullest_uses;
    bool slowed;             /* one went into the slow lane; see deliver_slowed */
    bool hungry;             /* one that is well has little left to do, but more on the topic */
    int64_t hungry_since_ms; /* all partitions are being read again for such a one; 0 = none */
    bool draining;
};

#define NO_FLIGHT UINT32_MAX

struct partition *core_partition(const struct deliverer *core, int32_t number);
/* Puts a job into the queue where it belongs, or makes it a fact when its time is up. */
void core_enqueue(struct deliverer *core, struct job *job, int64_t now_ms);
/* Takes it out of its queue; harmless if it is in none. */
void core_dequeue(struct deliverer *core, struct job *job);
/* Looks at the destination anew: ends waits, rings, wake time. */
void core_refresh(struct deliverer *core, struct destination *destination, int64_t now_ms);
/* The same after its waits were ended early. */
void core_release(struct deliverer *core, struct destination *destination, int64_t now_ms);
void core_post_fact(struct deliverer *core, struct job *job, enum job_fact fact, int64_t now_ms);
void core_post_move(struct deliverer *core, struct job *job, const char *why, bool must_move,
                    int64_t now_ms);
/* What has come of sends, and is not committed. */
static inline size_t core_results(const struct deliverer *core)
{
    return core->facts_count - core->moves_count - core->intents_count;
}
/* A job of `asking` has no more time to ask. */
void core_must_leave(struct deliverer *core, struct job *job);
/* Takes a job off the list of facts or of what is written. */
void core_unlist(struct deliverer *core, struct job *job);
/* room.c: what doesn't fit stays on the topic. */
size_t core_pending(const struct deliverer *core);
/* Room for one more of this destination; false if it is to be left. */
bool core_make_room(struct deliverer *core, struct destination *destination, enum left_want want,
                    int64_t give_up_ms, int64_t now_ms);
/* False without memory for its id, or when there are too many; nothing has changed then. */
bool core_leave(struct deliverer *core, struct partition *partition, struct left *left,
                const struct uuid *id, int64_t offset, int64_t due_ms);
/* There was room for it only until it was decided: it is left again if it can be spared. */
void core_let_go(struct deliverer *core, struct job *job, int64_t now_ms);
/* One of its jobs is done: has it more on the topic that deserves the room of others? */
void core_left_hungry(struct deliverer *core, const struct destination *destination);
/* What is wanted of one that is left, or is to be. False without memory, which one that is left
 * needs none of. */
bool core_left_mark(struct deliverer *core, struct partition *partition, const struct uuid *id,
                    struct left *left);
/* NULL = it is not left. */
struct left *core_left(const struct partition *partition, const struct uuid *id);
/* It is held now, or finished. */
void core_left_no_more(struct deliverer *core, struct partition *partition, const struct uuid *id);
void core_leave_none(struct deliverer *core, struct partition *partition);

/* operate.c: lets `act` look at each job in one of the destination's queues; how often it said
 * true, which is to mean that the job is in that queue no more. */
size_t core_each(struct deliverer *core, struct destination *destination,
                 bool (*act)(struct deliverer *core, struct job *job, int64_t now_ms),
                 int64_t now_ms);

/* wanted.c: what operators want of what is left. */
/* Of all of the destination; returns of how many it was not wanted yet. */
size_t core_want(struct deliverer *core, struct destination *destination, enum left_want want);
/* False if it is not left, or as much was wanted of it already. */
bool core_want_one(struct deliverer *core, const struct uuid *id, enum left_want want);
/* It has become a job. */
void core_want_held(struct job *job, enum left_want want);
/* Does to a job in no queue what was wanted of it. True: it looks for another place. */
bool core_want_done(struct deliverer *core, struct job *job, int64_t now_ms);
/* The partition is to be read again for them now. */
bool core_want_due(const struct deliverer *core, const struct partition *partition, int64_t now_ms);
/* It has been read again: what is new in it has its turn now, for as long as that took. */
void core_want_rest(struct partition *partition, int64_t now_ms);
/* More may be held while something is wanted of them. */
#define WANTED_MAX(core) ((core)->options.pending_max / 8 + 1)
/* ahead.c: what the next turns of a ring of destinations will touch comes from main memory while
 * others have theirs. Changes nothing. */
void core_expect_turns(const struct deliverer *core, const struct link *ring, size_t link_offset,
                       size_t queue_offset);
/* The same of the destination of a record that is to be held (NULL is fine), of what is written and
 * to be committed. */
void core_expect_destination(const struct destination *destination);
void core_expect_written(const struct deliverer *core);
/* turns.c: whose turn it is. */
void core_join_host(struct deliverer *core, struct destination *destination, uint64_t hash);
/* Where its flights count now. */
void core_choose_lane(struct deliverer *core, struct destination *destination);
/* Flights become late. */
void core_note_late(struct deliverer *core, int64_t now_ms);
struct flight core_land(struct deliverer *core, uint32_t number);
/* What its host has shown; whoever waited for the place there has a turn. */
void core_host_learn(struct deliverer *core, const struct flight *flight,
                     const struct answer *answer, int64_t now_ms);
/* Those that wait for the host have a turn, as many as it would take. A host of NULL is fine. */
void core_call_waiters(struct deliverer *core, struct host *host, int64_t now_ms);
void core_host_wake(struct deliverer *core, int64_t now_ms);
/* Finished by us: a ghost until its tombstone is read. */
void core_finish(struct deliverer *core, struct job *job);
void core_remove(struct deliverer *core, struct job *job);
/* Room for one more in the list; false when that is full, or without memory. */
bool core_note_reserve(struct deliverer *core, struct partition *partition);
/* Puts it into the list of its partition, which is then to be written. */
void core_note_add(struct deliverer *core, struct job *job);
void core_note_remove(struct deliverer *core, struct job *job);
/* It need not be in a list that is written now: both come true together. Harmless if it isn't
 * noted. */
void core_note_leave_out(struct deliverer *core, const struct job *job, bool left_out);
bool core_note_next(struct deliverer *core, struct deliver_write *ret_write);
void core_note_restored(struct deliverer *core, struct partition *partition);
/* How far ahead of its sends a destination may be noted. */
size_t core_note_share(const struct deliverer *core);

/* From when on it can't stay with its destination: shortly before the deadline, or at the limit set
 * for a hop. */
int64_t core_give_up_at(const struct deliverer *core, const struct job *job);
/* When a hop has had its half of the time. */
static inline int64_t core_half_of(int64_t created_at_ms, int64_t deadline_at_ms)
{
    return created_at_ms + (deadline_at_ms - created_at_ms) / 2;
}
int64_t core_give_up_of(const struct deliverer *core, int64_t created_at_ms, int64_t deadline_at_ms,
                        bool alone);

#endif
