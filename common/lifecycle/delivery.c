/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery as it stands on the compacted topic. Its id names referral and hop, so that a decision
 * made anew after a crash writes the same key; it is partitioned by destination, so that one
 * dispatcher holds all that waits for one. */
#include "lifecycle/delivery.h"

#include "base/text.h"
#include "lifecycle/fields.h"

#include <string.h>

#define MEMBER(member, optional)                                                                   \
    {                                                                                              \
#member, offsetof(struct delivery, member), sizeof(((struct delivery *)0)->member),        \
            optional                                                                               \
    }
static const struct text_field texts[] = {
    MEMBER(id, false),
    MEMBER(referral_id, false),
    MEMBER(correlation_id, true),
    MEMBER(pathway, false),
    MEMBER(service, false),
    MEMBER(source_kind, false),
    MEMBER(source_ods, true),
    MEMBER(hcp, true),
    MEMBER(pcn, true),
    MEMBER(destination, false),
    MEMBER(last_result, true),
    MEMBER(traceparent, true),
    MEMBER(rules_version, true),
    MEMBER(directory_version, true),
};
#undef MEMBER
static const struct whole_field wholes[] = {
    {"hop", offsetof(struct delivery, hop), false, true},
    {"attempts", offsetof(struct delivery, attempts), false, true},
    {"accepted_at", offsetof(struct delivery, accepted_at_ms), true, false},
    {"created_at", offsetof(struct delivery, created_at_ms), true, false},
    {"deadline_at", offsetof(struct delivery, deadline_at_ms), true, false},
    {"next_attempt_at", offsetof(struct delivery, next_attempt_at_ms), true, false},
};
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void delivery_id_of(const char *referral_id, int32_t hop, char id[UUID_TEXT_SIZE])
{
    char number[12];
    text_format(number, sizeof number, "%d", (int)hop);
    struct uuid uuid = uuid_of("delivery", referral_id, number, NULL);
    uuid_format(&uuid, id);
}

static bool write_tried(struct record *record, const struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->tried_count && i < DELIVERY_TRIED_MAX; i++) {
        char path[16];
        text_format(path, sizeof path, "tried.%zu", i);
        if (!record_add(record, "tried") || !record_set_text(record, path, delivery->tried[i]))
            return false;
    }
    return true;
}

enum verdict delivery_encode(struct codec *codec, const struct contract *contract,
                             const struct delivery *delivery, struct buffer *buffer,
                             struct reason *reason)
{
    if (delivery->payload_size > DELIVERY_PAYLOAD_MAX) {
        reason_set(reason, "too-large", NULL, "a payload has at most %d bytes",
                   DELIVERY_PAYLOAD_MAX);
        return REFUSED;
    }
    const struct schema *schema = contract_message(contract, "Delivery");
    struct record *record = schema == NULL ? NULL : codec_blank(codec, schema);
    if (record == NULL ||
        !fields_write(record, delivery, texts, COUNT(texts), wholes, COUNT(wholes)) ||
        (delivery->intent && !record_set_boolean(record, "intent", true)) ||
        !write_tried(record, delivery) ||
        !record_set_bytes(record, "payload", delivery->payload, delivery->payload_size)) {
        reason_set(reason, "no-delivery", NULL,
                   "a delivery could not be written: schema or memory");
        return BROKEN;
    }
    return codec_write(codec, record, buffer, reason);
}

static enum verdict read_tried(const struct record *record, struct delivery *delivery,
                               struct reason *reason)
{
    delivery->tried_count = record_count(record, "tried");
    if (delivery->tried_count > DELIVERY_TRIED_MAX) {
        reason_set(reason, "too-many", "/tried", "at most %d destinations", DELIVERY_TRIED_MAX);
        return REFUSED;
    }
    for (size_t i = 0; i < delivery->tried_count; i++) {
        char path[16];
        text_format(path, sizeof path, "tried.%zu", i);
        if (!text_copy(delivery->tried[i], ODS_CODE_SIZE, record_text(record, path))) {
            reason_set(reason, "too-long", "/tried", "an ODS code of at most 12 bytes expected");
            return REFUSED;
        }
    }
    return DONE;
}

