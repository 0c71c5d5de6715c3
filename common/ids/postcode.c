/* SPDX-License-Identifier: Apache-2.0 */
/* The pattern of BS 7666, read letter by letter. ZZ99 codes (no fixed abode, not known) break that
 * pattern and are let through on purpose: nobody may be refused for having no home. */
#include "ids/formats.h"

#include <stdint.h>
#include <string.h>

/* Classes of one character in the outward part. */
static bool is_area_first(char letter)
{
    return letter >= 'A' && letter <= 'Z' && !strchr("QVX", letter);
}

static bool is_area_second(char letter)
{
    return letter >= 'A' && letter <= 'Y' && !strchr("IJ", letter);
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_one_of(char letter, const char *set)
{
    return letter != '\0' && strchr(set, letter) != NULL;
}

/* "M1", "M11", "ME1", "ME14", "W1A", "SW1A". */
static bool outward_valid(const char *text, size_t length)
{
    if (length < 2 || length > 4 || !is_area_first(text[0]))
        return false;
    size_t area = is_digit(text[1]) ? 1 : 2;
    if (area == 2 && !is_area_second(text[1]))
        return false;
    size_t rest = length - area;
    if (rest < 1 || rest > 2 || !is_digit(text[area]))
        return false;
    if (rest == 1 || is_digit(text[area + 1]))
        return true;
    return is_one_of(text[area + 1], area == 1 ? "ABCDEFGHJKPSTUW" : "ABEHMNPRVWXY");
}

static bool inward_valid(const char *text)
{
    static const char letters[] = "ABDEFGHJLNPQRSTUWXYZ";
    return is_digit(text[0]) && is_one_of(text[1], letters) && is_one_of(text[2], letters);
}

/* Upper case without blanks; 0 if there is anything but letters, digits and blanks, or too much. */
static size_t compact(const char *text, char letters[8])
{
    size_t count = 0;
    for (; text && *text; text++) {
        char letter = *text;
        if (letter == ' ')
            continue;
        if (letter >= 'a' && letter <= 'z')
            letter = (char)(letter - 'a' + 'A');
        if (count == 7 || !(is_digit(letter) || (letter >= 'A' && letter <= 'Z')))
            return 0;
        letters[count++] = letter;
    }
    letters[count] = '\0';
    return count;
}

static bool full_valid(const char *letters, size_t count)
{
    if (strcmp(letters, "GIR0AA") == 0)
        return true;
    if (count == 7 && strncmp(letters, "ZZ99", 4) == 0)
        return is_digit(letters[4]) && !is_digit(letters[5]) && !is_digit(letters[6]);
    return count >= 5 && outward_valid(letters, count - 3) && inward_valid(letters + count - 3);
}

bool postcode_parse(const char *text, char ret_postcode[POSTCODE_SIZE])
{
    char letters[8];
    size_t count = compact(text, letters);
    if (count == 0 || !full_valid(letters, count))
        return false;
    memcpy(ret_postcode, letters, count - 3);
    ret_postcode[count - 3] = ' ';
    memcpy(ret_postcode + count - 2, letters + count - 3, 4);
    return true;
}

/* How many letters and digits stand before the blank that follows a number ("TN2 3"); all of them
 * if none does ("me 14": only the area and its number are apart). */
static size_t before_blank(const char *text)
{
    size_t count = 0;
    bool numbered = false;
    for (; *text; text++) {
        if (*text == ' ' && numbered)
            return count;
        numbered = numbered || is_digit(*text);
        count += *text == ' ' ? 0 : 1;
    }
    return count;
}

/* A sector keeps its blank: "TN2 3" is in TN2, and not TN23. */
bool postcode_district(const char *text, char ret_district[5])
{
    char letters[8];
    size_t count = compact(text, letters);
    if (count == 0)
        return false;
    size_t outward = before_blank(text);
    if (full_valid(letters, count))
        outward = count - 3;
    else if (outward < count && (outward + 1 < count || !is_digit(letters[outward])))
        return false;
    else if (!(outward == 4 && strncmp(letters, "ZZ99", 4) == 0) &&
             !outward_valid(letters, outward))
        return false;
    memcpy(ret_district, letters, outward);
    ret_district[outward] = '\0';
    return true;
}

bool postcode_canonical(const char *text, char ret_postcode[POSTCODE_SIZE])
{
    char letters[8], district[5];
    if (postcode_parse(text, ret_postcode))
        return true;
    if (!postcode_district(text, district))
        return false;
    const size_t outward = strlen(district), count = compact(text, letters);
    memcpy(ret_postcode, district, outward + 1);
    if (count > outward) {
        ret_postcode[outward] = ' ';
        memcpy(ret_postcode + outward + 1, letters + outward, count - outward + 1);
    }
    return true;
}

bool postcode_is_pseudo(const char *text)
{
    char district[5];
    return postcode_district(text, district) && strcmp(district, "ZZ99") == 0;
}
