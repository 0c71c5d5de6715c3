/* SPDX-License-Identifier: Apache-2.0 */
/* An operation travels on `deliveries`, in the partition of what it is about: so whoever owns that
 * partition, after whatever rebalance, finds it there, and its tombstone says that it was done. */
#include "lifecycle/operation.h"

#include "base/text.h"
#include "lifecycle/fields.h"

#include <string.h>

#define TEXT(name, optional) TEXT_OF(delivery_operation, name, optional)
#define TIME(name, optional) MEMBER_OF(delivery_operation, name, MEMBER_LONG, optional, name##_ms)
#define NUMBER(name) MEMBER_OF(delivery_operation, name, MEMBER_INT, true, name)
static const struct member operation_members[] = {
    TEXT(id, false),
    TEXT(kind, false),
    TEXT(stage, false),
    TEXT(destination, true),
    TEXT(delivery_id, true),
    NUMBER(partition),
    TIME(asked_at, false),
    TEXT(asked_by, false),
    TEXT(reason, true),
    TIME(answered_at, true),
    TEXT(answered_by, true),
    NUMBER(touched),
    NUMBER(moved),
    NUMBER(returned),
    NUMBER(stayed),
    NUMBER(held),
    NUMBER(left),
};
#undef TEXT
#undef TIME
#undef NUMBER

#define TEXT(name, optional) TEXT_OF(destination_state, name, optional)
#define TIME(name, optional) MEMBER_OF(destination_state, name, MEMBER_LONG, optional, name##_ms)
#define NUMBER(name) MEMBER_OF(destination_state, name, MEMBER_INT, true, name)
static const struct member state_members[] = {
    TEXT(operation_id, false),
    TEXT(destination, false),
    TIME(at, false),
    TEXT(instance, false),
    TEXT(state, true),
    NUMBER(held),
    NUMBER(ready),
    NUMBER(waiting),
    NUMBER(in_flight),
    NUMBER(window),
    NUMBER(mean_ms),
    TIME(probe_at, true),
    TIME(quiet_until, true),
    NUMBER(left),
};
#undef TEXT
#undef TIME
#undef NUMBER
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const words[] = {
    [OPERATION_LOOK] = "look",
    [OPERATION_RELEASE] = "release",
    [OPERATION_RETRY] = "retry",
    [OPERATION_REROUTE] = "reroute",
};

const char *operation_word(enum operation_kind kind)
{
    return words[kind];
}

bool operation_kind_parse(const char *word, enum operation_kind *ret_kind)
{
    for (size_t i = 0; i < COUNT(words); i++)
        if (strcmp(words[i], word) == 0) {
            *ret_kind = (enum operation_kind)i;
            return true;
        }
    return false;
}

void operation_key(const struct delivery_operation *operation, char key[OPERATION_KEY_SIZE])
{
    (void)text_format(key, OPERATION_KEY_SIZE, OPERATION_KEY "%s", operation->id);
}

bool operation_is_key(const void *key, size_t size)
{
    return size > strlen(OPERATION_KEY) && memcmp(key, OPERATION_KEY, strlen(OPERATION_KEY)) == 0;
}

static enum verdict encode(struct codec *codec, const struct contract *contract,
                           const char *message, const void *from, const struct member *members,
                           size_t count, struct buffer *buffer, struct reason *reason)
{
    struct flat_field fields[MEMBERS_MAX];
    const struct schema *schema = contract_message(contract, message);
    if (schema == NULL) {
        reason_set(reason, "no-schema", NULL, "there is no schema of a %s", message);
        return BROKEN;
    }
    count = fields_list(from, members, count, fields);
    return codec_write_flat(codec, schema, fields, count, buffer, reason);
}

enum verdict operation_encode(struct codec *codec, const struct contract *contract,
                              const struct delivery_operation *operation, struct buffer *buffer,
                              struct reason *reason)
{
    return encode(codec, contract, "DeliveryOperation", operation, operation_members,
                  COUNT(operation_members), buffer, reason);
}

enum verdict operation_decode(struct codec *codec, const void *bytes, size_t length,
                              struct delivery_operation *ret_operation, struct reason *reason)
{
    struct record *record = NULL;
    struct delivery_operation operation = {0};
    enum verdict verdict = codec_read(codec, bytes, length, "DeliveryOperation", &record, reason);
    if (verdict == DONE)
        verdict =
            fields_read(record, &operation, operation_members, COUNT(operation_members), reason);
    if (verdict == DONE)
        *ret_operation = operation;
    return verdict;
}

enum verdict destination_state_encode(struct codec *codec, const struct contract *contract,
                                      const struct destination_state *state, struct buffer *buffer,
                                      struct reason *reason)
{
    return encode(codec, contract, "DestinationState", state, state_members, COUNT(state_members),
                  buffer, reason);
}

enum verdict destination_state_decode(struct codec *codec, const void *bytes, size_t length,
                                      struct destination_state *ret_state, struct reason *reason)
{
    struct record *record = NULL;
    struct destination_state state = {0};
    enum verdict verdict = codec_read(codec, bytes, length, "DestinationState", &record, reason);
    if (verdict == DONE)
        verdict = fields_read(record, &state, state_members, COUNT(state_members), reason);
    if (verdict == DONE)
        *ret_state = state;
    return verdict;
}
