/* SPDX-License-Identifier: Apache-2.0 */
/* The directory is a fold over the topic `providers`: what is there at the start is read to its end
 * before anything is decided, what comes later is applied between two messages. Its version is the
 * number of records folded so far, so that two processes that name the same version have read the
 * same. What was sent where today is only followed once a provider names a capacity: until then
 * nobody asks. */
#include "directory/follow.h"

#include "directory/follow_load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "lifecycle/event.h"

#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MAX 64
#define RESTORE_MS 60000
#define STEP_RECORDS_MAX                                                                           \
    2000 /* so that a reload of England holds up what waits by a tenth of a second */
#define LOAD_AGAIN_MS 5000

struct directory_follower {
    struct kafka_reader *reader;
    struct codec *codec;
    struct directory *directory;
    const struct kafka_settings *settings;
    struct load_follower *load;        /* NULL while no provider names a capacity */
    int64_t load_due_ms;               /* not tried again before that */
    int64_t positions[PARTITIONS_MAX]; /* next offset of each partition */
};

/* The record stays to be read: its schema is not to be had just now. */
static enum verdict put_back(struct directory_follower *follower,
                             const struct kafka_message *message, struct reason *reason)
{
    struct reason seeking;
    if (kafka_reader_seek(follower->reader, message->topic, message->partition, message->offset,
                          &seeking))
        return TRY_AGAIN;
    *reason = seeking;
    return BROKEN;
}

/* DONE also for a record that is left out. */
static enum verdict apply(void *self, const struct kafka_message *message,
                          struct reason *ret_reason)
{
    struct directory_follower *follower = self;
    struct reason reason = {0};
    char key[ODS_CODE_SIZE];
    bool well =
        text_copy_bytes(key, sizeof key, message->key, message->key_size) && ods_code_valid(key);
    if (!well) {
        reason_set(&reason, "bad-key", NULL, "a key is an ODS code");
    } else if (message->value == NULL) {
        directory_remove(follower->directory, key);
    } else {
        struct record *record = NULL;
        struct provider *provider = NULL;
        enum verdict verdict = codec_read(follower->codec, message->value, message->value_size,
                                          "Provider", &record, &reason);
        if (verdict == TRY_AGAIN) {
            *ret_reason = reason;
            return put_back(follower, message, ret_reason);
        }
        well = verdict == DONE;
        if (well)
            provider = provider_from_record(record, &reason);
        well = provider != NULL && strcmp(provider->ods_code, key) == 0;
        if (provider != NULL && !well) {
            reason_set(&reason, "key-mismatch", "/ods_code", "the key is another code");
            provider_free(provider);
        } else if (well && !directory_put_take(follower->directory, provider)) {
            well = false;
            reason_set(&reason, "directory-full", NULL, "more providers or services than fit");
        }
    }
    if (!well) {
        char offset[24];
        text_format(offset, sizeof offset, "%lld", (long long)message->offset);
        log_fact(LOG_LEVEL_WARNING, "provider left out", "topic", TOPIC_PROVIDERS, "offset", offset,
                 "reason", reason.code, "field", reason.pointer, "detail", reason.detail, NULL);
    }
    if (message->partition >= 0 && message->partition < PARTITIONS_MAX)
        follower->positions[message->partition] = message->offset + 1;
    return DONE;
}

static void name_version(struct directory_follower *follower)
{
    char version[VERSION_SIZE];
    int64_t records = 0;
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        records += follower->positions[i];
    text_format(version, sizeof version, "p%lld", (long long)records);
    directory_set_version(follower->directory, version);
}

static enum verdict follow_load(struct directory_follower *follower, struct reason *reason)
{
    if (follower->load != NULL)
        return load_follow_step(follower->load, follower->codec, reason);
    int64_t now_ms = clock_monotonic_ms();
    if (directory_capacities(follower->directory) == 0 || now_ms < follower->load_due_ms)
        return DONE;
    follower->load_due_ms = now_ms + LOAD_AGAIN_MS;
    return load_follow(follower->settings, directory_load(follower->directory), clock_now_ms(),
                       follower->codec, &follower->load, reason);
}

enum verdict directory_follow(const struct kafka_settings *settings,
                              const struct contract *contract, struct registry *registry,
                              struct directory *directory, struct directory_follower **ret_follower,
                              struct reason *reason)
{
    static const char *const topics[] = {TOPIC_PROVIDERS};
    struct directory_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    follower->directory = directory;
    follower->settings = settings;
    follower->codec = codec_new(contract, registry);
    if (follower->codec == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        directory_follow_stop(follower);
        return BROKEN;
    }
    enum verdict verdict = TRY_AGAIN;
    follower->reader = kafka_reader_open(settings, topics, 1, reason);
    if (follower->reader != NULL)
        verdict = kafka_reader_to_end(follower->reader, RESTORE_MS, apply, follower, reason);
    if (verdict == DONE) {
        name_version(follower);
        verdict = follow_load(follower, reason);
    }
    if (verdict != DONE) {
        directory_follow_stop(follower);
        return verdict;
    }
    *ret_follower = follower;
    return DONE;
}

enum verdict directory_follow_step(struct directory_follower *follower, size_t *ret_changes,
                                   struct reason *reason)
{
    size_t changes = 0;
    enum verdict verdict = DONE;
    while (changes < STEP_RECORDS_MAX) {
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(follower->reader, 0, &message, reason);
        if (verdict != DONE || message == NULL)
            break;
        verdict = apply(follower, message, reason);
        if (verdict != DONE)
            break;
        changes++;
    }
    if (changes > 0)
        name_version(follower);
    if (ret_changes != NULL)
        *ret_changes = changes;
    return verdict == DONE ? follow_load(follower, reason) : verdict;
}

bool directory_follow_counts(const struct directory_follower *follower)
{
    return follower->load != NULL;
}

uint64_t directory_follow_uncounted(const struct directory_follower *follower)
{
    return load_left_out(directory_load(follower->directory)) + load_follow_waiting(follower->load);
}

void directory_follow_use_take(struct directory_follower *follower, struct codec *codec)
{
    codec_free(follower != NULL ? follower->codec : codec);
    if (follower != NULL)
        follower->codec = codec;
}

enum verdict directory_load_before(const struct kafka_settings *settings,
                                   struct directory *directory, int64_t before_ms,
                                   const char *referral_id, struct codec *codec,
                                   struct reason *reason)
{
    if (directory_capacities(directory) == 0)
        return DONE; /* nobody asks */
    return load_count_before(settings, directory_load(directory), before_ms, referral_id, codec,
                             reason);
}

void directory_follow_stop(struct directory_follower *follower)
{
    if (follower == NULL)
        return;
    if (follower->reader != NULL)
        kafka_reader_close(follower->reader);
    load_follow_stop(follower->load);
    codec_free(follower->codec);
    free(follower);
}
