/* SPDX-License-Identifier: Apache-2.0 */
/* Reading bytes that prescan has passed: nothing is looked at twice. */
#ifndef CODEC_PASSED_H
#define CODEC_PASSED_H

#include <stdint.h>
#include <string.h>

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

/* Of a block of an array or map: how many items follow; 0 = it has ended. */
static inline int64_t passed_count(const uint8_t **at)
{
    const int64_t count = passed_long(at);
    if (count >= 0)
        return count;
    (void)passed_long(at); /* the size of the block */
    return -count;
}

static inline uint64_t passed_fixed(const uint8_t **at, unsigned size)
{
    uint64_t folded = 0;
    for (unsigned i = 0; i < size; i++)
        folded |= (uint64_t)(*at)[i] << (8 * i);
    *at += size;
    return folded;
}

static inline double passed_float(const uint8_t **at)
{
    const uint32_t folded = (uint32_t)passed_fixed(at, sizeof(folded));
    float number;
    memcpy(&number, &folded, sizeof(number));
    return (double)number;
}

static inline double passed_double(const uint8_t **at)
{
    const uint64_t folded = passed_fixed(at, sizeof(folded));
    double number;
    memcpy(&number, &folded, sizeof(number));
    return number;
}

#endif
