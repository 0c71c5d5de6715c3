/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes with one to four faults in them, by a seed. */
#ifndef UNIT_CODEC_MUTATE_H
#define UNIT_CODEC_MUTATE_H

#include "base/buffer.h"
#include "base/random.h"

#include <string.h>

/* A mutant of `valid` in `bytes`, which has room for `size`; its length. */
static size_t mutate(struct random *random, const struct buffer *valid, uint8_t *bytes, size_t size)
{
    static const uint8_t favourites[] = {0x00, 0x01, 0x02, 0x03, 0x7F, 0x80, 0xFE, 0xFF};
    size_t length = valid->length;
    memcpy(bytes, valid->data, length);
    for (uint64_t left = 1 + random_below(random, 4); left > 0; left--) {
        size_t at = (size_t)random_below(random, length);
        switch (random_below(random, 5)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << random_below(random, 8));
            break;
        case 1:
            bytes[at] = favourites[random_below(random, sizeof(favourites))];
            break;
        case 2:
            bytes[at] = (uint8_t)random_next(random);
            break;
        case 3: /* a byte is lost */
            memmove(bytes + at, bytes + at + 1, length - at - 1);
            length--;
            break;
        default: /* a byte is put in */
            if (length == size)
                break;
            memmove(bytes + at + 1, bytes + at, length - at);
            bytes[at] = favourites[random_below(random, sizeof(favourites))];
            length++;
            break;
        }
    }
    return length;
}

#endif
