/* SPDX-License-Identifier: Apache-2.0 */
/* A volume's key is its dimensions, so that the compacted topic keeps exactly one figure for each
 * combination. */
#include "lifecycle/volume.h"

#include "base/text.h"
#include "lifecycle/fields.h"

#include <string.h>

#define TEXT(name) TEXT_OF(volume, name, false)
static const struct member members[] = {
    TEXT(period),      TEXT(pathway), TEXT(service),
    TEXT(source_kind), TEXT(hcp),     TEXT(pcn),
    TEXT(provider),    TEXT(stage),   MEMBER_OF(volume, count, MEMBER_LONG, false, count),
};
#undef TEXT
#define COUNT (sizeof members / sizeof members[0])
#define DIMENSIONS (COUNT - 1) /* all but the count */

size_t volume_key(const struct volume *volume, char key[VOLUME_KEY_SIZE])
{
    size_t length = 0;
    for (size_t i = 0; i < DIMENSIONS; i++) {
        if (i > 0)
            key[length++] = '|';
        const char *text = (const char *)volume + members[i].offset;
        for (size_t j = 0; text[j] != '\0'; j++)
            key[length++] = text[j] == '|' ? '/' : text[j];
    }
    key[length] = '\0';
    return length;
}

enum verdict volume_encode(struct codec *codec, const struct contract *contract,
                           const struct volume *volume, struct buffer *buffer,
                           struct reason *reason)
{
    const struct schema *schema = contract_message(contract, "Volume");
    if (schema == NULL) {
        reason_set(reason, "no-volume", NULL, "there is no schema of a volume");
        return BROKEN;
    }
    struct flat_field fields[COUNT];
    size_t count = fields_list(volume, members, COUNT, fields);
    return codec_write_flat(codec, schema, fields, count, buffer, reason);
}

enum verdict volume_decode(struct codec *codec, const void *bytes, size_t length,
                           struct volume *ret_volume, struct reason *reason)
{
    struct record *record = NULL;
    enum verdict verdict = codec_read(codec, bytes, length, "Volume", &record, reason);
    if (verdict != DONE)
        return verdict;
    struct volume volume = {0};
    verdict = fields_read(record, &volume, members, COUNT, reason);
    if (verdict == DONE)
        *ret_volume = volume;
    return verdict;
}
