/* SPDX-License-Identifier: Apache-2.0 */
/* A twin world has the same providers, all healthy: the same request takes just as long there. */
#include "providers.h"

#include "base/calendar.h"
#include "base/text.h"

#include <stdlib.h>

#define MINUTE_MS 60000
#define HEALTHY_LEAST_MS 5
#define HEALTHY_SPREAD_MS 200

static int64_t draw_between(const struct plan *plan, const char *what, int64_t number,
                            int64_t least, int64_t most)
{
    return least + (int64_t)(plan_draw(plan, what, number, 0) % (uint64_t)(most - least + 1));
}

static void illness(const struct plan *plan, int32_t number, int64_t start_ms,
                    struct provider *provider)
{
    const int64_t end_ms = start_ms + plan->arrivals_ms;
    provider->ill_from_ms = draw_between(plan, "ill-from", number, start_ms - 1, end_ms);
    provider->ill_until_ms = provider->ill_from_ms + draw_between(plan, "ill-for", number,
                                                                  MINUTE_MS, 2 * plan->arrivals_ms);
    if (provider->temper == TEMPER_FLAPPING) {
        provider->ill_until_ms = draw_between(plan, "period", number, 20000, 600000);
        provider->ill_from_ms = start_ms - draw_between(plan, "phase", number, 0, 600000);
    }
}

bool providers_init(struct providers *providers, const struct plan *plan, int64_t start_ms)
{
    *providers = (struct providers){.plan = plan, .count = plan->destinations};
    providers->items = calloc((size_t)plan->destinations, sizeof(*providers->items));
    providers->hosts =
        calloc((size_t)(plan->hosts + plan->destinations), sizeof(*providers->hosts));
    if (!providers->items || !providers->hosts)
        return false;
    for (int32_t i = 0; i < plan->destinations; i++) {
        struct provider *provider = &providers->items[i];
        (void)text_format(provider->code, sizeof(provider->code), "D%04d", i);
        provider->endpoint = 1;
        provider->host = (int32_t)(plan_draw(plan, "host", i, 0) % (uint64_t)plan->hosts);
        if (plan_draw(plan, "healthy", i, 0) % 100 >= (uint64_t)plan->healthy_percent)
            provider->temper = (enum temper)(1 + plan_draw(plan, "temper", i, 0) % (TEMPERS - 1));
        /* One that can't be reached is a host of its own: where several of a host can't, the core
         * rightly takes the host to be away. */
        if (provider->temper == TEMPER_DEAD || provider->temper == TEMPER_BLACK ||
            provider->temper == TEMPER_FLAPPING)
            provider->host = plan->hosts + i;
        illness(plan, i, start_ms, provider);
        if (plan->full && i == plan_most_popular(plan) && plan->seed % 2) {
            provider->temper = TEMPER_DEAD; /* a large backlog, and a large recovery */
            provider->host = plan->hosts + i;
            provider->ill_from_ms = start_ms + plan->arrivals_ms / 10;
            provider->ill_until_ms = start_ms + plan->arrivals_ms;
        }
    }
    for (int32_t i = 0; i < plan->hosts; i++) {
        if (plan_draw(plan, "host-down", i, 0) % 5 != 0)
            continue;
        struct host *host = &providers->hosts[i];
        host->down_from_ms =
            draw_between(plan, "down-from", i, start_ms, start_ms + plan->arrivals_ms);
        host->down_until_ms =
            host->down_from_ms + draw_between(plan, "down-for", i, MINUTE_MS, plan->arrivals_ms);
    }
    return true;
}

void providers_clear(struct providers *providers)
{
    free(providers->items);
    free(providers->hosts);
    *providers = (struct providers){0};
}

int32_t provider_number(const char *code)
{
    return (int32_t)strtol(code + 1, NULL, 10);
}

int64_t provider_dead_since(const struct providers *providers, int32_t number, int64_t now_ms)
{
    const struct provider *provider = &providers->items[number];
    const struct host *host = &providers->hosts[provider->host];
    int64_t since = INT64_MIN;
    if (providers->plan->well)
        return INT64_MIN;
    if (now_ms >= host->down_from_ms && now_ms < host->down_until_ms)
        since = host->down_from_ms;
    if (provider->cured)
        return since;
    if (provider->temper == TEMPER_FLAPPING) {
        const int64_t turn = (now_ms - provider->ill_from_ms) / provider->ill_until_ms;
        const int64_t began = provider->ill_from_ms + turn * provider->ill_until_ms;
        if (turn % 2 == 1 && (since == INT64_MIN || began < since))
            since = began;
    } else if ((provider->temper == TEMPER_DEAD || provider->temper == TEMPER_BLACK) &&
               now_ms >= provider->ill_from_ms && now_ms < provider->ill_until_ms &&
               (since == INT64_MIN || provider->ill_from_ms < since)) {
        since = provider->ill_from_ms;
    }
    return since;
}

