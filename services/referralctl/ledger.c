// SPDX-License-Identifier: Apache-2.0
// Records are marked in a byte array per partition, because offsets are dense: a million records
// cost a megabyte. An origin is "topic/partition/offset", so each event finds the byte of the
// record that it is about.
#include "ledger_inside.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void *place_to_pointer(size_t place)
{
    return (void *)(uintptr_t)(place + 1);
}

static size_t pointer_to_place(const void *pointer)
{
    return (size_t)(uintptr_t)pointer - 1;
}

struct ledger *ledger_new(size_t ids_max)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (!ledger) {
        return NULL;
    }
    ledger->ids_max = ids_max;
    ledger->partitions = calloc(LEDGER_PARTITIONS_MAX, sizeof *ledger->partitions);
    ledger->partition_index = map_new(LEDGER_PARTITIONS_MAX);
    ledger->referral_index = map_new(ids_max);
    ledger->deliveries = map_new(ids_max);
    ledger->late_tombstones = map_new(ids_max);
    ledger->unreadable = map_new(ids_max);
    ledger->volumes = map_new(ids_max);
    if (!ledger->partitions || !ledger->partition_index || !ledger->referral_index ||
        !ledger->deliveries || !ledger->late_tombstones || !ledger->unreadable ||
        !ledger->volumes) {
        ledger_free(ledger);
        return NULL;
    }
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (!ledger) {
        return;
    }
    for (size_t index = 0; index < ledger->partitions_count; index++) {
        free(ledger->partitions[index].marks);
    }
    free(ledger->partitions);
    free(ledger->referrals);
    map_free(ledger->partition_index, NULL);
    map_free(ledger->referral_index, NULL);
    map_free(ledger->deliveries, NULL);
    map_free(ledger->late_tombstones, NULL);
    map_free(ledger->unreadable, NULL);
    map_free(ledger->volumes, free);
    free(ledger);
}

static bool find_pathway(struct ledger *ledger, const char *pathway, size_t *ret_index)
{
    for (size_t index = 0; index < ledger->names_count; index++) {
        if (text_equal(ledger->names[index], pathway)) {
            *ret_index = index;
            return true;
        }
    }
    if (ledger->names_count == LEDGER_PATHWAYS_MAX) {
        return false;
    }
    text_copy(ledger->names[ledger->names_count], PATHWAY_NAME_SIZE, pathway);
    *ret_index = ledger->names_count++;
    return true;
}

bool ledger_name_pathway(struct ledger *ledger, const char *pathway)
{
    size_t index;
    return find_pathway(ledger, pathway, &index);
}

static const char *pathway_of_topic(const char *topic)
{
    size_t length = strlen(TOPIC_REFERRALS_PREFIX);
    return strncmp(topic, TOPIC_REFERRALS_PREFIX, length) == 0 ? topic + length : topic;
}

// Finds it, or makes it with nothing handled yet.
static struct ledger_partition *find_partition(struct ledger *ledger, const char *topic,
                                               int32_t number)
{
    char key[LEDGER_TOPIC_SIZE + 16];
    size_t pathway;
    if (number < 0 || strlen(topic) >= LEDGER_TOPIC_SIZE ||
        !text_format(key, sizeof key, "%s/%d", topic, (int)number)) {
        return NULL;
    }
    const void *found = map_get(ledger->partition_index, key, strlen(key));
    if (found) {
        return &ledger->partitions[pointer_to_place(found)];
    }
    size_t place = ledger->partitions_count;
    if (place == LEDGER_PARTITIONS_MAX ||
        !find_pathway(ledger, pathway_of_topic(topic), &pathway) ||
        !map_set(ledger->partition_index, key, strlen(key), place_to_pointer(place), NULL)) {
        return NULL;
    }
    struct ledger_partition *partition = &ledger->partitions[place];
    *partition = (struct ledger_partition){.partition = number, .pathway = pathway};
    text_copy(partition->topic, sizeof partition->topic, topic);
    ledger->partitions_count++;
    return partition;
}

