/* SPDX-License-Identifier: Apache-2.0 */
/* What is due is sent: where it goes to, and with which secrets; and what comes of it. */
#include "dispatcher.h"

#include "base/clock.h"
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

/* False: nothing can be sent, and the answer says why. */
static bool prepare(struct dispatcher *self, const struct deliver_send *send,
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
    *ret_request = (struct send_request){
        .flight = send->flight, .url = provider->url, .timeout_ms = send->timeout_ms};
    return composer_compose(self->composer, self->codec, &order, ret_request, ret_answer);
}

void sends_begun(void *context, uint32_t flight)
{
    struct dispatcher *self = context;
    deliver_begun(self->core, flight, clock_now_ms());
}

void sends_answered(void *context, uint32_t flight, const struct answer *answer)
{
    struct dispatcher *self = context;
    char result[RESULT_SIZE];
    classify_result(answer->status, answer->error, result);
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

static void hand_over(struct dispatcher *self, const struct send_request *requests, size_t count)
{
    bool well[COMPOSED_MOST];
    composer_sign(self->composer, well);
    for (size_t i = 0; i < count; i++) {
        const char *error = well[i] ? "no-memory" : "not-signed";
        if (well[i] && sender_start(self->sender, &requests[i]))
            continue;
        sends_answered(self, requests[i].flight, &(struct answer){.error = error});
    }
}

void sends_due(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms)
{
    const size_t most = handed_over_max(self, monotonic_ms);
    struct deliver_send send;
    struct send_request requests[COMPOSED_MOST];
    struct answer answer;
    size_t count = 0;
    if (deliver_slowed(self->core))
        sender_recall(self->sender, to_slow);
    sender_allow(self->sender,
                 (size_t)self->settings.in_flight_max + deliver_slow_in_flight(self->core));
    while (sender_under_way(self->sender) + count < most &&
           deliver_next_send(self->core, now_ms, &send)) {
        if (!prepare(self, &send, &requests[count], &answer))
            sends_answered(self, send.flight, &answer);
        else if (++count == COMPOSED_MOST) {
            hand_over(self, requests, count);
            count = 0;
        }
    }
    hand_over(self, requests, count);
}
