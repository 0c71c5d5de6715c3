/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a BaRS message (bars.c). */
#ifndef DISPATCHER_BARS_PARTS_H
#define DISPATCHER_BARS_PARTS_H

#include "base/buffer.h"
#include "codec/record.h"

struct bars_value {
    const char *name, *text;
};

/* Appends a template: ' becomes a quote, <name> the value as a JSON text. The values end with a
 * NULL name. False for a name that is none of them, too. */
__attribute__((warn_unused_result)) bool bars_put(struct buffer *buffer, const char *template,
                                                  const struct bars_value *values);

/* Appends the entry of the Patient; the values name it (<patient>, <now>, <practice>). */
__attribute__((warn_unused_result)) bool bars_put_patient(struct buffer *buffer,
                                                          const struct record *referral,
                                                          const struct bars_value *values);

/* Appends what the referrer has said, a line each: the details of the pathway, whatever they are,
 * urgency, notes, needs. Plain text. */
__attribute__((warn_unused_result)) bool bars_narrate(struct buffer *text,
                                                      const struct record *referral);

#endif
