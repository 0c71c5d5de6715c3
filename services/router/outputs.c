/* SPDX-License-Identifier: Apache-2.0 */
/* A refused record goes to the dead letters as it came, byte for byte; what is wrong with it and
 * where it stood goes into headers. */
#include "outputs.h"

#include "base/log.h"
#include "base/text.h"
#include "ids/formats.h"

#include <string.h>

static enum verdict send_refused(const struct outputs *outputs, const struct kafka_message *message,
                                 const struct reason *why, struct reason *reason)
{
    char partition[12], offset[24];
    text_format(partition, sizeof partition, "%d", (int)message->partition);
    text_format(offset, sizeof offset, "%lld", (long long)message->offset);
    struct kafka_out out = {
        .topic = TOPIC_REFUSED,
        .partition = KAFKA_BY_KEY,
        .key = message->key,
        .key_size = message->key_size,
        .value = message->value,
        .value_size = message->value_size,
        .headers = {{"reason", why->code, strlen(why->code)},
                    {"detail", why->detail, strlen(why->detail)},
                    {"origin_topic", message->topic, strlen(message->topic)},
                    {"origin_partition", partition, strlen(partition)},
                    {"origin_offset", offset, strlen(offset)}},
        .headers_count = 5,
    };
    size_t size = 0;
    const void *traceparent = kafka_message_header(message, "traceparent", &size);
    if (traceparent != NULL && size < TRACEPARENT_SIZE)
        out.headers[out.headers_count++] = (struct kafka_header){"traceparent", traceparent, size};
    enum verdict verdict = stream_send(outputs->stream, &out, reason);
    if (verdict != REFUSED)
        return verdict;
    /* Too large to be written again: it must not stop those behind it. Its origin still has the
     * bytes. */
    log_fact(LOG_LEVEL_ERROR, "refused record too large for the dead letters", "topic",
             message->topic, "partition", partition, "offset", offset, NULL);
    out.key = NULL;
    out.key_size = 0;
    out.value = NULL;
    out.value_size = 0;
    out.headers[out.headers_count++] = (struct kafka_header){"left_out", "key and value", 13};
    verdict = stream_send(outputs->stream, &out, reason);
    return verdict == REFUSED ? DONE : verdict;
}

enum verdict outputs_send(const struct outputs *outputs, const struct kafka_message *message,
                          const struct taken *taken, struct reason *reason)
{
    enum verdict verdict = DONE;
    if (taken->events[0].kind == EVENT_REFUSED)
        verdict = send_refused(outputs, message, &taken->reason, reason);
    if (verdict == DONE && taken->has_delivery)
        verdict = delivery_send(outputs->stream, outputs->codec, outputs->contract,
                                &taken->delivery, outputs->scratch, reason);
    for (size_t i = 0; verdict == DONE && i < taken->events_count; i++)
        verdict = event_send(outputs->stream, outputs->codec, outputs->contract, "router",
                             &taken->events[i], outputs->scratch, reason);
    return verdict;
}
