/* SPDX-License-Identifier: Apache-2.0 */
/* After any failure the database alone says how far we are: the transaction is rolled back, the
 * reader closed, and the next step opens both at the stored positions. So a COMMIT whose answer was
 * lost needs no guess: its rows and its positions are there together, or neither is, and what is
 * read twice changes nothing (event ids, latest volumes). */
#include "project.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_RECORDS_MAX 1000
#define BATCH_MS 100
#define MEASURE_MS 5000
#define PARTITIONS_MAX 1024

static const char *const topics[] = {TOPIC_EVENTS, TOPIC_VOLUMES_DAILY};
#define TOPICS (sizeof(topics) / sizeof(topics[0]))

struct position {
    const char *topic;
    int32_t partition;
    int64_t stored; /* what the database says; -1 = nothing */
    int64_t next;
};

struct projection {
    const struct kafka_settings *settings;
    const struct contract *contract;
    struct store_options store_options;
    struct codec *codec;
    struct kafka_admin *admin;
    struct store *store;
    struct kafka_reader *reader;
    struct position *positions;
    size_t positions_count;
    bool in_batch;
    int batch_records;
    int64_t batch_began_ms;
    int64_t batch_events[EVENT_KINDS];
    int64_t batch_newest_ms[EVENT_KINDS];
    int64_t measured_ms;
    struct projection_counts counts;
};

struct projection *projection_new(const struct kafka_settings *settings,
                                  const struct contract *contract, struct registry *registry,
                                  const struct store_options *store)
{
    struct projection *projection = calloc(1, sizeof(*projection));
    if (!projection)
        return NULL;
    projection->settings = settings;
    projection->contract = contract;
    projection->store_options = *store;
    projection->codec = codec_new(contract, registry);
    projection->positions = calloc(PARTITIONS_MAX, sizeof(struct position));
    if (projection->codec && projection->positions)
        return projection;
    projection_free(projection);
    return NULL;
}

static void close_all(struct projection *projection)
{
    if (projection->in_batch)
        store_rollback(projection->store);
    projection->in_batch = false;
    projection->positions_count = 0;
    kafka_reader_close(projection->reader);
    projection->reader = NULL;
    store_close(projection->store);
    projection->store = NULL;
}

void projection_free(struct projection *projection)
{
    if (!projection)
        return;
    close_all(projection);
    if (projection->admin)
        kafka_admin_close(projection->admin);
    codec_free(projection->codec);
    free(projection->positions);
    free(projection);
}

const struct projection_counts *projection_counts(const struct projection *projection)
{
    return &projection->counts;
}

/* A stored position past the end is of another log: the topic was made anew under a database of the
 * old one, and what it holds is not what the events say. Only a person can tell which of the two is
 * right. */
static enum verdict check_position(struct projection *projection, struct position *position,
                                   struct reason *reason)
{
    int64_t low = 0, end = 0;
    enum verdict verdict = kafka_admin_watermarks(projection->admin, position->topic,
                                                  position->partition, &low, &end, reason);
    if (verdict != DONE)
        return verdict;
    if (position->stored > end) {
        reason_set(
            reason, "other-log", NULL,
            "%s/%d ends at %lld, this database has read it to %lld: the topic was made anew; "
            "give the tracker an empty database (remove the file, or drop its tables)",
            position->topic, position->partition, (long long)end, (long long)position->stored);
        return BROKEN;
    }
    if (position->stored >= 0 && position->stored < low) {
        char from[24], to[24], partition[12];
        text_format(from, sizeof(from), "%lld", (long long)position->stored);
        text_format(to, sizeof(to), "%lld", (long long)low);
        text_format(partition, sizeof(partition), "%d", position->partition);
        log_fact(LOG_LEVEL_ERROR, "records-expired-unread", "topic", position->topic, "partition",
                 partition, "from", from, "to", to, NULL);
    }
    position->next = position->stored > low ? position->stored : low;
    return DONE;
}

static enum verdict find_positions(struct projection *projection, struct reason *reason)
{
    projection->positions_count = 0;
    for (size_t i = 0; i < TOPICS; i++) {
        int partitions = 0;
        enum verdict verdict =
            kafka_admin_partitions(projection->admin, topics[i], &partitions, reason);
        if (verdict != DONE)
            return verdict;
        if (partitions == 0) {
            reason_set(reason, "no-topic", NULL,
                       "topic %s does not exist yet: referralctl topics create", topics[i]);
            return TRY_AGAIN;
        }
        if (projection->positions_count + (size_t)partitions > PARTITIONS_MAX) {
            reason_set(reason, "too-many-partitions", NULL, "more than %d partitions",
                       PARTITIONS_MAX);
            return BROKEN;
        }
        for (int32_t partition = 0; partition < partitions; partition++) {
            struct position *position = &projection->positions[projection->positions_count++];
            *position = (struct position){.topic = topics[i], .partition = partition};
            verdict = store_get_position(projection->store, topics[i], partition, &position->stored,
                                         reason);
            if (verdict == DONE)
                verdict = check_position(projection, position, reason);
            if (verdict != DONE)
                return verdict;
        }
    }
    return DONE;
}

