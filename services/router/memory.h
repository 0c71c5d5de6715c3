/* SPDX-License-Identifier: Apache-2.0 */
/* The referral ids of one input partition that were seen in the last hours, each with a digest of
 * what came under it: tells a repeated referral from a conflicting one. Bounded: past `ids_max` the
 * oldest is forgotten first, and a repeat of it would pass as new. Pure. */
#ifndef ROUTER_MEMORY_H
#define ROUTER_MEMORY_H

#include "ids/uuid.h"

#include <stddef.h>

enum memory_answer {
    MEMORY_NEW,
    MEMORY_SAME,  /* seen, with this digest */
    MEMORY_OTHER, /* seen, with another digest */
};

struct memory;

struct memory *memory_new(size_t ids_max);
void memory_free(struct memory *memory);
enum memory_answer memory_ask(const struct memory *memory, const struct uuid *id, uint64_t digest);
/* For an id that is new. False without memory. */
__attribute__((warn_unused_result)) bool memory_add(struct memory *memory, const struct uuid *id,
                                                    uint64_t digest, int64_t at_ms);
/* Forgets, oldest first, what was added for a time before `since_ms`. */
void memory_forget_before(struct memory *memory, int64_t since_ms);
/* What was added since the last of these two calls stays, or is undone. */
void memory_commit(struct memory *memory);
void memory_undo(struct memory *memory);
size_t memory_count(const struct memory *memory);
/* How many were forgotten only because there were too many. */
uint64_t memory_pushed_out(const struct memory *memory);

#endif
