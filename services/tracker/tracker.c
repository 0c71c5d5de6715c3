/* SPDX-License-Identifier: Apache-2.0 */
/* Two halves that share nothing but the database: the projection on the skeleton's loop, the API on
 * the server's thread. Kafka away or the database away stops the projection, not the API, which
 * shows what it has. */
#include "tracker.h"

#include "api.h"
#include "project.h"

#include "base/clock.h"
#include "base/text.h"
#include "registry/client.h"

#include <stddef.h>
#include <string.h>

enum {
    METRIC_EVENTS,
    METRIC_REPLAYED,
    METRIC_VOLUMES,
    METRIC_PASSED_OVER,
    METRIC_SQL_ERRORS,
    METRIC_LAG,
    METRIC_AGE,
};

static const struct metric metrics_table[] = {
    {"referral_tracker_events_total", METRIC_COUNTER, "kind", "Events applied"},
    {"referral_tracker_replayed_total", METRIC_COUNTER, NULL, "Events that were known already"},
    {"referral_tracker_volumes_total", METRIC_COUNTER, NULL, "Volume records applied"},
    {"referral_tracker_passed_over_total", METRIC_COUNTER, NULL, "Records that could not be read"},
    {"referral_tracker_sql_errors_total", METRIC_COUNTER, "side", "Failures of the database"},
    {"referral_tracker_lag", METRIC_GAUGE, NULL,
     "Records still to be read, measured every 5 seconds"},
    {"referral_tracker_newest_event_age_seconds", METRIC_GAUGE, NULL,
     "Time since the newest event that this process has applied happened; absent before the first"},
};

struct values {
    struct service_values service;
    const char *listen;
    const char *database;
    const char *database_url;
    int64_t rows;
};

static const struct option options_table[] = {
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, listen),
     .shape = OPTION_ADDRESS,
     .otherwise = "127.0.0.1:8081",
     .help = "address and port of the API and the page"},
    {.name = "database",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, database),
     .shape = OPTION_FILE,
     .otherwise = "tracker.db",
     .help = "SQLite file, or :memory: (gone when the tracker stops)"},
    {.name = "database-url",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct values, database_url),
     .secret = true,
     .help = "postgres://… : PostgreSQL instead of SQLite"},
    {.name = "rows",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, rows),
     .otherwise = "100000",
     .least = 1,
     .most = 250000,
     .help = "most rows of one answer of /v1/volumes; more is an error that says so"},
};

struct tracker {
    struct values *values;
    struct service_context *context;
    struct metrics *metrics;
    struct contract *contract;
    struct registry_client *registry;
    struct kafka_settings *settings;
    struct projection *projection;
    struct api *api;
    struct projection_counts told; /* to the metrics, up to now */
    uint64_t api_errors_told;
};

static void tracker_clear(struct tracker *tracker)
{
    api_stop(tracker->api);
    projection_free(tracker->projection);
    contract_free(tracker->contract);
    registry_close(tracker->registry);
    kafka_settings_free(tracker->settings);
    *tracker = (struct tracker){.values = tracker->values};
}

static struct store_options store_options(const struct tracker *tracker)
{
    const char *url = tracker->values->database_url;
    return (struct store_options){.path = tracker->values->database,
                                  .url = url && *url ? url : NULL};
}

/* `metrics` NULL: without the registry, and so without the network. */
static enum verdict load(struct tracker *tracker, struct metrics *metrics, struct reason *reason)
{
    const struct store_options store = store_options(tracker);
    tracker_clear(tracker);
    if (store.url && strncmp(store.url, "postgres://", 11) != 0 &&
        strncmp(store.url, "postgresql://", 13) != 0) {
        reason_set(reason, "bad-option", NULL,
                   "TRACKER_DATABASE_URL is \"(secret)\", expected postgres://user@host/database");
        return BROKEN;
    }
    if (metrics && registry_open(&tracker->values->service.registry, metrics, &tracker->registry,
                                 reason) != DONE)
        return BROKEN;
    tracker->contract = contract_load(tracker->values->service.schemas_dir, reason);
    if (!tracker->contract)
        return BROKEN;
    tracker->settings = kafka_settings_from_environment("tracker", reason);
    if (!tracker->settings)
        return BROKEN;
    tracker->projection = projection_new(tracker->settings, tracker->contract,
                                         registry_table(tracker->registry), &store);
    if (tracker->projection)
        return DONE;
    reason_set(reason, "no-memory", NULL, "no memory to start with");
    return BROKEN;
}

