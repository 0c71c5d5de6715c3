/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/referrals/{id}: what became of a referral, with everything that happened to it. The tag
 * is a digest of the very answer, so that a client that polls is told 304 until something happens.
 */
#include "api_inside.h"

#include "base/calendar.h"
#include "base/digest.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 5000

struct history {
    struct json *events;
    int64_t count;
    bool failed;
};

static bool set_said(struct json *object, const char *name, const char *value)
{
    return *value == '\0' || json_set_text(object, name, value);
}

static bool set_explanation(struct json *object, const char *explanation)
{
    if (*explanation == '\0')
        return true;
    struct json *json = json_parse(explanation, strlen(explanation), EXPLANATION_SIZE, NULL);
    if (!json)
        json = json_new_text(explanation);
    return json_set_take(object, "explanation", json);
}

static bool add_history(void *self, const struct stored_event *event)
{
    struct history *history = self;
    struct json *json = json_new_object();
    bool well =
        json && json_set_text(json, "id", event->id) && json_set_text(json, "kind", event->kind) &&
        api_set_time(json, "occurred_at", event->occurred_at_ms) &&
        api_set_time(json, "recorded_at", event->recorded_at_ms) &&
        set_said(json, "destination", event->destination) &&
        set_said(json, "reason", event->reason) && set_said(json, "result", event->result) &&
        json_set_whole(json, "hop", event->hop) &&
        json_set_whole(json, "attempt", event->attempt) &&
        set_explanation(json, event->explanation);
    if (!well) {
        json_free(json);
        history->failed = true;
        return false;
    }
    history->count++;
    history->failed = !json_array_add_take(history->events, json);
    return !history->failed;
}

/* NULL without memory. Adopts `events`. */
static struct json *referral_json(const struct referral_state *state, struct json *events)
{
    struct json *source = json_new_object();
    struct json *json = json_new_object();
    bool well =
        source && json && set_said(source, "kind", state->source_kind) &&
        set_said(source, "ods_code", state->source_ods) && set_said(source, "hcp", state->hcp) &&
        set_said(source, "pcn", state->pcn) && json_set_text(json, "id", state->id) &&
        set_said(json, "correlation_id", state->correlation_id) &&
        json_set_text(json, "state", state->state) && set_said(json, "pathway", state->pathway) &&
        set_said(json, "service", state->service) &&
        set_said(json, "destination", state->destination) &&
        set_said(json, "reason", state->reason) &&
        api_set_time(json, "accepted_at", state->accepted_at_ms) &&
        api_set_time(json, "updated_at", state->updated_at_ms) &&
        api_set_time(json, "deadline_at", state->deadline_at_ms);
    if (!well) {
        json_free(source);
        json_free(events);
        json_free(json);
        return NULL;
    }
    well = json_set_take(json, "source", source);
    well = json_set_take(json, "history", events) && well;
    if (well)
        return json;
    json_free(json);
    return NULL;
}

static void answer_with_etag(struct http_request *request, const char *body)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * 16 + 1], etag[sizeof(hex) + 2] = "";
    if (digest_sha256(body, strlen(body), digest) && hex_encode(digest, 16, hex, sizeof(hex)))
        text_format(etag, sizeof(etag), "\"%s\"", hex);
    const char *known = http_header(request, "If-None-Match");
    bool same = known && etag[0] != '\0' && strstr(known, etag) != NULL;
    const struct http_answer answer = {
        .status = same ? 304 : 200,
        .content_type = "application/json",
        .body = same ? NULL : body,
        .body_length = same ? 0 : strlen(body),
        .headers = {{"X-Content-Type-Options", "nosniff"},
                    {"Cache-Control", "no-cache"},
                    {etag[0] != '\0' ? "ETag" : NULL, etag}},
    };
    http_answer(request, &answer);
}

void api_referral(struct api *api, struct http_request *request)
{
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    if (!uuid_parse(http_path(request) + strlen(API_REFERRALS), &uuid)) {
        http_answer_problem(request, 400, "bad-id", "Not a referral id", NULL,
                            "expected a UUID: 8-4-4-4-12 hexadecimal digits", api_headers);
        return;
    }
    uuid_format(&uuid, id);
    struct referral_state state = {.hop = 0};
    struct history history = {.events = json_new_array()};
    enum verdict verdict = api_store(api, NULL);
    if (verdict == DONE)
        verdict = store_get_referral(api->store, id, &state, NULL);
    if (verdict == DONE && state.state[0] != '\0')
        verdict = store_history(api->store, id, HISTORY_MAX, add_history, &history, NULL);
    if (verdict == DONE && state.state[0] == '\0') {
        json_free(history.events);
        http_answer_problem(
            request, 404, "unknown-referral", "No such referral", NULL,
            "No event of this referral has been seen. One that was accepted just now may "
            "take a moment to appear: ask again in a few seconds.",
            api_headers);
        return;
    }
    struct json *json = NULL;
    if (verdict == DONE && history.events && !history.failed)
        json = referral_json(&state, history.events);
    else
        json_free(history.events);
    char *body = json ? json_print(json, JSON_COMPACT) : NULL;
    json_free(json);
    if (body)
        answer_with_etag(request, body);
    else
        api_answer_failure(api, request);
    free(body);
}
