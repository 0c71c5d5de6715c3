/* SPDX-License-Identifier: Apache-2.0 */
/* What operators want of deliveries that stay on the topic for want of room. It is kept where the
 * id of such a delivery leads anyway, so it costs no memory, however many they are, and is done to
 * each once: when its record is read again. For some of them the partition is read again at once,
 * and there is room for a portion of them beyond the bound; those that have no other provider are
 * left again, as what nothing is wanted of any more. */
#include "core/core.h"

#include <string.h>

#define REST_LEAST_MS 1000

size_t core_want(struct deliverer *core, struct destination *destination, enum left_want want)
{
    size_t count = 0, seen = 0;
    for (size_t i = 0; i < core->partitions_count && seen < destination->left_count; i++) {
        struct partition *partition = core->partitions[i];
        const void *key;
        size_t cursor = 0, length;
        void *value;
        while (partition && partition->left &&
               map_next(partition->left, &cursor, &key, &length, &value)) {
            const struct left *left = value;
            struct uuid id;
            if (left->destination != destination)
                continue;
            seen++;
            if (left->want >= want)
                continue;
            memcpy(id.bytes, key, sizeof(id.bytes));
            /* Nothing is added: it is in the map. */
            count += core_left_mark(core, partition, &id, &destination->lefts[want]);
        }
    }
    return count;
}

bool core_want_one(struct deliverer *core, const struct uuid *id, enum left_want want)
{
    for (size_t i = 0; i < core->partitions_count; i++) {
        struct partition *partition = core->partitions[i];
        const struct left *left = partition ? core_left(partition, id) : NULL;
        if (left)
            return left->want < want &&
                   core_left_mark(core, partition, id, &left->destination->lefts[want]);
    }
    return false;
}

void core_want_held(struct job *job, enum left_want want)
{
    job->want = (uint8_t)want;
    job->asked = want >= LEFT_RETRY_NOW;
    job->destination->asked += job->asked;
}

bool core_want_done(struct deliverer *core, struct job *job, int64_t now_ms)
{
    const enum left_want want = (enum left_want)job->want;
    job->want = LEFT_PLAIN;
    if (want == LEFT_MOVE) {
        core_post_move(core, job, "operator", now_ms >= core_give_up_at(core, job), now_ms);
        core_refresh(core, job->destination, now_ms);
        return true;
    }
    if (want != LEFT_PLAIN) {
        job->next_attempt_at_ms = now_ms;
        job->told_to_wait = false;
    }
    job->destination->asked -= job->asked;
    job->asked = false;
    return false;
}

void core_want_rest(struct partition *partition, int64_t now_ms)
{
    const int64_t took = partition->read_began_ms ? now_ms - partition->read_began_ms : 0;
    partition->read_wanted_at_ms = now_ms + (took > REST_LEAST_MS ? took : REST_LEAST_MS);
}

bool core_want_due(const struct deliverer *core, const struct partition *partition, int64_t now_ms)
{
    const size_t most = core->options.pending_max + WANTED_MAX(core);
    const size_t pending = core_pending(core);
    const size_t room = pending < most ? most - pending : 0;
    return partition->left_now && now_ms >= partition->read_wanted_at_ms &&
           (room >= partition->left_now || room >= WANTED_MAX(core));
}
