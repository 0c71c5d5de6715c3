/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts and reasons: how any function says how it went. A handler returns a verdict and leaves
 * the acting (commit, back off, dead-letter, stop) to the skeleton. A reason is for people and for
 * events: it never holds patient data, only names of fields, limits and codes. */
#ifndef BASE_REASON_H
#define BASE_REASON_H

#include <stdbool.h>

enum verdict {
    DONE,      /* commit */
    TRY_AGAIN, /* back off, keep polling; the same call may succeed later */
    REFUSED,   /* the input is at fault: dead letter, commit, go on */
    BROKEN,    /* this process can't go on */
};

#define REASON_CODE_MAX 48
#define REASON_POINTER_MAX 160
#define REASON_DETAIL_MAX 720 /* a list of all networks of the area among it */

struct reason {
    char code[REASON_CODE_MAX]; /* stable, lower-case-with-dashes; a metric label and an event's
                                   reason */
    char pointer[REASON_POINTER_MAX]; /* JSON pointer (RFC 6901) of the field at fault, or "" */
    char detail[REASON_DETAIL_MAX]; /* plain words: what was found and what was expected; no patient
                                       data */
};

/* Fills `reason` (NULL is fine). `pointer` may be NULL. Text that is too long is cut. */
void reason_set(struct reason *reason, const char *code, const char *pointer, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

/* The verdict's name, lower case, for logs. */
const char *verdict_name(enum verdict verdict);

#endif
