/* SPDX-License-Identifier: Apache-2.0 */
/* One loop for all services (Postfix: the daemon is 60 lines over a shared skeleton). The handlers
 * say how it went and this file alone acts on it: it logs each verdict once (one that repeats,
 * every half minute), waits, drains and exits. */
#include "service/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "service/health.h"
#include "service/memory.h"
#include "service/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_WAIT_MS 100
#define MEMORY_LOOK_MS 10000
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_LAST_MS 5000
#define LOG_AGAIN_MS 30000
#define STOP_SECONDS 30

#define EXIT_FINE 0
#define EXIT_BROKEN 1
#define EXIT_TOO_LONG 70
#define EXIT_BAD_OPTIONS 78

struct service_context {
    const struct service *service;
    struct health health;
    struct metrics *metrics;
    int back_off_ms;                   /* 0 while all is well */
    char logged_code[REASON_CODE_MAX]; /* of the trouble that was logged last */
    int64_t logged_ms;
    bool told; /* logged, and not yet followed by "well-again" */
    bool stop_asked;
};

void service_not_ready(struct service_context *context, const char *why)
{
    atomic_store(&context->health.not_ready, why);
}

struct metrics *service_metrics(struct service_context *context)
{
    return context->metrics;
}

bool service_draining(const struct service_context *context)
{
    return atomic_load(&context->health.draining);
}

void service_alive(struct service_context *context)
{
    atomic_store(&context->health.turned_ms, clock_monotonic_ms());
}

static const struct option common_rows[] = {
    {.name = "health-listen",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct service_values, health_listen),
     .shape = OPTION_ADDRESS,
     .shared = true,
     .help = "address of /livez, /readyz and /metrics"},
    {.name = "schemas-dir",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct service_values, schemas_dir),
     .otherwise = DEFAULT_SCHEMAS_DIR,
     .shape = OPTION_FOLDER,
     .shared = true,
     .help = "folder with the message schemas and the pathways"},
    {.name = "instance",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct service_values, instance),
     .otherwise = "0",
     .shape = OPTION_NAME,
     .shared = true,
     .help = "stable ordinal of this process among its kind: names transactions and group members"},
    {.name = "log-level",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct service_values, log_level),
     .otherwise = "info",
     .choices = "debug|info|warning|error",
     .shared = true,
     .help = "least serious facts that are logged"},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct service_values, log_format),
     .otherwise = "auto",
     .choices = "auto|json|text",
     .shared = true,
     .help = "auto is text on a terminal and JSON otherwise"},
    {.name = "drain-timeout-ms",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct service_values, drain_timeout_ms),
     .otherwise = "20000",
     .least = 0,
     .most = 600000,
     .shared = true,
     .help = "milliseconds for finishing what is in hand after SIGTERM"},
    REGISTRY_OPTION_ROWS(struct service_values, registry),
    {.name = "schema-registry-cache",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct service_values, registry.cache),
     .shape = OPTION_FILE,
     .shared = true,
     .help = "file that keeps its schemas for a start while it is away; none: in memory only"},
};
#define COMMON_ROWS (sizeof(common_rows) / sizeof(common_rows[0]))

/* The common rows, then the service's own. */
static struct option *table_new(const struct service *service, size_t *ret_count)
{
    size_t count = COMMON_ROWS + service->options_count;
    struct option *table = calloc(count, sizeof(*table));

    if (!table)
        return NULL;
    memcpy(table, common_rows, sizeof(common_rows));
    table[0].otherwise = service->health_listen;
    if (service->options_count > 0)
        memcpy(table + COMMON_ROWS, service->options, service->options_count * sizeof(*table));
    *ret_count = count;
    return table;
}

static void log_verdict(const char *what, enum verdict verdict, const struct reason *reason)
{
    log_fact(verdict == BROKEN ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, what, "verdict",
             verdict_name(verdict), "code", reason->code[0] ? reason->code : NULL, "pointer",
             reason->pointer[0] ? reason->pointer : NULL, "detail",
             reason->detail[0] ? reason->detail : NULL, NULL);
}

/* The same trouble again and again is said once, and then every half minute. */
static void note_trouble(struct service_context *context, const char *what, enum verdict verdict,
                         const struct reason *reason)
{
    int64_t now_ms = clock_monotonic_ms();
    bool repeated = context->logged_ms > 0 && strcmp(context->logged_code, reason->code) == 0;

    if (atomic_load(&context->health.failing_since_ms) == 0)
        atomic_store(&context->health.failing_since_ms, now_ms);
    atomic_store(&context->health.waits_for, health_waits_for(reason->code));
    if (repeated && now_ms - context->logged_ms < LOG_AGAIN_MS)
        return;
    log_verdict(what, verdict, reason);
    text_copy(context->logged_code, sizeof(context->logged_code), reason->code);
    context->logged_ms = now_ms;
    context->told = true;
}

