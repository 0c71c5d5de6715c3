/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and orders to the cluster. All are asynchronous in librdkafka; here each is sent,
 * waited for within a bound and turned into a verdict. */
#include "kafka/internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define KNOWN_POLL_MS 20
#define GROUP "referral-router-admin" /* joined by nobody */

struct kafka_admin {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
};

struct kafka_admin *kafka_admin_open(const struct kafka_settings *settings, struct reason *reason)
{
    struct kafka_admin *admin = calloc(1, sizeof(*admin));
    /* A consumer, for its isolation level: ends are last stable offsets then. It joins no group,
     * but has the name of one: without it librdkafka reads through NULL when a group's coordinator
     * answers a question for offsets with "not me", as it does after a restart of the broker. */
    rd_kafka_conf_t *conf = kafka_conf_new(settings, KAFKA_READER, reason);

    if (!admin || !conf || !kafka_conf_set(conf, "group.id", GROUP, reason)) {
        if (conf)
            rd_kafka_conf_destroy(conf);
        free(admin);
        return NULL;
    }
    admin->client = kafka_client_new(conf, RD_KAFKA_CONSUMER, reason);
    if (!admin->client) {
        free(admin);
        return NULL;
    }
    admin->queue = rd_kafka_queue_new(admin->client);
    return admin;
}

void kafka_admin_close(struct kafka_admin *admin)
{
    if (!admin)
        return;
    rd_kafka_queue_destroy(admin->queue);
    rd_kafka_destroy(admin->client);
    free(admin);
}

static rd_kafka_AdminOptions_t *options_new(struct kafka_admin *admin, rd_kafka_admin_op_t what)
{
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(admin->client, what);
    char why[64];

    /* Constants within their bounds: this can't fail, and if it did the default would do. */
    if (options)
        rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_CALL_MS, why, sizeof(why));
    return options;
}

/* Waits for the answer to what was sent. NULL and a reason if it did not come or is an error. */
static rd_kafka_event_t *answer(struct kafka_admin *admin, const char *doing,
                                enum verdict *ret_verdict, struct reason *reason)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, KAFKA_CALL_MS + 1000);
    rd_kafka_resp_err_t error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        return event;
    *ret_verdict = kafka_error(error, doing, reason);
    if (event)
        rd_kafka_event_destroy(event);
    return NULL;
}

static rd_kafka_NewTopic_t *new_topic(const struct kafka_topic *topic, struct reason *reason)
{
    char why[256] = "";
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(topic->name, topic->partitions,
                              topic->replication > 0 ? topic->replication : -1, why, sizeof(why));

    for (size_t i = 0; made && topic->settings && topic->settings[i]; i += 2) {
        if (!topic->settings[i + 1] ||
            rd_kafka_NewTopic_set_config(made, topic->settings[i], topic->settings[i + 1]) !=
                RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_NewTopic_destroy(made);
            made = NULL;
        }
    }
    if (!made)
        reason_set(reason, "bad-topic", NULL, "topic %.120s can't be made: %.120s", topic->name,
                   why);
    return made;
}

static enum verdict created(const rd_kafka_event_t *event, const char *name, bool *ret_created,
                            struct reason *reason)
{
    size_t count = 0;
    union {
        const rd_kafka_event_t *from;
        rd_kafka_event_t *to;
    } both = {.from = event};
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(both.to);
    const rd_kafka_topic_result_t **topics =
        result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    rd_kafka_resp_err_t error =
        count == 1 ? rd_kafka_topic_result_error(topics[0]) : RD_KAFKA_RESP_ERR__FAIL;

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        *ret_created = error == RD_KAFKA_RESP_ERR_NO_ERROR;
        return DONE;
    }
    if (count == 1 && rd_kafka_topic_result_error_string(topics[0])) {
        enum verdict verdict = kafka_error(error, "making a topic", NULL);

        reason_set(reason, "cannot-make-topic", NULL, "topic %.100s: %.180s", name,
                   rd_kafka_topic_result_error_string(topics[0]));
        return verdict;
    }
    return kafka_error(error, "making a topic", reason);
}

/* The controller has made it; the brokers hear of it a moment later. Nothing else is awaited on
 * this queue. */
