// SPDX-License-Identifier: Apache-2.0
// The key is the referral's id on its pathway's topic and on referral.events alike, so its
// partition is known and the others need not be read. The first record of an id is the one that was
// taken; what comes under it later is a duplicate or a conflict.
#include "explain_find.h"

#include "base/text.h"
#include "codec/contract.h"
#include "lifecycle/delivery.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_MS 200
#define CLOCK_AHEAD_MAX_MS (24 * INT64_C(3600000)) // as the router has it

struct scan {
    struct provider_topic *topic;
    struct kafka_admin *admin;
    const char *id;
    int64_t left; // records that may still be read
    struct found_referral *found;
};

static enum verdict add_partition(struct scan *scan, struct kafka_reader *reader, const char *name,
                                  struct reason *reason)
{
    int partitions = 0;
    int64_t low = 0, end = 0;
    enum verdict verdict = kafka_admin_partitions(scan->admin, name, &partitions, reason);
    if (verdict != DONE || partitions == 0) {
        return verdict;
    }
    int32_t partition = kafka_partition_of(scan->id, strlen(scan->id), partitions);
    verdict = kafka_admin_watermarks(scan->admin, name, partition, &low, &end, reason);
    if (verdict == DONE && end > low &&
        !kafka_reader_add(reader, name, partition, low, end, reason)) {
        return TRY_AGAIN;
    }
    return verdict;
}

static bool is_keyed(const struct scan *scan, const struct kafka_message *message)
{
    return message->key && message->key_size == strlen(scan->id) &&
           memcmp(message->key, scan->id, message->key_size) == 0;
}

// One that can't be read is passed by, unless it can't be read just now: TRY_AGAIN.
static enum verdict take_referral(struct scan *scan, const struct kafka_message *message,
                                  struct reason *reason)
{
    struct found_referral *found = scan->found;
    struct record *record = NULL;
    int64_t claimed_ms = 0;
    enum verdict verdict = message->value
                               ? codec_read(scan->topic->codec, message->value, message->value_size,
                                            "Referral", &record, reason)
                               : REFUSED;
    if (verdict != DONE) {
        return verdict == TRY_AGAIN ? TRY_AGAIN : DONE;
    }
    found->record = record;
    found->accepted_at_ms = message->timestamp_ms;
    if (record_whole(record, "accepted_at", &claimed_ms) && claimed_ms > 0) {
        found->accepted_at_replaced = claimed_ms > message->timestamp_ms + CLOCK_AHEAD_MAX_MS;
        if (!found->accepted_at_replaced) {
            found->accepted_at_ms = claimed_ms;
        }
    }
    text_copy(found->pathway, sizeof found->pathway,
              message->topic + strlen(TOPIC_REFERRALS_PREFIX));
    return DONE;
}

// What became of the last hop: its attempts, and whether it sent the referral back.
static void learn_of_last(struct found_referral *found, const struct referral_event *event)
{
    struct stored_decision *last =
        found->decisions_count > 0 ? &found->decisions[found->decisions_count - 1] : NULL;
    if (!last || last->kind != EVENT_ROUTED) {
        return;
    }
    if (event->kind == EVENT_ATTEMPTED && event->hop == last->hop) {
        text_copy(last->last_result, sizeof last->last_result, event->result);
    } else if (event->kind == EVENT_ROUTED || event->kind == EVENT_RETURNED) {
        last->declined = delivery_was_declined(event->reason, last->last_result);
    }
}

static enum verdict take_event(struct scan *scan, const struct kafka_message *message,
                               struct reason *reason)
{
    struct found_referral *found = scan->found;
    struct referral_event event;
    enum verdict verdict = message->value ? event_decode(scan->topic->codec, message->value,
                                                         message->value_size, &event, NULL, reason)
                                          : REFUSED;
    if (verdict != DONE) {
        return verdict == TRY_AGAIN ? TRY_AGAIN : DONE;
    }
    learn_of_last(found, &event);
    if (event.kind != EVENT_ROUTED && event.kind != EVENT_RECORDED &&
        event.kind != EVENT_RETURNED) {
        return DONE;
    }
    if (found->decisions_count == DECISIONS_MAX) {
        free(found->decisions[0].explanation);
        memmove(found->decisions, found->decisions + 1,
                (DECISIONS_MAX - 1) * sizeof *found->decisions);
        found->decisions_count--;
    }
    struct stored_decision *decision = &found->decisions[found->decisions_count];
    *decision = (struct stored_decision){
        .kind = event.kind, .occurred_at_ms = event.occurred_at_ms, .hop = event.hop};
    text_copy(decision->destination, sizeof decision->destination, event.destination);
    text_copy(decision->reason, sizeof decision->reason, event.reason);
    if (event.explanation && event.explanation[0]) {
        decision->explanation = strdup(event.explanation);
        if (!decision->explanation) {
            return BROKEN;
        }
    }
    found->decisions_count++;
    return DONE;
}

// Reads what was added to the reader, or until the referral is found.
static enum verdict scan_reader(struct scan *scan, struct kafka_reader *reader, bool events,
                                struct reason *reason)
{
    while (!kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(reader, WAIT_MS, &message, reason);
        if (verdict != DONE) {
            return verdict;
        }
        if (!message) {
            continue;
        }
        if (scan->left-- <= 0) {
            reason_set(reason, "too-many", NULL,
                       "not among the records that were read; --records-max allows more");
            return REFUSED;
        }
        if (!is_keyed(scan, message)) {
            continue;
        }
        verdict = events ? take_event(scan, message, reason) : take_referral(scan, message, reason);
        if (verdict != DONE || scan->found->record) {
            return verdict;
        }
    }
    return DONE;
}

static enum verdict scan_topics(struct scan *scan, bool events, struct reason *reason)
{
    enum verdict verdict = DONE;
    const struct contract *contract = scan->topic->contract;
    struct kafka_reader *reader = kafka_reader_open(scan->topic->settings, NULL, 0, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    if (events) {
        verdict = add_partition(scan, reader, TOPIC_EVENTS, reason);
    }
    for (size_t index = 0; !events && verdict == DONE && index < contract_pathway_count(contract);
         index++) {
        char name[sizeof TOPIC_REFERRALS_PREFIX + PATHWAY_NAME_SIZE];
        text_format(name, sizeof name, "%s%s", TOPIC_REFERRALS_PREFIX,
                    contract_pathway_name(contract, index));
        verdict = add_partition(scan, reader, name, reason);
    }
    if (verdict == DONE) {
        verdict = scan_reader(scan, reader, events, reason);
    }
    kafka_reader_close(reader);
    return verdict;
}

enum verdict find_referral(struct provider_topic *topic, const char *id, int64_t records_max,
                           struct found_referral *ret_found, struct reason *reason)
{
    *ret_found = (struct found_referral){0};
    struct scan scan = {.topic = topic, .id = id, .left = records_max, .found = ret_found};
    scan.admin = kafka_admin_open(topic->settings, reason);
    if (!scan.admin) {
        return TRY_AGAIN;
    }
    enum verdict verdict = scan_topics(&scan, true, reason);
    if (verdict == DONE) {
        verdict = scan_topics(&scan, false, reason);
    }
    if (verdict == DONE && !ret_found->record) {
        reason_set(reason, "not-found", NULL, "no topic holds a referral of that id (any more)");
        verdict = REFUSED;
    }
    kafka_admin_close(scan.admin);
    return verdict;
}

void found_referral_clear(struct found_referral *found)
{
    for (size_t index = 0; index < found->decisions_count; index++) {
        free(found->decisions[index].explanation);
    }
    *found = (struct found_referral){0};
}
