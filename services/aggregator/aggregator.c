/* SPDX-License-Identifier: Apache-2.0 */
/* Exactly once, without a store of its own: {changed volumes, input offsets} are one transaction,
 * and a start reads volumes.daily back before the first event.
 *
 * Why no count is lost or doubled when processes come and go: whoever counts does so as one and the
 * same member, whatever its INSTANCE: group instance and transactional id are both "aggregator-0".
 * Opening that stream first fences the former one (init_transactions ends its open transaction,
 * joining the group takes its place), and only then are the offsets and the volumes read. A process
 * that was paused meanwhile can commit nothing more: its producer or its membership is fenced,
 * whichever it tries.
 *
 * turn.h keeps a standby from doing this while another one lives. But a process that wakes up may
 * fence its successor before it hears that its turn is over: the library joins again by itself, and
 * the stream makes a new producer. So whoever is fenced ends nothing but its counting, and takes
 * the place back as soon as the group confirms that it is its turn. */
#include "aggregator.h"

#include "count.h"
#include "restore.h"
#include "turn.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/client.h"

#include <stddef.h>

#define VALUE_SIZE_MAX 4096
#define POSTPONE_MS 500

enum {
    METRIC_COUNTED,
    METRIC_PASSED_OVER,
    METRIC_LATE_DAYS,
    METRIC_SENT,
    METRIC_LAG,
    METRIC_CELLS,
    METRIC_CELLS_MAX,
    METRIC_SQUEEZED,
    METRIC_ACTIVE,
    METRIC_REPLACED,
};

static const struct metric metrics_table[] = {
    {"referral_aggregator_counted_total", METRIC_COUNTER, "stage", "Events counted"},
    {"referral_aggregator_passed_over_total", METRIC_COUNTER, "reason",
     "Events that cannot be counted: unreadable, or without a possible day"},
    {"referral_aggregator_late_days_loaded_total", METRIC_COUNTER, NULL,
     "Days before the window that were read back for a late event"},
    {"referral_aggregator_volumes_total", METRIC_COUNTER, NULL, "Volume records sent"},
    {"referral_aggregator_lag", METRIC_GAUGE, NULL, "Events still to be read"},
    {"referral_aggregator_cells", METRIC_GAUGE, NULL, "Combinations of dimensions in memory"},
    {"referral_aggregator_cells_max", METRIC_GAUGE, NULL,
     "AGGREGATOR_CELLS: the bound of the above"},
    {"referral_aggregator_days_let_go_total", METRIC_COUNTER, NULL,
     "Days that left memory early because AGGREGATOR_CELLS was reached; an event reads one back"},
    {"referral_aggregator_active", METRIC_GAUGE, NULL,
     "Whether this process counts (1) or stands by (0)"},
    {"referral_aggregator_replaced_total", METRIC_COUNTER, NULL,
     "How often this process had to leave counting to another one"},
};

struct values {
    struct service_values service;
    int64_t days;
    int64_t cells;
};

static const struct option options_table[] = {
    {.name = "days",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, days),
     .otherwise = "45",
     .least = 1,
     .most = 3660,
     .help = "days held in memory; an event for an older day has that day read back first"},
    {.name = "cells",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, cells),
     .otherwise = "400000",
     .least = 1,
     .most = 100000000,
     .help = "most combinations of dimensions in memory (about 200 bytes each)"},
};

struct aggregator {
    struct values *values;
    struct service_context *context;
    struct metrics *metrics;
    struct contract *contract;
    struct registry_client *registry;
    struct codec *codec;
    struct kafka_settings *settings;
    struct window *window;
    struct buffer scratch;
    struct turn *turn;
    struct stream *stream; /* NULL while standing by */
    bool restored;         /* the window is what volumes.daily says, plus our own transaction */
    bool any_volumes;      /* it said something */
    uint64_t squeezed;     /* days let go for want of space, as far as that was said */
};

