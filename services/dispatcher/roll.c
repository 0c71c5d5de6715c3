/* SPDX-License-Identifier: Apache-2.0 */
/* An abort takes the records back, and the next slot comes an hour later: so a slot is settled by
 * its commit only. */
#include "roll.h"

bool roll_due(struct roll *roll, int64_t now_ms, int64_t interval_ms)
{
    const int64_t slot = now_ms / interval_ms;
    if (!roll->settled)
        roll->settled = slot;
    if (slot == roll->settled || slot == roll->open)
        return false;
    roll->open = slot;
    return true;
}

void roll_committed(struct roll *roll)
{
    if (roll->open)
        roll->settled = roll->open;
    roll->open = 0;
}

void roll_aborted(struct roll *roll)
{
    roll->open = 0;
}
