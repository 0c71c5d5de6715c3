/* SPDX-License-Identifier: Apache-2.0 */
/* The one table that ties the word in a schema to the check in this folder. */
#include "ids/formats.h"

#include "base/calendar.h"
#include "ids/uuid.h"

#include <string.h>

static bool is_nhs_number(const char *text)
{
    char number[NHS_NUMBER_SIZE];
    return nhs_number_parse(text, number);
}

static bool is_postcode(const char *text)
{
    char district[5];
    return postcode_district(text, district);
}

static bool is_uuid(const char *text)
{
    struct uuid uuid;
    return uuid_parse(text, &uuid);
}

static bool is_date(const char *text)
{
    struct date date;
    return date_parse(text, &date);
}

static bool is_instant(const char *text)
{
    int64_t ms;
    return instant_parse(text, &ms);
}

static bool is_letter_or_digit(char letter)
{
    return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
           (letter >= 'A' && letter <= 'Z');
}

/* Names of letters, digits and dashes between single dots, at least two of them. */
static bool is_domain(const char *text)
{
    int dots = 0;
    char before = '.';
    for (const char *at = text; *at; before = *at++) {
        bool joined = before != '.' && before != '-';
        if (*at == '.' && joined)
            dots++;
        else if (!is_letter_or_digit(*at) && !(*at == '-' && before != '.'))
            return false;
    }
    return dots > 0 && before != '.' && before != '-';
}

/* The shape that mail systems take in practice; quoted local parts and addresses in brackets are
 * left out. */
static bool is_email(const char *text)
{
    const char *at = text ? strchr(text, '@') : NULL;
    if (!at || at == text || at - text > 64 || strlen(text) > 254 || at[-1] == '.' || *text == '.')
        return false;
    for (const char *letter = text; letter < at; letter++)
        if (!is_letter_or_digit(*letter) && !strchr("!#$%&'*+-/=?^_`{|}~.", *letter))
            return false;
    return is_domain(at + 1);
}

static const struct value_format formats[] = {
    {"nhs-number", "an NHS number: ten digits of which the last checks the others", is_nhs_number,
     nhs_number_parse},
    {"ods-code", "an organisation code: 3 to 12 capital letters and digits", ods_code_valid, NULL},
    {"postcode", "a postcode, or its district (TN2) or sector (TN2 3) alone", is_postcode,
     postcode_canonical},
    {"snomed-concept", "a SNOMED CT concept: 6 to 18 digits with a check digit",
     snomed_concept_valid, NULL},
    {"phone", "a telephone number: 10 to 15 digits, blanks, a leading +", phone_valid, NULL},
    {"uuid", "a UUID, e.g. 123e4567-e89b-42d3-a456-426614174000", is_uuid, NULL},
    {"date", "a date that exists, as YYYY-MM-DD", is_date, NULL},
    {"instant", "a time with its zone, e.g. 2026-11-23T08:03:00Z", is_instant, NULL},
    {"email", "an e-mail address", is_email, NULL},
    {"traceparent", "a W3C trace context of version 00", traceparent_valid, NULL},
};

bool value_format_canonical(const struct value_format *format, const char *text, size_t length,
                            char ret_text[CANONICAL_SIZE])
{
    char copy[2 * CANONICAL_SIZE];
    if (!format || !format->canonical || length >= sizeof(copy) || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return format->canonical(copy, ret_text);
}

const struct value_format *value_format_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}
