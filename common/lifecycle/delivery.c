/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery as it stands on the compacted topic. Its id names referral and hop, so that a decision
 * made anew after a crash writes the same key; it is partitioned by destination, so that one
 * dispatcher holds all that waits for one. */
#include "lifecycle/delivery.h"

#include "base/text.h"
#include "base/uninitialized.h"
#include "lifecycle/fields.h"

#include <string.h>

#define TEXT(name, optional) TEXT_OF(delivery, name, optional)
#define TIME(name) MEMBER_OF(delivery, name, MEMBER_LONG, false, name##_ms)
#define NUMBER(name) MEMBER_OF(delivery, name, MEMBER_INT, true, name)
#define APART(name) MEMBER_OF(delivery, name, MEMBER_APART, true, payload)
static const struct member members[] = {
    TEXT(id, false),
    TEXT(referral_id, false),
    TEXT(correlation_id, true),
    TEXT(pathway, false),
    TEXT(service, false),
    TEXT(source_kind, false),
    TEXT(source_ods, true),
    TEXT(hcp, true),
    TEXT(pcn, true),
    TEXT(destination, false),
    NUMBER(hop),
    APART(tried),
    APART(declined),
    NUMBER(attempts),
    MEMBER_OF(delivery, intent, MEMBER_FLAG, true, intent),
    TIME(accepted_at),
    TIME(created_at),
    TIME(deadline_at),
    TIME(next_attempt_at),
    TEXT(last_result, true),
    TEXT(traceparent, true),
    TEXT(rules_version, true),
    TEXT(directory_version, true),
    TEXT(notice, true),
    TEXT(reason, true),
    APART(payload),
};
#undef APART
#undef TEXT
#undef TIME
#undef NUMBER
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

void delivery_id_of(const char *pathway, const char *referral_id, int32_t hop,
                    char id[UUID_TEXT_SIZE])
{
    char number[12];
    text_format(number, sizeof number, "%d", (int)hop);
    struct uuid uuid = uuid_of("delivery", pathway, referral_id, number, NULL);
    uuid_format(&uuid, id);
}

static size_t list_declined(const struct delivery *delivery, char (*declined)[ODS_CODE_SIZE])
{
    size_t count = 0;
    for (size_t i = 0; i < delivery->tried_count; i++)
        if (delivery->tried[i].declined)
            text_copy(declined[count++], ODS_CODE_SIZE, delivery->tried[i].ods_code);
    return count;
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
    if (delivery->tried_count > DELIVERY_TRIED_MAX) {
        reason_set(reason, "too-many", "/tried", "at most %d destinations", DELIVERY_TRIED_MAX);
        return REFUSED;
    }
    const struct schema *schema = contract_message(contract, "Delivery");
    if (schema == NULL) {
        reason_set(reason, "no-delivery", NULL, "there is no schema of a delivery");
        return BROKEN;
    }
    struct flat_field fields[COUNT(members)];
    char declined[DELIVERY_TRIED_MAX][ODS_CODE_SIZE];
    size_t count = fields_list(delivery, members, COUNT(members), fields);
    if (delivery->tried_count > 0)
        fields[count++] = (struct flat_field){.name = "tried",
                                              .kind = FLAT_TEXTS,
                                              .bytes = delivery->tried,
                                              .length = delivery->tried_count,
                                              .stride = sizeof(delivery->tried[0])};
    size_t declined_count = list_declined(delivery, declined);
    if (declined_count > 0)
        fields[count++] = (struct flat_field){.name = "declined",
                                              .kind = FLAT_TEXTS,
                                              .bytes = declined,
                                              .length = declined_count,
                                              .stride = sizeof(declined[0])};
    fields[count++] = (struct flat_field){.name = "payload",
                                          .kind = FLAT_BYTES,
                                          .bytes = delivery->payload,
                                          .length = delivery->payload_size};
    return codec_write_flat(codec, schema, fields, count, buffer, reason);
}

/* Of Avro's length of so many bytes. */
static size_t length_size(size_t bytes)
{
    size_t size = 1;
    for (uint64_t rest = (uint64_t)bytes << 1; rest >= 0x80; rest >>= 7)
        size++;
    return size;
}

