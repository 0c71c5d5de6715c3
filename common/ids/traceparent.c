/* SPDX-License-Identifier: Apache-2.0 */
/* A trace context goes from strangers into headers, so nothing but its one shape may pass. */
#include "ids/formats.h"

#include <string.h>

static bool is_lower_hex(const char *text, size_t length, bool zeros_allowed)
{
    bool only_zeros = true;
    for (size_t i = 0; i < length; i++) {
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
        only_zeros = only_zeros && text[i] == '0';
    }
    return zeros_allowed || !only_zeros;
}

bool traceparent_valid(const char *text)
{
    return text && strlen(text) == TRACEPARENT_SIZE - 1 && strncmp(text, "00-", 3) == 0 &&
           is_lower_hex(text + 3, 32, false) && text[35] == '-' &&
           is_lower_hex(text + 36, 16, false) && text[52] == '-' &&
           is_lower_hex(text + 53, 2, true);
}
