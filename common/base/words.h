/* SPDX-License-Identifier: Apache-2.0 */
/* Texts looked at by eight bytes at once. The words may overlap: to look at some bytes twice costs
 * less than to look at the last ones one by one. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORDS_ONES UINT64_C(0x0101010101010101)
#define WORDS_TOPS UINT64_C(0x8080808080808080)

static inline uint64_t words_eight(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* One to seven bytes, each at least once, and nothing else. */
static inline uint64_t words_few(const uint8_t *bytes, size_t length)
{
    uint32_t first, last;
    if (length < 4) {
        first = bytes[0] | (uint32_t)bytes[length / 2] << 8;
        last = bytes[length - 1] | (uint32_t)bytes[0] << 8;
        first |= last << 16;
        last = first;
    } else {
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + length - sizeof(last), sizeof(last));
    }
    return first | (uint64_t)last << 32;
}

/* True if `is_well` is for all of the bytes. It is given eight of them, and is true if it is for
 * each. */
static inline bool words_all(const uint8_t *bytes, size_t length, bool (*is_well)(uint64_t word))
{
    if (length < 8)
        return length == 0 || is_well(words_few(bytes, length));
    for (size_t i = 0; i + 8 < length; i += 8)
        if (!is_well(words_eight(bytes + i)))
            return false;
    return is_well(words_eight(bytes + length - 8));
}

#endif