static enum verdict open_reader(struct projection *projection, struct reason *reason)
{
    projection->reader = kafka_reader_open(projection->settings, topics, TOPICS, reason);
    if (!projection->reader)
        return TRY_AGAIN;
    for (size_t i = 0; i < projection->positions_count; i++) {
        const struct position *position = &projection->positions[i];
        if (position->next > 0 && !kafka_reader_seek(projection->reader, position->topic,
                                                     position->partition, position->next, reason))
            return TRY_AGAIN;
    }
    return DONE;
}

/* The store's own codes (sql.h); the others are Kafka's and this file's. */
static void count_failure(struct projection *projection, const struct reason *reason)
{
    if (strncmp(reason->code, "sqlite", 6) == 0 || strncmp(reason->code, "postgres", 8) == 0)
        projection->counts.sql_errors++;
}

enum verdict projection_open(struct projection *projection, struct reason *reason)
{
    if (!projection->admin) {
        projection->admin = kafka_admin_open(projection->settings, reason);
        if (!projection->admin)
            return TRY_AGAIN;
    }
    enum verdict verdict = store_open(&projection->store_options, true, &projection->store, reason);
    if (verdict != DONE)
        count_failure(projection, reason);
    if (verdict == DONE)
        verdict = find_positions(projection, reason);
    if (verdict == DONE)
        verdict = open_reader(projection, reason);
    if (verdict != DONE)
        close_all(projection);
    return verdict;
}

/* ---- a batch */

static enum verdict begin_batch(struct projection *projection, struct reason *reason)
{
    if (projection->in_batch)
        return DONE;
    enum verdict verdict = store_begin(projection->store, reason);
    if (verdict != DONE)
        return verdict;
    projection->in_batch = true;
    projection->batch_records = 0;
    projection->batch_began_ms = clock_monotonic_ms();
    memset(projection->batch_events, 0, sizeof(projection->batch_events));
    memset(projection->batch_newest_ms, 0, sizeof(projection->batch_newest_ms));
    return DONE;
}

static enum verdict commit_batch(struct projection *projection, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (int kind = 0; kind < EVENT_KINDS && verdict == DONE; kind++)
        if (projection->batch_events[kind] > 0)
            verdict = store_add_count(projection->store, (enum event_kind)kind,
                                      projection->batch_events[kind],
                                      projection->batch_newest_ms[kind], reason);
    for (size_t i = 0; i < projection->positions_count && verdict == DONE; i++) {
        const struct position *position = &projection->positions[i];
        if (position->next != position->stored)
            verdict = store_put_position(projection->store, position->topic, position->partition,
                                         position->stored, position->next, reason);
    }
    if (verdict == DONE)
        verdict = store_commit(projection->store, reason);
    if (verdict != DONE)
        return verdict;
    projection->in_batch = false;
    for (size_t i = 0; i < projection->positions_count; i++)
        projection->positions[i].stored = projection->positions[i].next;
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        projection->counts.events[kind] += (uint64_t)projection->batch_events[kind];
        if (projection->batch_newest_ms[kind] > projection->counts.newest_event_ms)
            projection->counts.newest_event_ms = projection->batch_newest_ms[kind];
    }
    return DONE;
}

static enum verdict apply_event(struct projection *projection, const struct kafka_message *message,
                                bool *ret_readable, struct reason *reason)
{
    struct referral_event event;
    char id[UUID_TEXT_SIZE];
    enum verdict verdict =
        event_decode(projection->codec, message->value, message->value_size, &event, id, reason);
    if (verdict != DONE) {
        *ret_readable = verdict != REFUSED;
        return verdict == REFUSED ? DONE : verdict;
    }
    bool is_new = false;
    verdict = store_add_event(projection->store, id, message->offset, &event, &is_new, reason);
    if (verdict != DONE)
        return verdict;
    if (!is_new) {
        projection->counts.replayed++;
        return DONE;
    }
    struct referral_state state;
    verdict = store_get_referral(projection->store, event.referral_id, &state, reason);
    if (verdict != DONE)
        return verdict;
    track_event(&state, &event);
    projection->batch_events[event.kind]++;
    if (event.occurred_at_ms > projection->batch_newest_ms[event.kind])
        projection->batch_newest_ms[event.kind] = event.occurred_at_ms;
    return store_put_referral(projection->store, &state, reason);
}

static enum verdict apply_volume(struct projection *projection, const struct kafka_message *message,
                                 bool *ret_readable, struct reason *reason)
{
    struct volume volume;
    enum verdict verdict =
        volume_decode(projection->codec, message->value, message->value_size, &volume, reason);
    if (verdict != DONE) {
        *ret_readable = verdict != REFUSED;
        return verdict == REFUSED ? DONE : verdict;
    }
    projection->counts.volumes++;
    return store_put_volume(projection->store, &volume, reason);
}

