/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a BaRS message (bars.c). */
#ifndef DISPATCHER_BARS_PARTS_H
#define DISPATCHER_BARS_PARTS_H

#include "base/buffer.h"
#include "codec/record.h"
#include "ids/uuid.h"
#include "lifecycle/delivery.h"

#define BARS_APPLICATION_VERSION "1.2.0"
#define BARS_DOS_SERVICE_ID "https://fhir.nhs.uk/Id/dos-service-id"
#define BARS_ODS_CODE "https://fhir.nhs.uk/Id/ods-organization-code"
#define BARS_ICB_CODE "QKS"
#define BARS_ICB_NAME "NHS Kent and Medway Integrated Care Board"

struct bars_value {
    const char *name, *text;
};

/* Appends a template: ' becomes a quote, <name> the value as a JSON text. The values end with a
 * NULL name. False for a name that is none of them, too. */
__attribute__((warn_unused_result)) bool bars_put(struct buffer *buffer, const char *template,
                                                  const struct bars_value *values);

struct bars_use_case {
    const char *system, *code, *display;
};

/* Only a referral of primary care into Pharmacy First is assured nationally. Everything else goes
 * by a code of our own, and says so. */
struct bars_use_case bars_use_case(const struct delivery *delivery);
/* The id of a part of its message: the same in each attempt. */
void bars_id(const struct delivery *delivery, const char *part, char text[UUID_TEXT_SIZE]);

/* Appends the entry of the Patient; the values name it (<patient>, <now>, <practice>). */
__attribute__((warn_unused_result)) bool bars_put_patient(struct buffer *buffer,
                                                          const struct record *referral,
                                                          const struct bars_value *values);

/* Appends what the referrer has said, a line each: the details of the pathway, whatever they are,
 * urgency, notes, needs. Plain text. */
__attribute__((warn_unused_result)) bool bars_narrate(struct buffer *text,
                                                      const struct record *referral);

#endif
