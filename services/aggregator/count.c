/* SPDX-License-Identifier: Apache-2.0 */
/* Event time decides the day, not the time of counting: a referral taken at 23:59 counts for that
 * day, even if the router was down until the morning. So a replay, a backlog and a restart all give
 * the same figures. */
#include "count.h"

#include "base/calendar.h"
#include "base/text.h"

/* The years that a date of ten characters can say, with a day to spare for the clock of London. */
#define DAY_MS INT64_C(86400000)

static bool day_of(int64_t ms, int64_t *ret_day)
{
    int64_t first = date_to_days((struct date){1, 1, 2}) * DAY_MS;
    int64_t last = date_to_days((struct date){9999, 12, 30}) * DAY_MS;
    if (ms < first || ms > last)
        return false;
    *ret_day = date_to_days(london_date(ms));
    return true;
}

int64_t count_floor(int64_t now_ms, int64_t days)
{
    int64_t today = 0;
    return day_of(now_ms, &today) ? today - days : -days;
}

enum counted count_event(struct window *window, const struct referral_event *event,
                         int64_t *ret_day)
{
    const char *stage = event_word(event->kind)->stage;
    if (!stage)
        return COUNTED_NOT;
    bool by_acceptance = event->kind == EVENT_RECEIVED && event->accepted_at_ms > 0;
    int64_t day;
    if (!day_of(by_acceptance ? event->accepted_at_ms : event->occurred_at_ms, &day))
        return COUNTED_NO_DAY;
    if (!window_holds(window, day)) {
        *ret_day = day;
        return COUNT_NEEDS_DAY;
    }
    struct volume dimensions = {.count = 0};
    text_copy(dimensions.pathway, sizeof(dimensions.pathway), event->pathway);
    text_copy(dimensions.service, sizeof(dimensions.service), event->service);
    text_copy(dimensions.source_kind, sizeof(dimensions.source_kind), event->source_kind);
    text_copy(dimensions.hcp, sizeof(dimensions.hcp), event->hcp);
    text_copy(dimensions.pcn, sizeof(dimensions.pcn), event->pcn);
    text_copy(dimensions.provider, sizeof(dimensions.provider), event->destination);
    text_copy(dimensions.stage, sizeof(dimensions.stage), stage);
    return window_add(window, day, &dimensions) ? COUNTED : COUNT_FULL;
}
