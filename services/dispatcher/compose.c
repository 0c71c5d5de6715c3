/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to a request: the only place where the patient's data is looked at, once per send,
 * on the sender's own thread. What it knows the pathways by is its own copy, handed over by way of
 * a lock, so that a reload needs to wait for nobody. */
#include "compose.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "body.h"
#include "ids/formats.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct composer {
    struct contract *contract;
    struct codec *codec;
    struct buffer body;
    char lines[SEND_HEADERS_MAX][256];
    char bars_lines[BARS_HEADERS][BARS_HEADER_SIZE];
    pthread_mutex_t lock; /* of the two below */
    struct contract *next_contract;
    struct codec *next_codec;
};

struct composer *composer_new(void)
{
    struct composer *composer = calloc(1, sizeof(*composer));
    if (!composer)
        return NULL;
    buffer_init(&composer->body, BODY_MAX);
    (void)pthread_mutex_init(&composer->lock, NULL);
    return composer;
}

static void drop(struct contract *contract, struct codec *codec)
{
    codec_free(codec);
    contract_free(contract);
}

void composer_free(struct composer *composer)
{
    if (!composer)
        return;
    drop(composer->next_contract, composer->next_codec);
    drop(composer->contract, composer->codec);
    buffer_clear(&composer->body);
    pthread_mutex_destroy(&composer->lock);
    free(composer);
}

void composer_use_take(struct composer *composer, struct contract *contract, struct codec *codec)
{
    pthread_mutex_lock(&composer->lock);
    struct contract *unused_contract = composer->next_contract;
    struct codec *unused_codec = composer->next_codec;
    composer->next_contract = contract;
    composer->next_codec = codec;
    pthread_mutex_unlock(&composer->lock);
    drop(unused_contract, unused_codec);
}

static void take_what_is_new(struct composer *composer)
{
    struct contract *contract = NULL;
    struct codec *codec = NULL;
    pthread_mutex_lock(&composer->lock);
    if (composer->next_codec) {
        contract = composer->contract;
        codec = composer->codec;
        composer->contract = composer->next_contract;
        composer->codec = composer->next_codec;
        composer->next_contract = NULL;
        composer->next_codec = NULL;
    }
    pthread_mutex_unlock(&composer->lock);
    drop(contract, codec);
}

static bool header(struct composer *composer, struct send_content *content, size_t *count,
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
    content->headers[*count] = line;
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

static bool write_bars_headers(struct composer *composer, struct send_content *content,
                               size_t *count, const struct bars_address *bars,
                               const struct delivery *delivery, const struct record *referral)
{
    if (!bars_headers(bars, delivery, referral, composer->bars_lines))
        return false;
    for (size_t i = 0; i < BARS_HEADERS; i++)
        if (composer->bars_lines[i][0] && *count < SEND_HEADERS_MAX)
            content->headers[(*count)++] = composer->bars_lines[i];
    return true;
}

static bool write_headers(struct composer *composer, struct send_content *content,
                          const struct order *order, const struct delivery *delivery,
                          const struct record *referral, const char *timestamp,
                          const char *signature)
{
    size_t count = 0;
    const bool bars = order->bars.receiver_id;
    return (!bars ||
            write_bars_headers(composer, content, &count, &order->bars, delivery, referral)) &&
           header(composer, content, &count, "Content-Type",
                  bars ? BARS_MEDIA_TYPE : "application/json") &&
           header(composer, content, &count, "webhook-id", delivery->id) &&
           header(composer, content, &count, "webhook-timestamp", timestamp) &&
           (!signature[0] || header(composer, content, &count, "webhook-signature", signature)) &&
           (!traceparent_valid(delivery->traceparent) ||
            header(composer, content, &count, "traceparent", delivery->traceparent)) &&
           (!delivery->correlation_id[0] ||
            header(composer, content, &count, "X-Correlation-Id", delivery->correlation_id)) &&
           (!order->possible_duplicate ||
            header(composer, content, &count, "Referral-Possible-Duplicate", "true"));
}

bool compose_send(void *self, const void *bytes, size_t size, struct send_content *ret_content,
                  struct answer *ret_answer)
{
    struct composer *composer = self;
    const struct order *order = bytes;
    struct reason reason = {0};
    struct delivery delivery;
    struct record *referral = NULL;
    take_what_is_new(composer);
    *ret_answer = (struct answer){.error = "payload-unreadable", .unsendable = true};
    enum verdict verdict = REFUSED;
    if (composer->codec)
        verdict = delivery_decode(composer->codec, order->record,
                                  size - offsetof(struct order, record), &delivery, &reason);
    if (verdict == DONE && !delivery.notice[0])
        verdict = codec_read(composer->codec, delivery.payload, delivery.payload_size, NULL,
                             &referral, &reason);
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
        !sign_webhook(&order->secrets, composer->body.data, composer->body.length, signature) ||
        !write_headers(composer, ret_content, order, &delivery, referral, timestamp, signature))
        return false;
    ret_content->body = composer->body.data + prefix;
    ret_content->body_size = composer->body.length - prefix;
    return true;
}
