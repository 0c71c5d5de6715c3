/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped schemas and a codec over them, for a group of tests: cmocka's headers come first. */
#ifndef UNIT_LIFECYCLE_SHIPPED_H
#define UNIT_LIFECYCLE_SHIPPED_H

#include "codec/contract.h"

static struct contract *contract;
static struct codec *codec;

static int set_up(void **state)
{
    (void)state;
    struct reason reason;
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (contract == NULL)
        fail_msg("%s: %s", reason.pointer, reason.detail);
    codec = codec_new(contract, NULL);
    return codec == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    codec_free(codec);
    contract_free(contract);
    return 0;
}

#endif
