/* SPDX-License-Identifier: Apache-2.0 */
/* Three layers: defaults that keep latency and memory low, the operator's KAFKA_… variables, and on
 * top what carries the promises and may not be changed. A variable for one of those is an error and
 * not a warning: somebody believes that it works. */
#include "kafka/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "service/options.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define PROPERTIES_MAX 128
#define FILE_SIZE_MAX 65536

#define PRODUCERS (KAFKA_PRODUCER | KAFKA_TRANSACTIONAL)
#define CONSUMERS (KAFKA_READER | KAFKA_MEMBER)
#define ALL (PRODUCERS | CONSUMERS)

struct row {
    int roles;
    const char *name;
    const char *
        value; /* NULL in `locked`: set by the code that makes the client, or left at its default */
};

static const struct row defaults[] = {
    {ALL, "bootstrap.servers", KAFKA_BROKERS_OTHERWISE},
    {ALL, "log.connection.close", "false"},
    {ALL, "enable.metrics.push", "false"}, /* memory; /metrics tells it all */
    {ALL, "socket.keepalive.enable", "true"},
    {ALL, "socket.nagle.disable", "true"},
    {ALL, "reconnect.backoff.ms", "50"},
    {ALL, "reconnect.backoff.max.ms", "1000"},
    {ALL, "topic.metadata.refresh.interval.ms", "10000"},
    {PRODUCERS, "compression.type", "lz4"},
    {PRODUCERS, "queue.buffering.max.kbytes", "8192"}, /* memory: 8 MiB and no more */
    {PRODUCERS, "queue.buffering.max.messages", "50000"},
    {KAFKA_PRODUCER, "linger.ms", "3"}, /* somebody waits; 1 costs the broker twice the CPU */
    {KAFKA_TRANSACTIONAL, "linger.ms",
     "60"}, /* a commit has less to send at its end; 5 costs the broker twice */
    {KAFKA_TRANSACTIONAL, "transaction.timeout.ms", "20000"},
    {KAFKA_TRANSACTIONAL, "message.max.bytes", "4194304"}, /* a dead letter: a record, and why */
    {CONSUMERS, "queued.min.messages", "10000"},
    {CONSUMERS, "queued.max.messages.kbytes", "2048"}, /* memory, again */
    {CONSUMERS, "fetch.max.bytes", "1048576"},
    {CONSUMERS, "max.partition.fetch.bytes", "262144"},
    {CONSUMERS, "fetch.wait.max.ms", "100"}, /* a new partition waits for the running fetch */
    {CONSUMERS, "fetch.error.backoff.ms", "100"},
    {CONSUMERS, "fetch.queue.backoff.ms", "5"}, /* the default, 1 s, starves so small a queue */
};

static const struct row locked[] = {
    {PRODUCERS, "acks", "all"},
    {0, "request.required.acks", NULL},
    {PRODUCERS, "enable.idempotence", "true"},
    {PRODUCERS, "partitioner", "murmur2_random"},
    {0, "max.in.flight", NULL},
    {0, "max.in.flight.requests.per.connection", NULL},
    {0, "retries", NULL},
    {0, "message.send.max.retries", NULL},
    {0, "enable.gapless.guarantee", NULL},
    {0, "transactional.id", NULL},
    {0, "delivery.report.only.error", NULL},
    {CONSUMERS, "enable.auto.commit", "false"},
    {0, "auto.commit.enable", NULL},
    {0, "auto.commit.interval.ms", NULL},
    {CONSUMERS, "enable.auto.offset.store", "false"},
    {CONSUMERS, "auto.offset.reset", "earliest"}, /* the default, latest, loses silently */
    {CONSUMERS, "isolation.level", "read_committed"},
    {CONSUMERS, "check.crcs", "true"},
    {CONSUMERS, "enable.partition.eof", "true"},
    {CONSUMERS, "allow.auto.create.topics", "false"},
    {KAFKA_MEMBER, "partition.assignment.strategy", "cooperative-sticky"},
    {KAFKA_MEMBER, "group.protocol", "classic"},
    {0, "group.id", NULL},
    {0, "group.instance.id", NULL},
    {0, "group.remote.assignor", NULL},
    {0, "topic.blacklist", NULL},
    {0, "queuing.strategy", NULL},
    {0, "statistics.interval.ms", NULL},
    {0, "plugin.library.paths", NULL}, /* would load code */
};

/* A broker that is away makes the library say so up to forty times a second: of each kind of line,
 * five in ten seconds are enough, and how many were left out. */
#define KINDS_MAX 32
#define LINES_MAX 5
#define WINDOW_MS 10000

struct kind {
    char facility[16];
    int64_t since_ms;
    int lines;
};

