/* SPDX-License-Identifier: Apache-2.0 */
/* A volume: how many referrals reached a stage, for one combination of dimensions, as on the topics
 * volumes.*. */
#ifndef LIFECYCLE_VOLUME_H
#define LIFECYCLE_VOLUME_H

#include "lifecycle/event.h"

struct volume {
    char period[11];
    char pathway[PATHWAY_NAME_SIZE];
    char service[SERVICE_NAME_SIZE];
    char source_kind[17];
    char hcp[AREA_SIZE], pcn[AREA_SIZE];
    char provider[ODS_CODE_SIZE];
    char stage[17];
    int64_t count;
};

#define VOLUME_KEY_SIZE 320
/* The dimensions joined by "|" (a "|" inside one becomes "/"): the Kafka key. Returns its length.
 */
size_t volume_key(const struct volume *volume, char key[VOLUME_KEY_SIZE]);
__attribute__((warn_unused_result)) enum verdict
volume_encode(struct codec *codec, const struct contract *contract, const struct volume *volume,
              struct buffer *buffer, struct reason *reason);
__attribute__((warn_unused_result)) enum verdict volume_decode(struct codec *codec,
                                                               const void *bytes, size_t length,
                                                               struct volume *ret_volume,
                                                               struct reason *reason);

#endif
