/* SPDX-License-Identifier: Apache-2.0 */
/* Providers by ODS code, and two indexes kept with every change, so that a pause is in force with
 * the next referral: a list per service (few offer a self-referral service, so that list is all
 * there is to look at) and a uniform grid over Great Britain (thousands offer a pharmacy service,
 * so only the cells around the patient are looked at). */
#include "directory/index.h"

#include "base/calendar.h"
#include "base/map.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* The Directory of Services' rule for its capacity figures; a clock may be as wrong as that. */
#define CAPACITY_VALID_MS (24 * INT64_C(3600000))

struct directory *directory_new(void)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL)
        return NULL;
    directory->by_code = map_new(PROVIDERS_MAX);
    directory->cells = calloc(CELL_NOWHERE + 1, sizeof(struct entry *));
    directory->hours = calloc(1, sizeof *directory->hours);
    directory->load = load_new();
    if (directory->by_code == NULL || directory->cells == NULL || directory->hours == NULL ||
        directory->load == NULL) {
        directory_free(directory);
        return NULL;
    }
    return directory;
}

static void entry_free(void *value)
{
    struct entry *entry = value;
    if (entry == NULL)
        return;
    provider_free(entry->provider);
    free(entry->memberships);
    free(entry);
}

void directory_free(struct directory *directory)
{
    if (directory == NULL)
        return;
    if (directory->by_code != NULL)
        map_free(directory->by_code, entry_free);
    for (size_t i = 0; i < directory->services_count; i++)
        free(directory->services[i].entries);
    free(directory->cells);
    free(directory->scratch);
    free(directory->hours);
    load_free(directory->load);
    free(directory);
}

const struct service_list *directory_service(const struct directory *directory, const char *service)
{
    for (size_t i = 0; i < directory->services_count; i++)
        if (strcmp(directory->services[i].name, service) == 0)
            return &directory->services[i];
    return NULL;
}

/* The list of that name, made if need be (the place of one that nobody offers any more is taken
 * over), with room for one more. NULL if there are too many services or memory ran out. */
static struct service_list *list_with_room(struct directory *directory, const char *service)
{
    struct service_list *list = NULL;
    for (size_t i = 0; i < directory->services_count && list == NULL; i++)
        if (strcmp(directory->services[i].name, service) == 0)
            list = &directory->services[i];
    if (list == NULL && directory->services_count < SERVICES_MAX)
        list = &directory->services[directory->services_count++];
    for (size_t i = 0; i < SERVICES_MAX && list == NULL; i++)
        if (directory->services[i].count == 0)
            list = &directory->services[i];
    if (list == NULL)
        return NULL;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        struct entry **entries = realloc(list->entries, capacity * sizeof(struct entry *));
        if (entries == NULL)
            return NULL;
        list->entries = entries;
        list->capacity = capacity;
    }
    text_copy(list->name, sizeof list->name, service);
    return list;
}

static bool scratch_reserve(struct directory *directory, size_t count)
{
    if (count <= directory->scratch_capacity)
        return true;
    size_t capacity = directory->scratch_capacity == 0 ? 256 : directory->scratch_capacity * 2;
    struct candidate *scratch = realloc(directory->scratch, capacity * sizeof *scratch);
    if (scratch == NULL)
        return false;
    directory->scratch = scratch;
    directory->scratch_capacity = capacity;
    return true;
}

static uint32_t cell_of(const struct provider *provider)
{
    if (!provider->has_place || provider->easting < 0 || provider->northing < 0 ||
        provider->easting >= CELLS_WIDE * CELL_M || provider->northing >= CELLS_HIGH * CELL_M)
        return CELL_NOWHERE;
    return (uint32_t)(provider->northing / CELL_M * CELLS_WIDE + provider->easting / CELL_M);
}

static bool names_capacity(const struct provider *provider)
{
    for (size_t i = 0; i < provider->services_count; i++)
        if (provider->services[i].capacity_per_day >= 0)
            return provider->capacity_updated_at_ms > 0;
    return false;
}

