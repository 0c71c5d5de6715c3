/* SPDX-License-Identifier: Apache-2.0 */
#include "core/queue.h"

#include <assert.h>
#include <stdlib.h>

#define RECENT_LEAST 32
#define RECENT_MOST 16384
#define SAMPLE 64

/* The heap's items are numbers, too: to merge touches no job. */
static void *as_item(uint32_t number)
{
    return (void *)(uintptr_t)number;
}

static uint32_t number_of(const void *item)
{
    return (uint32_t)(uintptr_t)item;
}

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
    heap_init(&queue->recent, HEAP_UNTOLD);
}

void queue_clear(struct queue *queue)
{
    heap_clear(&queue->recent);
    free(queue->sorted);
    queue_init(queue);
}

/* An eighth of all, so that each is copied some eight times. */
static size_t recent_most(size_t count)
{
    return count / 8 < RECENT_LEAST  ? RECENT_LEAST
           : count / 8 > RECENT_MOST ? RECENT_MOST
                                     : count / 8;
}

bool queue_reserve(struct queue *queue, size_t count)
{
    const size_t recent = recent_most(count);
    if (count > UINT32_MAX / 2 || !heap_reserve(&queue->recent, count < recent ? count : recent))
        return false;
    if (count <= RECENT_LEAST || count <= queue->capacity)
        return true;
    size_t capacity = queue->capacity ? queue->capacity : RECENT_LEAST;
    while (capacity < count)
        capacity *= 2;
    struct queue_entry *sorted = realloc(queue->sorted, capacity * sizeof(*sorted));
    if (!sorted)
        return false;
    queue->sorted = sorted;
    queue->capacity = (uint32_t)capacity;
    return true;
}

static bool before(struct queue_entry one, struct queue_entry other)
{
    return one.key < other.key || (one.key == other.key && one.number < other.number);
}

static int compare(const void *one, const void *other)
{
    const struct queue_entry *a = one, *b = other;
    return before(*a, *b) ? -1 : before(*b, *a);
}

/* Who has left makes room. */
static void close_gaps(struct queue *queue)
{
    uint32_t end = 0;
    for (uint32_t i = queue->first; i < queue->end; i++) {
        queue->sorted[end] = queue->sorted[i];
        end += !queue->sorted[i].gone;
    }
    queue->first = 0;
    queue->end = end;
}

/* The heap's own memory takes its jobs in the form that they have in the array. */
static void merge(struct queue *queue)
{
    _Static_assert(sizeof(struct queue_entry) == sizeof(struct heap_entry), "one for the other");
    struct heap_entry *entries = queue->recent.entries + 1;
    struct queue_entry *come = (struct queue_entry *)(void *)entries;
    uint32_t left = queue->recent.count;
    for (size_t i = 0; i < left; i++) {
        const struct heap_entry entry = entries[i];
        come[i] = (struct queue_entry){.key = entry.key, .number = number_of(entry.item)};
    }
    queue->recent.count = 0;
    qsort(come, left, sizeof(*come), compare);
    if (queue->end + left > queue->capacity)
        close_gaps(queue);
    assert(queue->end + left <= queue->capacity);
    uint32_t from = queue->end, to = queue->end + left;
    queue->end = to;
    while (left > 0)
        queue->sorted[--to] = from > queue->first && before(come[left - 1], queue->sorted[from - 1])
                                  ? queue->sorted[--from]
                                  : come[--left];
}

void queue_put(struct queue *queue, struct job *job, int64_t key)
{
    assert(!job->queued);
    if (queue->recent.count >= recent_most(queue->count + 1))
        merge(queue);
    heap_put(&queue->recent, as_item(job->number), key);
    job->queued = true;
    queue->count++;
}

