/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of 32-byte entries in the order in which they came, and hash chains through them. The
 * order makes both ends cheap: the oldest leave at the head, an aborted transaction's leave at the
 * tail. The ring doubles up to its bound. */
#include "memory.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define FIRST_CAPACITY 256

struct seen {
    struct uuid id;
    uint64_t digest;
    uint32_t at_seconds; /* since the epoch, until the year 2106 */
    uint32_t next;       /* place in the ring of the next of the same chain */
};

struct memory {
    struct seen *ring;
    uint32_t *chains; /* as many as places */
    size_t capacity;  /* a power of two */
    size_t head;      /* place of the oldest */
    size_t count;
    size_t uncommitted; /* of the newest */
    size_t ids_max;
    uint64_t pushed_out;
};

struct memory *memory_new(size_t ids_max)
{
    struct memory *memory = calloc(1, sizeof *memory);
    if (memory != NULL)
        memory->ids_max = ids_max == 0 ? 1 : ids_max;
    return memory;
}

void memory_free(struct memory *memory)
{
    if (memory == NULL)
        return;
    free(memory->ring);
    free(memory->chains);
    free(memory);
}

static size_t chain_of(const struct memory *memory, const struct uuid *id)
{
    return (size_t)hash_bytes(id->bytes, sizeof id->bytes, 0) & (memory->capacity - 1);
}

static const struct seen *find(const struct memory *memory, const struct uuid *id)
{
    if (memory->count == 0)
        return NULL;
    uint32_t place = memory->chains[chain_of(memory, id)];
    while (place != NONE && memcmp(&memory->ring[place].id, id, sizeof *id) != 0)
        place = memory->ring[place].next;
    return place == NONE ? NULL : &memory->ring[place];
}

enum memory_answer memory_ask(const struct memory *memory, const struct uuid *id, uint64_t digest)
{
    const struct seen *seen = find(memory, id);
    if (seen == NULL)
        return MEMORY_NEW;
    return seen->digest == digest ? MEMORY_SAME : MEMORY_OTHER;
}

static void link_place(struct memory *memory, size_t place)
{
    size_t chain = chain_of(memory, &memory->ring[place].id);
    memory->ring[place].next = memory->chains[chain];
    memory->chains[chain] = (uint32_t)place;
}

static void unlink_place(struct memory *memory, size_t place)
{
    uint32_t *at = &memory->chains[chain_of(memory, &memory->ring[place].id)];
    while (*at != (uint32_t)place)
        at = &memory->ring[*at].next;
    *at = memory->ring[place].next;
}

static bool grow(struct memory *memory)
{
    size_t capacity = memory->capacity == 0 ? FIRST_CAPACITY : memory->capacity * 2;
    struct seen *ring = malloc(capacity * sizeof *ring);
    uint32_t *chains = malloc(capacity * sizeof *chains);
    if (ring == NULL || chains == NULL) {
        free(ring);
        free(chains);
        return false;
    }
    memset(chains, 0xFF, capacity * sizeof *chains);
    for (size_t i = 0; i < memory->count; i++)
        ring[i] = memory->ring[(memory->head + i) & (memory->capacity - 1)];
    free(memory->ring);
    free(memory->chains);
    memory->ring = ring;
    memory->chains = chains;
    memory->capacity = capacity;
    memory->head = 0;
    for (size_t i = 0; i < memory->count; i++)
        link_place(memory, i);
    return true;
}

static void drop_oldest(struct memory *memory)
{
    unlink_place(memory, memory->head);
    memory->head = (memory->head + 1) & (memory->capacity - 1);
    memory->count--;
    if (memory->uncommitted > memory->count)
        memory->uncommitted = memory->count;
}

bool memory_add(struct memory *memory, const struct uuid *id, uint64_t digest, int64_t at_ms)
{
    if (memory->count == memory->ids_max) {
        drop_oldest(memory);
        memory->pushed_out++;
    }
    if (memory->count == memory->capacity && !grow(memory))
        return false;
    size_t place = (memory->head + memory->count) & (memory->capacity - 1);
    int64_t seconds = at_ms < 0 ? 0 : at_ms / 1000;
    memory->ring[place] = (struct seen){
        .id = *id,
        .digest = digest,
        .at_seconds = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds,
    };
    link_place(memory, place);
    memory->count++;
    memory->uncommitted++;
    return true;
}

void memory_forget_before(struct memory *memory, int64_t since_ms)
{
    while (memory->count > memory->uncommitted &&
           (int64_t)memory->ring[memory->head].at_seconds < since_ms / 1000)
        drop_oldest(memory);
}

void memory_commit(struct memory *memory)
{
    memory->uncommitted = 0;
}

void memory_undo(struct memory *memory)
{
    for (; memory->uncommitted > 0; memory->uncommitted--) {
        memory->count--;
        unlink_place(memory, (memory->head + memory->count) & (memory->capacity - 1));
    }
}

size_t memory_count(const struct memory *memory)
{
    return memory->count;
}

uint64_t memory_pushed_out(const struct memory *memory)
{
    return memory->pushed_out;
}
