// SPDX-License-Identifier: Apache-2.0
// Three questions: does every record have its one event, does every received referral have its one
// fate, and do the volumes say the same as the events? Each imbalance is a problem with a code of
// its own.
#include "ledger_inside.h"

#include "base/text.h"
#include "lifecycle/delivery.h"

static void add_problem(struct ledger_report *report, const char *code, const char *pathway,
                        const char *what, const char *detail)
{
    report->problems_total++;
    if (report->problems_listed < report->problems_max) {
        struct ledger_problem *problem = &report->problems[report->problems_listed++];
        *problem = (struct ledger_problem){.code = code, .detail = detail};
        text_copy(problem->pathway, sizeof problem->pathway, pathway);
        text_copy(problem->what, sizeof problem->what, what);
    }
}

static const struct {
    unsigned wanted; /* marks */
    const char *code, *detail;
} FAULTS[] = {
    {MARK_EVENT_AGAIN, "counted-twice",
     "two events of received, duplicate, refused for one record"},
    {MARK_DEAD_LETTER_AGAIN, "dead-letter-twice", "one record is on referrals.refused twice"},
    {MARK_DEAD_LETTER | MARK_RECEIVED, "dead-letter-and-received",
     "received, and on referrals.refused"},
    {MARK_DEAD_LETTER | MARK_DUPLICATE, "dead-letter-and-duplicate",
     "a duplicate, and on referrals.refused"},
};

static void judge_marks(const struct ledger *ledger, const struct ledger_partition *partition,
                        int64_t offset, unsigned mark, struct ledger_report *report)
{
    char origin[ORIGIN_SIZE];
    const char *pathway = ledger->names[partition->pathway];
    text_format(origin, sizeof origin, "%s/%d/%lld", partition->topic, (int)partition->partition,
                (long long)offset);
    for (size_t index = 0; index < sizeof FAULTS / sizeof *FAULTS; index++) {
        if ((mark & FAULTS[index].wanted) == FAULTS[index].wanted) {
            add_problem(report, FAULTS[index].code, pathway, origin, FAULTS[index].detail);
        }
    }
    if ((mark & MARK_EVENTS) && !(mark & MARK_RECORD) && offset >= partition->low) {
        add_problem(report, "event-without-record", pathway, origin,
                    "an event about a record that is not there");
    }
    if ((mark & MARK_REFUSED) && !(mark & MARK_DEAD_LETTER) && !ledger->dead_letters_trimmed) {
        add_problem(report, "no-dead-letter", pathway, origin,
                    "refused, but not on referrals.refused");
    }
    if (!(mark & MARK_EVENTS) && (mark & MARK_DEAD_LETTER) && offset < partition->committed) {
        add_problem(report, "dead-letter-without-event", pathway, origin,
                    "on referrals.refused without an event");
    }
    if (!(mark & MARK_EVENTS) && (mark & MARK_RECORD) && !(mark & MARK_OLD) &&
        offset < partition->committed) {
        report->pathways[partition->pathway].missing++;
        add_problem(report, "no-event", pathway, origin,
                    "the router passed this record without an event");
    }
}

static void judge_partition(const struct ledger *ledger, const struct ledger_partition *partition,
                            struct ledger_report *report)
{
    struct ledger_counts *counts = &report->pathways[partition->pathway];
    counts->accepted += partition->trimmed.accepted;
    counts->refused += partition->trimmed.refused;
    counts->duplicates += partition->trimmed.duplicates;
    for (size_t place = 0; place < partition->marks_count; place++) {
        unsigned mark = partition->marks[place];
        int64_t offset = partition->base + (int64_t)place;
        if (mark & (MARK_RECEIVED | MARK_REFUSED)) {
            counts->accepted++;
        }
        counts->refused += mark & MARK_REFUSED ? 1 : 0;
        counts->duplicates += mark & MARK_DUPLICATE ? 1 : 0;
        if ((mark & MARK_RECORD) && !(mark & (MARK_EVENTS | MARK_OLD))) {
            counts->accepted++;
            counts->pending += offset >= partition->committed ? 1 : 0;
        }
        bool ordinary = mark == 0 || mark == (MARK_RECORD | MARK_RECEIVED) ||
                        mark == (MARK_RECORD | MARK_DUPLICATE);
        if (!ordinary) {
            judge_marks(ledger, partition, offset, mark, report);
        }
    }
}

static int64_t *count_of(struct ledger_counts *counts, enum event_kind kind)
{
    switch ((int)kind) {
    case EVENT_DELIVERED:
        return &counts->delivered;
    case EVENT_RETURNED:
        return &counts->returned;
    case EVENT_CANCELLED:
        return &counts->cancelled;
    default:
        return &counts->recorded;
    }
}

static bool has(const struct map *map, const struct uuid *id)
{
    return map_get(map, id->bytes, sizeof id->bytes) != NULL;
}

// Whether one of the referral's deliveries is in the map. Ids hung on referral and hop only at
// first, and a delivery keeps the one that it was written with.
static bool has_delivery_in(const struct map *map, const char *pathway, const char *referral_id)
{
    for (int32_t hop = 0; map_count(map) > 0 && hop <= DELIVERY_TRIED_MAX; hop++) {
        char text[UUID_TEXT_SIZE], number[12];
        struct uuid id;
        delivery_id_of(pathway, referral_id, hop, text);
        text_format(number, sizeof number, "%d", (int)hop);
        struct uuid without_pathway = uuid_of("delivery", referral_id, number, NULL);
        if ((uuid_parse(text, &id) && has(map, &id)) || has(map, &without_pathway)) {
            return true;
        }
    }
    return false;
}

