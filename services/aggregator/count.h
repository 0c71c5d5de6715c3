/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the aggregator: which cell of which day an event counts for. Pure. */
#ifndef AGGREGATOR_COUNT_H
#define AGGREGATOR_COUNT_H

#include "window.h"

enum counted {
    COUNTED,
    COUNTED_NOT,     /* a kind of event that no stage counts */
    COUNTED_NO_DAY,  /* its time is outside the years 1 to 9999: no day to count it for */
    COUNT_NEEDS_DAY, /* nothing changed: load *ret_day, then call again */
    COUNT_FULL,      /* nothing changed: the window's bound is reached */
};

/* Counts the event for its London day: the day it occurred, for `received` the day the gateway took
 * the referral. */
__attribute__((warn_unused_result)) enum counted
count_event(struct window *window, const struct referral_event *event, int64_t *ret_day);
/* The first day that is held on the London day of `now_ms`, `days` before it. */
int64_t count_floor(int64_t now_ms, int64_t days);

#endif
