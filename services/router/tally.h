/* SPDX-License-Identifier: Apache-2.0 */
/* The router's metrics. What a transaction counted is added only when it is committed, so that a
 * decision made twice is counted once. */
#ifndef ROUTER_TALLY_H
#define ROUTER_TALLY_H

#include "take.h"

#include "service/metrics.h"

enum router_metric {
    METRIC_TAKEN,
    METRIC_ROUTED,
    METRIC_RECORDED,
    METRIC_RETURNED,
    METRIC_HUMANS,
    METRIC_REFUSED,
    METRIC_DUPLICATES,
    METRIC_BATCHES,
    METRIC_ABORTS,
    METRIC_BATCH_RECORDS,
    METRIC_LAG,
    METRIC_OLDEST_SECONDS,
    METRIC_PROVIDERS,
    METRIC_DIRECTORY_CHANGES,
    METRIC_UNCOUNTED,
    METRIC_REMEMBERED,
    METRIC_PUSHED_OUT,
    METRIC_PATHWAYS,
    METRIC_RELOADS,
    ROUTER_METRICS, /* how many */
};

extern const struct metric router_metrics[ROUTER_METRICS];

#define TALLY_LINES_MAX 96 /* distinct metric and label in one transaction; past it "other" */

struct tally {
    struct {
        enum router_metric metric;
        char label[REASON_CODE_MAX];
        uint32_t count;
    } lines[TALLY_LINES_MAX];
    size_t lines_count;
    uint32_t records;
};

void tally_taken(struct tally *tally, const char *pathway, const struct taken *taken);
/* Adds it all to the metrics, and empties it. */
void tally_commit(struct tally *tally, struct metrics *metrics);
void tally_undo(struct tally *tally);

#endif