bool ledger_cut(struct ledger *ledger, const char *topic, int32_t number, int64_t low,
                int64_t committed)
{
    struct ledger_partition *partition = find_partition(ledger, topic, number);
    if (!partition) {
        return false;
    }
    partition->base = low > 0 ? low : 0;
    partition->low = partition->base;
    partition->committed = committed;
    return true;
}

bool ledger_low(struct ledger *ledger, const char *topic, int32_t number, int64_t low)
{
    struct ledger_partition *partition = find_partition(ledger, topic, number);
    if (partition && low > partition->low) {
        partition->low = low;
    }
    return partition != NULL;
}

// The byte of an offset at or above the base; NULL past the bound.
static uint8_t *mark_of(struct ledger *ledger, struct ledger_partition *partition, int64_t offset)
{
    uint64_t place = (uint64_t)(offset - partition->base);
    if (place >= partition->marks_count) {
        size_t wanted = (size_t)place + 1;
        if (place >= ledger->ids_max ||
            ledger->marks_total + (wanted - partition->marks_count) > ledger->ids_max) {
            return NULL;
        }
        if (wanted > partition->marks_capacity) {
            size_t capacity = wanted < 2048 ? 4096 : wanted * 2;
            uint8_t *marks = realloc(partition->marks, capacity);
            if (!marks) {
                return NULL;
            }
            memset(marks + partition->marks_capacity, 0, capacity - partition->marks_capacity);
            partition->marks = marks;
            partition->marks_capacity = capacity;
        }
        ledger->marks_total += wanted - partition->marks_count;
        partition->marks_count = wanted;
    }
    return &partition->marks[place];
}

static bool parse_origin(const char *origin, char topic[LEDGER_TOPIC_SIZE], int32_t *ret_partition,
                         int64_t *ret_offset)
{
    int64_t partition;
    char number[16];
    const char *first = origin ? strchr(origin, '/') : NULL;
    const char *second = first ? strchr(first + 1, '/') : NULL;
    if (!second || !text_copy_bytes(topic, LEDGER_TOPIC_SIZE, origin, (size_t)(first - origin)) ||
        !text_copy_bytes(number, sizeof number, first + 1, (size_t)(second - first - 1)) ||
        !text_whole_number(number, 0, INT32_MAX, &partition) ||
        !text_whole_number(second + 1, 0, INT64_MAX - 1, ret_offset)) {
        return false;
    }
    *ret_partition = (int32_t)partition;
    return true;
}

static struct uuid id_of(const void *text, size_t length)
{
    struct uuid id;
    char copy[128];
    if (uuid_parse_bytes(text, length, &id)) {
        return id;
    }
    (void)text_copy_bytes(copy, sizeof copy, text, length);
    return uuid_of("ledger", copy, NULL);
}

