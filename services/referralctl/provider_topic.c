// SPDX-License-Identifier: Apache-2.0
#include "provider_topic.h"

#include "progress.h"

#include "directory/follow.h"
#include "lifecycle/event.h"

#include <stdatomic.h>
#include <string.h>

#define DELIVERY_TIMEOUT_MS 20000
#define FLUSH_TIMEOUT_MS 30000
#define FLUSH_SLICE_MS 200
#define QUEUE_FULL_TRIES 150
#define PROVIDER_SIZE_MAX (64 * 1024)

enum verdict provider_topic_open(struct provider_topic *topic, const char *schemas_dir,
                                 struct registry_client *registry, struct reason *reason)
{
    struct directory_follower *follower = NULL;
    *topic = (struct provider_topic){0};
    topic->contract = contract_load(schemas_dir, reason);
    topic->places = topic->contract ? places_load(schemas_dir, reason) : NULL;
    if (!topic->places) {
        return BROKEN;
    }
    topic->settings = kafka_settings_from_environment("referralctl", reason);
    if (!topic->settings) {
        return BROKEN;
    }
    topic->codec = codec_new(topic->contract, registry_table(registry));
    topic->directory = directory_new();
    if (!topic->codec || !topic->directory || !registry_use(registry, topic->contract)) {
        reason_set(reason, "no-memory", NULL, "no memory for the directory");
        return BROKEN;
    }
    enum verdict verdict =
        directory_follow(topic->settings, topic->contract, registry_table(registry),
                         topic->directory, &follower, reason);
    if (verdict == DONE) {
        directory_follow_stop(follower);
    }
    return verdict;
}

void provider_topic_close(struct provider_topic *topic)
{
    directory_free(topic->directory);
    codec_free(topic->codec);
    kafka_settings_free(topic->settings);
    places_free(topic->places);
    contract_free(topic->contract);
}

static enum verdict encode(struct provider_topic *topic, const struct provider *provider,
                           struct buffer *buffer, struct reason *reason)
{
    const struct schema *schema = contract_message(topic->contract, "Provider");
    struct record *record = schema ? codec_blank(topic->codec, schema) : NULL;
    if (!record || !provider_to_record(provider, record)) {
        reason_set(reason, "no-memory", NULL, "no memory for the record of %s", provider->ods_code);
        return BROKEN;
    }
    buffer_reset(buffer);
    return codec_write(topic->codec, record, buffer, reason);
}

bool provider_topic_same(struct provider_topic *topic, const struct provider *a,
                         const struct provider *b)
{
    struct buffer first, second;
    struct reason reason = {0};
    buffer_init(&first, PROVIDER_SIZE_MAX);
    buffer_init(&second, PROVIDER_SIZE_MAX);
    bool same = encode(topic, a, &first, &reason) == DONE &&
                encode(topic, b, &second, &reason) == DONE && first.length == second.length &&
                memcmp(first.data, second.data, first.length) == 0;
    buffer_clear(&first);
    buffer_clear(&second);
    return same;
}

static enum verdict send(struct kafka_producer *producer, const struct kafka_out *out,
                         struct reason *reason)
{
    enum verdict verdict = kafka_producer_send(producer, out, reason);
    for (int tried = 0; verdict == TRY_AGAIN && tried < QUEUE_FULL_TRIES; tried++) {
        (void)kafka_producer_flush(producer, FLUSH_SLICE_MS);
        verdict = kafka_producer_send(producer, out, reason);
    }
    return verdict;
}

enum verdict provider_topic_write(struct provider_topic *topic,
                                  const struct provider_change *changes, size_t count,
                                  struct reason *reason)
{
    atomic_size_t failed = 0;
    struct buffer buffer;
    struct progress progress;
    enum verdict verdict = DONE;
    progress_start(&progress, "providers written");
    buffer_init(&buffer, PROVIDER_SIZE_MAX);
    struct kafka_producer *producer = kafka_producer_open(topic->settings, DELIVERY_TIMEOUT_MS,
                                                          kafka_count_undelivered, &failed, reason);
    if (!producer) {
        return BROKEN;
    }
    for (size_t index = 0; verdict == DONE && index < count; index++) {
        struct kafka_out out = {
            .topic = TOPIC_PROVIDERS,
            .partition = KAFKA_BY_KEY,
            .key = changes[index].ods_code,
            .key_size = strlen(changes[index].ods_code),
        };
        if (changes[index].provider) {
            verdict = encode(topic, changes[index].provider, &buffer, reason);
            out.value = buffer.data;
            out.value_size = buffer.length;
        }
        if (verdict == DONE) {
            verdict = send(producer, &out, reason);
        }
        progress_show(&progress, index + 1, count);
    }
    progress_end(&progress);
    if (!kafka_producer_flush(producer, FLUSH_TIMEOUT_MS) || atomic_load(&failed) > 0) {
        reason_set(reason, "kafka-unavailable", NULL,
                   "not every change was stored; run the same again");
        verdict = verdict == DONE ? TRY_AGAIN : verdict;
    }
    kafka_producer_close(producer);
    buffer_clear(&buffer);
    return verdict;
}
