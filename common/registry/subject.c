/* SPDX-License-Identifier: Apache-2.0 */
/* TopicNameStrategy, which is what every Confluent client expects of a value. */
#include "registry/client.h"

#include "base/text.h"
#include "lifecycle/operation.h"

#include <string.h>

static const struct {
    const char *message, *topic;
} topics[] = {
    {"Delivery", TOPIC_DELIVERIES},          {"ReferralEvent", TOPIC_EVENTS},
    {"Provider", TOPIC_PROVIDERS},           {"Volume", TOPIC_VOLUMES_DAILY},
    {"DeliveryOperation", TOPIC_OPERATIONS}, {"DestinationState", TOPIC_STATES},
};

bool registry_subject(const char *message, const char *pathway, size_t number,
                      char ret_subject[REGISTRY_SUBJECT_SIZE])
{
    if (pathway)
        return number == 0 && text_format(ret_subject, REGISTRY_SUBJECT_SIZE, "%s%s-value",
                                          TOPIC_REFERRALS_PREFIX, pathway);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
        if (strcmp(topics[i].message, message) == 0 && number-- == 0)
            return text_format(ret_subject, REGISTRY_SUBJECT_SIZE, "%s-value", topics[i].topic);
    return false;
}
