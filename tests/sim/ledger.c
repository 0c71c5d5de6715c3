/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger believes nothing that the core says: it looks at what is committed. */
#include "ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CALM_MARGIN_MS 10000 /* until the backlog of a disturbance is gone */
#define CALM_LEAST 1000      /* fewer make no percentile */

void effects_add(struct effects *effects, enum effect_kind kind, const struct place *place)
{
    if (effects->count == effects->capacity) {
        effects->capacity = effects->capacity ? effects->capacity * 2 : 64;
        effects->items = realloc(effects->items, effects->capacity * sizeof(*effects->items));
        if (!effects->items)
            abort();
    }
    effects->items[effects->count++] = (struct effect){.kind = kind,
                                                       .referral = place->referral,
                                                       .hop = place->hop,
                                                       .destination = place->destination,
                                                       .attempts = place->attempts};
}

void effects_clear(struct effects *effects)
{
    free(effects->items);
    *effects = (struct effects){0};
}

bool ledger_init(struct ledger *ledger, const struct plan *plan, struct finding *finding,
                 int64_t start_ms)
{
    *ledger = (struct ledger){.plan = plan, .finding = finding, .start_ms = start_ms};
    ledger->referrals = calloc((size_t)plan->referrals, sizeof(*ledger->referrals));
    ledger->calm_ms = calloc((size_t)plan->referrals * HOPS_MAX, sizeof(*ledger->calm_ms));
    return ledger->referrals && ledger->calm_ms;
}

void ledger_clear(struct ledger *ledger)
{
    free(ledger->referrals);
    free(ledger->calm_ms);
    *ledger = (struct ledger){0};
}

int32_t ledger_partition(const struct ledger *ledger, int32_t destination)
{
    return destination % ledger->plan->partitions;
}

bool ledger_calm_since(const struct ledger *ledger, int32_t partition, int64_t since_ms)
{
    return !ledger->troubled[partition] && !ledger->skewed[partition] &&
           since_ms > ledger->disturbed_ms[partition];
}

bool ledger_owned_since(const struct ledger *ledger, int32_t partition, int64_t since_ms)
{
    return !ledger->skewed[partition] && since_ms > ledger->away_ms[partition];
}

#define BROKEN_IF(condition, promise, ...)                                                         \
    do {                                                                                           \
        if (condition)                                                                             \
            finding_set(ledger->finding, now_ms - ledger->start_ms, promise, __VA_ARGS__);         \
    } while (0)

/* A clock that is fast ends things early, one that is slow late: neither is blamed. */
static int64_t late_by(const struct referral *referral, int64_t now_ms, int64_t clock_ms)
{
    return (clock_ms < now_ms ? clock_ms : now_ms) - referral->deadline_at_ms;
}

/* Nobody could end it in time, or somebody whose clock is slow handed it over too late. */
static bool excused(const struct ledger *ledger, const struct referral *referral, int32_t partition,
                    int64_t now_ms)
{
    const bool placed_late = referral->hop_placed_ms > referral->deadline_at_ms;
    return ledger->troubled[partition] || now_ms <= ledger->away_ms[partition] + LATE_GRACE_MS ||
           now_ms <= ledger->disturbed_ms[partition] + ABORT_GRACE_MS ||
           (placed_late && now_ms <= referral->hop_placed_ms + LATE_GRACE_MS);
}

static void end_one(struct ledger *ledger, const struct effect *effect, int64_t now_ms,
                    int64_t clock_ms, const bool *sound)
{
    struct referral *referral = &ledger->referrals[effect->referral];
    const int32_t partition = ledger_partition(ledger, effect->destination);
    BROKEN_IF(referral->finals, "ends once", "referral %d ended again as %s", effect->referral,
              effect->kind == EFFECT_RETURNED ? "returned" : "delivered");
    BROKEN_IF(effect->kind == EFFECT_DELIVERED && !referral->taken, "none is lost",
              "referral %d counts as delivered, but nobody has it", effect->referral);
    const int64_t late_ms = late_by(referral, now_ms, clock_ms);
    BROKEN_IF(late_ms > 0 && !excused(ledger, referral, partition, now_ms), "ends in time",
              "referral %d ended %" PRId64 " ms after its deadline", effect->referral, late_ms);
    referral->finals++;
    ledger->ended++;
    if (effect->kind == EFFECT_RETURNED) {
        referral->returned = true;
        ledger->returned++;
    } else if (sound[effect->destination] &&
               ledger_calm_since(ledger, partition, referral->hop_placed_ms - CALM_MARGIN_MS)) {
        ledger->calm_ms[ledger->calm_count++] = now_ms - referral->hop_placed_ms;
    }
}

