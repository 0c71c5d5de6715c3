/* SPDX-License-Identifier: Apache-2.0 */
/* One set of SQL for both databases: what they have in common (ON CONFLICT, $1, BIGINT, TEXT) is
 * enough for a projection. An event's id is its primary key, so a replay is seen by the database
 * itself; a position is only moved on from where this process left it, so that two writers notice
 * each other. */
#include "store.h"

#include "base/text.h"
#include "sql.h"
#include "store_schema.h"

#include <stdlib.h>
#include <string.h>

#define VERSION_KNOWN ((int64_t)(sizeof(store_schema_steps) / sizeof(store_schema_steps[0])))

enum statement {
    ADD_EVENT,
    GET_REFERRAL,
    PUT_REFERRAL,
    ADD_COUNT,
    PUT_VOLUME,
    GET_POSITION,
    PUT_POSITION,
    HISTORY,
    VOLUMES,
    VOLUME_SUMS,
    COUNTS,
    UNDER_WAY,
    NOTICES,
    GET_VERSION,
    PUT_VERSION,
    STATEMENTS,
};

#define REFERRAL_COLUMNS                                                                           \
    "id, correlation_id, state, pathway, service, source_kind, source_ods, hcp, pcn, "             \
    "destination, reason, hop, accepted_at, updated_at, deadline_at"
#define VOLUME_COLUMNS "period, pathway, service, source_kind, hcp, pcn, provider, stage, count"
#define VOLUME_FILTER                                                                              \
    "FROM volume WHERE period >= $1 AND period <= $2 AND ($3 = '' OR pathway = $3) "               \
    "AND ($4 = '' OR stage = $4) AND ($5 = '' OR hcp = $5) "

static const struct sql_statement statements[STATEMENTS] = {
    [ADD_EVENT] =
        {"INSERT INTO event (id, referral_id, log_offset, kind, occurred_at, recorded_at, "
         "destination, reason, result, hop, attempt, explanation) VALUES ($1, $2, $3, $4, $5, "
         "$6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
         12},
    [GET_REFERRAL] = {"SELECT " REFERRAL_COLUMNS " FROM referral WHERE id = $1", 1},
    [PUT_REFERRAL] =
        {"INSERT INTO referral (" REFERRAL_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
         "$8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (id) DO UPDATE SET "
         "correlation_id = $2, state = $3, pathway = $4, service = $5, source_kind = $6, "
         "source_ods = $7, hcp = $8, pcn = $9, destination = $10, reason = $11, hop = $12, "
         "accepted_at = $13, updated_at = $14, deadline_at = $15",
         15},
    [ADD_COUNT] = {"INSERT INTO event_count (kind, count, newest_at) VALUES ($1, $2, $3) "
                   "ON CONFLICT (kind) DO UPDATE SET count = event_count.count + $2, newest_at = "
                   "CASE WHEN event_count.newest_at > $3 THEN event_count.newest_at ELSE $3 END",
                   3},
    [PUT_VOLUME] =
        {"INSERT INTO volume (" VOLUME_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
         "ON CONFLICT (period, pathway, service, source_kind, hcp, pcn, provider, stage) "
         "DO UPDATE SET count = $9",
         9},
    [GET_POSITION] = {"SELECT next_offset FROM position WHERE topic = $1 AND part = $2", 2},
    [PUT_POSITION] = {"INSERT INTO position (topic, part, next_offset) VALUES ($1, $2, $3) "
                      "ON CONFLICT (topic, part) DO UPDATE SET next_offset = $3 "
                      "WHERE position.next_offset = $4",
                      4},
    [HISTORY] =
        {"SELECT id, kind, destination, reason, result, explanation, occurred_at, recorded_at, "
         "hop, attempt FROM event WHERE referral_id = $1 ORDER BY log_offset, id LIMIT $2",
         2},
    [VOLUMES] =
        {"SELECT " VOLUME_COLUMNS " " VOLUME_FILTER
         "ORDER BY period, pathway, service, source_kind, hcp, pcn, provider, stage LIMIT $6",
         6},
    [VOLUME_SUMS] = {"SELECT pathway, stage, CAST(SUM(count) AS BIGINT) " VOLUME_FILTER
                     "GROUP BY pathway, stage ORDER BY pathway, stage",
                     5},
    [COUNTS] = {"SELECT kind, count, newest_at FROM event_count ORDER BY kind", 0},
    /* Each reads an index of store_schema.h that holds just these rows. */
    [UNDER_WAY] = {"SELECT pathway, 'under-way', COUNT(*) FROM referral "
                   "WHERE state IN ('received', 'routed') GROUP BY pathway ORDER BY pathway",
                   0},
    [NOTICES] = {"SELECT reason, COUNT(*), MAX(occurred_at) FROM event WHERE kind = 'noticed' "
                 "GROUP BY reason ORDER BY reason",
                 0},
    [GET_VERSION] = {"SELECT MAX(version) FROM schema_version", 0},
    [PUT_VERSION] = {"INSERT INTO schema_version (version) VALUES ($1)", 1},
};