static void wait_until_known(struct kafka_admin *admin, const char *topic)
{
    int64_t until_ms = clock_monotonic_ms() + KAFKA_CALL_MS;
    struct reason reason;
    int count = 0;

    while (kafka_admin_partitions(admin, topic, &count, &reason) == DONE && count == 0 &&
           clock_monotonic_ms() < until_ms) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(admin->queue, KNOWN_POLL_MS);
        if (event)
            rd_kafka_event_destroy(event);
    }
}

enum verdict kafka_admin_create(struct kafka_admin *admin, const struct kafka_topic *topic,
                                bool *ret_created, struct reason *reason)
{
    rd_kafka_NewTopic_t *made = new_topic(topic, reason);
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
    enum verdict verdict = TRY_AGAIN;

    if (!made)
        return REFUSED;
    options = options_new(admin, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_CreateTopics(admin->client, &made, 1, options, admin->queue);
    event = answer(admin, "making a topic", &verdict, reason);
    if (event) {
        verdict = created(event, topic->name, ret_created, reason);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(made);
    if (verdict == DONE)
        wait_until_known(admin, topic->name);
    return verdict;
}

enum verdict kafka_admin_partitions(struct kafka_admin *admin, const char *topic, int *ret_count,
                                    struct reason *reason)
{
    return kafka_count_partitions(admin->client, topic, KAFKA_CALL_MS, ret_count, reason);
}

enum verdict kafka_admin_watermarks(struct kafka_admin *admin, const char *topic, int32_t partition,
                                    int64_t *ret_low, int64_t *ret_end, struct reason *reason)
{
    return kafka_watermarks(admin->client, topic, partition, ret_low, ret_end, reason);
}

enum verdict kafka_admin_bounds(struct kafka_admin *admin, const char *topic, int partitions,
                                int64_t *lows, int64_t *ends, struct reason *reason)
{
    return kafka_bounds(admin->client, topic, 0, partitions, lows, ends, reason);
}

/* The partitions of the one group in the answer. */
static enum verdict committed_of(rd_kafka_event_t *event, int partitions, int64_t *offsets,
                                 struct reason *reason)
{
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result(event);
    const rd_kafka_topic_partition_list_t *list;
    const rd_kafka_group_result_t **groups = NULL;
    const rd_kafka_error_t *error;
    size_t count = 0;

    if (result)
        groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
    if (count != 1)
        return kafka_error(RD_KAFKA_RESP_ERR__FAIL, "asking for a group's offsets", reason);
    error = rd_kafka_group_result_error(groups[0]);
    list = rd_kafka_group_result_partitions(groups[0]);
    if (error)
        return kafka_error(rd_kafka_error_code(error), "asking for a group's offsets", reason);
    for (int i = 0; list && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];

        if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(at->err, "asking for a group's offsets", reason);
        if (at->partition >= 0 && at->partition < partitions && at->offset >= 0)
            offsets[at->partition] = at->offset;
    }
    return DONE;
}

enum verdict kafka_admin_committed(struct kafka_admin *admin, const char *group, const char *topic,
                                   int partitions, int64_t *offsets, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_ListConsumerGroupOffsets_t *request;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event;
    enum verdict verdict = TRY_AGAIN;

    if (partitions <= 0)
        return DONE;
    list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i);
        offsets[i] = -1;
    }
    request = rd_kafka_ListConsumerGroupOffsets_new(group, list);
    options = options_new(admin, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets(admin->client, &request, 1, options, admin->queue);
    event = answer(admin, "asking for a group's offsets", &verdict, reason);
    if (event) {
        verdict = committed_of(event, partitions, offsets, reason);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ListConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return verdict;
}

enum verdict kafka_admin_offset_at(struct kafka_admin *admin, const char *topic, int32_t partition,
                                   int64_t since_ms, int64_t *ret_offset, struct reason *reason)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *row = rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t error;
    enum verdict verdict = DONE;
    int64_t offset;

    row->offset = since_ms;
    error = rd_kafka_offsets_for_times(admin->client, list, KAFKA_CALL_MS);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = row->err;
    offset = row->offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(error, "asking for the offset at a time", reason);
    if (offset < 0) {
        int64_t low;

        verdict = kafka_admin_watermarks(admin, topic, partition, &low, &offset, reason);
    }
    if (verdict == DONE)
        *ret_offset = offset;
    return verdict;
}