bool delivery_without_payload(const struct delivery *delivery, const void *record, size_t size,
                              struct buffer *buffer)
{
    static const uint8_t none = 0;
    if (!delivery->payload_size || delivery->payload_size >= size)
        return false;
    const size_t at = size - delivery->payload_size; /* if it is the end */
    if (delivery->payload != (const uint8_t *)record + at)
        return false;
    const size_t kept = at - length_size(delivery->payload_size);
    return buffer_reserve(buffer, kept + 1) && buffer_append(buffer, record, kept) &&
           buffer_append(buffer, &none, 1);
}

static bool is_code(const char *code, const struct record_field *text)
{
    return strlen(code) == text->length && memcmp(code, text->text, text->length) == 0;
}

static enum verdict read_tried(const struct record_field *tried,
                               const struct record_field *declined, struct delivery *delivery,
                               struct reason *reason)
{
    struct record_field codes[DELIVERY_TRIED_MAX];
    delivery->tried_count = flat_texts(tried, codes, DELIVERY_TRIED_MAX);
    const size_t declined_count = flat_texts(declined, NULL, 0);
    if (delivery->tried_count > DELIVERY_TRIED_MAX || declined_count > DELIVERY_TRIED_MAX) {
        reason_set(reason, "too-many", "/tried", "at most %d destinations", DELIVERY_TRIED_MAX);
        return REFUSED;
    }
    for (size_t i = 0; i < delivery->tried_count; i++) {
        if (!text_copy_bytes(delivery->tried[i].ods_code, ODS_CODE_SIZE, codes[i].text,
                             codes[i].length)) {
            reason_set(reason, "too-long", "/tried", "an ODS code of at most 12 bytes expected");
            return REFUSED;
        }
    }
    (void)flat_texts(declined, codes, DELIVERY_TRIED_MAX);
    for (size_t i = 0; i < declined_count; i++)
        for (size_t j = 0; j < delivery->tried_count; j++)
            if (is_code(delivery->tried[j].ods_code, &codes[i]))
                delivery->tried[j].declined = true;
    return DONE;
}

static enum verdict take_fields(const struct record_field *fields, size_t count,
                                struct delivery *ret_delivery, struct reason *reason)
{
    const struct record_field *apart[3];
    *ret_delivery = (struct delivery){0};
    enum verdict verdict =
        fields_take(fields, count, ret_delivery, members, COUNT(members), apart, reason);
    if (verdict == DONE)
        verdict = read_tried(apart[0], apart[1], ret_delivery, reason);
    if (verdict != DONE)
        return verdict;
    const struct record_field *payload = apart[2];
    if (!payload || !payload->bytes) {
        reason_set(reason, "missing-field", "/payload", "the field payload is not there");
        return REFUSED;
    }
    ret_delivery->payload = payload->bytes;
    ret_delivery->payload_size = payload->length;
    return DONE;
}

static enum verdict decode(struct codec *codec, const void *bytes, size_t length, bool again,
                           struct delivery *ret_delivery, struct reason *reason)
{
    struct record_field fields[FLAT_FIELDS_MAX] UNINITIALIZED;
    size_t count = 0;
    enum verdict verdict = (again ? codec_read_flat_again : codec_read_flat)(
        codec, bytes, length, "Delivery", fields, &count, reason);
    return verdict == DONE ? take_fields(fields, count, ret_delivery, reason) : verdict;
}

enum verdict delivery_decode(struct codec *codec, const void *bytes, size_t length,
                             struct delivery *ret_delivery, struct reason *reason)
{
    return decode(codec, bytes, length, false, ret_delivery, reason);
}

enum verdict delivery_decode_again(struct codec *codec, const void *bytes, size_t length,
                                   struct delivery *ret_delivery, struct reason *reason)
{
    return decode(codec, bytes, length, true, ret_delivery, reason);
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

bool delivery_was_declined(const char *why, const char *last_result)
{
    return text_equal(why, "returned-by-provider") || text_equal(last_result, "http-410");
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
