// SPDX-License-Identifier: Apache-2.0
// The order of reading, and why a running system shows no false imbalance. The router writes
// {events, deliveries, dead letters, its offsets} in one transaction, the dispatcher {tombstone,
// event, next Delivery}, the aggregator {volumes, its offsets}. So whatever is read later is at
// least as new as what was read before it:
//   1. the aggregator's offsets, volumes.daily, the offsets again: the volumes are of something
//   between the two. And the router's offsets: the cut. Every record below the cut has its event by
//   now.
//   2. `deliveries` up to now. What ended before this point has its final event by now.
//   3. the events up to now: they hold everything that 1 and 2 promise.
//   4. `deliveries` and the dead letters on from there: a referral without an end in 3 was live at
//   3, so by now its
//      Delivery is live, or its tombstone came in this very step (pending, too). One with an end in
//      3 has its tombstone.
//   5. the records: every event in 3 finds its record; a record without one is pending if it is at
//   or above the cut.
// What remains is that a committed transaction shows in one partition milliseconds before it shows
// in another. audit.c therefore believes a problem only if it is still there when everything is
// read anew.
#include "audit_read.h"

#include "base/clock.h"
#include "base/text.h"
#include "ids/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALLED_MS 30000
#define STANDSTILL_TRIES 3
#define WAIT_MS 100
#define TOPICS_MAX 128

typedef enum verdict take_message(struct audit *audit, const struct kafka_message *message,
                                  bool late, struct reason *reason);

static enum verdict full(struct reason *reason)
{
    reason_set(reason, "too-many", NULL,
               "more than the audit may hold (or no memory); raise --ids-max");
    return REFUSED;
}

static enum verdict read_to_end(struct audit *audit, struct kafka_reader *reader,
                                take_message *take, bool late, struct reason *reason)
{
    int64_t heard_ms = clock_monotonic_ms();
    while (!kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(reader, WAIT_MS, &message, reason);
        if (verdict != DONE) {
            return verdict;
        }
        if (message) {
            heard_ms = clock_monotonic_ms();
            audit->records++;
            verdict = take(audit, message, late, reason);
            if (verdict != DONE) {
                return verdict;
            }
        } else if (clock_monotonic_ms() - heard_ms > STALLED_MS) {
            reason_set(reason, "read-stalled", NULL, "no record came for %d s", STALLED_MS / 1000);
            return TRY_AGAIN;
        }
    }
    return DONE;
}

