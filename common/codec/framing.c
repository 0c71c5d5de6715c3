/* SPDX-License-Identifier: Apache-2.0 */
/* Readers take both framings whatever is written here, so that a registry can be brought in, or
 * lost, under way. A record per schema is kept and lent: avro-c's values are worth reusing. */
#include "codec/contract.h"

#include "base/map.h"
#include "codec/prescan.h"
#include "codec/registry_table.h"

#include <stdlib.h>
#include <string.h>

#define SINGLE_OBJECT_HEADER 10
#define CONFLUENT_HEADER 5
#define RECORDS_MAX 4096 /* schemas of which one codec keeps a record */

/* How what one writer wrote is read. */
struct reading {
    struct record *decoded; /* of the writer's schema */
    struct record *lent;    /* of ours; the same, where the two have the same form */
};

struct codec {
    const struct contract *contract;
    struct registry *registry;
    struct map *readings; /* writer's schema -> reading */
    struct map *lent;     /* schema -> record, lent by codec_read */
    struct map *blank;    /* schema -> record, lent by codec_blank */
    struct buffer converted;
};

struct codec *codec_new(const struct contract *contract, struct registry *registry)
{
    struct codec *codec = calloc(1, sizeof(*codec));
    if (!codec)
        return NULL;
    codec->contract = contract;
    codec->registry = registry;
    codec->readings = map_new(RECORDS_MAX);
    codec->lent = map_new(RECORDS_MAX);
    codec->blank = map_new(RECORDS_MAX);
    buffer_init(&codec->converted, PRESCAN_SIZE_MAX);
    if (codec->readings && codec->lent && codec->blank)
        return codec;
    codec_free(codec);
    return NULL;
}

static void free_record(void *record)
{
    record_free(record);
}

static void free_reading(void *value)
{
    struct reading *reading = value;
    if (reading->decoded != reading->lent)
        record_free(reading->decoded);
    free(reading);
}

void codec_free(struct codec *codec)
{
    if (!codec)
        return;
    map_free(codec->readings, free_reading);
    map_free(codec->lent, free_record);
    map_free(codec->blank, free_record);
    buffer_clear(&codec->converted);
    free(codec);
}

/* The record kept for the schema, made when it is first asked for. */
static struct record *kept(struct map *records, const struct schema *schema)
{
    struct record *record = map_get(records, &schema, sizeof(schema));
    if (record)
        return record;
    record = record_new(schema);
    if (record && !map_set(records, &schema, sizeof(schema), record, NULL)) {
        record_free(record);
        record = NULL;
    }
    return record;
}

struct record *codec_blank(struct codec *codec, const struct schema *schema)
{
    struct record *record = kept(codec->blank, schema);
    if (record)
        record_reset(record);
    return record;
}

static const struct reading *reading_of(struct codec *codec, const struct schema *writer)
{
    struct reading *reading = map_get(codec->readings, &writer, sizeof(writer));
    if (reading)
        return reading;
    const struct schema *ours = contract_current(codec->contract, schema_name(writer));
    bool same = !ours || schema_fingerprint(ours) == schema_fingerprint(writer);
    reading = calloc(1, sizeof(*reading));
    if (!reading)
        return NULL;
    reading->lent = kept(codec->lent, ours ? ours : writer);
    reading->decoded = same ? reading->lent : record_new(writer);
    if (reading->lent && reading->decoded &&
        map_set(codec->readings, &writer, sizeof(writer), reading, NULL))
        return reading;
    free_reading(reading);
    return NULL;
}

