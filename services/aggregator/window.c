/* SPDX-License-Identifier: Apache-2.0 */
/* A day is a hash table of its own, so that letting a day go is one walk and touches no other. A
 * cell keeps its dimensions packed as seven texts behind each other, a third of a struct volume.
 * As in the Kafka key, "|" becomes "/": cells that differ have keys that differ. */
#include "window.h"

#include "base/calendar.h"
#include "base/map.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DIMENSIONS 7
#define DIMENSIONS_SIZE (sizeof(struct volume))
#define BUCKETS_FIRST 16

struct cell {
    struct cell *next;         /* in its bucket */
    struct cell *next_changed; /* since the last commit */
    int64_t day;
    int64_t count, committed;
    uint32_t hash;
    uint16_t length;
    bool changed, unsent;
    char dimensions[];
};

struct day {
    struct day *next;
    int64_t day;
    uint64_t touched_in; /* number of the transaction that changed or loaded it last */
    uint64_t changed_in; /* that changed it last; 0 = none did */
    struct cell **buckets;
    size_t buckets_count; /* a power of two */
    size_t cells_count;
};

struct window {
    struct day *days;
    struct cell *changed;
    int64_t floor_day;
    uint64_t transaction;
    size_t held; /* cells and days: an empty day costs memory, too */
    size_t held_max;
    size_t cells_count;
    uint64_t squeezed;
};

struct window *window_new(size_t cells_max)
{
    struct window *window = calloc(1, sizeof(*window));
    if (window) {
        window->held_max = cells_max;
        window->transaction = 1;
    }
    return window;
}

static void day_free(struct window *window, struct day *day)
{
    for (size_t i = 0; i < day->buckets_count; i++) {
        struct cell *cell = day->buckets[i];
        while (cell) {
            struct cell *next = cell->next;
            free(cell);
            cell = next;
        }
    }
    window->cells_count -= day->cells_count;
    window->held -= day->cells_count + 1;
    free(day->buckets);
    free(day);
}

void window_begin(struct window *window, int64_t floor_day)
{
    while (window->days) {
        struct day *next = window->days->next;
        day_free(window, window->days);
        window->days = next;
    }
    window->changed = NULL;
    window->floor_day = floor_day;
}

void window_free(struct window *window)
{
    if (!window)
        return;
    window_begin(window, 0);
    free(window);
}

int64_t window_floor(const struct window *window)
{
    return window->floor_day;
}

size_t window_cells(const struct window *window)
{
    return window->cells_count;
}

uint64_t window_squeezed(const struct window *window)
{
    return window->squeezed;
}

/* Lets the oldest day go that is older than `before`, not `except`, and was not changed in this
 * transaction or the one before, whose markers may not be written yet. It is read back when an
 * event for it comes. False if there is none. */
static bool squeeze(struct window *window, int64_t before, int64_t except)
{
    struct day **oldest = NULL;
    for (struct day **at = &window->days; *at; at = &(*at)->next) {
        const struct day *day = *at;
        bool settled = day->changed_in == 0 || window->transaction - day->changed_in >= 2;
        if (settled && day->day < before && day->day != except &&
            (!oldest || day->day < (*oldest)->day))
            oldest = at;
    }
    if (!oldest)
        return false;
    struct day *day = *oldest;
    *oldest = day->next;
    if (day->day >= window->floor_day)
        window->floor_day = day->day + 1;
    day_free(window, day);
    window->squeezed++;
    return true;
}

/* Room for one more of that day: older days go, and if need be `others`, too. */
static bool has_room(struct window *window, int64_t day, bool others)
{
    while (window->held >= window->held_max)
        if (!squeeze(window, day, day) && !(others && squeeze(window, INT64_MAX, day)))
            return false;
    return true;
}

/* Days stay few (the window and some late ones), and events come in their order: the day found is
 * moved to the front. */
static struct day *day_find(struct window *window, int64_t day)
{
    for (struct day **at = &window->days; *at; at = &(*at)->next) {
        struct day *found = *at;
        if (found->day != day)
            continue;
        *at = found->next;
        found->next = window->days;
        window->days = found;
        return found;
    }
    return NULL;
}

