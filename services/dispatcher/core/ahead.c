/* SPDX-License-Identifier: Apache-2.0 */
/* Where a million deliveries wait, nearly all that a turn touches lies in main memory, a tenth of a
 * microsecond away: its destination, the first of its queue, that job. Whose turns come next is
 * known, so these are asked for some turns before: each step needs what the one before it has
 * brought. */
#include "core/core.h"

#define STEP 2 /* turns, in which main memory answers */
#define AHEAD (3 * STEP)

static void expect(const void *from, size_t size)
{
    for (size_t at = 0; at < size; at += POOL_LINE)
        __builtin_prefetch((const char *)from + at, 1);
}

void core_expect_destination(const struct destination *destination)
{
    if (destination)
        expect(destination, DESTINATION_HOT);
}

void core_expect_written(const struct deliverer *core)
{
    struct link *link = core->written.next->next;
    for (int ahead = 1; ahead <= AHEAD && link != &core->written; ahead++, link = link->next) {
        const struct job *job = LINK_ITEM(link, struct job, fact_link);
        if (ahead == AHEAD)
            expect(job, sizeof(*job));
        else if (ahead == 2 * STEP)
            expect(job->destination, DESTINATION_HOT);
        else if (ahead == STEP)
            queue_expect_put(&job->destination->ready);
    }
}

void core_expect_turns(const struct deliverer *core, const struct link *ring, size_t link_offset,
                       size_t queue_offset)
{
    const struct link *link = ring->next;
    for (int ahead = 1; ahead <= AHEAD && link != ring; ahead++, link = link->next) {
        const char *destination = (const char *)link - link_offset;
        const struct queue *queue =
            (const struct queue *)(const void *)(destination + queue_offset);
        if (ahead == AHEAD)
            expect(destination, DESTINATION_HOT);
        else if (ahead == 2 * STEP)
            queue_expect(queue);
        else if (ahead == STEP && queue->count)
            expect(queue_first(queue, &core->pool), sizeof(struct job));
    }
}
