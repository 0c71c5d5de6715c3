/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of words. Whatever a service writes about a referral goes through here, so that
 * ledger, tracker and volumes can't come to mean different things by the same word. */
#include "lifecycle/event.h"

#include "base/calendar.h"
#include "base/text.h"
#include "lifecycle/fields.h"

#include <string.h>

static const struct event_word words[EVENT_KINDS] = {
    [EVENT_RECEIVED] = {"received", "received", false, "received"},
    [EVENT_DUPLICATE] = {"duplicate", NULL, false, NULL},
    [EVENT_REFUSED] = {"refused", "refused", true, "refused"},
    [EVENT_RECORDED] = {"recorded", "recorded", true, "recorded"},
    [EVENT_ROUTED] = {"routed", "routed", false, NULL},
    [EVENT_ATTEMPTED] = {"attempted", "routed", false, NULL},
    [EVENT_DELIVERED] = {"delivered", "delivered", true, "delivered"},
    [EVENT_RETURNED] = {"returned", "returned", true, "returned"},
    [EVENT_CANCELLED] = {"cancelled", "cancelled", true, "cancelled"},
    [EVENT_ACCEPTED] = {"accepted", "accepted", false, "accepted"},
    [EVENT_DECLINED] = {"declined", "declined", false, "declined"},
    [EVENT_NO_CONTACT] = {"no-contact", "no-contact", false, NULL},
    [EVENT_COMPLETED] = {"completed", "completed", false, "completed"},
    [EVENT_FORWARDED] = {"forwarded", "forwarded", false, NULL},
    [EVENT_OVERDUE] = {"overdue", NULL, false, NULL},
    [EVENT_NOTICED] = {"noticed", NULL, false, NULL},
};

#define TEXT(name, optional) TEXT_OF(referral_event, name, optional)
#define TIME(name, optional) MEMBER_OF(referral_event, name, MEMBER_LONG, optional, name##_ms)
#define NUMBER(name) MEMBER_OF(referral_event, name, MEMBER_INT, true, name)
static const struct member members[] = {
    TEXT(referral_id, false),
    TEXT(correlation_id, true),
    TIME(occurred_at, false),
    TIME(recorded_at, false),
    TIME(accepted_at, false),
    TIME(deadline_at, true),
    TEXT(pathway, false),
    TEXT(service, true),
    TEXT(source_kind, true),
    TEXT(source_ods, true),
    TEXT(hcp, true),
    TEXT(pcn, true),
    TEXT(destination, true),
    NUMBER(hop),
    NUMBER(attempt),
    TEXT(reason, true),
    TEXT(result, true),
    MEMBER_OF(referral_event, explanation, MEMBER_BORROWED, true, explanation),
    TEXT(origin, true),
    TEXT(rules_version, true),
    TEXT(directory_version, true),
    NUMBER(duration_ms),
    TEXT(address, true),
    TEXT(excerpt, true),
};
#undef TEXT
#undef TIME
#undef NUMBER
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct event_word *event_word(enum event_kind kind)
{
    return (unsigned)kind < EVENT_KINDS ? &words[kind] : NULL;
}

enum event_kind event_kind_parse(const char *name)
{
    for (unsigned kind = 0; name != NULL && kind < EVENT_KINDS; kind++)
        if (strcmp(words[kind].name, name) == 0)
            return (enum event_kind)kind;
    return EVENT_KINDS;
}

void event_id(const struct referral_event *event, char id[UUID_TEXT_SIZE])
{
    char hop[WHOLE_TEXT_SIZE], attempt[WHOLE_TEXT_SIZE];
    (void)text_of_whole(event->hop, hop);
    (void)text_of_whole(event->attempt, attempt);
    struct uuid uuid = uuid_of("event", event->pathway, event->referral_id, words[event->kind].name,
                               hop, attempt, event->origin, NULL);
    uuid_format(&uuid, id);
}

static enum verdict encode(struct codec *codec, const struct contract *contract,
                           const struct referral_event *event, const char *id,
                           struct buffer *buffer, struct reason *reason)
{
    const struct schema *schema = contract_message(contract, "ReferralEvent");
    if (schema == NULL) {
        reason_set(reason, "no-event", NULL, "there is no schema of an event");
        return BROKEN;
    }
    const char *kind = words[event->kind].name;
    struct flat_field fields[COUNT(members) + 2] = {
        {.name = "id", .kind = FLAT_TEXT, .bytes = id, .length = strlen(id)},
        {.name = "kind", .kind = FLAT_TEXT, .bytes = kind, .length = strlen(kind)},
    };
    const size_t count = 2 + fields_list(event, members, COUNT(members), fields + 2);
    return codec_write_flat(codec, schema, fields, count, buffer, reason);
}

enum verdict event_encode(struct codec *codec, const struct contract *contract,
                          const struct referral_event *event, struct buffer *buffer,
                          struct reason *reason)
{
    char id[UUID_TEXT_SIZE];
    event_id(event, id);
    return encode(codec, contract, event, id, buffer, reason);
}

enum verdict event_decode(struct codec *codec, const void *bytes, size_t length,
                          struct referral_event *ret_event, char ret_id[UUID_TEXT_SIZE],
                          struct reason *reason)
{
    struct record *record = NULL;
    enum verdict verdict = codec_read(codec, bytes, length, "ReferralEvent", &record, reason);
    if (verdict != DONE)
        return verdict;
    struct referral_event event = {.kind = event_kind_parse(record_text(record, "kind"))};
    if (event.kind == EVENT_KINDS) {
        reason_set(reason, "unknown-event", "/kind", "a word that this version does not know");
        return REFUSED;
    }
    verdict = fields_read(record, &event, members, COUNT(members), reason);
    if (verdict != DONE)
        return verdict;
    const char *id = record_text(record, "id");
    if (id == NULL || strlen(id) >= UUID_TEXT_SIZE) {
        reason_set(reason, "bad-format", "/id", "no id of at most 36 bytes");
        return REFUSED;
    }
    event.explanation = record_text(record, "explanation");
    if (ret_id != NULL)
        text_copy(ret_id, UUID_TEXT_SIZE, id);
    *ret_event = event;
    return DONE;
}

static void join(char *to, size_t size, const char *first, const char *second)
{
    const size_t length = strlen(first);
    (void)text_copy(to, size, first);
    (void)text_copy(to + length, size - length, second);
}

enum verdict event_send(struct stream *stream, struct codec *codec, const struct contract *contract,
                        const char *service, const struct referral_event *event,
                        struct buffer *scratch, struct reason *reason)
{
    char id[UUID_TEXT_SIZE], source[80], type[80], time[INSTANT_TEXT_SIZE];
    event_id(event, id);
    buffer_reset(scratch);
    enum verdict verdict = encode(codec, contract, event, id, scratch, reason);
    if (verdict != DONE)
        return verdict;
    join(source, sizeof source, "/referral-router/", service);
    join(type, sizeof type, EVENT_TYPE_PREFIX, words[event->kind].name);
    instant_format(event->occurred_at_ms, time);
    struct kafka_out out = {
        .topic = TOPIC_EVENTS,
        .partition = KAFKA_BY_KEY,
        .key = event->referral_id,
        .key_size = strlen(event->referral_id),
        .value = scratch->data,
        .value_size = scratch->length,
        .headers = {{"ce_id", id, strlen(id)},
                    {"ce_source", source, strlen(source)},
                    {"ce_type", type, strlen(type)},
                    {"ce_time", time, strlen(time)},
                    {"ce_specversion", "1.0", 3}},
        .headers_count = 5,
    };
    return stream_send(stream, &out, reason);
}
