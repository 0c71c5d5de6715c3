/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a schema, as a registry might send one: refused, or good enough to make a record of.
 */
#include "codec/prescan.h"
#include "codec/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reason reason = {0};
    struct schema *schema = schema_parse((const char *)data, size, &reason);
    if (!schema) {
        if (!*reason.code)
            abort();
        return 0;
    }
    struct schema *canonical =
        schema_parse(schema_canonical(schema), strlen(schema_canonical(schema)), &reason);
    if (!canonical || schema_fingerprint(canonical) != schema_fingerprint(schema))
        abort();
    struct record *record = record_new(schema);
    struct buffer buffer;
    buffer_init(&buffer, PRESCAN_SIZE_MAX);
    enum verdict verdict = record ? record_encode(record, &buffer, &reason) : BROKEN;
    if (verdict == BROKEN ||
        (verdict == DONE && record_decode(record, buffer.data, buffer.length, &reason) != DONE))
        abort();
    buffer_clear(&buffer);
    record_free(record);
    schema_free(canonical);
    schema_free(schema);
    return 0;
}