static struct day *day_find_or_add(struct window *window, int64_t day, bool others)
{
    struct day *found = day_find(window, day);
    if (found)
        return found;
    if (!has_room(window, day, others))
        return NULL;
    found = calloc(1, sizeof(*found));
    if (!found)
        return NULL;
    found->buckets = calloc(BUCKETS_FIRST, sizeof(struct cell *));
    if (!found->buckets) {
        free(found);
        return NULL;
    }
    found->buckets_count = BUCKETS_FIRST;
    found->day = day;
    found->touched_in = window->transaction;
    found->next = window->days;
    window->days = found;
    window->held++;
    return found;
}

bool window_holds(const struct window *window, int64_t day)
{
    if (day >= window->floor_day)
        return true;
    for (const struct day *at = window->days; at; at = at->next)
        if (at->day == day)
            return true;
    return false;
}

bool window_hold_late(struct window *window, int64_t day)
{
    return day_find_or_add(window, day, true) != NULL;
}

void window_let_go(struct window *window, int64_t day_number)
{
    struct day *day = day_find(window, day_number);
    if (!day)
        return;
    window->days = day->next; /* day_find moved it to the front */
    day_free(window, day);
}

static size_t pack_dimensions(const struct volume *volume, char packed[DIMENSIONS_SIZE])
{
    const char *const texts[DIMENSIONS] = {volume->pathway, volume->service, volume->source_kind,
                                           volume->hcp,     volume->pcn,     volume->provider,
                                           volume->stage};
    size_t length = 0;
    for (size_t i = 0; i < DIMENSIONS; i++) {
        size_t size = strlen(texts[i]) + 1;
        for (size_t j = 0; j < size; j++) /* fits: each text fits its member */
            packed[length++] = texts[i][j] == '|' ? '/' : texts[i][j];
    }
    return length;
}

static void unpack(const struct cell *cell, struct volume *ret_volume)
{
    memset(ret_volume, 0, sizeof(*ret_volume));
    const char *at = cell->dimensions;
    const struct {
        char *to;
        size_t size;
    } texts[DIMENSIONS] = {
        {ret_volume->pathway, sizeof(ret_volume->pathway)},
        {ret_volume->service, sizeof(ret_volume->service)},
        {ret_volume->source_kind, sizeof(ret_volume->source_kind)},
        {ret_volume->hcp, sizeof(ret_volume->hcp)},
        {ret_volume->pcn, sizeof(ret_volume->pcn)},
        {ret_volume->provider, sizeof(ret_volume->provider)},
        {ret_volume->stage, sizeof(ret_volume->stage)},
    };
    for (size_t i = 0; i < DIMENSIONS; i++) {
        text_copy(texts[i].to, texts[i].size, at);
        at += strlen(at) + 1;
    }
    date_format(date_from_days(cell->day), ret_volume->period);
    ret_volume->count = cell->count;
}

static void day_grow(struct day *day)
{
    size_t buckets_count = day->buckets_count * 2;
    struct cell **buckets = calloc(buckets_count, sizeof(struct cell *));
    if (!buckets)
        return; /* longer chains, nothing worse */
    for (size_t i = 0; i < day->buckets_count; i++) {
        struct cell *cell = day->buckets[i];
        while (cell) {
            struct cell *next = cell->next;
            struct cell **bucket = &buckets[cell->hash & (buckets_count - 1)];
            cell->next = *bucket;
            *bucket = cell;
            cell = next;
        }
    }
    free(day->buckets);
    day->buckets = buckets;
    day->buckets_count = buckets_count;
}

