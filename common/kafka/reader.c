/* SPDX-License-Identifier: Apache-2.0 */
/* A reader without a group: it knows its partitions and positions itself. The end of a partition is
 * told by the end-of- partition event and not by the last record, because the tail of a log may be
 * markers and aborted records, which never come up. A seek only notes the position; the assignment
 * is made anew before the next read. */
#include "kafka/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MAX 4096
#define GROWTH_CHECK_MS 10000
#define GROWTH_WAIT_MS 1000
#define TO_END_WAIT_MS 100

struct reader_partition {
    char *topic;
    int32_t partition;
    int64_t position; /* of the next record */
    int64_t end;      /* when it was last asked for */
};

struct kafka_reader {
    rd_kafka_t *client;
    struct kafka_watch watch;
    struct reader_partition *partitions;
    size_t count;
    size_t last; /* the one that was read last */
    bool whole;  /* all partitions of the topics, also those that are added later */
    bool moved;  /* positions differ from the client's: assign before reading on */
    int64_t grown_ms;
    rd_kafka_queue_t *growth; /* where the answer comes, while it is asked for; else NULL */
    rd_kafka_message_t *held;
    struct kafka_message message;
};

static void on_error(rd_kafka_t *client, int error, const char *words, void *opaque)
{
    struct kafka_reader *reader = opaque;

    (void)client;
    (void)words; /* the client's own log has said it */
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&reader->watch.down, true);
}

static bool partition_add(struct kafka_reader *reader, const char *topic, int32_t partition,
                          struct reason *reason)
{
    struct reader_partition *at = NULL;

    if (!reader->partitions)
        reader->partitions = calloc(PARTITIONS_MAX, sizeof(*reader->partitions));
    if (reader->partitions && reader->count < PARTITIONS_MAX) {
        at = &reader->partitions[reader->count];
        at->topic = strdup(topic);
    }
    if (!at || !at->topic) {
        reason_set(reason, "no-memory", NULL, "no memory for partition %d of %.120s",
                   (int)partition, topic);
        return false;
    }
    at->partition = partition;
    at->position = at->end = 0;
    reader->count++;
    return true;
}

static int known_of(const struct kafka_reader *reader, const char *topic)
{
    int known = 0;

    for (size_t i = 0; i < reader->count; i++)
        known += strcmp(reader->partitions[i].topic, topic) == 0;
    return known;
}

/* Adds what is not known of its partitions, each at its beginning. */
static enum verdict topic_add(struct kafka_reader *reader, const char *topic, int timeout_ms,
                              struct reason *reason)
{
    const int known = known_of(reader, topic);
    int count = 0;
    int64_t *bounds; /* the first offsets, then the ends */
    enum verdict verdict =
        kafka_count_partitions(reader->client, topic, timeout_ms, &count, reason);

    if (verdict != DONE)
        return verdict;
    if (count == 0) {
        reason_set(reason, "no-such-topic", NULL, "there is no topic %.120s", topic);
        return TRY_AGAIN;
    }
    if (count <= known)
        return DONE;
    bounds = calloc((size_t)(count - known) * 2, sizeof(*bounds));
    if (!bounds) {
        reason_set(reason, "no-memory", NULL, "no memory for the bounds of %.120s", topic);
        return BROKEN;
    }
    verdict = kafka_bounds(reader->client, topic, known, count - known, bounds,
                           bounds + (count - known), reason);
    for (int i = known; verdict == DONE && i < count; i++) {
        if (!partition_add(reader, topic, i, reason)) {
            verdict = BROKEN;
            break;
        }
        reader->partitions[reader->count - 1].position = bounds[i - known];
        reader->partitions[reader->count - 1].end = bounds[count - known + i - known];
        reader->moved = true;
    }
    free(bounds);
    return verdict;
}

static struct kafka_reader *reader_new(const struct kafka_settings *settings, struct reason *reason)
{
    struct kafka_reader *reader = calloc(1, sizeof(*reader));
    rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_READER, reason);
    char group[128];

    if (!reader || !conf)
        goto fail;
    /* The library wants a group's name; nobody joins and nothing is committed. */
    text_format(group, sizeof(group), "%s-reader", settings->client_id);
    if (!kafka_conf_set(conf, "group.id", group, reason) ||
        !kafka_watch_attach(&reader->watch, conf, reason))
        goto fail;
    rd_kafka_conf_set_opaque(conf, reader);
    rd_kafka_conf_set_error_cb(conf, on_error);
    reader->client = kafka_client_new(conf, RD_KAFKA_CONSUMER, reason);
    conf = NULL;
    if (!reader->client)
        goto fail;
    rd_kafka_poll_set_consumer(reader->client);
    reader->grown_ms = clock_monotonic_ms();
    return reader;
fail:
    if (!reader)
        reason_set(reason, "no-memory", NULL, "no memory for a reader");
    if (conf)
        rd_kafka_conf_destroy(conf);
    free(reader);
    return NULL;
}