struct store {
    const struct sql_backend *backend;
    void *connection;
};

static struct sql_value text(const char *value)
{
    return (struct sql_value){.kind = SQL_TEXT, .text = value ? value : ""};
}

static struct sql_value whole(int64_t value)
{
    return (struct sql_value){.kind = SQL_WHOLE, .whole = value};
}

static enum verdict run(struct store *store, enum statement statement,
                        const struct sql_value *values, sql_row *row, void *self,
                        int64_t *ret_changed, struct reason *reason)
{
    return store->backend->run(store->connection, statement, values, row, self, ret_changed,
                               reason);
}

static bool take_whole(void *self, const struct sql_value *columns, size_t count)
{
    if (count > 0 && columns[0].kind == SQL_WHOLE)
        *(int64_t *)self = columns[0].whole;
    return false;
}

static enum verdict migrate(struct store *store, struct reason *reason)
{
    int64_t version = 0;
    enum verdict verdict = store->backend->script(
        store->connection, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)",
        reason);
    if (verdict == DONE)
        verdict = run(store, GET_VERSION, NULL, take_whole, &version, NULL, reason);
    if (verdict == DONE && version > VERSION_KNOWN) {
        reason_set(
            reason, "newer-database", NULL,
            "the database has version %lld, this tracker knows %lld: start the newer tracker",
            (long long)version, (long long)VERSION_KNOWN);
        return BROKEN;
    }
    for (; verdict == DONE && version < VERSION_KNOWN; version++) {
        struct sql_value after = whole(version + 1);
        verdict = store_begin(store, reason);
        if (verdict == DONE && store->backend->patient)
            verdict = store->backend->script(store->connection, store->backend->patient, reason);
        if (verdict == DONE)
            verdict =
                store->backend->script(store->connection, store_schema_steps[version], reason);
        if (verdict == DONE)
            verdict = run(store, PUT_VERSION, &after, NULL, NULL, NULL, reason);
        if (verdict == DONE)
            verdict = store_commit(store, reason);
        if (verdict != DONE)
            store_rollback(store);
    }
    return verdict;
}

enum verdict store_open(const struct store_options *options, bool writer, struct store **ret_store,
                        struct reason *reason)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store) {
        reason_set(reason, "no-memory", NULL, "no memory for the database");
        return BROKEN;
    }
    store->backend = options->url ? &sql_postgres : &sql_sqlite;
    enum verdict verdict = store->backend->open(options->url ? options->url : options->path, writer,
                                                statements, STATEMENTS, &store->connection, reason);
    if (verdict == DONE && writer)
        verdict = migrate(store, reason);
    if (verdict != DONE) {
        store_close(store);
        return verdict;
    }
    *ret_store = store;
    return DONE;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->connection)
        store->backend->close(store->connection);
    free(store);
}

enum verdict store_begin(struct store *store, struct reason *reason)
{
    return store->backend->script(store->connection, store->backend->begin, reason);
}

enum verdict store_commit(struct store *store, struct reason *reason)
{
    return store->backend->script(store->connection, "COMMIT", reason);
}

void store_rollback(struct store *store)
{
    /* It may be rolled back already, or the connection gone: both are what is wanted. */
    enum verdict verdict = store->backend->script(store->connection, "ROLLBACK", NULL);
    (void)verdict;
}

enum verdict store_add_event(struct store *store, const char *id, int64_t offset,
                             const struct referral_event *event, bool *ret_new,
                             struct reason *reason)
{
    const struct sql_value values[] = {
        text(id),
        text(event->referral_id),
        whole(offset),
        text(event_word(event->kind)->name),
        whole(event->occurred_at_ms),
        whole(event->recorded_at_ms),
        text(event->destination),
        text(event->reason),
        text(event->result),
        whole(event->hop),
        whole(event->attempt),
        text(event->explanation),
    };
    int64_t changed = 0;
    enum verdict verdict = run(store, ADD_EVENT, values, NULL, NULL, &changed, reason);
    if (verdict == DONE)
        *ret_new = changed > 0;
    return verdict;
}

