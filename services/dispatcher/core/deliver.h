/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the dispatcher: what is to be sent, written, tried again or handed on, and when. A
 * state machine with no clock, no I/O and no randomness but a seed: events come in, the shell asks
 * for actions and carries them out.
 *
 * The topic `deliveries` is the queue and this is a cache of it. Three rules keep a delivery in one
 * place:
 *  - a record once folded is a fact of the topic: repeats of an offset (after an aborted
 * transaction) are skipped;
 *  - what has happened (an answer, a deadline) is a fact, too: it is offered for writing in
 * transaction after transaction until one commits, and only then does the job go on;
 *  - a finished job stays as a ghost until its tombstone is read back, so that its own older
 * records are not new work. */
#ifndef DISPATCHER_DELIVER_H
#define DISPATCHER_DELIVER_H

#include "core/job.h"

struct deliverer;

struct endpoint_state {
    bool usable;   /* in the directory, not paused, with an endpoint */
    uint64_t hash; /* changes with the endpoint */
    uint64_t host; /* the same for all endpoints of one host and port; 0 = not known */
};

struct deliver_options {
    size_t pending_max;   /* held in memory; what is more stays on the topic */
    size_t in_flight_max; /* sends at once, those to slow destinations left out */
    size_t slow_max;      /* sends at once to slow destinations; 0 = half of in_flight_max */
    bool intent;          /* an intent stands on the topic before the first send of a delivery */
    int64_t attempt_timeout_ms;
    int64_t retry_first_ms, retry_most_ms; /* 0 = as the delivery says */
    int64_t probe_first_ms, probe_most_ms;
    int64_t hop_limit_ms; /* 0 = half of the time left at the hop's start, and longer
                           * only where there is no other provider */
    uint64_t seed;
    void *self;
    /* What the directory says now. */
    void (*endpoint)(void *self, const char *destination, struct endpoint_state *ret_state);
};

/* NULL without memory. */
struct deliverer *deliver_new(const struct deliver_options *options);
void deliver_free(struct deliverer *core);

/* ---- events in */

/* A partition is ours: what is read from it is held until deliver_restored. */
__attribute__((warn_unused_result)) bool deliver_assigned(struct deliverer *core,
                                                          int32_t partition);
/* All that was in it at the assignment has been read. */
void deliver_restored(struct deliverer *core, int32_t partition, int64_t now_ms);
/* No longer ours: everything about it is forgotten; sends under way end unheard. */
void deliver_revoked(struct deliverer *core, int32_t partition);
/* False if this offset has been folded already (a repeat after an abort). Ask before the two below.
 */
bool deliver_is_new(const struct deliverer *core, int32_t partition, int64_t offset);

struct deliver_record { /* what scheduling needs of a Delivery; borrowed */
    struct uuid id;
    const char *destination;
    int64_t created_at_ms, deadline_at_ms, next_attempt_at_ms;
    int32_t attempts;
    bool intent;
    bool told_to_wait; /* the provider itself may have said when it wants to be asked again */
    bool alone;        /* a notice: nobody else could take it, and hop_limit_ms is not for it */
    int64_t retry_first_ms, retry_most_ms;
    const void *bytes; /* copied */
    size_t size;
};
/* TRY_AGAIN without memory, or with more than pending_max * 8 + 1,000,000 left on the topic;
 * nothing has changed then. A record that there is no room for is DONE, too: see
 * deliver_next_read_again. */
__attribute__((warn_unused_result)) enum verdict
deliver_record_seen(struct deliverer *core, int32_t partition, int64_t offset,
                    const struct deliver_record *record, int64_t now_ms);
void deliver_tombstone_seen(struct deliverer *core, int32_t partition, int64_t offset,
                            const struct uuid *id, int64_t now_ms);
/* True if these bytes are known to be the last record that this core had written for the delivery;
 * then the offset is folded and there is nothing to decode. */
bool deliver_echo_seen(struct deliverer *core, int32_t partition, int64_t offset,
                       const struct uuid *id, const void *bytes, size_t size);
