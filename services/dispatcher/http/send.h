/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP out: many POSTs at once, each ending in one answer. They run on a thread of their own, so
 * that neither a commit nor anything else of the caller's holds them up; the caller's thread only
 * hands over and hears. What is admitted, and when, is the caller's business: what is handed over
 * beyond what may be under way at once waits its turn here, first come, first served. */
#ifndef DISPATCHER_SEND_H
#define DISPATCHER_SEND_H

#include "http/address.h"
#include "base/reason.h"
#include "core/classify.h"

#include <stdint.h>

#define SEND_HEADERS_MAX 16
#define SEND_BODY_MAX (64 * 1024) /* of an answer; more is cut off */
#define SEND_EXCERPT_MAX 1024
#define SEND_IDENTITY_MAX 512
#define RETRY_AFTER_SIZE 64

struct sender;

/* Called from sender_turn or sender_recall: a post has begun. Never after its answer. */
typedef void sender_begun(void *self, uint32_t flight);

/* Called from sender_turn or sender_recall, once for each sender_start; the answer is borrowed. */
typedef void sender_answered(void *self, uint32_t flight, const struct answer *answer);

struct send_request { /* borrowed, copied by sender_start */
    uint32_t flight;
    const char *url;
    const char *certificate; /* to appear with: a path to which .crt and .key are added; NULL = the
                              * default one, if any */
    bool bars;               /* an answer without an OperationOutcome comes from somebody else */
    int64_t timeout_ms;      /* whole: from now to the last byte of the answer */
    const char *headers[SEND_HEADERS_MAX]; /* "name: value", up to the first NULL */
    const void *body;
    size_t body_size;
};

struct sender_options {
    const struct networks *allowed;   /* borrowed */
    bool allow_http;                  /* else https alone */
    const char *ca_file;              /* NULL = the system's */
    const char *cert_file, *key_file; /* the default client certificate; NULL = none */
    int64_t connect_timeout_ms;
    size_t in_flight_max; /* see sender_allow */
    sender_begun *begun;  /* may be NULL */
    sender_answered *answered;
    void *self;
};

__attribute__((warn_unused_result)) struct sender *sender_open(const struct sender_options *options,
                                                               struct reason *reason);
/* sender_turn returns when this descriptor becomes readable, too; -1 = none. */
void sender_watch(struct sender *sender, int fd);
/* Waits at most wait_ms for answers, then gives them out. */
void sender_turn(struct sender *sender, int wait_ms);
/* False without memory; then no answer comes. */
__attribute__((warn_unused_result)) bool sender_start(struct sender *sender,
                                                      const struct send_request *request);
/* So many posts may be under way from now on, but never more than in_flight_max, as at first. */
void sender_allow(struct sender *sender, size_t most);
/* What has not begun ends now, as `unstarted`; with `which` only those for which it says so. It is
 * called with a lock held. */
typedef bool sender_which(void *self, uint32_t flight);
void sender_recall(struct sender *sender, sender_which *which);
/* Handed over, and not answered yet. */
size_t sender_under_way(const struct sender *sender);
/* What is under way ends unheard. NULL is fine. */
void sender_close(struct sender *sender);

#endif
