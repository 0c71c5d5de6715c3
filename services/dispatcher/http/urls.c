/* SPDX-License-Identifier: Apache-2.0 */
/* One place for each hash: a URL that comes to a place that another has takes it over, unless that
 * is in use; then it is not kept. So memory is bounded, and nothing has to be looked for. libcurl
 * 7.88 forgets the zone of an address (%25eth0) when it copies what was parsed. */
#include "http/urls.h"

#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 1024

struct urls {
    void *(*parse)(const char *text);
    void (*forget)(void *parsed);
    struct url passing; /* the last that was not kept */
    struct url places[PLACES];
};

struct urls *urls_new(void *(*parse)(const char *text), void (*forget)(void *parsed))
{
    struct urls *urls = calloc(1, sizeof(*urls));
    if (!urls)
        return NULL;
    urls->parse = parse;
    urls->forget = forget;
    return urls;
}

static void clear(struct urls *urls, struct url *url)
{
    if (url->parsed)
        urls->forget(url->parsed);
    free(url->text);
    *url = (struct url){0};
}

void urls_free(struct urls *urls)
{
    for (size_t i = 0; urls && i < PLACES; i++)
        clear(urls, &urls->places[i]);
    free(urls);
}

/* Of scheme and authority. */
static uint64_t endpoint_of(const char *text)
{
    const char *host = strstr(text, "://");
    size_t length = host ? (size_t)(host - text) + 3 + strcspn(host + 3, "/?#") : strlen(text);
    return hash_bytes(text, length, 0);
}

struct url *urls_use(struct urls *urls, const char *text)
{
    struct url *url = &urls->places[hash_bytes(text, strlen(text), 0) % PLACES];
    if (!url->text || strcmp(url->text, text) != 0) {
        if (!url->users) {
            clear(urls, url);
            url->text = strdup(text);
        }
        if (url->users || !url->text)
            url = &urls->passing;
        else
            url->parsed = strchr(text, '%') ? NULL : urls->parse(text);
        url->endpoint = endpoint_of(text);
    }
    url->users++;
    return url;
}

void urls_leave(struct url *url)
{
    url->users--;
}
