/* SPDX-License-Identifier: Apache-2.0 */
/* A service that copies topics, for the tests of the stream: every record goes to the output with
 * its origin as value. It watches over what a stream promises its user (assigned() before the first
 * message, no message twice or out of order between two aborts) and breaks when a promise is
 * broken. On request it fails on purpose, and counts aloud in tick(). */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "kafka/stream.h"
#include "service/service.h"

#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIST_MAX 8
#define PARTITIONS_MAX 256

struct values {
    struct service_values common;
    const char *group, *topics, *excluded, *output, *ticks, *start, *stall_file;
    bool by_wake, commit_each, meanwhile;
    int64_t copies, fail_every, batch, interval_ms, session_timeout_ms, slow_us;
};

struct place {
    char topic[96];
    int32_t partition;
    int64_t next, committed;
};

struct copier {
    struct values values;
    struct service_context *context;
    struct kafka_settings *settings;
    struct stream *stream;
    char names[2][1024];
    const char *topics[LIST_MAX], *excluded[LIST_MAX];
    size_t topics_count, excluded_count;
    struct place places[PARTITIONS_MAX];
    size_t places_count;
    int64_t seen;          /* messages, for fail_every */
    int64_t counted, told; /* ticks that are committed; ticks sent */
    int64_t nonce;
};

static const struct option options[] = {
    {.name = "group",
     .offset = offsetof(struct values, group),
     .otherwise = "copy",
     .help = "group"},
    {.name = "topics", .offset = offsetof(struct values, topics), .help = "input, commas between"},
    {.name = "excluded", .offset = offsetof(struct values, excluded), .help = "not these"},
    {.name = "output", .offset = offsetof(struct values, output), .help = "output topic"},
    {.name = "ticks", .offset = offsetof(struct values, ticks), .help = "topic for ticks"},
    {.name = "start",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct values, start),
     .otherwise = "committed",
     .choices = "committed|beginning",
     .help = "where to start"},
    {.name = "copies",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, copies),
     .otherwise = "1",
     .most = 10,
     .help = "of each record"},
    {.name = "fail-every",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, fail_every),
     .otherwise = "0",
     .most = 1000000,
     .help = "the handler says TRY_AGAIN for each n-th message"},
    {.name = "batch",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, batch),
     .otherwise = "1000",
     .least = 1,
     .most = 100000,
     .help = "messages a transaction"},
    {.name = "interval-ms",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, interval_ms),
     .otherwise = "100",
     .least = 1,
     .most = 10000,
     .help = "between commits"},
    {.name = "session-timeout-ms",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, session_timeout_ms),
     .otherwise = "6000",
     .most = 60000,
     .help = "of the group"},
    {.name = "by-wake",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct values, by_wake),
     .otherwise = "false",
     .help = "never waits in the stream, but for its wake descriptor"},
    {.name = "commit-each",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct values, commit_each),
     .otherwise = "false",
     .help = "commits after each turn of the stream"},
    {.name = "meanwhile",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct values, meanwhile),
     .otherwise = "false",
     .help = "does not wait for a commit in the stream"},
    {.name = "slow-us",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, slow_us),
     .otherwise = "0",
     .most = 100000,
     .help = "time spent on each message"},
    {.name = "stall-file",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, stall_file),
     .help = "while there is such a file, the handler does not return"},
};

enum { METRIC_COPIED, METRIC_ABORTED, METRIC_MEANWHILE, METRIC_LAG };
static const struct metric metrics[] = {
    {"copy_copied_total", METRIC_COUNTER, NULL, "messages, those that came again included"},
    {"copy_aborted_total", METRIC_COUNTER, NULL, "transactions undone"},
    {"copy_meanwhile_total", METRIC_COUNTER, NULL, "times that a commit was not waited for"},
    {"copy_lag", METRIC_GAUGE, NULL, "stream_lag"},
};

static size_t split(char *text, const char *from, const char **list)
{
    size_t count = 0;

    if (!from || !text_copy(text, 1024, from))
        return 0;
    for (char *save = NULL, *at = strtok_r(text, ",", &save); at && count < LIST_MAX;
         at = strtok_r(NULL, ",", &save))
        list[count++] = at;
    return count;
}