static void note_success(struct service_context *context)
{
    context->back_off_ms = 0;
    atomic_store(&context->health.waits_for, NULL);
    if (context->logged_ms == 0)
        return;
    if (context->told)
        log_fact(LOG_LEVEL_INFO, "well-again", "code", context->logged_code, NULL);
    context->told = false;
    atomic_store(&context->health.failing_since_ms, 0);
    /* A trouble that comes and goes is still the same one. */
    if (clock_monotonic_ms() - context->logged_ms >= LOG_AGAIN_MS)
        context->logged_ms = 0;
}

static void reload(struct service_context *context)
{
    const struct service *service = context->service;
    struct reason reason = {0};
    enum verdict verdict;

    if (!service->reload)
        return;
    verdict = service->reload(service->self, &reason);
    metrics_note_reload(context->metrics, verdict == DONE);
    if (verdict == DONE)
        log_fact(LOG_LEVEL_INFO, "reloaded", NULL);
    else
        log_verdict("reload-kept-the-old", verdict, &reason);
}

/* Waits for a signal up to `wait_ms` and acts on it. */
static void heed_signals(struct service_context *context, int wait_ms)
{
    enum process_signal got = process_wait_signal(wait_ms);

    if (got == SIGNAL_STOP)
        context->stop_asked = true;
    else if (got == SIGNAL_RELOAD)
        reload(context);
}

static void back_off(struct service_context *context)
{
    context->back_off_ms = context->back_off_ms == 0 ? BACK_OFF_FIRST_MS : context->back_off_ms * 2;
    if (context->back_off_ms > BACK_OFF_LAST_MS)
        context->back_off_ms = BACK_OFF_LAST_MS;
    heed_signals(context, context->back_off_ms);
}

