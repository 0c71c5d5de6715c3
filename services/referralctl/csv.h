/* SPDX-License-Identifier: Apache-2.0 */
/* CSV as RFC 4180 has it, read from memory: quotes, doubled quotes, commas and line ends inside
 * quotes, CRLF or LF, a byte order mark skipped. What is wrong is told with its line, and reading
 * goes on with the next line. Pure. */
#ifndef REFERRALCTL_CSV_H
#define REFERRALCTL_CSV_H

#include "base/reason.h"

#include <stddef.h>

#define CSV_FIELDS_MAX 64

struct csv {
    char *text; /* borrowed; fields are unquoted in place */
    size_t length;
    size_t position;
    size_t line; /* of the next row, from 1 */
};

struct csv_row {
    size_t line;
    size_t count;
    const char *fields[CSV_FIELDS_MAX]; /* terminated; they point into the text */
};

/* `text` has room for a NUL at text[length] (as text_read_file gives it) and is changed by reading.
 */
void csv_init(struct csv *csv, char *text, size_t length);
/* DONE: a row. TRY_AGAIN: no more rows. REFUSED: this row is broken (bad-csv, the detail starts
 * with "line N"), the next call goes on behind it. Empty lines are skipped. */
__attribute__((warn_unused_result)) enum verdict csv_next(struct csv *csv, struct csv_row *ret_row,
                                                          struct reason *reason);

#endif
