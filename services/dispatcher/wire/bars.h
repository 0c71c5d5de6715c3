/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider that speaks BaRS (NHS Booking and Referral Standard) receives: a $process-message
 * of FHIR R4, its headers and its bundle. Pure. */
#ifndef DISPATCHER_BARS_H
#define DISPATCHER_BARS_H

#include "lifecycle/delivery.h"

#define BARS_MEDIA_TYPE "application/fhir+json; version=1.4.0"
#define BARS_HEADERS 7
#define BARS_HEADER_SIZE 704

struct bars_address {
    int64_t receiver_id; /* service ids of the Directory of Services */
    int64_t sender_id;
};

/* Of a notice, too, which has no referral: then the organisation is the Integrated Care Board.
 * "name: value" each: target, request id (the same for each attempt), organisation, software, use
 * context, accept, and a correlation id if the delivery has none. The rest is "". False if one does
 * not fit. */
__attribute__((warn_unused_result)) bool bars_headers(const struct bars_address *address,
                                                      const struct delivery *delivery,
                                                      const struct record *referral,
                                                      char headers[BARS_HEADERS][BARS_HEADER_SIZE]);

/* Appends the bundle. Ids and times are derived from the delivery, so that it is the same, byte for
 * byte, in each attempt. The NHS number goes along only if its status says that it may; no flag is
 * sent, so none can tell of safeguarding. False if it does not fit or memory ran out. */
__attribute__((warn_unused_result)) bool bars_append(struct buffer *buffer,
                                                     const struct bars_address *address,
                                                     const struct delivery *delivery,
                                                     const struct record *referral);

/* Appends the bundle of a notice to the referrer: a response that rejects the referral. */
__attribute__((warn_unused_result)) bool bars_append_notice(struct buffer *buffer,
                                                            const struct bars_address *address,
                                                            const struct delivery *notice);

#endif
