/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way into and out of librdkafka. A record's partition is worked out here when it
 * does not hang on the key (deliveries: by destination), with Java's murmur2, so that all producers
 * agree; that needs the partition count, which is asked for once a topic and again every five
 * minutes. */
#include "kafka/internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define ASK_AGAIN_MS 300000
#define VU_MAX 10

int32_t kafka_partition_of(const void *key, size_t key_size, int32_t partitions_count)
{
    const uint8_t *data = key;
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)key_size;
    size_t left = key_size;

    for (; left >= 4; left -= 4, data += 4) {
        uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
                     (uint32_t)data[3] << 24;

        k *= m;
        k ^= k >> 24;
        k *= m;
        h *= m;
        h ^= k;
    }
    if (left >= 3)
        h ^= (uint32_t)data[2] << 16;
    if (left >= 2)
        h ^= (uint32_t)data[1] << 8;
    if (left >= 1) {
        h ^= data[0];
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return partitions_count > 0 ? (int32_t)((h & 0x7fffffff) % (uint32_t)partitions_count) : 0;
}

const void *kafka_message_header(const struct kafka_message *message, const char *name,
                                 size_t *ret_size)
{
    const rd_kafka_message_t *vendor = message->vendor;
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;

    if (!vendor || rd_kafka_message_headers(vendor, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return NULL;
    if (ret_size)
        *ret_size = size;
    return value;
}

void kafka_message_from(const rd_kafka_message_t *from, struct kafka_message *message)
{
    rd_kafka_timestamp_type_t type;

    message->topic = rd_kafka_topic_name(from->rkt);
    message->partition = from->partition;
    message->offset = from->offset;
    message->timestamp_ms = rd_kafka_message_timestamp(from, &type);
    message->key = from->key;
    message->key_size = from->key_len;
    message->value = from->payload;
    message->value_size = from->len;
    message->vendor = from;
}

/* ---- topics */

void kafka_topics_init(struct kafka_topics *topics, rd_kafka_t *client)
{
    *topics = (struct kafka_topics){.client = client};
}

void kafka_topics_clear(struct kafka_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++) {
        rd_kafka_topic_destroy(topics->rows[i].handle);
        free(topics->rows[i].name);
    }
    free(topics->rows);
    *topics = (struct kafka_topics){0};
}

static struct kafka_topic_handle *topic_add(struct kafka_topics *topics, const char *name)
{
    struct kafka_topic_handle *row;

    if (!topics->rows)
        topics->rows = calloc(KAFKA_TOPICS_MAX, sizeof(*topics->rows));
    if (!topics->rows || topics->count == KAFKA_TOPICS_MAX)
        return NULL;
    row = &topics->rows[topics->count];
    row->name = strdup(name);
    row->handle = row->name ? rd_kafka_topic_new(topics->client, name, NULL) : NULL;
    if (!row->handle) {
        free(row->name);
        row->name = NULL;
        return NULL;
    }
    topics->last = topics->count++;
    return row;
}

static struct kafka_topic_handle *topic_find(struct kafka_topics *topics, const char *name)
{
    if (topics->last < topics->count && strcmp(topics->rows[topics->last].name, name) == 0)
        return &topics->rows[topics->last];
    for (size_t i = 0; i < topics->count; i++) {
        if (strcmp(topics->rows[i].name, name) == 0) {
            topics->last = i;
            return &topics->rows[i];
        }
    }
    return topic_add(topics, name);
}

enum verdict kafka_count_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                    int *ret_count, struct reason *reason)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    rd_kafka_resp_err_t error;
    enum verdict verdict = DONE;

    if (!handle) {
        reason_set(reason, "bad-topic-name", NULL, "\"%.100s\" is no name for a topic", topic);
        return REFUSED;
    }
    error = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1)
        error = metadata->topics[0].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
        *ret_count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    else if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
             error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        *ret_count = 0;
    else
        verdict = kafka_error(error, "asking for partitions", reason);
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return verdict;
}

