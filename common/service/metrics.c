/* SPDX-License-Identifier: Apache-2.0 */
/* The Prometheus text format by hand: the C client library is unmaintained and this is all that is
 * needed of it. Series are made on first use and never go away, which is why their number is
 * bounded: the sixty-fifth label of a metric and all after it are counted under "other". One lock
 * for all: an addition takes some 20 ns. */
#include "service/metrics.h"

#include "base/clock.h"
#include "base/text.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LABELS_MAX 64
#define LABEL_SIZE 64
#define BUCKETS 18

static const double bounds[BUCKETS] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2,  0.5,
                                       1,     2,     5,     10,   30,   60,   300, 1200, 3600};

struct series {
    char label[LABEL_SIZE];
    double value; /* of a histogram: the sum */
    uint64_t observations;
    uint64_t buckets[BUCKETS]; /* not cumulated */
};

struct row {
    struct series *series[LABELS_MAX + 1]; /* the last one is "other" */
    size_t count;
};

struct metrics {
    const struct metric *table;
    size_t count;
    pthread_mutex_t lock;
    struct row *rows;
    struct metrics *more; /* printed with these */
    unsigned generation;  /* of what SIGHUP reads again: 1 at the start */
    bool last_reload_well;
};

struct metrics *metrics_new(const struct metric *table, size_t count)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    if (!metrics)
        return NULL;
    metrics->rows = calloc(count + 1, sizeof(*metrics->rows));
    if (!metrics->rows || pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics->rows);
        free(metrics);
        return NULL;
    }
    metrics->table = table;
    metrics->count = count;
    metrics->generation = 1;
    metrics->last_reload_well = true;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->count; i++) {
        for (size_t k = 0; k < metrics->rows[i].count; k++)
            free(metrics->rows[i].series[k]);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics->rows);
    free(metrics);
}

/* Call with the lock held. NULL when memory ran out: a number is lost, the service goes on. */
static struct series *series_of(struct metrics *metrics, size_t row_index, const char *label)
{
    struct row *row;
    struct series *series;

    if (row_index >= metrics->count)
        return NULL;
    row = &metrics->rows[row_index];
    if (!label || !metrics->table[row_index].label)
        label = "";
    for (size_t i = 0; i < row->count; i++) {
        if (strncmp(row->series[i]->label, label, LABEL_SIZE - 1) == 0)
            return row->series[i];
    }
    if (row->count == LABELS_MAX + 1)
        return row->series[LABELS_MAX];
    series = calloc(1, sizeof(*series));
    if (!series)
        return NULL;
    text_copy(series->label, sizeof(series->label), row->count == LABELS_MAX ? "other" : label);
    row->series[row->count++] = series;
    return series;
}

