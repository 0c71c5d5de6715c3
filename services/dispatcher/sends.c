/* SPDX-License-Identifier: Apache-2.0 */
/* What is due is sent: where it goes to, and with which secrets; and what comes of it. */
#include "dispatcher.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "ids/formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAILED_MOST 256 /* in a turn, which has more to do than to fail */
#define HELD_UP_EVERY_MS 5000

/* Read once, then remembered until a reload. NULL if there is no such file, or it is not well: then
 * nothing is sent, since an unsigned message is worse than a late one. */
static const struct secrets *secrets_of(struct dispatcher *self, const char *name,
                                        struct reason *reason)
{
    if (!name || !name[0])
        return &self->secrets;
    const struct secrets *known = map_get(self->named_secrets, name, strlen(name));
    if (known)
        return known;
    char path[1024];
    if (!self->settings.secrets_dir || !file_name_valid(name) ||
        !text_format(path, sizeof(path), "%s/%s", self->settings.secrets_dir, name)) {
        reason_set(reason, "no-secret", NULL, "%s",
                   self->settings.secrets_dir ? "its name is not that of a file"
                                              : "DISPATCHER_SECRETS_DIR is not set");
        return NULL;
    }
    struct secrets *secrets = calloc(1, sizeof(*secrets));
    if (secrets && !secrets_read(path, secrets, reason)) {
        free(secrets);
        return NULL;
    }
    if (!secrets || !map_set(self->named_secrets, name, strlen(name), secrets, NULL)) {
        reason_set(reason, "no-secret", NULL, "%s: memory ran out, or too many secrets", path);
        free(secrets);
        return NULL;
    }
    return secrets;
}

/* Its path without the ending; NULL where it or its key can't be read. */
static const char *certificate_of(struct dispatcher *self, const char *name, struct reason *reason)
{
    static const char *const endings[] = {".crt", ".key"};
    const char *folder = self->settings.certificates_dir;
    char *path = self->certificate;
    const size_t room = sizeof(self->certificate) - strlen(endings[0]);
    if (!folder || !file_name_valid(name) || !text_format(path, room, "%s/%s", folder, name)) {
        reason_set(reason, "no-certificate", NULL, "%s",
                   folder ? "its name is not that of a file"
                          : "DISPATCHER_CERTIFICATES_DIR is not set");
        return NULL;
    }
    const size_t length = strlen(path);
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
        memcpy(path + length, endings[i], strlen(endings[i]) + 1);
        const bool there = access(path, R_OK) == 0;
        if (!there)
            reason_set(reason, "no-certificate", NULL, "%s: %s", path, strerror(errno));
        path[length] = '\0';
        if (!there)
            return NULL;
    }
    return path;
}

/* What sending to a provider takes beside the referral; borrowed. */
struct means {
    const struct secrets *secrets;
    const char *certificate;
    struct bars_address bars;
};

/* NULL, or what is missing. */
static const char *find_means(struct dispatcher *self, const struct provider *provider,
                              struct means *ret_means, struct reason *reason)
{
    struct means means = {0};
    if (!provider || !provider->url)
        return "no-endpoint";
    means.secrets = secrets_of(self, provider->secret, reason);
    if (!means.secrets)
        return "no-secret";
    if (provider->certificate) {
        means.certificate = certificate_of(self, provider->certificate, reason);
        if (!means.certificate)
            return "no-certificate";
    }
    if (text_equal(provider->format, "bars")) {
        means.bars = (struct bars_address){.receiver_id = provider->dos_service_id,
                                           .sender_id = self->settings.dos_service_id};
        if (!means.bars.receiver_id || !means.bars.sender_id) {
            reason_set(reason, "no-service-id", NULL, "%s",
                       means.bars.receiver_id ? "DISPATCHER_DOS_SERVICE_ID is not set"
                                              : "the directory has no dos_service_id for it");
            return "no-service-id";
        }
    }
    *ret_means = means;
    return NULL;
}

const char *sends_lack(struct dispatcher *self, const struct provider *provider,
                       struct reason *reason)
{
    struct means means;
    return find_means(self, provider, &means, reason);
}

/* Nothing was sent, and the next one would fare no better. */
static struct answer held_up(const char *error)
{
    return (struct answer){.error = error, .unstarted = true, .holds = HOLDS_DESTINATION};
}

