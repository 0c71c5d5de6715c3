/* SPDX-License-Identifier: Apache-2.0 */
/* A transaction touches a handful of labels, so a short list that remembers them beats a lock per
 * record. */
#include "tally.h"

#include "base/text.h"

#include <string.h>

const struct metric router_metrics[ROUTER_METRICS] = {
    [METRIC_TAKEN] = {"referral_router_taken_total", METRIC_COUNTER, "pathway",
                      "records taken from referrals.*"},
    [METRIC_ROUTED] = {"referral_router_routed_total", METRIC_COUNTER, "how",
                       "referrals sent towards a provider, by how it was chosen"},
    [METRIC_RECORDED] = {"referral_router_recorded_total", METRIC_COUNTER, "pathway",
                         "consultations recorded, with nothing to deliver"},
    [METRIC_RETURNED] = {"referral_router_returned_total", METRIC_COUNTER, "reason",
                         "referrals returned to the referrer"},
    [METRIC_HUMANS] = {"referral_router_needing_human_total", METRIC_COUNTER, "reason",
                       "returns that a person has to tell the referrer of"},
    [METRIC_REFUSED] = {"referral_router_refused_total", METRIC_COUNTER, "reason",
                        "records sent to referrals.refused"},
    [METRIC_DUPLICATES] = {"referral_router_duplicates_total", METRIC_COUNTER, NULL,
                           "records that repeat one seen before"},
    [METRIC_BATCHES] = {"referral_router_batches_total", METRIC_COUNTER, NULL,
                        "transactions committed with records in them"},
    [METRIC_ABORTS] = {"referral_router_aborts_total", METRIC_COUNTER, NULL,
                       "transactions aborted and done again"},
    [METRIC_BATCH_RECORDS] = {"referral_router_batch_records", METRIC_GAUGE, NULL,
                              "records in the last transaction"},
    [METRIC_LAG] = {"referral_router_lag_records", METRIC_GAUGE, NULL, "records still to be taken"},
    [METRIC_OLDEST_SECONDS] = {"referral_router_oldest_unprocessed_seconds", METRIC_GAUGE, NULL,
                               "age of the oldest record still to be taken, by the last one taken"},
    [METRIC_PROVIDERS] = {"referral_router_providers", METRIC_GAUGE, NULL,
                          "providers in the directory"},
    [METRIC_DIRECTORY_CHANGES] = {"referral_router_directory_changes_total", METRIC_COUNTER, NULL,
                                  "records of the directory applied since the start"},
    [METRIC_UNCOUNTED] = {"referral_router_load_uncounted", METRIC_GAUGE, NULL,
                          "referrals sent somewhere that count against no capacity: their events "
                          "wait for a schema, can't be read, or were too many"},
    [METRIC_REMEMBERED] = {"referral_router_remembered_ids", METRIC_GAUGE, NULL,
                           "referral ids held to name duplicates"},
    [METRIC_PUSHED_OUT] = {"referral_router_pushed_out_ids", METRIC_GAUGE, NULL,
                           "ids forgotten early because a partition held too many"},
    [METRIC_PATHWAYS] = {"referral_router_pathways", METRIC_GAUGE, NULL, "pathways in force"},
    [METRIC_RELOADS] = {"referral_router_reloads_total", METRIC_COUNTER, "result",
                        "loads of the pathways, the first one included"},
};

static void add(struct tally *tally, enum router_metric metric, const char *label)
{
    for (size_t i = 0; i < tally->lines_count; i++) {
        if (tally->lines[i].metric == metric && strcmp(tally->lines[i].label, label) == 0) {
            tally->lines[i].count++;
            return;
        }
    }
    if (tally->lines_count >= TALLY_LINES_MAX - ROUTER_METRICS && strcmp(label, "other") != 0) {
        add(tally, metric, "other");
        return;
    }
    size_t line = tally->lines_count++;
    tally->lines[line].metric = metric;
    tally->lines[line].count = 1;
    text_copy(tally->lines[line].label, sizeof tally->lines[line].label, label);
}

void tally_taken(struct tally *tally, const char *pathway, const struct taken *taken)
{
    tally->records++;
    add(tally, METRIC_TAKEN, pathway);
    for (size_t i = 0; i < taken->events_count; i++) {
        const struct referral_event *event = &taken->events[i];
        switch (event->kind) {
        case EVENT_DUPLICATE:
            add(tally, METRIC_DUPLICATES, "");
            break;
        case EVENT_REFUSED:
            add(tally, METRIC_REFUSED, event->reason);
            break;
        case EVENT_RECORDED:
            add(tally, METRIC_RECORDED, pathway);
            break;
        case EVENT_RETURNED:
            add(tally, METRIC_RETURNED, event->reason);
            break;
        case EVENT_NOTICED:
            add(tally, METRIC_HUMANS, event->result);
            break;
        case EVENT_ROUTED:
            add(tally, METRIC_ROUTED, event->result);
            break;
        default:
            break;
        }
    }
}

void tally_commit(struct tally *tally, struct metrics *metrics)
{
    for (size_t i = 0; i < tally->lines_count; i++) {
        const char *label = tally->lines[i].label;
        metrics_add(metrics, tally->lines[i].metric, label[0] == '\0' ? NULL : label,
                    tally->lines[i].count);
    }
    if (tally->records > 0) {
        metrics_add(metrics, METRIC_BATCHES, NULL, 1);
        metrics_set(metrics, METRIC_BATCH_RECORDS, NULL, tally->records);
    }
    tally_undo(tally);
}

void tally_undo(struct tally *tally)
{
    tally->lines_count = 0;
    tally->records = 0;
}
