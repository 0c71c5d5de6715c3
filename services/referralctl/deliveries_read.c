// SPDX-License-Identifier: Apache-2.0
// `deliveries` is compacted: its last record of each key is what is pending, or a tombstone.
// Reading it whole costs the time of its bytes, but it is true whoever owns the partitions, and
// when nobody does.
#include "deliveries.h"

#include "progress.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 100
#define STALLED_MS 30000

enum verdict deliveries_open(struct deliveries *deliveries, const struct command *command,
                             struct reason *reason)
{
    *deliveries = (struct deliveries){0};
    enum verdict verdict = provider_topic_open(&deliveries->topic, command->values->schemas_dir,
                                               command->registry, reason);
    if (verdict != DONE) {
        return verdict;
    }
    deliveries->admin = kafka_admin_open(deliveries->topic.settings, reason);
    if (!deliveries->admin) {
        return TRY_AGAIN;
    }
    verdict = kafka_admin_partitions(deliveries->admin, TOPIC_DELIVERIES, &deliveries->partitions,
                                     reason);
    if (verdict == DONE && deliveries->partitions == 0) {
        reason_set(reason, "topic-missing", NULL, "%s does not exist: referralctl topics create",
                   TOPIC_DELIVERIES);
        return TRY_AGAIN;
    }
    return verdict;
}

void deliveries_close(struct deliveries *deliveries)
{
    map_free(deliveries->by_id, free);
    free(deliveries->list);
    kafka_admin_close(deliveries->admin);
    provider_topic_close(&deliveries->topic);
}

static void copy(struct held_delivery *held, const struct delivery *delivery, int32_t partition)
{
    *held = (struct held_delivery){.partition = partition,
                                   .hop = delivery->hop,
                                   .attempts = delivery->attempts,
                                   .accepted_at_ms = delivery->accepted_at_ms,
                                   .created_at_ms = delivery->created_at_ms,
                                   .deadline_at_ms = delivery->deadline_at_ms,
                                   .next_attempt_at_ms = delivery->next_attempt_at_ms};
    text_copy(held->id, sizeof held->id, delivery->id);
    text_copy(held->referral_id, sizeof held->referral_id, delivery->referral_id);
    text_copy(held->destination, sizeof held->destination, delivery->destination);
    text_copy(held->pathway, sizeof held->pathway, delivery->pathway);
    text_copy(held->last_result, sizeof held->last_result, delivery->last_result);
}

static enum verdict full(struct reason *reason)
{
    reason_set(reason, "too-many", NULL,
               "more deliveries than may be held (or no memory); raise --ids-max");
    return REFUSED;
}

static enum verdict take(struct deliveries *deliveries, const struct kafka_message *message,
                         struct reason *reason)
{
    struct uuid id;
    struct delivery delivery;
    if (!uuid_parse_bytes(message->key, message->key_size, &id)) {
        return DONE; // the dispatcher's own notes
    }
    if (!message->value) {
        free(map_remove(deliveries->by_id, id.bytes, sizeof id.bytes));
        return DONE;
    }
    enum verdict verdict = delivery_decode(deliveries->topic.codec, message->value,
                                           message->value_size, &delivery, reason);
    if (verdict != DONE) {
        deliveries->unreadable++;
        return verdict == TRY_AGAIN ? TRY_AGAIN : DONE;
    }
    struct held_delivery *held = map_get(deliveries->by_id, id.bytes, sizeof id.bytes);
    if (!held) {
        held = malloc(sizeof *held);
        if (!held || !map_set(deliveries->by_id, id.bytes, sizeof id.bytes, held, NULL)) {
            free(held);
            return full(reason);
        }
    }
    copy(held, &delivery, message->partition);
    return DONE;
}

static enum verdict read_to_end(struct deliveries *deliveries, struct kafka_reader *reader,
                                struct reason *reason)
{
    struct progress progress;
    size_t count = 0;
    int64_t heard_ms = clock_monotonic_ms();
    enum verdict verdict = DONE;
    progress_start(&progress, "records read");
    while (verdict == DONE && !kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(reader, WAIT_MS, &message, reason);
        if (verdict == DONE && message) {
            heard_ms = clock_monotonic_ms();
            progress_show(&progress, ++count, 0);
            verdict = take(deliveries, message, reason);
        } else if (verdict == DONE && clock_monotonic_ms() - heard_ms > STALLED_MS) {
            reason_set(reason, "read-stalled", NULL, "no record came for %d s", STALLED_MS / 1000);
            verdict = TRY_AGAIN;
        }
    }
    progress_end(&progress);
    return verdict;
}

static int by_destination_and_deadline(const void *a, const void *b)
{
    const struct held_delivery *first = *(const struct held_delivery *const *)a;
    const struct held_delivery *second = *(const struct held_delivery *const *)b;
    int order = strcmp(first->destination, second->destination);
    if (order == 0) {
        order = (first->deadline_at_ms > second->deadline_at_ms) -
                (first->deadline_at_ms < second->deadline_at_ms);
    }
    return order ? order : strcmp(first->id, second->id);
}

enum verdict deliveries_read(struct deliveries *deliveries, size_t ids_max, struct reason *reason)
{
    const char *topic = TOPIC_DELIVERIES;
    void *value;
    deliveries->by_id = map_new(ids_max);
    if (!deliveries->by_id) {
        return full(reason);
    }
    struct kafka_reader *reader = kafka_reader_open(deliveries->topic.settings, &topic, 1, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    enum verdict verdict = read_to_end(deliveries, reader, reason);
    kafka_reader_close(reader);
    if (verdict != DONE) {
        return verdict;
    }
    deliveries->list = calloc(map_count(deliveries->by_id) + 1, sizeof(struct held_delivery *));
    if (!deliveries->list) {
        return full(reason);
    }
    for (size_t cursor = 0; map_next(deliveries->by_id, &cursor, NULL, NULL, &value);) {
        deliveries->list[deliveries->count++] = value;
    }
    qsort(deliveries->list, deliveries->count, sizeof(struct held_delivery *),
          by_destination_and_deadline);
    return DONE;
}

// The first that does not come before `destination`, or, with `behind`, that comes after it.
static size_t bound(const struct deliveries *deliveries, const char *destination, bool behind)
{
    size_t low = 0, high = deliveries->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(deliveries->list[middle]->destination, destination);
        if (order < 0 || (behind && order == 0)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t deliveries_of(const struct deliveries *deliveries, const char *destination,
                     size_t *ret_first)
{
    *ret_first = bound(deliveries, destination, false);
    return bound(deliveries, destination, true) - *ret_first;
}

bool deliveries_check_known(const struct deliveries *deliveries, const char *destination,
                            struct reason *reason)
{
    size_t first = 0;
    if (directory_find(deliveries->topic.directory, destination) ||
        deliveries_of(deliveries, destination, &first) > 0) {
        return true;
    }
    reason_set(reason, "unknown-destination", NULL,
               "the directory has no %.20s, and nothing is pending for it", destination);
    return false;
}

const struct held_delivery *deliveries_find(const struct deliveries *deliveries, const char *id)
{
    for (size_t index = 0; index < deliveries->count; index++) {
        const struct held_delivery *held = deliveries->list[index];
        if (strcmp(held->id, id) == 0 || strcmp(held->referral_id, id) == 0) {
            return held;
        }
    }
    return NULL;
}
