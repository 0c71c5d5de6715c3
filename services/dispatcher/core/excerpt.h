/* SPDX-License-Identifier: Apache-2.0 */
/* What may be kept of the answer to an attempt. The body is a stranger's text, which may speak of
 * the patient, so nothing of it is copied: of each word, only the same word of our own list is
 * kept; every other word and number becomes `*`, several in a row one. Pure. */
#ifndef DISPATCHER_EXCERPT_H
#define DISPATCHER_EXCERPT_H

#include "core/classify.h"

#define EXCERPT_SIZE 201    /* as in the event, which its writer checks */
#define ADDRESS_SIZE 46     /* of IPv6 as text */
#define EXCERPT_WORD_MAX 31 /* a longer one is on no list */

/* Whole words only; "" of a body without any that is known. */
void excerpt_of(const char *body, size_t length, char text[EXCERPT_SIZE]);
/* Is it on the list, is the list in order? For tests. */
bool excerpt_knows(const char *word);
bool excerpt_sorted(void);

/* Beside status and error, what is told of an attempt when its news is written. */
struct attempt {
    int32_t duration_ms; /* rounded up: at least 1 */
    char address[ADDRESS_SIZE];
    char excerpt[]; /* as long as it is */
};
/* For free(). NULL without memory: the attempt is told of without it. */
struct attempt *attempt_new(const struct answer *answer);

#endif