static void place_one(struct ledger *ledger, const struct effect *effect, int64_t now_ms)
{
    struct referral *referral = &ledger->referrals[effect->referral];
    switch (effect->kind) {
    case EFFECT_HOP:
        BROKEN_IF(referral->hop != NO_HOP, "in one place",
                  "referral %d is put to hop %d while it is at hop %d", effect->referral,
                  effect->hop, referral->hop);
        referral->hop = effect->hop;
        referral->destination = effect->destination;
        referral->attempts = referral->sends = 0;
        referral->hop_placed_ms = now_ms;
        referral->last_sent_ms = referral->last_heard_ms = referral->not_before_ms = 0;
        referral->told_ms = referral->kept_ms = 0;
        referral->taken = false;
        break;
    case EFFECT_UPDATE:
        BROKEN_IF(referral->hop != effect->hop, "in one place",
                  "hop %d of referral %d is written again after its end", effect->hop,
                  effect->referral);
        BROKEN_IF(effect->attempts <= referral->attempts, "counted once",
                  "attempt %d of referral %d is counted again", effect->attempts, effect->referral);
        referral->attempts = effect->attempts;
        referral->kept_ms = referral->told_ms;
        break;
    default:
        BROKEN_IF(referral->hop != effect->hop, "in one place",
                  "hop %d of referral %d ends, but it is at %d", effect->hop, effect->referral,
                  referral->hop);
        referral->hop = NO_HOP;
        break;
    }
}

void ledger_commit(struct ledger *ledger, const struct effects *effects, int64_t now_ms,
                   int64_t clock_ms, const bool *sound)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        if (effect->kind == EFFECT_DELIVERED || effect->kind == EFFECT_RETURNED)
            end_one(ledger, effect, now_ms, clock_ms, sound);
        else
            place_one(ledger, effect, now_ms);
    }
    for (size_t i = 0; i < effects->count; i++) {
        const struct referral *referral = &ledger->referrals[effects->items[i].referral];
        BROKEN_IF((referral->hop != NO_HOP) == (referral->finals > 0), "never both, never neither",
                  "referral %d is at hop %d and has ended %d times", effects->items[i].referral,
                  referral->hop, referral->finals);
    }
}

void ledger_check_deadlines(struct ledger *ledger, int64_t now_ms, const int64_t *clocks_ms)
{
    for (int32_t i = 0; i < ledger->created; i++) {
        const struct referral *referral = &ledger->referrals[i];
        if (referral->hop == NO_HOP || now_ms <= referral->deadline_at_ms)
            continue;
        const int32_t partition = ledger_partition(ledger, referral->destination);
        const int64_t late_ms = late_by(referral, now_ms, clocks_ms[partition]);
        BROKEN_IF(late_ms > 0 && !excused(ledger, referral, partition, now_ms), "ends in time",
                  "referral %d is pending %" PRId64 " ms after its deadline", i, late_ms);
    }
}

void ledger_check_topic(struct ledger *ledger, const struct topic *topic, int64_t now_ms)
{
    bool *pending = calloc((size_t)ledger->plan->referrals * HOPS_MAX, sizeof(*pending));
    if (!pending)
        abort();
    for (int32_t i = 0; i < ledger->plan->partitions; i++) {
        struct topic_reader reader = {0};
        const struct entry *entry;
        while ((entry = topic_read(topic, i, &reader)))
            if (entry->kind == ENTRY_PLACE || entry->kind == ENTRY_TOMBSTONE)
                pending[entry->place.referral * HOPS_MAX + entry->place.hop] =
                    entry->kind == ENTRY_PLACE;
    }
    for (int32_t i = 0; i < ledger->created; i++)
        for (int32_t hop = 0; hop < HOPS_MAX; hop++)
            BROKEN_IF(pending[i * HOPS_MAX + hop] != (ledger->referrals[i].hop == hop),
                      "the topic is the state", "hop %d of referral %d %s", hop, i,
                      pending[i * HOPS_MAX + hop] ? "came back" : "was lost");
    free(pending);
}

static int by_size(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

int64_t ledger_p99_ms(struct ledger *ledger)
{
    if (ledger->calm_count < CALM_LEAST)
        return 0;
    qsort(ledger->calm_ms, ledger->calm_count, sizeof(*ledger->calm_ms), by_size);
    return ledger->calm_ms[ledger->calm_count * 99 / 100];
}
