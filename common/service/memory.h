/* SPDX-License-Identifier: Apache-2.0 */
/* How a service's allocator takes memory from the system. */
#ifndef SERVICE_MEMORY_H
#define SERVICE_MEMORY_H

#include <stdbool.h>

/* Once, before threads are made. When the allocator has taken 512 MiB for what is smaller than 8
 * MiB each, it takes more on huge pages, where the system has them: only who holds a large backlog
 * takes so much, and finds each delivery of it somewhere else in memory. False with another
 * allocator: nothing changes then but the speed. */
bool memory_prepare(void);
/* Now and then, on one thread: if less than that is in use by now the system is told to make no
 * more huge pages, or where a little is left of one it would fill it up again. */
void memory_look(void);

#endif