static enum verdict read_topic(struct audit *audit, const char *topic, take_message *take,
                               struct reason *reason)
{
    struct kafka_reader *reader = kafka_reader_open(audit->settings, &topic, 1, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    enum verdict verdict = read_to_end(audit, reader, take, false, reason);
    kafka_reader_close(reader);
    return verdict;
}

static void name_place(const struct kafka_message *message, struct reason *reason)
{
    struct reason inner = *reason;
    reason_set(reason, inner.code, inner.pointer, "%s/%d/%lld: %s", message->topic,
               (int)message->partition, (long long)message->offset, inner.detail);
}

// Decodes the value as a record of that name; the reason then names the place.
static enum verdict decode(struct audit *audit, const struct kafka_message *message,
                           const char *name, struct record **ret_record, struct reason *reason)
{
    enum verdict verdict =
        codec_read(audit->codec, message->value, message->value_size, name, ret_record, reason);
    if (verdict != DONE) {
        name_place(message, reason);
    }
    return verdict;
}

static const char *text_or_empty(const struct record *record, const char *path)
{
    const char *text = record_text(record, path);
    return text ? text : "";
}

static enum verdict take_volume(struct audit *audit, const struct kafka_message *message, bool late,
                                struct reason *reason)
{
    struct record *record;
    (void)late;
    if (!message->value) {
        ledger_no_volume(audit->ledger, message->key, message->key_size);
        return DONE;
    }
    enum verdict verdict = decode(audit, message, "Volume", &record, reason);
    if (verdict != DONE) {
        return verdict;
    }
    return ledger_volume(audit->ledger, message->key, message->key_size,
                         text_or_empty(record, "pathway"), text_or_empty(record, "stage"),
                         record_whole_or(record, "count", 0))
               ? DONE
               : full(reason);
}

static enum verdict take_delivery(struct audit *audit, const struct kafka_message *message,
                                  bool late, struct reason *reason)
{
    struct record *record;
    struct uuid id;
    if (!uuid_parse_bytes(message->key, message->key_size, &id)) {
        return DONE; // the dispatcher's own notes: fences, lists of intents
    }
    if (!message->value) {
        return ledger_tombstone(audit->ledger, message->key, message->key_size, late)
                   ? DONE
                   : full(reason);
    }
    enum verdict verdict = decode(audit, message, "Delivery", &record, reason);
    if (verdict == REFUSED) {
        return ledger_unreadable(audit->ledger, message->key, message->key_size) ? DONE
                                                                                 : full(reason);
    }
    if (verdict != DONE) {
        return verdict;
    }
    if (text_or_empty(record, "notice")[0] != '\0') {
        return DONE; // its referral has ended
    }
    return ledger_delivery(audit->ledger, text_or_empty(record, "id"),
                           text_or_empty(record, "referral_id"), late)
               ? DONE
               : full(reason);
}

static enum verdict take_event(struct audit *audit, const struct kafka_message *message, bool late,
                               struct reason *reason)
{
    struct record *record;
    (void)late;
    enum verdict verdict = decode(audit, message, "ReferralEvent", &record, reason);
    if (verdict != DONE) {
        return verdict;
    }
    const struct ledger_event event = {
        .kind = event_kind_parse(record_text(record, "kind")),
        .referral_id = text_or_empty(record, "referral_id"),
        .pathway = text_or_empty(record, "pathway"),
        .origin = record_text(record, "origin"),
        .partition = message->partition,
        .offset = message->offset,
    };
    if (event.kind == EVENT_KINDS) {
        reason_set(reason, "unknown-event", "/kind", "a word that this version does not know");
        name_place(message, reason);
        return REFUSED;
    }
    return ledger_event(audit->ledger, &event) ? DONE : full(reason);
}

static bool header_text(const struct kafka_message *message, const char *name, char *text,
                        size_t size)
{
    size_t length = 0;
    const void *value = kafka_message_header(message, name, &length);
    return value && text_copy_bytes(text, size, value, length);
}

static enum verdict take_dead_letter(struct audit *audit, const struct kafka_message *message,
                                     bool late, struct reason *reason)
{
    char topic[64] = "", partition[16] = "", offset[24] = "", origin[ORIGIN_SIZE];
    (void)late;
    if (!header_text(message, "origin_topic", topic, sizeof topic) ||
        !header_text(message, "origin_partition", partition, sizeof partition) ||
        !header_text(message, "origin_offset", offset, sizeof offset)) {
        topic[0] = '\0';
    }
    text_format(origin, sizeof origin, "%s/%s/%s", topic, partition, offset);
    return ledger_dead_letter(audit->ledger, origin) ? DONE : full(reason);
}

static enum verdict take_record(struct audit *audit, const struct kafka_message *message, bool late,
                                struct reason *reason)
{
    (void)late;
    return ledger_record(audit->ledger, message->topic, message->partition, message->offset,
                         message->timestamp_ms)
               ? DONE
               : full(reason);
}

// ---- step 1

static enum verdict aggregator_offsets(struct audit *audit, int partitions, int64_t *offsets,
                                       struct reason *reason)
{
    return kafka_admin_committed(audit->admin, "aggregator", TOPIC_EVENTS, partitions, offsets,
                                 reason);
}

// Each cell is read at a moment between two readings of the offsets, and counts only grow: so they
// lie between the counts of the events up to the one and up to the other. (A cell read in an
// earlier try is replaced by its newer value, so trying again for a quiet moment is harmless.)
static enum verdict read_volumes(struct audit *audit, int partitions, struct reason *reason)
{
    size_t size = (size_t)partitions * sizeof(int64_t);
    int64_t *before = calloc((size_t)partitions, sizeof *before);
    int64_t *after = calloc((size_t)partitions, sizeof *after);
    enum verdict verdict = before && after ? DONE : full(reason);
    bool still = false;
    for (int attempt = 0; verdict == DONE && !still && attempt < STANDSTILL_TRIES; attempt++) {
        verdict = aggregator_offsets(audit, partitions, before, reason);
        if (verdict == DONE) {
            verdict = read_topic(audit, TOPIC_VOLUMES_DAILY, take_volume, reason);
        }
        if (verdict == DONE) {
            verdict = aggregator_offsets(audit, partitions, after, reason);
        }
        still = verdict == DONE && memcmp(before, after, size) == 0;
    }
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        if (!ledger_counted(audit->ledger, partition, before[partition], after[partition])) {
            verdict = full(reason);
        }
    }
    free(before);
    free(after);
    return verdict;
}

// Where a topic's partitions begin and end, and what else is asked of each.
struct bounds {
    int64_t *lows; // all three are one piece of memory
    int64_t *ends, *more;
};

