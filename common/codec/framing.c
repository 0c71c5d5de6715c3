/* SPDX-License-Identifier: Apache-2.0 */
/* Readers take both framings whatever is written here, so that a registry can be brought in, or
 * lost, under way. A record per schema is kept and lent: avro-c's values are worth reusing. */
#include "codec/contract.h"

#include "base/map.h"
#include "codec/prescan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SINGLE_OBJECT_HEADER 10
#define CONFLUENT_HEADER 5
#define RECORDS_MAX 4096 /* schemas of which one codec keeps a record */

struct registry {
    pthread_mutex_t lock;
    struct map *by_id;
    struct map *by_fingerprint; /* to the id + 1 as a pointer */
    registry_look_up *look_up;
    void *context;
};

struct codec {
    const struct contract *contract;
    struct registry *registry;
    struct map *read;  /* schema -> record, lent by codec_read */
    struct map *blank; /* schema -> record, lent by codec_blank */
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof(*registry));
    if (!registry)
        return NULL;
    pthread_mutex_init(&registry->lock, NULL);
    registry->by_id = map_new(REGISTRY_IDS_MAX);
    registry->by_fingerprint = map_new(REGISTRY_IDS_MAX);
    if (registry->by_id && registry->by_fingerprint)
        return registry;
    registry_free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    map_free(registry->by_id, NULL);
    map_free(registry->by_fingerprint, NULL);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

bool registry_add(struct registry *registry, int32_t id, const struct schema *schema)
{
    uint64_t fingerprint = schema_fingerprint(schema);
    if (id < 0)
        return false;
    pthread_mutex_lock(&registry->lock);
    bool done = map_set(registry->by_id, &id, sizeof(id), (void *)(uintptr_t)schema, NULL);
    if (done && !map_get(registry->by_fingerprint, &fingerprint, sizeof(fingerprint)))
        done = map_set(registry->by_fingerprint, &fingerprint, sizeof(fingerprint),
                       (void *)((uintptr_t)id + 1), NULL);
    pthread_mutex_unlock(&registry->lock);
    return done;
}

const struct schema *registry_schema(struct registry *registry, int32_t id)
{
    pthread_mutex_lock(&registry->lock);
    const struct schema *schema = map_get(registry->by_id, &id, sizeof(id));
    pthread_mutex_unlock(&registry->lock);
    return schema;
}

void registry_on_miss(struct registry *registry, registry_look_up *look_up, void *context)
{
    registry->look_up = look_up;
    registry->context = context;
}

/* False if the registry has no id for it. */
static bool id_of(struct registry *registry, const struct schema *schema, uint32_t *ret_id)
{
    uint64_t fingerprint = schema_fingerprint(schema);
    pthread_mutex_lock(&registry->lock);
    uintptr_t found =
        (uintptr_t)map_get(registry->by_fingerprint, &fingerprint, sizeof(fingerprint));
    pthread_mutex_unlock(&registry->lock);
    *ret_id = (uint32_t)(found - 1);
    return found != 0;
}

struct codec *codec_new(const struct contract *contract, struct registry *registry)
{
    struct codec *codec = calloc(1, sizeof(*codec));
    if (!codec)
        return NULL;
    codec->contract = contract;
    codec->registry = registry;
    codec->read = map_new(RECORDS_MAX);
    codec->blank = map_new(RECORDS_MAX);
    if (codec->read && codec->blank)
        return codec;
    codec_free(codec);
    return NULL;
}

static void free_record(void *record)
{
    record_free(record);
}

void codec_free(struct codec *codec)
{
    if (!codec)
        return;
    map_free(codec->read, free_record);
    map_free(codec->blank, free_record);
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

static enum verdict find_by_id(const struct codec *codec, const uint8_t *bytes,
                               const struct schema **ret_schema, struct reason *reason)
{
    uint32_t id =
        (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 | bytes[4];
    struct registry *registry = codec->registry;
    const struct schema *schema = registry ? registry_schema(registry, (int32_t)id) : NULL;
    if (!schema && registry && registry->look_up && id <= INT32_MAX) {
        enum verdict verdict = registry->look_up(registry->context, registry, (int32_t)id, reason);
        if (verdict != DONE)
            return verdict;
        schema = registry_schema(registry, (int32_t)id);
    }
    if (!schema) {
        reason_set(reason, "unknown-schema-id", NULL, "schema id %u is not known%s", id,
                   registry ? "" : ": there is no registry");
        return REFUSED;
    }
    *ret_schema = schema;
    return DONE;
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

enum verdict codec_read(struct codec *codec, const void *bytes, size_t length,
                        const char *expected_name, struct record **ret_record,
                        struct reason *reason)
{
    const struct schema *schema = NULL;
    size_t header = 0;
    enum verdict verdict = read_header(codec, bytes, length, &schema, &header, reason);
    if (verdict != DONE)
        return verdict;
    if (expected_name && strcmp(schema_short_name(schema), expected_name) != 0) {
        reason_set(reason, "wrong-schema", NULL, "found %s, expected %s", schema_name(schema),
                   expected_name);
        return REFUSED;
    }
    struct record *record = kept(codec->read, schema);
    if (!record) {
        reason_set(reason, "out-of-memory", NULL, "no memory for a record");
        return BROKEN;
    }
    verdict = record_decode(record, (const uint8_t *)bytes + header, length - header, reason);
    if (verdict == DONE)
        *ret_record = record;
    return verdict;
}

static enum verdict write_header(const struct codec *codec, const struct schema *schema,
                                 uint8_t header[SINGLE_OBJECT_HEADER], size_t *ret_length,
                                 struct reason *reason)
{
    uint32_t id = 0;
    if (!codec->registry) {
        header[0] = 0xC3;
        header[1] = 0x01;
        for (unsigned i = 0; i < 8; i++)
            header[2 + i] = (uint8_t)(schema_fingerprint(schema) >> (8 * i));
        *ret_length = SINGLE_OBJECT_HEADER;
        return DONE;
    }
    if (!id_of(codec->registry, schema, &id)) {
        reason_set(reason, "schema-without-id", NULL, "the registry gave no id for %s",
                   schema_name(schema));
        return BROKEN;
    }
    header[0] = 0x00;
    for (unsigned i = 0; i < 4; i++)
        header[1 + i] = (uint8_t)(id >> (24 - 8 * i));
    *ret_length = CONFLUENT_HEADER;
    return DONE;
}

enum verdict codec_write(struct codec *codec, const struct record *record, struct buffer *buffer,
                         struct reason *reason)
{
    uint8_t header[SINGLE_OBJECT_HEADER];
    size_t length = 0;
    size_t before = buffer->length;
    enum verdict verdict = write_header(codec, record_schema(record), header, &length, reason);
    if (verdict != DONE)
        return verdict;
    if (!buffer_append(buffer, header, length)) {
        reason_set(reason, "too-large", NULL, "no room for the frame's header");
        return REFUSED;
    }
    verdict = record_encode(record, buffer, reason);
    if (verdict != DONE)
        buffer->length = before;
    return verdict;
}
