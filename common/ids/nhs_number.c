/* SPDX-License-Identifier: Apache-2.0 */
/* Modulus 11 as the NHS Data Dictionary gives it. The check catches every wrong digit and every
 * swap of neighbours, but ten equal digits pass it, too: those that people type as placeholders are
 * refused by name. */
#include "ids/formats.h"

#include <string.h>

/* The ten digits of "9434765919" or "943 476 5919". */
static bool read_digits(const char *text, char digits[NHS_NUMBER_SIZE])
{
    size_t length = strnlen(text, 13);
    bool spaced = length == 12 && text[3] == ' ' && text[7] == ' ';
    if (length != 10 && !spaced)
        return false;
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        if (spaced && (i == 3 || i == 7))
            continue;
        if (text[i] < '0' || text[i] > '9')
            return false;
        digits[count++] = text[i];
    }
    digits[count] = '\0';
    return true;
}

bool nhs_number_parse(const char *text, char ret_number[NHS_NUMBER_SIZE])
{
    char digits[NHS_NUMBER_SIZE];
    if (!text || !read_digits(text, digits))
        return false;
    int sum = 0;
    for (int i = 0; i < 9; i++)
        sum += (digits[i] - '0') * (10 - i);
    int check = 11 - sum % 11;
    if (check == 11)
        check = 0;
    if (check == 10 || digits[9] - '0' != check)
        return false;
    if (strcmp(digits, "0000000000") == 0 || strcmp(digits, "9999999999") == 0)
        return false;
    memcpy(ret_number, digits, NHS_NUMBER_SIZE);
    return true;
}

bool nhs_number_is_test(const char *number)
{
    char parsed[NHS_NUMBER_SIZE];
    return nhs_number_parse(number, parsed) && strncmp(parsed, "999", 3) == 0;
}