static void unlink_entry(struct directory *directory, struct entry *entry)
{
    directory->capacities -= entry->names_capacity ? 1 : 0;
    if (entry->previous != NULL)
        entry->previous->next = entry->next;
    else
        directory->cells[entry->cell] = entry->next;
    if (entry->next != NULL)
        entry->next->previous = entry->previous;
    for (size_t i = 0; i < entry->memberships_count; i++) {
        const struct membership *gone = &entry->memberships[i];
        struct service_list *list = &directory->services[gone->service];
        struct entry *last = list->entries[--list->count];
        list->entries[gone->position] = last;
        for (size_t j = 0; j < last->memberships_count; j++)
            if (last->memberships[j].service == gone->service)
                last->memberships[j].position = gone->position;
    }
}

static void link_cell(struct directory *directory, struct entry *entry)
{
    entry->cell = cell_of(entry->provider);
    entry->next = directory->cells[entry->cell];
    if (entry->next != NULL)
        entry->next->previous = entry;
    directory->cells[entry->cell] = entry;
}

/* Puts the entry into the list of each service; false without having changed a list's count for
 * good. */
static bool join_services(struct directory *directory, struct entry *entry)
{
    const struct provider *provider = entry->provider;
    for (size_t i = 0; i < provider->services_count; i++) {
        struct service_list *list = list_with_room(directory, provider->services[i].service);
        if (list == NULL)
            return false;
        size_t service = (size_t)(list - directory->services);
        if ((entry->offers[service / 64] >> (service % 64) & 1) != 0)
            continue;
        entry->offers[service / 64] |= UINT64_C(1) << (service % 64);
        entry->memberships[entry->memberships_count++] =
            (struct membership){(uint16_t)service, (uint32_t)list->count};
        list->entries[list->count++] = entry;
    }
    return true;
}

bool directory_put_take(struct directory *directory, struct provider *provider)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        provider_free(provider);
        return false;
    }
    entry->provider = provider;
    entry->memberships = calloc(provider->services_count + 1, sizeof *entry->memberships);
    if (entry->memberships == NULL ||
        !scratch_reserve(directory, map_count(directory->by_code) + 1)) {
        entry_free(entry);
        return false;
    }
    link_cell(directory, entry);
    entry->names_capacity = names_capacity(provider);
    directory->capacities += entry->names_capacity ? 1 : 0;
    void *old = NULL;
    if (!join_services(directory, entry) ||
        !map_set(directory->by_code, provider->ods_code, strlen(provider->ods_code), entry, &old)) {
        unlink_entry(directory, entry);
        entry_free(entry);
        return false;
    }
    if (old != NULL) {
        unlink_entry(directory, old);
        entry_free(old);
    }
    return true;
}

void directory_remove(struct directory *directory, const char *ods_code)
{
    struct entry *entry = map_remove(directory->by_code, ods_code, strlen(ods_code));
    if (entry == NULL)
        return;
    unlink_entry(directory, entry);
    entry_free(entry);
}

const struct provider *directory_find(const struct directory *directory, const char *ods_code)
{
    const struct entry *entry = map_get(directory->by_code, ods_code, strlen(ods_code));
    return entry == NULL ? NULL : entry->provider;
}

size_t directory_count(const struct directory *directory)
{
    return map_count(directory->by_code);
}

bool directory_next(const struct directory *directory, size_t *cursor,
                    const struct provider **ret_provider)
{
    const void *key;
    size_t length;
    void *value;
    if (!map_next(directory->by_code, cursor, &key, &length, &value))
        return false;
    *ret_provider = ((const struct entry *)value)->provider;
    return true;
}

size_t directory_capacities(const struct directory *directory)
{
    return directory->capacities;
}

struct load *directory_load(const struct directory *directory)
{
    return directory->load;
}

int32_t directory_spare(const struct directory *directory, const struct provider *provider,
                        const struct provider_service *service, int64_t now_ms)
{
    int64_t age_ms = now_ms - provider->capacity_updated_at_ms;
    if (service->capacity_per_day < 0 || provider->capacity_updated_at_ms <= 0 ||
        age_ms > CAPACITY_VALID_MS || age_ms < -CAPACITY_VALID_MS)
        return SPARE_UNKNOWN;
    int32_t sent = load_of(directory->load, (int32_t)date_to_days(london_date(now_ms)),
                           provider->ods_code, service->service);
    return sent < service->capacity_per_day ? service->capacity_per_day - sent : 0;
}

const char *directory_version(const struct directory *directory)
{
    return directory->version;
}

void directory_set_version(struct directory *directory, const char *version)
{
    text_copy(directory->version, sizeof directory->version, version);
}
