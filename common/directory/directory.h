/* SPDX-License-Identifier: Apache-2.0 */
/* The directory: providers by ODS code, kept live from the compacted topic `providers`, and the
 * choice of one for a referral. Pure but for directory/follow.h; one thread. */
#ifndef DIRECTORY_DIRECTORY_H
#define DIRECTORY_DIRECTORY_H

#include "codec/contract.h"
#include "directory/load.h"
#include "directory/places.h"
#include "ids/formats.h"

#define PROVIDER_SERVICES_MAX 100
#define PROVIDERS_MAX 50000

struct provider_service {
    char service[48];
    bool accepting;
    int16_t age_least, age_most; /* -1 = no bound */
    int32_t capacity_per_day;    /* -1 = not given; see capacity_updated_at_ms */
};

struct session {    /* minutes after midnight, London */
    int8_t weekday; /* Monday = 0 … Sunday = 6; 7 = bank holidays */
    int16_t opens, closes;
};

struct special_day {
    int32_t day;           /* days since the epoch */
    int16_t opens, closes; /* equal = closed */
};

struct provider {
    char ods_code[ODS_CODE_SIZE];
    char kind[21];
    bool has_place;
    int32_t easting, northing; /* OSGB36 metres */
    bool placed_by_postcode;   /* by schemas/places: found anew by a load */
    bool distance_selling, paused;
    bool paused_as_closed;             /* by a load of ODS, not by hand */
    int64_t capacity_updated_at_ms;    /* 0 = never: capacities don't count */
    char *name, *hcp, *pcn, *postcode; /* never NULL */
    char *url;                         /* NULL = no endpoint */
    char format[9];                    /* "json", "bars" */
    char *secret, *certificate;        /* names of files or NULL */
    int64_t dos_service_id;            /* 0 = none */
    struct provider_service *services;
    size_t services_count;
    struct session *hours; /* none = taken as always open */
    size_t hours_count;
    struct special_day *special_days;
    size_t special_days_count;
};

struct directory;

struct directory *directory_new(void);
void directory_free(struct directory *directory);
/* Adds or replaces. Adopts the provider; on failure it is freed. False if full (PROVIDERS_MAX) or
 * out of memory. */
__attribute__((warn_unused_result)) bool directory_put_take(struct directory *directory,
                                                            struct provider *provider);
void directory_remove(struct directory *directory, const char *ods_code);
const struct provider *directory_find(const struct directory *directory, const char *ods_code);
size_t directory_count(const struct directory *directory);
bool directory_next(const struct directory *directory, size_t *cursor,
                    const struct provider **ret_provider);
/* How many providers name a capacity and when they did. */
size_t directory_capacities(const struct directory *directory);
/* What was sent where today; counted against capacities. */
struct load *directory_load(const struct directory *directory);
/* What decisions name as the directory's version: set by the follower ("p<offset>"), "" at first.
 */
const char *directory_version(const struct directory *directory);
void directory_set_version(struct directory *directory, const char *version);

struct provider *provider_from_record(const struct record *record,
                                      struct reason *reason); /* NULL: REFUSED or memory */
bool provider_to_record(const struct provider *provider, struct record *record);
struct provider *provider_copy(const struct provider *provider);
void provider_free(struct provider *provider);
/* NULL if it does not offer the service. */
const struct provider_service *provider_offers(const struct provider *provider,
                                               const char *service);
/* Referrals of that service that it can still take on the London day of `now_ms`, at least 0;
 * SPARE_UNKNOWN if it names no capacity, or named it more than 24 hours ago. */
#define SPARE_UNKNOWN (-1)
int32_t directory_spare(const struct directory *directory, const struct provider *provider,
                        const struct provider_service *service, int64_t now_ms);
/* "Open in time" for a deadline: open now and not closing within 30 minutes, or opening again
 * before the deadline. */
bool provider_open_before(const struct provider *provider, int64_t now_ms, int64_t deadline_ms);

/* ---- the choice */
struct provider_wish {
    const char *referral_id; /* breaks ties, stable */
    const char *service;
    const char *provider_kind;
    const char *nominated; /* NULL or "" = none */
    bool has_place;
    int32_t easting, northing;
    const char *hcp; /* without a place: providers of this area first; NULL or "" = not known */
    int age_years;   /* -1 = not known */
    bool no_distance_selling;
    int64_t now_ms, deadline_ms;
    int64_t distance_most_m;            /* 0 = no limit */
    const struct tried_provider *tried; /* lifecycle/delivery.h */
    size_t tried_count;
};

#define PASSED_OVER_MAX 12
struct passed_over {
    char ods_code[ODS_CODE_SIZE];
    const char *why; /* static: no-such-service, not-accepting, paused, no-endpoint, closed, full,
                        too-far, wrong-age, declined, tried, distance-selling, unknown-provider,
                        wrong-kind */
};

struct provider_choice {
    const struct provider *provider; /* NULL = none suitable */
    const char
        *how; /* "nominated"; "nearest"; without a place "same-area" or "anywhere"; "" = none */
    int64_t distance_m; /* -1 = not known */
    int32_t spare;      /* of the chosen one before this referral; SPARE_UNKNOWN */
    const char *reason; /* of none: no-provider, no-provider-open, no-provider-with-room,
                           no-provider-in-range; else "" */
    struct passed_over passed_over[PASSED_OVER_MAX]; /* the nominated first, then the nearest that
                                                        offer the service */
    size_t passed_over_count;
    size_t passed_over_total;
};

void directory_choose(const struct directory *directory, const struct provider_wish *wish,
                      struct provider_choice *ret_choice);

#endif
