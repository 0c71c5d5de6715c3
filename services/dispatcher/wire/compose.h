/* SPDX-License-Identifier: Apache-2.0 */
/* What a provider is sent for a delivery: body, signature, headers. */
#ifndef DISPATCHER_COMPOSE_H
#define DISPATCHER_COMPOSE_H

#include "wire/bars.h"
#include "codec/contract.h"
#include "http/send.h"
#include "wire/sign.h"

struct order {          /* borrowed */
    const void *record; /* the framed Delivery */
    size_t record_size;
    const struct secrets *secrets; /* none in it = not signed */
    struct bars_address bars;      /* all 0 = not BaRS, our own JSON */
    const char *certificate;       /* to appear with, NULL = the default one */
    bool possible_duplicate;
};

#define COMPOSED_MOST SIGN_AT_ONCE /* requests that are signed together */

struct composer;
struct composer *composer_new(void);
/* NULL is fine. */
void composer_free(struct composer *composer);
/* Sets headers, body and certificate of the request, which stay the composer's; it can't be sent
 * before composer_sign. False: nothing can be sent, and the answer says why. */
__attribute__((warn_unused_result)) bool
composer_compose(struct composer *composer, struct codec *codec, const struct order *order,
                 struct send_request *request, struct answer *ret_answer);
/* Signs what has been composed since the last call, at most COMPOSED_MOST, in its order: for each
 * whether it could be. What they point to lasts until the next composer_compose. */
void composer_sign(struct composer *composer, bool ret_signed[COMPOSED_MOST]);

#endif
