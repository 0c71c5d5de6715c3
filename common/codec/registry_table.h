/* SPDX-License-Identifier: Apache-2.0 */
/* What framing.c asks the table of ids; for the two of them alone. */
#ifndef CODEC_REGISTRY_TABLE_H
#define CODEC_REGISTRY_TABLE_H

#include "codec/contract.h"

/* REFUSED, unknown-schema-id, or what the table's look-up says. */
enum verdict registry_find(struct registry *registry, int32_t id, const struct schema **ret_schema,
                           struct reason *reason);
/* False if schemas of this fingerprint are not to be written with an id. */
bool registry_id(struct registry *registry, uint64_t fingerprint, int32_t *ret_id);

#endif