void metrics_add(struct metrics *metrics, size_t row, const char *label, double amount)
{
    struct series *series;

    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    series = series_of(metrics, row, label);
    if (series)
        series->value += amount;
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_set(struct metrics *metrics, size_t row, const char *label, double value)
{
    struct series *series;

    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    series = series_of(metrics, row, label);
    if (series)
        series->value = value;
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_observe(struct metrics *metrics, size_t row, const char *label, double seconds)
{
    struct series *series;

    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    series = series_of(metrics, row, label);
    if (series) {
        size_t bucket = 0;

        while (bucket < BUCKETS && seconds > bounds[bucket])
            bucket++;
        if (bucket < BUCKETS)
            series->buckets[bucket]++;
        series->observations++;
        series->value += seconds;
    }
    pthread_mutex_unlock(&metrics->lock);
}

/* {label="value"}, or {label="value",le="0.1"}, or nothing; the value escaped as the format wants
 * it. */
static bool print_labels(struct buffer *buffer, const char *name, const char *value, const char *le)
{
    bool fine = true;

    if (!name && !le)
        return true;
    fine = buffer_append_text(buffer, "{");
    if (name) {
        fine = fine && buffer_append_text(buffer, name) && buffer_append_text(buffer, "=\"");
        for (; fine && *value; value++) {
            if (*value == '\n')
                fine = buffer_append_text(buffer, "\\n");
            else
                fine = (*value != '"' && *value != '\\') || buffer_append_text(buffer, "\\");
            if (fine && *value != '\n')
                fine = buffer_append(buffer, value, 1);
        }
        fine = fine && buffer_append_text(buffer, le ? "\"," : "\"");
    }
    if (le)
        fine = fine && buffer_append_format(buffer, "le=\"%s\"", le);
    return fine && buffer_append_text(buffer, "}");
}

static bool print_histogram(struct buffer *buffer, const struct metric *metric,
                            const struct series *series)
{
    uint64_t below = 0;

    for (size_t i = 0; i <= BUCKETS; i++) {
        char le[32];

        if (i < BUCKETS)
            text_format(le, sizeof(le), "%g", bounds[i]);
        else
            text_copy(le, sizeof(le), "+Inf");
        below = i < BUCKETS ? below + series->buckets[i] : series->observations;
        if (!buffer_append_format(buffer, "%s_bucket", metric->name) ||
            !print_labels(buffer, metric->label, series->label, le) ||
            !buffer_append_format(buffer, " %llu\n", (unsigned long long)below))
            return false;
    }
    return buffer_append_format(buffer, "%s_sum", metric->name) &&
           print_labels(buffer, metric->label, series->label, NULL) &&
           buffer_append_format(buffer, " %.9g\n%s_count", series->value, metric->name) &&
           print_labels(buffer, metric->label, series->label, NULL) &&
           buffer_append_format(buffer, " %llu\n", (unsigned long long)series->observations);
}

static bool print_row(struct buffer *buffer, const struct metric *metric, const struct row *row)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    if (!buffer_append_format(buffer, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                              metric->name, kinds[metric->kind]))
        return false;
    if (row->count == 0 && !metric->label && metric->kind != METRIC_HISTOGRAM)
        return buffer_append_format(buffer, "%s 0\n", metric->name);
    for (size_t i = 0; i < row->count; i++) {
        const struct series *series = row->series[i];

        if (metric->kind == METRIC_HISTOGRAM) {
            if (!print_histogram(buffer, metric, series))
                return false;
            continue;
        }
        if (!buffer_append_text(buffer, metric->name) ||
            !print_labels(buffer, metric->label, series->label, NULL) ||
            !buffer_append_format(buffer, " %.15g\n", series->value))
            return false;
    }
    return true;
}

static long open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    long count = -3; /* ".", ".." and the one that looks */

    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0, resident = 0;

    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static bool print_process(struct buffer *buffer)
{
    struct rusage usage = {0};
    double seconds;

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return true;
    seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
              (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    return buffer_append_format(
        buffer,
        "# HELP process_cpu_seconds_total User and system CPU time.\n"
        "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.3f\n"
        "# HELP process_resident_memory_bytes Resident memory.\n"
        "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %.0f\n"
        "# HELP process_open_fds Open file descriptors.\n"
        "# TYPE process_open_fds gauge\nprocess_open_fds %ld\n",
        seconds, resident_bytes(), open_files());
}

void metrics_note_reload(struct metrics *metrics, bool well)
{
    pthread_mutex_lock(&metrics->lock);
    metrics->last_reload_well = well;
    metrics->generation += well ? 1 : 0;
    pthread_mutex_unlock(&metrics->lock);
}

static bool print_generation(struct metrics *metrics, struct buffer *buffer)
{
    pthread_mutex_lock(&metrics->lock);
    unsigned generation = metrics->generation;
    bool well = metrics->last_reload_well;
    pthread_mutex_unlock(&metrics->lock);
    return buffer_append_format(
        buffer,
        "# HELP referral_configuration_generation Generation of schemas, rules and secrets in "
        "force: 1 at the start, one more for each SIGHUP that was taken.\n"
        "# TYPE referral_configuration_generation gauge\nreferral_configuration_generation %u\n"
        "# HELP referral_configuration_last_reload_successful 0 after a SIGHUP that kept the old.\n"
        "# TYPE referral_configuration_last_reload_successful gauge\n"
        "referral_configuration_last_reload_successful %d\n",
        generation, well);
}

void metrics_join(struct metrics *metrics, struct metrics *more)
{
    if (!metrics)
        return;
    pthread_mutex_lock(&metrics->lock);
    metrics->more = more;
    pthread_mutex_unlock(&metrics->lock);
}

static bool print_rows(struct metrics *metrics, struct buffer *buffer)
{
    bool fine = true;

    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; fine && i < metrics->count; i++)
        fine = print_row(buffer, &metrics->table[i], &metrics->rows[i]);
    if (fine && metrics->more)
        fine = print_rows(metrics->more, buffer);
    pthread_mutex_unlock(&metrics->lock);
    return fine;
}

bool metrics_print(struct metrics *metrics, struct buffer *buffer)
{
    return print_rows(metrics, buffer) && print_generation(metrics, buffer) &&
           print_process(buffer);
}