static void count_metric(struct aggregator *aggregator, size_t row, const char *label,
                         double amount)
{
    if (aggregator->metrics)
        metrics_add(aggregator->metrics, row, label, amount);
}

/* ---- the stream's handlers */

static enum verdict on_assigned(void *self, const char *topic, int32_t partition, int64_t from,
                                int64_t end, struct reason *reason)
{
    struct aggregator *aggregator = self;
    (void)topic, (void)partition, (void)from, (void)end;
    if (aggregator->restored)
        return DONE;
    int64_t started_ms = clock_monotonic_ms();
    window_begin(aggregator->window, count_floor(clock_now_ms(), aggregator->values->days));
    struct restore_result result;
    enum verdict verdict = restore_window(aggregator->settings, aggregator->codec,
                                          aggregator->window, NULL, &result, reason);
    if (verdict != DONE)
        return verdict;
    aggregator->restored = true;
    aggregator->any_volumes = result.records > 0;
    char records[24], unreadable[24], cells[24], took_ms[24];
    text_format(records, sizeof(records), "%llu", (unsigned long long)result.records);
    text_format(unreadable, sizeof(unreadable), "%llu", (unsigned long long)result.unreadable);
    text_format(cells, sizeof(cells), "%zu", window_cells(aggregator->window));
    text_format(took_ms, sizeof(took_ms), "%lld", (long long)(clock_monotonic_ms() - started_ms));
    log_fact(result.unreadable ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "window-restored", "records",
             records, "unreadable", unreadable, "cells", cells, "took_ms", took_ms, NULL);
    return DONE;
}

/* Volumes and offsets are committed together. Where there are volumes and no offsets the brokers
 * have forgotten the group, and to begin at the beginning would count everything again. */
static enum verdict on_settled(void *self, struct reason *reason)
{
    struct aggregator *aggregator = self;
    if (!aggregator->any_volumes || !stream_group_is_new(aggregator->stream))
        return DONE;
    reason_set(reason, "offsets-lost", NULL,
               "%s has volumes, but the brokers know no offset of the group \"aggregator\": its "
               "events would be counted twice",
               TOPIC_VOLUMES_DAILY);
    return BROKEN;
}

/* Whoever gets the partition next may change what volumes.daily says: nothing in memory can be
 * trusted after that. */
static void on_revoked(void *self, const char *topic, int32_t partition, bool lost)
{
    struct aggregator *aggregator = self;
    (void)topic, (void)partition, (void)lost;
    aggregator->restored = aggregator->any_volumes = false;
}

static enum verdict load_late_day(struct aggregator *aggregator, int64_t day, struct reason *reason)
{
    if (!window_hold_late(aggregator->window, day)) {
        reason_set(
            reason, "window-full", NULL,
            "no room for a late day beside those that are being counted: raise AGGREGATOR_CELLS");
        return BROKEN;
    }
    struct restore_result result;
    enum verdict verdict = restore_window(aggregator->settings, aggregator->codec,
                                          aggregator->window, &day, &result, reason);
    if (verdict != DONE) {
        window_let_go(aggregator->window, day); /* half of a day is worse than none */
        return verdict;
    }
    count_metric(aggregator, METRIC_LATE_DAYS, NULL, 1);
    char text[DATE_TEXT_SIZE];
    date_format(date_from_days(day), text);
    log_fact(LOG_LEVEL_WARNING, "late-day-loaded", "day", text, NULL);
    return DONE;
}

static enum verdict pass_over(struct aggregator *aggregator, const struct kafka_message *message,
                              const char *code)
{
    char offset[24], partition[12];
    text_format(offset, sizeof(offset), "%lld", (long long)message->offset);
    text_format(partition, sizeof(partition), "%d", message->partition);
    log_fact(LOG_LEVEL_ERROR, "event-passed-over", "reason", code, "topic", message->topic,
             "partition", partition, "offset", offset, NULL);
    count_metric(aggregator, METRIC_PASSED_OVER, code, 1);
    return DONE;
}

