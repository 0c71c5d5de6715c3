/* SPDX-License-Identifier: Apache-2.0 */
/* Verhoeff's check over the dihedral group D5 (SNOMED CT release file specification, appendix): it
 * catches what a sum of digits does not, e.g. the swapped and doubled digits in which published
 * lists of codes differ. */
#include "ids/formats.h"

#include <stdint.h>
#include <string.h>

static const uint8_t multiply[10][10] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 3, 4, 0, 6, 7, 8, 9, 5}, {2, 3, 4, 0, 1, 7, 8, 9, 5, 6},
    {3, 4, 0, 1, 2, 8, 9, 5, 6, 7}, {4, 0, 1, 2, 3, 9, 5, 6, 7, 8}, {5, 9, 8, 7, 6, 0, 4, 3, 2, 1},
    {6, 5, 9, 8, 7, 1, 0, 4, 3, 2}, {7, 6, 5, 9, 8, 2, 1, 0, 4, 3}, {8, 7, 6, 5, 9, 3, 2, 1, 0, 4},
    {9, 8, 7, 6, 5, 4, 3, 2, 1, 0},
};

static const uint8_t permute[8][10] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 5, 7, 6, 2, 8, 3, 0, 9, 4}, {5, 8, 0, 3, 7, 9, 6, 1, 4, 2},
    {8, 9, 1, 6, 0, 4, 3, 5, 2, 7}, {9, 4, 5, 3, 1, 2, 6, 8, 7, 0}, {4, 2, 8, 6, 5, 7, 3, 9, 0, 1},
    {2, 7, 9, 3, 8, 0, 6, 4, 1, 5}, {7, 0, 4, 6, 9, 1, 3, 2, 5, 8},
};

bool snomed_concept_valid(const char *text)
{
    size_t length = text ? strnlen(text, 19) : 0;
    if (length < 6 || length > 18 || text[0] == '0')
        return false;
    uint8_t check = 0;
    for (size_t i = 0; i < length; i++) {
        char digit = text[length - 1 - i];
        if (digit < '0' || digit > '9')
            return false;
        check = multiply[check][permute[i % 8][digit - '0']];
    }
    const char *partition = text + length - 3;
    return check == 0 && (partition[0] == '0' || partition[0] == '1') && partition[1] == '0';
}
