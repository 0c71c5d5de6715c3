/* SPDX-License-Identifier: Apache-2.0 */
/* A file of postcodes or practices, read row by row into a table of places. What is in memory is
 * that table, 16 bytes a row, whatever the file's size. */
#ifndef REFERRALCTL_LOCATION_FILE_H
#define REFERRALCTL_LOCATION_FILE_H

#include "location_rows.h"

#include "directory/places.h"

#define LOCATION_FINDINGS_MAX 100

struct location_load {
    struct places *table;
    struct map *districts; /* to the sums of their postcodes' places */
    struct reason findings[LOCATION_FINDINGS_MAX];
    size_t findings_listed, findings_total;
    size_t rows, taken, nowhere, old, others, repeated, districts_count;
    enum location_format format; /* of all files alike */
};

/* False without memory. Clear with location_load_clear either way. */
__attribute__((warn_unused_result)) bool location_load_init(struct location_load *load);
void location_load_clear(struct location_load *load);
/* Adds a file. `known` says where practices' postcodes are. REFUSED: unreadable-file,
 * unknown-format (also: another format than the file before), too-many. */
__attribute__((warn_unused_result)) enum verdict location_load_file(struct location_load *load,
                                                                    const char *path,
                                                                    const struct places *known,
                                                                    struct reason *reason);
/* Adds the middle of each district's postcodes and puts all in order. */
__attribute__((warn_unused_result)) enum verdict location_load_settle(struct location_load *load,
                                                                      struct reason *reason);
/* Writes the table to `path`, all or nothing: another file takes its place at once. */
__attribute__((warn_unused_result)) enum verdict
location_load_write(const struct location_load *load, const char *path, struct reason *reason);

#endif
