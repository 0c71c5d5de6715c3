/* SPDX-License-Identifier: Apache-2.0 */
/* One destination: its queues, how much it is trusted with at a time (window), and whether it is
 * spoken to at all (breaker). Pure. */
#ifndef DISPATCHER_DESTINATION_H
#define DISPATCHER_DESTINATION_H

#include "core/heap.h"
#include "core/host.h"
#include "ids/formats.h"
#include "core/job.h"
#include "core/queue.h"

#define WINDOW_FIRST 2.0
#define WINDOW_MOST 20.0
#define BREAKER_FAILURES 5 /* in a row open it */
#define SLOW_MS 2000

/* Slow ones have a lane of their own, so that they can't take the places of the others. */
enum lane { LANE_FAST, LANE_SLOW, LANES };

/* What an operator wants of a delivery that stays on the topic for want of room; the greater one
 * holds. */
enum left_want {
    LEFT_PLAIN,
    LEFT_RETRY,     /* it waits no more, once there is room for it */
    LEFT_RETRY_NOW, /* the same, and there is room for it */
    LEFT_MOVE,      /* another provider is asked for; there is room for it until that is decided */
    LEFT_WANTS
};

/* What the id of such a delivery leads to. */
struct left {
    struct destination *destination;
    enum left_want want;
};

/* What each turn looks at comes first: the lines of the cache that it lies in are DESTINATION_HOT
 * bytes. */
struct destination {
    struct queue fresh, ready; /* by deadline */
    struct queue waiting;      /* by next_attempt_at; those held last */
    struct link send_link;     /* in the ring of those that may send, or of those that a full lane
                                * or a host holds up */
    struct link intent_link;   /* in the ring of those that want intents written */
    struct host *host;         /* may be NULL */
    size_t jobs_count;         /* of all stages but done */
    size_t reserved;           /* so many have room in each queue */
    double window;
    int64_t probe_at_ms;
    int64_t quiet_until_ms; /* Retry-After of a 429 or 503 is meant for all requests */
    double mean_ms;         /* of an attempt; 0 = none yet */
    double slow_share;      /* of late attempts that took longer than SLOW_MS */
    int32_t in_flight;
    int32_t late;   /* of those in flight */
    int32_t noting; /* intents on their way to the topic */
    int32_t asked;  /* what an operator asked for and is not done: moves not yet decided and
                     * written, deliveries on the topic for which there is to be room */
    uint32_t wake_slot;
    int32_t failures_in_row;
    int32_t probes;       /* since the breaker opened */
    uint8_t lane;         /* enum lane: where its flights are counted */
    bool open;            /* breaker */
    bool usable;          /* in the directory, not paused, with an endpoint */
    bool retired;         /* said 410 since the endpoint last changed */
    bool wanting;         /* counted as one that has intents to note */
    bool left;            /* some of its jobs stay on the topic for want of room */
    bool restarted;       /* and has not been well since */
    size_t ready_counted; /* of its ready ones, in deliver_ready */
    char code[ODS_CODE_SIZE];
    /* now and then */
    int64_t released_at_ms; /* when all waits but the provider's own were ended */
    struct link host_link;  /* in its host's members */
    uint64_t host_hash;
    uint32_t host_row, late_row; /* see host.h */
    uint64_t endpoint;           /* hash of its URL, to see it change */
    size_t left_count;           /* of those that stay on the topic */
    struct left lefts[LEFT_WANTS];
};
#define DESTINATION_HOT offsetof(struct destination, released_at_ms)

void destination_init(struct destination *destination, const char *code);
void destination_clear(struct destination *destination);
/* Room in each queue for all its jobs and some more. */
__attribute__((warn_unused_result)) bool destination_reserve(struct destination *destination);

/* May the next ready job be sent now? */
bool destination_may_send(const struct destination *destination, int64_t now_ms);
/* May one more intent be written ahead? `share` = how many this destination may have at most. */
bool destination_may_note(const struct destination *destination, int64_t now_ms, size_t share);
/* One of its jobs, which is in no queue, is no more. With the last one of many their room goes. */
void destination_done(struct destination *destination);
/* Would anything be sent to it now, if there were anything? */
bool destination_spoken_to(const struct destination *destination, int64_t now_ms);
/* How many of `queued` can be sent soon: a thousand for one that takes two at a time, and its time
 * over each, are no work for all places. `growing`: with the window that it will have then, if it
 * fails no more. */
size_t destination_soon(const struct destination *destination, size_t queued, bool growing);
/* When to look again, if not before; INT64_MAX = only an event changes anything. */
int64_t destination_wake_at(const struct destination *destination, int64_t now_ms);
/* Takes what an attempt has shown: window, breaker, mean time. True if it is well and was not known
 * to be: the breaker has just closed, or nothing had been heard of it yet. */
bool destination_learn(struct destination *destination, bool unwell, int64_t duration_ms,
                       int64_t now_ms, int64_t probe_first_ms, int64_t probe_most_ms);
/* A new start: slow, but at once. */
void destination_restart(struct destination *destination);
/* How long one may be under way before it is late: four times as long as its answers take of late,
 * but never less than a busy machine may add, nor more than SLOW_MS. */
int64_t destination_late_after_ms(const struct destination *destination);
/* Is it slow: does more than one attempt in twenty take longer than SLOW_MS (its 95th percentile
 * lies above), or is one late now, or does its host hang? Where the mean is below SLOW_MS it is not
 * slow while nothing is under way, so that it can show that it is well again. */
bool destination_slow(const struct destination *destination);
/* How long a job with `ahead` others before it has to wait, as far as can be told. */
int64_t destination_expected_wait_ms(const struct destination *destination, size_t ahead,
                                     int64_t now_ms);
/* How many of its queue have an earlier deadline: exact up to a hundred or so, then by a sample. */
size_t destination_ahead(const struct destination *destination, int64_t deadline_at_ms);

#endif
