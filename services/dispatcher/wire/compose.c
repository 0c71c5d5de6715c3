/* SPDX-License-Identifier: Apache-2.0 */
/* From an order to a request: the only place where the patient's data is looked at, once per send.
 */
#include "wire/compose.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uninitialized.h"
#include "wire/body.h"
#include "codec/flat.h"
#include "ids/formats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct draft {
    struct buffer body; /* "id.timestamp." and the body, in one piece, as it is signed */
    char lines[SEND_HEADERS_MAX][256];
    char bars_lines[BARS_HEADERS][BARS_HEADER_SIZE];
    const struct secrets *secrets;
    char *signature; /* its place in a line */
    char certificate[SEND_IDENTITY_MAX];
};
_Static_assert(sizeof("webhook-signature: ") + SIGNATURE_SIZE <= 256, "signatures fit a line");

struct composer {
    struct draft drafts[COMPOSED_MOST];
    size_t count;
};

struct composer *composer_new(void)
{
    struct composer *composer = calloc(1, sizeof(*composer));
    if (!composer)
        return NULL;
    for (size_t i = 0; i < COMPOSED_MOST; i++)
        buffer_init(&composer->drafts[i].body, BODY_MAX);
    return composer;
}

void composer_free(struct composer *composer)
{
    if (!composer)
        return;
    for (size_t i = 0; i < COMPOSED_MOST; i++)
        buffer_clear(&composer->drafts[i].body);
    free(composer);
}

static bool header(struct draft *draft, struct send_request *request, size_t *count,
                   const char *name, const char *value)
{
    const size_t length = strlen(name);
    if (*count == SEND_HEADERS_MAX)
        return false;
    char *line = draft->lines[*count];
    if (length + 3 > sizeof(draft->lines[0]) ||
        !text_copy(line + length + 2, sizeof(draft->lines[0]) - length - 2, value))
        return false;
    memcpy(line, name, length);
    memcpy(line + length, ": ", 2);
    request->headers[*count] = line;
    (*count)++;
    return true;
}

/* The referral in the form that the receiver's format is made from; a notice has none. */
struct referral {
    const struct record *record; /* for BaRS */
    struct record_field fields[FLAT_FIELDS_MAX];
    size_t fields_count;
};

static enum verdict read_referral(struct codec *codec, const struct delivery *delivery, bool bars,
                                  struct referral *ret_referral, struct reason *reason)
{
    struct record *record = NULL;
    ret_referral->record = NULL;
    if (delivery->notice[0])
        return DONE;
    if (!bars)
        return codec_read_flat(codec, delivery->payload, delivery->payload_size, NULL,
                               ret_referral->fields, &ret_referral->fields_count, reason);
    enum verdict verdict =
        codec_read(codec, delivery->payload, delivery->payload_size, NULL, &record, reason);
    ret_referral->record = record;
    return verdict;
}

/* *ret_prefix is where the body begins. */
static bool write_body(struct draft *draft, const struct bars_address *bars,
                       const struct delivery *delivery, const struct referral *referral,
                       const char *timestamp, size_t *ret_prefix)
{
    struct buffer *body = &draft->body;
    buffer_reset(body);
    if (!buffer_append_text(body, delivery->id) || !buffer_append(body, ".", 1) ||
        !buffer_append_text(body, timestamp) || !buffer_append(body, ".", 1))
        return false;
    *ret_prefix = body->length;
    if (delivery->notice[0])
        return bars->receiver_id ? bars_append_notice(body, bars, delivery)
                                 : body_append_notice(body, delivery);
    return bars->receiver_id
               ? bars_append(body, bars, delivery, referral->record)
               : body_append(body, delivery, referral->fields, referral->fields_count);
}

static bool write_bars_headers(struct draft *draft, struct send_request *request, size_t *count,
                               const struct bars_address *bars, const struct delivery *delivery,
                               const struct record *referral)
{
    if (!bars_headers(bars, delivery, referral, draft->bars_lines))
        return false;
    for (size_t i = 0; i < BARS_HEADERS; i++)
        if (draft->bars_lines[i][0] && *count < SEND_HEADERS_MAX)
            request->headers[(*count)++] = draft->bars_lines[i];
    return true;
}

