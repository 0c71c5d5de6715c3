/* SPDX-License-Identifier: Apache-2.0 */
/* Reads volumes.daily back into the window: the aggregator's output is its only checkpoint. */
#ifndef AGGREGATOR_RESTORE_H
#define AGGREGATOR_RESTORE_H

#include "window.h"

struct restore_result {
    uint64_t records;    /* read */
    uint64_t unreadable; /* passed over: no volume, or no date */
};

/* Reads the topic from its beginning to the end that it has now (read_committed) and restores every
 * held day. With `only_day` not NULL, that day alone. TRY_AGAIN when no broker answers; the window
 * is then half full: begin anew. */
__attribute__((warn_unused_result)) enum verdict
restore_window(const struct kafka_settings *settings, struct codec *codec, struct window *window,
               const int64_t *only_day, struct restore_result *ret_result, struct reason *reason);

#endif