static void copy_text(char *to, size_t size, const struct sql_value *value)
{
    text_copy(to, size, value->kind == SQL_TEXT ? value->text : "");
}

static bool take_referral(void *self, const struct sql_value *columns, size_t count)
{
    struct referral_state *state = self;
    if (count != 15)
        return false;
    copy_text(state->correlation_id, sizeof(state->correlation_id), &columns[1]);
    copy_text(state->state, sizeof(state->state), &columns[2]);
    copy_text(state->pathway, sizeof(state->pathway), &columns[3]);
    copy_text(state->service, sizeof(state->service), &columns[4]);
    copy_text(state->source_kind, sizeof(state->source_kind), &columns[5]);
    copy_text(state->source_ods, sizeof(state->source_ods), &columns[6]);
    copy_text(state->hcp, sizeof(state->hcp), &columns[7]);
    copy_text(state->pcn, sizeof(state->pcn), &columns[8]);
    copy_text(state->destination, sizeof(state->destination), &columns[9]);
    copy_text(state->reason, sizeof(state->reason), &columns[10]);
    state->hop = columns[11].whole;
    state->accepted_at_ms = columns[12].whole;
    state->updated_at_ms = columns[13].whole;
    state->deadline_at_ms = columns[14].whole;
    return false;
}

enum verdict store_get_referral(struct store *store, const char *id,
                                struct referral_state *ret_state, struct reason *reason)
{
    struct referral_state state = {.hop = 0};
    text_copy(state.id, sizeof(state.id), id);
    struct sql_value value = text(id);
    enum verdict verdict = run(store, GET_REFERRAL, &value, take_referral, &state, NULL, reason);
    if (verdict == DONE)
        *ret_state = state;
    return verdict;
}

enum verdict store_put_referral(struct store *store, const struct referral_state *state,
                                struct reason *reason)
{
    const struct sql_value values[] = {
        text(state->id),
        text(state->correlation_id),
        text(state->state),
        text(state->pathway),
        text(state->service),
        text(state->source_kind),
        text(state->source_ods),
        text(state->hcp),
        text(state->pcn),
        text(state->destination),
        text(state->reason),
        whole(state->hop),
        whole(state->accepted_at_ms),
        whole(state->updated_at_ms),
        whole(state->deadline_at_ms),
    };
    return run(store, PUT_REFERRAL, values, NULL, NULL, NULL, reason);
}

enum verdict store_add_count(struct store *store, enum event_kind kind, int64_t count,
                             int64_t newest_ms, struct reason *reason)
{
    const struct sql_value values[] = {text(event_word(kind)->name), whole(count),
                                       whole(newest_ms)};
    return run(store, ADD_COUNT, values, NULL, NULL, NULL, reason);
}

enum verdict store_put_volume(struct store *store, const struct volume *volume,
                              struct reason *reason)
{
    const struct sql_value values[] = {
        text(volume->period),      text(volume->pathway), text(volume->service),
        text(volume->source_kind), text(volume->hcp),     text(volume->pcn),
        text(volume->provider),    text(volume->stage),   whole(volume->count),
    };
    return run(store, PUT_VOLUME, values, NULL, NULL, NULL, reason);
}

enum verdict store_get_position(struct store *store, const char *topic, int32_t partition,
                                int64_t *ret_next, struct reason *reason)
{
    const struct sql_value values[] = {text(topic), whole(partition)};
    int64_t next = -1;
    enum verdict verdict = run(store, GET_POSITION, values, take_whole, &next, NULL, reason);
    if (verdict == DONE)
        *ret_next = next;
    return verdict;
}

enum verdict store_put_position(struct store *store, const char *topic, int32_t partition,
                                int64_t expected, int64_t next, struct reason *reason)
{
    const struct sql_value values[] = {text(topic), whole(partition), whole(next), whole(expected)};
    int64_t changed = 0;
    enum verdict verdict = run(store, PUT_POSITION, values, NULL, NULL, &changed, reason);
    if (verdict != DONE || changed > 0)
        return verdict;
    reason_set(
        reason, "another-tracker", NULL,
        "the position of %s/%d was moved by someone else: two trackers write to one database",
        topic, partition);
    return TRY_AGAIN;
}

/* ---- reading */

struct rows {
    void *self;
    store_event_row *event;
    store_volume_row *volume;
    store_count_row *count;
};

