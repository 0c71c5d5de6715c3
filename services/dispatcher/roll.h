/* SPDX-License-Identifier: Apache-2.0 */
/* When the records are due that let Kafka close and compact the segments of a silent partition. By
 * the clock's slots, so that restarts do not put them off. */
#ifndef DISPATCHER_ROLL_H
#define DISPATCHER_ROLL_H

#include <stdbool.h>
#include <stdint.h>

struct roll {              /* all 0 = just started */
    int64_t settled, open; /* slots: of the last records committed, of those in the transaction */
};

/* True once for each slot: the records belong into the open transaction. Not in the slot of the
 * start, which has its fences. */
bool roll_due(struct roll *roll, int64_t now_ms, int64_t interval_ms);
void roll_committed(struct roll *roll);
/* They are due again. */
void roll_aborted(struct roll *roll);

#endif
