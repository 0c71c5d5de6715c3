/* SPDX-License-Identifier: Apache-2.0 */
/* Where a delivery goes that can't stay: the next provider, the referrer, or nowhere yet. Pure. */
#ifndef DISPATCHER_MOVE_H
#define DISPATCHER_MOVE_H

#include "directory/route.h"
#include "lifecycle/delivery.h"

#define MOVE_LEAST_MS 3000 /* with less time left nobody else is asked */

enum move_to { MOVE_STAY, MOVE_NEXT, MOVE_RETURN };

struct move {
    enum move_to to;
    struct delivery next;               /* of MOVE_NEXT; the payload is borrowed from `delivery` */
    char reason[REASON_CODE_MAX];       /* of MOVE_RETURN */
    const char *how;                    /* of MOVE_NEXT: "nearest" … */
    char explanation[EXPLANATION_SIZE]; /* JSON, or "" where nobody else was asked for */
};

/* `referral` is the decoded payload, NULL if it can't be read. `why` is the core's word for the
 * move; `must` = it can't stay.
 */
void move_on(const struct route_world *world, const struct delivery *delivery,
             const struct record *referral, const char *why, bool must, int64_t now_ms,
             struct move *ret_move);

#endif
