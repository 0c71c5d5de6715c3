/* SPDX-License-Identifier: Apache-2.0 */
/* A decision that was made again, in words or as JSON, beside the one that is stored. */
#ifndef REFERRALCTL_EXPLAIN_SHOW_H
#define REFERRALCTL_EXPLAIN_SHOW_H

#include "explain_find.h"

#include "directory/route.h"
#include "lifecycle/delivery.h"

struct explained {
    const char *pathway, *pathway_version, *directory_version;
    bool id_is_given; /* else the gateway gives another one */
    const struct found_referral *found;
    const struct stored_decision *replayed; /* the stored one that was made again, or NULL */
    const struct tried_provider *tried;     /* who was taken to have had it before */
    size_t tried_count;
    int64_t at_ms;
    struct route_decision decision;
    char explanation[EXPLANATION_SIZE];
};

void explain_show_text(const struct explained *explained);
/* False: it can't be printed. */
bool explain_show_json(const struct explained *explained);

#endif
