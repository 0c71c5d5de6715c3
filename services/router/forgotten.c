/* SPDX-License-Identifier: Apache-2.0 */
/* Of a first transaction that was aborted there is nothing that a committed reader sees, so the
 * question is whether it sees any event at all. */
#include "forgotten.h"

#include "base/text.h"
#include "lifecycle/event.h"

#define PARTITIONS_MAX 1024
#define LOOK_MOST_MS 20000

static enum verdict knows_topic(struct kafka_admin *admin, const char *group, const char *topic,
                                bool *ret_known, struct reason *reason)
{
    static int64_t offsets[PARTITIONS_MAX];
    int partitions = 0;
    enum verdict verdict = kafka_admin_partitions(admin, topic, &partitions, reason);
    if (partitions > PARTITIONS_MAX)
        partitions = PARTITIONS_MAX;
    if (verdict == DONE && partitions > 0)
        verdict = kafka_admin_committed(admin, group, topic, partitions, offsets, reason);
    for (int i = 0; verdict == DONE && i < partitions; i++)
        *ret_known |= offsets[i] >= 0;
    return verdict;
}

static enum verdict knows_any(struct kafka_admin *admin, const char *group,
                              const struct pathway_set *pathways, bool *ret_known,
                              struct reason *reason)
{
    char topic[128];
    *ret_known = false;
    for (size_t i = 0; !*ret_known && i < pathway_count(pathways); i++) {
        if (!text_format(topic, sizeof topic, "%s%s", TOPIC_REFERRALS_PREFIX,
                         pathway_name(pathway_at(pathways, i))))
            continue;
        enum verdict verdict = knows_topic(admin, group, topic, ret_known, reason);
        if (verdict != DONE)
            return verdict;
    }
    return DONE;
}

/* Where nothing was ever written nobody has to read: a new installation starts at once. */
static enum verdict ever_written(struct kafka_admin *admin, const char *topic, bool *ret_written,
                                 struct reason *reason)
{
    static int64_t lows[PARTITIONS_MAX], ends[PARTITIONS_MAX];
    int partitions = 0;
    enum verdict verdict = kafka_admin_partitions(admin, topic, &partitions, reason);
    *ret_written = partitions > PARTITIONS_MAX; /* too many to ask */
    if (verdict != DONE || partitions == 0 || *ret_written)
        return verdict;
    verdict = kafka_admin_bounds(admin, topic, partitions, lows, ends, reason);
    for (int i = 0; verdict == DONE && i < partitions; i++)
        *ret_written |= ends[i] > 0;
    return verdict;
}

static enum verdict found(void *self, const struct kafka_message *message, struct reason *reason)
{
    (void)message, (void)reason;
    *(bool *)self = true;
    return TRY_AGAIN; /* one is enough */
}

static enum verdict any_event(const struct kafka_settings *settings, bool *ret_any,
                              struct reason *reason)
{
    static const char *const topics[] = {TOPIC_EVENTS};
    struct kafka_reader *reader = kafka_reader_open(settings, topics, 1, reason);
    if (reader == NULL)
        return TRY_AGAIN;
    *ret_any = false;
    enum verdict verdict = kafka_reader_to_end(reader, LOOK_MOST_MS, found, ret_any, reason);
    kafka_reader_close(reader);
    return *ret_any ? DONE : verdict;
}

enum verdict forgotten_check(const struct kafka_settings *settings, struct kafka_admin *admin,
                             const char *group, const struct pathway_set *pathways,
                             struct reason *reason)
{
    bool written = false, known = false, any = false;
    enum verdict verdict = ever_written(admin, TOPIC_EVENTS, &written, reason);
    if (verdict != DONE || !written)
        return verdict;
    verdict = knows_any(admin, group, pathways, &known, reason);
    if (verdict != DONE || known)
        return verdict;
    verdict = any_event(settings, &any, reason);
    if (verdict != DONE || !any)
        return verdict;
    reason_set(reason, "offsets-lost", NULL,
               "there are events, but the brokers know no offset of the group \"%s\": what is on "
               "referrals.* would be delivered a second time",
               group);
    return TRY_AGAIN;
}