static struct cell *cell_find_or_add(struct window *window, struct day *day,
                                     const struct volume *dimensions, bool others)
{
    char packed[DIMENSIONS_SIZE];
    size_t length = pack_dimensions(dimensions, packed);
    uint32_t hash = (uint32_t)hash_bytes(packed, length, 0);
    for (struct cell *cell = day->buckets[hash & (day->buckets_count - 1)]; cell; cell = cell->next)
        if (cell->hash == hash && cell->length == length &&
            memcmp(cell->dimensions, packed, length) == 0)
            return cell;
    if (!has_room(window, day->day, others))
        return NULL;
    struct cell *cell = calloc(1, sizeof(*cell) + length);
    if (!cell)
        return NULL;
    if (day->cells_count >= day->buckets_count * 2)
        day_grow(day);
    memcpy(cell->dimensions, packed, length);
    cell->length = (uint16_t)length;
    cell->hash = hash;
    cell->day = day->day;
    struct cell **bucket = &day->buckets[hash & (day->buckets_count - 1)];
    cell->next = *bucket;
    *bucket = cell;
    day->cells_count++;
    window->cells_count++;
    window->held++;
    return cell;
}

static bool holds_newer(const struct window *window, int64_t day)
{
    for (const struct day *at = window->days; at; at = at->next)
        if (at->day > day)
            return true;
    return false;
}

enum verdict window_restore(struct window *window, const struct volume *volume,
                            struct reason *reason)
{
    struct date date;
    if (!date_parse(volume->period, &date)) {
        reason_set(reason, "bad-period", "/period", "not a date YYYY-MM-DD");
        return REFUSED;
    }
    int64_t day_number = date_to_days(date);
    if (!window_holds(window, day_number))
        return DONE;
    bool late = day_number < window->floor_day;
    struct day *day = day_find_or_add(window, day_number, late);
    struct cell *cell = day ? cell_find_or_add(window, day, volume, late) : NULL;
    if (!cell && !late && holds_newer(window, day_number)) {
        window_let_go(window, day_number); /* the oldest of all: it does not fit */
        window->floor_day = day_number + 1;
        window->squeezed++;
        return DONE;
    }
    if (!cell) {
        reason_set(
            reason, "window-full", NULL,
            "more than %zu cells, or no memory: raise AGGREGATOR_CELLS or lower AGGREGATOR_DAYS",
            window->held_max);
        return BROKEN;
    }
    assert(!cell->changed);
    cell->count = volume->count;
    cell->committed = volume->count;
    return DONE;
}

bool window_add(struct window *window, int64_t day_number, const struct volume *dimensions)
{
    assert(window_holds(window, day_number));
    struct day *day = day_find_or_add(window, day_number, true);
    struct cell *cell = day ? cell_find_or_add(window, day, dimensions, true) : NULL;
    if (!cell)
        return false;
    day->touched_in = window->transaction;
    day->changed_in = window->transaction;
    cell->count++;
    cell->unsent = true;
    if (!cell->changed) {
        cell->changed = true;
        cell->next_changed = window->changed;
        window->changed = cell;
    }
    return true;
}

bool window_next_unsent(struct window *window, void **cursor, struct volume *ret_volume)
{
    struct cell *cell = *cursor ? ((struct cell *)*cursor)->next_changed : window->changed;
    while (cell && !cell->unsent)
        cell = cell->next_changed;
    if (!cell)
        return false;
    *cursor = cell;
    cell->unsent = false;
    unpack(cell, ret_volume);
    return true;
}

static void settle_changes(struct window *window, bool keep)
{
    struct cell *cell = window->changed;
    while (cell) {
        struct cell *next = cell->next_changed;
        if (keep)
            cell->committed = cell->count;
        else
            cell->count = cell->committed;
        cell->changed = false;
        cell->unsent = false;
        cell->next_changed = NULL;
        cell = next;
    }
    window->changed = NULL;
}

void window_committed(struct window *window, int64_t floor_day)
{
    settle_changes(window, true);
    if (floor_day > window->floor_day)
        window->floor_day = floor_day;
    uint64_t unused_max = window->held > window->held_max / 2 ? 0 : WINDOW_LATE_TRANSACTIONS;
    for (struct day **at = &window->days; *at;) {
        struct day *day = *at;
        uint64_t unused = window->transaction - day->touched_in;
        if (day->day >= window->floor_day || unused == 0 || unused < unused_max) {
            at = &day->next;
            continue;
        }
        *at = day->next;
        day_free(window, day);
    }
    window->transaction++;
}

void window_aborted(struct window *window)
{
    settle_changes(window, false);
    window->transaction++;
}