// To be freed by bounds_free, in any case.
static enum verdict bounds_of(struct audit *audit, const char *topic, int partitions,
                              struct bounds *ret_bounds, struct reason *reason)
{
    ret_bounds->lows = calloc((size_t)partitions * 3 + 1, sizeof *ret_bounds->lows);
    if (!ret_bounds->lows) {
        return full(reason);
    }
    ret_bounds->ends = ret_bounds->lows + partitions;
    ret_bounds->more = ret_bounds->ends + partitions;
    return kafka_admin_bounds(audit->admin, topic, partitions, ret_bounds->lows, ret_bounds->ends,
                              reason);
}

static void bounds_free(struct bounds *bounds)
{
    free(bounds->lows);
}

static enum verdict cut_topic(struct audit *audit, const char *topic, int partitions,
                              struct reason *reason)
{
    struct bounds bounds;
    enum verdict verdict = bounds_of(audit, topic, partitions, &bounds, reason);
    if (verdict == DONE) {
        verdict =
            kafka_admin_committed(audit->admin, "router", topic, partitions, bounds.more, reason);
    }
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        const int64_t committed = bounds.more[partition];
        if (!ledger_cut(audit->ledger, topic, partition, bounds.lows[partition],
                        committed > 0 ? committed : 0)) {
            verdict = full(reason);
        }
    }
    bounds_free(&bounds);
    return verdict;
}

struct topic_list {
    char names[TOPICS_MAX][64];
    const char *pointers[TOPICS_MAX];
    int partitions[TOPICS_MAX];
    size_t count;
};

// Adds a topic that exists and is not listed yet.
static enum verdict list_topic(struct audit *audit, const char *topic, struct topic_list *list,
                               struct reason *reason)
{
    int partitions = 0;
    for (size_t index = 0; index < list->count; index++) {
        if (text_equal(list->pointers[index], topic)) {
            return DONE;
        }
    }
    enum verdict verdict = kafka_admin_partitions(audit->admin, topic, &partitions, reason);
    if (verdict != DONE || partitions == 0) {
        return verdict;
    }
    if (list->count == TOPICS_MAX) {
        return full(reason);
    }
    text_copy(list->names[list->count], sizeof list->names[0], topic);
    list->pointers[list->count] = list->names[list->count];
    list->partitions[list->count] = partitions;
    list->count++;
    return DONE;
}

static enum verdict list_referrals(struct audit *audit, struct topic_list *list,
                                   struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < contract_pathway_count(audit->contract);
         index++) {
        char topic[64];
        const char *pathway = contract_pathway_name(audit->contract, index);
        if (!ledger_name_pathway(audit->ledger, pathway)) {
            return full(reason);
        }
        text_format(topic, sizeof topic, "%s%s", TOPIC_REFERRALS_PREFIX, pathway);
        verdict = list_topic(audit, topic, list, reason);
    }
    return verdict;
}

// Events may tell of a topic whose pathway folder is gone, or that was made after the cut: its
// records are read, too.
static enum verdict list_heard_of(struct audit *audit, struct topic_list *list,
                                  struct reason *reason)
{
    const char *topics[TOPICS_MAX];
    size_t count = ledger_topics(audit->ledger, topics, TOPICS_MAX);
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < count; index++) {
        if (strncmp(topics[index], TOPIC_REFERRALS_PREFIX, strlen(TOPIC_REFERRALS_PREFIX)) == 0) {
            verdict = list_topic(audit, topics[index], list, reason);
        }
    }
    return verdict;
}

static enum verdict make_cut(struct audit *audit, const struct topic_list *list,
                             struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < list->count; index++) {
        verdict = cut_topic(audit, list->pointers[index], list->partitions[index], reason);
    }
    return verdict;
}

// ---- trimmed by retention?

static enum verdict low_of_topic(struct audit *audit, const char *topic, int partitions,
                                 int32_t *ret_trimmed, struct reason *reason)
{
    struct bounds bounds;
    enum verdict verdict = bounds_of(audit, topic, partitions, &bounds, reason);
    *ret_trimmed = -1;
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        if (bounds.lows[partition] > 0) {
            *ret_trimmed = partition;
        }
    }
    bounds_free(&bounds);
    return verdict;
}

