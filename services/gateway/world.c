/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include "base/json.h"
#include "base/text.h"

#include <stdlib.h>

static bool add_pathway(struct json *list, const struct pathway *pathway)
{
    struct json *item = json_new_object();
    return item && json_set_text(item, "name", pathway_name(pathway)) &&
           json_set_text(item, "title", pathway_title(pathway)) &&
           json_set_text(item, "version", pathway_version(pathway)) &&
           json_set_text(item, "digest", pathway_digest(pathway)) &&
           json_array_add_take(list, item);
}

static char *print_pathways(const struct pathway_set *pathways)
{
    struct json *list = json_new_array();
    struct json *answer = json_new_object();
    bool done = list && answer;
    for (size_t index = 0; done && index < pathway_count(pathways); index++) {
        done = add_pathway(list, pathway_at(pathways, index));
    }
    done = json_set_take(answer, "pathways", list) && done;
    char *text = done ? json_print(answer, JSON_COMPACT) : NULL;
    json_free(answer);
    return text;
}

struct world *world_load(const char *schemas_dir, const struct contract *before,
                         struct registry *registry, struct reason *reason)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world) {
        reason_set(reason, "no-memory", NULL, "no memory for the schemas");
        return NULL;
    }
    world->contract = contract_load_after(schemas_dir, before, reason);
    if (!world->contract) {
        goto failed;
    }
    world->pathways = pathway_set_load(world->contract, reason);
    if (!world->pathways) {
        goto failed;
    }
    world->codec = codec_new(world->contract, registry);
    world->pathways_answer = print_pathways(world->pathways);
    if (!world->codec || !world->pathways_answer) {
        reason_set(reason, "no-memory", NULL, "no memory for the codec");
        goto failed;
    }
    return world;
failed:
    world_free(world);
    return NULL;
}

void world_free(struct world *world)
{
    if (world) {
        free(world->pathways_answer);
        codec_free(world->codec);
        pathway_set_free(world->pathways);
        contract_free(world->contract);
        free(world);
    }
}

enum topic_state world_topic_state(const struct world *world, const char *pathway)
{
    for (size_t index = 0; index < pathway_count(world->pathways); index++) {
        if (text_equal(pathway_name(pathway_at(world->pathways, index)), pathway)) {
            return (enum topic_state)atomic_load(&world->topic_states[index]);
        }
    }
    return TOPIC_NOT_ASKED;
}
