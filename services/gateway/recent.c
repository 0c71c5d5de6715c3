/* SPDX-License-Identifier: Apache-2.0 */
/* A ring of entries, found through a map: the oldest that is not in flight makes room for the
 * newest. */
#include "recent.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define DIGEST_LENGTH 64

struct entry {
    struct uuid id;
    char digest[DIGEST_LENGTH];
    bool used;
    bool in_flight;
    bool kept; /* was stored before: a failed repeat does not unbind the body */
};

struct recent {
    struct map *map;
    size_t count;
    size_t next;
    struct entry entries[];
};

struct recent *recent_new(size_t entries_max)
{
    struct recent *recent = calloc(1, sizeof *recent + entries_max * sizeof(struct entry));
    if (!recent) {
        return NULL;
    }
    recent->count = entries_max;
    recent->map = map_new(entries_max);
    if (!recent->map) {
        free(recent);
        return NULL;
    }
    return recent;
}

void recent_free(struct recent *recent)
{
    if (recent) {
        map_free(recent->map, NULL);
        free(recent);
    }
}

static struct entry *take_oldest(struct recent *recent)
{
    for (size_t tried = 0; tried < recent->count; tried++) {
        struct entry *entry = &recent->entries[recent->next];
        recent->next = (recent->next + 1) % recent->count;
        if (entry->in_flight) {
            continue;
        }
        if (entry->used) {
            (void)map_remove(recent->map, entry->id.bytes, sizeof entry->id.bytes);
            entry->used = false;
        }
        return entry;
    }
    return NULL;
}

enum recent_answer recent_begin(struct recent *recent, const struct uuid *id, const char *digest)
{
    struct entry *entry = map_get(recent->map, id->bytes, sizeof id->bytes);
    if (entry) {
        if (memcmp(entry->digest, digest, DIGEST_LENGTH) != 0) {
            return RECENT_OTHER_BODY;
        }
        if (entry->in_flight) {
            return RECENT_IN_FLIGHT;
        }
        entry->in_flight = true;
        return RECENT_GO_ON;
    }
    entry = take_oldest(recent);
    if (!entry || !map_set(recent->map, id->bytes, sizeof id->bytes, entry, NULL)) {
        return RECENT_FULL;
    }
    entry->id = *id;
    memcpy(entry->digest, digest, DIGEST_LENGTH);
    entry->used = true;
    entry->in_flight = true;
    entry->kept = false;
    return RECENT_GO_ON;
}

void recent_end(struct recent *recent, const struct uuid *id, bool keep)
{
    struct entry *entry = map_get(recent->map, id->bytes, sizeof id->bytes);
    if (!entry) {
        return;
    }
    entry->in_flight = false;
    entry->kept = entry->kept || keep;
    if (!entry->kept) {
        (void)map_remove(recent->map, id->bytes, sizeof id->bytes);
        entry->used = false;
    }
}