static struct ledger_referral *find_referral(struct ledger *ledger, const char *referral_id)
{
    struct uuid id = id_of(referral_id, strlen(referral_id));
    const void *found = map_get(ledger->referral_index, id.bytes, sizeof id.bytes);
    if (found) {
        return &ledger->referrals[pointer_to_place(found)];
    }
    size_t place = ledger->referrals_count;
    if (place == ledger->referrals_capacity) {
        size_t capacity = place ? place * 2 : 1024;
        struct ledger_referral *grown = realloc(ledger->referrals, capacity * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        ledger->referrals = grown;
        ledger->referrals_capacity = capacity;
    }
    if (!map_set(ledger->referral_index, id.bytes, sizeof id.bytes, place_to_pointer(place),
                 NULL)) {
        return NULL;
    }
    ledger->referrals[place] = (struct ledger_referral){.id = id};
    ledger->referrals_count++;
    return &ledger->referrals[place];
}

bool ledger_delivery(struct ledger *ledger, const char *delivery_id, const char *referral_id,
                     bool late)
{
    struct ledger_referral *referral = find_referral(ledger, referral_id);
    struct uuid id = id_of(delivery_id, strlen(delivery_id));
    if (!referral) {
        return false;
    }
    referral->delivery_early = referral->delivery_early || !late;
    (void)map_remove(ledger->unreadable, id.bytes, sizeof id.bytes);
    if (map_get(ledger->deliveries, id.bytes, sizeof id.bytes)) {
        return true; // updated: an attempt was made
    }
    size_t place = (size_t)(referral - ledger->referrals);
    if (referral->live < 2) {
        referral->live++;
    }
    return map_set(ledger->deliveries, id.bytes, sizeof id.bytes, place_to_pointer(place), NULL);
}

bool ledger_tombstone(struct ledger *ledger, const void *key, size_t length, bool late)
{
    struct uuid id = id_of(key, length);
    const void *found = map_remove(ledger->deliveries, id.bytes, sizeof id.bytes);
    (void)map_remove(ledger->unreadable, id.bytes, sizeof id.bytes);
    if (found) {
        struct ledger_referral *referral = &ledger->referrals[pointer_to_place(found)];
        if (referral->live > 0) {
            referral->live--;
        }
    }
    return !late ||
           map_set(ledger->late_tombstones, id.bytes, sizeof id.bytes, place_to_pointer(0), NULL);
}

bool ledger_unreadable(struct ledger *ledger, const void *key, size_t length)
{
    struct uuid id = id_of(key, length);
    return map_set(ledger->unreadable, id.bytes, sizeof id.bytes, place_to_pointer(0), NULL);
}

static void count_trimmed(struct ledger_counts *counts, enum event_kind kind)
{
    counts->accepted += kind == EVENT_RECEIVED || kind == EVENT_REFUSED ? 1 : 0;
    counts->refused += kind == EVENT_REFUSED ? 1 : 0;
    counts->duplicates += kind == EVENT_DUPLICATE ? 1 : 0;
}

// received, duplicate and refused: exactly one for each record.
static bool mark_origin(struct ledger *ledger, const struct ledger_event *event,
                        size_t *ret_pathway)
{
    char topic[LEDGER_TOPIC_SIZE];
    int32_t number;
    int64_t offset;
    if (!parse_origin(event->origin, topic, &number, &offset)) {
        ledger->bad_origins++;
        return true;
    }
    struct ledger_partition *partition = find_partition(ledger, topic, number);
    if (!partition) {
        return false;
    }
    *ret_pathway = partition->pathway;
    if (offset < partition->base) {
        count_trimmed(&partition->trimmed, event->kind);
        return true;
    }
    uint8_t *mark = mark_of(ledger, partition, offset);
    if (!mark) {
        return false;
    }
    if (*mark & MARK_EVENTS) {
        *mark |= MARK_EVENT_AGAIN;
    } else {
        *mark |= event->kind == EVENT_RECEIVED    ? MARK_RECEIVED
                 : event->kind == EVENT_DUPLICATE ? MARK_DUPLICATE
                                                  : MARK_REFUSED;
    }
    return true;
}

static void add_final(struct ledger_referral *referral, enum event_kind kind)
{
    if (referral->finals == 0) {
        referral->final_kind = (uint8_t)kind;
    } else if (kind == EVENT_DELIVERED && referral->final_kind == EVENT_DELIVERED) {
        referral->delivered_again = true;
    }
    if (referral->finals < 2) {
        referral->finals++;
    }
}

bool ledger_event(struct ledger *ledger, const struct ledger_event *event)
{
    size_t pathway;
    const struct event_word *word = event_word(event->kind);
    if (!word || !find_pathway(ledger, event->pathway, &pathway)) {
        return false;
    }
    if (word->stage && event->partition >= 0 && event->partition < LEDGER_EVENT_PARTITIONS_MAX) {
        enum event_kind stage = event_kind_parse(word->stage);
        ledger->expected[pathway][stage].least +=
            event->offset < ledger->counted[event->partition].least ? 1 : 0;
        ledger->expected[pathway][stage].most +=
            event->offset < ledger->counted[event->partition].most ? 1 : 0;
    }
    bool about_record = event->kind == EVENT_RECEIVED || event->kind == EVENT_DUPLICATE ||
                        event->kind == EVENT_REFUSED;
    if (about_record && !mark_origin(ledger, event, &pathway)) {
        return false;
    }
    bool about_referral =
        event->kind == EVENT_RECEIVED || (word->final && event->kind != EVENT_REFUSED);
    if (!about_referral) {
        return true;
    }
    struct ledger_referral *referral = find_referral(ledger, event->referral_id);
    if (!referral) {
        return false;
    }
    if (event->kind == EVENT_RECEIVED) {
        referral->received = referral->received < 2 ? referral->received + 1 : 2;
        referral->pathway = (uint8_t)pathway;
    } else {
        add_final(referral, event->kind);
        if (referral->received == 0) {
            referral->pathway = (uint8_t)pathway;
        }
    }
    return true;
}

void ledger_events_trimmed(struct ledger *ledger, int64_t oldest_ms)
{
    if (!ledger->events_trimmed || oldest_ms > ledger->events_oldest_ms) {
        ledger->events_oldest_ms = oldest_ms;
    }
    ledger->events_trimmed = true;
}

bool ledger_dead_letter(struct ledger *ledger, const char *origin)
{
    char topic[LEDGER_TOPIC_SIZE];
    int32_t number;
    int64_t offset;
    if (!parse_origin(origin, topic, &number, &offset)) {
        ledger->bad_origins++;
        return true;
    }
    struct ledger_partition *partition = find_partition(ledger, topic, number);
    if (!partition) {
        return false;
    }
    if (offset < partition->base) {
        return true;
    }
    uint8_t *mark = mark_of(ledger, partition, offset);
    if (mark) {
        *mark |= *mark & MARK_DEAD_LETTER ? MARK_DEAD_LETTER_AGAIN : MARK_DEAD_LETTER;
    }
    return mark != NULL;
}

void ledger_dead_letters_trimmed(struct ledger *ledger)
{
    ledger->dead_letters_trimmed = true;
}

bool ledger_record(struct ledger *ledger, const char *topic, int32_t number, int64_t offset,
                   int64_t timestamp_ms)
{
    struct ledger_partition *partition = find_partition(ledger, topic, number);
    if (!partition) {
        return false;
    }
    if (offset < partition->base) {
        return true;
    }
    uint8_t *mark = mark_of(ledger, partition, offset);
    if (mark) {
        bool old = ledger->events_trimmed && timestamp_ms < ledger->events_oldest_ms;
        *mark |= old ? MARK_RECORD | MARK_OLD : MARK_RECORD;
    }
    return mark != NULL;
}

size_t ledger_topics(const struct ledger *ledger, const char **topics, size_t topics_max)
{
    size_t count = 0;
    for (size_t index = 0; index < ledger->partitions_count; index++) {
        const char *topic = ledger->partitions[index].topic;
        bool known = false;
        for (size_t earlier = 0; earlier < count && !known; earlier++) {
            known = text_equal(topics[earlier], topic);
        }
        if (!known && count < topics_max) {
            topics[count++] = topic;
        }
    }
    return count;
}

bool ledger_counted(struct ledger *ledger, int32_t partition, int64_t before, int64_t after)
{
    if (partition < 0 || partition >= LEDGER_EVENT_PARTITIONS_MAX) {
        return false;
    }
    ledger->counted[partition].least = before > 0 ? before : 0;
    ledger->counted[partition].most = after > before ? after : before;
    ledger->volumes_read = true;
    return true;
}

void ledger_no_volume(struct ledger *ledger, const void *key, size_t length)
{
    free(map_remove(ledger->volumes, key, length));
}

bool ledger_volume(struct ledger *ledger, const void *key, size_t length, const char *pathway,
                   const char *stage, int64_t count)
{
    struct ledger_volume *volume = map_get(ledger->volumes, key, length);
    if (volume) {
        volume->count = count;
        return true;
    }
    enum event_kind kind = event_kind_parse(stage);
    volume = calloc(1, sizeof *volume);
    if (!volume || kind == EVENT_KINDS || !find_pathway(ledger, pathway, &volume->pathway) ||
        !map_set(ledger->volumes, key, length, volume, NULL)) {
        free(volume);
        return false;
    }
    volume->count = count;
    volume->stage = kind;
    return true;
}
