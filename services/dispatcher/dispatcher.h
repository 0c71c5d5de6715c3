/* SPDX-License-Identifier: Apache-2.0 */
/* The shell around the core: Kafka on one side, HTTP on the other. */
#ifndef DISPATCHER_DISPATCHER_H
#define DISPATCHER_DISPATCHER_H

#include "wire/compose.h"
#include "core/deliver.h"
#include "directory/follow.h"
#include "directory/route.h"
#include "lifecycle/delivery.h"
#include "operations.h"
#include "registry/client.h"
#include "roll.h"
#include "http/send.h"
#include "settings.h"
#include "wire/sign.h"

#define FENCES_MAX 4096
/* The record of a partition's intents: its value is the mark and the ids, 16 bytes each. */
#define INTENT_KEY "intent/"
#define INTENT_KEY_SIZE 24
#define INTENT_MARK "IDs1"
#define ROLL_KEY "roll"          /* not a fence's key: compaction must not take a fence for it */
#define RESTORE_FETCH_WAIT_MS 30 /* the next partition waits for a fetch that finds nothing */
#define AHEAD_MAX 768            /* sends handed over beyond those that may be under way */
#define AHEAD_WINDOW_MS 100
#define DELIVERED_MS_MAX 8192 /* per transaction; what is past it is counted, but not timed */

/* A partition is restored when the fence that was written into it after its assignment is read
 * back: everything before it has been read then, whatever transaction markers lie between. */
struct fence {
    uint64_t nonce; /* 0 = not ours, or restored */
    bool written;   /* in the open transaction, or committed */
    bool again;     /* the partition is being read again, while its deliveries go on */
    bool resting;   /* not read yet: others are restored before it */
    bool nearly;    /* read but for its last records: from `near` on */
    bool ours;
    int64_t near;
};

struct dispatcher {
    struct settings settings;
    struct service_context *context;
    struct metrics *metrics;

    struct registry_client *registry;
    struct contract *contract;
    struct pathway_set *pathways;
    struct places *places;
    struct directory *directory;
    struct codec *codec;
    struct networks networks;
    struct secrets secrets;  /* the default ones; none = not signed */
    const char *secret_path; /* their file; NULL = they were given as text */
    struct map *named_secrets;
    struct map *refused; /* ODS code -> static code: endpoints that may not be spoken to */
    struct map *broken;  /* whose open breaker has been told */
    struct map *held;    /* the same: those that nothing is sent to for want of something of ours */

    struct kafka_settings *kafka;
    struct directory_follower *follower;
    struct stream *stream;
    struct composer *composer;
    struct sender *sender;
    struct deliverer *core;
    struct fence fences[FENCES_MAX];
    size_t fences_count; /* not read back yet */
    size_t again_count;  /* of them, those of partitions that are read again */
    size_t resting_count, nearly_count;
    size_t partitions_count;                    /* that are ours */
    int64_t restore_look_at_ms, restored_at_ms; /* monotonic */
    uint64_t nonce;                             /* of the last fence; starts by chance */
    bool fences_open;                           /* some fence is in the open transaction */
    bool fences_due;                            /* partitions have come that had none yet */

    struct roll roll;

    struct operation operations[OPERATIONS_MAX];

    struct buffer scratch, record;
    char certificate[SEND_IDENTITY_MAX]; /* of the send that is being prepared */
    int64_t look_again_at_ms;            /* for what is lacking; 0 = something may lack now */
    int64_t follow_at_ms, figures_at_ms, stream_at_ms, drain_by_ms;
    size_t answers, answered; /* in this AHEAD_WINDOW_MS, in the one before */
    size_t ahead;             /* that may be handed over beyond those under way */
    int64_t ahead_at_ms;
    int64_t held_up_at_ms;   /* not before, one is told of again */
    int64_t committed_at_ms; /* by the monotonic clock, as is the next */
    int64_t commit_began_ms;
    int64_t commit_took_ms; /* of late */
    int64_t commit_every_ms;
    int64_t stream_wait_ms; /* grows while Kafka is away */
    struct open_figures {   /* of the open transaction */
        size_t delivered;
        int64_t delivered_ms[DELIVERED_MS_MAX]; /* from acceptance */
        struct {
            size_t row;
            char reason[REASON_CODE_MAX];
            size_t count;
        } moved[32];
        size_t moved_count;
    } open;
};

/* sends.c: what is due is made ready, signed and handed to the sender. */
void sends_due(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms);
/* For the sender. */
void sends_begun(void *self, uint32_t flight);
void sends_answered(void *self, uint32_t flight, const struct answer *answer);

/* What sending to it takes and is missing here, as a static code: no-endpoint, no-secret,
 * no-certificate, no-service-id. NULL = nothing. A secret that was read is kept until a reload;
 * `reason` gets a detail where there is one. */
const char *sends_lack(struct dispatcher *self, const struct provider *provider,
                       struct reason *reason);

/* endpoints.c: tells of the endpoints in the directory that may not be spoken to. */
void endpoints_judge(struct dispatcher *self);
/* For the core: one to which we lack something is as good as paused. What is lacking is told once.
 */
void endpoints_state(void *self, const char *destination, struct endpoint_state *ret_state);
/* True if what some lack may have come meanwhile, and the core is to ask again. */
bool endpoints_look_again(struct dispatcher *self, int64_t monotonic_ms);
/* Logs whose breaker has opened or closed since the last call. */
void endpoints_tell_broken(struct dispatcher *self);

/* restore.c: which partitions are read while not all are restored. */
void restore_begin(struct dispatcher *self, int32_t partition, int64_t end);
void restore_read(struct dispatcher *self, int32_t partition, int64_t offset);
void restore_forget(struct dispatcher *self, int32_t partition);
void restore_continue(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms);
/* Some of our partitions are yet to be read to their end. */
bool restore_under_way(const struct dispatcher *self);
/* Nothing at all can be delivered yet. */
bool restore_alone(const struct dispatcher *self);

/* records.c: the topic read. */
/* Reads again what there was no room for, once there is. */
enum verdict records_read_again(struct dispatcher *self, int64_t now_ms, struct reason *reason);
enum verdict records_assigned(void *self, const char *topic, int32_t partition, int64_t from,
                              int64_t end, struct reason *reason);
void records_revoked(void *self, const char *topic, int32_t partition, bool lost);
enum verdict records_message(void *self, const struct kafka_message *message,
                             struct reason *reason);

/* writes.c: the topic written. Results go into the transaction as they come, a few at a time; all
 * that is left, and the rest, before its commit. */
enum verdict writes_results(void *self, int64_t now_ms, struct reason *reason);
enum verdict writes_tick(void *self, int64_t now_ms, struct reason *reason);
void writes_committed(void *self);
void writes_aborted(void *self);

const struct service *dispatcher_service(void);

#endif
