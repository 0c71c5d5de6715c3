/* SPDX-License-Identifier: Apache-2.0 */
#include "service/memory.h"

#include <errno.h>
#include <jemalloc/jemalloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#define SMALL_PAGES ((size_t)512 << 20)
#define RANGES_MAX 64 /* each is larger than the one before */

/* jemalloc asks the program for this name when it starts. One arena, as the threads of a service
 * hand memory to each other anyway; what has been free for 0.4 s goes back to the system, so
 * that a backlog that is gone is gone from memory, too. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,dirty_decay_ms:400,muzzy_decay_ms:0";

/* Programs with a sanitizer bring its allocator instead. */
#pragma weak mallctl

static struct {
    extent_hooks_t hooks;
    extent_hooks_t *usual;
    atomic_size_t taken;
    struct {
        _Atomic(void *) start;
        size_t size;
    } ranges[RANGES_MAX]; /* that may lie on huge pages */
    atomic_size_t ranges_count;
    bool small; /* they shall not, now */
} memory;

static void *take(extent_hooks_t *hooks, void *at, size_t size, size_t alignment, bool *zero,
                  bool *commit, unsigned arena)
{
    const int before = errno;
    (void)hooks;
    void *start = memory.usual->alloc(memory.usual, at, size, alignment, zero, commit, arena);
    if (!start || atomic_fetch_add(&memory.taken, size) + size <= SMALL_PAGES)
        return start;
    const size_t place = atomic_fetch_add(&memory.ranges_count, 1);
    if (place < RANGES_MAX && madvise(start, size, MADV_HUGEPAGE) == 0) {
        memory.ranges[place].size = size;
        atomic_store(&memory.ranges[place].start, start);
    }
    errno = before;
    return start;
}

bool memory_prepare(void)
{
    extent_hooks_t *ours = &memory.hooks;
    size_t size = sizeof(memory.usual);
    if (memory.usual)
        return true;
    if (!mallctl || mallctl("arena.0.extent_hooks", &memory.usual, &size, NULL, 0) != 0)
        return false;
    memory.hooks = *memory.usual;
    memory.hooks.alloc = take;
    return mallctl("arena.0.extent_hooks", NULL, NULL, &ours, sizeof(ours)) == 0;
}

static size_t in_use(void)
{
    uint64_t epoch = 1;
    size_t bytes = SIZE_MAX, size = sizeof(bytes), epoch_size = sizeof(epoch);
    if (mallctl("epoch", &epoch, &epoch_size, &epoch, epoch_size) != 0 ||
        mallctl("stats.allocated", &bytes, &size, NULL, 0) != 0)
        return SIZE_MAX;
    return bytes;
}

void memory_look(void)
{
    if (!atomic_load(&memory.ranges_count))
        return;
    const bool small = in_use() < SMALL_PAGES;
    if (small == memory.small)
        return;
    memory.small = small;
    for (size_t i = 0; i < RANGES_MAX; i++) {
        void *start = atomic_load(&memory.ranges[i].start);
        if (start)
            (void)madvise(start, memory.ranges[i].size, small ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    }
}
