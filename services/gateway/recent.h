/* SPDX-License-Identifier: Apache-2.0 */
/* The last referrals that came with an Idempotency-Key: id and digest of the body, for an early 409
 * or 422. It may forget (the router has the last word), so it is bounded and lives in memory only.
 * Pure; the caller locks. */
#ifndef GATEWAY_RECENT_H
#define GATEWAY_RECENT_H

#include "ids/uuid.h"

#include <stddef.h>

struct recent;

enum recent_answer {
    RECENT_GO_ON,      /* not seen, or seen with the same body: now in flight */
    RECENT_IN_FLIGHT,  /* the same body is under way at this moment */
    RECENT_OTHER_BODY, /* the id was used for another body */
    RECENT_FULL,       /* every entry is in flight, or no memory */
};

struct recent *recent_new(size_t entries_max);
void recent_free(struct recent *recent);
/* `digest` in hex, 64 characters. */
enum recent_answer recent_begin(struct recent *recent, const struct uuid *id, const char *digest);
/* Ends what recent_begin let go on. `keep` = it is, or may be, stored: the body stays bound to the
 * id. */
void recent_end(struct recent *recent, const struct uuid *id, bool keep);

#endif
