/* SPDX-License-Identifier: Apache-2.0 */
/* A notice has no patient data: the referrer knows the referral by its id. */
#include "directory/notice.h"

#include "base/text.h"
#include "ids/uuid.h"

enum notice_way notice_of(const struct directory *directory, const struct delivery *returned,
                          const char *why, int64_t now_ms, struct delivery *ret_notice)
{
    if (text_equal(returned->source_kind, "walk-in"))
        return NOTICE_BY_NOBODY;
    const struct provider *referrer =
        returned->source_ods[0] ? directory_find(directory, returned->source_ods) : NULL;
    if (!referrer || !referrer->url || !text_equal(referrer->kind, "referrer"))
        return NOTICE_BY_PERSON;
    struct delivery notice = *returned;
    struct uuid id =
        uuid_of("notice", returned->pathway, returned->referral_id, NOTICE_RETURNED, NULL);
    uuid_format(&id, notice.id);
    (void)text_copy(notice.notice, sizeof(notice.notice), NOTICE_RETURNED);
    (void)text_copy(notice.reason, sizeof(notice.reason), why);
    (void)text_copy(notice.destination, sizeof(notice.destination), referrer->ods_code);
    notice.tried_count = 0;
    notice.attempts = 0;
    notice.intent = false;
    notice.last_result[0] = '\0';
    notice.created_at_ms = now_ms;
    notice.next_attempt_at_ms = now_ms;
    notice.deadline_at_ms = now_ms + NOTICE_VALID_MS;
    notice.payload = "";
    notice.payload_size = 0;
    *ret_notice = notice;
    return NOTICE_BY_CALLBACK;
}

void notice_event(const struct delivery *delivery, bool told, const char *result, int64_t now_ms,
                  struct referral_event *ret_event)
{
    delivery_event(delivery, EVENT_NOTICED, now_ms, ret_event);
    ret_event->deadline_at_ms = 0; /* the referral's own stands in its other events */
    if (!delivery->notice[0])
        ret_event->destination[0] = '\0'; /* that was a provider */
    (void)text_copy(ret_event->reason, sizeof(ret_event->reason), told ? "" : NEEDS_HUMAN);
    (void)text_copy(ret_event->result, sizeof(ret_event->result), result);
}
