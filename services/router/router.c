/* SPDX-License-Identifier: Apache-2.0 */
/* One stream over all referrals.* topics, one transaction per batch: {deliveries, events, dead
 * letters, input offsets}. What else the router holds is a fold and comes back by itself: the
 * directory from `providers`, the ids seen from the input partitions. An aborted transaction takes
 * its ids and its counts back before its records come again. */
#include "router.h"

#include "forgotten.h"
#include "outputs.h"
#include "partitions.h"
#include "restore.h"
#include "tally.h"
#include "world.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "directory/follow.h"
#include "registry/client.h"

#include <stddef.h>
#include <string.h>

#define SCRATCH_SIZE_MAX (128 * 1024)
#define HOUR_MS INT64_C(3600000)
#define GAUGES_EVERY_MS 1000
#define POSTPONE_MS 500
#define GROUP "router"

struct values {
    struct service_values service;
    int64_t remember_hours;
    int64_t remember_most;
    int64_t batch_messages;
    int64_t commit_interval_ms;
};

static const struct option options[] = {
    {.name = "remember-hours",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, remember_hours),
     .otherwise = "24",
     .least = 1,
     .most = 168,
     .help = "hours for which a referral id is remembered to name duplicates"},
    {.name = "remember-most",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, remember_most),
     .otherwise = "250000",
     .least = 1000,
     .most = 100000000,
     .help =
         "most ids remembered per input partition (about 40 bytes each); past it the oldest go"},
    {.name = "batch-messages",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, batch_messages),
     .otherwise = "1000",
     .least = 1,
     .most = 100000,
     .help = "most records in one transaction"},
    {.name = "commit-interval-ms",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, commit_interval_ms),
     .otherwise = "100",
     .least = 1,
     .most = 10000,
     .help = "longest that a record waits for its transaction's commit, milliseconds"},
};

struct router {
    struct values *values;
    struct service_context *context;
    struct metrics *metrics;
    struct kafka_settings *settings;
    struct kafka_admin *admin;
    struct registry_client *registry;
    struct world *world;
    struct directory *directory;
    struct directory_follower *follower;
    struct stream *stream;
    struct partitions *partitions;
    struct tally tally;
    struct taken taken;
    struct buffer scratch;
    int64_t last_stamped_at_ms;
    int64_t gauges_due_ms;
};

/* ---- the pathways, loaded and loaded again */

static enum verdict router_reload(void *self, struct reason *reason)
{
    struct router *router = self;
    struct registry *table = registry_table(router->registry);
    const struct contract *before = router->world != NULL ? router->world->contract : NULL;
    struct world *world = world_load(router->values->service.schemas_dir, before, table, reason);
    struct codec *codec = world != NULL ? codec_new(world->contract, table) : NULL;
    if (codec == NULL || !registry_use(router->registry, world->contract)) {
        if (world != NULL)
            reason_set(reason, "no-memory", NULL, "memory ran out");
        codec_free(codec);
        world_free(world);
        metrics_add(router->metrics, METRIC_RELOADS, "kept-old", 1);
        return REFUSED;
    }
    directory_follow_use_take(router->follower, codec);
    world_free(router->world);
    router->world = world;
    metrics_add(router->metrics, METRIC_RELOADS, "done", 1);
    metrics_set(router->metrics, METRIC_PATHWAYS, NULL, (double)pathway_count(world->pathways));
    return DONE;
}

/* A topic can come to be before the signal that tells of its folder: look before its records are
 * refused. */
static void learn_pathway(struct router *router, const char *pathway)
{
    struct reason reason;
    if (pathway_find(router->world->pathways, pathway) != NULL)
        return;
    bool well = router_reload(router, &reason) == DONE;
    metrics_note_reload(router->metrics, well);
    if (!well)
        log_fact(LOG_LEVEL_WARNING, "pathways kept as they were", "reason", reason.code, "file",
                 reason.pointer, "detail", reason.detail, NULL);
}

/* ---- the stream's handlers */

static enum verdict on_assigned(void *self, const char *topic, int32_t number, int64_t from,
                                int64_t end, struct reason *reason)
{
    struct router *router = self;
    (void)end;
    struct partition *partition = partitions_add(router->partitions, topic, number);
    if (partition == NULL) {
        reason_set(reason, "no-memory", NULL, "no room for another partition");
        return BROKEN;
    }
    learn_pathway(router, partition->pathway);
    partition->restore_to = from;
    return DONE;
}

static enum verdict on_settled(void *self, struct reason *reason)
{
    struct router *router = self;
    const struct restore restore = {
        .settings = router->settings,
        .admin = router->admin,
        .codec = router->world->codec,
        .since_ms = clock_now_ms() - router->values->remember_hours * HOUR_MS,
    };
    size_t records = 0;
    enum verdict verdict = DONE;
    if (stream_group_is_new(router->stream))
        verdict = forgotten_check(router->settings, router->admin, GROUP, router->world->pathways,
                                  reason);
    if (verdict == DONE)
        verdict = restore_memories(&restore, router->partitions, &records, reason);
    if (verdict != DONE || records == 0)
        return verdict;
    char records_text[24];
    text_format(records_text, sizeof records_text, "%zu", records);
    log_fact(LOG_LEVEL_INFO, "ids read back", "records", records_text, NULL);
    return DONE;
}

