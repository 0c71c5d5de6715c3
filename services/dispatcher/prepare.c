/* SPDX-License-Identifier: Apache-2.0 */
/* From a held record to a request: the only place where the patient's data is looked at, once per
 * send. */
#include "dispatcher.h"

#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "body.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool secret_name_valid(const char *name)
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
    if (!self->settings.secrets_dir || !secret_name_valid(name) ||
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

static bool header(struct prepared *prepared, size_t *count, const char *name, const char *value)
{
    if (*count == SEND_HEADERS_MAX ||
        !text_format(prepared->lines[*count], sizeof(prepared->lines[0]), "%s: %s", name, value))
        return false;
    prepared->request.headers[*count] = prepared->lines[*count];
    (*count)++;
    return true;
}

/* "id.timestamp." and the body, in one piece, as it is signed; *ret_prefix is where the body
 * begins. */
static bool write_body(struct dispatcher *self, const struct delivery *delivery,
                       const struct record *referral, const char *timestamp, size_t *ret_prefix)
{
    struct buffer *body = &self->body;
    buffer_reset(body);
    if (!buffer_append_format(body, "%s.%s.", delivery->id, timestamp))
        return false;
    *ret_prefix = body->length;
    return body_append(body, delivery, referral);
}

static bool write_headers(struct prepared *prepared, const struct delivery *delivery,
                          const char *timestamp, const char *signature, bool possible_duplicate)
{
    size_t count = 0;
    return header(prepared, &count, "Content-Type", "application/json") &&
           header(prepared, &count, "webhook-id", delivery->id) &&
           header(prepared, &count, "webhook-timestamp", timestamp) &&
           (!signature[0] || header(prepared, &count, "webhook-signature", signature)) &&
           (!delivery->traceparent[0] ||
            header(prepared, &count, "traceparent", delivery->traceparent)) &&
           (!delivery->correlation_id[0] ||
            header(prepared, &count, "X-Correlation-Id", delivery->correlation_id)) &&
           (!possible_duplicate || header(prepared, &count, "Referral-Possible-Duplicate", "true"));
}

bool prepare_send(struct dispatcher *self, const struct deliver_send *send, int64_t now_ms,
                  struct prepared *ret_prepared, struct answer *ret_answer)
{
    struct reason reason = {0};
    struct delivery delivery;
    struct record *referral = NULL;
    struct prepared *prepared = ret_prepared;
    memset(&prepared->request, 0, sizeof(prepared->request));
    *ret_answer = (struct answer){.error = "no-endpoint"};
    const struct provider *provider = directory_find(self->directory, send->destination);
    if (!provider || !provider->url ||
        !text_copy(prepared->url, sizeof(prepared->url), provider->url))
        return false;
    ret_answer->error = "no-secret";
    const struct secrets *secrets = secrets_of(self, provider->secret);
    if (!secrets)
        return false;
    *ret_answer = (struct answer){.error = "format-not-spoken", .unsendable = true};
    if (!text_equal(provider->format, "json"))
        return false;
    ret_answer->error = "payload-unreadable";
    if (delivery_decode(self->codec, send->job->record, send->job->record_size, &delivery,
                        &reason) != DONE ||
        codec_read(self->codec, delivery.payload, delivery.payload_size, NULL, &referral,
                   &reason) != DONE) {
        log_fact(LOG_LEVEL_ERROR, "payload-unreadable", "code", reason.code, "field",
                 reason.pointer, "detail", reason.detail, NULL);
        return false;
    }
    ret_answer->error = "body-too-large";
    char timestamp[24], signature[SIGNATURE_SIZE];
    size_t prefix = 0;
    (void)text_format(timestamp, sizeof(timestamp), "%lld", (long long)(now_ms / 1000));
    if (!write_body(self, &delivery, referral, timestamp, &prefix) ||
        !sign_webhook(secrets, self->body.data, self->body.length, signature) ||
        !write_headers(prepared, &delivery, timestamp, signature, send->possible_duplicate))
        return false;
    prepared->request.flight = send->flight;
    prepared->request.url = prepared->url;
    prepared->request.body = self->body.data + prefix;
    prepared->request.body_size = self->body.length - prefix;
    prepared->request.timeout_ms = send->timeout_ms;
    return true;
}
