/* SPDX-License-Identifier: Apache-2.0 */
/* The chain runs from the inside out and a pointer from the outside in, so the steps are collected
 * first. */
#include "codec/place.h"

#include "base/text.h"

#include <string.h>

#define STEPS_MAX 80 /* more than any data that the codec lets in can be nested */

static void append(char pointer[REASON_POINTER_MAX], const char *bytes, size_t length)
{
    size_t used = strlen(pointer);
    text_copy_bytes(pointer + used, REASON_POINTER_MAX - used, bytes, length);
}

static void append_name(char pointer[REASON_POINTER_MAX], const char *name)
{
    size_t plain = 0; /* letters before the next one to escape, written together so that a cut
                         respects UTF-8 */
    for (;; name += plain + 1, plain = 0) {
        while ((unsigned char)name[plain] >= 0x20 && !strchr("~/\x7F", name[plain]))
            plain++;
        append(pointer, name, plain);
        unsigned char special = (unsigned char)name[plain];
        if (special == '\0')
            return;
        char escape[8];
        if (special == '~' || special == '/')
            text_copy(escape, sizeof(escape), special == '~' ? "~0" : "~1");
        else
            text_format(escape, sizeof(escape), "\\u%04x", special);
        append(pointer, escape, strlen(escape));
    }
}

void place_pointer(const struct place *place, char pointer[REASON_POINTER_MAX])
{
    const struct place *steps[STEPS_MAX];
    size_t count = 0;
    for (; place && count < STEPS_MAX; place = place->up)
        steps[count++] = place;
    pointer[0] = '\0';
    while (count > 0) {
        const struct place *step = steps[--count];
        append(pointer, "/", 1);
        if (step->name) {
            append_name(pointer, step->name);
        } else {
            char number[24];
            text_format(number, sizeof(number), "%zu", step->index);
            append(pointer, number, strlen(number));
        }
    }
}
