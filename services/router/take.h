/* SPDX-License-Identifier: Apache-2.0 */
/* The router's core, pure: one record from referrals.* in, what is to be written out. It reads no
 * clock and sends nothing; the shell (router.c) and a simulation give it the time and carry out
 * what it says. Nothing is allocated per record but what a memory that grows needs. */
#ifndef ROUTER_TAKE_H
#define ROUTER_TAKE_H

#include "memory.h"

#include "directory/route.h"
#include "lifecycle/delivery.h"
#include "lifecycle/event.h"

struct take_input { /* borrowed */
    const struct route_world *world;
    const struct contract *contract;
    struct codec *codec;
    struct memory *memory; /* of the record's partition */
    const char *pathway;   /* that the topic is of */
    const struct kafka_message *message;
    const char *traceparent; /* of the record's headers; NULL = none */
    int64_t now_ms;
};

struct taken {
    /* The first is received, duplicate or refused, with the origin; after received comes what was
     * decided; after returned, that a person has to tell the referrer, if one has to. */
    struct referral_event events[3];
    size_t events_count;
    bool has_delivery;
    struct delivery delivery;           /* its payload is the message's value; or a notice */
    struct reason reason;               /* of refused */
    char explanation[EXPLANATION_SIZE]; /* what events[1] points to */
};

/* TRY_AGAIN: a schema registry is away. BROKEN: memory ran out, or the world lacks the pathway's
 * parts. */
__attribute__((warn_unused_result)) enum verdict
take_message(const struct take_input *input, struct taken *ret_taken, struct reason *reason);

/* What the memory keeps of a record: its id and digest. DONE with *ret_has_id false if its key is
 * no id. TRY_AGAIN as above. */
__attribute__((warn_unused_result)) enum verdict
take_identify(struct codec *codec, const struct kafka_message *message, bool *ret_has_id,
              struct uuid *ret_id, uint64_t *ret_digest, struct reason *reason);

#endif