static void on_revoked(void *self, const char *topic, int32_t number, bool lost)
{
    struct router *router = self;
    (void)lost;
    partitions_remove(router->partitions, topic, number);
}

static const char *traceparent_of(const struct kafka_message *message, char text[TRACEPARENT_SIZE])
{
    size_t size = 0;
    const char *value = kafka_message_header(message, "traceparent", &size);
    bool fits = value != NULL && text_copy_bytes(text, TRACEPARENT_SIZE, value, size);
    return fits && traceparent_valid(text) ? text : NULL;
}

/* Against capacities: at once, so that the next referral of the same batch knows. */
static void count_decision(struct router *router)
{
    if (!directory_follow_counts(router->follower))
        return;
    for (size_t i = 0; i < router->taken.events_count; i++) {
        const struct referral_event *event = &router->taken.events[i];
        char id_text[UUID_TEXT_SIZE];
        struct uuid id;
        if (event->kind != EVENT_ROUTED)
            continue;
        event_id(event, id_text);
        if (uuid_parse(id_text, &id))
            load_decide(directory_load(router->directory), &id,
                        (int32_t)date_to_days(london_date(event->occurred_at_ms)),
                        event->destination, event->service);
    }
}

static enum verdict on_message(void *self, const struct kafka_message *message,
                               struct reason *reason)
{
    struct router *router = self;
    struct world *world = router->world;
    struct partition *partition =
        partitions_find(router->partitions, message->topic, message->partition);
    if (partition == NULL) {
        reason_set(reason, "not-assigned", NULL, "a record of a partition that is not held");
        return BROKEN;
    }
    const struct route_world route_world = {
        .pathways = world->pathways,
        .directory = router->directory,
        .places = world->places,
    };
    char traceparent[TRACEPARENT_SIZE];
    const struct take_input input = {
        .world = &route_world,
        .contract = world->contract,
        .codec = world->codec,
        .memory = partition->memory,
        .pathway = partition->pathway,
        .message = message,
        .traceparent = traceparent_of(message, traceparent),
        .now_ms = clock_now_ms(),
    };
    enum verdict verdict = take_message(&input, &router->taken, reason);
    if (verdict == TRY_AGAIN) /* for a schema: nothing was done yet */
        stream_postpone(router->stream, POSTPONE_MS);
    if (verdict != DONE)
        return verdict;
    const struct outputs outputs = {
        .stream = router->stream,
        .codec = world->codec,
        .contract = world->contract,
        .scratch = &router->scratch,
    };
    verdict = outputs_send(&outputs, message, &router->taken, reason);
    if (verdict != DONE)
        return verdict;
    tally_taken(&router->tally, partition->pathway, &router->taken);
    count_decision(router);
    router->last_stamped_at_ms = message->timestamp_ms;
    return DONE;
}

static void set_gauges(struct router *router, int64_t now_ms)
{
    if (now_ms < router->gauges_due_ms && router->gauges_due_ms - now_ms <= GAUGES_EVERY_MS)
        return;
    router->gauges_due_ms = now_ms + GAUGES_EVERY_MS;
    int64_t lag = stream_lag(router->stream);
    double oldest_seconds = lag > 0 && router->last_stamped_at_ms > 0
                                ? (double)(now_ms - router->last_stamped_at_ms) / 1000.0
                                : 0;
    metrics_set(router->metrics, METRIC_LAG, NULL, (double)lag);
    metrics_set(router->metrics, METRIC_OLDEST_SECONDS, NULL, oldest_seconds);
    metrics_set(router->metrics, METRIC_PROVIDERS, NULL,
                (double)directory_count(router->directory));
    metrics_set(router->metrics, METRIC_UNCOUNTED, NULL,
                (double)directory_follow_uncounted(router->follower));
    metrics_set(router->metrics, METRIC_REMEMBERED, NULL,
                (double)partitions_ids(router->partitions));
    metrics_set(router->metrics, METRIC_PUSHED_OUT, NULL,
                (double)partitions_pushed_out(router->partitions));
}

static enum verdict on_tick(void *self, int64_t now_ms, struct reason *reason)
{
    struct router *router = self;
    size_t changes = 0;
    enum verdict verdict = directory_follow_step(router->follower, &changes, reason);
    if (changes > 0)
        metrics_add(router->metrics, METRIC_DIRECTORY_CHANGES, NULL, (double)changes);
    set_gauges(router, now_ms);
    /* A directory that can't be read just now is as it was: what is in hand goes on. */
    return verdict == BROKEN ? BROKEN : DONE;
}

static void on_committed(void *self)
{
    struct router *router = self;
    partitions_commit(router->partitions,
                      clock_now_ms() - router->values->remember_hours * HOUR_MS);
    load_commit(directory_load(router->directory));
    tally_commit(&router->tally, router->metrics);
}