/* The list of those in this partition that may have been sent; the last one before the end of the
 * restoring counts. TRY_AGAIN without memory. */
__attribute__((warn_unused_result)) enum verdict
deliver_intents_seen(struct deliverer *core, int32_t partition, int64_t offset,
                     const struct uuid *ids, size_t count);
/* An unreadable record: its offset is folded, no more. */
void deliver_skip(struct deliverer *core, int32_t partition, int64_t offset);

/* What there was no room for is still on the topic, and it is to be read again, now: as after an
 * assignment, with the partition's reading put back to `*ret_offset`. deliver_restored says that
 * all has been read that stood in the partition at this moment (the fence does); until then what is
 * read is held, while the partition's other deliveries go on. After an abort the reading must not
 * go on behind what has not been read again. False if there is nothing to be read; ask in every
 * turn. */
bool deliver_next_read_again(struct deliverer *core, int64_t now_ms, int32_t *ret_partition,
                             int64_t *ret_offset);
/* The reading could not be put back; it is asked for again later. */
void deliver_not_read_again(struct deliverer *core, int32_t partition);

/* A send that deliver_next_send gave out is on the wire now: its time runs from here. */
void deliver_begun(struct deliverer *core, uint32_t flight, int64_t now_ms);
/* The answer to it; each comes once. */
void deliver_answered(struct deliverer *core, uint32_t flight, const struct answer *answer,
                      int64_t now_ms);
/* The directory may have changed: looks at each destination anew. */
void deliver_directory_changed(struct deliverer *core, int64_t now_ms);
void deliver_committed(struct deliverer *core, int64_t now_ms);
/* What was in the transaction is to be written again. Harmless when there was none. */
void deliver_aborted(struct deliverer *core);
/* ---- what an operator asks for. Of deliveries that stay on the topic for want of room it is
 * remembered, for as long as the partition is ours, and done once they are read: at once, but for
 * the waits of all of a destination, which end when there is room. */

/* The destination is given a new start at once: its breaker closes, what it had asked for by
 * Retry-After or 410 is forgotten, all that waits may go, slowly as after any recovery. What the
 * directory says (paused) still holds, and so does its host's breaker. Returns how many of those
 * held no longer wait. */
size_t deliver_release(struct deliverer *core, const char *destination, int64_t now_ms);
/* Its wait ends, even one that the provider asked for; breakers hold. False if it was not waiting.
 * Of all: returns how many of those held no longer wait. */
bool deliver_retry_now(struct deliverer *core, const struct uuid *id, int64_t now_ms);
size_t deliver_retry_all(struct deliverer *core, const char *destination, int64_t now_ms);
/* Another provider is asked for, as at half of the time ("operator" is the reason); it stays if
 * there is none. False, or not counted: under way, or its news is still to be written. */
bool deliver_reroute(struct deliverer *core, const struct uuid *id, int64_t now_ms);
size_t deliver_reroute_all(struct deliverer *core, const char *destination, int64_t now_ms);

/* Nothing further is started. */
void deliver_drain(struct deliverer *core);
/* Time passes: waits end, deadlines come near. */
void deliver_tick(struct deliverer *core, int64_t now_ms);
/* When deliver_tick has something to do; INT64_MAX = nothing. */
int64_t deliver_wake_at(const struct deliverer *core);

/* ---- actions out */

struct deliver_send {
    const struct job *job; /* valid until the next event */
    const char *destination;
    uint32_t flight; /* to be given to deliver_answered, once */
    int64_t timeout_ms;
    bool possible_duplicate;
};
/* The next send to be started now; false if there is none. */
bool deliver_next_send(struct deliverer *core, int64_t now_ms, struct deliver_send *ret_send);

