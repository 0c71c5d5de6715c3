/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery as the core holds it: what scheduling needs, and the record as it was read. What has
 * changed since is in the fields; the record's bytes stay as they were. Read-only outside the core.
 */
#ifndef DISPATCHER_JOB_H
#define DISPATCHER_JOB_H

#include "excerpt.h"
#include "ids/uuid.h"
#include "list.h"

#include <stdint.h>

enum job_stage {
    JOB_HELD,    /* its partition is being restored; in the waiting heap, for ever */
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
    /* looked at in lists of many, or moved in a queue */
    struct uuid id;
    struct link note_link; /* in the partition's list of intents */
    struct destination *destination;
    size_t queue_slot; /* in the destination's fresh, ready or waiting heap */
    int32_t partition;
    uint8_t stage;     /* enum job_stage */
    uint8_t fact;      /* enum job_fact */
    bool intent;       /* the topic says that a send may be under way */
    bool maybe_sent;   /* by this process or one before it */
    bool attempted;    /* the fact includes an attempt */
    bool must_move;    /* no going on with this destination */
    bool told_to_wait; /* by Retry-After: not released early */
    bool asked;        /* an operator asked for it, and it is counted by its destination */
    uint8_t want;      /* enum left_want: what is to be done with it once it is held */
    bool gone;         /* someone else has finished it */
    /* in and out of lists */
    struct link fact_link;      /* facts, or what is written */
    struct link partition_link; /* of all jobs of a partition */
    struct link deadline_link;
    size_t deadline_slot; /* one of the two, see deadlines.h */
    uint8_t *record;
    /* when */
    int64_t accepted_at_ms, created_at_ms, deadline_at_ms;
    int64_t next_attempt_at_ms;
    int64_t move_at_ms;      /* when another provider is asked for */
    int64_t stayed_until_ms; /* there was no other provider: asked again then; 0 = not asked yet */
    int64_t fact_at_ms;
    int64_t failed_at_ms; /* its last attempt, in this process */
    /* the rest */
    int64_t offset;       /* where its record was first met */
    uint64_t echo;        /* hash of the last record written for it */
    struct attempt *last; /* what is told of the attempt in the fact; may be NULL */
    const char *error;    /* of the last attempt; static */
    const char *why;      /* of a move; static */
    uint32_t record_size;
    int32_t attempts;
    uint32_t flight;
    uint32_t retry_first_ms, retry_most_ms;
    int16_t status; /* of the last attempt */
};

#endif
