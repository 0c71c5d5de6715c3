/* SPDX-License-Identifier: Apache-2.0 */
#include "base/large.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

void *large_zeroed(size_t size)
{
    if (size < HUGE_PAGE)
        return calloc(1, size);
    void *memory = aligned_alloc(HUGE_PAGE, size);
    if (!memory)
        return NULL;
    (void)madvise(memory, size, MADV_HUGEPAGE); /* without it, it is only slower */
    return memset(memory, 0, size);
}
