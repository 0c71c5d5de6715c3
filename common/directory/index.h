/* SPDX-License-Identifier: Apache-2.0 */
/* How the directory is laid out for choosing: who offers a service, and who is in a cell of 4 km.
 * Inside directory only. */
#ifndef DIRECTORY_INDEX_H
#define DIRECTORY_INDEX_H

#include "directory/directory.h"
#include "directory/hours.h"

#define SERVICES_MAX 256 /* distinct names over all providers */
#define CELL_M 4000
#define CELLS_WIDE 175 /* 700 km of eastings */
#define CELLS_HIGH 325 /* 1300 km of northings */
#define CELL_NOWHERE (CELLS_WIDE * CELLS_HIGH)

struct entry {
    struct provider *provider;
    struct entry *next, *previous; /* in the same cell */
    uint32_t cell;
    bool names_capacity;
    uint64_t offers[SERVICES_MAX / 64];
    struct membership *memberships; /* one per distinct service */
    size_t memberships_count;
};

struct membership {
    uint16_t service;
    uint32_t position; /* in that service's list */
};

struct service_list {
    char name[48];
    struct entry **entries;
    size_t count, capacity;
};

struct candidate {
    const struct entry *entry;
    uint64_t hash;
    uint32_t band;
    int32_t spare;      /* SPARE_UNKNOWN */
    int32_t distance_m; /* -1 = not known */
};

struct directory {
    struct map *by_code;
    struct entry **cells; /* CELL_NOWHERE + 1 chains */
    struct service_list services[SERVICES_MAX];
    size_t services_count;
    struct candidate *scratch; /* for one choice at a time: room for every provider */
    size_t scratch_capacity;
    struct load *load;
    size_t capacities;            /* entries that name one */
    struct hours_question *hours; /* the last choice's, for the days that it worked out */
    char version[32];
};

/* NULL if nobody ever offered it. */
const struct service_list *directory_service(const struct directory *directory,
                                             const char *service);

#endif
