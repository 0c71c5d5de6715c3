/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to a request: the only place where the patient's data is looked at, once per send.
 */
#include "compose.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "body.h"
#include "ids/formats.h"

#include <stdlib.h>
#include <string.h>

struct composer {
    struct buffer body;
    char lines[SEND_HEADERS_MAX][256];
    char bars_lines[BARS_HEADERS][BARS_HEADER_SIZE];
};

struct composer *composer_new(void)
{
    struct composer *composer = calloc(1, sizeof(*composer));
    if (!composer)
        return NULL;
    buffer_init(&composer->body, BODY_MAX);
    return composer;
}

void composer_free(struct composer *composer)
{
    if (!composer)
        return;
    buffer_clear(&composer->body);
    free(composer);
}

static bool header(struct composer *composer, struct send_request *request, size_t *count,
                   const char *name, const char *value)
{
    const size_t length = strlen(name);
    if (*count == SEND_HEADERS_MAX)
        return false;
    char *line = composer->lines[*count];
    if (length + 3 > sizeof(composer->lines[0]) ||
        !text_copy(line + length + 2, sizeof(composer->lines[0]) - length - 2, value))
        return false;
    memcpy(line, name, length);
    memcpy(line + length, ": ", 2);
    request->headers[*count] = line;
    (*count)++;
    return true;
}

/* "id.timestamp." and the body, in one piece, as it is signed; *ret_prefix is where the body
 * begins. A notice has no `referral`. */
static bool write_body(struct composer *composer, const struct bars_address *bars,
                       const struct delivery *delivery, const struct record *referral,
                       const char *timestamp, size_t *ret_prefix)
{
    struct buffer *body = &composer->body;
    buffer_reset(body);
    if (!buffer_append_format(body, "%s.%s.", delivery->id, timestamp))
        return false;
    *ret_prefix = body->length;
    if (!referral)
        return bars->receiver_id ? bars_append_notice(body, bars, delivery)
                                 : body_append_notice(body, delivery);
    return bars->receiver_id ? bars_append(body, bars, delivery, referral)
                             : body_append(body, delivery, referral);
}

static bool write_bars_headers(struct composer *composer, struct send_request *request,
                               size_t *count, const struct bars_address *bars,
                               const struct delivery *delivery, const struct record *referral)
{
    if (!bars_headers(bars, delivery, referral, composer->bars_lines))
        return false;
    for (size_t i = 0; i < BARS_HEADERS; i++)
        if (composer->bars_lines[i][0] && *count < SEND_HEADERS_MAX)
            request->headers[(*count)++] = composer->bars_lines[i];
    return true;
}

static bool write_headers(struct composer *composer, struct send_request *request,
                          const struct order *order, const struct delivery *delivery,
                          const struct record *referral, const char *timestamp,
                          const char *signature)
{
    size_t count = 0;
    const bool bars = order->bars.receiver_id;
    return (!bars ||
            write_bars_headers(composer, request, &count, &order->bars, delivery, referral)) &&
           header(composer, request, &count, "Content-Type",
                  bars ? BARS_MEDIA_TYPE : "application/json") &&
           header(composer, request, &count, "webhook-id", delivery->id) &&
           header(composer, request, &count, "webhook-timestamp", timestamp) &&
           (!signature[0] || header(composer, request, &count, "webhook-signature", signature)) &&
           (!traceparent_valid(delivery->traceparent) ||
            header(composer, request, &count, "traceparent", delivery->traceparent)) &&
           (!delivery->correlation_id[0] ||
            header(composer, request, &count, "X-Correlation-Id", delivery->correlation_id)) &&
           (!order->possible_duplicate ||
            header(composer, request, &count, "Referral-Possible-Duplicate", "true"));
}

bool composer_compose(struct composer *composer, struct codec *codec, const struct order *order,
                      struct send_request *request, struct answer *ret_answer)
{
    struct reason reason = {0};
    struct delivery delivery;
    struct record *referral = NULL;
    *ret_answer = (struct answer){.error = "payload-unreadable", .unsendable = true};
    enum verdict verdict =
        delivery_decode(codec, order->record, order->record_size, &delivery, &reason);
    if (verdict == DONE && !delivery.notice[0])
        verdict =
            codec_read(codec, delivery.payload, delivery.payload_size, NULL, &referral, &reason);
    if (verdict == TRY_AGAIN) {
        *ret_answer = (struct answer){.error = "registry-away"};
        return false;
    }
    if (verdict != DONE) {
        log_fact(LOG_LEVEL_ERROR, "payload-unreadable", "code", reason.code, "field",
                 reason.pointer, "detail", reason.detail, NULL);
        return false;
    }
    ret_answer->error = "body-too-large";
    char timestamp[24], signature[SIGNATURE_SIZE];
    size_t prefix = 0;
    (void)text_format(timestamp, sizeof(timestamp), "%lld", (long long)(clock_now_ms() / 1000));
    if (!write_body(composer, &order->bars, &delivery, referral, timestamp, &prefix) ||
        !sign_webhook(order->secrets, composer->body.data, composer->body.length, signature) ||
        !write_headers(composer, request, order, &delivery, referral, timestamp, signature))
        return false;
    request->body = composer->body.data + prefix;
    request->body_size = composer->body.length - prefix;
    request->bars = order->bars.receiver_id;
    return true;
}
