/* SPDX-License-Identifier: Apache-2.0 */
/* The directory names files of ours: it must not lead anywhere but into the folder meant for them.
 */
#include "ids/formats.h"

#include <ctype.h>
#include <string.h>

#define LENGTH_MAX 60

bool file_name_valid(const char *text)
{
    if (!text || !*text || *text == '.' || strlen(text) > LENGTH_MAX)
        return false;
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            return false;
    return true;
}
