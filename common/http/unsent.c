/* SPDX-License-Identifier: Apache-2.0 */
/* An answer lives until its client has read it, and a client may take its time: without a bound on
 * the sum, a few slow clients of large answers are enough to fill the memory. */
#include "http/internal.h"

#include <stdlib.h>
#include <string.h>

const char http_full_body[] =
    "{\"type\":\"urn:referral-router:problem:answers-full\",\"title\":\"Too much is being sent\","
    "\"status\":503,\"detail\":\"large answers that others have not read yet fill the room\"}";

bool http_unsent_has_room(const struct http_unsent *unsent, size_t length)
{
    size_t size = atomic_load(&unsent->size);

    return unsent->size_max == 0 || length <= HTTP_SMALL_ANSWER || size == 0 ||
           (size < unsent->size_max && length <= unsent->size_max - size);
}

struct http_body *http_body_new(struct http_unsent *unsent, const void *bytes, size_t length)
{
    struct http_body *body = malloc(sizeof(*body) + length);

    if (!body)
        return NULL;
    body->unsent = unsent;
    body->length = length;
    if (length > 0)
        memcpy(body->bytes, bytes, length);
    if (length > HTTP_SMALL_ANSWER)
        atomic_fetch_add(&unsent->size, length);
    return body;
}

void http_body_free(void *self)
{
    struct http_body *body = self;

    if (body && body->length > HTTP_SMALL_ANSWER)
        atomic_fetch_sub(&body->unsent->size, body->length);
    free(body);
}
