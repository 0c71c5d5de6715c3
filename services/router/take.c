/* SPDX-License-Identifier: Apache-2.0 */
/* Every record gets exactly one of received, duplicate and refused, named by its origin, so that
 * the audit can count. What failed its checks may hold anything anywhere, so an event about it
 * repeats none of its fields but the id. */
#include "take.h"

#include "base/digest.h"
#include "base/text.h"
#include "directory/notice.h"

#include <string.h>

#define CLOCK_AHEAD_MAX_MS (24 * INT64_C(3600000))

/* One record on its way through the checks. */
struct look {
    const struct take_input *input;
    struct taken *taken;
    struct uuid id;
    bool has_id;   /* the key is a UUID */
    bool is_known; /* and was seen before */
    uint64_t digest;
    const struct record *record; /* NULL if it could not be read */
    int64_t stamped_at_ms;       /* Kafka's time for the record */
    int64_t accepted_at_ms;
    bool accepted_at_replaced;
};

static bool has_value(const struct kafka_message *message)
{
    return message->value != NULL;
}

static bool digest_of(const struct record *record, const struct kafka_message *message,
                      uint64_t *ret_digest)
{
    const char *posted = record == NULL ? NULL : record_text(record, "body_digest");
    uint8_t digest[SHA256_SIZE];
    const void *bytes = posted != NULL ? (const void *)posted : message->value;
    size_t size = posted != NULL ? strlen(posted) : message->value_size;
    if (!digest_sha256(bytes == NULL ? "" : bytes, bytes == NULL ? 0 : size, digest))
        return false;
    memcpy(ret_digest, digest, sizeof *ret_digest);
    return true;
}

/* Key, record (NULL if unreadable, then `ret_why` says why) and digest. */
/* In one spelling only: another would be another partition, and another memory. */
static bool parse_key(const struct kafka_message *message, struct uuid *ret_id)
{
    char text[UUID_TEXT_SIZE];
    if (message->key == NULL || !uuid_parse_bytes(message->key, message->key_size, ret_id))
        return false;
    uuid_format(ret_id, text);
    return memcmp(text, message->key, message->key_size) == 0;
}

static enum verdict identify(struct codec *codec, const struct kafka_message *message,
                             struct look *look, struct reason *ret_why, struct reason *reason)
{
    struct record *record = NULL;
    look->has_id = parse_key(message, &look->id);
    look->record = NULL;
    if (has_value(message)) {
        enum verdict verdict =
            codec_read(codec, message->value, message->value_size, "Referral", &record, ret_why);
        if (verdict == TRY_AGAIN || verdict == BROKEN) {
            if (reason != NULL)
                *reason = *ret_why;
            return verdict;
        }
        if (verdict == DONE)
            look->record = record;
    }
    if (!digest_of(look->record, message, &look->digest)) {
        reason_set(reason, "no-digest", NULL, "SHA-256 failed");
        return BROKEN;
    }
    return DONE;
}

enum verdict take_identify(struct codec *codec, const struct kafka_message *message,
                           bool *ret_has_id, struct uuid *ret_id, uint64_t *ret_digest,
                           struct reason *reason)
{
    struct look look;
    struct reason why;
    enum verdict verdict = identify(codec, message, &look, &why, reason);
    if (verdict != DONE)
        return verdict;
    *ret_has_id = look.has_id;
    *ret_id = look.id;
    *ret_digest = look.digest;
    return DONE;
}

/* ---- events */

static struct referral_event *add_event(struct look *look, enum event_kind kind)
{
    struct taken *taken = look->taken;
    struct referral_event *event = &taken->events[taken->events_count++];
    *event = (struct referral_event){
        .kind = kind,
        .occurred_at_ms = look->accepted_at_ms,
        .recorded_at_ms = look->input->now_ms,
        .accepted_at_ms = look->accepted_at_ms,
    };
    text_copy(event->pathway, sizeof event->pathway, look->input->pathway);
    return event;
}

static void set_origin(const struct kafka_message *message, char origin[ORIGIN_SIZE])
{
    text_format(origin, ORIGIN_SIZE, "%s/%d/%lld", message->topic, (int)message->partition,
                (long long)message->offset);
}

/* A refused record that has no id of its own gets one from where it stands. */
static void refuse(struct look *look)
{
    struct referral_event *event = add_event(look, EVENT_REFUSED);
    set_origin(look->input->message, event->origin);
    struct uuid id = look->id;
    if (!look->has_id || look->is_known)
        id = uuid_of("origin", event->origin, NULL);
    uuid_format(&id, event->referral_id);
    text_copy(event->reason, sizeof event->reason, look->taken->reason.code);
}

static void name_duplicate(struct look *look)
{
    struct referral_event *event = add_event(look, EVENT_DUPLICATE);
    set_origin(look->input->message, event->origin);
    uuid_format(&look->id, event->referral_id);
    event->occurred_at_ms = look->stamped_at_ms;
}

