/* SPDX-License-Identifier: Apache-2.0 */
/* One life, one vocabulary: the words that every service, the ledger, the tracker and the volumes
 * use, from one table. */
#ifndef LIFECYCLE_EVENT_H
#define LIFECYCLE_EVENT_H

#include "codec/contract.h"
#include "ids/formats.h"
#include "ids/uuid.h"
#include "kafka/stream.h"

#define TOPIC_EVENTS "referral.events"
#define TOPIC_DELIVERIES "deliveries"
#define TOPIC_REFUSED "referrals.refused"
#define TOPIC_PROVIDERS "providers"
#define TOPIC_VOLUMES_DAILY "volumes.daily"
#define TOPIC_TURN "aggregator.turn" /* empty: who holds its one partition counts */
#define TOPIC_REFERRALS_PREFIX "referrals."
/* Pattern for consumers of all pathways; TOPIC_REFUSED is to be excluded. */
#define TOPIC_REFERRALS_PATTERN "^referrals\\..*"

enum event_kind {
    EVENT_RECEIVED,
    EVENT_DUPLICATE,
    EVENT_REFUSED,
    EVENT_RECORDED,
    EVENT_ROUTED,
    EVENT_ATTEMPTED,
    EVENT_DELIVERED,
    EVENT_RETURNED,
    EVENT_CANCELLED,
    EVENT_ACCEPTED,
    EVENT_DECLINED,
    EVENT_NO_CONTACT,
    EVENT_COMPLETED,
    EVENT_FORWARDED,
    EVENT_OVERDUE,
    EVENT_NOTICED,
    EVENT_KINDS, /* how many; also "unknown word" */
};

struct event_word {
    const char *name;        /* "no-contact" */
    const char *state_after; /* NULL = unchanged */
    bool final;              /* for the ledger */
    const char *stage;       /* the volume stage that it counts for, or NULL */
};
const struct event_word *event_word(enum event_kind kind);
enum event_kind event_kind_parse(const char *name); /* EVENT_KINDS if unknown */

#define EVENT_TYPE_PREFIX "uk.nhs.kentandmedway.referral." /* of the header ce_type */
#define SERVICE_NAME_SIZE 48
#define AREA_SIZE 61
#define ORIGIN_SIZE 121
#define VERSION_SIZE 32
#define EXPLANATION_SIZE 4001
#define EVENT_ADDRESS_SIZE 46
#define EVENT_EXCERPT_SIZE 201

/* What an event says; texts are "" where there is nothing to say, times 0. */
struct referral_event {
    enum event_kind kind;
    char referral_id[UUID_TEXT_SIZE];
    char correlation_id[UUID_TEXT_SIZE];
    int64_t occurred_at_ms, recorded_at_ms, accepted_at_ms, deadline_at_ms;
    char pathway[PATHWAY_NAME_SIZE];
    char service[SERVICE_NAME_SIZE];
    char source_kind[17];
    char source_ods[ODS_CODE_SIZE];
    char hcp[AREA_SIZE], pcn[AREA_SIZE];
    char destination[ODS_CODE_SIZE];
    int32_t hop, attempt;
    char reason[REASON_CODE_MAX];
    char result[REASON_CODE_MAX];
    const char *explanation; /* borrowed; NULL or JSON text */
    char origin[ORIGIN_SIZE];
    char rules_version[VERSION_SIZE], directory_version[VERSION_SIZE];
    int32_t duration_ms;              /* of an attempt */
    char address[EVENT_ADDRESS_SIZE]; /* that it went to */
    char excerpt[EVENT_EXCERPT_SIZE]; /* of its answer, masked */
};

/* The deterministic id: UUIDv5 of pathway, referral, kind, hop, attempt and origin (a record that
 * comes twice is two duplicates). */
void event_id(const struct referral_event *event, char id[UUID_TEXT_SIZE]);
/* Appends the framed ReferralEvent. */
__attribute__((warn_unused_result)) enum verdict
event_encode(struct codec *codec, const struct contract *contract,
             const struct referral_event *event, struct buffer *buffer, struct reason *reason);
/* From a framed value. The explanation points into the codec's record: valid until the next
 * event_decode. `ret_id` may be NULL. Unknown words are REFUSED (unknown-event). */
__attribute__((warn_unused_result)) enum verdict
event_decode(struct codec *codec, const void *bytes, size_t length,
             struct referral_event *ret_event, char ret_id[UUID_TEXT_SIZE], struct reason *reason);
/* Encodes and sends it to TOPIC_EVENTS inside the stream's transaction: key = referral id,
 * CloudEvents headers (ce_id, ce_source, ce_type "uk.nhs.kentandmedway.referral.<word>", ce_time,
 * ce_specversion). `scratch` is reset and used. */
__attribute__((warn_unused_result)) enum verdict
event_send(struct stream *stream, struct codec *codec, const struct contract *contract,
           const char *service, const struct referral_event *event, struct buffer *scratch,
           struct reason *reason);

#endif
