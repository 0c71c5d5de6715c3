/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#define ROW_WHOLE(row_name, member, value, from, to, text)                                         \
    {                                                                                              \
        .name = row_name, .kind = OPTION_WHOLE, .offset = offsetof(struct settings, member),       \
        .otherwise = value, .least = from, .most = to, .help = text                                \
    }

#define HOUR_MS 3600000

const struct option settings_table[] = {
    ROW_WHOLE("in-flight-max", in_flight_max, "256", 1, 100000,
              "most POSTs at once, those to slow providers left out"),
    ROW_WHOLE("slow-in-flight-max", slow_in_flight_max, "0", 0, 100000,
              "most POSTs at once to providers that often take longer than 2 s, or are late now; "
              "0 = half of in-flight-max"),
    ROW_WHOLE("pending-max", pending_max, "1000000", 1, 50000000,
              "most deliveries held in memory; those beyond stay on the topic until there is room"),
    ROW_WHOLE("attempt-timeout-ms", attempt_timeout_ms, "30000", 10, HOUR_MS,
              "milliseconds for a whole POST, from resolving to the last byte of the answer"),
    ROW_WHOLE("connect-timeout-ms", connect_timeout_ms, "5000", 10, HOUR_MS,
              "milliseconds for a connection, TLS included"),
    ROW_WHOLE("retry-first-ms", retry_first_ms, "0", 0, HOUR_MS,
              "milliseconds that the first retry waits at most; 0 = as the pathway says"),
    ROW_WHOLE("retry-most-ms", retry_most_ms, "0", 0, 24 * HOUR_MS,
              "milliseconds that any retry waits at most; 0 = as the pathway says"),
    ROW_WHOLE(
        "probe-first-ms", probe_first_ms, "15000", 1, HOUR_MS,
        "milliseconds before the first probe of a destination that failed five times in a row"),
    ROW_WHOLE("probe-most-ms", probe_most_ms, "300000", 1, HOUR_MS,
              "milliseconds between two probes at most"),
    ROW_WHOLE(
        "hop-limit-ms", hop_limit_ms, "0", 0, 1000LL * HOUR_MS,
        "milliseconds that one provider is tried before the next or a return; 0 = half of the time "
        "left, and longer only where there is no other provider"),
    ROW_WHOLE("operation-valid-ms", operation_valid_ms, "600000", 1000, 24LL * HOUR_MS,
              "milliseconds after which what an operator asked is not begun any more"),
    ROW_WHOLE("commit-interval-ms", commit_interval_ms, "50", 1, 10000,
              "milliseconds between two transactions; three times as many under load"),
    ROW_WHOLE("roll-interval-ms", roll_interval_ms, "3600000", 100, 6LL * HOUR_MS,
              "milliseconds between two records that let Kafka close and compact the segments of a "
              "silent partition"),
    ROW_WHOLE(
        "session-timeout-ms", session_timeout_ms, "0", 0, HOUR_MS,
        "milliseconds after which a silent dispatcher's partitions go to another; 0 = default"),
    ROW_WHOLE(
        "dos-service-id", dos_service_id, "0", 0, 9999999999,
        "our own service id in the Directory of Services, as the sender of BaRS messages; 0 = "
        "none, and nothing is sent to BaRS receivers"),
    ROW_WHOLE("seed", seed, "0", 0, INT64_MAX, "seed of the jitter; 0 = by chance"),
    {.name = "intent",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct settings, intent),
     .otherwise = "true",
     .help = "write that a send is about to happen before it does, so that only those that may "
             "have been sent are marked as possible duplicates after a crash"},
    {.name = "allow-http",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct settings, allow_http),
     .otherwise = "false",
     .help = "also deliver to http:// endpoints (tests and demonstrations)"},
    {.name = "allow-networks",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, allow_networks),
     .otherwise = "",
     .help = "networks beyond the public internet that may be connected to: 10.0.0.0/8,fd00::/8"},
    {.name = "ca-file",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, ca_file),
     .help = "certificates of the authorities to trust instead of the system's, PEM"},
    {.name = "client-cert-file",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, client_cert_file),
     .help = "client certificate shown to providers that ask for one, PEM, its chain behind it"},
    {.name = "client-key-file",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, client_key_file),
     .help = "its private key, PEM"},
    {.name = "certificates-dir",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, certificates_dir),
     .shape = OPTION_FOLDER,
     .help = "folder of other client certificates, NAME.crt and NAME.key, named by the directory"},
    {.name = "webhook-secret",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, webhook_secret),
     .secret = true,
     .help =
         "whsec_… or whsk_…, or two, a blank between them, during a rotation; none = not signed"},
    {.name = "secrets-dir",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct settings, secrets_dir),
     .shape = OPTION_FOLDER,
     .help = "folder of files with one or two secrets (a line each), named by the directory"},
};
const size_t settings_count = sizeof(settings_table) / sizeof(*settings_table);

