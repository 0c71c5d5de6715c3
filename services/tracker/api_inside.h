/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the API share; for api*.c alone. Everything here runs on the server's thread.
 */
#ifndef TRACKER_API_INSIDE_H
#define TRACKER_API_INSIDE_H

#include "api.h"

#include "base/json.h"
#include "http/server.h"

#include <stdatomic.h>

#define API_REFERRALS "/v1/referrals/"
#define API_UNSENT_MAX ((size_t)32 * 1024 * 1024) /* answers that clients have not read yet */

struct api {
    struct api_options options;
    struct http_server *server;
    struct store *store;
    _Atomic uint64_t sql_errors;
};

/* Headers of every JSON answer. */
extern const struct http_answer_header api_headers[];

/* Opens api->store if need be. */
__attribute__((warn_unused_result)) enum verdict api_store(struct api *api, struct reason *reason);
/* 503: the database failed; the connection is thrown away. */
void api_answer_failure(struct api *api, struct http_request *request);
/* 400 with the reason's code, pointer and detail. */
void api_answer_refused(struct http_request *request, const struct reason *reason);
/* RFC 3339; 0 is left out. */
bool api_set_time(struct json *object, const char *name, int64_t ms);

/* One per route. */
void api_referral(struct api *api, struct http_request *request);
void api_volumes(struct api *api, struct http_request *request);
void api_counts(struct api *api, struct http_request *request);
void api_page(struct api *api, struct http_request *request);
void api_style(struct api *api, struct http_request *request);

#endif
