/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: answers in, facts into the transaction, sends out. HTTP has a thread of its own, and so
 * have commits: while one is under way, or Kafka is away, only what has to be written waits. */
#include "dispatcher.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "http/trust.h"

#include <stdlib.h>
#include <string.h>

#define FOLLOW_INTERVAL_MS 250
#define FIGURES_INTERVAL_MS 1000
#define COMMIT_USUAL_MS 2000
#define COMMIT_MOST_MS 60000 /* longer than it tries: it hangs, and so do we */
#define BUSY_WAIT_MS 5       /* while news is to be written */
#define AWAY_FIRST_MS 100
#define AWAY_MOST_MS 5000
#define REBALANCE_DRAIN_MS 5000
#define DRAIN_RESERVE_MS 5000 /* of the drain's time, for the last commit */
#define SECRETS_NAMES_MAX 10000
#define BATCH_MESSAGES_MAX 65536 /* a restore reads as many in a fifth of a second */
#define LOAD_INTERVALS 3         /* between two commits under load, in place of one */
#define RESTORE_INTERVALS 5
#define INTERVAL_MOST_MS 1000 /* of such a long one: within a delivery's margin before its end */

/* ---- loading */

static void free_secrets(void *value)
{
    explicit_bzero(value, sizeof(struct secrets));
    free(value);
}

/* What is wrong with an option's value, with its name before it. */
static bool blame(const char *variable, struct reason *reason)
{
    reason_set(reason, reason->code, reason->pointer, "%s: %s", variable, reason->detail);
    return false;
}

/* The option holds the first line of its file, as it was at the start. A reload asks the file
 * again; all of it, since the two secrets of a rotation may stand in a line each. */
static bool read_secrets(struct dispatcher *self, struct secrets *ret_secrets,
                         struct reason *reason)
{
    const char *text = self->settings.webhook_secret;
    static const char variable[] = "DISPATCHER_WEBHOOK_SECRET",
                      file_variable[] = "DISPATCHER_WEBHOOK_SECRET_FILE";
    const char *path = getenv(file_variable);
    if (!self->secret_path && text && path && path[0] && secrets_file_begins(path, text))
        self->secret_path = path;
    if (self->secret_path)
        return secrets_read(self->secret_path, ret_secrets, reason) || blame(file_variable, reason);
    *ret_secrets = (struct secrets){.count = 0};
    return !text || !text[0] || secrets_parse(text, ret_secrets, reason) || blame(variable, reason);
}

/* What a reload puts in the place of the old, all of it or nothing. */
struct loaded {
    struct contract *contract;
    struct pathway_set *pathways;
    struct places *places;
    struct codec *codec, *follower_codec;
    struct secrets secrets;
    struct map *named_secrets; /* of single providers: empty, they are read when they are needed */
};

static void loaded_free(struct loaded *loaded)
{
    codec_free(loaded->follower_codec);
    codec_free(loaded->codec);
    places_free(loaded->places);
    pathway_set_free(loaded->pathways);
    contract_free(loaded->contract);
    map_free(loaded->named_secrets, free_secrets);
    explicit_bzero(loaded, sizeof(*loaded));
}

/* All that can fail; on failure everything is as it was, and nothing is left to free. */
static bool load(struct dispatcher *self, struct loaded *ret_loaded, struct reason *reason)
{
    const char *dir = self->settings.service.schemas_dir;
    struct registry *table = registry_table(self->registry);
    struct loaded new = {0};
    bool read = read_secrets(self, &new.secrets, reason) &&
                (new.contract = contract_load_after(dir, self->contract, reason)) &&
                (new.pathways = pathway_set_load(new.contract, reason)) &&
                (new.places = places_load(dir, reason));
    if (read && (new.codec = codec_new(new.contract, table)) &&
        (new.follower_codec = codec_new(new.contract, table)) &&
        (new.named_secrets = map_new(SECRETS_NAMES_MAX)) &&
        registry_use(self->registry, new.contract)) {
        *ret_loaded = new;
        explicit_bzero(&new, sizeof(new));
        return true;
    }
    if (read)
        reason_set(reason, "no-memory", NULL, "memory ran out");
    loaded_free(&new);
    return false;
}

static void unload(struct dispatcher *self)
{
    codec_free(self->codec);
    places_free(self->places);
    pathway_set_free(self->pathways);
    contract_free(self->contract);
    map_free(self->named_secrets, free_secrets);
    explicit_bzero(&self->secrets, sizeof(self->secrets));
    self->codec = NULL;
    self->places = NULL;
    self->pathways = NULL;
    self->contract = NULL;
    self->named_secrets = NULL;
}

