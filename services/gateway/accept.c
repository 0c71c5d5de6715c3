/* SPDX-License-Identifier: Apache-2.0 */
/* The body is parsed once: what has several forms gets the one that is kept, the digest is taken of
 * that, then the gateway's own fields are set in the same JSON, and the codec turns it into the
 * record. So there is one place that knows the fields, the schema; this file knows only the few
 * that the gateway sets. */
#include "accept.h"

#include "base/digest.h"
#include "base/text.h"
#include "ids/formats.h"
#include "lifecycle/delivery.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const SET_BY_GATEWAY[] = {"id", "accepted_at", "body_digest", "traceparent"};

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

bool accept_content_type(const char *content_type)
{
    static const char JSON_TYPE[] = "application/json";
    static const char CHARSET[] = "charset=";
    if (!content_type || strncasecmp(content_type, JSON_TYPE, sizeof JSON_TYPE - 1) != 0) {
        return false;
    }
    const char *rest = skip_blanks(content_type + sizeof JSON_TYPE - 1);
    if (*rest == '\0') {
        return true;
    }
    if (*rest != ';') {
        return false;
    }
    rest = skip_blanks(rest + 1);
    if (strncasecmp(rest, CHARSET, sizeof CHARSET - 1) != 0) {
        return false;
    }
    rest += sizeof CHARSET - 1;
    bool quoted = *rest == '"';
    rest += quoted ? 1 : 0;
    if (strncasecmp(rest, "utf-8", 5) != 0) {
        return false;
    }
    rest += 5;
    if (quoted && *rest++ != '"') {
        return false;
    }
    return *skip_blanks(rest) == '\0';
}

/* The referral id is random too, but it is told to callers: the trace has bytes of its own. */
static bool make_traceparent(const struct accept_request *request, char text[TRACEPARENT_SIZE])
{
    char trace[33], parent[17];
    if (traceparent_valid(request->traceparent)) {
        return text_copy(text, TRACEPARENT_SIZE, request->traceparent);
    }
    return hex_encode(request->random_trace.bytes, 16, trace, sizeof trace) &&
           hex_encode(request->random_id.bytes, 8, parent, sizeof parent) &&
           text_format(text, TRACEPARENT_SIZE, "00-%s-%s-01", trace, parent);
}

static bool idempotency_key_usable(const char *key)
{
    size_t length = 0;
    for (; key[length] != '\0'; length++) {
        if (key[length] < '!' || key[length] > '~') {
            return false;
        }
    }
    return length >= 1 && length <= IDEMPOTENCY_KEY_MAX;
}

static bool check_headers(const struct accept_request *request, struct reason *problem)
{
    if (!accept_content_type(request->content_type)) {
        reason_set(problem, "wrong-content-type", NULL,
                   "Content-Type must be application/json, charset utf-8 or none");
        return false;
    }
    if (request->content_encoding && strcasecmp(request->content_encoding, "identity") != 0) {
        reason_set(problem, "wrong-content-encoding", NULL, "the body must be sent as it is");
        return false;
    }
    if (request->idempotency_key && !idempotency_key_usable(request->idempotency_key)) {
        reason_set(problem, "bad-idempotency-key", NULL,
                   "Idempotency-Key must be 1 to %d visible ASCII characters", IDEMPOTENCY_KEY_MAX);
        return false;
    }
    return true;
}

static bool check_envelope(const struct json *body, struct reason *problem)
{
    if (json_kind_of(body) != JSON_IS_OBJECT) {
        reason_set(problem, "not-an-object", NULL, "found %s, expected an object",
                   json_kind_name(json_kind_of(body)));
        return false;
    }
    for (size_t index = 0; index < sizeof SET_BY_GATEWAY / sizeof *SET_BY_GATEWAY; index++) {
        if (json_member(body, SET_BY_GATEWAY[index])) {
            char pointer[32];
            text_format(pointer, sizeof pointer, "/%s", SET_BY_GATEWAY[index]);
            reason_set(problem, "unknown-field", pointer, "the gateway sets this field itself");
            return false;
        }
    }
    const struct json *pathway = json_member(body, "pathway");
    if (json_kind_of(pathway) == JSON_NONE || json_kind_of(pathway) == JSON_IS_NULL) {
        reason_set(problem, "missing-field", "/pathway", "the name of a pathway is needed");
        return false;
    }
    if (json_kind_of(pathway) != JSON_IS_TEXT) {
        reason_set(problem, "wrong-type", "/pathway", "found %s, expected text",
                   json_kind_name(json_kind_of(pathway)));
        return false;
    }
    return true;
}

static bool digest_of(const struct json *body, char digest[DIGEST_TEXT_SIZE])
{
    uint8_t bytes[SHA256_SIZE];
    char *canonical = json_print(body, JSON_SORTED);
    bool done = canonical && digest_sha256(canonical, strlen(canonical), bytes) &&
                hex_encode(bytes, sizeof bytes, digest, DIGEST_TEXT_SIZE);
    free(canonical);
    return done;
}

/* The pathway is part of the name: each pathway is a topic, and an id on two topics would be two
 * referrals that nobody can tell apart. */
