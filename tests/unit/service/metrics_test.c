/* SPDX-License-Identifier: Apache-2.0 */
/* The exposition, line by line, and its bound. */
#include "service/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN, LABELLED, GAUGE, TOOK };
static const struct metric table[] = {
    {"x_plain_total", METRIC_COUNTER, NULL, "Plain."},
    {"x_labelled_total", METRIC_COUNTER, "pathway", "By pathway."},
    {"x_gauge", METRIC_GAUGE, NULL, "A gauge."},
    {"x_took_seconds", METRIC_HISTOGRAM, "kind", "Took."},
};

static char *print(struct metrics *metrics)
{
    struct buffer buffer;
    char *text;

    buffer_init(&buffer, 1 << 20);
    assert_true(metrics_print(metrics, &buffer));
    text = strdup(buffer_text(&buffer));
    buffer_clear(&buffer);
    assert_non_null(text);
    return text;
}

static void expect(struct metrics *metrics, const char *line)
{
    char *text = print(metrics);

    if (!strstr(text, line))
        fail_msg("\"%s\" is not in:\n%s", line, text);
    free(text);
}

static void counters_and_gauges_are_printed_with_help_and_type(void **state)
{
    struct metrics *metrics = metrics_new(table, 4);

    (void)state;
    expect(metrics, "# HELP x_plain_total Plain.\n# TYPE x_plain_total counter\nx_plain_total 0\n");
    metrics_add(metrics, PLAIN, NULL, 1);
    metrics_add(metrics, PLAIN, NULL, 2);
    metrics_add(metrics, LABELLED, "msk", 1);
    metrics_add(metrics, LABELLED, "a\"b\\c\nd", 1);
    metrics_set(metrics, GAUGE, NULL, 1795424998.25);
    expect(metrics, "x_plain_total 3\n");
    expect(metrics, "x_labelled_total{pathway=\"msk\"} 1\n");
    expect(metrics, "x_labelled_total{pathway=\"a\\\"b\\\\c\\nd\"} 1\n");
    expect(metrics, "# TYPE x_gauge gauge\nx_gauge 1795424998.25\n");
    expect(metrics, "\nprocess_resident_memory_bytes ");
    expect(metrics, "\nreferral_configuration_generation 1\n");
    expect(metrics, "\nreferral_configuration_last_reload_successful 1\n");
    metrics_note_reload(metrics, false);
    expect(metrics, "\nreferral_configuration_generation 1\n");
    expect(metrics, "\nreferral_configuration_last_reload_successful 0\n");
    metrics_note_reload(metrics, true);
    expect(metrics, "\nreferral_configuration_generation 2\n");
    expect(metrics, "\nreferral_configuration_last_reload_successful 1\n");
    metrics_free(metrics);
    metrics_free(NULL);
}

static void a_histogram_counts_what_is_below_each_bound(void **state)
{
    struct metrics *metrics = metrics_new(table, 4);

    (void)state;
    metrics_observe(metrics, TOOK, "post", 0.001);
    metrics_observe(metrics, TOOK, "post", 0.3);
    metrics_observe(metrics, TOOK, "post", 99999);
    expect(metrics, "x_took_seconds_bucket{kind=\"post\",le=\"0.001\"} 1\n");
    expect(metrics, "x_took_seconds_bucket{kind=\"post\",le=\"0.2\"} 1\n");
    expect(metrics, "x_took_seconds_bucket{kind=\"post\",le=\"0.5\"} 2\n");
    expect(metrics, "x_took_seconds_bucket{kind=\"post\",le=\"3600\"} 2\n");
    expect(metrics, "x_took_seconds_bucket{kind=\"post\",le=\"+Inf\"} 3\n");
    expect(metrics, "x_took_seconds_sum{kind=\"post\"} 99999.301\n");
    expect(metrics, "x_took_seconds_count{kind=\"post\"} 3\n");
    metrics_free(metrics);
}

static void the_sixty_fifth_label_and_all_after_it_are_other(void **state)
{
    struct metrics *metrics = metrics_new(table, 4);
    char label[16];
    char *text;

    (void)state;
    for (int i = 0; i < 200; i++) {
        snprintf(label, sizeof(label), "p%d", i);
        metrics_add(metrics, LABELLED, label, 1);
    }
    metrics_add(metrics, LABELLED, "p63", 1);
    expect(metrics, "x_labelled_total{pathway=\"p63\"} 2\n");
    expect(metrics, "x_labelled_total{pathway=\"other\"} 136\n");
    text = print(metrics);
    assert_null(strstr(text, "\"p64\""));
    free(text);
    metrics_add(metrics, 99, NULL, 1); /* no such row: nothing happens */
    metrics_free(metrics);
}

static void it_says_when_it_does_not_fit(void **state)
{
    struct metrics *metrics = metrics_new(table, 4);
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer, 100);
    assert_false(metrics_print(metrics, &buffer));
    buffer_clear(&buffer);
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_and_gauges_are_printed_with_help_and_type),
        cmocka_unit_test(a_histogram_counts_what_is_below_each_bound),
        cmocka_unit_test(the_sixty_fifth_label_and_all_after_it_are_other),
        cmocka_unit_test(it_says_when_it_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