const struct metric settings_metrics[] = {
    [METRIC_ATTEMPTS] = {"referral_dispatcher_attempts_total", METRIC_COUNTER, "result",
                         "POSTs that ended, by what came of them"},
    [METRIC_DELIVERED] = {"referral_dispatcher_delivered_total", METRIC_COUNTER, NULL,
                          "Deliveries that a provider has taken (committed)"},
    [METRIC_REROUTED] = {"referral_dispatcher_rerouted_total", METRIC_COUNTER, "reason",
                         "Deliveries handed on to another provider (committed)"},
    [METRIC_RETURNED] = {"referral_dispatcher_returned_total", METRIC_COUNTER, "reason",
                         "Referrals returned to their referrer (committed)"},
    [METRIC_NOTICED] = {"referral_dispatcher_noticed_total", METRIC_COUNTER, "result",
                        "Notices of a return that the referrer's callback took (committed)"},
    [METRIC_HUMANS] = {"referral_dispatcher_needing_human_total", METRIC_COUNTER, "reason",
                       "Returns that a person has to tell the referrer of (committed)"},
    [METRIC_UNREADABLE] = {"referral_dispatcher_unreadable_total", METRIC_COUNTER, "reason",
                           "Records on deliveries that cannot be read"},
    [METRIC_IN_FLIGHT] = {"referral_dispatcher_in_flight", METRIC_GAUGE, NULL, "POSTs under way"},
    [METRIC_PENDING] = {"referral_dispatcher_pending", METRIC_GAUGE, NULL, "Deliveries held"},
    [METRIC_LEFT] = {"referral_dispatcher_left_on_topic", METRIC_GAUGE, NULL,
                     "Deliveries that there is no room for: they are read again"},
    [METRIC_UNWRITTEN] = {"referral_dispatcher_unwritten", METRIC_GAUGE, NULL,
                          "Deliveries whose news is not committed yet"},
    [METRIC_DESTINATIONS] = {"referral_dispatcher_destinations", METRIC_GAUGE, NULL,
                             "Destinations known"},
    [METRIC_UNUSABLE] = {"referral_dispatcher_destinations_unusable", METRIC_GAUGE, NULL,
                         "Destinations that are paused, gone, without an endpoint, or held"},
    [METRIC_HELD] = {"referral_dispatcher_destinations_held", METRIC_GAUGE, NULL,
                     "Destinations held for want of a secret, certificate or service id of ours"},
    [METRIC_REFUSED] = {"referral_dispatcher_endpoints_refused", METRIC_GAUGE, NULL,
                        "Endpoints in the directory that may not be spoken to"},
    [METRIC_BROKEN] = {"referral_dispatcher_destinations_broken", METRIC_GAUGE, NULL,
                       "Destinations that are only probed"},
    [METRIC_HOSTS_BROKEN] = {"referral_dispatcher_hosts_broken", METRIC_GAUGE, NULL,
                             "Hosts of several destinations that are only probed"},
    [METRIC_SLOW] = {"referral_dispatcher_destinations_slow", METRIC_GAUGE, NULL,
                     "Destinations that often take longer than 2 s, or are late now"},
    [METRIC_LAG] = {"referral_dispatcher_lag", METRIC_GAUGE, NULL, "Records still to be read"},
    [METRIC_SECONDS] = {"referral_dispatcher_delivery_seconds", METRIC_HISTOGRAM, NULL,
                        "From acceptance to delivery"},
};
const size_t settings_metrics_count = sizeof(settings_metrics) / sizeof(*settings_metrics);
