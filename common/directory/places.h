/* SPDX-License-Identifier: Apache-2.0 */
/* Where a postcode, a postcode district or a GP practice is: a table from codes to OSGB36 metres,
 * read from files and, by referralctl, made. */
#ifndef DIRECTORY_PLACES_H
#define DIRECTORY_PLACES_H

#include "base/reason.h"

#include <stddef.h>
#include <stdint.h>

#define PLACES_MAX 3000000
#define PLACE_CODE_SIZE 9 /* without blanks, terminated */

struct places;

/* Every .csv in schemas/places/, by name; what a later file says of a code holds. A header line,
 * then code, easting, northing; # comments. Read line by line: 16 bytes of memory a row. Codes:
 * unreadable, bad-place and same-code (with the file, and the line), too-many, no-memory. */
__attribute__((warn_unused_result)) struct places *places_load(const char *schemas_dir,
                                                               struct reason *reason);
void places_free(struct places *places);
/* Full postcode, sector (its district's place) or district; false for ZZ99 and unknown ones. */
bool places_find(const struct places *places, const char *postcode, int32_t *ret_easting,
                 int32_t *ret_northing);
/* The row of exactly that code: a GP practice's place, where a file in schemas/places/ names it by
 * ODS code. */
bool places_find_code(const struct places *places, const char *code, int32_t *ret_easting,
                      int32_t *ret_northing);

/* ---- making a table */
struct places *places_new(void);
/* REFUSED: the code is none, or not on the map (bad-place); too-many. */
__attribute__((warn_unused_result)) enum verdict places_add(struct places *places, const char *code,
                                                            int64_t easting, int64_t northing,
                                                            struct reason *reason);
/* Sorts what was added; of rows with one code any one stays. Returns how many went. */
size_t places_settle(struct places *places);
/* Walks all rows in order: start with *cursor = 0. */
bool places_next(const struct places *places, size_t *cursor, char ret_code[PLACE_CODE_SIZE],
                 int32_t *ret_easting, int32_t *ret_northing);

#endif
