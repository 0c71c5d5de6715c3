/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a framed value, before a registry that knows two other writers' schemas: one of
 * which we have a newer version, so that it is converted, and one that is nobody's here. What is
 * read can be checked, shown and written again. */
#include "../unit/codec/sample_schema.h"

#include "codec/contract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char other_volume[] =
    "{'type':'record','name':'Volume','namespace':'uk.nhs.kentandmedway.referrals','fields':["
    "{'name':'more','type':['null','string'],'default':null},{'name':'count','type':'int'},"
    "{'name':'stage','type':'string'},{'name':'provider','type':'string'},"
    "{'name':'pcn','type':'string'},{'name':'hcp','type':'string'},"
    "{'name':'source_kind','type':'string'},{'name':'service','type':['null','string']},"
    "{'name':'pathway','type':'string'},{'name':'period','type':'string'}]}";

static struct contract *contract;
static struct registry *registry;
static struct codec *codec;

static void free_all(void)
{
    codec_free(codec);
    registry_free(registry);
    contract_free(contract);
}

static struct schema *parsed(const char *text)
{
    char *json = strdup(text);
    for (char *at = json; json && *at; at++)
        if (*at == '\'')
            *at = '"';
    struct schema *schema = json ? schema_parse(json, strlen(json), NULL) : NULL;
    free(json);
    if (!schema)
        abort();
    return schema;
}

static enum verdict look_up(void *context, struct registry *table, int32_t id,
                            struct reason *reason)
{
    (void)context, (void)table;
    reason_set(reason, id % 2 ? "unknown-schema-id" : "registry-away", NULL, "scripted");
    return id % 2 ? REFUSED : TRY_AGAIN;
}

static void make_all(void)
{
    if (codec)
        return;
    contract = contract_load(SOURCE_DIR "/schemas", NULL);
    registry = registry_new();
    if (!contract || !registry || !registry_add_take(registry, 1, parsed(other_volume)) ||
        !registry_add_take(registry, 2, parsed(sample_schema)))
        abort();
    registry_on_miss(registry, look_up, NULL);
    codec = codec_new(contract, registry);
    if (!codec || atexit(free_all) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason reason = {0};
    struct record *record = NULL;
    make_all();
    enum verdict verdict = codec_read(codec, data, size, NULL, &record, &reason);
    if (verdict != DONE) {
        if (verdict == BROKEN || !*reason.code || record)
            abort();
        return 0;
    }
    struct buffer again;
    buffer_init(&again, 256 * 1024);
    char *text = NULL;
    struct json *json = record_to_json(record);
    if (!json || !(text = json_print(json, JSON_COMPACT)))
        abort();
    if (record_check(record, &reason) == BROKEN ||
        codec_write(codec, record, &again, &reason) == BROKEN)
        abort();
    buffer_clear(&again);
    json_free(json);
    free(text);
    return 0;
}
