/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of one destination that wait for the same thing, the earliest first. In a heap of thousands
 * each step down is a line of main memory, and each entry that moves writes to its job, too. So
 * only who came of late stands in a heap; the others stand sorted in an array, and leave from its
 * front. When those in the heap are many they are merged into the array. */
#ifndef DISPATCHER_QUEUE_H
#define DISPATCHER_QUEUE_H

#include "core/heap.h"
#include "core/job.h"
#include "core/pool.h"

struct deliverer;

struct queue_entry {
    int64_t key;
    uint32_t number; /* of the job in the pool */
    bool gone;       /* it has left */
};

struct queue {
    struct heap recent;
    struct queue_entry *sorted; /* by key, then by number */
    uint32_t first, end;        /* of it; neither the first has left nor the last */
    uint32_t capacity;
    uint32_t count; /* of jobs in both */
};

void queue_init(struct queue *queue);
void queue_clear(struct queue *queue);
/* Room for `count` jobs, after which queue_put can't fail up to that count. */
__attribute__((warn_unused_result)) bool queue_reserve(struct queue *queue, size_t count);
/* Adds a job, of a pool, that is in no queue. The room must have been reserved. */
void queue_put(struct queue *queue, struct job *job, int64_t key);
/* `key` is the one it was put with. Harmless if it is in no queue; otherwise it must be this. */
void queue_remove(struct queue *queue, struct job *job, int64_t key);
/* The earliest job, or NULL. */
struct job *queue_first(const struct queue *queue, const struct pool *pool);
/* The first will be asked for soon: what says who it is comes from main memory meanwhile. */
void queue_expect(const struct queue *queue);
/* One will be put in soon. */
void queue_expect_put(const struct queue *queue);
/* Its key; INT64_MAX = there is none. */
int64_t queue_first_key(const struct queue *queue);
/* One of the latest, `back` before the last or nearly; NULL = it has left, or there is none. */
struct job *queue_late(const struct queue *queue, const struct pool *pool, size_t back);
/* Lets `act` look at each job once; true from it = the job is in this queue no more. It takes no
 * other out and puts none in. Returns how often that was so. */
size_t queue_each(struct queue *queue, struct deliverer *core, const struct pool *pool,
                  bool (*act)(struct deliverer *core, struct job *job, int64_t now_ms),
                  int64_t now_ms);
/* How many have an earlier key: of up to some hundred exactly, then nearly. */
size_t queue_ahead(const struct queue *queue, int64_t key);

#endif