static enum verdict on_message(void *self, const struct kafka_message *message,
                               struct reason *reason)
{
    struct aggregator *aggregator = self;
    struct referral_event event;
    if (!aggregator->restored) {
        reason_set(reason, "shared-group", NULL,
                   "some partitions of %s went to another member of the group \"aggregator\": one "
                   "process must read them all",
                   message->topic);
        return BROKEN;
    }
    if (!message->value)
        return pass_over(aggregator, message, "empty-value");
    enum verdict verdict =
        event_decode(aggregator->codec, message->value, message->value_size, &event, NULL, reason);
    if (verdict == REFUSED)
        return pass_over(aggregator, message, reason->code);
    if (verdict == TRY_AGAIN)
        stream_postpone(aggregator->stream, POSTPONE_MS);
    if (verdict != DONE)
        return verdict;
    int64_t day = 0;
    enum counted counted = count_event(aggregator->window, &event, &day);
    if (counted == COUNT_NEEDS_DAY) {
        verdict = load_late_day(aggregator, day, reason);
        if (verdict != DONE)
            return verdict;
        counted = count_event(aggregator->window, &event, &day);
    }
    switch (counted) {
    case COUNTED:
        count_metric(aggregator, METRIC_COUNTED, event_word(event.kind)->stage, 1);
        return DONE;
    case COUNTED_NOT:
        return DONE;
    case COUNTED_NO_DAY:
        return pass_over(aggregator, message, "no-day");
    case COUNT_NEEDS_DAY:
    case COUNT_FULL:
        break;
    }
    reason_set(
        reason, "window-full", NULL,
        "more than %lld combinations of dimensions: raise AGGREGATOR_CELLS, lower AGGREGATOR_DAYS",
        (long long)aggregator->values->cells);
    return BROKEN;
}

/* Sends each changed cell once, however many events changed it since. */
static enum verdict on_tick(void *self, int64_t now_ms, struct reason *reason)
{
    struct aggregator *aggregator = self;
    (void)now_ms;
    void *cursor = NULL;
    struct volume volume;
    while (window_next_unsent(aggregator->window, &cursor, &volume)) {
        buffer_reset(&aggregator->scratch);
        enum verdict verdict = volume_encode(aggregator->codec, aggregator->contract, &volume,
                                             &aggregator->scratch, reason);
        if (verdict != DONE)
            return BROKEN;
        char key[VOLUME_KEY_SIZE];
        size_t key_size = volume_key(&volume, key);
        const struct kafka_out out = {
            .topic = TOPIC_VOLUMES_DAILY,
            .partition = KAFKA_BY_KEY,
            .key = key,
            .key_size = key_size,
            .value = aggregator->scratch.data,
            .value_size = aggregator->scratch.length,
        };
        verdict = stream_send(aggregator->stream, &out, reason);
        if (verdict != DONE)
            return verdict;
        count_metric(aggregator, METRIC_SENT, NULL, 1);
    }
    return DONE;
}

/* Long before counting has to stop: the figures stay right, only late events cost more. */
static void tell_squeezed(struct aggregator *aggregator)
{
    uint64_t squeezed = window_squeezed(aggregator->window);
    if (squeezed == aggregator->squeezed)
        return;
    char days[24], first[DATE_TEXT_SIZE], cells[24];
    text_format(days, sizeof(days), "%llu", (unsigned long long)(squeezed - aggregator->squeezed));
    date_format(date_from_days(window_floor(aggregator->window)), first);
    text_format(cells, sizeof(cells), "%lld", (long long)aggregator->values->cells);
    log_fact(LOG_LEVEL_WARNING, "days-let-go", "days", days, "first_day_held", first,
             "AGGREGATOR_CELLS", cells, NULL);
    count_metric(aggregator, METRIC_SQUEEZED, NULL, (double)(squeezed - aggregator->squeezed));
    aggregator->squeezed = squeezed;
}

