/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider that speaks JSON receives. Pure. */
#ifndef DISPATCHER_BODY_H
#define DISPATCHER_BODY_H

#include "lifecycle/delivery.h"

#define BODY_MAX (256 * 1024)

/* Appends {"type":"referral.created","timestamp":…,"data":{…}}. The timestamp is the delivery's
 * creation, so that the body is the same, byte for byte, in each attempt. False if it does not fit
 * or memory ran out. */
__attribute__((warn_unused_result)) bool
body_append(struct buffer *buffer, const struct delivery *delivery, const struct record *referral);
/* The same of a notice: {"type":"referral.returned",…}, without anything of the patient. */
__attribute__((warn_unused_result)) bool body_append_notice(struct buffer *buffer,
                                                            const struct delivery *notice);

#endif
