/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton of every service: options, signals, the loop, the verdict, draining, health and
 * metrics. A service is this struct, filled in, and a main() that hands it over. Only the skeleton
 * sleeps, exits and logs verdicts.
 *
 *   running  -> step() again and again
 *   draining -> on SIGTERM/SIGINT: drain() until DONE or the time limit
 *   stopped  -> stop(), exit 0; 1 after BROKEN; 78 for bad options, and after a start that fails
 *               where check() does; 70 if the time limit was passed
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/reason.h"
#include "service/metrics.h"
#include "service/options.h"
#include "service/registry_options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of the rows that every service has; the first member of each service's own struct of
 * values. */
struct service_values {
    const char *health_listen; /* HEALTH_LISTEN: "127.0.0.1:910x", /livez /readyz /metrics */
    const char *schemas_dir;   /* SCHEMAS_DIR */
    const char
        *instance; /* INSTANCE: stable ordinal, "0"; names transactional ids and group instances */
    const char *log_level;            /* LOG_LEVEL */
    const char *log_format;           /* LOG_FORMAT */
    int64_t drain_timeout_ms;         /* DRAIN_TIMEOUT_MS */
    struct registry_options registry; /* SCHEMA_REGISTRY_… */
};

struct service_context; /* the skeleton's side: health and metrics */

struct service {
    const char *name;             /* "router" */
    const char *summary;          /* one line for --help */
    const char *health_listen;    /* this service's default */
    const struct option *options; /* its own rows, offsets in its own struct of values */
    size_t options_count;
    void *values; /* starts with struct service_values */
    const struct metric *metrics;
    size_t metrics_count;
    void *self;

    /* --check: load and verify all that needs no network, then say DONE. Called after stop() where
     * start() failed, too: what it finds is for somebody to repair. */
    enum verdict (*check)(void *self, struct reason *reason);
    /* Opens everything. TRY_AGAIN is repeated with back-off (Kafka not there yet) while /livez is
     * well and /readyz is not. */
    enum verdict (*start)(void *self, struct service_context *context, struct reason *reason);
    /* One turn: poll (at most `wait_ms`), handle, housekeep. TRY_AGAIN makes the skeleton wait a
     * growing moment first (100 ms to 5 s, cut short by a signal). */
    enum verdict (*step)(void *self, int wait_ms, struct reason *reason);
    /* Called again and again while draining: DONE when nothing is held any more, TRY_AGAIN to be
     * called again. May be NULL. */
    enum verdict (*drain)(void *self, int wait_ms, struct reason *reason);
    /* Closes what is open; also after a start() that did not get to its end. */
    void (*stop)(void *self);
    /* SIGHUP: parse fully, swap, keep the old on error (REFUSED, logged). May be NULL. */
    enum verdict (*reload)(void *self, struct reason *reason);
};

/* Runs it: --help, --version, --check, --options-json, or the service itself. Returns the exit
 * code. */
int service_main(const struct service *service, int argc, char **argv);

/* /readyz says no with `why` (a static text) until it is set to NULL. Starts as "starting".
 * Thread-safe. While draining, and when every step has said TRY_AGAIN for 5 s, the skeleton says no
 * by itself. */
void service_not_ready(struct service_context *context, const char *why);
struct metrics *service_metrics(struct service_context *context);
bool service_draining(const struct service_context *context);
/* For a long piece of work inside start() or step() (a restore): says that it goes on. /livez wants
 * to hear of the loop every 30 s. */
void service_alive(struct service_context *context);

#endif
