/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery as the core holds it: what scheduling needs, and the record as it was read. What has
 * changed since is in the fields; the record's bytes stay as they were. Read-only outside the core.
 */
#ifndef DISPATCHER_JOB_H
#define DISPATCHER_JOB_H

#include "core/excerpt.h"
#include "ids/uuid.h"
#include "core/list.h"

#include <stdint.h>

enum job_stage {
    JOB_HELD,    /* its partition is being restored; in the queue of those that wait, for ever */
    JOB_FRESH,   /* may be started; its intent has yet to be written */
    JOB_READY,   /* may be started */
    JOB_WAITING, /* until next_attempt_at */
    JOB_FLYING,  /* a send is under way */
    JOB_FACT,    /* something has happened that is to be written */
    JOB_WRITTEN, /* it stands in the open transaction */
    JOB_DONE,    /* finished; its own records are still to be read back up to the tombstone */
};

enum job_fact { FACT_NONE, FACT_INTENT, FACT_RETRY, FACT_DELIVERED, FACT_MOVE };

struct destination;

/* Among a million of them most are out of the cache's sight, so it counts which members share one
 * of its lines of 64 bytes. */
struct job {
    /* whatever happens to it */
    struct uuid id;
    struct link fact_link; /* facts, or what is written */
    struct destination *destination;
    int32_t partition; /* -1 = of none any more */
    uint32_t number;   /* in the pool */
    uint32_t flight;
    uint8_t stage;         /* enum job_stage */
    uint8_t fact;          /* enum job_fact */
    bool queued : 1;       /* in one of its destination's queues */
    bool intent : 1;       /* the topic says that a send may be under way */
    bool maybe_sent : 1;   /* by this process or one before it */
    bool attempted : 1;    /* the fact includes an attempt */
    bool must_move : 1;    /* no going on with this destination */
    bool told_to_wait : 1; /* by Retry-After: not released early */
    bool asked : 1;        /* an operator asked for it, and it is counted by its destination */
    bool gone : 1;         /* someone else has finished it */
    bool alone : 1;        /* nobody else could take it: no limit is set for its hop */
    bool held : 1;         /* for a fault of ours: not before next_attempt_at_ms, whatever it is */
    bool watched : 1;      /* its deadline is to be looked at, see deadlines.h */
    uint8_t want;          /* enum left_want: what is to be done with it once it is held */
    int16_t status;        /* of the last attempt */
    /* when, and what is sent */
    int64_t created_at_ms, deadline_at_ms;
    int64_t next_attempt_at_ms;
    int64_t move_at_ms;      /* when another provider is asked for */
    int64_t stayed_until_ms; /* there was no other provider: asked again then; 0 = not asked yet */
    int64_t fact_at_ms;
    uint8_t *record;
    uint32_t record_size;
    int32_t attempts;
    /* when it comes, and when it is done */
    uint32_t note_place;    /* in the partition's list of intents, from 1 on */
    uint32_t deadline_slot; /* see deadlines.h */
    struct attempt *last;   /* what is told of the attempt in the fact; may be NULL */
    const char *error;      /* of the last attempt; static */
    uint32_t retry_first_ms, retry_most_ms;
    int64_t offset;       /* where its record was first met */
    int64_t failed_at_ms; /* its last attempt, in this process */
    uint64_t echo;        /* hash of the last record written for it */
    const char *why;      /* of a move; static */
};

_Static_assert(sizeof(struct job) == 192, "three lines of the cache");

#endif
