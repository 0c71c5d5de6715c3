/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP out, behind which stands libcurl: many POSTs at once on one epoll, each ending in one
 * result. Everything here belongs to one thread, the sender's. */
#ifndef DISPATCHER_TRANSFERS_H
#define DISPATCHER_TRANSFERS_H

#include "core/list.h"
#include "http/send.h"

#include <stdint.h>

/* One POST, request and result, in one allocation that the caller's thread makes and frees: memory
 * that changes hands makes threads wait for each other's heaps. */
struct post {
    struct link link;
    struct link begun_link; /* in the list of those whose beginning is to be told */
    uint32_t flight;
    int64_t until_ms; /* monotonic: it has to end by then */
    int64_t started_ms;
    /* the result */
    int64_t duration_ms;
    char address[ADDRESS_TEXT_SIZE];
    int status;
    const char *error; /* static */
    bool unstarted, unsent;
    enum answer_holds holds;
    char retry_after[RETRY_AFTER_SIZE];
    size_t excerpt_length;
    char *excerpt;               /* of its own; of no success */
    struct send_request request; /* its pointers lead into `texts` */
    size_t texts_size;
    char texts[]; /* the lines, each with its end; URL; certificate; body */
};

struct transfers;

/* Called from transfers_turn and transfers_start, once for each post: its result is in it. */
typedef void transfers_ended(void *self, struct post *post);

__attribute__((warn_unused_result)) struct transfers *
transfers_open(const struct sender_options *options, transfers_ended *ended, void *self,
               struct reason *reason);
/* transfers_turn returns when this descriptor becomes readable, too; it is emptied. */
__attribute__((warn_unused_result)) bool transfers_watch(struct transfers *transfers, int fd);
/* Takes the post over until it ends. */
void transfers_start(struct transfers *transfers, struct post *post);
/* Waits at most wait_ms for anything to happen, then handles it. */
void transfers_turn(struct transfers *transfers, int wait_ms);
size_t transfers_under_way(const struct transfers *transfers);
/* What is under way ends unheard, its post is freed. NULL is fine. */
void transfers_close(struct transfers *transfers);

/* Wipes and frees. NULL is fine. */
void post_free(struct post *post);

#endif