/* What another start would not mend, of what only a start finds. */
static int exit_code(const struct reason *reason)
{
    static const char *const bad[] = {"bad-address", "bad-option", "bad-kafka-setting"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (strcmp(reason->code, bad[i]) == 0)
            return EXIT_BAD_OPTIONS;
    return EXIT_BROKEN;
}

/* And all else that it would not: there is no list of it beside what --check finds. */
static bool check_passes(const struct service *service)
{
    struct reason reason = {0};

    return !service->check || service->check(service->self, &reason) == DONE ||
           strcmp(reason.code, "no-memory") == 0;
}

/* DONE when it is open, TRY_AGAIN when a signal came first; BROKEN with what to exit with. */
static enum verdict start(struct service_context *context, int *ret_code)
{
    const struct service *service = context->service;
    struct reason reason = {0};

    while (!context->stop_asked) {
        enum verdict verdict = service->start(service->self, context, &reason);

        service_alive(context);
        if (verdict == DONE) {
            note_success(context);
            return DONE;
        }
        if (verdict != TRY_AGAIN) {
            log_verdict("start-failed", BROKEN, &reason);
            *ret_code = exit_code(&reason);
            return BROKEN;
        }
        note_trouble(context, "start-waits", TRY_AGAIN, &reason);
        back_off(context);
    }
    return TRY_AGAIN;
}

static enum verdict run(struct service_context *context)
{
    const struct service *service = context->service;
    int64_t look_ms = 0;

    while (!context->stop_asked) {
        struct reason reason = {0};
        enum verdict verdict = service->step(service->self, STEP_WAIT_MS, &reason);

        service_alive(context);
        if (clock_monotonic_ms() >= look_ms) {
            memory_look();
            look_ms = clock_monotonic_ms() + MEMORY_LOOK_MS;
        }
        if (verdict == BROKEN) {
            log_verdict("broken", verdict, &reason);
            return BROKEN;
        }
        if (verdict == DONE) {
            note_success(context);
            heed_signals(context, 0);
        } else {
            note_trouble(context, verdict == TRY_AGAIN ? "turn-failed" : "turn-refused", verdict,
                         &reason);
            back_off(context);
        }
    }
    return DONE;
}

static int drain(struct service_context *context, int64_t timeout_ms)
{
    const struct service *service = context->service;
    int64_t until_ms = clock_monotonic_ms() + timeout_ms;

    atomic_store(&context->health.draining, true);
    process_notify("STOPPING=1");
    log_fact(LOG_LEVEL_INFO, "draining", NULL);
    context->stop_asked = false; /* a second signal means: now */
    while (service->drain) {
        struct reason reason = {0};
        enum verdict verdict = service->drain(service->self, STEP_WAIT_MS, &reason);

        service_alive(context);
        if (verdict == DONE)
            break;
        if (verdict == BROKEN) {
            log_verdict("drain-failed", verdict, &reason);
            return EXIT_BROKEN;
        }
        heed_signals(context, 0);
        if (clock_monotonic_ms() >= until_ms || context->stop_asked) {
            log_verdict("drain-took-too-long", verdict, &reason);
            return EXIT_TOO_LONG;
        }
    }
    return EXIT_FINE;
}

static int serve(struct service_context *context, const struct service_values *values)
{
    const struct service *service = context->service;
    struct reason reason = {0};
    enum verdict verdict;
    bool failed;
    int code = EXIT_BROKEN;

    if (!health_start(&context->health, service->name, values->health_listen, context->metrics,
                      &reason)) {
        log_verdict("health-failed", BROKEN, &reason);
        return exit_code(&reason);
    }
    log_fact(LOG_LEVEL_INFO, "starting", "version", PROJECT_VERSION, "instance", values->instance,
             NULL);
    verdict = start(context, &code);
    failed = verdict == BROKEN;
    if (verdict == DONE) {
        process_notify("READY=1");
        log_fact(LOG_LEVEL_INFO, "started", NULL);
        verdict = run(context);
        if (verdict == DONE)
            code = drain(context, values->drain_timeout_ms);
    } else if (verdict == TRY_AGAIN) {
        code = EXIT_FINE; /* asked to stop before there was anything to stop */
    }
    atomic_store(&context->health.draining, true);
    process_arm(STOP_SECONDS);
    service->stop(service->self);
    health_stop(&context->health);
    process_disarm();
    log_fact(LOG_LEVEL_INFO, "stopped", NULL);
    return failed && !check_passes(service) ? EXIT_BAD_OPTIONS : code;
}

static int check(const struct service *service)
{
    struct reason reason = {0};
    enum verdict verdict = service->check ? service->check(service->self, &reason) : DONE;

    if (verdict != DONE) {
        log_verdict("check-failed", BROKEN, &reason); /* whichever: it would not start */
        return EXIT_BAD_OPTIONS;
    }
    printf("%s: ok\n", service->name);
    return EXIT_FINE;
}

/* Takes `flag` out of argv; true if it was there. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
    bool found = false;
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            found = true;
        else
            argv[kept++] = argv[i];
    }
    *argc = *argc > 0 ? kept : 0;
    return found;
}

static int run_with(const struct service *service, const struct service_values *values,
                    bool only_check)
{
    struct service_context context = {.service = service};
    enum log_level level = LOG_LEVEL_INFO;
    int code;

    if (!log_level_parse(values->log_level, &level))
        level = LOG_LEVEL_INFO;
    log_setup(service->name, level,
              strcmp(values->log_format, "json") == 0   ? LOG_FORMAT_JSON
              : strcmp(values->log_format, "text") == 0 ? LOG_FORMAT_TEXT
                                                        : LOG_FORMAT_AUTO);
    if (only_check)
        return check(service);
    context.metrics = metrics_new(service->metrics, service->metrics_count);
    if (!context.metrics)
        return EXIT_BROKEN;
    code = serve(&context, values);
    metrics_free(context.metrics);
    return code;
}

int service_main(const struct service *service, int argc, char **argv)
{
    size_t count = 0;
    struct option *table = table_new(service, &count);
    struct reason reason = {0};
    bool only_check;
    int code = EXIT_BAD_OPTIONS;

    if (!table)
        return EXIT_BROKEN;
    process_harden();
    (void)memory_prepare();
    log_setup(service->name, LOG_LEVEL_INFO, LOG_FORMAT_AUTO);
    if (take_flag(&argc, argv, "--help")) {
        options_print_help(service->name, service->summary, table, count);
        printf("\n  --check          load and verify all that needs no network, then exit\n"
               "  --options-json   this table as JSON lines\n"
               "  --version, --help\n");
        code = EXIT_FINE;
        goto out;
    }
    if (take_flag(&argc, argv, "--version")) {
        printf("%s %s\n", service->name, PROJECT_VERSION);
        code = EXIT_FINE;
        goto out;
    }
    if (take_flag(&argc, argv, "--options-json")) {
        options_print_json(service->name, table, count);
        code = EXIT_FINE;
        goto out;
    }
    only_check = take_flag(&argc, argv, "--check");
    if (!options_read(service->name, table, count, argc, argv, service->values, &reason)) {
        log_verdict("bad-options", BROKEN, &reason);
        goto out;
    }
    code = run_with(service, service->values, only_check);
    options_clear(table, count, service->values);
out:
    free(table);
    return code;
}
