/* SPDX-License-Identifier: Apache-2.0 */
/* Where the partitions of a topic begin and end, asked in two questions for all of them: one for
 * each partition costs a broker more than the reading. */
#include "kafka/internal.h"

#include "base/clock.h"

#define AGAIN_MS 50

/* The answer's offsets; TRY_AGAIN if a partition has no leader just now. */
static enum verdict take(const rd_kafka_event_t *event, int32_t first, int count, int64_t *offsets,
                         struct reason *reason)
{
    size_t infos_count = 0;
    union {
        const rd_kafka_event_t *from;
        rd_kafka_event_t *to;
    } both = {.from = event};
    const rd_kafka_ListOffsets_result_t *result = rd_kafka_event_ListOffsets_result(both.to);
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        result ? rd_kafka_ListOffsets_result_infos(result, &infos_count) : NULL;

    for (size_t i = 0; i < infos_count; i++) {
        const rd_kafka_topic_partition_t *at =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);

        if (at->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(at->err, "asking for the bounds of a partition", reason);
        if (at->partition >= first && at->partition - first < count)
            offsets[at->partition - first] = at->offset;
    }
    for (int i = 0; i < count; i++) {
        if (offsets[i] < 0)
            return kafka_error(RD_KAFKA_RESP_ERR__PARTIAL, "asking for the bounds of a partition",
                               reason);
    }
    return DONE;
}

static enum verdict ask(rd_kafka_t *client, rd_kafka_queue_t *queue,
                        const rd_kafka_topic_partition_list_t *list,
                        const rd_kafka_AdminOptions_t *options, int32_t first, int count,
                        int64_t *offsets, struct reason *reason)
{
    union {
        const rd_kafka_topic_partition_list_t *from;
        rd_kafka_topic_partition_list_t *to;
    } both = {.from = list};
    rd_kafka_event_t *event;
    rd_kafka_resp_err_t error;
    enum verdict verdict;

    for (int i = 0; i < count; i++)
        offsets[i] = -1;
    rd_kafka_ListOffsets(client, both.to, options, queue);
    event = rd_kafka_queue_poll(queue, KAFKA_CALL_MS + 1000);
    error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    verdict = error == RD_KAFKA_RESP_ERR_NO_ERROR
                  ? take(event, first, count, offsets, reason)
                  : kafka_error(error, "asking for the bounds of partitions", reason);
    if (event)
        rd_kafka_event_destroy(event);
    return verdict;
}

enum verdict kafka_bounds(rd_kafka_t *client, const char *topic, int32_t first, int count,
                          int64_t *lows, int64_t *ends, struct reason *reason)
{
    const int64_t specs[] = {RD_KAFKA_OFFSET_SPEC_EARLIEST, RD_KAFKA_OFFSET_SPEC_LATEST};
    int64_t *const into[] = {lows, ends};
    const int64_t until_ms = clock_monotonic_ms() + KAFKA_CALL_MS;
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_queue_t *queue;
    enum verdict verdict = DONE;
    char why[64];

    if (count <= 0)
        return DONE;
    list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, first + i);
    queue = rd_kafka_queue_new(client);
    options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_LISTOFFSETS);
    /* Constants within their bounds: these can't fail. */
    rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_CALL_MS, why, sizeof(why));
    rd_kafka_error_destroy(rd_kafka_AdminOptions_set_isolation_level(
        options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED));
    for (int what = 0; verdict == DONE && what < 2; what++) {
        for (int i = 0; i < count; i++)
            list->elems[i].offset = specs[what];
        /* A leader that is being chosen is there in a moment. */
        while ((verdict = ask(client, queue, list, options, first, count, into[what], reason)) ==
                   TRY_AGAIN &&
               clock_monotonic_ms() < until_ms) {
            rd_kafka_event_t *none = rd_kafka_queue_poll(queue, AGAIN_MS);

            if (none)
                rd_kafka_event_destroy(none);
        }
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    return verdict;
}
