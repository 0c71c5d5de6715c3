/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns only: whether an organisation exists is the directory's to say. */
#include "ids/formats.h"

#include <string.h>

static bool is_capital(char letter)
{
    return letter >= 'A' && letter <= 'Z';
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* Length of a text of capitals and digits alone; 0 if it is not, or longer than any code. */
static size_t code_length(const char *text)
{
    size_t length = text ? strnlen(text, ODS_CODE_SIZE) : 0;
    if (length == ODS_CODE_SIZE)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (!is_capital(text[i]) && !is_digit(text[i]))
            return 0;
    return length;
}

bool ods_code_valid(const char *text)
{
    return code_length(text) >= 3;
}

bool ods_code_is_pharmacy(const char *text)
{
    return code_length(text) == 5 && text[0] == 'F';
}

bool ods_code_is_practice(const char *text)
{
    if (code_length(text) != 6)
        return false;
    for (size_t i = 3; i < 6; i++)
        if (!is_digit(text[i]))
            return false;
    if (is_digit(text[1]) && is_digit(text[2]))
        return is_capital(text[0]) && !strchr("IOXZ", text[0]);
    return is_capital(text[0]) && is_capital(text[1]) && is_capital(text[2]); /* an island's */
}