static void use_take(struct dispatcher *self, struct loaded *loaded)
{
    directory_follow_use_take(self->follower, loaded->follower_codec);
    unload(self);
    self->contract = loaded->contract;
    self->pathways = loaded->pathways;
    self->places = loaded->places;
    self->codec = loaded->codec;
    self->secrets = loaded->secrets;
    self->named_secrets = loaded->named_secrets;
    explicit_bzero(loaded, sizeof(*loaded));
}

static bool check_settings(struct dispatcher *self, struct reason *reason)
{
    const struct settings *settings = &self->settings;
    if (settings->retry_first_ms && settings->retry_most_ms &&
        settings->retry_first_ms > settings->retry_most_ms) {
        reason_set(reason, "bad-option", NULL, "retry-first-ms is more than retry-most-ms");
        return false;
    }
    if (!networks_parse(settings->allow_networks, &self->networks, reason))
        return blame("DISPATCHER_ALLOW_NETWORKS", reason);
    if (!trust_check(settings->ca_file, NULL, NULL, reason))
        return blame("DISPATCHER_CA_FILE", reason);
    return trust_check(NULL, settings->client_cert_file, settings->client_key_file, reason) ||
           blame("DISPATCHER_CLIENT_CERT_FILE, DISPATCHER_CLIENT_KEY_FILE", reason);
}

static enum verdict check(void *context, struct reason *reason)
{
    struct dispatcher *self = context;
    struct loaded loaded;
    if (!check_settings(self, reason) || !load(self, &loaded, reason))
        return REFUSED;
    loaded_free(&loaded);
    if (registry_check(&self->settings.service.registry, reason) != DONE)
        return REFUSED;
    struct kafka_settings *kafka = kafka_settings_from_environment("dispatcher", reason);
    const enum verdict verdict = kafka ? DONE : REFUSED;
    kafka_settings_free(kafka);
    return verdict;
}

static enum verdict reload(void *context, struct reason *reason)
{
    struct dispatcher *self = context;
    struct loaded loaded;
    if (!load(self, &loaded, reason))
        return REFUSED;
    use_take(self, &loaded);
    deliver_directory_changed(self->core, clock_now_ms()); /* what was missing may be there */
    return DONE;
}

/* ---- what the core and the sender ask and tell */

static void on_draining(void *context)
{
    struct dispatcher *self = context;
    int64_t until_ms = clock_monotonic_ms() + REBALANCE_DRAIN_MS;
    sender_recall(self->sender, NULL);
    while (sender_under_way(self->sender) && clock_monotonic_ms() < until_ms) {
        sender_turn(self->sender, 100);
        service_alive(self->context);
    }
}

static void follow_directory(struct dispatcher *self, int64_t now_ms, int64_t monotonic_ms)
{
    struct reason reason = {0};
    size_t changes = 0;
    if (monotonic_ms < self->follow_at_ms)
        return;
    self->follow_at_ms = monotonic_ms + FOLLOW_INTERVAL_MS;
    /* Kafka away: what is known stays in force; the stream says that it is away. */
    enum verdict verdict = directory_follow_step(self->follower, &changes, &reason);
    if (verdict != DONE)
        self->follow_at_ms += AWAY_FIRST_MS;
    if (changes)
        endpoints_judge(self);
    else if (!endpoints_look_again(self, monotonic_ms))
        return;
    deliver_directory_changed(self->core, now_ms);
}

/* A commit takes some 20 ms, and as long as Kafka pleases when it is away: answers are heard, and
 * what was noted before is sent. */
static void on_meanwhile(void *context, int fd)
{
    struct dispatcher *self = context;
    const int64_t monotonic_ms = clock_monotonic_ms(),
                  since_ms = monotonic_ms - self->commit_began_ms;
    sender_watch(self->sender, fd);
    sender_turn(self->sender, BUSY_WAIT_MS);
    sender_watch(self->sender, stream_wake_fd(self->stream));
    const int64_t now_ms = clock_now_ms();
    follow_directory(self, now_ms, monotonic_ms);
    deliver_tick(self->core, now_ms);
    sends_due(self, now_ms, monotonic_ms);
    if (since_ms > COMMIT_USUAL_MS)
        service_not_ready(self->context, KAFKA_AWAY);
    if (since_ms < COMMIT_MOST_MS)
        service_alive(self->context);
}

/* ---- start and stop */

