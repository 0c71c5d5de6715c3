/* SPDX-License-Identifier: Apache-2.0 */
/* Where the partitions of a topic begin and end, asked in two questions for all of them: one for
 * each partition costs a broker more than the reading. And of a single one. */
#include "kafka/internal.h"

#include "base/clock.h"

#define AGAIN_MS 50

struct question {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_topic_partition_list_t *list; /* `count` partitions, from `first` on */
    int32_t first;
    int count;
};

static rd_kafka_resp_err_t take(const struct question *question, rd_kafka_event_t *event,
                                int64_t *offsets)
{
    size_t infos_count = 0;
    const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(event);
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        result ? rd_kafka_ListOffsets_result_infos(result, &infos_count) : NULL;

    for (size_t i = 0; i < infos_count; i++) {
        const rd_kafka_topic_partition_t *at =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);

        if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return at->err;
        if (at->partition >= question->first && at->partition - question->first < question->count)
            offsets[at->partition - question->first] = at->offset;
    }
    /* A broker that did not answer in time is no error of the whole: its partitions keep what was
     * asked for, which is below 0. */
    for (int i = 0; i < question->count; i++) {
        if (offsets[i] < 0)
            return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t ask_once(const struct question *question, int timeout_ms,
                                    int64_t *offsets)
{
    rd_kafka_event_t *event;
    rd_kafka_resp_err_t error;
    char why[64];

    for (int i = 0; i < question->count; i++)
        offsets[i] = -1;
    /* Within its bounds: this can't fail. */
    rd_kafka_AdminOptions_set_request_timeout(question->options, timeout_ms, why, sizeof(why));
    rd_kafka_ListOffsets(question->client, question->list, question->options, question->queue);
    event = rd_kafka_queue_poll(question->queue, timeout_ms + 1000);
    error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = take(question, event, offsets);
    if (event)
        rd_kafka_event_destroy(event);
    return error;
}

/* A leader that is being chosen, a topic that was just made: there in a moment. */
static bool passes(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH ||
           error == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__NOENT ||
           error == RD_KAFKA_RESP_ERR__PARTIAL;
}

static rd_kafka_resp_err_t ask(const struct question *question, int64_t spec, int64_t until_ms,
                               int64_t *offsets)
{
    for (int i = 0; i < question->count; i++)
        question->list->elems[i].offset = spec;
    for (;;) {
        const int64_t left_ms = until_ms - clock_monotonic_ms();
        const rd_kafka_resp_err_t error =
            ask_once(question, left_ms > AGAIN_MS ? (int)left_ms : AGAIN_MS, offsets);

        if (!passes(error) || clock_monotonic_ms() + AGAIN_MS >= until_ms)
            return error;
        rd_kafka_event_t *none = rd_kafka_queue_poll(question->queue, AGAIN_MS);

        if (none)
            rd_kafka_event_destroy(none);
    }
}

enum verdict kafka_bounds(rd_kafka_t *client, const char *topic, int32_t first, int count,
                          int64_t *lows, int64_t *ends, struct reason *reason)
{
    const int64_t until_ms = clock_monotonic_ms() + KAFKA_CALL_MS;
    struct question question = {.client = client, .first = first, .count = count};
    rd_kafka_resp_err_t error;

    if (count <= 0)
        return DONE;
    question.list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(question.list, topic, first + i);
    question.queue = rd_kafka_queue_new(client);
    question.options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    /* NULL: it can't fail either. The end is the last stable offset then. */
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_isolation_level(
        question.options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED));
    error = ask(&question, RD_KAFKA_OFFSET_SPEC_EARLIEST, until_ms, lows);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        error = ask(&question, RD_KAFKA_OFFSET_SPEC_LATEST, until_ms, ends);
    rd_kafka_AdminOptions_destroy(question.options);
    rd_kafka_queue_destroy(question.queue);
    rd_kafka_topic_partition_list_destroy(question.list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR
               ? DONE
               : kafka_error(error, "asking for the bounds of partitions", reason);
}

/* A broker that comes back says for a moment that nobody leads the partition. The client keeps that
 * for 15 s, and asks nobody meanwhile; unless it is made to. */
static void hear_of_leaders(rd_kafka_t *client, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);

    if (handle && rd_kafka_metadata(client, 0, handle, &metadata, KAFKA_CALL_MS) ==
                      RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    if (handle)
        rd_kafka_topic_destroy(handle);
}

enum verdict kafka_watermarks(rd_kafka_t *client, const char *topic, int32_t partition,
                              int64_t *ret_low, int64_t *ret_end, struct reason *reason)
{
    int64_t low = 0, end = 0;
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(client, topic, partition, &low, &end, KAFKA_CALL_MS);

    if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
        error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        hear_of_leaders(client, topic);
        error =
            rd_kafka_query_watermark_offsets(client, topic, partition, &low, &end, KAFKA_CALL_MS);
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(error, "asking for the bounds of a partition", reason);
    *ret_low = low;
    *ret_end = end;
    return DONE;
}
