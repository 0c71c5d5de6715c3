/* SPDX-License-Identifier: Apache-2.0 */
/* The input partitions that this process holds, each with its memory of ids. */
#ifndef ROUTER_PARTITIONS_H
#define ROUTER_PARTITIONS_H

#include "memory.h"

#define TOPIC_NAME_SIZE 250 /* Kafka's own limit and a terminator */

struct partition {
    char topic[TOPIC_NAME_SIZE];
    int32_t number;
    const char *pathway; /* the topic's name behind its prefix */
    struct memory *memory;
    int64_t restore_to; /* ids before this offset are still to be read back; 0 = none */
};

struct partitions;

/* `ids_max` bounds the memory of each. */
struct partitions *partitions_new(size_t ids_max);
void partitions_free(struct partitions *partitions);
/* With an empty memory, whether or not it was held before. NULL if there are too many or memory ran
 * out. */
struct partition *partitions_add(struct partitions *partitions, const char *topic, int32_t number);
struct partition *partitions_find(struct partitions *partitions, const char *topic, int32_t number);
/* Walks all: start with *cursor = 0. NULL at the end. */
struct partition *partitions_next(struct partitions *partitions, size_t *cursor);
void partitions_remove(struct partitions *partitions, const char *topic, int32_t number);
/* memory_commit, memory_undo, memory_forget_before of each. */
void partitions_commit(struct partitions *partitions, int64_t forget_before_ms);
void partitions_undo(struct partitions *partitions);
size_t partitions_ids(const struct partitions *partitions);
uint64_t partitions_pushed_out(const struct partitions *partitions);

#endif
