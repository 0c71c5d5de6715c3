/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway listens as soon as it has its schemas, Kafka there or not: a referrer gets a 503 that
 * says when to come back rather than a refused connection. The main thread only looks after topics,
 * so that a pathway whose topic is missing is answered at once and named, instead of after the
 * delivery's time-out. */
#include "gateway.h"

#include "requests.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "lifecycle/event.h"
#include "registry/client.h"

#include <stddef.h>
#include <string.h>

#define TOPICS_CHECK_MS 2000
#define REQUEST_TIMEOUT_MS 10000
#define RETRY_AFTER_SECONDS 2

struct gateway_values {
    struct service_values service;
    const char *listen;
    const char *status_url;
    int64_t body_max;
    int64_t connections_max;
    int64_t connections_per_address_max;
    int64_t in_flight_max;
    int64_t recent_max;
    int64_t ack_timeout_ms;
};

#define AT(member) offsetof(struct gateway_values, member)
static const struct option OPTIONS[] = {
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = AT(listen),
     .shape = OPTION_ADDRESS,
     .otherwise = "127.0.0.1:8080",
     .help = "address and port for referrals"},
    {.name = "status-url",
     .kind = OPTION_TEXT,
     .offset = AT(status_url),
     .otherwise = "http://127.0.0.1:8081/v1/referrals/",
     .help = "where the tracker tells the state; the referral id is appended"},
    {.name = "body-max",
     .kind = OPTION_WHOLE,
     .offset = AT(body_max),
     .otherwise = "262144",
     .least = 1024,
     .most = 1048576,
     .help = "largest body in bytes"},
    {.name = "connections-max",
     .kind = OPTION_WHOLE,
     .offset = AT(connections_max),
     .otherwise = "1024",
     .least = 1,
     .most = 65536,
     .help = "open connections"},
    {.name = "connections-per-address-max",
     .kind = OPTION_WHOLE,
     .offset = AT(connections_per_address_max),
     .otherwise = "0",
     .least = 0,
     .most = 65536,
     .help = "open connections from one address; 0 = no limit of its own"},
    {.name = "in-flight-max",
     .kind = OPTION_WHOLE,
     .offset = AT(in_flight_max),
     .otherwise = "4096",
     .least = 1,
     .most = 100000,
     .help = "referrals that wait for Kafka; more are answered 503"},
    {.name = "recent-max",
     .kind = OPTION_WHOLE,
     .offset = AT(recent_max),
     .otherwise = "32768",
     .least = 1,
     .most = 1000000,
     .help = "Idempotency-Keys remembered for an early 409 or 422"},
    {.name = "ack-timeout-ms",
     .kind = OPTION_WHOLE,
     .offset = AT(ack_timeout_ms),
     .otherwise = "5000",
     .least = 500,
     .most = 60000,
     .help = "longest wait for Kafka in ms, then 503"},
};

static const struct metric METRICS[METRICS_COUNT] = {
    [METRIC_ANSWERS] = {"referral_gateway_answers_total", METRIC_COUNTER, "status",
                        "Answers by HTTP status"},
    [METRIC_ACCEPTED] = {"referral_gateway_accepted_total", METRIC_COUNTER, "pathway",
                         "Referrals that Kafka has on all in-sync replicas"},
    [METRIC_PROBLEMS] = {"referral_gateway_problems_total", METRIC_COUNTER, "code",
                         "Requests that were not accepted, by problem"},
    [METRIC_SECONDS] = {"referral_gateway_accept_seconds", METRIC_HISTOGRAM, NULL,
                        "From the whole request to its answer"},
    [METRIC_IN_FLIGHT] = {"referral_gateway_in_flight", METRIC_GAUGE, NULL,
                          "Referrals that wait for Kafka"},
    [METRIC_TOPICS_MISSING] = {"referral_gateway_topics_missing", METRIC_GAUGE, NULL,
                               "Pathways whose topic does not exist"},
    [METRIC_RELOADS] = {"referral_gateway_reloads_total", METRIC_COUNTER, NULL,
                        "Schemas taken into use since the start"},
};

