/* SPDX-License-Identifier: Apache-2.0 */
/* The topic `providers` as an operator sees it: read whole, compared by what would be written,
 * changed record by record. */
#ifndef REFERRALCTL_PROVIDER_TOPIC_H
#define REFERRALCTL_PROVIDER_TOPIC_H

#include "directory/directory.h"
#include "registry/client.h"

struct provider_topic {
    struct contract *contract;
    struct codec *codec;
    struct kafka_settings *settings;
    struct directory *directory; /* as the topic stood */
    struct places *places;
};

/* TRY_AGAIN: Kafka is away. REFUSED, BROKEN: schemas or settings. Close either way. */
__attribute__((warn_unused_result)) enum verdict
provider_topic_open(struct provider_topic *topic, const char *schemas_dir,
                    struct registry_client *registry, struct reason *reason);
void provider_topic_close(struct provider_topic *topic);

/* Would both be written as the same bytes? */
bool provider_topic_same(struct provider_topic *topic, const struct provider *a,
                         const struct provider *b);

/* A change: a provider to write, or a code whose provider to remove (provider NULL). */
struct provider_change {
    char ods_code[ODS_CODE_SIZE];
    const struct provider *provider;
};
/* DONE when all of them are on all in-sync replicas. */
__attribute__((warn_unused_result)) enum verdict
provider_topic_write(struct provider_topic *topic, const struct provider_change *changes,
                     size_t count, struct reason *reason);

#endif
