/* SPDX-License-Identifier: Apache-2.0 */
/* The first promise that a run broke, in words. Later ones are consequences and are not kept. */
#ifndef SIM_FINDING_H
#define SIM_FINDING_H

#include <stdbool.h>
#include <stdint.h>

struct finding {
    const char *promise; /* static; NULL = none broken */
    int64_t at_ms;       /* virtual time since the run began */
    char detail[240];
};

/* `promise` is the invariant's name, `format` what was seen. Kept only if it is the first. */
void finding_set(struct finding *finding, int64_t at_ms, const char *promise, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

#endif
