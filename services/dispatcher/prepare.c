/* SPDX-License-Identifier: Apache-2.0 */
/* From a held record to a request: where it goes to, and with which secrets. */
#include "dispatcher.h"

#include "base/log.h"
#include "base/map.h"
#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Of a file in one of our folders. */
static bool name_valid(const char *name)
{
    size_t length = strlen(name);
    if (!length || length > 60 || name[0] == '.')
        return false;
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
            return false;
    return true;
}

/* Read once, then remembered until a reload. NULL if there is no such file, or it is not well: then
 * nothing is sent, since an unsigned message is worse than a late one. */
static const struct secrets *secrets_of(struct dispatcher *self, const char *name)
{
    if (!name || !name[0])
        return &self->secrets;
    const struct secrets *known = map_get(self->named_secrets, name, strlen(name));
    if (known)
        return known;
    struct reason reason = {0};
    char path[1024];
    if (!self->settings.secrets_dir || !name_valid(name) ||
        !text_format(path, sizeof(path), "%s/%s", self->settings.secrets_dir, name))
        return NULL;
    struct secrets *secrets = calloc(1, sizeof(*secrets));
    if (!secrets || !secrets_read(path, secrets, &reason) ||
        !map_set(self->named_secrets, name, strlen(name), secrets, NULL)) {
        log_fact(LOG_LEVEL_WARNING, "secret-unreadable", "name", name, "detail", reason.detail,
                 NULL);
        free(secrets);
        return NULL;
    }
    return secrets;
}

/* Its path without the ending, or NULL where it can't be. */
static const char *certificate_of(struct dispatcher *self, const char *name)
{
    const char *folder = self->settings.certificates_dir;
    return folder && name_valid(name) &&
                   text_format(self->certificate, sizeof(self->certificate), "%s/%s", folder, name)
               ? self->certificate
               : NULL;
}

bool prepare_send(struct dispatcher *self, const struct deliver_send *send,
                  struct send_request *ret_request, struct answer *ret_answer)
{
    *ret_answer = (struct answer){.error = "no-endpoint"};
    const struct provider *provider = directory_find(self->directory, send->destination);
    if (!provider || !provider->url)
        return false;
    ret_answer->error = "no-secret";
    const struct secrets *secrets = secrets_of(self, provider->secret);
    if (!secrets)
        return false;
    ret_answer->error = "no-certificate";
    const char *certificate = NULL;
    if (provider->certificate && !(certificate = certificate_of(self, provider->certificate)))
        return false;
    ret_answer->error = "no-service-id";
    struct bars_address bars = {0};
    if (text_equal(provider->format, "bars"))
        bars = (struct bars_address){.receiver_id = provider->dos_service_id,
                                     .sender_id = self->settings.dos_service_id};
    if (text_equal(provider->format, "bars") && (!bars.receiver_id || !bars.sender_id))
        return false;
    const struct order order = {.record = send->job->record,
                                .record_size = send->job->record_size,
                                .secrets = secrets,
                                .bars = bars,
                                .certificate = certificate,
                                .possible_duplicate = send->possible_duplicate};
    *ret_request = (struct send_request){.flight = send->flight,
                                         .url = provider->url,
                                         .timeout_ms = send->timeout_ms};
    return composer_compose(self->composer, self->codec, &order, ret_request, ret_answer);
}