struct deliver_write {
    struct job *job; /* valid until the next event; for deliver_stays and deliver_wrote */
    const char *destination;
    enum job_fact fact;
    int32_t partition;      /* of FACT_INTENT, which has no job: */
    const struct uuid *ids; /* the list, valid until the next call */
    size_t ids_count;
    /* FACT_INTENT: the list of the partition's intents. FACT_RETRY: the updated Delivery,
     * attempted. FACT_DELIVERED: tombstone, delivered. FACT_MOVE: tombstone, attempted if
     * `attempted`, then the next Delivery and routed, or returned. */
};
/* The next result of an attempt to be put into the open transaction, at any time; false if there is
 * none. */
bool deliver_next_result(struct deliverer *core, struct deliver_write *ret_write);
/* The next record before a commit: results, moves, intents; false if there is none. */
bool deliver_next_write(struct deliverer *core, int64_t now_ms, struct deliver_write *ret_write);
/* The answer to a FACT_MOVE that is not `must_move` when no other provider is to be had: the job
 * goes on where it is. True if the shell is to write what FACT_RETRY asks for, instead. */
bool deliver_stays(struct deliverer *core, struct job *job, int64_t now_ms);
/* The Delivery record that was put into the transaction for the job, to be known again when it is
 * read back. */
void deliver_wrote(struct job *job, const void *bytes, size_t size);
/* What is still to be told of a FACT_DELIVERED, in place of its record, which is let go. Without
 * memory the record stays. */
void deliver_keep_only(struct deliverer *core, struct job *job, const void *bytes, size_t size);

/* ---- figures */

/* Deliveries that need no more writing before they are sent, of destinations that may be spoken to
 * and are not slow: of each, as many as can be sent soon. */
size_t deliver_ready(const struct deliverer *core);
/* Destinations for which an intent would let something be sent. */
size_t deliver_notable(const struct deliverer *core);
/* Sends under way to slow destinations: they have their own places, beside in_flight_max. */
size_t deliver_slow_in_flight(const struct deliverer *core);
/* Where a send goes to that is not answered yet. */
const char *deliver_destination(const struct deliverer *core, uint32_t flight);
/* True once after a destination has become slow while more was under way to it than slow ones have
 * places for: what was given out for slow ones and has not begun is to be answered `unstarted`. */
bool deliver_slowed(struct deliverer *core);
bool deliver_to_slow(const struct deliverer *core, uint32_t flight);

/* True while something is to be written, or not committed yet. */
bool deliver_has_news(const struct deliverer *core);
struct deliver_counts {
    size_t pending; /* held; ghosts left out */
    size_t left;    /* on the topic only */
    size_t in_flight, slow_in_flight;
    size_t facts; /* to be written, or not committed yet; when draining, what has to be */
    size_t destinations, unusable, broken, slow;
    size_t hosts_broken;
    bool restoring;
};
/* Deliveries that could be sent as soon as their turn comes. */
size_t deliver_sendable(const struct deliverer *core, int64_t now_ms);
void deliver_count(const struct deliverer *core, struct deliver_counts *ret_counts);

/* A destination as an operator sees it; `code` is borrowed. */
struct deliver_destination {
    const char *code;
    size_t held;                      /* all of it: */
    size_t ready, waiting, in_flight; /* and the rest is being restored, or to be written */
    size_t left;                      /* on the topic only */
    size_t asked;                     /* by an operator, and not done yet */
    int32_t window;
    bool usable, retired, open, host_open, slow;
    bool restarted;         /* by an operator or the directory, and not heard to be well since */
    int64_t probe_at_ms;    /* 0 = not probed */
    int64_t quiet_until_ms; /* by its own word */
    int64_t mean_ms;        /* of an attempt; 0 = none yet */
};
/* False if nothing is known of it. */
bool deliver_look(const struct deliverer *core, const char *destination,
                  struct deliver_destination *ret_destination);
/* Each destination once, in no set order: start with *cursor = 0. */
bool deliver_next_destination(const struct deliverer *core, size_t *cursor,
                              struct deliver_destination *ret_destination);
/* A delivery that is held, or NULL; valid until the next event. */
const struct job *deliver_find(const struct deliverer *core, const struct uuid *id);

#endif
