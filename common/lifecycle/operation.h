/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator asks of the dispatchers (schemas/operation.avsc), and how a dispatcher sees a
 * destination (schemas/destination.avsc). */
#ifndef LIFECYCLE_OPERATION_H
#define LIFECYCLE_OPERATION_H

#include "lifecycle/event.h"

#define TOPIC_OPERATIONS "delivery.operations" /* what was done, by whom and why */
#define TOPIC_STATES "delivery.states"         /* what looks have seen, and that it is all */

/* On `deliveries` an operation is keyed by its id behind this; a tombstone means answered. */
#define OPERATION_KEY "operation/"
#define OPERATION_KEY_SIZE (sizeof(OPERATION_KEY) + UUID_TEXT_SIZE)
#define OPERATOR_SIZE 61
#define OPERATION_REASON_SIZE 201

enum operation_kind { OPERATION_LOOK, OPERATION_RELEASE, OPERATION_RETRY, OPERATION_REROUTE };

struct delivery_operation { /* texts are "" where there is nothing to say, times 0 */
    char id[UUID_TEXT_SIZE];
    char kind[9], stage[9];
    char destination[ODS_CODE_SIZE];
    char delivery_id[UUID_TEXT_SIZE];
    int32_t partition;
    int64_t asked_at_ms;
    char asked_by[OPERATOR_SIZE];
    char reason[OPERATION_REASON_SIZE];
    int64_t answered_at_ms;
    char answered_by[OPERATOR_SIZE];
    int32_t touched, moved, returned, stayed, held, left;
};

struct destination_state {
    char operation_id[UUID_TEXT_SIZE];
    char destination[ODS_CODE_SIZE];
    int64_t at_ms;
    char instance[OPERATOR_SIZE];
    char state[61];
    int32_t held, ready, waiting, in_flight, window, mean_ms, left;
    int64_t probe_at_ms, quiet_until_ms;
};

const char *operation_word(enum operation_kind kind);
/* False if it is none of them. */
bool operation_kind_parse(const char *word, enum operation_kind *ret_kind);
void operation_key(const struct delivery_operation *operation, char key[OPERATION_KEY_SIZE]);
bool operation_is_key(const void *key, size_t size);

__attribute__((warn_unused_result)) enum verdict
operation_encode(struct codec *codec, const struct contract *contract,
                 const struct delivery_operation *operation, struct buffer *buffer,
                 struct reason *reason);
__attribute__((warn_unused_result)) enum verdict
operation_decode(struct codec *codec, const void *bytes, size_t length,
                 struct delivery_operation *ret_operation, struct reason *reason);
__attribute__((warn_unused_result)) enum verdict
destination_state_encode(struct codec *codec, const struct contract *contract,
                         const struct destination_state *state, struct buffer *buffer,
                         struct reason *reason);
__attribute__((warn_unused_result)) enum verdict
destination_state_decode(struct codec *codec, const void *bytes, size_t length,
                         struct destination_state *ret_state, struct reason *reason);

#endif
