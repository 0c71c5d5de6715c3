/* SPDX-License-Identifier: Apache-2.0 */
/* What the store needs of a database, in one shape for both of ours: SQL text with $1 … $n (each
 * number's first use in ascending order), prepared once, run with values. A connection belongs to
 * one thread. */
#ifndef TRACKER_SQL_H
#define TRACKER_SQL_H

#include "base/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQL_COLUMNS_MAX 24

enum sql_kind { SQL_NOTHING, SQL_WHOLE, SQL_TEXT };

struct sql_value {
    enum sql_kind kind;
    int64_t whole;
    const char *text; /* borrowed */
};

/* A row of an answer, borrowed for the time of the call. False ends the reading (no error). */
typedef bool sql_row(void *self, const struct sql_value *columns, size_t count);

struct sql_statement {
    const char *text;
    size_t parameters;
};

/* Verdicts of all calls: DONE; TRY_AGAIN when the database is away, busy or full (a transaction
 * under way is lost then: roll back); BROKEN when it will not do, ever: no rights, a broken file,
 * an impossible statement. */
struct sql_backend {
    /* `where` is a path or a URL. `writer`: the one connection that changes things; else for
     * reading only. The statements must outlive the connection. */
    enum verdict (*open)(const char *where, bool writer, const struct sql_statement *statements,
                         size_t statements_count, void **ret_connection, struct reason *reason);
    void (*close)(void *connection);
    /* One or more statements without values. */
    enum verdict (*script)(void *connection, const char *text, struct reason *reason);
    /* `row` may be NULL; `ret_changed` (may be NULL) is the number of rows written. */
    enum verdict (*run)(void *connection, size_t statement, const struct sql_value *values,
                        sql_row *row, void *self, int64_t *ret_changed, struct reason *reason);
    const char *begin;   /* of a writing transaction */
    const char *patient; /* in one: its statements may take long; NULL = they may anyway */
};

extern const struct sql_backend sql_sqlite;
extern const struct sql_backend sql_postgres;

#endif
