/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as posted JSON: parsed or refused, printed the same twice, and what a record takes
 * comes back from Avro. */
#include "../unit/codec/sample_schema.h"

#include "base/text.h"
#include "codec/prescan.h"
#include "codec/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct schema *schema;
static struct record *record;

/* The leak checker can't see through avro-c's unaligned pointers: what is kept between inputs is
 * freed at the end. */
static void free_sample(void)
{
    record_free(record);
    schema_free(schema);
}

static void sample(void)
{
    char json[sizeof(sample_schema)];
    if (record)
        return;
    for (size_t i = 0; i < sizeof(json); i++)
        json[i] = sample_schema[i] == '\'' ? '"' : sample_schema[i];
    schema = schema_parse(json, strlen(json), NULL);
    record = schema ? record_new(schema) : NULL;
    if (!record || atexit(free_sample) != 0)
        abort();
}

static void print_is_stable(const struct json *json)
{
    char *once = json_print(json, JSON_SORTED);
    struct json *again = once ? json_parse(once, strlen(once), 8 << 20, NULL) : NULL;
    char *twice = json_print(again, JSON_SORTED);
    if (!once || !twice || strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
    json_free(again);
}

static void record_comes_back(const struct json *json)
{
    struct reason reason = {0};
    struct buffer buffer;
    enum verdict verdict = record_from_json(record, json, &reason);
    if (verdict == BROKEN)
        abort();
    if (verdict == REFUSED) {
        if (!*reason.code || !text_is_utf8(reason.pointer, strlen(reason.pointer)))
            abort();
        return;
    }
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    verdict = record_encode(record, &buffer, &reason);
    if (verdict == BROKEN ||
        (verdict == DONE && record_decode(record, buffer.data, buffer.length, &reason) != DONE))
        abort();
    buffer_clear(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason reason = {0};
    struct json *json = json_parse((const char *)data, size, 256 * 1024, &reason);
    if (!json) {
        if (!*reason.code)
            abort();
        return 0;
    }
    print_is_stable(json);
    sample();
    record_comes_back(json);
    json_free(json);
    return 0;
}