static struct place *place_of(struct copier *copier, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < copier->places_count; i++) {
        if (copier->places[i].partition == partition && strcmp(copier->places[i].topic, topic) == 0)
            return &copier->places[i];
    }
    return NULL;
}

static enum verdict on_assigned(void *self, const char *topic, int32_t partition, int64_t from,
                                int64_t end, struct reason *reason)
{
    struct copier *copier = self;
    struct place *place = &copier->places[copier->places_count];
    char text[128];

    if (place_of(copier, topic, partition) || copier->places_count == PARTITIONS_MAX) {
        reason_set(reason, "assigned-twice", NULL, "%s %d", topic, (int)partition);
        return BROKEN;
    }
    text_copy(place->topic, sizeof(place->topic), topic);
    place->partition = partition;
    place->next = place->committed = from;
    copier->places_count++;
    text_format(text, sizeof(text), "%s/%d from %lld of %lld", topic, (int)partition,
                (long long)from, (long long)end);
    log_fact(LOG_LEVEL_INFO, "assigned", "what", text, NULL);
    return DONE;
}

static void on_revoked(void *self, const char *topic, int32_t partition, bool lost)
{
    struct copier *copier = self;
    struct place *place = place_of(copier, topic, partition);
    char text[128];

    if (place)
        *place = copier->places[--copier->places_count];
    text_format(text, sizeof(text), "%s/%d", topic, (int)partition);
    log_fact(LOG_LEVEL_INFO, "revoked", "what", text, "lost", lost ? "yes" : "no", NULL);
}

/* In naps of ten milliseconds: on a busy machine each waking costs some of its own. */
static void spend(int64_t us)
{
    static int64_t owed_us;
    struct timespec time = {0};

    owed_us += us;
    if (owed_us < 10000)
        return;
    time.tv_nsec = owed_us % 1000000 * 1000;
    time.tv_sec = owed_us / 1000000;
    owed_us = 0;
    (void)nanosleep(&time, NULL);
}

/* Until the test takes the file away; killed with the process if it does not. */
static void stall(const char *file)
{
    const struct timespec look = {.tv_nsec = 20000000};

    while (file && access(file, F_OK) == 0)
        nanosleep(&look, NULL);
}

static enum verdict on_message(void *self, const struct kafka_message *message,
                               struct reason *reason)
{
    struct copier *copier = self;
    struct place *place = place_of(copier, message->topic, message->partition);
    struct kafka_out out = {.topic = copier->values.output, .partition = KAFKA_BY_KEY};
    char value[160];

    if (!place || message->offset < place->next) {
        reason_set(reason, "promise-broken", NULL, "%s/%d offset %lld, expected %lld or more",
                   message->topic, (int)message->partition, (long long)message->offset,
                   place ? (long long)place->next : -1);
        return BROKEN;
    }
    place->next = message->offset + 1;
    metrics_add(service_metrics(copier->context), METRIC_COPIED, NULL, 1);
    spend(copier->values.slow_us);
    stall(copier->values.stall_file);
    out.key = message->key;
    out.key_size = message->key_size;
    out.partition_key = message->key;
    out.partition_key_size = message->key_size;
    out.value = value;
    for (int64_t i = 0; i < copier->values.copies; i++) {
        enum verdict verdict;

        text_format(value, sizeof(value), "%s/%d/%lld/%lld", message->topic,
                    (int)message->partition, (long long)message->offset, (long long)i);
        out.value_size = strlen(value);
        verdict = stream_send(copier->stream, &out, reason);
        if (verdict != DONE)
            return verdict;
    }
    copier->seen++;
    if (copier->values.fail_every > 0 && copier->seen % copier->values.fail_every == 0) {
        reason_set(reason, "on-purpose", NULL, "message %lld", (long long)copier->seen);
        return TRY_AGAIN;
    }
    return DONE;
}

static enum verdict on_tick(void *self, int64_t now_ms, struct reason *reason)
{
    struct copier *copier = self;
    struct kafka_out out = {.topic = copier->values.ticks, .partition = 0};
    char key[32], value[32];

    (void)now_ms;
    if (!out.topic || copier->places_count == 0)
        return DONE;
    text_format(key, sizeof(key), "%llx", (unsigned long long)copier->nonce);
    text_format(value, sizeof(value), "%lld", (long long)copier->told);
    out.key = key;
    out.key_size = strlen(key);
    out.value = value;
    out.value_size = strlen(value);
    copier->told++;
    return stream_send(copier->stream, &out, reason);
}

