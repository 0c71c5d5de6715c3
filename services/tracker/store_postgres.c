/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL through libpq, one blocking connection a thread, every wait bounded. A lost connection
 * is not mended in place: the caller is told TRY_AGAIN, its transaction is gone, and the next begin
 * (or the next query of a reader) connects again. The writer holds an advisory lock, so that a
 * second tracker waits instead of fighting. */
#include "sql.h"

#include "base/text.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETERS_MAX 24
#define NUMBER_SIZE 24
#define TYPE_INT8 20
#define TYPE_INT4 23

struct connection {
    PGconn *session;
    const struct sql_statement *statements;
    bool *prepared;
    size_t statements_count;
    bool writer;
};

/* By SQLSTATE class: what may be well again later. */
static bool may_pass(const char *state)
{
    static const char *const classes[] = {"08", "25", "40", "53", "55", "57", "58", NULL};
    for (size_t i = 0; classes[i]; i++)
        if (state && strncmp(state, classes[i], 2) == 0)
            return true;
    return state == NULL;
}

static enum verdict failed(const struct connection *connection, const PGresult *result,
                           struct reason *reason)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    /* The primary message names relations and limits; the detail, which may quote values, is left
     * out. */
    const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    bool away = PQstatus(connection->session) != CONNECTION_OK;
    reason_set(reason, away ? "postgres-away" : "postgres", NULL, "PostgreSQL: %s (SQLSTATE %s)",
               message ? message : "the connection is gone", state ? state : "none");
    return away || may_pass(state) ? TRY_AGAIN : BROKEN;
}

static void quiet(void *self, const PGresult *notice)
{
    (void)self, (void)notice;
}

static enum verdict execute(struct connection *connection, const char *text, struct reason *reason)
{
    PGresult *result = PQexec(connection->session, text);
    ExecStatusType status = PQresultStatus(result);
    enum verdict verdict = DONE;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        verdict = failed(connection, result, reason);
    /* COMMIT of a transaction that failed before answers ROLLBACK, and no error. */
    else if (strcmp(text, "COMMIT") == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
        reason_set(reason, "postgres", NULL, "PostgreSQL: the transaction was rolled back");
        verdict = TRY_AGAIN;
    }
    PQclear(result);
    return verdict;
}

/* A fixed number of this program, in PostgreSQL's space of advisory locks ("referral" in ASCII). */
static enum verdict take_lock(struct connection *connection, struct reason *reason)
{
    PGresult *result =
        PQexec(connection->session, "SELECT pg_try_advisory_lock(8243107278869389676)");
    enum verdict verdict = DONE;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        verdict = failed(connection, result, reason);
    } else if (strcmp(PQgetvalue(result, 0, 0), "t") != 0) {
        reason_set(
            reason, "another-tracker", NULL,
            "another tracker writes to this PostgreSQL database: this one waits until it is gone");
        verdict = TRY_AGAIN;
    }
    PQclear(result);
    return verdict;
}

static enum verdict set_up_session(struct connection *connection, struct reason *reason)
{
    memset(connection->prepared, 0, connection->statements_count * sizeof(bool));
    if (PQstatus(connection->session) != CONNECTION_OK) {
        /* libpq's message names host, port and user; never the password. */
        reason_set(reason, "postgres-away", NULL, "%.200s", PQerrorMessage(connection->session));
        return TRY_AGAIN;
    }
    PQsetNoticeReceiver(connection->session, quiet, NULL);
    enum verdict verdict =
        execute(connection, "SET statement_timeout = '15s'; SET lock_timeout = '5s'", reason);
    if (verdict == DONE && connection->writer)
        verdict = take_lock(connection, reason);
    return verdict;
}

static void postgres_close(void *opaque)
{
    struct connection *connection = opaque;
    PQfinish(connection->session);
    free(connection->prepared);
    free(connection);
}