static bool may_log(const char *facility, char left_out[16])
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct kind kinds[KINDS_MAX];
    int64_t now_ms = clock_monotonic_ms();
    struct kind *kind = &kinds[KINDS_MAX - 1]; /* what there is no room for shares the last one */
    bool may;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < KINDS_MAX - 1; i++) {
        if (kinds[i].facility[0] == '\0')
            text_copy(kinds[i].facility, sizeof(kinds[i].facility), facility);
        if (strncmp(kinds[i].facility, facility, sizeof(kinds[i].facility) - 1) == 0) {
            kind = &kinds[i];
            break;
        }
    }
    left_out[0] = '\0';
    if (kind->since_ms == 0 || now_ms - kind->since_ms >= WINDOW_MS) {
        if (kind->lines > LINES_MAX)
            text_format(left_out, 16, "%d", kind->lines - LINES_MAX);
        kind->since_ms = now_ms;
        kind->lines = 0;
    }
    may = ++kind->lines <= LINES_MAX;
    pthread_mutex_unlock(&lock);
    return may;
}

static void log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
    enum log_level as = level <= LOG_CRIT      ? LOG_LEVEL_ERROR
                        : level <= LOG_WARNING ? LOG_LEVEL_WARNING
                        : level <= LOG_INFO    ? LOG_LEVEL_INFO
                                               : LOG_LEVEL_DEBUG;
    char left_out[16] = "";

    /* One set of properties serves producers and consumers: that some are not for this one is no
     * news. */
    if (strcmp(facility, "CONFWARN") == 0)
        as = LOG_LEVEL_DEBUG;
    /* What somebody asked for with KAFKA_DEBUG is shown in full. */
    if (as != LOG_LEVEL_DEBUG && !may_log(facility, left_out))
        return;
    log_fact(as, "kafka-client", "facility", facility, "text", text, "client",
             client ? rd_kafka_name(client) : NULL, "left_out", left_out[0] ? left_out : NULL,
             NULL);
}

/* The log has said it, and whoever called will be told by the call; those who want to know more set
 * their own. Without one the library would log each error a second time. */
static void on_error(rd_kafka_t *client, int error, const char *words, void *opaque)
{
    (void)client, (void)error, (void)words, (void)opaque;
}

bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                    struct reason *reason)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return true;
    reason_set(reason, "bad-kafka-setting", NULL, "Kafka property %s: %.200s", name, why);
    return false;
}

bool kafka_conf_set_number(rd_kafka_conf_t *conf, const char *name, int64_t value,
                           struct reason *reason)
{
    char text[24];

    text_format(text, sizeof(text), "%lld", (long long)value);
    return kafka_conf_set(conf, name, text, reason);
}

static bool set_rows(rd_kafka_conf_t *conf, const struct row *table, size_t count,
                     enum kafka_role role, struct reason *reason)
{
    for (size_t i = 0; i < count; i++) {
        if ((table[i].roles & (int)role) && table[i].value &&
            !kafka_conf_set(conf, table[i].name, table[i].value, reason))
            return false;
    }
    return true;
}

rd_kafka_conf_t *kafka_conf_new(const struct kafka_settings *settings, enum kafka_role role,
                                struct reason *reason)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (!kafka_conf_set(conf, "client.id", settings->client_id, reason) ||
        !set_rows(conf, defaults, sizeof(defaults) / sizeof(defaults[0]), role, reason))
        goto fail;
    for (size_t i = 0; i < settings->properties_count; i++) {
        if (!kafka_conf_set(conf, settings->properties[i].name, settings->properties[i].value,
                            reason))
            goto fail;
    }
    if (!set_rows(conf, locked, sizeof(locked) / sizeof(locked[0]), role, reason))
        goto fail;
    rd_kafka_conf_set_log_cb(conf, log_line);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return conf;
fail:
    rd_kafka_conf_destroy(conf);
    return NULL;
}

rd_kafka_t *kafka_client_new(rd_kafka_conf_t *conf, rd_kafka_type_t type, struct reason *reason)
{
    char why[256];
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof(why));

    if (!client) {
        rd_kafka_conf_destroy(conf);
        const bool short_of = rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        reason_set(reason, short_of ? "no-resources" : "bad-kafka-setting", NULL,
                   "the Kafka client can't be made: %.200s", why);
    }
    return client;
}

/* ---- the environment */

static bool property_add(struct kafka_settings *settings, const char *name, const char *value)
{
    struct kafka_property *property = &settings->properties[settings->properties_count];

    if (settings->properties_count == PROPERTIES_MAX)
        return false;
    property->name = strdup(name);
    property->value = strdup(value);
    settings->properties_count++;
    return property->name && property->value;
}

/* Neither properties of ours nor slips: what Kafka's own scripts and Kubernetes put there. */
static bool is_foreign(const char *rest)
{
    size_t length = strcspn(rest, "=");

    return options_is_service_link(rest) || strncmp(rest, "HOME=", 5) == 0 ||
           (length >= 4 && strncmp(rest + length - 4, "OPTS", 4) == 0) || rest[length + 1] == '\0';
}