static enum verdict find_by_id(const struct codec *codec, const uint8_t *bytes,
                               const struct schema **ret_schema, struct reason *reason)
{
    uint32_t id =
        (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    struct registry *registry = codec->registry;
    if (registry && id <= INT32_MAX)
        return registry_find(registry, (int32_t)id, ret_schema, reason);
    reason_set(reason, "unknown-schema-id", NULL, "schema id %u is not known%s", id,
               registry ? "" : ": there is no registry");
    return REFUSED;
}

static enum verdict find_by_fingerprint(const struct codec *codec, const uint8_t *bytes,
                                        const struct schema **ret_schema, struct reason *reason)
{
    uint64_t fingerprint = 0;
    for (unsigned i = 0; i < 8; i++)
        fingerprint |= (uint64_t)bytes[2 + i] << (8 * i);
    *ret_schema = contract_by_fingerprint(codec->contract, fingerprint);
    if (*ret_schema)
        return DONE;
    reason_set(reason, "unknown-fingerprint", NULL, "no schema has the fingerprint %016llx",
               (unsigned long long)fingerprint);
    return REFUSED;
}

/* Finds the writer's schema and where its bytes start. */
static enum verdict read_header(const struct codec *codec, const uint8_t *bytes, size_t length,
                                const struct schema **ret_schema, size_t *ret_header,
                                struct reason *reason)
{
    if (!bytes || length == 0) {
        reason_set(reason, "empty-value", NULL, "there are no bytes");
        return REFUSED;
    }
    if (length >= SINGLE_OBJECT_HEADER && bytes[0] == 0xC3 && bytes[1] == 0x01) {
        *ret_header = SINGLE_OBJECT_HEADER;
        return find_by_fingerprint(codec, bytes, ret_schema, reason);
    }
    if (length >= CONFLUENT_HEADER && bytes[0] == 0x00) {
        *ret_header = CONFLUENT_HEADER;
        return find_by_id(codec, bytes, ret_schema, reason);
    }
    reason_set(reason, "unknown-framing", NULL,
               "expected C3 01 and a fingerprint, or 00 and a schema id");
    return REFUSED;
}

/* How it is to be read, and where its bytes start. */
static enum verdict find_reading(struct codec *codec, const void *bytes, size_t length,
                                 const char *expected_name, const struct reading **ret_reading,
                                 size_t *ret_header, struct reason *reason)
{
    const struct schema *schema = NULL;
    enum verdict verdict = read_header(codec, bytes, length, &schema, ret_header, reason);
    if (verdict != DONE)
        return verdict;
    if (expected_name && strcmp(schema_short_name(schema), expected_name) != 0) {
        reason_set(reason, "wrong-schema", NULL, "found %s, expected %s", schema_name(schema),
                   expected_name);
        return REFUSED;
    }
    *ret_reading = reading_of(codec, schema);
    if (*ret_reading)
        return DONE;
    reason_set(reason, "out-of-memory", NULL, "no memory for a record");
    return BROKEN;
}

static enum verdict decode(const struct reading *reading, const uint8_t *value, size_t size,
                           struct reason *reason)
{
    enum verdict verdict = record_decode(reading->decoded, value, size, reason);
    if (verdict == DONE && reading->lent != reading->decoded)
        verdict = record_convert(reading->decoded, reading->lent, reason);
    return verdict;
}

enum verdict codec_read(struct codec *codec, const void *bytes, size_t length,
                        const char *expected_name, struct record **ret_record,
                        struct reason *reason)
{
    const struct reading *how = NULL;
    size_t header = 0;
    enum verdict verdict = find_reading(codec, bytes, length, expected_name, &how, &header, reason);
    if (verdict == DONE)
        verdict = decode(how, (const uint8_t *)bytes + header, length - header, reason);
    if (verdict == DONE)
        *ret_record = how->lent;
    return verdict;
}

enum verdict codec_unframe(struct codec *codec, const void *bytes, size_t length,
                           const char *expected_name, const struct schema **ret_schema,
                           const void **ret_value, size_t *ret_size, struct reason *reason)
{
    const struct reading *how = NULL;
    size_t header = 0;
    enum verdict verdict = find_reading(codec, bytes, length, expected_name, &how, &header, reason);
    if (verdict != DONE)
        return verdict;
    const uint8_t *value = (const uint8_t *)bytes + header;
    size_t size = length - header;
    if (how->lent != how->decoded) {
        buffer_reset(&codec->converted);
        verdict = decode(how, value, size, reason);
        if (verdict == DONE)
            verdict = record_encode(how->lent, &codec->converted, reason);
        if (verdict != DONE)
            return verdict;
        value = codec->converted.data;
        size = codec->converted.length;
    }
    *ret_schema = record_schema(how->lent);
    *ret_value = value;
    *ret_size = size;
    return DONE;
}

/* Returns its length. */
static size_t write_header(const struct codec *codec, const struct schema *schema,
                           uint8_t header[SINGLE_OBJECT_HEADER])
{
    int32_t id = 0;
    uint64_t fingerprint = schema_fingerprint(schema);
    if (codec->registry && registry_id(codec->registry, fingerprint, &id)) {
        header[0] = 0x00;
        for (unsigned i = 0; i < 4; i++)
            header[1 + i] = (uint8_t)((uint32_t)id >> (24 - 8 * i));
        return CONFLUENT_HEADER;
    }
    header[0] = 0xC3;
    header[1] = 0x01;
    for (unsigned i = 0; i < 8; i++)
        header[2 + i] = (uint8_t)(fingerprint >> (8 * i));
    return SINGLE_OBJECT_HEADER;
}

enum verdict codec_write_header(const struct codec *codec, const struct schema *schema,
                                struct buffer *buffer, struct reason *reason)
{
    uint8_t header[SINGLE_OBJECT_HEADER];
    if (buffer_append(buffer, header, write_header(codec, schema, header)))
        return DONE;
    reason_set(reason, "too-large", NULL, "no room for the frame's header");
    return REFUSED;
}

enum verdict codec_write(struct codec *codec, const struct record *record, struct buffer *buffer,
                         struct reason *reason)
{
    size_t before = buffer->length;
    enum verdict verdict = codec_write_header(codec, record_schema(record), buffer, reason);
    if (verdict == DONE)
        verdict = record_encode(record, buffer, reason);
    if (verdict != DONE)
        buffer->length = before;
    return verdict;
}
