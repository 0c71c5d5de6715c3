/* SPDX-License-Identifier: Apache-2.0 */
/* The decision about a referral, pure: rules of its pathway, then a provider. Used by the router
 * for each new referral, by the dispatcher for each re-route (with `tried`), by referralctl to
 * explain. */
#ifndef DIRECTORY_ROUTE_H
#define DIRECTORY_ROUTE_H

#include "directory/directory.h"
#include "pathways/pathway.h"

struct route_world { /* borrowed */
    const struct pathway_set *pathways;
    const struct directory *directory;
    const struct places *places;
};

struct route_decision {
    struct rules_decision rules;
    struct provider_choice choice; /* only for RULES_ROUTE */
    int64_t deadline_at_ms;
    bool clock_skewed;         /* authored_at was not believable; accepted_at was used */
    bool accepted_at_replaced; /* set by a caller who could not believe accepted_at itself and used
                                  the record's time */
    const char *reason;        /* code of a return: by the rules, deadline-passed, or for want of a
                                  provider; "" otherwise */
};

/* `tried` may be NULL. The referral must have passed record_check; its pathway must exist (else
 * false). accepted_at is taken as given. Re-routes judge the rules anew at the same day, and keep
 * the deadline. */
__attribute__((warn_unused_result)) bool
route_decide(const struct route_world *world, const char *pathway, const struct record *referral,
             int64_t accepted_at_ms, int64_t now_ms, const struct tried_provider *tried,
             size_t tried_count, struct route_decision *ret_decision);
/* Plain words for why it is returned or fell back, as they stand in the explanation; "" if there is
 * nothing to say. */
const char *route_words(const struct route_decision *decision);
/* The explanation as compact JSON for events and people: rule, service, how, distance, passed over,
 * versions. At most EXPLANATION_SIZE bytes; no patient data. */
bool route_explain(const struct route_world *world, const struct route_decision *decision,
                   const char *rules_version, char *text, size_t size);

#endif
