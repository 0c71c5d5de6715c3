/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the URLs that requests go to, kept from one request to the next: which endpoint
 * one belongs to, and what its parsing gave. */
#ifndef DISPATCHER_URLS_H
#define DISPATCHER_URLS_H

#include <stddef.h>
#include <stdint.h>

struct url {
    char *text;
    uint64_t endpoint; /* the same for all of one scheme, host and port */
    void *parsed;      /* NULL where it can't be, or is not kept */
    size_t users;      /* requests under way */
};

struct urls;

/* NULL without memory. `parse` makes of a text what `forget` frees; NULL if it can't. */
struct urls *urls_new(void *(*parse)(const char *text), void (*forget)(void *parsed));
/* No request may be under way any more. */
void urls_free(struct urls *urls);
/* Never NULL. What was parsed stays as it is until urls_leave, the rest until the next urls_use. */
struct url *urls_use(struct urls *urls, const char *text);
void urls_leave(struct url *url);

#endif
