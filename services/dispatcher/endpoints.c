/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint that may not be spoken to is refused at each connection; here the operator is told of
 * it as soon as the directory names it, not when a patient's referral is due. Of names only a
 * connection knows where they lead.
 *
 * A fault of ours says nothing of the provider. So one whose secret can't be read is not tried, and
 * found unwell for it, but held like one that is paused. */
#include "dispatcher.h"

#include "base/log.h"
#include "base/map.h"

#include <ctype.h>
#include <string.h>

#define LOOK_AGAIN_MS 5000
#define TELL_AT_ONCE 100 /* broken ones; the rest a second later */

static void tell(struct dispatcher *self, const struct provider *provider, const char *why)
{
    const size_t length = strlen(provider->ods_code);
    const char *before = self->refused ? map_get(self->refused, provider->ods_code, length) : NULL;
    if (before != why)
        log_fact(LOG_LEVEL_WARNING, "endpoint-refused", "destination", provider->ods_code, "code",
                 why, NULL);
}

void endpoints_judge(struct dispatcher *self)
{
    const struct provider *provider;
    size_t cursor = 0, count = 0;
    struct map *refused = map_new(PROVIDERS_MAX);
    while (refused && directory_next(self->directory, &cursor, &provider)) {
        const char *why =
            provider->url
                ? address_url_doubt(&self->networks, self->settings.allow_http, provider->url)
                : NULL;
        if (!why)
            continue;
        tell(self, provider, why);
        count++;
        /* Without memory for it, it is told again. */
        (void)!map_set(refused, provider->ods_code, strlen(provider->ods_code),
                       (void *)(uintptr_t)why, NULL);
    }
    map_free(self->refused, NULL);
    self->refused = refused;
    metrics_set(self->metrics, METRIC_REFUSED, NULL, (double)count);
}

/* Host and port of a URL: what the endpoints of one supplier share. */
static uint64_t host_hash(const char *url)
{
    char host[256];
    const char *at = strstr(url, "://");
    at = at ? at + 3 : url;
    size_t length = strcspn(at, "/?#");
    if (length >= sizeof(host))
        length = sizeof(host) - 1;
    for (size_t i = 0; i < length; i++)
        host[i] = (char)tolower((unsigned char)at[i]);
    return hash_bytes(host, length, 1);
}

/* `why` = NULL: no longer; it is told of one that is `open` for sends. Without memory for it, it is
 * told again. */
static void hold(struct dispatcher *self, const char *destination, const char *why, bool open,
                 const struct reason *reason)
{
    const size_t length = strlen(destination);
    if (why == map_get(self->held, destination, length))
        return;
    if (why) {
        (void)!map_set(self->held, destination, length, (void *)(uintptr_t)why, NULL);
        log_fact(LOG_LEVEL_WARNING, "destination-held", "destination", destination, "code", why,
                 "detail", reason->detail, NULL);
    } else {
        (void)map_remove(self->held, destination, length);
        if (open)
            log_fact(LOG_LEVEL_INFO, "destination-no-longer-held", "destination", destination,
                     NULL);
    }
}

/* The fact that is to be told of it, if it is not the one that was told last; NULL = none. An
 * operator's release closes a breaker, too, and says nothing of the provider. */
static const char *news_of(const struct deliver_destination *seen, const char *told)
{
    static const char broken[] = "destination-broken", released[] = "destination-released";
    const char *now = seen->open        ? broken
                      : !told           ? NULL
                      : seen->restarted ? released
                                        : "destination-well";
    return now == told ? NULL : now;
}

void endpoints_tell_broken(struct dispatcher *self)
{
    struct deliver_destination seen;
    size_t cursor = 0, count = 0;
    while (count < TELL_AT_ONCE && deliver_next_destination(self->core, &cursor, &seen)) {
        const size_t length = strlen(seen.code);
        const char *news = news_of(&seen, map_get(self->broken, seen.code, length));
        if (!news)
            continue;
        count++;
        if (seen.open || seen.restarted)
            (void)!map_set(self->broken, seen.code, length, (void *)(uintptr_t)news, NULL);
        else
            (void)map_remove(self->broken, seen.code, length);
        log_fact(seen.open ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, news, "destination", seen.code,
                 NULL);
    }
}

void endpoints_state(void *context, const char *destination, struct endpoint_state *ret_state)
{
    struct dispatcher *self = context;
    struct reason reason = {0};
    const struct provider *provider = directory_find(self->directory, destination);
    const bool open = provider && provider->url && !provider->paused;
    const char *lack = open ? sends_lack(self, provider, &reason) : NULL;
    hold(self, destination, lack, open, &reason);
    ret_state->usable = open && !lack;
    if (!provider || !provider->url)
        return;
    ret_state->hash = hash_bytes(provider->url, strlen(provider->url), 1);
    ret_state->host = host_hash(provider->url);
}

bool endpoints_look_again(struct dispatcher *self, int64_t monotonic_ms)
{
    const bool lacking = map_count(self->held) || !self->look_again_at_ms;
    if (!lacking || monotonic_ms < self->look_again_at_ms)
        return false;
    self->look_again_at_ms = monotonic_ms + LOOK_AGAIN_MS;
    return true;
}