static struct position *position_of(struct projection *projection,
                                    const struct kafka_message *message)
{
    for (size_t i = 0; i < projection->positions_count; i++) {
        struct position *position = &projection->positions[i];
        if (position->partition == message->partition &&
            strcmp(position->topic, message->topic) == 0)
            return position;
    }
    return NULL;
}

static void pass_over(struct projection *projection, const struct kafka_message *message,
                      const char *code)
{
    char offset[24], partition[12];
    text_format(offset, sizeof(offset), "%lld", (long long)message->offset);
    text_format(partition, sizeof(partition), "%d", message->partition);
    log_fact(LOG_LEVEL_ERROR, "record-passed-over", "reason", code, "topic", message->topic,
             "partition", partition, "offset", offset, NULL);
    projection->counts.passed_over++;
}

static enum verdict apply(struct projection *projection, const struct kafka_message *message,
                          struct reason *reason)
{
    struct position *position = position_of(projection, message);
    if (!position) { /* the topic has grown: open again with the new partition */
        reason_set(reason, "new-partition", NULL, "%s/%d is new", message->topic,
                   message->partition);
        return TRY_AGAIN;
    }
    bool readable = true;
    enum verdict verdict = begin_batch(projection, reason);
    if (verdict == DONE && message->value)
        verdict = strcmp(message->topic, TOPIC_EVENTS) == 0
                      ? apply_event(projection, message, &readable, reason)
                      : apply_volume(projection, message, &readable, reason);
    if (verdict != DONE)
        return verdict;
    if (!readable)
        pass_over(projection, message, reason->code);
    position->next = message->offset + 1;
    projection->batch_records++;
    return DONE;
}

/* How far behind, and whether a topic has got more partitions since it was opened. */
static enum verdict measure(struct projection *projection, struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms - projection->measured_ms < MEASURE_MS)
        return DONE;
    projection->measured_ms = now_ms;
    size_t partitions_sum = 0;
    for (size_t i = 0; i < TOPICS; i++) {
        int partitions = 0;
        enum verdict verdict =
            kafka_admin_partitions(projection->admin, topics[i], &partitions, reason);
        if (verdict != DONE)
            return verdict;
        partitions_sum += (size_t)partitions;
    }
    if (partitions_sum != projection->positions_count) {
        reason_set(reason, "new-partition", NULL, "the topics have %zu partitions, %zu before",
                   partitions_sum, projection->positions_count);
        return TRY_AGAIN;
    }
    if (!kafka_reader_mark_end(projection->reader, reason))
        return TRY_AGAIN;
    int64_t lag = 0;
    for (size_t i = 0; i < projection->positions_count && !kafka_reader_at_end(projection->reader);
         i++) {
        const struct position *position = &projection->positions[i];
        int64_t low = 0, end = 0;
        enum verdict verdict = kafka_admin_watermarks(projection->admin, position->topic,
                                                      position->partition, &low, &end, reason);
        if (verdict != DONE)
            return verdict;
        lag += end > position->next ? end - position->next : 0;
    }
    projection->counts.lag = lag;
    return DONE;
}

static enum verdict read_and_apply(struct projection *projection, int wait_ms,
                                   struct reason *reason)
{
    enum verdict verdict = DONE;
    int64_t until_ms = clock_monotonic_ms() + wait_ms;
    for (;;) {
        int64_t now_ms = clock_monotonic_ms();
        if (projection->in_batch && (projection->batch_records >= BATCH_RECORDS_MAX ||
                                     now_ms - projection->batch_began_ms >= BATCH_MS))
            return commit_batch(projection, reason);
        int64_t end_ms = projection->in_batch ? projection->batch_began_ms + BATCH_MS : until_ms;
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(projection->reader,
                                    end_ms > now_ms ? (int)(end_ms - now_ms) : 0, &message, reason);
        if (verdict == DONE && message)
            verdict = apply(projection, message, reason);
        if (verdict != DONE)
            return verdict;
        if (!message && clock_monotonic_ms() >= until_ms && !projection->in_batch)
            return DONE;
    }
}

enum verdict projection_step(struct projection *projection, int wait_ms, struct reason *reason)
{
    if (!projection->reader) {
        enum verdict verdict = projection_open(projection, reason);
        if (verdict != DONE)
            return verdict;
    }
    enum verdict verdict = read_and_apply(projection, wait_ms, reason);
    if (verdict == DONE && !projection->in_batch)
        verdict = measure(projection, reason);
    if (verdict == DONE)
        return DONE;
    count_failure(projection, reason);
    close_all(projection);
    return verdict;
}

enum verdict projection_commit(struct projection *projection, struct reason *reason)
{
    if (!projection->in_batch)
        return DONE;
    enum verdict verdict = commit_batch(projection, reason);
    if (verdict != DONE) {
        count_failure(projection, reason);
        close_all(projection);
    }
    return verdict;
}
