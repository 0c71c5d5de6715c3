/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next try. Pure. */
#ifndef DISPATCHER_BACKOFF_H
#define DISPATCHER_BACKOFF_H

#include "base/random.h"

#include <stdbool.h>

/* Exponential with full jitter: uniform in [1, min(most, first * 2^(attempts - 1))]. */
int64_t backoff_ms(struct random *random, int32_t attempts, int64_t first_ms, int64_t most_ms);

/* The wait before the `probes`-th probe (from 1) of a destination whose breaker is open: first *
 * probes^2, at most most. */
int64_t backoff_probe_ms(int32_t probes, int64_t first_ms, int64_t most_ms);

/* The value of Retry-After (RFC 9110 10.2.3): seconds, or one of the three forms of an HTTP date.
 * False if it is neither; a date that has passed is 0. */
__attribute__((warn_unused_result)) bool retry_after_parse(const char *text, int64_t now_ms,
                                                           int64_t *ret_wait_ms);

#endif
