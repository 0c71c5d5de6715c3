/* SPDX-License-Identifier: Apache-2.0 */
/* A schema with everything that the codec knows, and short ways to schemas and records, for the
 * tests of this folder. */
#ifndef UNIT_CODEC_SAMPLE_H
#define UNIT_CODEC_SAMPLE_H

#include "codec/record.h"
#include "sample_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Apostrophes stand for quotation marks, so that schemas can be read. */
static inline char *quoted(const char *text)
{
    char *copy = strdup(text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    return copy;
}

static inline struct schema *schema_of(const char *text)
{
    char *json = quoted(text);
    struct reason reason = {0};
    struct schema *schema = schema_parse(json, strlen(json), &reason);
    free(json);
    if (!schema)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    return schema;
}

static inline struct json *json_of(const char *text)
{
    char *copy = quoted(text);
    struct reason reason = {0};
    struct json *json = json_parse(copy, strlen(copy), 1 << 20, &reason);
    free(copy);
    if (!json)
        fail_msg("%s: %s in %s", reason.code, reason.detail, text);
    return json;
}

static inline struct record *record_of(const struct schema *schema, const char *text)
{
    struct record *record = record_new(schema);
    struct json *json = json_of(text);
    struct reason reason = {0};
    if (!record || record_from_json(record, json, &reason) != DONE)
        fail_msg("%s %s: %s", reason.code, reason.pointer, reason.detail);
    json_free(json);
    return record;
}

#endif
