/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a partition is a fold over the partition itself: read again from some hours ago up
 * to where work goes on. All partitions are read by one reader, side by side. */
#ifndef ROUTER_RESTORE_H
#define ROUTER_RESTORE_H

#include "partitions.h"

#include "codec/contract.h"
#include "kafka/kafka.h"

struct restore {
    const struct kafka_settings *settings;
    struct kafka_admin *admin;
    struct codec *codec;
    int64_t since_ms;
};

/* Remembers, for each partition with a restore_to, what stands before it, and clears it. TRY_AGAIN
 * if Kafka is away or takes too long: what was read stays, and the same call reads it again. */
__attribute__((warn_unused_result)) enum verdict restore_memories(const struct restore *restore,
                                                                  struct partitions *partitions,
                                                                  size_t *ret_records,
                                                                  struct reason *reason);

#endif
