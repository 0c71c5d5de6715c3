/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a partition is a fold over the partition itself: read again from some hours ago up
 * to where work goes on. */
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

/* Remembers what stands before `from`. TRY_AGAIN if Kafka is away or takes too long. */
__attribute__((warn_unused_result)) enum verdict restore_memory(const struct restore *restore,
                                                                struct partition *partition,
                                                                int64_t from, size_t *ret_records,
                                                                struct reason *reason);

#endif