/* Where it stands in the array, or would. */
static size_t find(const struct queue *queue, struct queue_entry entry)
{
    size_t from = queue->first, to = queue->end;
    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        if (before(queue->sorted[middle], entry))
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static bool leave_sorted(struct queue *queue, struct queue_entry entry)
{
    struct queue_entry *sorted = queue->sorted;
    size_t at = queue->first;
    if (at < queue->end && sorted[at].number != entry.number)
        at = find(queue, entry);
    while (at < queue->end && sorted[at].gone) /* one before it may have had its number */
        at++;
    if (at == queue->end || sorted[at].number != entry.number || sorted[at].key != entry.key)
        return false;
    sorted[at].gone = true;
    if (at + 1 == queue->end) /* the end is another line of main memory */
        while (queue->first < queue->end && sorted[queue->end - 1].gone)
            queue->end--;
    while (queue->first < queue->end && sorted[queue->first].gone)
        queue->first++;
    return true;
}

static void leave_recent(struct heap *recent, uint32_t number)
{
    size_t at = 1;
    while (at <= recent->count && number_of(recent->entries[at].item) != number)
        at++;
    assert(at <= recent->count);
    heap_take(recent, at);
}

static bool is_top(const struct heap *recent, uint32_t number)
{
    return recent->count && number_of(recent->entries[1].item) == number;
}

void queue_remove(struct queue *queue, struct job *job, int64_t key)
{
    if (!job->queued)
        return;
    const struct queue_entry entry = {.key = key, .number = job->number};
    if (is_top(&queue->recent, job->number) || !leave_sorted(queue, entry))
        leave_recent(&queue->recent, job->number);
    job->queued = false;
    queue->count--;
}

static bool sorted_is_first(const struct queue *queue)
{
    return queue->first < queue->end && (!queue->recent.count || queue->sorted[queue->first].key <=
                                                                     queue->recent.entries[1].key);
}

struct job *queue_first(const struct queue *queue, const struct pool *pool)
{
    if (sorted_is_first(queue))
        return pool_item(pool, queue->sorted[queue->first].number);
    return queue->recent.count ? pool_item(pool, number_of(queue->recent.entries[1].item)) : NULL;
}

void queue_expect(const struct queue *queue)
{
    if (queue->first < queue->end)
        __builtin_prefetch(&queue->sorted[queue->first], 1);
    if (queue->recent.count)
        __builtin_prefetch(&queue->recent.entries[1], 1);
}

void queue_expect_put(const struct queue *queue)
{
    heap_expect_put(&queue->recent);
}

int64_t queue_first_key(const struct queue *queue)
{
    if (sorted_is_first(queue))
        return queue->sorted[queue->first].key;
    return queue->recent.count ? queue->recent.entries[1].key : INT64_MAX;
}

struct job *queue_late(const struct queue *queue, const struct pool *pool, size_t back)
{
    const size_t settled = queue->end - queue->first;
    if (back < settled) {
        const struct queue_entry *entry = &queue->sorted[queue->end - 1 - back];
        return entry->gone ? NULL : pool_item(pool, entry->number);
    }
    back -= settled;
    if (back >= queue->recent.count)
        return NULL;
    return pool_item(pool, number_of(queue->recent.entries[queue->recent.count - back].item));
}

size_t queue_each(struct queue *queue, struct deliverer *core, const struct pool *pool,
                  bool (*act)(struct deliverer *core, struct job *job, int64_t now_ms),
                  int64_t now_ms)
{
    size_t count = 0;
    for (size_t i = queue->end; i > queue->first; i--)
        count += !queue->sorted[i - 1].gone &&
                 act(core, pool_item(pool, queue->sorted[i - 1].number), now_ms);
    /* What a removal puts into its place is looked at again. */
    const struct heap *recent = &queue->recent;
    for (size_t i = recent->count; i > 0; i--)
        while (i <= recent->count &&
               act(core, pool_item(pool, number_of(recent->entries[i].item)), now_ms))
            count++;
    return count;
}

size_t queue_ahead(const struct queue *queue, int64_t key)
{
    const struct heap *recent = &queue->recent;
    const size_t step = recent->count / SAMPLE + 1;
    size_t earlier = 0, looked_at = 0;
    for (size_t i = 1; i <= recent->count; i += step, looked_at++)
        earlier += recent->entries[i].key < key;
    return (looked_at ? earlier * recent->count / looked_at : 0) +
           find(queue, (struct queue_entry){.key = key}) - queue->first;
}