static enum verdict postgres_open(const char *where, bool writer,
                                  const struct sql_statement *statements, size_t statements_count,
                                  void **ret_connection, struct reason *reason)
{
    const char *const names[] = {"dbname",          "fallback_application_name", "client_encoding",
                                 "connect_timeout", "tcp_user_timeout",          NULL};
    const char *const values[] = {where, "referral-tracker", "UTF8", "5", "10000", NULL};
    PQconninfoOption *parsed = PQconninfoParse(where, NULL);
    if (!parsed) { /* libpq's message could quote the password */
        reason_set(reason, "bad-database-url", NULL, "TRACKER_DATABASE_URL is no postgres:// URL");
        return BROKEN;
    }
    PQconninfoFree(parsed);
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection)
        connection->prepared = calloc(statements_count, sizeof(bool));
    if (connection && connection->prepared)
        connection->session = PQconnectdbParams(names, values, 1);
    if (!connection || !connection->prepared || !connection->session) {
        if (connection)
            free(connection->prepared);
        free(connection);
        reason_set(reason, "no-memory", NULL, "no memory for a connection");
        return BROKEN;
    }
    connection->statements = statements;
    connection->statements_count = statements_count;
    connection->writer = writer;
    enum verdict verdict = set_up_session(connection, reason);
    if (verdict != DONE) {
        postgres_close(connection);
        return verdict;
    }
    *ret_connection = connection;
    return DONE;
}

/* Connects again if need be; only where no transaction of ours can be under way. */
static enum verdict mend(struct connection *connection, struct reason *reason)
{
    if (PQstatus(connection->session) == CONNECTION_OK)
        return DONE;
    PQreset(connection->session);
    return set_up_session(connection, reason);
}

static enum verdict postgres_script(void *opaque, const char *text, struct reason *reason)
{
    struct connection *connection = opaque;
    if (strcmp(text, "BEGIN") == 0) {
        enum verdict verdict = mend(connection, reason);
        if (verdict != DONE)
            return verdict;
    }
    return execute(connection, text, reason);
}

static enum verdict prepare(struct connection *connection, size_t number, const char *name,
                            struct reason *reason)
{
    if (connection->prepared[number])
        return DONE;
    PGresult *result =
        PQprepare(connection->session, name, connection->statements[number].text, 0, NULL);
    enum verdict verdict = DONE;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        verdict = failed(connection, result, reason);
    else
        connection->prepared[number] = true;
    PQclear(result);
    return verdict;
}

static bool hand_row(const PGresult *result, int at, sql_row *row, void *self)
{
    struct sql_value columns[SQL_COLUMNS_MAX];
    int count = PQnfields(result);
    if (count > SQL_COLUMNS_MAX)
        count = SQL_COLUMNS_MAX;
    for (int i = 0; i < count; i++) {
        columns[i] = (struct sql_value){.kind = SQL_NOTHING};
        if (PQgetisnull(result, at, i))
            continue;
        Oid type = PQftype(result, i);
        columns[i].text = PQgetvalue(result, at, i);
        columns[i].kind = SQL_TEXT;
        if (type == TYPE_INT8 || type == TYPE_INT4) {
            columns[i].kind = SQL_WHOLE;
            columns[i].whole = strtoll(columns[i].text, NULL, 10); /* the server's own digits */
        }
    }
    return row(self, columns, (size_t)count);
}

static enum verdict postgres_run(void *opaque, size_t number, const struct sql_value *values,
                                 sql_row *row, void *self, int64_t *ret_changed,
                                 struct reason *reason)
{
    struct connection *connection = opaque;
    const char *texts[PARAMETERS_MAX];
    char numbers[PARAMETERS_MAX][NUMBER_SIZE];
    size_t count = connection->statements[number].parameters;
    for (size_t i = 0; i < count && i < PARAMETERS_MAX; i++) {
        texts[i] = values[i].kind == SQL_TEXT ? values[i].text : NULL;
        if (values[i].kind == SQL_WHOLE) {
            text_format(numbers[i], NUMBER_SIZE, "%lld", (long long)values[i].whole);
            texts[i] = numbers[i];
        }
    }
    char name[16];
    text_format(name, sizeof(name), "s%zu", number);
    enum verdict verdict = connection->writer ? DONE : mend(connection, reason);
    if (verdict == DONE)
        verdict = prepare(connection, number, name, reason);
    if (verdict != DONE)
        return verdict;
    PGresult *result = PQexecPrepared(connection->session, name, (int)count, texts, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        verdict = failed(connection, result, reason);
    else if (ret_changed)
        *ret_changed = strtoll(PQcmdTuples(result), NULL, 10); /* "" without rows: 0 */
    for (int i = 0; verdict == DONE && row && i < PQntuples(result); i++)
        if (!hand_row(result, i, row, self))
            break;
    PQclear(result);
    return verdict;
}

const struct sql_backend sql_postgres = {
    .open = postgres_open,
    .close = postgres_close,
    .script = postgres_script,
    .run = postgres_run,
    .begin = "BEGIN",
    .patient = "SET LOCAL statement_timeout = 0",
};
