/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics in the Prometheus text format. A metric is a row of a static table; a series is a row and
 * its label value. Labels are bounded (at most 64 values a metric, then "other") and never name a
 * person or a referral. Thread-safe. */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

enum metric_kind {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM /* seconds, fixed buckets 1 ms … 1 h */
};

struct metric {
    const char *name; /* "referral_router_routed_total" */
    enum metric_kind kind;
    const char *label; /* NULL = none */
    const char *help;
};

struct metrics;
/* The table must be static. */
struct metrics *metrics_new(const struct metric *table, size_t count);
void metrics_free(struct metrics *metrics);
/* `row` is the index in the table; `label` NULL where the metric has none. A series is there from
 * its first addition on, and nobody sees one grow that is born at 1: labels that are known and that
 * an alert waits for are added 0 at the start. */
void metrics_add(struct metrics *metrics, size_t row, const char *label, double amount);
void metrics_set(struct metrics *metrics, size_t row, const char *label, double value);
void metrics_observe(struct metrics *metrics, size_t row, const char *label, double seconds);
/* From now on the rows of `more` (borrowed; NULL: none any more) are printed, too. Takes NULL
 * metrics. */
void metrics_join(struct metrics *metrics, struct metrics *more);
/* After a SIGHUP: what was read is in force (the generation grows), or the old is kept. */
void metrics_note_reload(struct metrics *metrics, bool well);
/* Appends the exposition, with the generation in force and process_* rows (CPU seconds, resident
 * bytes, open files). */
bool metrics_print(struct metrics *metrics, struct buffer *buffer);

#endif
