/* SPDX-License-Identifier: Apache-2.0 */
/* A stream is opened and closed here. The consumer is made first: it joins its group while the
 * producer's init_transactions is under way. */
#include "kafka/stream_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define METADATA_MS "1500" /* a new topic is found within that time */

/* ---- open and close */

static void on_error(rd_kafka_t *client, int error, const char *words, void *opaque)
{
    struct stream *stream = opaque;

    (void)client, (void)words; /* the client's own log has said it */
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        atomic_store(&stream->consumer_watch.down, true);
        kafka_watch_lost(&stream->consumer_watch);
    }
}

/* "referrals.refused" -> "^referrals\.refused$" */
static bool exclude_add(char *text, size_t size, const char *topic)
{
    size_t length = strlen(text);

    if (length > 0)
        text[length++] = ',';
    if (topic[0] == '^')
        return text_copy(text + length, size - length, topic);
    if (length + 2 * strlen(topic) + 3 > size)
        return false;
    text[length++] = '^';
    for (; *topic; topic++) {
        if (*topic == '.')
            text[length++] = '\\';
        text[length++] = *topic;
    }
    text[length++] = '$';
    text[length] = '\0';
    return true;
}

static bool conf_exclude(rd_kafka_conf_t *conf, const struct stream_options *options,
                         struct reason *reason)
{
    char text[2048] = "";

    for (size_t i = 0; i < options->topics_excluded_count; i++) {
        if (!exclude_add(text, sizeof(text), options->topics_excluded[i])) {
            reason_set(reason, "bad-kafka-setting", NULL, "too many topics are excluded");
            return false;
        }
    }
    return text[0] == '\0' || kafka_conf_set(conf, "topic.blacklist", text, reason);
}

bool stream_setting(const struct stream *stream, const char *name, char *value, size_t size)
{
    size_t length = size;

    value[0] = '\0';
    return rd_kafka_conf_get(stream->consumer_conf, name, value, &length) == RD_KAFKA_CONF_OK &&
           length <= size;
}

static bool conf_new(struct stream *stream, const struct stream_options *options,
                     struct reason *reason)
{
    rd_kafka_conf_t *conf = kafka_conf_new(stream->settings, KAFKA_MEMBER, reason);

    stream->consumer_conf = conf;
    if (!conf || !kafka_conf_set(conf, "group.id", options->group, reason) ||
        !kafka_conf_set(conf, "group.instance.id", options->instance, reason) ||
        !kafka_conf_set(conf, "topic.metadata.refresh.interval.ms", METADATA_MS, reason) ||
        !conf_exclude(conf, options, reason) ||
        (options->session_timeout_ms > 0 &&
         !kafka_conf_set_number(conf, "session.timeout.ms", options->session_timeout_ms, reason)))
        return false;
    rd_kafka_conf_set_opaque(conf, stream);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_rebalance_cb(conf, stream_on_rebalance);
    stream->subscription = rd_kafka_topic_partition_list_new((int)options->topics_count);
    for (size_t i = 0; i < options->topics_count; i++)
        rd_kafka_topic_partition_list_add(stream->subscription, options->topics[i],
                                          RD_KAFKA_PARTITION_UA);
    return true;
}

enum verdict stream_consumer_open(struct stream *stream, struct reason *reason)
{
    static const uint64_t one = 1;
    char session[24];
    int64_t session_ms = 0;
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(stream->consumer_conf);
    rd_kafka_resp_err_t error;

    if (!stream_setting(stream, "session.timeout.ms", session, sizeof(session)) ||
        !text_whole_number(session, 0, INT_MAX, &session_ms))
        session_ms = 0;
    stream->consumer_watch = (struct kafka_watch){.session_ms = session_ms};
    if (!kafka_watch_attach(&stream->consumer_watch, conf, reason)) {
        rd_kafka_conf_destroy(conf);
        return BROKEN;
    }
    stream->consumer = kafka_client_new(conf, RD_KAFKA_CONSUMER, reason);
    if (!stream->consumer)
        return BROKEN;
    rd_kafka_poll_set_consumer(stream->consumer);
    stream->queue = rd_kafka_queue_get_consumer(stream->consumer);
    rd_kafka_queue_io_event_enable(stream->queue, stream->wake_fd, &one, sizeof(one));
    error = rd_kafka_subscribe(stream->consumer, stream->subscription);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? DONE : kafka_error(error, "subscribing", reason);
}

void stream_consumer_close(struct stream *stream)
{
    stream_owners_wait(stream);
    if (stream->queue)
        rd_kafka_queue_destroy(stream->queue);
    stream->queue = NULL;
    if (!stream->consumer)
        return;
    rd_kafka_consumer_close(stream->consumer);
    rd_kafka_destroy(stream->consumer);
    stream->consumer = NULL;
    stream->let_go = false;
}

