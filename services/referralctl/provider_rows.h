/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of our own provider CSV (docs/referralctl.md): a header row names the columns, in any order.
 * Pure. */
#ifndef REFERRALCTL_PROVIDER_ROWS_H
#define REFERRALCTL_PROVIDER_ROWS_H

#include "csv.h"

#include "directory/directory.h"

enum provider_column {
    COLUMN_ODS_CODE,
    COLUMN_NAME,
    COLUMN_KIND,
    COLUMN_HCP,
    COLUMN_PCN,
    COLUMN_POSTCODE,
    COLUMN_EASTING,
    COLUMN_NORTHING,
    COLUMN_SERVICES,
    COLUMN_DISTANCE_SELLING,
    COLUMN_PAUSED,
    COLUMN_HOURS,
    COLUMN_SPECIAL_DAYS,
    COLUMN_ACCEPTING,
    COLUMN_CAPACITY,
    COLUMN_CAPACITY_UPDATED_AT,
    COLUMN_ENDPOINT_URL,
    COLUMN_FORMAT,
    COLUMN_SECRET,
    COLUMN_CERTIFICATE,
    COLUMN_DOS_SERVICE_ID,
    COLUMNS
};

struct provider_columns {
    size_t place[COLUMNS]; /* CSV_FIELDS_MAX = the file has no such column */
    size_t count;
    bool adds; /* without a name or a kind: rows say more of providers that are known */
};

/* REFUSED: unknown-column (also: twice the same), missing-column (ods_code). */
__attribute__((warn_unused_result)) enum verdict
provider_columns_read(const struct csv_row *header, struct provider_columns *ret_columns,
                      struct reason *reason);
/* Whether the columns of `header` from `first` on may be given as FIELD=VALUE: each once, and not
 * ods_code. If not: unknown-field, in the words of a command line. */
__attribute__((warn_unused_result)) bool provider_fields_known(const struct csv_row *header,
                                                               size_t first, struct reason *reason);
/* Sets the fields of a blank Provider record and checks them. REFUSED: the finding starts with
 * "line N". `places` gives easting and northing by postcode where the row has none. */
__attribute__((warn_unused_result)) enum verdict
provider_row_read(const struct provider_columns *columns, const struct csv_row *row,
                  const struct places *places, struct record *record, struct reason *finding);
/* The same over what is known of the provider: a blank cell leaves it as it is, or, if
 * `blank_clears`, empties it; a list that the row names is the row's. */
__attribute__((warn_unused_result)) enum verdict
provider_row_add(const struct provider_columns *columns, const struct csv_row *row,
                 const struct places *places, const struct provider *existing, bool blank_clears,
                 struct record *record, struct reason *finding);

#endif
