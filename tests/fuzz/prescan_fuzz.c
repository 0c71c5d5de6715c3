/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as Avro: what the pre-scan lets through has to be read, checked, shown as JSON and
 * written again, and to mean the same to avro-c as to us. */
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

static char *printed(void)
{
    struct json *json = record_to_json(record);
    char *text = json_print(json, JSON_COMPACT);
    json_free(json);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sample();
    struct reason reason = {0};
    bool passed = prescan(record_schema(record), data, size, &reason);
    if (!passed && (!*reason.code || !text_is_utf8(reason.pointer, strlen(reason.pointer))))
        abort();
    if (record_decode(record, data, size, NULL) != (passed ? DONE : REFUSED))
        abort();
    char *text = printed();
    if (!record_make_changeable(record))
        abort();
    char *of_avro = printed();
    if (!text || !of_avro || strcmp(text, of_avro) != 0)
        abort();
    free(text);
    free(of_avro);
    struct buffer buffer;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    enum verdict written = record_encode(record, &buffer, &reason);
    if (written == BROKEN || record_check(record, NULL) == BROKEN)
        abort();
    if (written == DONE && !prescan(record_schema(record), buffer.data, buffer.length, NULL))
        abort();
    buffer_clear(&buffer);
    return 0;
}
