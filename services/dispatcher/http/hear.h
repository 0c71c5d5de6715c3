/* SPDX-License-Identifier: Apache-2.0 */
/* What comes of an answer, gathered piece by piece, never more of it than there is room for. Pure.
 */
#ifndef DISPATCHER_HEAR_H
#define DISPATCHER_HEAR_H

#include "http/transfers.h"

struct heard {
    size_t received; /* of the body */
    bool flooded;    /* there was more of it than SEND_BODY_MAX */
    char retry_after[RETRY_AFTER_SIZE];
    size_t excerpt_length;
    char excerpt[SEND_EXCERPT_MAX];
};

void hear_nothing(struct heard *heard);
void hear_header(struct heard *heard, const char *line, size_t length);
/* False: no more of it is wanted. */
__attribute__((warn_unused_result)) bool hear_body(struct heard *heard, const char *bytes,
                                                   size_t length);
/* What is kept for the caller: Retry-After, and the beginning of a body that is no success. */
void hear_out(const struct heard *heard, struct post *post);

#endif
