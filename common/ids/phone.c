/* SPDX-License-Identifier: Apache-2.0 */
/* People write numbers in groups and with a country's code; whether one is in use only a call can
 * tell. */
#include "ids/formats.h"

bool phone_valid(const char *text)
{
    if (!text)
        return false;
    int digits = 0;
    const char *at = *text == '+' ? text + 1 : text;
    for (; *at; at++) {
        if (*at >= '0' && *at <= '9')
            digits++;
        else if (*at != ' ')
            return false;
        if (digits > 15)
            return false;
    }
    return digits >= 10;
}
