/* SPDX-License-Identifier: Apache-2.0 */
/* A volume's key is its dimensions, so that the compacted topic keeps exactly one figure for each
 * combination. */
#include "lifecycle/volume.h"

#include "base/text.h"
#include "lifecycle/fields.h"

#include <string.h>

#define MEMBER(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct volume, name), sizeof(((struct volume *)0)->name), false            \
    }
static const struct text_field texts[] = {
    MEMBER(period), MEMBER(pathway), MEMBER(service),  MEMBER(source_kind),
    MEMBER(hcp),    MEMBER(pcn),     MEMBER(provider), MEMBER(stage),
};
#undef MEMBER
static const struct whole_field wholes[] = {
    {"count", offsetof(struct volume, count), true, false},
};
#define TEXTS (sizeof texts / sizeof texts[0])

size_t volume_key(const struct volume *volume, char key[VOLUME_KEY_SIZE])
{
    size_t length = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        if (i > 0)
            key[length++] = '|';
        const char *text = (const char *)volume + texts[i].offset;
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
    struct record *record = schema == NULL ? NULL : codec_blank(codec, schema);
    if (record == NULL || !fields_write(record, volume, texts, TEXTS, wholes, 1)) {
        reason_set(reason, "no-volume", NULL, "a volume could not be written: schema or memory");
        return BROKEN;
    }
    return codec_write(codec, record, buffer, reason);
}

enum verdict volume_decode(struct codec *codec, const void *bytes, size_t length,
                           struct volume *ret_volume, struct reason *reason)
{
    struct record *record = NULL;
    enum verdict verdict = codec_read(codec, bytes, length, "Volume", &record, reason);
    if (verdict != DONE)
        return verdict;
    struct volume volume = {0};
    verdict = fields_read(record, &volume, texts, TEXTS, wholes, 1, reason);
    if (verdict == DONE)
        *ret_volume = volume;
    return verdict;
}
