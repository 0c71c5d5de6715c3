/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite in write-ahead mode: the API reads while the projection writes. synchronous=NORMAL may
 * lose the last commits when the power fails, never the consistency: positions are in the same
 * commit, so Kafka is read again from there. ":memory:" is one database shared by the connections
 * of this process (memdb), gone when the last one closes. */
#include "sql.h"

#include "base/text.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 2000
#define MEMORY_NAME "file:/referral-tracker?vfs=memdb"

struct connection {
    sqlite3 *database;
    const struct sql_statement *statements;
    sqlite3_stmt **prepared;
    size_t prepared_count;
};

static enum verdict failed(const struct connection *connection, int code, struct reason *reason)
{
    /* SQLite's messages name tables and columns, never values. */
    reason_set(reason, "sqlite", NULL, "SQLite: %s (code %d)",
               connection->database ? sqlite3_errmsg(connection->database) : sqlite3_errstr(code),
               code);
    switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
        return TRY_AGAIN;
    default:
        return BROKEN;
    }
}

static void sqlite_close(void *opaque)
{
    struct connection *connection = opaque;
    for (size_t i = 0; connection->prepared && i < connection->prepared_count; i++)
        sqlite3_finalize(connection->prepared[i]);
    free(connection->prepared);
    sqlite3_close(connection->database);
    free(connection);
}

static enum verdict sqlite_script(void *opaque, const char *text, struct reason *reason)
{
    struct connection *connection = opaque;
    int code = sqlite3_exec(connection->database, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? DONE : failed(connection, code, reason);
}

static enum verdict sqlite_open(const char *where, bool writer,
                                const struct sql_statement *statements, size_t statements_count,
                                void **ret_connection, struct reason *reason)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection)
        connection->prepared = calloc(statements_count, sizeof(sqlite3_stmt *));
    if (!connection || !connection->prepared) {
        free(connection);
        reason_set(reason, "no-memory", NULL, "no memory for a connection");
        return BROKEN;
    }
    connection->statements = statements;
    connection->prepared_count = statements_count;
    bool in_memory = strcmp(where, ":memory:") == 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_CREATE : 0) |
                (in_memory ? SQLITE_OPEN_URI : 0);
    int code = sqlite3_open_v2(in_memory ? MEMORY_NAME : where, &connection->database, flags, NULL);
    enum verdict verdict = DONE;
    if (code != SQLITE_OK) {
        verdict = failed(connection, code, NULL);
        reason_set(reason, "sqlite", NULL, "cannot open the SQLite database %s: %s", where,
                   sqlite3_errstr(code));
    } else {
        sqlite3_busy_timeout(connection->database, BUSY_TIMEOUT_MS);
        verdict = sqlite_script(connection,
                                writer ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"
                                       : "PRAGMA query_only = ON",
                                reason);
    }
    if (verdict != DONE) {
        sqlite_close(connection);
        return verdict;
    }
    *ret_connection = connection;
    return DONE;
}

static int bind_values(sqlite3_stmt *statement, const struct sql_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[16];
        text_format(name, sizeof(name), "$%zu", i + 1);
        int at = sqlite3_bind_parameter_index(statement, name);
        int code = SQLITE_OK;
        switch (values[i].kind) {
        case SQL_NOTHING:
            code = sqlite3_bind_null(statement, at);
            break;
        case SQL_WHOLE:
            code = sqlite3_bind_int64(statement, at, values[i].whole);
            break;
        case SQL_TEXT: /* lives longer than the run; no copy */
            code = sqlite3_bind_text(statement, at, values[i].text, -1, SQLITE_STATIC);
            break;
        }
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

static size_t read_columns(sqlite3_stmt *statement, struct sql_value columns[SQL_COLUMNS_MAX])
{
    size_t count = (size_t)sqlite3_column_count(statement);
    if (count > SQL_COLUMNS_MAX)
        count = SQL_COLUMNS_MAX;
    for (size_t i = 0; i < count; i++) {
        columns[i] = (struct sql_value){.kind = SQL_NOTHING};
        switch (sqlite3_column_type(statement, (int)i)) {
        case SQLITE_INTEGER:
            columns[i].kind = SQL_WHOLE;
            columns[i].whole = sqlite3_column_int64(statement, (int)i);
            break;
        case SQLITE_TEXT:
            columns[i].kind = SQL_TEXT;
            columns[i].text = (const char *)sqlite3_column_text(statement, (int)i);
            break;
        default:
            break;
        }
        if (columns[i].kind == SQL_TEXT && !columns[i].text) /* no memory */
            columns[i].kind = SQL_NOTHING;
    }
    return count;
}

static enum verdict sqlite_run(void *opaque, size_t number, const struct sql_value *values,
                               sql_row *row, void *self, int64_t *ret_changed,
                               struct reason *reason)
{
    struct connection *connection = opaque;
    sqlite3_stmt **statement = &connection->prepared[number];
    int code = SQLITE_OK;
    if (!*statement)
        code = sqlite3_prepare_v3(connection->database, connection->statements[number].text, -1,
                                  SQLITE_PREPARE_PERSISTENT, statement, NULL);
    if (code == SQLITE_OK)
        code = bind_values(*statement, values, connection->statements[number].parameters);
    if (code != SQLITE_OK)
        return failed(connection, code, reason);
    while ((code = sqlite3_step(*statement)) == SQLITE_ROW) {
        struct sql_value columns[SQL_COLUMNS_MAX];
        size_t count = read_columns(*statement, columns);
        if (row && !row(self, columns, count))
            break;
    }
    enum verdict verdict = DONE;
    if (code != SQLITE_DONE && code != SQLITE_ROW)
        verdict = failed(connection, code, reason);
    else if (ret_changed)
        *ret_changed = sqlite3_changes(connection->database);
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return verdict;
}

const struct sql_backend sql_sqlite = {
    .open = sqlite_open,
    .close = sqlite_close,
    .script = sqlite_script,
    .run = sqlite_run,
    .begin = "BEGIN IMMEDIATE",
};