static enum verdict partition_choose(struct kafka_topics *topics, struct kafka_topic_handle *row,
                                     const struct kafka_out *out, int32_t *ret_partition,
                                     struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();

    if (row->partitions_count == 0 || now_ms - row->asked_ms >= ASK_AGAIN_MS) {
        int count = 0;
        enum verdict verdict =
            kafka_count_partitions(topics->client, row->name, KAFKA_CALL_MS, &count, reason);

        if (verdict == DONE && count > 0)
            row->partitions_count = count;
        if (row->partitions_count == 0 && verdict == DONE) {
            reason_set(reason, "no-such-topic", NULL, "there is no topic %.120s", row->name);
            verdict = TRY_AGAIN;
        }
        if (row->partitions_count == 0)
            return verdict;
        row->asked_ms = now_ms;
    }
    *ret_partition =
        kafka_partition_of(out->partition_key, out->partition_key_size, row->partitions_count);
    return DONE;
}

static rd_kafka_headers_t *headers_new(const struct kafka_out *out)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(out->headers_count);

    for (size_t i = 0; headers && i < out->headers_count && i < KAFKA_HEADERS_MAX; i++) {
        const struct kafka_header *header = &out->headers[i];

        if (rd_kafka_header_add(headers, header->name, -1, header->value, (ssize_t)header->size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(headers);
            return NULL;
        }
    }
    return headers;
}

/* librdkafka wants pointers that are not const and, with MSG_COPY, only reads through them. */
static void *only_read(const void *from)
{
    union {
        const void *from;
        void *to;
    } both = {.from = from};

    return both.to;
}

static rd_kafka_error_t *hand_over(rd_kafka_t *client, rd_kafka_topic_t *handle, int32_t partition,
                                   const struct kafka_out *out, void *opaque,
                                   rd_kafka_headers_t *headers)
{
    rd_kafka_vu_t vus[VU_MAX];
    size_t count = 0;

    vus[count].vtype = RD_KAFKA_VTYPE_RKT;
    vus[count++].u.rkt = handle;
    vus[count].vtype = RD_KAFKA_VTYPE_PARTITION;
    vus[count++].u.i32 = partition;
    vus[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    vus[count++].u.i = RD_KAFKA_MSG_F_COPY;
    vus[count].vtype = RD_KAFKA_VTYPE_KEY;
    vus[count].u.mem.ptr = only_read(out->key);
    vus[count++].u.mem.size = out->key_size;
    vus[count].vtype = RD_KAFKA_VTYPE_VALUE;
    vus[count].u.mem.ptr = only_read(out->value);
    vus[count++].u.mem.size = out->value_size;
    vus[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    vus[count++].u.ptr = opaque;
    if (headers) {
        vus[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        vus[count++].u.headers = headers;
    }
    return rd_kafka_produceva(client, vus, count);
}

enum verdict kafka_produce(struct kafka_topics *topics, const struct kafka_out *out, void *opaque,
                           bool *ret_full, struct reason *reason)
{
    struct kafka_topic_handle *row = topic_find(topics, out->topic);
    rd_kafka_headers_t *headers = NULL;
    int32_t partition = out->partition;
    rd_kafka_error_t *error;
    enum verdict verdict;

    *ret_full = false;
    if (!row) {
        reason_set(reason, "bad-topic-name", NULL, "no handle for topic %.120s", out->topic);
        return REFUSED;
    }
    if (partition == KAFKA_BY_KEY && out->partition_key) {
        verdict = partition_choose(topics, row, out, &partition, reason);
        if (verdict != DONE)
            return verdict;
    }
    if (out->headers_count > 0) {
        headers = headers_new(out);
        if (!headers) {
            reason_set(reason, "no-memory", NULL, "no memory for the headers of a record");
            return TRY_AGAIN;
        }
    }
    error = hand_over(topics->client, row->handle, partition, out, opaque, headers);
    if (!error)
        return DONE;
    if (headers)
        rd_kafka_headers_destroy(headers);
    *ret_full = rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    return kafka_error_take(error, "sending a record", reason);
}