static void on_committed(void *self)
{
    struct aggregator *aggregator = self;
    tell_squeezed(aggregator);
    window_committed(aggregator->window, count_floor(clock_now_ms(), aggregator->values->days));
}

static void on_aborted(void *self)
{
    struct aggregator *aggregator = self;
    window_aborted(aggregator->window);
}

/* ---- the service */

static void aggregator_clear(struct aggregator *aggregator)
{
    stream_close(aggregator->stream);
    turn_close(aggregator->turn);
    window_free(aggregator->window);
    codec_free(aggregator->codec);
    contract_free(aggregator->contract);
    registry_close(aggregator->registry);
    kafka_settings_free(aggregator->settings);
    buffer_clear(&aggregator->scratch);
    *aggregator = (struct aggregator){.values = aggregator->values};
}

/* `metrics` NULL: without the registry, and so without the network. */
static enum verdict load(struct aggregator *aggregator, struct metrics *metrics,
                         struct reason *reason)
{
    aggregator_clear(aggregator);
    if (metrics && registry_open(&aggregator->values->service.registry, metrics,
                                 &aggregator->registry, reason) != DONE)
        return BROKEN;
    buffer_init(&aggregator->scratch, VALUE_SIZE_MAX);
    aggregator->contract = contract_load(aggregator->values->service.schemas_dir, reason);
    if (!aggregator->contract)
        return BROKEN;
    aggregator->settings = kafka_settings_from_environment("aggregator", reason);
    if (!aggregator->settings)
        return BROKEN;
    aggregator->codec = codec_new(aggregator->contract, registry_table(aggregator->registry));
    aggregator->window = window_new((size_t)aggregator->values->cells);
    if (aggregator->codec && aggregator->window &&
        registry_use(aggregator->registry, aggregator->contract))
        return DONE;
    reason_set(reason, "no-memory", NULL, "no memory to start with");
    return BROKEN;
}

static enum verdict check(void *self, struct reason *reason)
{
    struct aggregator *aggregator = self;
    enum verdict verdict = load(aggregator, NULL, reason);
    aggregator_clear(aggregator);
    return verdict == DONE ? registry_check(&aggregator->values->service.registry, reason)
                           : verdict;
}

static enum verdict start(void *self, struct service_context *context, struct reason *reason)
{
    struct aggregator *aggregator = self;
    if (!aggregator->settings) {
        enum verdict verdict = load(aggregator, service_metrics(context), reason);
        if (verdict != DONE)
            return verdict;
    }
    aggregator->context = context;
    aggregator->metrics = service_metrics(context);
    return turn_open(aggregator->settings, aggregator->values->service.instance, &aggregator->turn,
                     reason);
}

static enum verdict begin_counting(struct aggregator *aggregator, struct reason *reason)
{
    static const char *const topics[] = {TOPIC_EVENTS};
    const struct stream_options options = {
        .group = "aggregator",
        .instance = "0", /* whoever counts: see above */
        .topics = topics,
        .topics_count = 1,
        .start = STREAM_FROM_COMMITTED,
        .batch_messages_max = 1000,
        .commit_interval_ms = 100,
    };
    const struct stream_handlers handlers = {
        .self = aggregator,
        .assigned = on_assigned,
        .settled = on_settled,
        .revoked = on_revoked,
        .message = on_message,
        .tick = on_tick,
        .committed = on_committed,
        .aborted = on_aborted,
    };
    aggregator->restored = aggregator->any_volumes = false;
    enum verdict verdict =
        stream_open(aggregator->settings, &options, &handlers, &aggregator->stream, reason);
    if (verdict == DONE)
        log_fact(LOG_LEVEL_INFO, "counting", "instance", aggregator->values->service.instance,
                 NULL);
    return verdict;
}

