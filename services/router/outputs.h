/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what take_message said: everything goes into the stream's open transaction. */
#ifndef ROUTER_OUTPUTS_H
#define ROUTER_OUTPUTS_H

#include "take.h"

struct outputs {
    struct stream *stream;
    struct codec *codec;
    const struct contract *contract;
    struct buffer *scratch;
};

__attribute__((warn_unused_result)) enum verdict outputs_send(const struct outputs *outputs,
                                                              const struct kafka_message *message,
                                                              const struct taken *taken,
                                                              struct reason *reason);

#endif
