/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider is sent for a delivery: body, signature, headers. Made on the sender's thread. */
#ifndef DISPATCHER_COMPOSE_H
#define DISPATCHER_COMPOSE_H

#include "bars.h"
#include "codec/contract.h"
#include "send.h"
#include "sign.h"

struct order {
    struct secrets secrets;
    struct bars_address bars; /* all 0 = not BaRS, our own JSON */
    bool possible_duplicate;
    uint8_t record[]; /* the framed Delivery */
};

struct composer;
struct composer *composer_new(void);
void composer_free(struct composer *composer);
/* Any thread: from the next order on, this codec; adopts it and its contract. */
void composer_use_take(struct composer *composer, struct contract *contract, struct codec *codec);
/* A sender_compose of orders. */
bool compose_send(void *composer, const void *order, size_t order_size,
                  struct send_content *ret_content, struct answer *ret_answer);

#endif
