/* SPDX-License-Identifier: Apache-2.0 */
/* How a service's allocator takes memory from the system. */
#ifndef SERVICE_MEMORY_H
#define SERVICE_MEMORY_H

/* Once, before threads are made. What the process takes beyond its first 512 MiB comes on huge
 * pages where the system has them: only who holds a large backlog takes so much, and finds each
 * delivery of it somewhere else in memory. Without such pages, or with another allocator, nothing
 * changes but the speed. */
void memory_prepare(void);

#endif