struct gateway {
    struct service_context *context;
    struct kafka_settings *settings;
    struct kafka_admin *admin;
    struct http_server *server;
    struct registry_client *registry;
    struct requests requests;
    bool requests_made;
    int64_t topics_checked_ms;
    bool topics_known; /* every topic was found */
};

static struct gateway_values values;
static struct gateway gateway;

static bool status_url_usable(const char *url, struct reason *reason)
{
    size_t length = strlen(url);
    bool usable =
        length <= 400 && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0);
    for (size_t index = 0; index < length; index++) {
        usable = usable && url[index] > ' ' && url[index] <= '~' && !strchr("\"\\<>", url[index]);
    }
    if (!usable) {
        reason_set(
            reason, "bad-option", NULL,
            "GATEWAY_STATUS_URL is \"%.80s\", expected an http:// or https:// URL of at most "
            "400 visible ASCII characters",
            url);
    }
    return usable;
}

static enum verdict gateway_check(void *self, struct reason *reason)
{
    (void)self;
    if (!status_url_usable(values.status_url, reason)) {
        return BROKEN;
    }
    struct world *world = world_load(values.service.schemas_dir, NULL, NULL, reason);
    if (!world || registry_check(&values.service.registry, reason) != DONE) {
        world_free(world);
        return BROKEN;
    }
    world_free(world);
    struct kafka_settings *settings = kafka_settings_from_environment("gateway", reason);
    const enum verdict verdict = settings ? DONE : BROKEN;
    kafka_settings_free(settings);
    return verdict;
}

/* The record must not be produced long after the referrer was told 503: the client's own time ends
 * first. */
static int delivery_timeout_ms(void)
{
    return (int)(values.ack_timeout_ms * 4 / 5);
}

static enum verdict open_kafka(struct gateway *self, struct reason *reason)
{
    self->settings = kafka_settings_from_environment("gateway", reason);
    if (!self->settings) {
        return BROKEN;
    }
    self->requests.producer = kafka_producer_open(self->settings, delivery_timeout_ms(),
                                                  requests_delivered, &self->requests, reason);
    self->admin = self->requests.producer ? kafka_admin_open(self->settings, reason) : NULL;
    return self->admin ? DONE : BROKEN;
}

static struct world *load_world(struct gateway *self, const struct contract *before,
                                struct reason *reason)
{
    struct world *world =
        world_load(values.service.schemas_dir, before, registry_table(self->registry), reason);
    if (world && !registry_use(self->registry, world->contract)) {
        reason_set(reason, "no-memory", NULL, "no memory for the ids of schemas");
        world_free(world);
        world = NULL;
    }
    return world;
}

static enum verdict gateway_start(void *opaque, struct service_context *context,
                                  struct reason *reason)
{
    struct gateway *self = opaque;
    struct requests *requests = &self->requests;
    self->context = context;
    requests->status_url = values.status_url;
    requests->body_size_max = (size_t)values.body_max;
    requests->metrics = service_metrics(context);
    metrics_add(requests->metrics, METRIC_ANSWERS, "503", 0);
    if (!status_url_usable(values.status_url, reason)) {
        return BROKEN;
    }
    self->requests_made = true;
    if (!requests_init(requests, (size_t)values.in_flight_max, (size_t)values.recent_max)) {
        reason_set(reason, "no-memory", NULL, "no memory for the requests in flight");
        return BROKEN;
    }
    if (registry_open(&values.service.registry, requests->metrics, &self->registry, reason) !=
        DONE) {
        return BROKEN;
    }
    requests->world = load_world(self, NULL, reason);
    if (!requests->world) {
        return BROKEN;
    }
    metrics_add(requests->metrics, METRIC_RELOADS, NULL, 1);
    if (open_kafka(self, reason) != DONE) {
        return BROKEN;
    }
    struct http_options options = {
        .listen = values.listen,
        .body_size_max = (size_t)values.body_max,
        .connections_max = (int)values.connections_max,
        .connections_per_address_max = (int)values.connections_per_address_max,
        .request_timeout_ms = REQUEST_TIMEOUT_MS,
        .answer_timeout_ms = (int)values.ack_timeout_ms,
        .retry_after_seconds = RETRY_AFTER_SECONDS,
        .handler = requests_handle,
        .self = requests,
    };
    service_not_ready(context, KAFKA_AWAY);
    self->server = http_server_start(&options, reason);
    return self->server ? DONE : BROKEN;
}

