/* SPDX-License-Identifier: Apache-2.0 */
/* What a referrer is told when a referral comes back. It goes the way of every delivery, to the
 * callback that the directory has for the referrer's own ODS code; where there is none, a person
 * has to tell. Pure. */
#ifndef DIRECTORY_NOTICE_H
#define DIRECTORY_NOTICE_H

#include "directory/directory.h"
#include "lifecycle/delivery.h"

#define NOTICE_RETURNED "returned"
#define NOTICE_VALID_MS (24 * INT64_C(3600000)) /* so long it is tried */
#define NEEDS_HUMAN "needs-human"               /* the reason of a `noticed` event that says so */

/* Who tells the referrer. */
enum notice_way {
    NOTICE_BY_CALLBACK, /* of a row of the kind `referrer`: a provider's endpoint takes referrals */
    NOTICE_BY_PERSON,
    NOTICE_BY_NOBODY, /* a walk-in's: the pharmacy held it itself, and reads back how it counts */
};

/* The notice of a return with this reason, if there is a callback for it. Its texts and its payload
 * point to nothing of `returned`. */
__attribute__((warn_unused_result)) enum notice_way notice_of(const struct directory *directory,
                                                              const struct delivery *returned,
                                                              const char *why, int64_t now_ms,
                                                              struct delivery *ret_notice);
/* How that ended, of the notice or, where there was no callback, of what was returned: `result` is
 * the last answer, or "no-callback". */
void notice_event(const struct delivery *delivery, bool told, const char *result, int64_t now_ms,
                  struct referral_event *ret_event);

#endif