/* The signature comes when there are more to be signed. */
static bool leave_room(struct draft *draft, struct send_request *request, size_t *count)
{
    static const char name[] = "webhook-signature";
    if (!draft->secrets->count)
        return true;
    if (!header(draft, request, count, name, ""))
        return false;
    draft->signature = draft->lines[*count - 1] + strlen(name) + 2;
    return true;
}

static bool write_headers(struct draft *draft, struct send_request *request,
                          const struct order *order, const struct delivery *delivery,
                          const struct record *referral, const char *timestamp)
{
    size_t count = 0;
    const bool bars = order->bars.receiver_id;
    return (!bars ||
            write_bars_headers(draft, request, &count, &order->bars, delivery, referral)) &&
           header(draft, request, &count, "Content-Type",
                  bars ? BARS_MEDIA_TYPE : "application/json") &&
           header(draft, request, &count, "webhook-id", delivery->id) &&
           header(draft, request, &count, "webhook-timestamp", timestamp) &&
           leave_room(draft, request, &count) &&
           (!traceparent_valid(delivery->traceparent) ||
            header(draft, request, &count, "traceparent", delivery->traceparent)) &&
           (!delivery->correlation_id[0] ||
            header(draft, request, &count, "X-Correlation-Id", delivery->correlation_id)) &&
           (!order->possible_duplicate ||
            header(draft, request, &count, "Referral-Possible-Duplicate", "true"));
}

bool composer_compose(struct composer *composer, struct codec *codec, const struct order *order,
                      struct send_request *request, struct answer *ret_answer)
{
    struct reason reason = {0};
    struct delivery delivery UNINITIALIZED;
    struct referral referral UNINITIALIZED;
    assert(composer->count < COMPOSED_MOST);
    *ret_answer = (struct answer){.error = "payload-unreadable", .unsendable = true};
    enum verdict verdict =
        delivery_decode_again(codec, order->record, order->record_size, &delivery, &reason);
    if (verdict == DONE)
        verdict = read_referral(codec, &delivery, order->bars.receiver_id, &referral, &reason);
    if (verdict == TRY_AGAIN) {
        *ret_answer =
            (struct answer){.error = "registry-away", .unstarted = true, .holds = HOLDS_DELIVERY};
        return false;
    }
    if (verdict != DONE) {
        log_fact(LOG_LEVEL_ERROR, "payload-unreadable", "code", reason.code, "field",
                 reason.pointer, "detail", reason.detail, NULL);
        return false;
    }
    ret_answer->error = "body-too-large";
    struct draft *draft = &composer->drafts[composer->count];
    char timestamp[WHOLE_TEXT_SIZE];
    size_t prefix = 0;
    draft->secrets = order->secrets;
    draft->signature = NULL;
    (void)text_of_whole(clock_now_ms() / 1000, timestamp);
    request->certificate = order->certificate ? draft->certificate : NULL;
    if (!text_copy(draft->certificate, sizeof(draft->certificate), order->certificate) ||
        !write_body(draft, &order->bars, &delivery, &referral, timestamp, &prefix) ||
        !write_headers(draft, request, order, &delivery, referral.record, timestamp))
        return false;
    request->body = draft->body.data + prefix;
    request->body_size = draft->body.length - prefix;
    request->bars = order->bars.receiver_id;
    composer->count++;
    return true;
}

void composer_sign(struct composer *composer, bool ret_signed[COMPOSED_MOST])
{
    struct signing signings[COMPOSED_MOST];
    char unused[SIGNATURE_SIZE] = "";
    for (size_t i = 0; i < composer->count; i++) {
        struct draft *draft = &composer->drafts[i];
        signings[i] = (struct signing){.secrets = draft->secrets,
                                       .bytes = draft->body.data,
                                       .length = draft->body.length,
                                       .signature = draft->signature ? draft->signature : unused};
    }
    sign_webhooks(signings, composer->count);
    for (size_t i = 0; i < composer->count; i++)
        ret_signed[i] = signings[i].done;
    composer->count = 0;
}
