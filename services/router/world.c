/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded as a whole or not at all, so that a broken folder never leaves half of a new world in
 * force. */
#include "world.h"

#include <stdlib.h>

struct world *world_load(const char *schemas_dir, const struct contract *before,
                         struct registry *registry, struct reason *reason)
{
    struct world *world = calloc(1, sizeof *world);
    if (world == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return NULL;
    }
    world->contract = contract_load_after(schemas_dir, before, reason);
    if (world->contract != NULL)
        world->pathways = pathway_set_load(world->contract, reason);
    if (world->pathways != NULL)
        world->places = places_load(schemas_dir, reason);
    if (world->places != NULL) {
        world->codec = codec_new(world->contract, registry);
        if (world->codec == NULL)
            reason_set(reason, "no-memory", NULL, "memory ran out");
    }
    if (world->codec == NULL) {
        world_free(world);
        return NULL;
    }
    return world;
}

void world_free(struct world *world)
{
    if (world == NULL)
        return;
    codec_free(world->codec);
    places_free(world->places);
    pathway_set_free(world->pathways);
    contract_free(world->contract);
    free(world);
}
