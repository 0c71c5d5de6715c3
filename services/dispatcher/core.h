/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the core share: hold.c keeps jobs, partitions and queues, deliver.c
 * decides. */
#ifndef DISPATCHER_CORE_H
#define DISPATCHER_CORE_H

#include "base/map.h"
#include "base/random.h"
#include "deliver.h"
#include "destination.h"

#define PARTITIONS_MAX 4096
#define DESTINATIONS_MAX 60000
#define GIVE_UP_MARGIN_MS 2000

struct partition {
    struct link jobs;
    int64_t folded_to; /* offsets below it have been folded */
    int32_t number;
    bool restoring;
};

struct flight {
    struct job *job; /* NULL = the job was given up meanwhile */
    struct destination *destination;
    int64_t started_ms;
    uint32_t next_free;
};

struct deliverer {
    struct deliver_options options;
    struct random random;
    struct map *jobs;         /* by id */
    struct map *destinations; /* by ODS code */
    struct partition **partitions;
    size_t partitions_count;
    struct heap deadlines; /* jobs in a queue, by move_at */
    struct heap wakes;     /* destinations */
    struct link senders;   /* ring of destinations */
    struct link noters;    /* ring of destinations */
    struct link facts;     /* jobs, to be written */
    struct link written;   /* jobs, in the open transaction */
    struct flight *flights;
    uint32_t flights_free;
    size_t in_flight;
    size_t ghosts;
    size_t facts_count; /* facts and written */
    size_t facts_max;
    size_t intents_open; /* in the open transaction */
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
/* Takes a job off the list of facts or of what is written. */
void core_unlist(struct deliverer *core, struct job *job);
/* Finished by us: a ghost until its tombstone is read. */
void core_finish(struct deliverer *core, struct job *job);
void core_remove(struct deliverer *core, struct job *job);
/* From when on it can't stay with its destination: shortly before the deadline, or at the limit set
 * for a hop. */
int64_t core_give_up_at(const struct deliverer *core, const struct job *job);

#endif
