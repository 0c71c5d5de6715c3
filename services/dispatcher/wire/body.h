/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider that speaks JSON receives. Pure. */
#ifndef DISPATCHER_BODY_H
#define DISPATCHER_BODY_H

#include "codec/flat.h"
#include "lifecycle/delivery.h"

#define BODY_MAX (256 * 1024)

/* Appends {"type":"referral.created","timestamp":…,"data":{…}}, of the fields that codec_read_flat
 * has told of the payload. The timestamp is the delivery's
 * creation, so that the body is the same, byte for byte, in each attempt. False if it does not fit
 * or memory ran out. */
__attribute__((warn_unused_result)) bool body_append(struct buffer *buffer,
                                                     const struct delivery *delivery,
                                                     const struct record_field *referral,
                                                     size_t fields_count);
/* The same of a notice: {"type":"referral.returned",…}, without anything of the patient. */
__attribute__((warn_unused_result)) bool body_append_notice(struct buffer *buffer,
                                                            const struct delivery *notice);

#endif
