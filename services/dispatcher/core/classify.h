/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer to a delivery means. Pure. */
#ifndef DISPATCHER_CLASSIFY_H
#define DISPATCHER_CLASSIFY_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_meaning {
    ANSWER_DELIVERED, /* the provider has it */
    ANSWER_AGAIN,     /* try again later */
    ANSWER_GONE,      /* 410: the endpoint is no more; nothing further is sent to it */
    ANSWER_RETURNED,  /* this provider will not take it: next provider, else the referrer */
    ANSWER_UNSENT,    /* our own record can't be sent to anybody */
};

/* Whom a fault of ours makes wait for a moment: what goes there now would fare the same. */
enum answer_holds { HOLDS_NOBODY, HOLDS_DELIVERY, HOLDS_DESTINATION };

/* What came back from one attempt. */
struct answer {
    int status;        /* 0 = no whole answer came; then `error` says why */
    const char *error; /* static code: timeout, refused-connection, …; NULL with a status */
    bool unstarted;    /* not a byte was sent, for no fault of the record: as if never tried */
    enum answer_holds holds; /* with `unstarted` */
    bool unsent;         /* an attempt of which it is certain that it can't have arrived: it came to
                            no connection on which the request could have been sent */
    bool unsendable;     /* nothing was sent: the record itself is at fault; `error` is the code */
    bool bars;           /* it is to be an OperationOutcome, unless all is well */
    const char *excerpt; /* the first bytes of a body that is no success; see excerpt.h */
    size_t excerpt_length;
    const char *retry_after; /* the header's value or NULL */
    int64_t duration_ms;     /* from resolving to the last byte; 0 if it never began */
    const char *address;     /* of the other end, as text; "" or NULL without a connection */
};

/* Room for a result: a reason code at most. */
#define RESULT_SIZE REASON_CODE_MAX

enum answer_meaning classify(const struct answer *answer);
/* False if it shows nothing of the endpoint: nothing was sent, or a kept connection had been closed
 * meanwhile, which is nobody's fault. */
bool classify_telling(const struct answer *answer);
/* True if nobody answered there at all: the fault may be the host's, or on the way to it. */
bool classify_unreached(const struct answer *answer);
/* True if the endpoint itself is unwell (its window shrinks, its breaker counts). */
bool classify_unwell(const struct answer *answer);
/* "http-503", or the error's code: for events, metrics and logs. */
void classify_result(int status, const char *error, char result[RESULT_SIZE]);
/* True if a body says "duplicate": issue.code of a FHIR OperationOutcome, `code` of plain JSON, or
 * a problem type that ends in it. Works on the beginning of a longer body, too. */
bool classify_says_duplicate(const char *body, size_t length);

#endif
