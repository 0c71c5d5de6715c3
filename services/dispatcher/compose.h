/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider is sent for a delivery: body, signature, headers. */
#ifndef DISPATCHER_COMPOSE_H
#define DISPATCHER_COMPOSE_H

#include "bars.h"
#include "codec/contract.h"
#include "send.h"
#include "sign.h"

struct order {          /* borrowed */
    const void *record; /* the framed Delivery */
    size_t record_size;
    const struct secrets *secrets; /* none in it = not signed */
    struct bars_address bars;      /* all 0 = not BaRS, our own JSON */
    bool possible_duplicate;
};

struct composer;
struct composer *composer_new(void);
/* NULL is fine. */
void composer_free(struct composer *composer);
/* Sets headers and body of the request, which stay the composer's until its next call. False:
 * nothing can be sent, and the answer says why. */
__attribute__((warn_unused_result)) bool
composer_compose(struct composer *composer, struct codec *codec, const struct order *order,
                 struct send_request *request, struct answer *ret_answer);

#endif