struct kafka_reader *kafka_reader_open(const struct kafka_settings *settings,
                                       const char *const *topics, size_t topics_count,
                                       struct reason *reason)
{
    struct kafka_reader *reader = reader_new(settings, reason);

    for (size_t i = 0; reader && i < topics_count; i++) {
        if (topic_add(reader, topics[i], KAFKA_CALL_MS, reason) != DONE) {
            kafka_reader_close(reader);
            return NULL;
        }
    }
    if (reader)
        reader->whole = topics_count > 0;
    return reader;
}

struct kafka_reader *kafka_reader_open_at(const struct kafka_settings *settings, const char *topic,
                                          int32_t partition, int64_t from, struct reason *reason)
{
    struct kafka_reader *reader = reader_new(settings, reason);

    if (reader && !kafka_reader_add(reader, topic, partition, from, INT64_MAX, reason)) {
        kafka_reader_close(reader);
        return NULL;
    }
    return reader;
}

bool kafka_reader_add(struct kafka_reader *reader, const char *topic, int32_t partition,
                      int64_t from, int64_t to, struct reason *reason)
{
    struct reader_partition *at;
    int64_t low = 0;

    if (!partition_add(reader, topic, partition, reason))
        return false;
    at = &reader->partitions[reader->count - 1];
    if (kafka_bounds(reader->client, topic, partition, 1, &low, &at->end, reason) != DONE) {
        free(at->topic);
        reader->count--;
        return false;
    }
    at->position = from < low ? low : from;
    at->end = at->end < to ? at->end : to;
    reader->moved = true;
    return true;
}

static struct reader_partition *find(struct kafka_reader *reader, const char *topic,
                                     int32_t partition)
{
    for (size_t i = 0; i < reader->count; i++) {
        size_t index = (reader->last + i) % reader->count;
        struct reader_partition *at = &reader->partitions[index];

        if (at->partition == partition && strcmp(at->topic, topic) == 0) {
            reader->last = index;
            return at;
        }
    }
    return NULL;
}

bool kafka_reader_seek(struct kafka_reader *reader, const char *topic, int32_t partition,
                       int64_t from, struct reason *reason)
{
    struct reader_partition *at = find(reader, topic, partition);

    if (!at) {
        reason_set(reason, "no-such-partition", NULL, "partition %d of %.120s is not being read",
                   (int)partition, topic);
        return false;
    }
    at->position = from;
    reader->moved = true;
    return true;
}

static enum verdict assign(struct kafka_reader *reader, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);
    rd_kafka_resp_err_t error;

    for (size_t i = 0; i < reader->count; i++) {
        const struct reader_partition *at = &reader->partitions[i];

        rd_kafka_topic_partition_list_add(list, at->topic, at->partition)->offset = at->position;
    }
    error = rd_kafka_assign(reader->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(error, "assigning partitions", reason);
    reader->moved = false;
    return DONE;
}

/* Partitions may be added to a topic while it is read. This waits for the answer. */
static void look_for_growth(struct kafka_reader *reader)
{
    const size_t before = reader->count;
    struct reason reason;

    for (size_t i = 0; i < before; i++) {
        if (reader->partitions[i].partition == 0 &&
            topic_add(reader, reader->partitions[i].topic, GROWTH_WAIT_MS, &reason) != DONE)
            return; /* a broker that is away now is asked again soon */
    }
}

/* This does not: a broker answers behind the fetch under way, which may take as long as it waits
 * for records. */
static void ask_for_growth(struct kafka_reader *reader)
{
    const char **topics = calloc(reader->count, sizeof(*topics));
    rd_kafka_TopicCollection_t *collection;
    size_t count = 0;

    reader->grown_ms = clock_monotonic_ms();
    for (size_t i = 0; topics && i < reader->count; i++) {
        if (reader->partitions[i].partition == 0)
            topics[count++] = reader->partitions[i].topic;
    }
    if (count) {
        collection = rd_kafka_TopicCollection_of_topic_names(topics, count);
        reader->growth = rd_kafka_queue_new(reader->client);
        rd_kafka_DescribeTopics(reader->client, collection, NULL, reader->growth);
        rd_kafka_TopicCollection_destroy(collection);
    }
    free(topics);
}

/* What is new is read from its beginning, which needn't be asked for: where 0 has expired the
 * client goes to what is there (auto.offset.reset). */
static void add_new(struct kafka_reader *reader, const char *topic, int count)
{
    struct reason reason;

    for (int i = known_of(reader, topic); i < count; i++, reader->moved = true) {
        if (partition_add(reader, topic, i, &reason))
            continue;
        log_fact(LOG_LEVEL_WARNING, "partition-not-read", "topic", topic, "code", reason.code,
                 "detail", reason.detail, NULL);
        return;
    }
}

static void hear_of_growth(struct kafka_reader *reader)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(reader->growth, 0);
    const rd_kafka_DescribeTopics_result_t *result;
    const rd_kafka_TopicDescription_t **topics = NULL;
    size_t count = 0, partitions = 0;

    if (!event)
        return;
    result = rd_kafka_event_DescribeTopics_result(event);
    if (result)
        topics = rd_kafka_DescribeTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_TopicDescription_partitions(topics[i], &partitions);
        add_new(reader, rd_kafka_TopicDescription_name(topics[i]), (int)partitions);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(reader->growth);
    reader->growth = NULL;
}