static size_t slow_max(const struct settings *settings)
{
    return (size_t)(settings->slow_in_flight_max ? settings->slow_in_flight_max
                                                 : (settings->in_flight_max + 1) / 2);
}

static bool new_core(struct dispatcher *self, struct reason *reason)
{
    const struct settings *settings = &self->settings;
    uint64_t seed = (uint64_t)settings->seed;
    if ((!seed && !digest_random(&seed, sizeof(seed))) ||
        !digest_random(&self->nonce, sizeof(self->nonce))) {
        reason_set(reason, "no-randomness", NULL, "the system's generator fails");
        return false;
    }
    struct deliver_options options = {.pending_max = (size_t)settings->pending_max,
                                      .in_flight_max = (size_t)settings->in_flight_max + AHEAD_MAX,
                                      .slow_max = slow_max(settings),
                                      .intent = settings->intent,
                                      .attempt_timeout_ms = settings->attempt_timeout_ms,
                                      .retry_first_ms = settings->retry_first_ms,
                                      .retry_most_ms = settings->retry_most_ms,
                                      .probe_first_ms = settings->probe_first_ms,
                                      .probe_most_ms = settings->probe_most_ms,
                                      .hop_limit_ms = settings->hop_limit_ms,
                                      .seed = seed,
                                      .self = self,
                                      .endpoint = endpoints_state};
    self->core = deliver_new(&options);
    if (!self->core)
        reason_set(reason, "no-memory", NULL, "memory ran out");
    return self->core;
}

/* All that needs no network; once. */
static bool make_ready(struct dispatcher *self, struct reason *reason)
{
    if (self->sender)
        return true;
    buffer_init(&self->scratch, 256 * 1024);
    buffer_init(&self->record, 1024 * 1024);
    struct sender_options options = {
        .allowed = &self->networks,
        .allow_http = self->settings.allow_http,
        .ca_file = self->settings.ca_file,
        .cert_file = self->settings.client_cert_file,
        .key_file = self->settings.client_key_file,
        .connect_timeout_ms = self->settings.connect_timeout_ms,
        .in_flight_max = (size_t)self->settings.in_flight_max * 2 + slow_max(&self->settings),
        .begun = sends_begun,
        .answered = sends_answered,
        .self = self,
    };
    self->composer = composer_new();
    if (!self->composer) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return false;
    }
    struct loaded loaded;
    if (registry_open(&self->settings.service.registry, self->metrics, &self->registry, reason) !=
            DONE ||
        !check_settings(self, reason) || !load(self, &loaded, reason))
        return false;
    use_take(self, &loaded);
    self->kafka = kafka_settings_from_environment("dispatcher", reason);
    self->directory = directory_new();
    self->held = map_new(PROVIDERS_MAX);
    self->broken = map_new(PROVIDERS_MAX);
    if (!self->held || !self->broken)
        reason_set(reason, "no-memory", NULL, "memory ran out");
    if (!self->kafka || !self->directory || !self->held || !self->broken || !new_core(self, reason))
        return false;
    self->sender = sender_open(&options, reason);
    if (self->sender && !self->secrets.count)
        log_fact(LOG_LEVEL_WARNING, "not-signing", "detail", "DISPATCHER_WEBHOOK_SECRET is not set",
                 NULL);
    return self->sender;
}

static enum verdict start(void *context, struct service_context *service, struct reason *reason)
{
    static const char *const topics[] = {TOPIC_DELIVERIES};
    struct dispatcher *self = context;
    self->context = service;
    self->metrics = service_metrics(service);
    metrics_add(self->metrics, METRIC_HUMANS, "no-callback", 0);
    metrics_add(self->metrics, METRIC_HUMANS, "not-sent", 0);
    metrics_add(self->metrics, METRIC_ATTEMPTS, "address-refused", 0);
    if (!make_ready(self, reason))
        return BROKEN;
    enum verdict verdict = DONE;
    if (!self->follower)
        verdict = directory_follow(self->kafka, self->contract, registry_table(self->registry),
                                   self->directory, &self->follower, reason);
    if (verdict != DONE)
        return verdict;
    endpoints_judge(self);
    const struct stream_handlers handlers = {.self = self,
                                             .assigned = records_assigned,
                                             .revoked = records_revoked,
                                             .message = records_message,
                                             .tick = writes_tick,
                                             .committed = writes_committed,
                                             .aborted = writes_aborted,
                                             .meanwhile = on_meanwhile,
                                             .draining = on_draining};
    const struct stream_options options = {
        .group = "dispatcher",
        .instance = self->settings.service.instance,
        .topics = topics,
        .topics_count = 1,
        .start = STREAM_FROM_BEGINNING,
        .batch_messages_max = BATCH_MESSAGES_MAX,
        .commit_interval_ms = (int)self->settings.commit_interval_ms,
        .session_timeout_ms = (int)self->settings.session_timeout_ms,
        .fetch_wait_ms = RESTORE_FETCH_WAIT_MS};
    verdict = stream_open(self->kafka, &options, &handlers, &self->stream, reason);
    if (verdict == DONE)
        sender_watch(self->sender, stream_wake_fd(self->stream));
    return verdict;
}