bool provider_sound(const struct providers *providers, int32_t number)
{
    const struct provider *provider = &providers->items[number];
    const enum temper temper = provider->temper;
    return (temper == TEMPER_HEALTHY || temper == TEMPER_IDEMPOTENT) &&
           !providers->hosts[provider->host].down_until_ms;
}

bool provider_takes(const struct providers *providers, int32_t number, int64_t now_ms)
{
    static const bool takes[TEMPERS] = {
        [TEMPER_HEALTHY] = true, [TEMPER_IDEMPOTENT] = true, [TEMPER_DEAD] = true,
        [TEMPER_BLACK] = true,   [TEMPER_FLAPPING] = true,
    };
    const struct provider *provider = &providers->items[number];
    return (provider->cured || takes[provider->temper]) &&
           provider_dead_since(providers, number, now_ms) == INT64_MIN;
}

/* ---- answers */

static void http_date(int64_t at_ms, char text[RETRY_AFTER_SIZE])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const int64_t seconds = at_ms / 1000;
    const struct date date = date_from_days(seconds / 86400);
    (void)text_format(text, RETRY_AFTER_SIZE, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      days[seconds / 86400 % 7], date.day, months[date.month - 1], date.year,
                      (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

static void take(struct reply *reply)
{
    reply->answer = (struct answer){.status = 200};
    reply->taken = true;
}

static void fail(struct reply *reply, int status, const char *error)
{
    reply->answer = (struct answer){.status = status, .error = error};
    reply->taken = false;
}

static void ask_to_wait(struct reply *reply, struct random *random, bool dated, int64_t now_ms)
{
    const int64_t wait_ms = (int64_t)random_below(random, 400) * 1000;
    fail(reply, dated && random_below(random, 2) ? 503 : 429, NULL);
    if (dated)
        http_date(now_ms + wait_ms, reply->retry_after);
    else
        (void)text_format(reply->retry_after, RETRY_AFTER_SIZE, "%d", (int)(wait_ms / 1000));
    reply->answer.retry_after = reply->retry_after;
}

static void by_temper(const struct provider *provider, struct random *random, int64_t now_ms,
                      bool again, struct reply *reply)
{
    static const char duplicate[] = "{\"code\": \"duplicate\"}";
    switch (provider->temper) {
    case TEMPER_IDEMPOTENT:
        if (again)
            reply->answer = (struct answer){
                .status = 409, .excerpt = duplicate, .excerpt_length = sizeof(duplicate) - 1};
        break;
    case TEMPER_SLOW:
        reply->wait_ms = (int64_t)random_below(random, 20000);
        if (random_below(random, 20) == 0)
            reply->wait_ms *= 4;
        break;
    case TEMPER_LOSSY:
        if (random_below(random, 3) == 0)
            reply->answer = (struct answer){.error = random_below(random, 4) ? "connection-lost"
                                                                             : "stale-connection"};
        break;
    case TEMPER_BUSY:
    case TEMPER_DATED:
        if (random_below(random, 3))
            ask_to_wait(reply, random, provider->temper == TEMPER_DATED, now_ms);
        break;
    case TEMPER_UNWELL:
        if (random_below(random, 4))
            fail(reply, random_below(random, 2) ? 500 : 408, NULL);
        break;
    case TEMPER_REFUSING:
        fail(reply, 404, NULL);
        break;
    case TEMPER_GONE:
        fail(reply, 410, NULL);
        break;
    case TEMPER_REDIRECTING:
        fail(reply, 302, NULL);
        break;
    default:
        break;
    }
}

void provider_reply(const struct providers *providers, int32_t number, int64_t now_ms,
                    int64_t timeout_ms, bool again, uint64_t draw, struct reply *ret_reply)
{
    const struct provider *provider = &providers->items[number];
    struct random random = {draw};
    struct reply *reply = ret_reply;
    *reply = (struct reply){.wait_ms = HEALTHY_LEAST_MS +
                                       (int64_t)random_below(&random, HEALTHY_SPREAD_MS)};
    take(reply);
    if (provider_dead_since(providers, number, now_ms) != INT64_MIN) {
        const bool swallows =
            provider->temper == TEMPER_BLACK ||
            (provider->temper == TEMPER_FLAPPING && random_below(&random, 2) == 0);
        fail(reply, 0, swallows ? "timeout" : "refused-connection");
        reply->answer.unsent = !swallows;
        reply->wait_ms = swallows ? timeout_ms : 1;
    } else if (!providers->plan->well && !provider->cured) {
        by_temper(provider, &random, now_ms, again, reply);
    }
    if (reply->wait_ms >= timeout_ms) { /* what has been taken stays taken */
        reply->wait_ms = timeout_ms;
        reply->answer = (struct answer){.error = "timeout"};
    }
}
