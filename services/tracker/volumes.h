/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the volumes, and the answer as CSV and JSON: one row per combination of
 * dimensions (long format), the same columns even when there is no row. Pure. */
#ifndef TRACKER_VOLUMES_H
#define TRACKER_VOLUMES_H

#include "store.h"

#include "base/buffer.h"
#include "base/calendar.h"

#define VOLUMES_DAYS_DEFAULT 28

/* The query's values as given, NULL where absent: `from` and `to` are dates, both inclusive; the
 * default is the last 28 days up to `today`. REFUSED: bad-date, bad-range, bad-filter (too long, or
 * no stage), the pointer naming the parameter. */
struct volumes_query {
    const char *from, *to, *pathway, *stage, *hcp;
};
__attribute__((warn_unused_result)) enum verdict volumes_filter(const struct volumes_query *query,
                                                                struct date today,
                                                                struct volume_filter *ret_filter,
                                                                struct reason *reason);

/* Appends a name (NULL = none) to a list for people. */
void volumes_list(char *list, size_t size, const char *name);

/* RFC 4180; a text that a spreadsheet would take for a formula gets an apostrophe in front. */
bool volumes_csv_begin(struct buffer *buffer);
bool volumes_csv_row(struct buffer *buffer, const struct volume *volume);
/* {"from": …, "to": …, "volumes": [ … ]} */
bool volumes_json_begin(struct buffer *buffer, const struct volume_filter *filter);
bool volumes_json_row(struct buffer *buffer, const struct volume *volume, bool first);
bool volumes_json_end(struct buffer *buffer);

#endif
