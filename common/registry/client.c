/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one question at a time, and a lock that is never held over the network. What it has
 * to ask lies in two places: `asks`, the ids that readers have met, and `wants`, the schemas that
 * are written here. Ids never change their schema, so an answer is final; only a registry that has
 * lost its ids (a disk gone, a toy in memory) can contradict itself, which is why our own are asked
 * for again whenever it comes back. */
#include "registry/client_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "registry/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_UP_WAIT_MS 1000
#define BACK_OFF_FIRST_MS 500
#define BACK_OFF_LAST_MS 5000
#define NEGATIVE_MS 30000
#define ASKS_MAX 1024

enum { METRIC_UP, METRIC_ANSWERS, METRIC_IDS, METRIC_WITHOUT_ID, METRIC_WAITING };

static const struct metric metrics_table[] = {
    [METRIC_UP] = {"referral_schema_registry_up", METRIC_GAUGE, NULL,
                   "1 if the schema registry answered when it was asked last"},
    [METRIC_ANSWERS] = {"referral_schema_registry_answers_total", METRIC_COUNTER, "outcome",
                        "Answers of the schema registry: found, absent, unusable, away"},
    [METRIC_IDS] = {"referral_schema_registry_ids", METRIC_GAUGE, NULL, "Schema ids known"},
    [METRIC_WITHOUT_ID] = {"referral_schema_registry_schemas_without_id", METRIC_GAUGE, NULL,
                           "Schemas of ours without an id: written in single-object encoding"},
    [METRIC_WAITING] = {"referral_schema_registry_ids_waiting", METRIC_GAUGE, NULL,
                        "Ids of records that wait until the schema registry answers"},
};

/* ---- small things; the lock is held */

