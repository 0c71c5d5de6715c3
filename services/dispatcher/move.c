/* SPDX-License-Identifier: Apache-2.0 */
/* A new hop has an id of its own and the old deadline. A delivery that need not leave stays when
 * nobody else could take it: trying on is better for the patient than a return while there is time.
 */
#include "move.h"

#include "base/text.h"

#include <string.h>

static void end_here(struct move *move, bool must, const char *reason)
{
    move->to = must ? MOVE_RETURN : MOVE_STAY;
    (void)text_copy(move->reason, sizeof(move->reason), reason);
}

static void next_hop(const struct route_world *world, const struct delivery *delivery,
                     const struct tried_provider *here, const struct route_decision *decision,
                     int64_t now_ms, struct move *move)
{
    struct delivery *next = &move->next;
    *next = *delivery;
    next->tried[next->tried_count++] = *here;
    (void)text_copy(next->destination, sizeof(next->destination),
                    decision->choice.provider->ods_code);
    (void)text_copy(next->service, sizeof(next->service), decision->rules.service);
    (void)text_copy(next->directory_version, sizeof(next->directory_version),
                    directory_version(world->directory));
    const struct pathway *pathway = pathway_find(world->pathways, delivery->pathway);
    if (pathway)
        (void)text_copy(next->rules_version, sizeof(next->rules_version), pathway_version(pathway));
    next->hop = delivery->hop + 1;
    delivery_id_of(next->pathway, next->referral_id, next->hop, next->id);
    next->attempts = 0;
    next->intent = false;
    next->created_at_ms = now_ms;
    next->next_attempt_at_ms = now_ms;
    next->last_result[0] = '\0';
    move->to = MOVE_NEXT;
    move->how = decision->choice.how;
}

void move_on(const struct route_world *world, const struct delivery *delivery,
             const struct record *referral, const char *why, bool must, int64_t now_ms,
             struct move *ret_move)
{
    struct move *move = ret_move;
    move->how = "";
    move->explanation[0] = '\0';
    const bool by_provider = text_equal(why, "returned-by-provider");
    const char *none = by_provider ? why : "no-provider-left";
    if (!referral) {
        end_here(move, true, "payload-unreadable");
        return;
    }
    if (delivery->tried_count >= DELIVERY_TRIED_MAX ||
        delivery->deadline_at_ms - now_ms < MOVE_LEAST_MS) {
        end_here(move, must, none);
        return;
    }
    struct tried_provider tried[DELIVERY_TRIED_MAX + 1];
    struct tried_provider *here = &tried[delivery->tried_count];
    memcpy(tried, delivery->tried, sizeof(delivery->tried));
    (void)text_copy(here->ods_code, ODS_CODE_SIZE, delivery->destination);
    here->declined = delivery_was_declined(why, delivery->last_result);
    struct route_decision decision;
    if (!route_decide(world, delivery->pathway, referral, delivery->accepted_at_ms, now_ms, tried,
                      delivery->tried_count + 1, &decision)) {
        end_here(move, must, none);
        return;
    }
    if (decision.rules.outcome == RULES_ROUTE && decision.choice.provider)
        next_hop(world, delivery, here, &decision, now_ms, move);
    else {
        if (decision.rules.outcome != RULES_RETURN)
            decision.reason = none;
        end_here(move, must, decision.reason);
    }
    const struct pathway *pathway = pathway_find(world->pathways, delivery->pathway);
    if (!route_explain(world, &decision, pathway ? pathway_version(pathway) : "", move->explanation,
                       sizeof(move->explanation)))
        move->explanation[0] = '\0';
}