static void end_counting(struct aggregator *aggregator)
{
    log_fact(LOG_LEVEL_WARNING, "standing-by", "instance", aggregator->values->service.instance,
             NULL);
    metrics_add(aggregator->metrics, METRIC_REPLACED, NULL, 1);
    stream_close(aggregator->stream);
    aggregator->stream = NULL;
    aggregator->restored = false;
}

static bool is_fenced(enum verdict verdict, const struct reason *reason)
{
    return verdict == BROKEN && text_equal(reason->code, KAFKA_FENCED);
}

/* Reads on, from what is committed if it has not begun yet. Fenced is TRY_AGAIN: by whoever has the
 * turn, by one that does not know yet that it has it no longer, or by the brokers, when a
 * transaction took longer than transaction.timeout.ms. */
static enum verdict count_on(struct aggregator *aggregator, int wait_ms, struct reason *reason)
{
    enum verdict verdict = aggregator->stream ? DONE : begin_counting(aggregator, reason);
    if (verdict == DONE)
        verdict = stream_step(aggregator->stream, wait_ms, reason);
    if (!is_fenced(verdict, reason))
        return verdict;
    end_counting(aggregator);
    return TRY_AGAIN;
}

/* Standing by is what a standby is for: it is ready, too. */
static const char *why_not_ready(const struct aggregator *aggregator)
{
    const char *why = turn_not_ready(aggregator->turn);
    if (!why && turn_is_ours(aggregator->turn) && !aggregator->restored)
        return "reading the volumes back";
    return why;
}

static enum verdict step(void *self, int wait_ms, struct reason *reason)
{
    struct aggregator *aggregator = self;
    enum verdict verdict = turn_step(aggregator->turn, aggregator->stream ? 0 : wait_ms, reason);
    if (verdict == BROKEN)
        return verdict;
    const bool ours = turn_is_ours(aggregator->turn);
    if (!ours && aggregator->stream)
        end_counting(aggregator);
    if (verdict == DONE && ours && !aggregator->stream) {
        verdict = turn_confirm(aggregator->turn, reason);
        service_alive(aggregator->context); /* a slow broker makes that take half a minute */
    }
    if (verdict == DONE && ours)
        verdict = count_on(aggregator, wait_ms, reason);
    service_not_ready(aggregator->context, why_not_ready(aggregator));
    metrics_set(aggregator->metrics, METRIC_ACTIVE, NULL, aggregator->stream ? 1 : 0);
    metrics_set(aggregator->metrics, METRIC_CELLS, NULL, (double)window_cells(aggregator->window));
    metrics_set(aggregator->metrics, METRIC_CELLS_MAX, NULL, (double)aggregator->values->cells);
    metrics_set(aggregator->metrics, METRIC_LAG, NULL,
                aggregator->stream ? (double)stream_lag(aggregator->stream) : 0);
    return verdict;
}

static enum verdict drain(void *self, int wait_ms, struct reason *reason)
{
    struct aggregator *aggregator = self;
    (void)wait_ms;
    const enum verdict verdict =
        aggregator->stream ? stream_commit(aggregator->stream, reason) : DONE;
    return is_fenced(verdict, reason) ? DONE : verdict; /* another one counts it */
}

static void stop(void *self)
{
    aggregator_clear(self);
}

const struct service *aggregator_service(void)
{
    static struct values values;
    static struct aggregator aggregator = {.values = &values};
    static const struct service service = {
        .name = "aggregator",
        .summary =
            "counts the events of referrals by day and dimension: referral.events -> volumes.daily",
        .health_listen = "127.0.0.1:9104",
        .options = options_table,
        .options_count = sizeof(options_table) / sizeof(options_table[0]),
        .values = &values,
        .metrics = metrics_table,
        .metrics_count = sizeof(metrics_table) / sizeof(metrics_table[0]),
        .self = &aggregator,
        .check = check,
        .start = start,
        .step = step,
        .drain = drain,
        .stop = stop,
    };
    return &service;
}
