/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a registry's answer; the first byte chooses the status. Only 200 can find something,
 * only 404, 409 and 422 can be a "no", and what is told to people is fit for a terminal. */
#include "base/text.h"
#include "registry/answer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(long status, enum registry_outcome outcome, const struct reason *reason)
{
    bool no = outcome == REGISTRY_ABSENT || outcome == REGISTRY_CONFLICT;
    if (outcome == REGISTRY_FOUND && status != 200)
        abort();
    if (no && status != 404 && status != 409 && status != 200)
        abort();
    if ((outcome == REGISTRY_FOUND) != (*reason->code == '\0'))
        abort();
    if (!text_is_utf8(reason->detail, strlen(reason->detail)))
        abort();
    for (const char *at = reason->detail; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 404, 409, 422, 500, 0, 302, 200};
    static int32_t versions[REGISTRY_VERSIONS_MAX];
    if (size == 0)
        return 0;
    const struct registry_reply reply = {statuses[data[0] % 8], (const char *)data + 1, size - 1};
    char level[REGISTRY_LEVEL_SIZE];
    int32_t id = -1, version = -1;
    size_t count = 0;
    struct schema *schema = NULL;
    struct reason reasons[5] = {0};
    enum registry_outcome outcome = registry_answer_schema(&reply, &schema, &reasons[0]);
    if ((outcome == REGISTRY_FOUND) != (schema != NULL))
        abort();
    schema_free(schema);
    judge(reply.status, outcome, &reasons[0]);
    outcome = registry_answer_id(&reply, &id, &version, &reasons[1]);
    if (outcome == REGISTRY_FOUND && (id < 0 || version < 0))
        abort();
    judge(reply.status, outcome, &reasons[1]);
    outcome = registry_answer_versions(&reply, versions, &count, &reasons[2]);
    if (count > REGISTRY_VERSIONS_MAX)
        abort();
    judge(reply.status, outcome, &reasons[2]);
    judge(reply.status, registry_answer_compatible(&reply, &reasons[3]), &reasons[3]);
    judge(reply.status, registry_answer_level(&reply, level, &reasons[4]), &reasons[4]);
    return 0;
}