/* What came in that is not a record. True if reading goes on. */
static bool serve_event(struct kafka_reader *reader, const rd_kafka_message_t *event,
                        enum verdict *ret_verdict, struct reason *reason)
{
    struct reader_partition *at;

    if (event->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *ret_verdict = kafka_error(event->err, "reading", reason);
        return false;
    }
    at = find(reader, rd_kafka_topic_name(event->rkt), event->partition);
    if (at && event->offset > at->position)
        at->position = event->offset;
    return !kafka_reader_at_end(reader);
}

enum verdict kafka_reader_next(struct kafka_reader *reader, int wait_ms,
                               const struct kafka_message **ret_message, struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t until_ms = now_ms + wait_ms;
    enum verdict verdict = DONE;

    if (reader->held)
        rd_kafka_message_destroy(reader->held);
    reader->held = NULL;
    if (reader->growth)
        hear_of_growth(reader);
    else if (reader->whole && now_ms - reader->grown_ms >= GROWTH_CHECK_MS)
        ask_for_growth(reader);
    if (reader->moved)
        verdict = assign(reader, reason);
    while (verdict == DONE) {
        rd_kafka_message_t *got = rd_kafka_consumer_poll(
            reader->client, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
        struct reader_partition *at;

        now_ms = clock_monotonic_ms();
        if (!got)
            break;
        if (got->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            bool on = serve_event(reader, got, &verdict, reason);

            rd_kafka_message_destroy(got);
            if (on)
                continue;
            break;
        }
        at = find(reader, rd_kafka_topic_name(got->rkt), got->partition);
        if (at)
            at->position = got->offset + 1;
        kafka_message_from(got, &reader->message);
        reader->held = got;
        *ret_message = &reader->message;
        return DONE;
    }
    if (verdict == DONE)
        *ret_message = NULL;
    return verdict;
}

bool kafka_reader_at_end(const struct kafka_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        if (reader->partitions[i].position < reader->partitions[i].end)
            return false;
    }
    return true;
}

enum verdict kafka_reader_to_end(struct kafka_reader *reader, int64_t most_ms,
                                 enum verdict (*take)(void *self,
                                                      const struct kafka_message *message,
                                                      struct reason *reason),
                                 void *self, struct reason *reason)
{
    int64_t give_up_ms = clock_monotonic_ms() + most_ms;
    while (!kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(reader, TO_END_WAIT_MS, &message, reason);
        if (verdict == DONE && message != NULL)
            verdict = take(self, message, reason);
        if (verdict != DONE)
            return verdict;
        if (clock_monotonic_ms() > give_up_ms) {
            reason_set(reason, "not-at-end", NULL, "%.120s was not read to its end in %lld s",
                       reader->count > 0 ? reader->partitions[0].topic : "",
                       (long long)(most_ms / 1000));
            return TRY_AGAIN;
        }
    }
    return DONE;
}

/* How many from `first` on are one topic's, one after the other. */
static int run_length(const struct kafka_reader *reader, size_t first)
{
    const struct reader_partition *at = &reader->partitions[first];
    int count = 1;

    while (first + (size_t)count < reader->count && at[count].partition == at->partition + count &&
           strcmp(at[count].topic, at->topic) == 0)
        count++;
    return count;
}

bool kafka_reader_mark_end(struct kafka_reader *reader, struct reason *reason)
{
    bool marked = true;
    int64_t *bounds; /* the first offsets, then the ends */

    if (reader->whole)
        look_for_growth(reader);
    bounds = calloc(reader->count * 2 + 1, sizeof(*bounds));
    if (!bounds) {
        reason_set(reason, "no-memory", NULL, "no memory for the bounds of partitions");
        return false;
    }
    for (size_t i = 0; marked && i < reader->count;) {
        struct reader_partition *at = &reader->partitions[i];
        int count = run_length(reader, i);

        marked = kafka_bounds(reader->client, at->topic, at->partition, count, bounds,
                              bounds + count, reason) == DONE;
        for (int k = 0; marked && k < count; k++)
            at[k].end = bounds[count + k];
        i += (size_t)count;
    }
    free(bounds);
    return marked;
}

bool kafka_reader_connected(const struct kafka_reader *reader)
{
    return kafka_watch_connected(&reader->watch);
}

void kafka_reader_close(struct kafka_reader *reader)
{
    if (!reader)
        return;
    if (reader->held)
        rd_kafka_message_destroy(reader->held);
    if (reader->growth)
        rd_kafka_queue_destroy(reader->growth);
    rd_kafka_consumer_close(reader->client);
    rd_kafka_destroy(reader->client);
    for (size_t i = 0; i < reader->count; i++)
        free(reader->partitions[i].topic);
    free(reader->partitions);
    free(reader);
}
