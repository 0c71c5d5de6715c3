/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the gateway: headers and body in, a framed referral or a problem out. Pure: no I/O,
 * no clock, no randomness. A problem is a reason whose code is a row of problem.h; it names fields
 * and expectations, never a value. */
#ifndef GATEWAY_ACCEPT_H
#define GATEWAY_ACCEPT_H

#include "base/buffer.h"
#include "ids/formats.h"
#include "codec/contract.h"
#include "ids/uuid.h"

#define TOPIC_NAME_SIZE 64
#define DIGEST_TEXT_SIZE 65
#define IDEMPOTENCY_KEY_MAX 255

struct accept_request { /* borrowed; NULL = header not sent */
    const char *content_type;
    const char *content_encoding;
    const char *idempotency_key;
    const char *correlation_id;
    const char *traceparent;
    const char *body;
    size_t body_length;
    size_t body_size_max;
    int64_t now_ms;
    struct uuid random_id;    /* the referral's id where there is no key */
    struct uuid random_trace; /* the trace where there is none */
};

struct accepted {
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    char correlation_id[UUID_TEXT_SIZE];
    char pathway[PATHWAY_NAME_SIZE];
    char topic[TOPIC_NAME_SIZE];
    char digest[DIGEST_TEXT_SIZE]; /* SHA-256 of the canonical posted JSON, tidy, hex */
    char traceparent[TRACEPARENT_SIZE];
    bool keyed; /* the id comes from submitter, pathway and Idempotency-Key */
};

/* DONE: the framed record was appended to `value`. REFUSED: the request's fault. BROKEN: ours (code
 * "internal"). `ret_accepted` is written only when DONE. */
__attribute__((warn_unused_result)) enum verdict
accept_referral(const struct accept_request *request, const struct contract *contract,
                struct codec *codec, struct buffer *value, struct accepted *ret_accepted,
                struct reason *problem);

/* "application/json", any case, with no parameter but charset=utf-8. */
bool accept_content_type(const char *content_type);

#endif
