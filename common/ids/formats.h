/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers of the NHS and of Great Britain: check digits and patterns. Pure. Sources: NHS Data
 * Dictionary (NHS number, organisation codes), BS 7666 (postcodes), SNOMED CT release file
 * specification (SCTID, Verhoeff). */
#ifndef IDS_FORMATS_H
#define IDS_FORMATS_H

#include <stdbool.h>
#include <stddef.h>

#define NHS_NUMBER_SIZE 11
#define POSTCODE_SIZE 9 /* "SW1A 1AA" */
#define ODS_CODE_SIZE 13
#define TRACEPARENT_SIZE 56

/* Ten digits, 3-3-4 spacing allowed; modulus 11 check (weights 10 … 2); 0000000000 and 9999999999
 * are refused. */
bool nhs_number_parse(const char *text, char ret_number[NHS_NUMBER_SIZE]);
/* 999 000 0000 to 999 999 9999: never issued, for tests only. */
bool nhs_number_is_test(const char *number);

/* Any organisation code: 3 to 12 capital letters and digits. */
bool ods_code_valid(const char *text);
bool ods_code_is_pharmacy(const char *text); /* F and four more */
/* GP practice: ^[A-HJ-NP-WY][0-9]{5}$, or an island code of three letters (ALD, GUE, JER …) and
 * three digits. */
bool ods_code_is_practice(const char *text);

/* Full postcode, upper-cased with one space before the last three; ZZ99 pseudo postcodes are
 * allowed. */
bool postcode_parse(const char *text, char ret_postcode[POSTCODE_SIZE]);
/* A district alone ("ME14", "me 14"), or that of a full postcode or of a sector ("ME1 4" is in ME1;
 * only the blank tells it from ME14). */
bool postcode_district(const char *text, char ret_district[5]);
bool postcode_is_pseudo(const char *text); /* ZZ99: no fixed abode and such */
/* Whatever postcode_district takes, as one writes it: "DA1 1AA", "ME14", "TN2 3". */
bool postcode_canonical(const char *text, char ret_postcode[POSTCODE_SIZE]);

/* 6 to 18 digits, no leading zero, Verhoeff check digit, partition 00 or 10 (a concept). */
bool snomed_concept_valid(const char *text);

/* Digits, spaces and a leading +; 10 to 15 digits. */
bool phone_valid(const char *text);

/* Of a file in a folder of ours: 1 to 60 letters, digits, dots, dashes and underscores, no dot
 * first. */
bool file_name_valid(const char *text);

/* W3C trace context, version 00: 00-<32 hex>-<16 hex>-<2 hex>, lower case, neither id all zeros. */
bool traceparent_valid(const char *text);

#define CANONICAL_SIZE NHS_NUMBER_SIZE /* the longest */

/* The formats that a schema field may name in its "format" attribute. */
struct value_format {
    const char *name; /* nhs-number, ods-code, postcode, snomed-concept, phone, uuid, date, instant,
                         email, traceparent */
    const char *expected; /* plain words for an error */
    bool (*valid)(const char *text);
    /* The one form of those that say the same; false if it is not valid. NULL: what is valid has no
     * other form. */
    bool (*canonical)(const char *text, char ret_text[CANONICAL_SIZE]);
};
/* True if the text (not terminated) has such a form. The format may be NULL. */
bool value_format_canonical(const struct value_format *format, const char *text, size_t length,
                            char ret_text[CANONICAL_SIZE]);
/* NULL if there is no such format. postcode takes full ones, districts alone and ZZ99. */
const struct value_format *value_format_find(const char *name);

#endif
