/* SPDX-License-Identifier: Apache-2.0 */
/* One call at a time on a thread of its own, while its caller looks after something else. */
#ifndef KAFKA_ASIDE_H
#define KAFKA_ASIDE_H

#include <stdbool.h>

struct aside;

/* `name` is the thread's, of at most 15 letters. NULL if memory, descriptors or threads ran out. */
struct aside *aside_open(const char *name);
/* Begins the call; the one before has been waited for. What it touches is its own until then. */
void aside_begin(struct aside *aside, void (*call)(void *self), void *self);
/* True once when the call has ended. `fd` is readable then. */
__attribute__((warn_unused_result)) bool aside_ended(struct aside *aside);
int aside_fd(const struct aside *aside);
/* NULL is fine. No call may be under way. */
void aside_close(struct aside *aside);

#endif
