/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks, for shells only: cores are given the time. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now_ms(void);       /* milliseconds since 1970-01-01T00:00:00Z */
int64_t clock_monotonic_ms(void); /* never goes back; for durations */
int64_t clock_monotonic_us(void);

#endif
