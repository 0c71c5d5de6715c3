/* SPDX-License-Identifier: Apache-2.0 */
/* Room of records that are no more, for those that come: who is finished makes place for another,
 * and records are much of a size. free() and malloc() look at what lies beside the room, which
 * among a million records is in no cache. */
#ifndef DISPATCHER_SPARES_H
#define DISPATCHER_SPARES_H

#include <stddef.h>

#define SPARES_MAX 512
#define SPARE_LEAST 512 /* bytes; a room in which no referral fits is not worth a place */

struct spares { /* all zero: none yet */
    struct spare {
        void *room;
        size_t size;
    } list[SPARES_MAX];
    size_t count;
};

/* Room for `size` bytes: what was given back last, if it is at most an eighth too large. NULL
 * without memory. */
void *spares_take(struct spares *spares, size_t size);
/* NULL is fine. */
void spares_give_back(struct spares *spares, void *room, size_t size);
void spares_clear(struct spares *spares);

#endif