static const char *text_of(const struct sql_value *value)
{
    return value->kind == SQL_TEXT ? value->text : "";
}

static bool event_row(void *self, const struct sql_value *columns, size_t count)
{
    const struct rows *rows = self;
    if (count != 10)
        return false;
    const struct stored_event event = {
        .id = text_of(&columns[0]),
        .kind = text_of(&columns[1]),
        .destination = text_of(&columns[2]),
        .reason = text_of(&columns[3]),
        .result = text_of(&columns[4]),
        .explanation = text_of(&columns[5]),
        .occurred_at_ms = columns[6].whole,
        .recorded_at_ms = columns[7].whole,
        .hop = columns[8].whole,
        .attempt = columns[9].whole,
    };
    return rows->event(rows->self, &event);
}

enum verdict store_history(struct store *store, const char *referral_id, int64_t events_max,
                           store_event_row *row, void *self, struct reason *reason)
{
    const struct sql_value values[] = {text(referral_id), whole(events_max)};
    struct rows rows = {.self = self, .event = row};
    return run(store, HISTORY, values, event_row, &rows, NULL, reason);
}

static bool volume_row(void *self, const struct sql_value *columns, size_t count)
{
    const struct rows *rows = self;
    struct volume volume = {.count = 0};
    if (count == 3) {
        copy_text(volume.pathway, sizeof(volume.pathway), &columns[0]);
        copy_text(volume.stage, sizeof(volume.stage), &columns[1]);
        volume.count = columns[2].whole;
        return rows->volume(rows->self, &volume);
    }
    if (count != 9)
        return false;
    copy_text(volume.period, sizeof(volume.period), &columns[0]);
    copy_text(volume.pathway, sizeof(volume.pathway), &columns[1]);
    copy_text(volume.service, sizeof(volume.service), &columns[2]);
    copy_text(volume.source_kind, sizeof(volume.source_kind), &columns[3]);
    copy_text(volume.hcp, sizeof(volume.hcp), &columns[4]);
    copy_text(volume.pcn, sizeof(volume.pcn), &columns[5]);
    copy_text(volume.provider, sizeof(volume.provider), &columns[6]);
    copy_text(volume.stage, sizeof(volume.stage), &columns[7]);
    volume.count = columns[8].whole;
    return rows->volume(rows->self, &volume);
}

static enum verdict filtered(struct store *store, enum statement statement,
                             const struct volume_filter *filter, int64_t rows_max,
                             store_volume_row *row, void *self, struct reason *reason)
{
    const struct sql_value values[] = {text(filter->from),    text(filter->to),
                                       text(filter->pathway), text(filter->stage),
                                       text(filter->hcp),     whole(rows_max)};
    struct rows rows = {.self = self, .volume = row};
    return run(store, statement, values, volume_row, &rows, NULL, reason);
}

enum verdict store_volumes(struct store *store, const struct volume_filter *filter,
                           int64_t rows_max, store_volume_row *row, void *self,
                           struct reason *reason)
{
    return filtered(store, VOLUMES, filter, rows_max, row, self, reason);
}

enum verdict store_volume_sums(struct store *store, const struct volume_filter *filter,
                               store_volume_row *row, void *self, struct reason *reason)
{
    return filtered(store, VOLUME_SUMS, filter, 0, row, self, reason);
}

enum verdict store_under_way(struct store *store, store_volume_row *row, void *self,
                             struct reason *reason)
{
    struct rows rows = {.self = self, .volume = row};
    return run(store, UNDER_WAY, NULL, volume_row, &rows, NULL, reason);
}

static bool count_row(void *self, const struct sql_value *columns, size_t count)
{
    const struct rows *rows = self;
    if (count != 3)
        return false;
    const struct stored_count stored = {
        .kind = text_of(&columns[0]), .count = columns[1].whole, .newest_ms = columns[2].whole};
    return rows->count(rows->self, &stored);
}

static enum verdict counted(struct store *store, enum statement statement, store_count_row *row,
                            void *self, struct reason *reason)
{
    struct rows rows = {.self = self, .count = row};
    return run(store, statement, NULL, count_row, &rows, NULL, reason);
}

enum verdict store_counts(struct store *store, store_count_row *row, void *self,
                          struct reason *reason)
{
    return counted(store, COUNTS, row, self, reason);
}

enum verdict store_notices(struct store *store, store_count_row *row, void *self,
                           struct reason *reason)
{
    return counted(store, NOTICES, row, self, reason);
}