static void on_committed(void *self)
{
    struct copier *copier = self;

    copier->counted = copier->told;
    for (size_t i = 0; i < copier->places_count; i++)
        copier->places[i].committed = copier->places[i].next;
}

static void on_aborted(void *self)
{
    struct copier *copier = self;

    metrics_add(service_metrics(copier->context), METRIC_ABORTED, NULL, 1);
    copier->told = copier->counted;
    for (size_t i = 0; i < copier->places_count; i++)
        copier->places[i].next = copier->places[i].committed;
}

static void on_meanwhile(void *self, int fd)
{
    struct copier *copier = self;
    struct pollfd ended = {.fd = fd, .events = POLLIN};

    metrics_add(service_metrics(copier->context), METRIC_MEANWHILE, NULL, 1);
    (void)poll(&ended, 1, 5);
}

static enum verdict start(void *self, struct service_context *context, struct reason *reason)
{
    struct copier *copier = self;
    const struct stream_handlers handlers = {.self = self,
                                             .assigned = on_assigned,
                                             .revoked = on_revoked,
                                             .message = on_message,
                                             .tick = on_tick,
                                             .committed = on_committed,
                                             .aborted = on_aborted,
                                             .meanwhile =
                                                 copier->values.meanwhile ? on_meanwhile : NULL};
    struct stream_options stream_options = {
        .group = copier->values.group,
        .instance = copier->values.common.instance,
        .topics = copier->topics,
        .topics_excluded = copier->excluded,
        .start = strcmp(copier->values.start, "beginning") == 0 ? STREAM_FROM_BEGINNING
                                                                : STREAM_FROM_COMMITTED,
        .batch_messages_max = (int)copier->values.batch,
        .commit_interval_ms = (int)copier->values.interval_ms,
        .session_timeout_ms = (int)copier->values.session_timeout_ms};

    copier->context = context;
    copier->nonce = clock_monotonic_us();
    stream_options.topics_count = copier->topics_count =
        split(copier->names[0], copier->values.topics, copier->topics);
    stream_options.topics_excluded_count =
        split(copier->names[1], copier->values.excluded, copier->excluded);
    if (!copier->settings)
        copier->settings = kafka_settings_from_environment("stream-copy", reason);
    if (!copier->settings)
        return BROKEN;
    return stream_open(copier->settings, &stream_options, &handlers, &copier->stream, reason);
}

static enum verdict step(void *self, int wait_ms, struct reason *reason)
{
    struct copier *copier = self;
    struct pollfd wake = {.fd = stream_wake_fd(copier->stream), .events = POLLIN};
    enum verdict verdict =
        stream_step(copier->stream, copier->values.by_wake ? 0 : wait_ms, reason);

    if (verdict == DONE)
        verdict = stream_send_early(copier->stream, on_tick, reason);
    if (verdict == DONE && copier->values.commit_each)
        verdict = stream_commit(copier->stream, reason);
    if (copier->values.by_wake && verdict == DONE && poll(&wake, 1, wait_ms) < 0)
        verdict = TRY_AGAIN;
    metrics_set(service_metrics(copier->context), METRIC_LAG, NULL,
                (double)stream_lag(copier->stream));
    service_not_ready(copier->context, stream_not_ready(copier->stream));
    return verdict;
}

static enum verdict drain(void *self, int wait_ms, struct reason *reason)
{
    struct copier *copier = self;

    (void)wait_ms;
    return stream_commit(copier->stream, reason);
}

static void stop(void *self)
{
    struct copier *copier = self;

    stream_close(copier->stream);
    kafka_settings_free(copier->settings);
}

int main(int argc, char **argv)
{
    static struct copier copier;
    const struct service service = {.name = "stream_copy",
                                    .summary = "copies topics, for tests",
                                    .health_listen = "127.0.0.1:0",
                                    .options = options,
                                    .options_count = sizeof(options) / sizeof(options[0]),
                                    .values = &copier.values,
                                    .metrics = metrics,
                                    .metrics_count = sizeof(metrics) / sizeof(metrics[0]),
                                    .self = &copier,
                                    .start = start,
                                    .step = step,
                                    .drain = drain,
                                    .stop = stop};

    return service_main(&service, argc, argv);
}
