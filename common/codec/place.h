/* SPDX-License-Identifier: Apache-2.0 */
/* Where one is in nested data: a chain of steps on the stack, turned into a JSON pointer only when
 * something is wrong. */
#ifndef CODEC_PLACE_H
#define CODEC_PLACE_H

#include "base/reason.h"

#include <stddef.h>

struct place {
    const struct place *up; /* NULL at the root, which itself is no step */
    const char *name;       /* a member, or NULL: then `index` of a list */
    size_t index;
};

/* The RFC 6901 pointer of a place (NULL: the root). Control characters are written as \u00XX, for
 * names may come from outside; what does not fit is cut. */
void place_pointer(const struct place *place, char pointer[REASON_POINTER_MAX]);

#endif
