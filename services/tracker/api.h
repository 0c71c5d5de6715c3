/* SPDX-License-Identifier: Apache-2.0 */
/* The tracker's HTTP side, on a thread and a database connection of its own: nothing here can hold
 * up the projection.
 *
 *   GET /v1/referrals/{id}   state and history of one referral; ETag
 *   GET /v1/volumes          ?from=&to=&pathway=&stage=&hcp=&format=json|csv
 *   GET /v1/events/counts    counts by kind
 *   GET /                    the page; /style.css */
#ifndef TRACKER_API_H
#define TRACKER_API_H

#include "store.h"

struct api;

struct api_options {
    const char *listen;
    struct store_options store;
    const char *schemas_dir; /* the pathways' names and titles are read from here, each time */
    const struct contract *contract;
    int64_t rows_max; /* of /v1/volumes: more is an error, never a cut */
};

/* The options are borrowed. The schema must be there already (a writer opened the store). NULL on
 * failure. */
__attribute__((warn_unused_result)) struct api *api_start(const struct api_options *options,
                                                          struct reason *reason);
void api_stop(struct api *api);
int api_port(const struct api *api);
/* Requests that the database failed since the start. Thread-safe. */
uint64_t api_sql_errors(const struct api *api);

#endif