static void check_topic(struct gateway *self, size_t index, size_t *missing, size_t *not_asked)
{
    struct world *world = self->requests.world;
    const char *topic = pathway_topic(pathway_at(world->pathways, index));
    int state = atomic_load(&world->topic_states[index]);
    if (state == TOPIC_EXISTS) {
        return;
    }
    int partitions = 0;
    struct reason reason = {0};
    if (kafka_admin_partitions(self->admin, topic, &partitions, &reason) != DONE) {
        *not_asked += 1;
        return;
    }
    int found = partitions > 0 ? TOPIC_EXISTS : TOPIC_MISSING;
    if (found == TOPIC_MISSING) {
        *missing += 1;
        if (state != TOPIC_MISSING) {
            log_fact(LOG_LEVEL_WARNING, "topic-missing", "topic", topic, NULL);
        }
    }
    atomic_store(&world->topic_states[index], found);
}

/* Kafka away: the first question goes unanswered and the rest are not asked in this turn. */
static void check_topics(struct gateway *self)
{
    const struct world *world = self->requests.world;
    size_t missing = 0, not_asked = 0;
    for (size_t index = 0; index < pathway_count(world->pathways) && not_asked == 0; index++) {
        check_topic(self, index, &missing, &not_asked);
    }
    metrics_set(self->requests.metrics, METRIC_TOPICS_MISSING, NULL, (double)missing);
    self->topics_known = missing == 0 && not_asked == 0;
}

static enum verdict gateway_step(void *opaque, int wait_ms, struct reason *reason)
{
    struct gateway *self = opaque;
    if (requests_wait_broken(&self->requests, wait_ms)) {
        reason_set(reason, "producer-broken", NULL, "the Kafka producer can't go on");
        return BROKEN;
    }
    bool connected = kafka_producer_connected(self->requests.producer);
    int64_t now_ms = clock_monotonic_ms();
    if (connected && !self->topics_known && now_ms >= self->topics_checked_ms + TOPICS_CHECK_MS) {
        check_topics(self);
        self->topics_checked_ms = clock_monotonic_ms();
    }
    service_not_ready(self->context, connected ? NULL : KAFKA_AWAY);
    return DONE;
}

static enum verdict gateway_drain(void *opaque, int wait_ms, struct reason *reason)
{
    struct gateway *self = opaque;
    atomic_store(&self->requests.draining, true);
    if (requests_wait_idle(&self->requests, wait_ms) > 0) {
        reason_set(reason, "in-flight", NULL, "referrals still wait for Kafka");
        return TRY_AGAIN;
    }
    return DONE;
}

static void gateway_stop(void *opaque)
{
    struct gateway *self = opaque;
    if (!self->requests_made) {
        return;
    }
    http_server_stop(self->server);
    kafka_producer_close(self->requests.producer);
    kafka_admin_close(self->admin);
    kafka_settings_free(self->settings);
    world_free(self->requests.world);
    registry_close(self->registry);
    requests_clear(&self->requests);
}

static enum verdict gateway_reload(void *opaque, struct reason *reason)
{
    struct gateway *self = opaque;
    struct world *world = load_world(self, self->requests.world->contract, reason);
    if (!world) {
        return REFUSED;
    }
    world_free(requests_swap_world(&self->requests, world));
    self->topics_known = false;
    self->topics_checked_ms = 0;
    metrics_add(self->requests.metrics, METRIC_RELOADS, NULL, 1);
    return DONE;
}

const struct service *gateway_service(void)
{
    static const struct service service = {
        .name = "gateway",
        .summary = "takes referrals over HTTP and puts them on Kafka",
        .health_listen = "127.0.0.1:9101",
        .options = OPTIONS,
        .options_count = sizeof OPTIONS / sizeof *OPTIONS,
        .values = &values,
        .metrics = METRICS,
        .metrics_count = METRICS_COUNT,
        .self = &gateway,
        .check = gateway_check,
        .start = gateway_start,
        .step = gateway_step,
        .drain = gateway_drain,
        .stop = gateway_stop,
        .reload = gateway_reload,
    };
    return &service;
}