static bool property_is_known(const char *name)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char value[1024];
    size_t size = sizeof(value);
    rd_kafka_conf_res_t got = rd_kafka_conf_get(conf, name, value, &size);

    rd_kafka_conf_destroy(conf);
    if (got == RD_KAFKA_CONF_UNKNOWN) {
        rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();

        size = sizeof(value);
        got = rd_kafka_topic_conf_get(topic_conf, name, value, &size);
        rd_kafka_topic_conf_destroy(topic_conf);
    }
    return got != RD_KAFKA_CONF_UNKNOWN;
}

static bool property_check(const char *variable, const char *name, const char *value,
                           struct reason *reason)
{
    rd_kafka_conf_t *conf;
    char why[256];
    bool fine;

    for (size_t i = 0; i < sizeof(locked) / sizeof(locked[0]); i++) {
        if (strcmp(locked[i].name, name) == 0) {
            reason_set(reason, "locked-kafka-setting", NULL,
                       "%s can't be set: %s carries the promise that nothing is lost or doubled",
                       variable, name);
            return false;
        }
    }
    conf = rd_kafka_conf_new();
    fine = rd_kafka_conf_set(conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK;
    rd_kafka_conf_destroy(conf);
    if (!fine)
        reason_set(reason, "bad-kafka-setting", NULL, "%s: %.240s", variable, why);
    return fine;
}

/* One "KAFKA_X_Y=value" of the environment. */
static bool variable_read(struct kafka_settings *settings, const char *entry, struct reason *reason)
{
    size_t length = strcspn(entry, "=");
    char variable[128], name[128];
    const char *value = entry + length + 1;
    char *content = NULL;
    bool done = false;

    if (!text_copy_bytes(variable, sizeof(variable), entry, length) ||
        !text_copy(name, sizeof(name), variable + 6)) {
        reason_set(reason, "bad-kafka-setting", NULL, "%.100s… is no Kafka property", entry);
        return false;
    }
    for (char *at = name; *at; at++)
        *at = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
    length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".file") == 0 && !property_is_known(name)) {
        name[length - 5] = '\0';
        content = text_read_file(value, FILE_SIZE_MAX, NULL);
        if (!content) {
            reason_set(reason, "bad-kafka-setting", NULL,
                       "%s names %.100s, which can't be read: %s", variable, value,
                       strerror(errno));
            return false;
        }
        /* A key in PEM has many lines; a password ends with the one it is written in. */
        length = strlen(content);
        while (length > 0 && strchr("\r\n", content[length - 1]))
            content[--length] = '\0';
        value = content;
    }
    if (!property_check(variable, name, value, reason))
        goto out;
    done = property_add(settings, name, value);
    if (!done)
        reason_set(reason, "no-memory", NULL, "too many KAFKA_ variables");
out:
    free(content);
    return done;
}

static struct kafka_settings *settings_new(const char *client_id)
{
    struct kafka_settings *settings = calloc(1, sizeof(*settings));

    if (!settings)
        return NULL;
    settings->properties = calloc(PROPERTIES_MAX, sizeof(*settings->properties));
    if (!settings->properties) {
        free(settings);
        return NULL;
    }
    text_copy(settings->client_id, sizeof(settings->client_id), client_id);
    return settings;
}

struct kafka_settings *kafka_settings_from_environment(const char *client_id, struct reason *reason)
{
    struct kafka_settings *settings;

    if (rd_kafka_version() < KAFKA_VERSION_LEAST) {
        reason_set(reason, "old-library", NULL, "librdkafka is %s, needed is 2.12.1 or later",
                   rd_kafka_version_str());
        return NULL;
    }
    settings = settings_new(client_id);
    if (!settings) {
        reason_set(reason, "no-memory", NULL, "no memory for the Kafka settings");
        return NULL;
    }
    for (char **entry = environ; entry && *entry; entry++) {
        if (strncmp(*entry, "KAFKA_", 6) != 0 || is_foreign(*entry + 6))
            continue;
        if (!variable_read(settings, *entry, reason)) {
            kafka_settings_free(settings);
            return NULL;
        }
    }
    return settings;
}

struct kafka_settings *kafka_settings_copy(const struct kafka_settings *settings)
{
    struct kafka_settings *copy = settings_new(settings->client_id);

    for (size_t i = 0; copy && i < settings->properties_count; i++) {
        if (!property_add(copy, settings->properties[i].name, settings->properties[i].value)) {
            kafka_settings_free(copy);
            return NULL;
        }
    }
    return copy;
}

bool kafka_settings_otherwise(struct kafka_settings *settings, const char *name, int value)
{
    char text[12];

    for (size_t i = 0; i < settings->properties_count; i++)
        if (strcmp(settings->properties[i].name, name) == 0)
            return true;
    text_format(text, sizeof(text), "%d", value);
    return property_add(settings, name, text);
}

void kafka_settings_free(struct kafka_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->properties_count; i++) {
        free(settings->properties[i].name);
        free(settings->properties[i].value);
    }
    free(settings->properties);
    free(settings);
}