/* False: nothing can be sent, and the answer says why. */
static bool prepare(struct dispatcher *self, const struct deliver_send *send,
                    struct send_request *ret_request, struct answer *ret_answer)
{
    struct reason reason = {0};
    struct means means;
    const struct provider *provider = directory_find(self->directory, send->destination);
    const char *lack = find_means(self, provider, &means, &reason);
    if (lack) { /* it has gone since the core asked: it is to ask again */
        self->look_again_at_ms = 0;
        *ret_answer = held_up(lack);
        return false;
    }
    const struct order order = {.record = send->job->record,
                                .record_size = send->job->record_size,
                                .secrets = means.secrets,
                                .bars = means.bars,
                                .certificate = means.certificate,
                                .possible_duplicate = send->possible_duplicate};
    *ret_request = (struct send_request){
        .flight = send->flight, .url = provider->url, .timeout_ms = send->timeout_ms};
    return composer_compose(self->composer, self->codec, &order, ret_request, ret_answer);
}

void sends_begun(void *context, uint32_t flight)
{
    struct dispatcher *self = context;
    deliver_begun(self->core, flight, clock_now_ms());
}

/* Now and then: it may be true of every send. */
static void tell_held_up(struct dispatcher *self, const char *destination, const char *error)
{
    const int64_t monotonic_ms = clock_monotonic_ms();
    if (monotonic_ms < self->held_up_at_ms)
        return;
    self->held_up_at_ms = monotonic_ms + HELD_UP_EVERY_MS;
    log_fact(LOG_LEVEL_ERROR, "send-held-up", "destination", destination, "code", error, NULL);
}

void sends_answered(void *context, uint32_t flight, const struct answer *answer)
{
    struct dispatcher *self = context;
    char result[RESULT_SIZE];
    classify_result(answer->status, answer->error, result);
    if (answer->holds == HOLDS_DESTINATION)
        tell_held_up(self, deliver_destination(self->core, flight), answer->error);
    if (!answer->unstarted)
        metrics_add(self->metrics, METRIC_ATTEMPTS, result, 1);
    self->answers++;
    deliver_answered(self->core, flight, answer, clock_now_ms());
}

static bool to_slow(void *context, uint32_t flight)
{
    const struct dispatcher *self = context;
    return deliver_to_slow(self->core, flight);
}

/* Reading and writing hold this thread up for some milliseconds, so the sender gets work ahead: as
 * much as was answered of late, which is nothing when providers hang. */
static size_t handed_over_max(struct dispatcher *self, int64_t now_ms)
{
    if (now_ms - self->ahead_at_ms >= AHEAD_WINDOW_MS) {
        self->answered = self->answers;
        self->ahead = self->answers < AHEAD_MAX ? self->answers : AHEAD_MAX;
        self->answers = 0;
        self->ahead_at_ms = now_ms;
    }
    return (size_t)self->settings.in_flight_max + self->ahead + deliver_slow_in_flight(self->core);
}

struct sendings { /* that have been composed */
    struct send_request requests[COMPOSED_MOST];
    size_t count;
};

static void hand_over(struct dispatcher *self, struct sendings *sendings)
{
    bool well[COMPOSED_MOST];
    composer_sign(self->composer, well);
    for (size_t i = 0; i < sendings->count; i++) {
        const struct send_request *request = &sendings->requests[i];
        if (well[i] && sender_start(self->sender, request))
            continue;
        const struct answer answer = held_up(well[i] ? "no-memory" : "not-signed");
        sends_answered(self, request->flight, &answer);
    }
    sendings->count = 0;
}

void sends_due(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms)
{
    const size_t most = handed_over_max(self, monotonic_ms);
    struct deliver_send send;
    struct sendings sendings;
    struct answer answer;
    size_t failed = 0;
    sendings.count = 0;
    if (deliver_slowed(self->core))
        sender_recall(self->sender, to_slow);
    sender_allow(self->sender,
                 (size_t)self->settings.in_flight_max + deliver_slow_in_flight(self->core));
    while (sender_under_way(self->sender) + sendings.count < most && failed < FAILED_MOST &&
           deliver_next_send(self->core, now_ms, &send)) {
        if (!prepare(self, &send, &sendings.requests[sendings.count], &answer)) {
            sends_answered(self, send.flight, &answer);
            failed++;
            continue;
        }
        if (++sendings.count == COMPOSED_MOST)
            hand_over(self, &sendings);
    }
    hand_over(self, &sendings);
}