static void stop(void *context)
{
    struct dispatcher *self = context;
    stream_close(self->stream);
    sender_close(self->sender);
    composer_free(self->composer);
    directory_follow_stop(self->follower);
    deliver_free(self->core);
    directory_free(self->directory);
    map_free(self->refused, NULL);
    map_free(self->held, NULL);
    map_free(self->broken, NULL);
    kafka_settings_free(self->kafka);
    unload(self);
    registry_close(self->registry);
    self->registry = NULL;
    buffer_clear(&self->scratch);
    buffer_clear(&self->record);
}

/* ---- the loop */

static void tell_figures(struct dispatcher *self, int64_t now_ms)
{
    struct deliver_counts counts;
    if (now_ms < self->figures_at_ms)
        return;
    self->figures_at_ms = now_ms + FIGURES_INTERVAL_MS;
    deliver_count(self->core, &counts);
    metrics_set(self->metrics, METRIC_IN_FLIGHT, NULL, (double)counts.in_flight);
    metrics_set(self->metrics, METRIC_PENDING, NULL, (double)counts.pending);
    metrics_set(self->metrics, METRIC_LEFT, NULL, (double)counts.left);
    metrics_set(self->metrics, METRIC_UNWRITTEN, NULL, (double)counts.facts);
    metrics_set(self->metrics, METRIC_DESTINATIONS, NULL, (double)counts.destinations);
    metrics_set(self->metrics, METRIC_UNUSABLE, NULL, (double)counts.unusable);
    metrics_set(self->metrics, METRIC_HELD, NULL, (double)map_count(self->held));
    metrics_set(self->metrics, METRIC_BROKEN, NULL, (double)counts.broken);
    metrics_set(self->metrics, METRIC_HOSTS_BROKEN, NULL, (double)counts.hosts_broken);
    metrics_set(self->metrics, METRIC_SLOW, NULL, (double)counts.slow);
    metrics_set(self->metrics, METRIC_LAG, NULL, (double)stream_lag(self->stream));
    if (counts.broken || map_count(self->broken))
        endpoints_tell_broken(self);
}

static void tell_ready(struct dispatcher *self)
{
    const char *why = self->stream_wait_ms ? KAFKA_AWAY : stream_not_ready(self->stream);
    service_not_ready(self->context, !why && restore_alone(self) ? "restoring" : why);
}

/* A turn of the stream, unless it has to wait. Trouble is told once here: the transfers must go on
 * meanwhile, so the skeleton's own waiting would be in the way. */
static enum verdict turn_stream(struct dispatcher *self, struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < self->stream_at_ms)
        return DONE;
    enum verdict verdict = stream_step(self->stream, 0, reason);
    if (verdict == DONE)
        verdict = records_read_again(self, clock_now_ms(), reason);
    if (verdict == DONE)
        verdict = stream_send_early(self->stream, writes_results, reason);
    /* A lone referral does not wait for company. Not right after another commit: transactions that
     * follow each other at once make the broker ask for patience, which costs half a second. The
     * fences of new partitions don't wait either, since their deliveries wait for them. */
    const bool lone = deliver_has_news(self->core) && !sender_under_way(self->sender);
    const int64_t since_ms = now_ms - self->committed_at_ms;
    if (verdict == DONE && ((lone && since_ms >= self->commit_every_ms) ||
                            (self->fences_due && since_ms >= self->settings.commit_interval_ms))) {
        self->fences_due = false;
        verdict = stream_commit(self->stream, reason);
    }
    if (verdict == DONE) {
        self->stream_wait_ms = 0;
        return DONE;
    }
    if (verdict != TRY_AGAIN)
        return verdict;
    if (!self->stream_wait_ms)
        log_fact(LOG_LEVEL_WARNING, "transaction-again", "code", reason->code, "detail",
                 reason->detail, NULL);
    int64_t wait = self->stream_wait_ms ? self->stream_wait_ms * 2 : AWAY_FIRST_MS;
    self->stream_wait_ms = wait > AWAY_MOST_MS ? AWAY_MOST_MS : wait;
    self->stream_at_ms = now_ms + self->stream_wait_ms;
    return DONE;
}

