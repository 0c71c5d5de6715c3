/* SPDX-License-Identifier: Apache-2.0 */
/* One provider for one referral. Candidates are tried strictly in their order (band of 1 km, then
 * the larger spare capacity, then a hash of referral and provider, so that equal ones share the
 * work and a decision made anew is the same), and the first suitable one wins: what was passed over
 * is then exactly what stood before it. Who names no capacity comes behind those that surely have
 * room. A heap hands them out in that order; where many offer the service the grid feeds it ring by
 * ring, and a band is only tried once the rings reach past it. */
#include "directory/index.h"

#include "base/map.h"
#include "base/text.h"
#include "lifecycle/delivery.h"

#include <math.h>
#include <string.h>

#define BAND_M 1000
#define BAND_UNKNOWN UINT32_MAX /* no place: after all that have one */
#define LIST_MAX 256            /* up to here a service's whole list is looked at */

struct search {
    const struct directory *directory;
    const struct provider_wish *wish;
    const struct service_list *list; /* NULL = nobody offers the service */
    uint64_t seed;
    struct hours_question *hours; /* the directory's */
    struct candidate *heap;       /* the directory's scratch; smallest first */
    size_t heap_count;
    bool was_closed, was_full, was_far; /* somebody failed for nothing else */
    struct provider_choice *choice;
};

/* ---- suitability */

/* "declined" or "tried" if it had this referral before, else NULL. */
static const char *why_not_again(const struct provider_wish *wish, const char *ods_code)
{
    for (size_t i = 0; i < wish->tried_count; i++)
        if (strcmp(wish->tried[i].ods_code, ods_code) == 0)
            return wish->tried[i].declined ? "declined" : "tried";
    return NULL;
}

static bool age_fits(const struct provider_service *service, int age_years)
{
    return age_years < 0 || ((service->age_least < 0 || age_years >= service->age_least) &&
                             (service->age_most < 0 || age_years <= service->age_most));
}

/* NULL = suitable. The lasting reasons come first, the hour last: "closed" means that nothing else
 * was wrong. */
static const char *why_not(struct search *search, const struct provider *provider,
                           int64_t distance_m, bool nominated)
{
    const struct provider_wish *wish = search->wish;
    if (strcmp(provider->kind, wish->provider_kind) != 0)
        return "wrong-kind";
    const struct provider_service *service = provider_offers(provider, wish->service);
    if (service == NULL)
        return "no-such-service";
    if (!service->accepting)
        return "not-accepting";
    if (provider->paused)
        return "paused";
    if (provider->url == NULL)
        return "no-endpoint";
    if (!age_fits(service, wish->age_years))
        return "wrong-age";
    if (wish->no_distance_selling && provider->distance_selling)
        return "distance-selling";
    const char *before = why_not_again(wish, provider->ods_code);
    if (before != NULL)
        return before;
    if (!nominated && wish->distance_most_m > 0 && distance_m > wish->distance_most_m) {
        search->was_far = true;
        return "too-far";
    }
    if (directory_spare(search->directory, provider, service, wish->now_ms) == 0) {
        search->was_full = true;
        return "full";
    }
    if (!hours_open_in_time(provider, search->hours)) {
        search->was_closed = true;
        return "closed";
    }
    return NULL;
}

static void pass_over(struct search *search, const char *ods_code, const char *why)
{
    struct provider_choice *choice = search->choice;
    choice->passed_over_total++;
    if (choice->passed_over_count == PASSED_OVER_MAX)
        return;
    struct passed_over *passed_over = &choice->passed_over[choice->passed_over_count++];
    text_copy(passed_over->ods_code, ODS_CODE_SIZE, ods_code);
    passed_over->why = why;
}

/* ---- the heap */

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    if (a->band != b->band)
        return a->band < b->band;
    if (a->spare != b->spare)
        return a->spare > b->spare;
    if (a->hash != b->hash)
        return a->hash < b->hash;
    return strcmp(a->entry->provider->ods_code, b->entry->provider->ods_code) < 0;
}

