/* SPDX-License-Identifier: Apache-2.0 */
/* Patient data out of what an operator sees: a record's JSON with every value that may tell of a
 * person replaced by "masked". What is not known to be harmless is masked, so that a field that a
 * newer schema adds is, too. Pure. */
#ifndef REFERRALCTL_MASK_H
#define REFERRALCTL_MASK_H

#include "codec/schema.h"

/* `node` is the record's schema (schema_root). NULL without memory. Of a Referral: patient, notes
 * and unknown fields wholly, source.person, and texts of the details that come from no closed list.
 * Of a Delivery: its payload. */
struct json *mask_record(const struct json *json, const struct schema_node *node);
/* A Kafka key that may be shown: "masked" for a key on a topic of referrals that is no UUID.
 * Borrowed or static. */
const char *mask_key(const char *topic, const char *key);

#endif
