/* SPDX-License-Identifier: Apache-2.0 */
/* What a reload replaces as one: the contract, the pathways, the codec over them, and what is known
 * of each topic. */
#ifndef GATEWAY_WORLD_H
#define GATEWAY_WORLD_H

#include "codec/contract.h"
#include "pathways/pathway.h"

#include <stdatomic.h>

enum topic_state { TOPIC_NOT_ASKED, TOPIC_EXISTS, TOPIC_MISSING };

struct world {
    struct contract *contract;
    struct pathway_set *pathways;
    struct codec *codec;                            /* for the HTTP thread alone */
    atomic_int topic_states[CONTRACT_PATHWAYS_MAX]; /* by the pathway's place in the set */
    char *pathways_answer;                          /* the body of GET /v1/pathways */
};

/* NULL on failure: the reason of the contract or of the pathways. `before`: see
 * contract_load_after. */
struct world *world_load(const char *schemas_dir, const struct contract *before,
                         struct registry *registry, struct reason *reason);
void world_free(struct world *world);
/* TOPIC_NOT_ASKED for a pathway that is not in the set. */
enum topic_state world_topic_state(const struct world *world, const char *pathway);

#endif