/* For a record that passed its checks. */
static void copy_fields(const struct look *look, struct referral_event *event)
{
    const struct record *record = look->record;
    uuid_format(&look->id, event->referral_id);
    text_copy(event->correlation_id, sizeof event->correlation_id,
              record_text(record, "correlation_id"));
    text_copy(event->source_kind, sizeof event->source_kind, record_text(record, "source.kind"));
    text_copy(event->source_ods, sizeof event->source_ods, record_text(record, "source.ods_code"));
    text_copy(event->hcp, sizeof event->hcp, record_text(record, "source.hcp"));
    text_copy(event->pcn, sizeof event->pcn, record_text(record, "source.pcn"));
}

/* ---- checks */

/* Kafka's own time bounds what a producer may claim: an acceptance in the future would move the
 * deadline out of reach. */
static void settle_times(struct look *look)
{
    const struct kafka_message *message = look->input->message;
    look->stamped_at_ms = message->timestamp_ms > 0 ? message->timestamp_ms : look->input->now_ms;
    look->accepted_at_ms = look->stamped_at_ms;
    look->accepted_at_replaced = false;
    int64_t claimed_ms;
    if (look->record == NULL || !record_whole(look->record, "accepted_at", &claimed_ms) ||
        claimed_ms <= 0)
        return;
    if (claimed_ms > look->stamped_at_ms + CLOCK_AHEAD_MAX_MS)
        look->accepted_at_replaced = true;
    else
        look->accepted_at_ms = claimed_ms;
}

static bool is_of_the_pathway(const struct look *look)
{
    const struct schema *expected = contract_referral(look->input->contract, look->input->pathway);
    const char *name = record_text(look->record, "pathway");
    return expected != NULL && name != NULL && strcmp(name, look->input->pathway) == 0 &&
           strcmp(schema_name(record_schema(look->record)), schema_name(expected)) == 0;
}

/* True if the record may be routed; else taken->reason says what is wrong with it. */
static bool is_sound(struct look *look)
{
    const struct kafka_message *message = look->input->message;
    struct reason *why = &look->taken->reason;
    struct uuid inner;
    if (!has_value(message)) {
        reason_set(why, "tombstone", NULL, "a record without a value; a referral can't be erased");
        return false;
    }
    if (look->record == NULL)
        return false; /* the codec has said why */
    if (message->value_size > DELIVERY_PAYLOAD_MAX) {
        reason_set(why, "too-large", NULL, "a referral has at most %d bytes", DELIVERY_PAYLOAD_MAX);
        return false;
    }
    if (!is_of_the_pathway(look)) {
        reason_set(why, "wrong-pathway", "/pathway",
                   "a referral of another pathway than its topic");
        return false;
    }
    const char *id = record_text(look->record, "id");
    if (id == NULL || !uuid_parse(id, &inner) || memcmp(&inner, &look->id, sizeof inner) != 0) {
        reason_set(why, "key-mismatch", "/id", "the record's key is not its id");
        return false;
    }
    return record_check(look->record, why) == DONE;
}

/* ---- decisions */

static void fill_delivery(struct look *look, const struct route_decision *decision,
                          const struct referral_event *event)
{
    const struct take_input *input = look->input;
    struct delivery *delivery = &look->taken->delivery;
    *delivery = (struct delivery){
        .accepted_at_ms = look->accepted_at_ms,
        .created_at_ms = input->now_ms,
        .deadline_at_ms = decision->deadline_at_ms,
        .next_attempt_at_ms = input->now_ms,
        .payload = input->message->value,
        .payload_size = input->message->value_size,
    };
    const char *traceparent = record_text(look->record, "traceparent");
    delivery_id_of(event->pathway, event->referral_id, 0, delivery->id);
    const struct {
        char *to;
        size_t size;
        const char *from;
    } copies[] = {
        {delivery->referral_id, sizeof delivery->referral_id, event->referral_id},
        {delivery->correlation_id, sizeof delivery->correlation_id, event->correlation_id},
        {delivery->pathway, sizeof delivery->pathway, event->pathway},
        {delivery->service, sizeof delivery->service, event->service},
        {delivery->source_kind, sizeof delivery->source_kind, event->source_kind},
        {delivery->source_ods, sizeof delivery->source_ods, event->source_ods},
        {delivery->hcp, sizeof delivery->hcp, event->hcp},
        {delivery->pcn, sizeof delivery->pcn, event->pcn},
        {delivery->destination, sizeof delivery->destination, event->destination},
        {delivery->rules_version, sizeof delivery->rules_version, event->rules_version},
        {delivery->directory_version, sizeof delivery->directory_version, event->directory_version},
        {delivery->traceparent, sizeof delivery->traceparent,
         traceparent != NULL ? traceparent : input->traceparent},
    };
    for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++)
        text_copy(copies[i].to, copies[i].size, copies[i].from);
    look->taken->has_delivery = true;
}

