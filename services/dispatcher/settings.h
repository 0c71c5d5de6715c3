/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's options and metrics: a row each. */
#ifndef DISPATCHER_SETTINGS_H
#define DISPATCHER_SETTINGS_H

#include "service/service.h"

struct settings {
    struct service_values service;
    int64_t in_flight_max, slow_in_flight_max;
    int64_t pending_max;
    int64_t attempt_timeout_ms, connect_timeout_ms;
    int64_t retry_first_ms, retry_most_ms;
    int64_t probe_first_ms, probe_most_ms;
    int64_t hop_limit_ms;
    int64_t operation_valid_ms;
    int64_t commit_interval_ms;
    int64_t roll_interval_ms;
    int64_t session_timeout_ms;
    int64_t dos_service_id;
    int64_t seed;
    bool intent;
    bool allow_http;
    const char *allow_networks;
    const char *ca_file;
    const char *client_cert_file, *client_key_file;
    const char *certificates_dir;
    const char *webhook_secret;
    const char *secrets_dir;
};

extern const struct option settings_table[];
extern const size_t settings_count;

enum metric_row {
    METRIC_ATTEMPTS,
    METRIC_DELIVERED,
    METRIC_REROUTED,
    METRIC_RETURNED,
    METRIC_NOTICED,
    METRIC_HUMANS,
    METRIC_UNREADABLE,
    METRIC_IN_FLIGHT,
    METRIC_PENDING,
    METRIC_LEFT,
    METRIC_UNWRITTEN,
    METRIC_DESTINATIONS,
    METRIC_UNUSABLE,
    METRIC_HELD,
    METRIC_REFUSED,
    METRIC_BROKEN,
    METRIC_HOSTS_BROKEN,
    METRIC_SLOW,
    METRIC_LAG,
    METRIC_SECONDS,
};
extern const struct metric settings_metrics[];
extern const size_t settings_metrics_count;

#endif
