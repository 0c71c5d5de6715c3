/* SPDX-License-Identifier: Apache-2.0 */
/* What operators have asked, as it stands on `deliveries`: a fold like the deliveries beside it. An
 * operation is carried out once its partition has been read to its end, and answered in a
 * transaction with its tombstone. What takes several transactions is noted in each of them, in its
 * record: whoever takes the partition over goes on from there. It asks for what is still there,
 * which changes nothing that was done: what was moved is gone, what waits no more can't be ended.
 */
#ifndef DISPATCHER_OPERATIONS_H
#define DISPATCHER_OPERATIONS_H

#include "kafka/kafka.h"
#include "lifecycle/operation.h"
#include "move.h"

struct dispatcher;

#define OPERATIONS_MAX                                                                             \
    256 /* held at once; what is beyond waits on the topic for the next owner                      \
         */

enum operation_stage {
    OPERATION_NONE,     /* the place is free */
    OPERATION_NEW,      /* to be carried out */
    OPERATION_BEGUN,    /* carried out but for what is still to be written; to be answered */
    OPERATION_ANSWERED, /* its tombstone is to be read back */
};

struct operation {
    struct delivery_operation said;
    enum operation_kind kind;
    enum operation_stage stage;
    bool open; /* its answer is in the open transaction */
    int32_t open_moved, open_returned;
    int32_t told; /* decided when that was last told */
    int64_t told_at_ms;
    int32_t noted; /* moved and returned, as its record says; -1 = that it has begun, neither */
};

/* A record under an operation's key. REFUSED: not to be read. */
__attribute__((warn_unused_result)) enum verdict
operations_seen(struct dispatcher *self, const struct kafka_message *message,
                struct reason *reason);
/* The partition is no longer ours. */
void operations_forget(struct dispatcher *self, int32_t partition);
/* In each transaction: carries out what is new, answers what is done. */
__attribute__((warn_unused_result)) enum verdict
operations_tick(struct dispatcher *self, int64_t now_ms, struct reason *reason);
/* Behind all that the transaction has written: notes how far those are that take several. */
__attribute__((warn_unused_result)) enum verdict
operations_note(struct dispatcher *self, int64_t now_ms, struct reason *reason);
/* What became of a move of this delivery that an operator asked for. */
void operations_count(struct dispatcher *self, const char *destination, const char *id,
                      enum move_to to);
void operations_committed(struct dispatcher *self);
void operations_aborted(struct dispatcher *self);

#endif
