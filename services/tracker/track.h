/* SPDX-License-Identifier: Apache-2.0 */
/* The core of the tracker: what an event changes in what is known of a referral. Pure. */
#ifndef TRACKER_TRACK_H
#define TRACKER_TRACK_H

#include "lifecycle/event.h"

#define STATE_SIZE 17

/* What is known of a referral. Texts are "" and times 0 where nothing is known. Never patient data.
 */
struct referral_state {
    char id[UUID_TEXT_SIZE];
    char correlation_id[UUID_TEXT_SIZE];
    char state[STATE_SIZE]; /* "" = never seen; else a word of the event table */
    char pathway[PATHWAY_NAME_SIZE];
    char service[SERVICE_NAME_SIZE];
    char source_kind[17];
    char source_ods[ODS_CODE_SIZE];
    char hcp[AREA_SIZE], pcn[AREA_SIZE];
    char destination[ODS_CODE_SIZE];
    char reason[REASON_CODE_MAX]; /* of the event that led to the state */
    int64_t hop;
    int64_t accepted_at_ms, updated_at_ms, deadline_at_ms;
};

/* Applies an event, in the order of the log, that was not applied before (the caller knows events
 * by id). `state` is all zero for a referral never seen. */
void track_event(struct referral_state *state, const struct referral_event *event);

#endif
