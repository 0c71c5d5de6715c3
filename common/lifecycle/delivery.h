/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery: one referral on its way to one provider, as it stands on the topic `deliveries`. */
#ifndef LIFECYCLE_DELIVERY_H
#define LIFECYCLE_DELIVERY_H

#include "lifecycle/event.h"

#define DELIVERY_TRIED_MAX 16
#define DELIVERY_PAYLOAD_MAX 49152

/* A destination of an earlier hop. */
struct tried_provider {
    char ods_code[ODS_CODE_SIZE];
    bool declined; /* it sent the referral back; else its time was up, or it is not there */
};

struct delivery {
    char id[UUID_TEXT_SIZE];
    char referral_id[UUID_TEXT_SIZE];
    char correlation_id[UUID_TEXT_SIZE];
    char pathway[PATHWAY_NAME_SIZE];
    char service[SERVICE_NAME_SIZE];
    char source_kind[17];
    char source_ods[ODS_CODE_SIZE];
    char hcp[AREA_SIZE], pcn[AREA_SIZE];
    char destination[ODS_CODE_SIZE];
    int32_t hop;
    struct tried_provider tried[DELIVERY_TRIED_MAX];
    size_t tried_count;
    int32_t attempts;
    bool intent;
    int64_t accepted_at_ms, created_at_ms, deadline_at_ms, next_attempt_at_ms;
    char last_result[REASON_CODE_MAX];
    char traceparent[56];
    char rules_version[VERSION_SIZE], directory_version[VERSION_SIZE];
    char notice[17];              /* what it tells the referrer; "" = it is a referral */
    char reason[REASON_CODE_MAX]; /* of what a notice tells */
    const void *payload;          /* borrowed */
    size_t payload_size;
};

/* UUIDv5 of pathway, referral and hop. Of the pathway, too, for a producer of its own may use one
 * id on two: two records of one key would be one delivery. */
void delivery_id_of(const char *pathway, const char *referral_id, int32_t hop,
                    char id[UUID_TEXT_SIZE]);
__attribute__((warn_unused_result)) enum verdict
delivery_encode(struct codec *codec, const struct contract *contract,
                const struct delivery *delivery, struct buffer *buffer, struct reason *reason);
/* `ret_delivery` is of no use on failure. The payload points into the bytes, or, if another version
 * wrote them, into what the codec made of them, until its next reading. */
__attribute__((warn_unused_result)) enum verdict delivery_decode(struct codec *codec,
                                                                 const void *bytes, size_t length,
                                                                 struct delivery *ret_delivery,
                                                                 struct reason *reason);
/* The same of bytes that were decoded or encoded here before. */
__attribute__((warn_unused_result)) enum verdict
delivery_decode_again(struct codec *codec, const void *bytes, size_t length,
                      struct delivery *ret_delivery, struct reason *reason);
/* Sends it to TOPIC_DELIVERIES, key = delivery id, partitioned by destination. */
__attribute__((warn_unused_result)) enum verdict
delivery_send(struct stream *stream, struct codec *codec, const struct contract *contract,
              const struct delivery *delivery, struct buffer *scratch, struct reason *reason);
/* Appends the record that it was decoded from without its payload, which is an empty one there: all
 * that is told of a delivery which has arrived. False, with nothing appended, where the payload is
 * not the end of the record, is empty already, or memory ran out. */
bool delivery_without_payload(const struct delivery *delivery, const void *record, size_t size,
                              struct buffer *buffer);
/* Did the provider that it leaves send it back? `why` is the word of the move, `last_result` that
 * of the last attempt there: a 410 to this very referral is a no to it, one to another is not. */
bool delivery_was_declined(const char *why, const char *last_result);
/* An event about this delivery with the common fields filled in. */
void delivery_event(const struct delivery *delivery, enum event_kind kind, int64_t now_ms,
                    struct referral_event *ret_event);

#endif