static void on_aborted(void *self)
{
    struct router *router = self;
    partitions_undo(router->partitions);
    load_undo(directory_load(router->directory));
    tally_undo(&router->tally);
    metrics_add(router->metrics, METRIC_ABORTS, NULL, 1);
}

/* ---- start and stop */

static void router_stop(void *self)
{
    struct router *router = self;
    stream_close(router->stream);
    router->stream = NULL;
    directory_follow_stop(router->follower);
    router->follower = NULL;
    directory_free(router->directory);
    router->directory = NULL;
    if (router->admin != NULL)
        kafka_admin_close(router->admin);
    router->admin = NULL;
    kafka_settings_free(router->settings);
    router->settings = NULL;
    partitions_free(router->partitions);
    router->partitions = NULL;
    world_free(router->world);
    router->world = NULL;
    registry_close(router->registry);
    router->registry = NULL;
    buffer_clear(&router->scratch);
    tally_undo(&router->tally);
}

static enum verdict open_stream(struct router *router, struct reason *reason)
{
    static const char *const topics[] = {TOPIC_REFERRALS_PATTERN};
    static const char *const topics_excluded[] = {TOPIC_REFUSED};
    const struct stream_options stream_options = {
        .group = GROUP,
        .instance = router->values->service.instance,
        .topics = topics,
        .topics_count = 1,
        .topics_excluded = topics_excluded,
        .topics_excluded_count = 1,
        .start = STREAM_FROM_COMMITTED,
        .batch_messages_max = (int)router->values->batch_messages,
        .commit_interval_ms = (int)router->values->commit_interval_ms,
    };
    const struct stream_handlers handlers = {
        .self = router,
        .assigned = on_assigned,
        .settled = on_settled,
        .revoked = on_revoked,
        .message = on_message,
        .tick = on_tick,
        .committed = on_committed,
        .aborted = on_aborted,
    };
    return stream_open(router->settings, &stream_options, &handlers, &router->stream, reason);
}

static enum verdict open_all(struct router *router, struct reason *reason)
{
    buffer_init(&router->scratch, SCRATCH_SIZE_MAX);
    if (registry_open(&router->values->service.registry, router->metrics, &router->registry,
                      reason) != DONE)
        return BROKEN;
    if (router_reload(router, reason) != DONE)
        return BROKEN;
    router->settings = kafka_settings_from_environment("router", reason);
    if (router->settings == NULL)
        return BROKEN;
    router->partitions = partitions_new((size_t)router->values->remember_most);
    router->directory = directory_new();
    if (router->partitions == NULL || router->directory == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    router->admin = kafka_admin_open(router->settings, reason);
    if (router->admin == NULL)
        return TRY_AGAIN;
    enum verdict verdict = directory_follow(router->settings, router->world->contract,
                                            registry_table(router->registry), router->directory,
                                            &router->follower, reason);
    return verdict == DONE ? open_stream(router, reason) : verdict;
}

static enum verdict router_start(void *self, struct service_context *context, struct reason *reason)
{
    struct router *router = self;
    router->context = context;
    router->metrics = service_metrics(context);
    metrics_add(router->metrics, METRIC_HUMANS, "no-callback", 0);
    enum verdict verdict = open_all(router, reason);
    if (verdict != DONE) {
        router_stop(router);
        return verdict;
    }
    char providers[24];
    text_format(providers, sizeof providers, "%zu", directory_count(router->directory));
    log_fact(LOG_LEVEL_INFO, "directory read", "providers", providers, "version",
             directory_version(router->directory), NULL);
    service_not_ready(context, "no assignment yet");
    return DONE;
}

static enum verdict router_check(void *self, struct reason *reason)
{
    struct router *router = self;
    struct world *world = world_load(router->values->service.schemas_dir, NULL, NULL, reason);
    if (world == NULL)
        return REFUSED;
    world_free(world);
    if (registry_check(&router->values->service.registry, reason) != DONE)
        return REFUSED;
    struct kafka_settings *settings = kafka_settings_from_environment("router", reason);
    if (settings == NULL)
        return REFUSED;
    kafka_settings_free(settings);
    return DONE;
}

static enum verdict router_step(void *self, int wait_ms, struct reason *reason)
{
    struct router *router = self;
    enum verdict verdict = stream_step(router->stream, wait_ms, reason);
    service_not_ready(router->context, stream_not_ready(router->stream));
    return verdict;
}

static enum verdict router_drain(void *self, int wait_ms, struct reason *reason)
{
    struct router *router = self;
    (void)wait_ms;
    return stream_commit(router->stream, reason);
}

const struct service *router_service(void)
{
    static struct values values;
    static struct router router = {.values = &values};
    static const struct service service = {
        .name = "router",
        .summary = "decides where each referral goes, once: referrals.* -> deliveries",
        .health_listen = "127.0.0.1:9102",
        .options = options,
        .options_count = sizeof options / sizeof options[0],
        .values = &values,
        .metrics = router_metrics,
        .metrics_count = ROUTER_METRICS,
        .self = &router,
        .check = router_check,
        .start = router_start,
        .step = router_step,
        .drain = router_drain,
        .stop = router_stop,
        .reload = router_reload,
    };
    return &service;
}