struct timespec client_moment(int64_t at_ms)
{
    return (struct timespec){.tv_sec = (time_t)(at_ms / 1000),
                             .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

/* How many wait for an answer; *ret_next (may be NULL) is the one to be asked for first. */
static size_t waiting(const struct registry_client *client, struct ask **ret_next)
{
    size_t cursor = 0, length, count = 0;
    const void *key;
    void *value;
    struct ask *next = NULL;
    while (map_next(client->asks, &cursor, &key, &length, &value)) {
        struct ask *ask = value;
        if (ask->answered)
            continue;
        count++;
        if (!next || ask->due_ms < next->due_ms)
            next = ask;
    }
    if (ret_next)
        *ret_next = next;
    return count;
}

/* Asks that were answered and are over make room. */
static void forget_old_asks(struct registry_client *client, int64_t now_ms)
{
    bool found = true;
    while (found && map_count(client->asks) >= ASKS_MAX) {
        size_t cursor = 0, length;
        const void *key;
        void *value;
        found = false;
        while (!found && map_next(client->asks, &cursor, &key, &length, &value)) {
            struct ask *ask = value;
            if (!ask->answered || ask->until_ms > now_ms)
                continue;
            int32_t id = ask->id;
            free(map_remove(client->asks, &id, sizeof(id)));
            found = true;
        }
    }
}

void client_tell(struct registry_client *client)
{
    int32_t id;
    size_t ids = 0, cursor = 0;
    const struct schema *schema;
    while (registry_next(client->table, &cursor, &id, &schema))
        ids++;
    metrics_set(client->metrics, METRIC_UP, NULL, client->heard && !client->away);
    metrics_set(client->metrics, METRIC_IDS, NULL, (double)ids);
    metrics_set(client->metrics, METRIC_WITHOUT_ID, NULL, (double)wants_without_id(client));
    metrics_set(client->metrics, METRIC_WAITING, NULL, (double)waiting(client, NULL));
    size_t missing = wants_without_id(client);
    if (!wants_settled(client) || client->wants_count == 0 ||
        (client->told && missing == client->told_missing))
        return;
    client->told = true;
    client->told_missing = missing;
    char count[24];
    (void)text_format(count, sizeof(count), "%zu", missing);
    if (missing > 0)
        log_fact(LOG_LEVEL_WARNING, "schemas-without-id", "count", count, "detail",
                 "written in single-object encoding until: referralctl schema register", NULL);
    else
        log_fact(LOG_LEVEL_INFO, "schema-ids-known", NULL);
}

void client_note(struct registry_client *client, enum registry_outcome outcome,
                 const struct reason *reason)
{
    static const char *const names[] = {
        [REGISTRY_FOUND] = "found",       [REGISTRY_ABSENT] = "absent",
        [REGISTRY_UNUSABLE] = "unusable", [REGISTRY_CONFLICT] = "unusable",
        [REGISTRY_AWAY] = "away",
    };
    metrics_add(client->metrics, METRIC_ANSWERS, names[outcome], 1);
    if (outcome != REGISTRY_AWAY) {
        if (client->away)
            log_fact(LOG_LEVEL_INFO, "schema-registry-back", NULL);
        for (size_t i = 0; client->away && i < client->wants_count; i++)
            client->wants[i].due_ms = 0;
        client->heard = true;
        client->away = false;
        client->back_off_ms = 0;
        return;
    }
    if (!client->away && !atomic_load(&client->stop))
        log_fact(LOG_LEVEL_WARNING, "schema-registry-away", "detail", reason->detail, "trouble",
                 registry_line_trouble(client->line), NULL);
    client->away = true;
    client->back_off_ms = client->back_off_ms == 0 ? BACK_OFF_FIRST_MS : client->back_off_ms * 2;
    if (client->back_off_ms > BACK_OFF_LAST_MS)
        client->back_off_ms = BACK_OFF_LAST_MS;
    client->retry_ms = clock_monotonic_ms() + client->back_off_ms;
}

/* ---- the thread: ids that were met */

static void ask_for_id(struct registry_client *client, int32_t id)
{
    char path[PATH_SIZE];
    struct schema *schema = NULL;
    struct reason reason = {0};
    (void)text_format(path, sizeof(path), "/schemas/ids/%d", id);
    pthread_mutex_unlock(&client->lock);
    struct registry_reply reply = registry_ask(client->line, path, NULL, false);
    enum registry_outcome outcome = registry_answer_schema(&reply, &schema, &reason);
    if (outcome == REGISTRY_FOUND && !registry_add_take(client->table, id, schema)) {
        outcome = REGISTRY_UNUSABLE;
        reason_set(&reason, "too-many-schema-ids", NULL, "more than %d", REGISTRY_IDS_MAX);
    }
    pthread_mutex_lock(&client->lock);
    client_note(client, outcome, &reason);
    if (outcome == REGISTRY_FOUND) {
        free(map_remove(client->asks, &id, sizeof(id)));
        return;
    }
    struct ask *ask = map_get(client->asks, &id, sizeof(id));
    ask->due_ms = client->retry_ms; /* behind the others: one that fails is no bar to them */
    if (outcome != REGISTRY_AWAY) {
        ask->answered = true;
        ask->until_ms = clock_monotonic_ms() + NEGATIVE_MS;
        (void)text_copy(ask->code, sizeof(ask->code), reason.code);
        (void)text_copy(ask->detail, sizeof(ask->detail), reason.detail);
    }
}

/* ---- the thread */

static void save(struct registry_client *client, uint64_t *saved)
{
    struct reason reason = {0};
    const char *path = client->options->cache;
    const uint64_t generation = registry_generation(client->table);
    if (!path || !*path || generation == *saved)
        return;
    *saved = generation;
    if (registry_cache_save(path, client->table, &reason) != DONE)
        log_fact(LOG_LEVEL_WARNING, "schema-cache-unwritten", "file", reason.pointer, "detail",
                 reason.detail, NULL);
}

/* True if something was asked; else *ret_next_ms says when there will be something to ask. */
static bool work(struct registry_client *client, int64_t *ret_next_ms)
{
    struct ask *ask = NULL;
    struct want *want = wants_next(client);
    int64_t ask_ms = waiting(client, &ask) > 0 ? ask->due_ms : FOR_EVER;
    int64_t want_ms = want ? want->due_ms : FOR_EVER;
    int64_t due_ms = ask_ms < want_ms ? ask_ms : want_ms;
    if (client->away && due_ms < client->retry_ms)
        due_ms = client->retry_ms;
    *ret_next_ms = due_ms;
    if (due_ms > clock_monotonic_ms())
        return false;
    if (ask_ms <= want_ms)
        ask_for_id(client, ask->id);
    else
        wants_ask(client, want);
    return true;
}

static void *run(void *self)
{
    struct registry_client *client = self;
    uint64_t saved = registry_generation(client->table);
    pthread_mutex_lock(&client->lock);
    while (!atomic_load(&client->stop)) {
        int64_t next_ms;
        if (work(client, &next_ms)) {
            client_tell(client);
            pthread_cond_broadcast(&client->answered);
            pthread_mutex_unlock(&client->lock);
            save(client, &saved);
            pthread_mutex_lock(&client->lock);
        } else if (next_ms == FOR_EVER) {
            pthread_cond_wait(&client->work, &client->lock);
        } else {
            const struct timespec until = client_moment(next_ms);
            (void)pthread_cond_timedwait(&client->work, &client->lock, &until);
        }
    }
    pthread_mutex_unlock(&client->lock);
    return NULL;
}

/* ---- the readers' side */

/* The id's entry, made or made anew if its answer is out of date. NULL: too many. */
static struct ask *ask_of(struct registry_client *client, int32_t id, int64_t now_ms)
{
    struct ask *ask = map_get(client->asks, &id, sizeof(id));
    if (ask && ask->answered && ask->until_ms <= now_ms)
        ask->answered = false;
    if (ask)
        return ask;
    forget_old_asks(client, now_ms);
    ask = calloc(1, sizeof(*ask));
    if (ask && map_set(client->asks, &id, sizeof(id), ask, NULL)) {
        ask->id = id;
        return ask;
    }
    free(ask);
    return NULL;
}

static void tell_waiting(struct ask *ask)
{
    char id[16];
    if (!ask || ask->told)
        return;
    ask->told = true;
    (void)text_format(id, sizeof(id), "%d", ask->id);
    log_fact(LOG_LEVEL_WARNING, "schema-id-waits", "id", id, "detail",
             "records with it wait for the schema registry", NULL);
}

static enum verdict look_up(void *context, struct registry *table, int32_t id,
                            struct reason *reason)
{
    struct registry_client *client = context;
    int64_t now_ms = clock_monotonic_ms();
    const struct timespec until = client_moment(now_ms + LOOK_UP_WAIT_MS);
    enum verdict verdict = TRY_AGAIN;
    reason_set(reason, "registry-away", NULL,
               "schema id %d is not known, and the schema registry does not answer", id);
    pthread_mutex_lock(&client->lock);
    for (int late = 0; verdict == TRY_AGAIN;) {
        bool known = registry_schema(table, id) != NULL;
        struct ask *ask = known ? NULL : ask_of(client, id, now_ms);
        if (known) {
            verdict = DONE;
        } else if (ask && ask->answered) {
            reason_set(reason, ask->code, NULL, "%s", ask->detail);
            verdict = REFUSED;
        } else if (!ask || client->away || late) {
            tell_waiting(ask);
            break;
        } else {
            pthread_cond_signal(&client->work);
            late = pthread_cond_timedwait(&client->answered, &client->lock, &until);
        }
    }
    pthread_mutex_unlock(&client->lock);
    return verdict;
}

/* ---- life */

enum verdict registry_check(const struct registry_options *options, struct reason *reason)
{
    return registry_options_usable(options, reason) ? DONE : BROKEN;
}

static bool start_thread(struct registry_client *client)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->work, &attributes);
    pthread_cond_init(&client->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    client->running = pthread_create(&client->thread, NULL, run, client) == 0;
    return client->running;
}

enum verdict registry_open(const struct registry_options *options, struct metrics *metrics,
                           struct registry_client **ret_client, struct reason *reason)
{
    *ret_client = NULL;
    if (!options->url || !*options->url)
        return DONE;
    if (!registry_options_usable(options, reason))
        return BROKEN;
    reason_set(reason, "no-memory", NULL, "no memory for the schema registry");
    struct registry_client *client = calloc(1, sizeof(*client));
    if (!client)
        return BROKEN;
    client->options = options;
    client->table = registry_new();
    client->asks = map_new(ASKS_MAX);
    client->metrics = metrics_new(metrics_table, sizeof(metrics_table) / sizeof(metrics_table[0]));
    client->line = registry_line_open(options, &client->stop, reason);
    if (client->table && client->asks && client->metrics && client->line) {
        registry_on_miss(client->table, look_up, client);
        if (options->cache && *options->cache)
            (void)registry_cache_load(options->cache, client->table);
        if (start_thread(client)) {
            client->joined = metrics;
            metrics_join(metrics, client->metrics);
            *ret_client = client;
            return DONE;
        }
    }
    registry_close(client);
    return BROKEN;
}

struct registry *registry_table(struct registry_client *client)
{
    return client ? client->table : NULL;
}

void registry_close(struct registry_client *client)
{
    if (!client)
        return;
    metrics_join(client->joined, NULL);
    if (client->running) {
        pthread_mutex_lock(&client->lock);
        atomic_store(&client->stop, true);
        pthread_cond_signal(&client->work);
        pthread_mutex_unlock(&client->lock);
        pthread_join(client->thread, NULL);
        pthread_cond_destroy(&client->answered);
        pthread_cond_destroy(&client->work);
        pthread_mutex_destroy(&client->lock);
    }
    registry_line_close(client->line);
    metrics_free(client->metrics);
    map_free(client->asks, free);
    registry_free(client->table);
    wants_free(client->wants, client->wants_count);
    free(client);
}
