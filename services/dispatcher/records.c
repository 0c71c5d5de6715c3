/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from `deliveries`: new work from the router, our own records again, fences. A record
 * that can't be read is named and passed over: nobody could deliver it, and it must not hold up the
 * others. */
#include "dispatcher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uninitialized.h"

#include <string.h>

#define RETRY_FIRST_MS 5000
#define RETRY_MOST_MS 300000
#define POSTPONE_MS 500

enum verdict records_assigned(void *context, const char *topic, int32_t partition, int64_t from,
                              int64_t end, struct reason *reason)
{
    struct dispatcher *self = context;
    (void)topic, (void)from;
    if (partition >= FENCES_MAX || !deliver_assigned(self->core, partition)) {
        reason_set(reason, "no-memory", NULL, "partition %d can't be held", partition);
        return BROKEN;
    }
    self->nonce += self->nonce == UINT64_MAX ? 2 : 1; /* never 0 */
    self->fences[partition] = (struct fence){.nonce = self->nonce, .ours = true};
    self->fences_count++;
    self->partitions_count++;
    self->fences_due = true;
    restore_begin(self, partition, end);
    return DONE;
}

enum verdict records_read_again(struct dispatcher *self, int64_t now_ms, struct reason *reason)
{
    int32_t partition;
    int64_t offset;
    while (deliver_next_read_again(self->core, now_ms, &partition, &offset)) {
        enum verdict verdict =
            stream_read_again(self->stream, TOPIC_DELIVERIES, partition, offset, reason);
        if (verdict != DONE) {
            deliver_not_read_again(self->core, partition);
            return verdict;
        }
        self->nonce += self->nonce == UINT64_MAX ? 2 : 1;
        self->fences[partition] = (struct fence){.nonce = self->nonce, .again = true, .ours = true};
        self->fences_count++;
        self->again_count++;
    }
    return DONE;
}

static void forget_fence(struct dispatcher *self, struct fence *fence)
{
    self->fences_count -= fence->nonce != 0;
    self->again_count -= fence->nonce != 0 && fence->again;
    fence->nonce = 0;
}

void records_revoked(void *context, const char *topic, int32_t partition, bool lost)
{
    struct dispatcher *self = context;
    (void)topic, (void)lost;
    deliver_revoked(self->core, partition);
    operations_forget(self, partition);
    if (partition < 0 || partition >= FENCES_MAX)
        return;
    restore_forget(self, partition);
    forget_fence(self, &self->fences[partition]);
    self->partitions_count -= self->fences[partition].ours;
    self->fences[partition] = (struct fence){0};
}

static bool is_fence(struct dispatcher *self, const struct kafka_message *message)
{
    size_t size;
    uint64_t nonce;
    const void *value = message->value ? NULL : kafka_message_header(message, "fence", &size);
    if (!value)
        return false;
    struct fence *fence = &self->fences[message->partition];
    if (size == sizeof(nonce) && fence->nonce) {
        memcpy(&nonce, value, sizeof(nonce));
        if (nonce == fence->nonce) {
            restore_forget(self, message->partition);
            forget_fence(self, fence);
            deliver_restored(self->core, message->partition, clock_now_ms());
        }
    }
    return true;
}

static enum verdict pass_over(struct dispatcher *self, const struct kafka_message *message,
                              const struct reason *reason)
{
    char partition[16], offset[24];
    (void)text_format(partition, sizeof(partition), "%d", message->partition);
    (void)text_format(offset, sizeof(offset), "%lld", (long long)message->offset);
    log_fact(LOG_LEVEL_ERROR, "delivery-unreadable", "partition", partition, "offset", offset,
             "code", reason->code, "field", reason->pointer, "detail", reason->detail, NULL);
    metrics_add(self->metrics, METRIC_UNREADABLE, reason->code, 1);
    deliver_skip(self->core, message->partition, message->offset);
    return DONE;
}

/* Most writers write key and id alike, letter by letter. */
static bool is_key(const struct kafka_message *message, const char *text, const struct uuid *id)
{
    struct uuid inside;
    return (strlen(text) == message->key_size &&
            memcmp(text, message->key, message->key_size) == 0) ||
           (uuid_parse(text, &inside) && memcmp(&inside, id, sizeof(inside)) == 0);
}

