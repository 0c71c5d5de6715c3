/* SPDX-License-Identifier: Apache-2.0 */
/* Reading bytes that prescan has passed: nothing is looked at twice. */
#ifndef CODEC_PASSED_H
#define CODEC_PASSED_H

#include <stdint.h>

static inline int64_t passed_long(const uint8_t **at)
{
    uint64_t folded = 0;
    const uint8_t *next = *at;
    for (unsigned shift = 0;; shift += 7) {
        folded |= (uint64_t)(*next & 0x7Fu) << shift;
        if ((*next++ & 0x80u) == 0)
            break;
    }
    *at = next;
    return (int64_t)(folded >> 1) ^ -(int64_t)(folded & 1u);
}

#endif
