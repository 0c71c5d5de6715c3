/* SPDX-License-Identifier: Apache-2.0 */
/* What a referrer is told when a referral comes back. It goes the way of every delivery, to the
 * endpoint that the directory has for the referrer's own ODS code; where there is none, a person
 * has to tell. Pure. */
#ifndef DIRECTORY_NOTICE_H
#define DIRECTORY_NOTICE_H

#include "directory/directory.h"
#include "lifecycle/delivery.h"

#define NOTICE_RETURNED "returned"
#define NOTICE_VALID_MS (24 * INT64_C(3600000)) /* so long it is tried */
#define NEEDS_HUMAN "needs-human"               /* the reason of a `noticed` event that says so */

/* The notice of a return with this reason; false if there is no callback for it. Its texts and its
 * payload point to nothing of `returned`. */
bool notice_of(const struct directory *directory, const struct delivery *returned, const char *why,
               int64_t now_ms, struct delivery *ret_notice);
/* How that ended, of the notice or, where there was no callback, of what was returned: `result` is
 * the last answer, or "no-callback". */
void notice_event(const struct delivery *delivery, bool told, const char *result, int64_t now_ms,
                  struct referral_event *ret_event);

#endif