static enum verdict check(void *self, struct reason *reason)
{
    struct tracker *tracker = self;
    enum verdict verdict = load(tracker, NULL, reason);
    tracker_clear(tracker);
    return verdict == DONE ? registry_check(&tracker->values->service.registry, reason) : verdict;
}

static enum verdict start(void *self, struct service_context *context, struct reason *reason)
{
    struct tracker *tracker = self;
    enum verdict verdict =
        tracker->projection ? DONE : load(tracker, service_metrics(context), reason);
    if (verdict == DONE)
        verdict = projection_open(tracker->projection, reason);
    if (verdict != DONE)
        return verdict;
    tracker->context = context;
    tracker->metrics = service_metrics(context);
    const struct api_options options = {
        .listen = tracker->values->listen,
        .store = store_options(tracker),
        .schemas_dir = tracker->values->service.schemas_dir,
        .contract = tracker->contract,
        .rows_max = tracker->values->rows,
    };
    tracker->api = api_start(&options, reason);
    if (!tracker->api)
        return BROKEN;
    service_not_ready(context, NULL);
    return DONE;
}

static void add_since(struct tracker *tracker, size_t row, const char *label, uint64_t now,
                      uint64_t told)
{
    metrics_add(tracker->metrics, row, label, now > told ? (double)(now - told) : 0);
}

static void tell_metrics(struct tracker *tracker)
{
    const struct projection_counts *counts = projection_counts(tracker->projection);
    const struct projection_counts *told = &tracker->told;
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        add_since(tracker, METRIC_EVENTS, event_word((enum event_kind)kind)->name,
                  counts->events[kind], told->events[kind]);
    add_since(tracker, METRIC_REPLAYED, NULL, counts->replayed, told->replayed);
    add_since(tracker, METRIC_VOLUMES, NULL, counts->volumes, told->volumes);
    add_since(tracker, METRIC_PASSED_OVER, NULL, counts->passed_over, told->passed_over);
    add_since(tracker, METRIC_SQL_ERRORS, "projection", counts->sql_errors, told->sql_errors);
    uint64_t api_errors = api_sql_errors(tracker->api);
    add_since(tracker, METRIC_SQL_ERRORS, "api", api_errors, tracker->api_errors_told);
    metrics_set(tracker->metrics, METRIC_LAG, NULL, (double)counts->lag);
    if (counts->newest_event_ms > 0)
        metrics_set(tracker->metrics, METRIC_AGE, NULL,
                    (double)(clock_now_ms() - counts->newest_event_ms) / 1000.0);
    tracker->told = *counts;
    tracker->api_errors_told = api_errors;
}

static enum verdict step(void *self, int wait_ms, struct reason *reason)
{
    struct tracker *tracker = self;
    enum verdict verdict = projection_step(tracker->projection, wait_ms, reason);
    service_not_ready(tracker->context, verdict == DONE ? NULL : "Kafka or the database is away");
    tell_metrics(tracker);
    return verdict;
}

static enum verdict drain(void *self, int wait_ms, struct reason *reason)
{
    struct tracker *tracker = self;
    (void)wait_ms;
    return tracker->projection ? projection_commit(tracker->projection, reason) : DONE;
}

static void stop(void *self)
{
    tracker_clear(self);
}

const struct service *tracker_service(void)
{
    static struct values values;
    static struct tracker tracker = {.values = &values};
    static const struct service service = {
        .name = "tracker",
        .summary =
            "keeps the state of every referral and the volumes in SQL: status API, page, CSV",
        .health_listen = "127.0.0.1:9105",
        .options = options_table,
        .options_count = sizeof(options_table) / sizeof(options_table[0]),
        .values = &values,
        .metrics = metrics_table,
        .metrics_count = sizeof(metrics_table) / sizeof(metrics_table[0]),
        .self = &tracker,
        .check = check,
        .start = start,
        .step = step,
        .drain = drain,
        .stop = stop,
    };
    return &service;
}
