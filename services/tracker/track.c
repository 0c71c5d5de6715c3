/* SPDX-License-Identifier: Apache-2.0 */
/* The events of a referral come from several services in one partition. Each writer's own are in
 * order; between two writers there are two races, and both are settled here: a provider's answer
 * may overtake the dispatcher's "delivered", and news of a former provider (a lower hop) may come
 * after the referral went on to the next. What is closed stays so; but what was refused under the
 * id of a referral that was received, before or after it, is not that referral. The history shows
 * the rest. */
#include "track.h"

#include "base/text.h"

#include <string.h>

static bool is_any_of(const char *state, const char *const *states)
{
    for (; *states; states++)
        if (strcmp(*states, state) == 0)
            return true;
    return false;
}

static bool may_follow(const char *state, int64_t hop, const struct referral_event *event)
{
    static const char *const closed[] = {"refused",   "recorded",  "returned",
                                         "cancelled", "completed", NULL};
    static const char *const answered[] = {"accepted", "declined", "no-contact", "forwarded", NULL};
    static const char *const under_way[] = {"", "received", "routed", NULL};

    if (strcmp(state, "refused") == 0 && event->kind == EVENT_RECEIVED)
        return true;
    if (state[0] != '\0' && is_any_of(state, closed))
        return false;
    switch (event->kind) {
    case EVENT_RECEIVED:
        return state[0] == '\0';
    case EVENT_ROUTED:
        return event->hop >= hop;
    case EVENT_ATTEMPTED:
        return event->hop >= hop && is_any_of(state, under_way);
    case EVENT_DELIVERED:
        return event->hop > hop || (event->hop == hop && !is_any_of(state, answered));
    default:
        return true;
    }
}

static void set_if_said(char *to, size_t size, const char *said)
{
    if (said[0] != '\0')
        text_copy(to, size, said);
}

/* The router refuses under the referral's own id only what comes first on a partition. So this is
 * of a record that stood on another pathway's topic, or came when the id was long forgotten. */
static bool is_of_another_record(const char *state, const struct referral_event *event)
{
    return event->kind == EVENT_DUPLICATE ||
           (event->kind == EVENT_REFUSED && state[0] != '\0' && strcmp(state, "refused") != 0);
}

void track_event(struct referral_state *state, const struct referral_event *event)
{
    const bool of_another_record = is_of_another_record(state->state, event);
    text_copy(state->id, sizeof(state->id), event->referral_id);
    if (!of_another_record) {
        set_if_said(state->correlation_id, sizeof(state->correlation_id), event->correlation_id);
        set_if_said(state->pathway, sizeof(state->pathway), event->pathway);
        set_if_said(state->service, sizeof(state->service), event->service);
        set_if_said(state->source_kind, sizeof(state->source_kind), event->source_kind);
        set_if_said(state->source_ods, sizeof(state->source_ods), event->source_ods);
        set_if_said(state->hcp, sizeof(state->hcp), event->hcp);
        set_if_said(state->pcn, sizeof(state->pcn), event->pcn);
        if (event->accepted_at_ms > 0)
            state->accepted_at_ms = event->accepted_at_ms;
        if (event->deadline_at_ms > 0)
            state->deadline_at_ms = event->deadline_at_ms;
    }
    if (event->occurred_at_ms > state->updated_at_ms)
        state->updated_at_ms = event->occurred_at_ms;

    const char *after = event_word(event->kind)->state_after;
    if (after && !of_another_record && may_follow(state->state, state->hop, event)) {
        text_copy(state->state, sizeof(state->state), after);
        text_copy(state->reason, sizeof(state->reason), event->reason);
        set_if_said(state->destination, sizeof(state->destination), event->destination);
        if (event->hop > state->hop)
            state->hop = event->hop;
    }
    if (state->state[0] == '\0') /* its beginning is older than the topic: that much is sure */
        text_copy(state->state, sizeof(state->state), "received");
    if (state->pathway[0] == '\0')
        text_copy(state->pathway, sizeof(state->pathway), event->pathway);
}
