/* SPDX-License-Identifier: Apache-2.0 */
/* All pathways of a contract, in its order (by name), and what each says about itself. */
#include "pathways/internal.h"

#include <stdlib.h>
#include <string.h>

struct pathway_set {
    size_t count;
    struct pathway *pathways[CONTRACT_PATHWAYS_MAX];
};

struct pathway_set *pathway_set_load(const struct contract *contract, struct reason *reason)
{
    struct pathway_set *set = calloc(1, sizeof(*set));
    if (!set) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return NULL;
    }
    size_t count = contract_pathway_count(contract);
    for (size_t i = 0; i < count && i < CONTRACT_PATHWAYS_MAX; i++) {
        set->pathways[i] =
            pathway_compile(contract, contract_pathway_name(contract, i), NULL, reason);
        if (!set->pathways[i]) {
            pathway_set_free(set);
            return NULL;
        }
        set->count++;
    }
    return set;
}

void pathway_set_free(struct pathway_set *set)
{
    for (size_t i = 0; set && i < set->count; i++)
        pathway_free(set->pathways[i]);
    free(set);
}

size_t pathway_count(const struct pathway_set *set)
{
    return set->count;
}

const struct pathway *pathway_at(const struct pathway_set *set, size_t index)
{
    return index < set->count ? set->pathways[index] : NULL;
}

const struct pathway *pathway_find(const struct pathway_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->pathways[i]->name, name) == 0)
            return set->pathways[i];
    }
    return NULL;
}

const char *pathway_name(const struct pathway *pathway)
{
    return pathway->name;
}

const char *pathway_title(const struct pathway *pathway)
{
    return pathway->title;
}

const char *pathway_version(const struct pathway *pathway)
{
    return pathway->version;
}

const char *pathway_topic(const struct pathway *pathway)
{
    return pathway->topic;
}

const struct json *pathway_document(const struct pathway *pathway)
{
    return pathway->json;
}

const char *pathway_digest(const struct pathway *pathway)
{
    return pathway->digest;
}

const char *pathway_provider_kind(const struct pathway *pathway)
{
    return pathway->provider_kind;
}

int64_t pathway_deadline_ms(const struct pathway *pathway)
{
    return pathway->deadline_ms;
}

int64_t pathway_outcome_ms(const struct pathway *pathway)
{
    return pathway->outcome_ms;
}

int64_t pathway_distance_most_m(const struct pathway *pathway)
{
    return pathway->distance_most_m;
}

int64_t pathway_retry_first_ms(const struct pathway *pathway)
{
    return pathway->retry_first_ms;
}

int64_t pathway_retry_most_ms(const struct pathway *pathway)
{
    return pathway->retry_most_ms;
}
