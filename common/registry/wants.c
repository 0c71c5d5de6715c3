/* SPDX-License-Identifier: Apache-2.0 */
/* Our own schemas: each is looked up under its subject, never registered here. */
#include "registry/client_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define USE_WAIT_MS 2000
#define WANT_AGAIN_MS 5000
#define WANTS_MAX 128

size_t wants_without_id(const struct registry_client *client)
{
    size_t count = 0;
    for (size_t i = 0; i < client->wants_count; i++)
        count += client->wants[i].id < 0;
    return count;
}

bool wants_settled(const struct registry_client *client)
{
    for (size_t i = 0; i < client->wants_count; i++)
        if (!client->wants[i].settled)
            return false;
    return true;
}

/* ---- the thread */

/* A body {"schema": …}; NULL without memory. */
static char *question(const char *text)
{
    struct json *json = json_new_object();
    char *body = json_set_text(json, "schema", text) ? json_print(json, JSON_COMPACT) : NULL;
    json_free(json);
    return body;
}

static bool is_in_table(struct registry *table, int32_t id, uint64_t fingerprint)
{
    const struct schema *known = registry_schema(table, id);
    return known && schema_fingerprint(known) == fingerprint;
}

static void settle_want(struct registry_client *client, struct want *want, int32_t id)
{
    if (id < 0 && want->id >= 0)
        log_fact(LOG_LEVEL_ERROR, "schema-id-lost", "subject", want->subject, "detail",
                 "the schema registry does not know it any more", NULL);
    if (id >= 0 && !is_in_table(client->table, id, want->fingerprint)) {
        struct schema *schema = schema_parse(want->text, strlen(want->text), NULL);
        if (!schema || !registry_add_take(client->table, id, schema))
            id = -1;
    }
    if (!registry_write_as(client->table, want->fingerprint, id))
        id = -1;
    want->id = id;
    want->settled = true;
    want->due_ms = id >= 0 ? FOR_EVER : clock_monotonic_ms() + WANT_AGAIN_MS;
}

void wants_ask(struct registry_client *client, struct want *want)
{
    char path[PATH_SIZE];
    int32_t id = -1, version = 0;
    struct reason reason = {0};
    uint64_t generation = client->wants_generation;
    char *body = question(want->text);
    (void)text_format(path, sizeof(path), "/subjects/%s", want->subject);
    pthread_mutex_unlock(&client->lock);
    struct registry_reply reply = {0};
    if (body)
        reply = registry_ask(client->line, path, body, false);
    enum registry_outcome outcome = registry_answer_id(&reply, &id, &version, &reason);
    free(body);
    pthread_mutex_lock(&client->lock);
    client_note(client, outcome, &reason);
    if (generation != client->wants_generation)
        return;
    if (outcome == REGISTRY_AWAY)
        want->due_ms = client->retry_ms;
    else
        settle_want(client, want, outcome == REGISTRY_FOUND ? id : -1);
}

struct want *wants_next(struct registry_client *client)
{
    struct want *next = NULL;
    for (size_t i = 0; i < client->wants_count; i++)
        if (!next || client->wants[i].due_ms < next->due_ms)
            next = &client->wants[i];
    return next;
}

/* ---- what is written here */

void wants_free(struct want *wants, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(wants[i].text);
    free(wants);
}

/* What was known of it before, or stands in the table since the cache was read. */
static int32_t known_id(const struct registry_client *client, const struct want *want)
{
    size_t cursor = 0;
    int32_t id;
    const struct schema *schema;
    for (size_t i = 0; i < client->wants_count; i++)
        if (strcmp(client->wants[i].subject, want->subject) == 0 &&
            strcmp(client->wants[i].text, want->text) == 0 && client->wants[i].id >= 0)
            return client->wants[i].id;
    while (registry_next(client->table, &cursor, &id, &schema))
        if (strcmp(schema_text(schema), want->text) == 0)
            return id;
    return -1;
}

static struct want *wants_of(const struct contract *contract, size_t *ret_count)
{
    struct want *wants = calloc(WANTS_MAX, sizeof(*wants));
    const struct schema *schema;
    const char *pathway;
    bool done = wants != NULL;
    *ret_count = 0;
    for (size_t i = 0; done && (schema = contract_at(contract, i, &pathway)) != NULL; i++) {
        struct want want = {.fingerprint = schema_fingerprint(schema), .id = -1};
        for (size_t number = 0;
             done && registry_subject(schema_short_name(schema), pathway, number, want.subject);
             number++) {
            want.text = strdup(schema_text(schema));
            done = want.text && *ret_count < WANTS_MAX;
            if (done)
                wants[(*ret_count)++] = want;
            else
                free(want.text);
        }
    }
    if (done)
        return wants;
    wants_free(wants, *ret_count);
    return NULL;
}

bool registry_use(struct registry_client *client, const struct contract *contract)
{
    size_t count = 0;
    if (!client)
        return true;
    struct want *wants = wants_of(contract, &count);
    if (!wants)
        return false;
    const struct timespec until = client_moment(clock_monotonic_ms() + USE_WAIT_MS);
    pthread_mutex_lock(&client->lock);
    for (size_t i = 0; i < count; i++) {
        wants[i].id = known_id(client, &wants[i]);
        if (wants[i].id >= 0 &&
            !registry_write_as(client->table, wants[i].fingerprint, wants[i].id))
            wants[i].id = -1;
    }
    struct want *old = client->wants;
    size_t old_count = client->wants_count;
    client->wants = wants;
    client->wants_count = count;
    client->wants_generation++;
    client->told = false;
    pthread_cond_signal(&client->work);
    int late = 0;
    while (!wants_settled(client) && !client->away && late == 0)
        late = pthread_cond_timedwait(&client->answered, &client->lock, &until);
    client_tell(client);
    pthread_mutex_unlock(&client->lock);
    wants_free(old, old_count);
    return true;
}
