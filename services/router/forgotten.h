/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka forgets the offsets of a group some time after its last member has left
 * (offsets.retention.minutes). A router that began at the beginning then would have everything that
 * is still on referrals.* delivered a second time. */
#ifndef ROUTER_FORGOTTEN_H
#define ROUTER_FORGOTTEN_H

#include "kafka/kafka.h"
#include "pathways/pathway.h"

/* TRY_AGAIN (offsets-lost) if the group has no offset on any pathway's topic, and yet there are
 * events: the router writes both in one transaction. */
__attribute__((warn_unused_result)) enum verdict
forgotten_check(const struct kafka_settings *settings, struct kafka_admin *admin, const char *group,
                const struct pathway_set *pathways, struct reason *reason);

#endif
