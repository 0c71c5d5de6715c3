/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions are restored a few at a time, and the next ones only when what can be sent of the
 * earlier ones is nearly gone: a backlog is worked off from the topic instead of being held in
 * memory whole. Providers that are slow, or a partition that can't be read to its end, hold the
 * next ones up for a second at most, so that every deadline is known soon. */
#include "dispatcher.h"

#include "base/clock.h"

#define ROUNDS 16    /* of PATIENCE_MS at most, until all are being restored */
#define ENOUGH 60    /* deliveries that can be sent soon, for each place: no need to read on */
#define STOCK_MS 130 /* … or as many as were answered in that time of late, if these are more */
#define PATIENCE_MS 1000
#define LOOK_MS 10
#define ARRIVAL_MS 120 /* until what was asked for can be seen in what may be sent */
#define NEAR                                                                                       \
    8192 /* records before its end: the next one is asked for, so that there is always one         \
          * to be fetched; at the end of all of them a fetch waits for what is new */

static size_t at_once(const struct dispatcher *self)
{
    return (self->partitions_count + ROUNDS - 1) / ROUNDS;
}

static size_t restoring(const struct dispatcher *self)
{
    return self->fences_count - self->again_count - self->resting_count - self->nearly_count;
}

bool restore_under_way(const struct dispatcher *self)
{
    return self->fences_count > self->again_count;
}

bool restore_alone(const struct dispatcher *self)
{
    return self->partitions_count &&
           self->fences_count - self->again_count == self->partitions_count;
}

static bool rest(struct dispatcher *self, int32_t partition, bool resting)
{
    return stream_rest(self->stream, TOPIC_DELIVERIES, partition, resting);
}

/* If it can't be told to rest, it is restored at once: no harm but memory. */
void restore_begin(struct dispatcher *self, int32_t partition, int64_t end)
{
    bool wait = restoring(self) > at_once(self);
    bool told = rest(self, partition, wait);
    self->restored_at_ms = clock_monotonic_ms();
    self->fences[partition].near = end - NEAR;
    self->fences[partition].resting = wait && told;
    self->resting_count += wait && told;
}

void restore_read(struct dispatcher *self, int32_t partition, int64_t offset)
{
    struct fence *fence = &self->fences[partition];
    if (fence->nearly || fence->resting || !fence->nonce || fence->again || offset < fence->near)
        return;
    fence->nearly = true;
    self->nearly_count++;
}

static void wake(struct dispatcher *self, struct fence *fence)
{
    self->resting_count -= fence->resting;
    fence->resting = false;
}

void restore_forget(struct dispatcher *self, int32_t partition)
{
    struct fence *fence = &self->fences[partition];
    wake(self, fence);
    self->nearly_count -= fence->nearly;
    fence->nearly = false;
}

/* So many that may be sent last until the next partition has come. */
static size_t stock(const struct dispatcher *self)
{
    const size_t least = ENOUGH * (size_t)self->settings.in_flight_max;
    const size_t answered = self->answered * STOCK_MS / AHEAD_WINDOW_MS;
    const size_t most = least * 4 / 3; /* after a halt it is more than it was */
    return answered < least ? least : answered < most ? answered : most;
}

void restore_continue(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms)
{
    if (!self->resting_count || monotonic_ms < self->restore_look_at_ms)
        return;
    self->restore_look_at_ms = monotonic_ms + LOOK_MS;
    const int64_t since_ms = monotonic_ms - self->restored_at_ms;
    const bool reading = self->fences_count - self->again_count > self->resting_count;
    if (reading && since_ms < ARRIVAL_MS)
        return;
    if (since_ms < PATIENCE_MS) {
        if (restoring(self) >= at_once(self))
            return;
        if (deliver_sendable(self->core, now_ms) >= stock(self))
            return;
    }
    self->restored_at_ms = monotonic_ms;
    const size_t most = at_once(self);
    size_t told = 0;
    /* Backwards: the client asks anew, half a second later, where a partition begins that was told
     * to rest before it knew, and that happens to the first ones. */
    for (int32_t i = FENCES_MAX - 1; i >= 0 && self->resting_count && told < most; i--) {
        if (self->fences[i].resting && rest(self, i, false)) {
            wake(self, &self->fences[i]);
            told++;
        }
    }
}
