/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request and its whole answer, behind which stands libcurl. */
#ifndef REFERRALCTL_EXCHANGE_H
#define REFERRALCTL_EXCHANGE_H

#include "base/buffer.h"
#include "base/reason.h"

#define EXCHANGE_HEADERS_MAX 4

struct exchange {
    const char *url;
    const void *body; /* NULL = GET, else POST */
    size_t body_length;
    const char *headers[EXCHANGE_HEADERS_MAX]; /* "Name: value", up to the first NULL */
};

/* DONE: there is an answer, whatever its status. TRY_AGAIN: nobody answers there. Redirects are not
 * followed. `body` is to be initialised by the caller; more than its maximum is REFUSED. */
__attribute__((warn_unused_result)) enum verdict exchange(const struct exchange *exchange,
                                                          long *ret_status, struct buffer *body,
                                                          struct reason *reason);

#endif