static void choose_id(const struct accept_request *request, const struct json *body,
                      struct accepted *accepted)
{
    const struct json *source = json_member(body, "source");
    const char *kind = json_member_text(source, "kind");
    const char *ods_code = json_member_text(source, "ods_code");
    accepted->keyed = request->idempotency_key != NULL;
    accepted->uuid = accepted->keyed
                         ? uuid_of("referral", kind ? kind : "", ods_code ? ods_code : "",
                                   accepted->pathway, request->idempotency_key, NULL)
                         : request->random_id;
    uuid_format(&accepted->uuid, accepted->id);
}

/* The conversation's id: as posted, else the caller's header, else the referral begins one. */
static bool choose_correlation_id(const struct accept_request *request, struct json *body,
                                  struct accepted *accepted)
{
    struct uuid uuid;
    const char *posted = json_member_text(body, "correlation_id");
    if (posted) { /* its format is the schema's matter */
        text_copy(accepted->correlation_id, sizeof accepted->correlation_id, posted);
        return true;
    }
    if (json_kind_of(json_member(body, "correlation_id")) > JSON_IS_NULL) {
        return true; /* of a wrong type: the codec says so */
    }
    if (request->correlation_id && uuid_parse(request->correlation_id, &uuid)) {
        uuid_format(&uuid, accepted->correlation_id);
    } else {
        text_copy(accepted->correlation_id, sizeof accepted->correlation_id, accepted->id);
    }
    return json_set_text(body, "correlation_id", accepted->correlation_id);
}

static bool set_own_fields(const struct accept_request *request, struct json *body,
                           const struct accepted *accepted)
{
    return json_set_text(body, "id", accepted->id) &&
           json_set_whole(body, "accepted_at", request->now_ms) &&
           json_set_text(body, "body_digest", accepted->digest) &&
           json_set_text(body, "traceparent", accepted->traceparent);
}

/* The name of an unknown member comes from the caller. */
static void hide_unknown_name(struct reason *problem)
{
    char *last = strrchr(problem->pointer, '/');
    if (!last || !text_equal(problem->code, "unknown-field")) {
        return;
    }
    if (!text_is_name(last + 1)) {
        *last = '\0';
        text_copy(problem->detail, sizeof problem->detail,
                  "this object has a member that the schema does not know");
    }
}

static enum verdict encode(const struct json *body, const struct contract *contract,
                           struct codec *codec, struct buffer *value,
                           const struct accepted *accepted, struct reason *problem)
{
    const struct schema *schema = contract_referral(contract, accepted->pathway);
    struct record *record = schema ? codec_blank(codec, schema) : NULL;
    if (!record) {
        reason_set(problem, "internal", NULL, "no memory for a record");
        return BROKEN;
    }
    enum verdict verdict = record_from_json(record, body, problem);
    if (verdict == DONE) {
        verdict = record_check(record, problem);
    }
    if (verdict != DONE) {
        hide_unknown_name(problem);
        return verdict;
    }
    size_t before = value->length;
    verdict = codec_write(codec, record, value, problem);
    if (verdict == DONE && value->length - before > DELIVERY_PAYLOAD_MAX) {
        value->length = before;
        reason_set(problem, "too-large", NULL, "the referral takes more than %d bytes",
                   DELIVERY_PAYLOAD_MAX);
        return REFUSED;
    }
    return verdict;
}

enum verdict accept_referral(const struct accept_request *request, const struct contract *contract,
                             struct codec *codec, struct buffer *value,
                             struct accepted *ret_accepted, struct reason *problem)
{
    struct accepted accepted = {0};
    enum verdict verdict = REFUSED;
    if (!check_headers(request, problem)) {
        return REFUSED;
    }
    struct json *body =
        json_parse(request->body, request->body_length, request->body_size_max, problem);
    if (!body || !check_envelope(body, problem)) {
        goto out;
    }
    const char *pathway = json_member_text(body, "pathway");
    if (!text_copy(accepted.pathway, sizeof accepted.pathway, pathway) ||
        !contract_referral(contract, accepted.pathway)) {
        reason_set(problem, "unknown-pathway", "/pathway",
                   "GET /v1/pathways lists the names that are known");
        goto out;
    }
    verdict = BROKEN;
    if (!record_tidy_json(contract_referral(contract, accepted.pathway), body) ||
        !digest_of(body, accepted.digest) || !make_traceparent(request, accepted.traceparent) ||
        !text_format(accepted.topic, sizeof accepted.topic, "%s%s", TOPIC_REFERRALS_PREFIX,
                     accepted.pathway)) {
        reason_set(problem, "internal", NULL, "the digest could not be made");
        goto out;
    }
    choose_id(request, body, &accepted);
    if (!choose_correlation_id(request, body, &accepted) ||
        !set_own_fields(request, body, &accepted)) {
        reason_set(problem, "internal", NULL, "no memory for the referral");
        goto out;
    }
    verdict = encode(body, contract, codec, value, &accepted, problem);
    if (verdict == DONE) {
        *ret_accepted = accepted;
    }
out:
    json_free(body);
    return verdict;
}
