/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, as a list of steps: step n takes a database from version n to n + 1. A step that was
 * released never changes; a change is a new step at the end. */
#ifndef TRACKER_STORE_SCHEMA_H
#define TRACKER_STORE_SCHEMA_H

static const char *const store_schema_steps[] = {
    "CREATE TABLE referral ("
    "  id TEXT PRIMARY KEY, correlation_id TEXT NOT NULL, state TEXT NOT NULL,"
    "  pathway TEXT NOT NULL, service TEXT NOT NULL, source_kind TEXT NOT NULL,"
    "  source_ods TEXT NOT NULL, hcp TEXT NOT NULL, pcn TEXT NOT NULL, destination TEXT NOT NULL,"
    "  reason TEXT NOT NULL, hop BIGINT NOT NULL,"
    "  accepted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, deadline_at BIGINT NOT NULL);"
    "CREATE TABLE event ("
    "  id TEXT PRIMARY KEY, referral_id TEXT NOT NULL, log_offset BIGINT NOT NULL,"
    "  kind TEXT NOT NULL, occurred_at BIGINT NOT NULL, recorded_at BIGINT NOT NULL,"
    "  destination TEXT NOT NULL, reason TEXT NOT NULL, result TEXT NOT NULL,"
    "  hop BIGINT NOT NULL, attempt BIGINT NOT NULL, explanation TEXT NOT NULL);"
    "CREATE INDEX event_of_referral ON event (referral_id, log_offset);"
    "CREATE TABLE event_count ("
    "  kind TEXT PRIMARY KEY, count BIGINT NOT NULL, newest_at BIGINT NOT NULL);"
    "CREATE TABLE volume ("
    "  period TEXT NOT NULL, pathway TEXT NOT NULL, service TEXT NOT NULL,"
    "  source_kind TEXT NOT NULL, hcp TEXT NOT NULL, pcn TEXT NOT NULL, provider TEXT NOT NULL,"
    "  stage TEXT NOT NULL, count BIGINT NOT NULL,"
    "  PRIMARY KEY (period, pathway, service, source_kind, hcp, pcn, provider, stage));"
    "CREATE TABLE position ("
    "  topic TEXT NOT NULL, part BIGINT NOT NULL, next_offset BIGINT NOT NULL,"
    "  PRIMARY KEY (topic, part));",
    /* What the page counts of all that ever was. */
    "CREATE INDEX referral_under_way ON referral (pathway) WHERE state IN ('received', 'routed');"
    "CREATE INDEX event_noticed ON event (reason, occurred_at) WHERE kind = 'noticed';",
};

#endif