static enum verdict take_record(struct dispatcher *self, const struct kafka_message *message,
                                const struct uuid *id, struct reason *reason)
{
    struct delivery delivery UNINITIALIZED;
    struct reason why = {0};
    enum verdict verdict =
        delivery_decode(self->codec, message->value, message->value_size, &delivery, &why);
    if (verdict == DONE && (!is_key(message, delivery.id, id) || !delivery.destination[0])) {
        reason_set(&why, "key-mismatch", "/id",
                   "the key is another id, or there is no destination");
        verdict = REFUSED;
    }
    if (verdict == REFUSED)
        return pass_over(self, message, &why);
    if (verdict == TRY_AGAIN)
        stream_postpone(self->stream, POSTPONE_MS);
    if (verdict != DONE) {
        if (reason)
            *reason = why;
        return verdict;
    }
    const struct pathway *pathway = pathway_find(self->pathways, delivery.pathway);
    struct deliver_record record = {
        .id = *id,
        .destination = delivery.destination,
        .created_at_ms = delivery.created_at_ms,
        .deadline_at_ms = delivery.deadline_at_ms,
        .next_attempt_at_ms = delivery.next_attempt_at_ms,
        .attempts = delivery.attempts,
        .intent = delivery.intent,
        .told_to_wait = strncmp(delivery.last_result, "http-", strlen("http-")) == 0,
        .alone = delivery.notice[0] != '\0',
        .retry_first_ms = pathway ? pathway_retry_first_ms(pathway) : RETRY_FIRST_MS,
        .retry_most_ms = pathway ? pathway_retry_most_ms(pathway) : RETRY_MOST_MS,
        .bytes = message->value,
        .size = message->value_size,
    };
    verdict = deliver_record_seen(self->core, message->partition, message->offset, &record,
                                  clock_now_ms());
    if (verdict == TRY_AGAIN) {
        stream_postpone(self->stream, POSTPONE_MS);
        reason_set(reason, "no-memory", NULL, "no memory for another delivery");
    }
    return verdict;
}

static bool is_intents(const struct kafka_message *message)
{
    return message->key_size > strlen(INTENT_KEY) &&
           memcmp(message->key, INTENT_KEY, strlen(INTENT_KEY)) == 0;
}

static enum verdict take_intents(struct dispatcher *self, const struct kafka_message *message,
                                 struct reason *reason)
{
    const size_t mark = strlen(INTENT_MARK);
    const uint8_t *value = message->value;
    const size_t count = message->value_size > mark ? (message->value_size - mark) / 16 : 0;
    if (!value || message->value_size != mark + count * 16 || memcmp(value, INTENT_MARK, mark)) {
        struct reason why = {0};
        reason_set(&why, "bad-intents", NULL, "not a list of ids");
        return pass_over(self, message, &why);
    }
    _Static_assert(sizeof(struct uuid) == 16, "ids are read where they stand");
    enum verdict verdict =
        deliver_intents_seen(self->core, message->partition, message->offset,
                             (const struct uuid *)(const void *)(value + mark), count);
    if (verdict == TRY_AGAIN) {
        stream_postpone(self->stream, POSTPONE_MS);
        reason_set(reason, "no-memory", NULL, "a list of %zu intents can't be held", count);
    }
    return verdict;
}

static enum verdict take_operation(struct dispatcher *self, const struct kafka_message *message,
                                   struct reason *reason)
{
    struct reason why = {0};
    enum verdict verdict = operations_seen(self, message, &why);
    if (verdict == REFUSED)
        return pass_over(self, message, &why);
    if (verdict == TRY_AGAIN)
        stream_postpone(self->stream, POSTPONE_MS);
    if (verdict == DONE)
        deliver_skip(self->core, message->partition, message->offset);
    else
        *reason = why;
    return verdict;
}

enum verdict records_message(void *context, const struct kafka_message *message,
                             struct reason *reason)
{
    struct dispatcher *self = context;
    struct uuid id;
    if (!deliver_is_new(self->core, message->partition, message->offset))
        return DONE;
    restore_read(self, message->partition, message->offset);
    if (is_fence(self, message)) {
        deliver_skip(self->core, message->partition, message->offset);
        return DONE;
    }
    if (is_intents(message))
        return take_intents(self, message, reason);
    if (operation_is_key(message->key, message->key_size))
        return take_operation(self, message, reason);
    if (!uuid_parse_bytes(message->key, message->key_size, &id)) {
        struct reason why = {0};
        reason_set(&why, "bad-key", NULL, "the key is no UUID");
        return pass_over(self, message, &why);
    }
    if (!message->value) {
        deliver_tombstone_seen(self->core, message->partition, message->offset, &id,
                               clock_now_ms());
        return DONE;
    }
    if (deliver_echo_seen(self->core, message->partition, message->offset, &id, message->value,
                          message->value_size))
        return DONE;
    return take_record(self, message, &id, reason);
}