static void heap_push(struct search *search, const struct candidate *candidate)
{
    struct candidate *heap = search->heap;
    size_t at = search->heap_count++;
    while (at > 0 && comes_before(candidate, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = *candidate;
}

static struct candidate heap_pop(struct search *search)
{
    struct candidate *heap = search->heap;
    struct candidate top = heap[0], last = heap[--search->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= search->heap_count)
            break;
        if (child + 1 < search->heap_count && comes_before(&heap[child + 1], &heap[child]))
            child++;
        if (!comes_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return top;
}

static void consider(struct search *search, const struct entry *entry)
{
    const struct provider *provider = entry->provider;
    const struct provider_wish *wish = search->wish;
    struct candidate candidate = {
        .entry = entry, .distance_m = -1, .band = BAND_UNKNOWN, .spare = SPARE_UNKNOWN};
    if (entry->names_capacity) {
        const struct provider_service *service = provider_offers(provider, wish->service);
        if (service != NULL)
            candidate.spare = directory_spare(search->directory, provider, service, wish->now_ms);
    }
    candidate.hash = hash_bytes(provider->ods_code, strlen(provider->ods_code), search->seed);
    if (!wish->has_place) {
        bool same_area = wish->hcp != NULL && wish->hcp[0] != '\0' && provider->hcp != NULL &&
                         strcmp(wish->hcp, provider->hcp) == 0;
        candidate.band = same_area ? 0 : 1;
    } else if (provider->has_place) {
        double east = (double)provider->easting - (double)wish->easting;
        double north = (double)provider->northing - (double)wish->northing;
        candidate.distance_m = (int32_t)sqrt(east * east + north * north);
        candidate.band = (uint32_t)candidate.distance_m / BAND_M;
    }
    heap_push(search, &candidate);
}

/* Tries what is in the heap below `bands_end`, in order. True once one is chosen. */
static bool settle(struct search *search, uint64_t bands_end)
{
    while (search->heap_count > 0 && search->heap[0].band < bands_end) {
        struct candidate candidate = heap_pop(search);
        const struct provider *provider = candidate.entry->provider;
        if (search->wish->nominated != NULL &&
            strcmp(search->wish->nominated, provider->ods_code) == 0)
            continue; /* has been told already */
        const char *why = why_not(search, provider, candidate.distance_m, false);
        if (why != NULL) {
            pass_over(search, provider->ods_code, why);
            continue;
        }
        search->choice->provider = provider;
        search->choice->distance_m = candidate.distance_m;
        search->choice->spare = candidate.spare;
        search->choice->how = search->wish->has_place ? "nearest"
                              : candidate.band == 0   ? "same-area"
                                                      : "anywhere";
        return true;
    }
    return false;
}

/* ---- where candidates come from */

static bool settle_from_list(struct search *search)
{
    search->heap_count = 0;
    for (size_t i = 0; i < search->list->count; i++)
        consider(search, search->list->entries[i]);
    return settle(search, UINT64_MAX);
}

static void consider_cell(struct search *search, int column, int row)
{
    if (column < 0 || column >= CELLS_WIDE || row < 0 || row >= CELLS_HIGH)
        return;
    size_t service = (size_t)(search->list - search->directory->services);
    const struct entry *entry = search->directory->cells[row * CELLS_WIDE + column];
    for (; entry != NULL; entry = entry->next)
        if ((entry->offers[service / 64] >> (service % 64) & 1) != 0)
            consider(search, entry);
}

static void consider_ring(struct search *search, int column, int row, int ring)
{
    if (ring == 0) {
        consider_cell(search, column, row);
        return;
    }
    for (int x = column - ring; x <= column + ring; x++) {
        consider_cell(search, x, row - ring);
        consider_cell(search, x, row + ring);
    }
    for (int y = row - ring + 1; y <= row + ring - 1; y++) {
        consider_cell(search, column - ring, y);
        consider_cell(search, column + ring, y);
    }
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Rings around the patient until one is chosen, or the limit or the edge of the map is passed. */
static bool settle_from_grid(struct search *search)
{
    const struct provider_wish *wish = search->wish;
    int column = wish->easting / CELL_M, row = wish->northing / CELL_M;
    search->heap_count = 0;
    for (int ring = 0; ring < CELLS_HIGH; ring++) {
        consider_ring(search, column, row, ring);
        /* All within `covered` metres have been considered: the nearest edge of the square looked
         * at. */
        int west = wish->easting - (column - ring) * CELL_M;
        int east = (column + ring + 1) * CELL_M - wish->easting;
        int south = wish->northing - (row - ring) * CELL_M;
        int north = (row + ring + 1) * CELL_M - wish->northing;
        int covered = least(least(west, east), least(south, north));
        if (settle(search, (uint64_t)(covered / BAND_M)))
            return true;
        if (wish->distance_most_m > 0 && covered > wish->distance_most_m)
            break;
    }
    return settle(search, BAND_UNKNOWN);
}

static bool is_on_the_map(const struct provider_wish *wish)
{
    return wish->has_place && wish->easting >= 0 && wish->northing >= 0 &&
           wish->easting < CELLS_WIDE * CELL_M && wish->northing < CELLS_HIGH * CELL_M;
}

static bool choose_nominated(struct search *search)
{
    const char *nominated = search->wish->nominated;
    const struct provider *provider = directory_find(search->directory, nominated);
    const char *why = provider == NULL ? "unknown-provider" : why_not(search, provider, -1, true);
    search->was_closed = search->was_full = false; /* it says nothing about the others */
    if (why != NULL) {
        pass_over(search, nominated, why);
        return false;
    }
    struct provider_choice *choice = search->choice;
    choice->provider = provider;
    choice->how = "nominated";
    choice->spare =
        directory_spare(search->directory, provider,
                        provider_offers(provider, search->wish->service), search->wish->now_ms);
    if (search->wish->has_place && provider->has_place)
        choice->distance_m = (int64_t)hypot((double)provider->easting - search->wish->easting,
                                            (double)provider->northing - search->wish->northing);
    return true;
}

static bool choose_other(struct search *search)
{
    if (search->list == NULL)
        return false;
    const struct provider_choice before = *search->choice;
    if (search->list->count > LIST_MAX && is_on_the_map(search->wish)) {
        if (settle_from_grid(search))
            return true;
        /* None near: all of the list tells whether a closed, a far or one without a place is to be
         * had. */
        *search->choice = before;
        search->was_closed = search->was_full = search->was_far = false;
    }
    return settle_from_list(search);
}

void directory_choose(const struct directory *directory, const struct provider_wish *wish,
                      struct provider_choice *ret_choice)
{
    *ret_choice =
        (struct provider_choice){.how = "", .reason = "", .distance_m = -1, .spare = SPARE_UNKNOWN};
    struct search search = {
        .directory = directory,
        .wish = wish,
        .list = directory_service(directory, wish->service),
        .seed = hash_bytes(wish->referral_id, strlen(wish->referral_id), 0),
        .heap = directory->scratch,
        .hours = directory->hours,
        .choice = ret_choice,
    };
    hours_ask(search.hours, wish->now_ms, wish->deadline_ms);
    if (wish->nominated != NULL && wish->nominated[0] != '\0' && choose_nominated(&search))
        return;
    if (choose_other(&search))
        return;
    ret_choice->reason = search.was_closed ? "no-provider-open"
                         : search.was_full ? "no-provider-with-room"
                         : search.was_far  ? "no-provider-in-range"
                                           : "no-provider";
}
