/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision reads from schemas/: contract, pathways, places. Immutable; SIGHUP loads another
 * and swaps. */
#ifndef ROUTER_WORLD_H
#define ROUTER_WORLD_H

#include "directory/directory.h"
#include "pathways/pathway.h"

struct world {
    struct contract *contract;
    struct pathway_set *pathways;
    struct places *places;
    struct codec *codec;
};

/* NULL on failure; the reason names the file and what was expected. `before`: see
 * contract_load_after. */
__attribute__((warn_unused_result)) struct world *world_load(const char *schemas_dir,
                                                             const struct contract *before,
                                                             struct registry *registry,
                                                             struct reason *reason);
void world_free(struct world *world);

#endif