static void judge_received(const struct ledger *ledger, const struct ledger_referral *referral,
                           const char *id, struct ledger_report *report)
{
    struct ledger_counts *counts = &report->pathways[referral->pathway];
    const char *pathway = ledger->names[referral->pathway];
    if (referral->received > 1) {
        add_problem(report, "received-twice", pathway, id, "two received events for one referral");
    }
    if (referral->finals > 0) {
        *count_of(counts, (enum event_kind)referral->final_kind) += 1;
        if (referral->live > 0) {
            add_problem(report, "final-and-live", pathway, id,
                        "it has its end, and a delivery that is live");
        }
        if (referral->finals > 1) {
            add_problem(report, referral->delivered_again ? "delivered-twice" : "two-finals",
                        pathway, id, "more than one end");
        }
        return;
    }
    if (referral->live > 1) {
        add_problem(report, "two-deliveries", pathway, id, "more than one delivery is live");
    }
    if (has_delivery_in(ledger->unreadable, pathway, id)) {
        counts->pending++;
        add_problem(report, "pending-unreadable", pathway, id,
                    "its delivery cannot be read: no dispatcher delivers it");
    } else if (referral->live > 0 || has_delivery_in(ledger->late_tombstones, pathway, id)) {
        // ended while the audit read: the end's event is behind the events' cut
        counts->pending++;
    } else {
        counts->missing++;
        add_problem(report, "no-end", pathway, id, "received, but no end and no live delivery");
    }
}

static void judge_referral(const struct ledger *ledger, const struct ledger_referral *referral,
                           struct ledger_report *report)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&referral->id, id);
    if (referral->received > 0) {
        judge_received(ledger, referral, id, report);
        return;
    }
    const char *pathway = ledger->names[referral->pathway];
    if (ledger->events_trimmed) {
        return; // its received event may be gone
    }
    if (referral->finals > 0) {
        add_problem(report, "final-without-received", pathway, id, "an end, but never received");
    } else if (referral->delivery_early) {
        add_problem(report, "delivery-without-received", "", id, "a delivery, but never received");
    }
}

static void judge_volumes(const struct ledger *ledger, struct ledger_report *report)
{
    int64_t found[LEDGER_PATHWAYS_MAX][EVENT_KINDS] = {{0}};
    size_t cursor = 0;
    const void *key;
    size_t length;
    void *value;
    while (map_next(ledger->volumes, &cursor, &key, &length, &value)) {
        const struct ledger_volume *volume = value;
        found[volume->pathway][volume->stage] += volume->count;
    }
    for (size_t pathway = 0; pathway < ledger->names_count; pathway++) {
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
            char what[ORIGIN_SIZE];
            int64_t least = ledger->expected[pathway][kind].least;
            int64_t most = ledger->expected[pathway][kind].most;
            report->volumes_uncertain += most - least;
            if (found[pathway][kind] >= least && found[pathway][kind] <= most) {
                continue;
            }
            text_format(what, sizeof what, "%s: volumes %lld, events %lld",
                        event_word((enum event_kind)kind)->name, (long long)found[pathway][kind],
                        (long long)(found[pathway][kind] < least ? least : most));
            add_problem(report, "volumes", ledger->names[pathway], what,
                        "volumes.daily differs from the events it was counted from");
        }
    }
}

static void add_counts(struct ledger_counts *total, const struct ledger_counts *counts)
{
    total->accepted += counts->accepted;
    total->delivered += counts->delivered;
    total->returned += counts->returned;
    total->refused += counts->refused;
    total->cancelled += counts->cancelled;
    total->recorded += counts->recorded;
    total->pending += counts->pending;
    total->duplicates += counts->duplicates;
    total->missing += counts->missing;
}

static bool counts_balance(const struct ledger_counts *counts)
{
    return counts->missing == 0 && counts->accepted == counts->delivered + counts->returned +
                                                           counts->refused + counts->cancelled +
                                                           counts->recorded + counts->pending;
}

void ledger_judge(const struct ledger *ledger, struct ledger_report *report)
{
    struct ledger_problem *problems = report->problems;
    size_t problems_max = report->problems_max;
    *report = (struct ledger_report){.problems = problems, .problems_max = problems_max};
    report->pathways_count = ledger->names_count;
    for (size_t index = 0; index < ledger->partitions_count; index++) {
        judge_partition(ledger, &ledger->partitions[index], report);
    }
    for (size_t index = 0; index < ledger->referrals_count; index++) {
        judge_referral(ledger, &ledger->referrals[index], report);
    }
    if (ledger->bad_origins > 0) {
        add_problem(report, "bad-origin", "", "",
                    "an event or a dead letter names no record that there could be");
    }
    report->volumes_checked = ledger->volumes_read && !ledger->events_trimmed;
    if (report->volumes_checked) {
        judge_volumes(ledger, report);
    }
    bool balanced = true;
    for (size_t index = 0; index < report->pathways_count; index++) {
        report->names[index] = ledger->names[index];
        add_counts(&report->total, &report->pathways[index]);
        balanced = balanced && (ledger->events_trimmed || counts_balance(&report->pathways[index]));
    }
    report->balanced = balanced && report->problems_total == 0;
}