static void fill_result(struct referral_event *event, const struct route_decision *decision)
{
    const char *result = decision->choice.how;
    if (event->kind == EVENT_ROUTED && decision->rules.fell_back_from != NULL)
        result = "fell-back";
    text_copy(event->result, sizeof event->result, result);
    text_copy(event->reason, sizeof event->reason,
              event->kind == EVENT_RETURNED ? decision->reason : decision->rules.reason);
    if (decision->choice.provider != NULL)
        text_copy(event->destination, sizeof event->destination,
                  decision->choice.provider->ods_code);
    if (event->kind != EVENT_RECORDED)
        event->deadline_at_ms = decision->deadline_at_ms;
}

/* The referrer of what comes back at once, by its own callback or by a person. */
static void tell_referrer(struct look *look, const struct route_decision *decision,
                          const struct referral_event *returned)
{
    struct taken *taken = look->taken;
    const int64_t now_ms = look->input->now_ms;
    fill_delivery(look, decision, returned);
    const enum notice_way way = notice_of(look->input->world->directory, &taken->delivery,
                                          returned->reason, now_ms, &taken->delivery);
    taken->has_delivery = way == NOTICE_BY_CALLBACK;
    if (way == NOTICE_BY_PERSON)
        notice_event(&taken->delivery, false, "no-callback", now_ms,
                     &taken->events[taken->events_count++]);
}

static enum verdict decide(struct look *look, struct reason *reason)
{
    const struct take_input *input = look->input;
    const struct pathway *pathway = pathway_find(input->world->pathways, input->pathway);
    struct route_decision decision;
    if (pathway == NULL || !route_decide(input->world, input->pathway, look->record,
                                         look->accepted_at_ms, input->now_ms, NULL, 0, &decision)) {
        reason_set(reason, "no-rules", NULL, "no rules for pathway %s", input->pathway);
        return BROKEN;
    }
    decision.accepted_at_replaced = look->accepted_at_replaced;
    enum event_kind kind = EVENT_ROUTED;
    if (decision.rules.outcome == RULES_RECORD)
        kind = EVENT_RECORDED;
    else if (decision.choice.provider == NULL)
        kind = EVENT_RETURNED;

    struct referral_event *received = add_event(look, EVENT_RECEIVED);
    copy_fields(look, received);
    text_copy(received->service, sizeof received->service, decision.rules.service);
    text_copy(received->rules_version, sizeof received->rules_version, pathway_version(pathway));
    text_copy(received->directory_version, sizeof received->directory_version,
              directory_version(input->world->directory));
    struct referral_event *decided = &look->taken->events[look->taken->events_count++];
    *decided = *received;
    set_origin(input->message, received->origin);
    decided->kind = kind;
    decided->occurred_at_ms = input->now_ms;
    fill_result(decided, &decision);
    if (kind == EVENT_RECORDED && directory_find(input->world->directory, decided->source_ods))
        text_copy(decided->destination, sizeof decided->destination, decided->source_ods);
    if (route_explain(input->world, &decision, decided->rules_version, look->taken->explanation,
                      sizeof look->taken->explanation))
        decided->explanation = look->taken->explanation;
    if (kind == EVENT_ROUTED)
        fill_delivery(look, &decision, decided);
    else if (kind == EVENT_RETURNED)
        tell_referrer(look, &decision, decided);
    return DONE;
}

static bool key_is_missing(const struct kafka_message *message)
{
    return message->key == NULL || message->key_size == 0;
}

enum verdict take_message(const struct take_input *input, struct taken *ret_taken,
                          struct reason *reason)
{
    struct taken *taken = ret_taken;
    struct look look = {.input = input, .taken = taken};
    taken->events_count = 0;
    taken->has_delivery = false;
    enum verdict verdict = identify(input->codec, input->message, &look, &taken->reason, reason);
    if (verdict != DONE)
        return verdict;
    settle_times(&look);
    if (!look.has_id) {
        bool missing = key_is_missing(input->message);
        reason_set(&taken->reason, missing ? "empty-key" : "bad-key", NULL,
                   "a record's key is its referral's id, a UUID");
        refuse(&look);
        return DONE;
    }
    enum memory_answer answer = memory_ask(input->memory, &look.id, look.digest);
    look.is_known = answer != MEMORY_NEW;
    if (answer == MEMORY_SAME) {
        name_duplicate(&look);
        return DONE;
    }
    if (answer == MEMORY_OTHER) {
        reason_set(&taken->reason, "conflict", NULL, "the id came before with another content");
        refuse(&look);
        return DONE;
    }
    int64_t seen_at_ms = look.stamped_at_ms < input->now_ms ? look.stamped_at_ms : input->now_ms;
    if (!memory_add(input->memory, &look.id, look.digest, seen_at_ms)) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    if (is_sound(&look))
        return decide(&look, reason);
    refuse(&look);
    return DONE;
}
