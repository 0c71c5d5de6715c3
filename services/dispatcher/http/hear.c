/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes are a stranger's: libcurl's own limit of a body (MAXFILESIZE) takes the stranger's word
 * for its length, so they are counted here. */
#include "http/hear.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void hear_nothing(struct heard *heard)
{
    heard->received = heard->excerpt_length = 0;
    heard->flooded = false;
    heard->retry_after[0] = '\0';
}

void hear_header(struct heard *heard, const char *line, size_t length)
{
    static const char name[] = "retry-after:";
    const size_t name_length = sizeof(name) - 1;
    if (length <= name_length || (*line | 0x20) != 'r' || strncasecmp(line, name, name_length) != 0)
        return;
    const char *value = line + name_length;
    const char *end = line + length;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    if (!text_copy_bytes(heard->retry_after, RETRY_AFTER_SIZE, value, (size_t)(end - value)))
        heard->retry_after[0] = '\0';
}

bool hear_body(struct heard *heard, const char *bytes, size_t length)
{
    heard->received += length;
    heard->flooded = heard->received > SEND_BODY_MAX;
    if (heard->flooded)
        return false;
    size_t room = sizeof(heard->excerpt) - heard->excerpt_length;
    size_t kept = length < room ? length : room;
    memcpy(heard->excerpt + heard->excerpt_length, bytes, kept);
    heard->excerpt_length += kept;
    return true;
}

void hear_out(const struct heard *heard, struct post *post)
{
    memcpy(post->retry_after, heard->retry_after, sizeof(post->retry_after));
    post->excerpt = post->status >= 400 ? malloc(heard->excerpt_length + 1) : NULL;
    if (!post->excerpt)
        return;
    memcpy(post->excerpt, heard->excerpt, heard->excerpt_length);
    post->excerpt_length = heard->excerpt_length;
}
