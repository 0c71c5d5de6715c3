/* SPDX-License-Identifier: Apache-2.0 */
/* An endpoint that may not be spoken to is refused at each connection; here the operator is told of
 * it as soon as the directory names it, not when a patient's referral is due. Of names only a
 * connection knows where they lead. */
#include "dispatcher.h"

#include "base/log.h"
#include "base/map.h"

#include <string.h>

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