// Retention drops whole segments by time: what is older than the retention of the youngest trimmed
// partition is not judged.
static enum verdict find_trimmed_events(struct audit *audit, int partitions, struct reason *reason)
{
    struct bounds bounds;
    enum verdict verdict = bounds_of(audit, TOPIC_EVENTS, partitions, &bounds, reason);
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        const int64_t low = bounds.lows[partition];
        if (low == 0) {
            continue;
        }
        int64_t oldest_ms = clock_now_ms();
        struct kafka_reader *reader =
            kafka_reader_open_at(audit->settings, TOPIC_EVENTS, partition, low, reason);
        const struct kafka_message *message = NULL;
        while (reader && verdict == DONE && !message && !kafka_reader_at_end(reader)) {
            verdict = kafka_reader_next(reader, WAIT_MS, &message, reason);
        }
        oldest_ms = message ? message->timestamp_ms : oldest_ms;
        verdict = reader ? verdict : TRY_AGAIN;
        kafka_reader_close(reader);
        ledger_events_trimmed(audit->ledger, oldest_ms);
    }
    bounds_free(&bounds);
    return verdict;
}

// ---- steps 2 to 5

static enum verdict read_fates(struct audit *audit, struct reason *reason)
{
    const char *topic = TOPIC_DELIVERIES;
    struct kafka_reader *reader = kafka_reader_open(audit->settings, &topic, 1, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    enum verdict verdict = read_to_end(audit, reader, take_delivery, false, reason);
    if (verdict == DONE) {
        verdict = read_topic(audit, TOPIC_EVENTS, take_event, reason);
    }
    if (verdict == DONE) {
        verdict = kafka_reader_mark_end(reader, reason) ? DONE : TRY_AGAIN;
    }
    if (verdict == DONE) {
        verdict = read_to_end(audit, reader, take_delivery, true, reason);
    }
    kafka_reader_close(reader);
    return verdict;
}

static enum verdict read_records(struct audit *audit, const struct topic_list *list,
                                 struct reason *reason)
{
    if (list->count == 0) {
        return DONE;
    }
    struct kafka_reader *reader =
        kafka_reader_open(audit->settings, list->pointers, list->count, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    enum verdict verdict = read_to_end(audit, reader, take_record, false, reason);
    kafka_reader_close(reader);
    for (size_t index = 0; verdict == DONE && index < list->count; index++) {
        struct bounds bounds;
        verdict = bounds_of(audit, list->pointers[index], list->partitions[index], &bounds, reason);
        for (int32_t partition = 0; verdict == DONE && partition < list->partitions[index];
             partition++) {
            if (!ledger_low(audit->ledger, list->pointers[index], partition,
                            bounds.lows[partition])) {
                verdict = full(reason);
            }
        }
        bounds_free(&bounds);
    }
    return verdict;
}

static enum verdict need_topic(struct audit *audit, const char *topic, int *ret_partitions,
                               struct reason *reason)
{
    enum verdict verdict = kafka_admin_partitions(audit->admin, topic, ret_partitions, reason);
    if (verdict == DONE && *ret_partitions == 0) {
        reason_set(reason, "topic-missing", NULL, "%s does not exist: referralctl topics create",
                   topic);
        return TRY_AGAIN;
    }
    return verdict;
}

enum verdict audit_read(struct audit *audit, struct reason *reason)
{
    static const char *const NEEDED[] = {TOPIC_DELIVERIES, TOPIC_VOLUMES_DAILY, TOPIC_REFUSED,
                                         TOPIC_EVENTS};
    int partitions = 0;
    int refused_partitions = 0;
    int32_t trimmed = -1;
    enum verdict verdict = DONE;
    struct topic_list *list = calloc(1, sizeof *list);
    if (!list) {
        return full(reason);
    }
    for (size_t index = 0; verdict == DONE && index < sizeof NEEDED / sizeof *NEEDED; index++) {
        verdict = need_topic(audit, NEEDED[index], &partitions, reason);
        refused_partitions =
            text_equal(NEEDED[index], TOPIC_REFUSED) ? partitions : refused_partitions;
    }
    if (verdict == DONE) {
        verdict = list_referrals(audit, list, reason);
    }
    if (verdict == DONE) {
        verdict = read_volumes(audit, partitions, reason);
    }
    if (verdict == DONE) {
        verdict = make_cut(audit, list, reason);
    }
    if (verdict == DONE) {
        verdict = find_trimmed_events(audit, partitions, reason);
    }
    if (verdict == DONE) {
        verdict = read_fates(audit, reason);
    }
    if (verdict == DONE) {
        verdict = read_topic(audit, TOPIC_REFUSED, take_dead_letter, reason);
    }
    if (verdict == DONE) {
        verdict = low_of_topic(audit, TOPIC_REFUSED, refused_partitions, &trimmed, reason);
    }
    if (verdict == DONE && trimmed >= 0) {
        ledger_dead_letters_trimmed(audit->ledger);
    }
    if (verdict == DONE) {
        verdict = list_heard_of(audit, list, reason);
    }
    if (verdict == DONE) {
        verdict = read_records(audit, list, reason);
    }
    free(list);
    return verdict;
}
