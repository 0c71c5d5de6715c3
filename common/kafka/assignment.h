/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer group has given to a member, as the bytes of the group's answer tell it (the
 * embedded consumer protocol, any version; every assignor of Kafka's writes it). */
#ifndef KAFKA_ASSIGNMENT_H
#define KAFKA_ASSIGNMENT_H

#include <stddef.h>

/* How many partitions of the topic the member has, of all topics for NULL. No bytes (NULL, 0) are
 * an assignment of none. -1: these are none. */
int assignment_count(const void *bytes, size_t size, const char *topic);

#endif
