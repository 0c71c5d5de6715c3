/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the files that say where postcodes are: OS Code-Point Open (postcode, quality, easting,
 * northing …, no header or one or two), ONS Postcode Directory (a header names the columns), and
 * epraccur of NHS ODS for the GP practices. Pure. Sources: OS Code-Point Open technical
 * specification; ONSPD user guide; DOMAIN.md 4.2. */
#ifndef REFERRALCTL_LOCATION_ROWS_H
#define REFERRALCTL_LOCATION_ROWS_H

#include "csv.h"

#include "ids/formats.h"

#include <stdbool.h>
#include <stdint.h>

enum location_format {
    LOCATION_CODE_POINT,
    LOCATION_ONSPD,
    LOCATION_PRACTICES,
    LOCATION_UNKNOWN,
};

struct location_columns {
    enum location_format format;
    size_t postcode, easting, northing, terminated, country, quality; /* CSV_FIELDS_MAX = none */
};

enum location_kind {
    LOCATION_HEADER,
    LOCATION_BAD,     /* left out; the finding says why */
    LOCATION_NOWHERE, /* without a grid reference, or on another grid (Northern Ireland) */
    LOCATION_OLD,     /* a postcode that is no longer in use; a practice that is closed */
    LOCATION_OTHER,   /* an organisation that is no GP practice */
    LOCATION_ROW,
};

struct location {
    char code[ODS_CODE_SIZE];     /* the practice's; "" for a postcode */
    char postcode[POSTCODE_SIZE]; /* with its blank */
    int64_t easting, northing;    /* metres; not of a practice */
};

/* By a file's first row. */
void location_columns_read(const struct csv_row *first, struct location_columns *ret_columns);
/* `finding` has a code if there is something to report; its detail starts with "line N". */
enum location_kind location_read(const struct location_columns *columns, const struct csv_row *row,
                                 struct location *ret_location, struct reason *finding);

#endif
