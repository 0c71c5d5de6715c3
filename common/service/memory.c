/* SPDX-License-Identifier: Apache-2.0 */
#include "service/memory.h"

#include <jemalloc/jemalloc.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define SMALL_PAGES ((size_t)512 << 20)

/* jemalloc asks the program for this name when it starts. One arena, as the threads of a service
 * hand memory to each other anyway; what has been free for a second goes back to the system, so
 * that a backlog that is gone is gone from memory, too. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";

/* Programs with a sanitizer bring its allocator instead. */
#pragma weak mallctl

static extent_hooks_t *usual;
static atomic_size_t taken;

static void *take(extent_hooks_t *hooks, void *at, size_t size, size_t alignment, bool *zero,
                  bool *commit, unsigned arena)
{
    (void)hooks;
    void *memory = usual->alloc(usual, at, size, alignment, zero, commit, arena);
    if (memory && atomic_fetch_add(&taken, size) + size > SMALL_PAGES)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void memory_prepare(void)
{
    static extent_hooks_t hooks;
    extent_hooks_t *ours = &hooks;
    size_t size = sizeof(usual);
    if (!mallctl || mallctl("arena.0.extent_hooks", &usual, &size, NULL, 0) != 0)
        return;
    hooks = *usual;
    hooks.alloc = take;
    (void)mallctl("arena.0.extent_hooks", NULL, NULL, &ours, sizeof(ours));
}