static struct stream *stream_new(const struct kafka_settings *settings,
                                 const struct stream_options *options,
                                 const struct stream_handlers *handlers)
{
    struct stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->wake_fd = -1;
    stream->handlers = *handlers;
    stream->start = options->start;
    stream->batch_messages_max =
        options->batch_messages_max > 0 ? options->batch_messages_max : 1000;
    stream->commit_interval_ms =
        options->commit_interval_ms > 0 ? options->commit_interval_ms : 100;
    stream->nonce = clock_now_ms();
    stream->trouble = DONE;
    text_format(stream->transactional_id, sizeof(stream->transactional_id), "%s-%s", options->group,
                options->instance);
    stream->settings = kafka_settings_copy(settings);
    stream->partitions = calloc(STREAM_PARTITIONS_MAX, sizeof(*stream->partitions));
    if (!stream->settings || !stream->partitions ||
        (options->fetch_wait_ms && !kafka_settings_otherwise(stream->settings, "fetch.wait.max.ms",
                                                             options->fetch_wait_ms))) {
        kafka_settings_free(stream->settings);
        free(stream->partitions);
        free(stream);
        return NULL;
    }
    return stream;
}

enum verdict stream_open(const struct kafka_settings *settings,
                         const struct stream_options *options,
                         const struct stream_handlers *handlers, struct stream **ret_stream,
                         struct reason *reason)
{
    struct stream *stream = stream_new(settings, options, handlers);
    enum verdict verdict = BROKEN;

    if (!stream) {
        reason_set(reason, "no-memory", NULL, "no memory for a stream");
        return BROKEN;
    }
    if (!conf_new(stream, options, reason))
        goto fail;
    stream->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stream->wake_fd < 0) {
        reason_set(reason, "no-descriptor", NULL, "no eventfd: %s", strerror(errno));
        goto fail;
    }
    stream->owners.aside = aside_open("owners");
    if (handlers->meanwhile)
        stream->aside = aside_open("commits");
    if (!stream->owners.aside || (handlers->meanwhile && !stream->aside)) {
        reason_set(reason, "no-thread", NULL, "no thread for commits, or to look after the group");
        goto fail;
    }
    verdict = stream_consumer_open(stream, reason); /* it joins while the producer starts */
    if (verdict == DONE)
        verdict = stream_recover(stream, reason);
    if (verdict != DONE)
        goto fail;
    *ret_stream = stream;
    return DONE;
fail:
    stream_close(stream);
    return verdict;
}

void stream_close(struct stream *stream)
{
    struct reason reason = {0};

    if (!stream)
        return;
    if (stream->in_transaction && !stream->broken && stream_end(stream, false, &reason) != DONE)
        log_fact(LOG_LEVEL_WARNING, "last-commit-failed", "code", reason.code, "detail",
                 reason.detail, NULL);
    stream->closing = true;
    if (stream->held)
        rd_kafka_message_destroy(stream->held);
    stream->held = NULL;
    stream_consumer_close(stream);
    stream_producer_discard(stream);
    if (stream->unresolved)
        rd_kafka_topic_partition_list_destroy(stream->unresolved);
    stream_partitions_clear(stream);
    aside_close(stream->aside);
    aside_close(stream->owners.aside);
    if (stream->wake_fd >= 0)
        close(stream->wake_fd);
    if (stream->consumer_conf)
        rd_kafka_conf_destroy(stream->consumer_conf);
    if (stream->subscription)
        rd_kafka_topic_partition_list_destroy(stream->subscription);
    kafka_settings_free(stream->settings);
    free(stream->partitions);
    free(stream);
}

/* ---- what it says of itself */

const char *stream_not_ready(const struct stream *stream)
{
    if (!kafka_watch_connected(&stream->consumer_watch))
        return KAFKA_AWAY;
    if (!stream->assigned || stream->activation_needed || stream->broken)
        return "no assignment yet";
    return NULL;
}

bool stream_group_is_new(const struct stream *stream)
{
    return !stream->group_known;
}

int64_t stream_lag(const struct stream *stream)
{
    int64_t lag = 0;

    for (size_t i = 0; i < stream->count; i++) {
        const struct stream_partition *at = &stream->partitions[i];
        int64_t low = 0, high = 0;
        int64_t position = at->next > at->seen_end ? at->next : at->seen_end;

        if (at->active &&
            rd_kafka_get_watermark_offsets(stream->consumer, at->topic, at->partition, &low,
                                           &high) == RD_KAFKA_RESP_ERR_NO_ERROR &&
            high > position)
            lag += high - position;
    }
    return lag;
}

int stream_wake_fd(struct stream *stream)
{
    return stream->wake_fd;
}