enum verdict delivery_decode(struct codec *codec, const void *bytes, size_t length,
                             struct delivery *ret_delivery, struct reason *reason)
{
    struct record *record = NULL;
    enum verdict verdict = codec_read(codec, bytes, length, "Delivery", &record, reason);
    if (verdict != DONE)
        return verdict;
    struct delivery delivery = {0};
    verdict = fields_read(record, &delivery, texts, COUNT(texts), wholes, COUNT(wholes), reason);
    if (verdict != DONE)
        return verdict;
    verdict = read_tried(record, &delivery, reason);
    if (verdict != DONE)
        return verdict;
    delivery.intent = record_is_true(record, "intent");
    delivery.payload = record_bytes(record, "payload", &delivery.payload_size);
    if (delivery.payload == NULL) {
        reason_set(reason, "missing-field", "/payload", "the field payload is not there");
        return REFUSED;
    }
    *ret_delivery = delivery;
    return DONE;
}

enum verdict delivery_send(struct stream *stream, struct codec *codec,
                           const struct contract *contract, const struct delivery *delivery,
                           struct buffer *scratch, struct reason *reason)
{
    buffer_reset(scratch);
    enum verdict verdict = delivery_encode(codec, contract, delivery, scratch, reason);
    if (verdict != DONE)
        return verdict;
    struct kafka_out out = {
        .topic = TOPIC_DELIVERIES,
        .partition = KAFKA_BY_KEY,
        .partition_key = delivery->destination,
        .partition_key_size = strlen(delivery->destination),
        .key = delivery->id,
        .key_size = strlen(delivery->id),
        .value = scratch->data,
        .value_size = scratch->length,
    };
    return stream_send(stream, &out, reason);
}

enum verdict delivery_send_tombstone(struct stream *stream, const char *delivery_id,
                                     const char *destination, struct reason *reason)
{
    struct kafka_out out = {
        .topic = TOPIC_DELIVERIES,
        .partition = KAFKA_BY_KEY,
        .partition_key = destination,
        .partition_key_size = strlen(destination),
        .key = delivery_id,
        .key_size = strlen(delivery_id),
    };
    return stream_send(stream, &out, reason);
}

void delivery_event(const struct delivery *delivery, enum event_kind kind, int64_t now_ms,
                    struct referral_event *ret_event)
{
    *ret_event = (struct referral_event){
        .kind = kind,
        .occurred_at_ms = now_ms,
        .recorded_at_ms = now_ms,
        .accepted_at_ms = delivery->accepted_at_ms,
        .deadline_at_ms = delivery->deadline_at_ms,
        .hop = delivery->hop,
        .attempt = delivery->attempts,
    };
    const struct {
        char *to;
        size_t size;
        const char *from;
    } copies[] = {
        {ret_event->referral_id, sizeof ret_event->referral_id, delivery->referral_id},
        {ret_event->correlation_id, sizeof ret_event->correlation_id, delivery->correlation_id},
        {ret_event->pathway, sizeof ret_event->pathway, delivery->pathway},
        {ret_event->service, sizeof ret_event->service, delivery->service},
        {ret_event->source_kind, sizeof ret_event->source_kind, delivery->source_kind},
        {ret_event->source_ods, sizeof ret_event->source_ods, delivery->source_ods},
        {ret_event->hcp, sizeof ret_event->hcp, delivery->hcp},
        {ret_event->pcn, sizeof ret_event->pcn, delivery->pcn},
        {ret_event->destination, sizeof ret_event->destination, delivery->destination},
        {ret_event->rules_version, sizeof ret_event->rules_version, delivery->rules_version},
        {ret_event->directory_version, sizeof ret_event->directory_version,
         delivery->directory_version},
    };
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
        text_copy(copies[i].to, copies[i].size, copies[i].from);
}