/* What has no transaction to wait for is sent meanwhile. So where there is more of it than goes in
 * the time of a commit and a quarter, or nothing that a commit would let go, fewer commits leave
 * more of the broker to everybody; and more time to read, while partitions are restored. */
static void pace_commits(struct dispatcher *self)
{
    const size_t places = (size_t)self->settings.in_flight_max;
    const size_t slow = deliver_slow_in_flight(self->core),
                 under_way = sender_under_way(self->sender);
    const size_t given = under_way > slow ? under_way - slow : 0;
    const bool load = self->ahead >= places && given > places;
    const size_t meanwhile =
        self->answered * 5 * (size_t)self->commit_took_ms / (4 * AHEAD_WINDOW_MS);
    const bool fed = load && given + deliver_ready(self->core) > places + meanwhile;
    int intervals = 1;
    if (restore_under_way(self) && (fed || !deliver_notable(self->core)))
        intervals = RESTORE_INTERVALS;
    else if (fed)
        intervals = LOAD_INTERVALS;
    self->commit_every_ms = self->settings.commit_interval_ms;
    if (self->commit_every_ms < INTERVAL_MOST_MS / intervals)
        self->commit_every_ms *= intervals;
    stream_commit_every(self->stream, (int)self->commit_every_ms);
}

static enum verdict turn(struct dispatcher *self, int wait_ms, struct deliver_counts *ret_counts,
                         struct reason *reason)
{
    enum verdict verdict = turn_stream(self, reason);
    if (verdict != DONE)
        return verdict;
    sender_turn(self->sender, 0); /* what came in the meantime is not late */
    /* Deadlines are by the world's clock, which may jump; how often we look is not. */
    int64_t now_ms = clock_now_ms(), monotonic_ms = clock_monotonic_ms();
    follow_directory(self, now_ms, monotonic_ms);
    restore_continue(self, now_ms, monotonic_ms);
    deliver_tick(self->core, now_ms);
    sends_due(self, now_ms, monotonic_ms);
    pace_commits(self);
    tell_figures(self, monotonic_ms);
    tell_ready(self);
    int64_t wait = deliver_wake_at(self->core) - now_ms;
    if (wait > wait_ms)
        wait = wait_ms;
    if (wait > BUSY_WAIT_MS && deliver_has_news(self->core))
        wait = BUSY_WAIT_MS;
    sender_turn(self->sender, wait > 0 ? (int)wait : 0);
    if (ret_counts)
        deliver_count(self->core, ret_counts);
    return DONE;
}

static enum verdict step(void *context, int wait_ms, struct reason *reason)
{
    return turn(context, wait_ms, NULL, reason);
}

static enum verdict drain(void *context, int wait_ms, struct reason *reason)
{
    struct dispatcher *self = context;
    struct deliver_counts counts;
    int64_t now_ms = clock_monotonic_ms();
    if (!self->drain_by_ms) {
        int64_t time_ms = self->settings.service.drain_timeout_ms;
        self->drain_by_ms =
            now_ms + (time_ms > DRAIN_RESERVE_MS ? time_ms - DRAIN_RESERVE_MS : time_ms / 2);
        deliver_drain(self->core);
        sender_recall(self->sender, NULL);
    }
    enum verdict verdict =
        turn(self, wait_ms < BUSY_WAIT_MS ? wait_ms : BUSY_WAIT_MS, &counts, reason);
    if (verdict != DONE)
        return verdict;
    /* What is still under way then is left: its intent is on the topic, the next process marks it.
     */
    if (!counts.facts && (!counts.in_flight || now_ms >= self->drain_by_ms))
        return DONE;
    reason_set(reason, "in-flight", NULL, "%zu sends under way, %zu results to be written",
               counts.in_flight, counts.facts);
    return TRY_AGAIN;
}

const struct service *dispatcher_service(void)
{
    static struct dispatcher self;
    static struct service service;
    service =
        (struct service){.name = "dispatcher",
                         .summary = "delivers referrals to their providers over HTTP, in time",
                         .health_listen = "127.0.0.1:9103",
                         .options = settings_table,
                         .options_count = settings_count,
                         .values = &self.settings,
                         .metrics = settings_metrics,
                         .metrics_count = settings_metrics_count,
                         .self = &self,
                         .check = check,
                         .start = start,
                         .step = step,
                         .drain = drain,
                         .stop = stop,
                         .reload = reload};
    return &service;
}
