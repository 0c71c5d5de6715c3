/* SPDX-License-Identifier: Apache-2.0 */
/* The skeleton, run for real in a child process whose handlers follow a script in shared memory:
 * verdicts, signals, health, exit codes. */
#include "base/clock.h"
#include "service/service.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 30000

/* What the child does, and what became of it. */
struct script {
    _Atomic enum verdict check, start, step, drain, reload;
    atomic_int starts, steps, drains, stops, reloads;
    atomic_bool hardened, saw_draining;
};

struct child {
    struct script *script; /* shared with the process */
    pid_t pid;
    int port, holder; /* a socket that keeps the port from others while nobody listens there */
    char log[64];
};

struct values {
    struct service_values common;
    int64_t number;
};

static struct values values;
static struct service_context *the_context;

static enum verdict say(const char *what, enum verdict verdict, struct reason *reason)
{
    if (verdict != DONE)
        reason_set(reason, "scripted", "/a/pointer", "%s says %s", what, verdict_name(verdict));
    return verdict;
}

static enum verdict check(void *self, struct reason *reason)
{
    struct script *script = self;

    return say("check", script->check, reason);
}

static enum verdict start(void *self, struct service_context *context, struct reason *reason)
{
    struct script *script = self;
    struct rlimit core = {1, 1};
    struct sigaction pipe_action = {0};

    the_context = context;
    atomic_fetch_add(&script->starts, 1);
    getrlimit(RLIMIT_CORE, &core);
    sigaction(SIGPIPE, NULL, &pipe_action);
    script->hardened = core.rlim_max == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                       pipe_action.sa_handler == SIG_IGN;
    if (script->start == DONE)
        service_not_ready(context, NULL);
    return say("start", script->start, reason);
}

static enum verdict step(void *self, int wait_ms, struct reason *reason)
{
    struct script *script = self;
    struct timespec wait = {.tv_nsec = (wait_ms > 10 ? 10 : wait_ms) * 1000000L};

    atomic_fetch_add(&script->steps, 1);
    nanosleep(&wait, NULL); /* stands for a poll */
    return say("step", script->step, reason);
}

static enum verdict drain(void *self, int wait_ms, struct reason *reason)
{
    struct script *script = self;
    struct timespec wait = {.tv_nsec = (wait_ms > 10 ? 10 : wait_ms) * 1000000L};

    atomic_fetch_add(&script->drains, 1);
    script->saw_draining = service_draining(the_context);
    nanosleep(&wait, NULL);
    return say("drain", script->drain, reason);
}

static void stop(void *self)
{
    struct script *script = self;

    atomic_fetch_add(&script->stops, 1);
}

static enum verdict reload(void *self, struct reason *reason)
{
    struct script *script = self;

    atomic_fetch_add(&script->reloads, 1);
    return say("reload", script->reload, reason);
}

static const struct option rows[] = {{.name = "number",
                                      .kind = OPTION_WHOLE,
                                      .offset = offsetof(struct values, number),
                                      .otherwise = "1",
                                      .most = 9,
                                      .help = "a number"}};
static const struct metric metrics[] = {{"a_total", METRIC_COUNTER, NULL, "A."}};

/* Both bind it with SO_REUSEADDR, as the server does, and one of them listens. */
static int free_port(int *ret_holder)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int yes = 1;

    *ret_holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(*ret_holder, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
    assert_int_equal(bind(*ret_holder, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(*ret_holder, (struct sockaddr *)&address, &length), 0);
    return ntohs(address.sin_port);
}

static int set_up(void **state)
{
    struct child *child = calloc(1, sizeof(*child));

    if (!child)
        return -1;
    child->script = mmap(NULL, sizeof(*child->script), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child->port = free_port(&child->holder);
    snprintf(child->log, sizeof(child->log), "/tmp/service_test_%d.log", getpid());
    *state = child;
    return child->script == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    struct child *child = *state;

    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    close(child->holder);
    unlink(child->log);
    munmap(child->script, sizeof(*child->script));
    free(child);
    return 0;
}

static void run(struct child *child, const char *flag, const char *value)
{
    fflush(NULL);
    child->pid = fork();
    assert_true(child->pid >= 0);
    if (child->pid == 0) {
        char health[32], name[] = "tester", first[64], second[64];
        char *argv[] = {name, flag ? first : NULL, value ? second : NULL, NULL};
        const struct service service = {.name = "tester",
                                        .summary = "for tests",
                                        .health_listen = health,
                                        .options = rows,
                                        .options_count = 1,
                                        .values = &values,
                                        .metrics = metrics,
                                        .metrics_count = 1,
                                        .self = child->script,
                                        .check = check,
                                        .start = start,
                                        .step = step,
                                        .drain = drain,
                                        .stop = stop,
                                        .reload = reload};
        int log = open(child->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        dup2(log, STDERR_FILENO);
        dup2(log, STDOUT_FILENO);
        snprintf(health, sizeof(health), "127.0.0.1:%d", child->port);
        snprintf(first, sizeof(first), "%s", flag ? flag : "");
        snprintf(second, sizeof(second), "%s", value ? value : "");
        exit(service_main(&service, flag ? (value ? 3 : 2) : 1, argv));
    }
}

static void pause_briefly(void)
{
    struct timespec wait = {.tv_nsec = 5000000};

    nanosleep(&wait, NULL);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;                                     \
        while (!(condition)) {                                                                     \
            if (clock_monotonic_ms() > until_ms)                                                   \
                fail_msg("waited in vain for %s", #condition);                                     \
            pause_briefly();                                                                       \
        }                                                                                          \
    } while (0)

static int exit_code(struct child *child)
{
    int64_t until_ms = clock_monotonic_ms() + PATIENCE_MS;
    int status = 0;

    while (waitpid(child->pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_ms() > until_ms)
            fail_msg("the child does not end");
        pause_briefly();
    }
    child->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Status and, if wanted, the whole answer. 0 if nobody answers. */
static int get(struct child *child, const char *path, char *answer, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)child->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    char request[128], got[8192] = "";
    size_t length = 0;

    if (connect(client, (struct sockaddr *)&address, sizeof(address)) == 0) {
        int wanted = snprintf(request, sizeof(request),
                              "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", path);
        ssize_t more = 1;

        if (send(client, request, (size_t)wanted, MSG_NOSIGNAL) == wanted) {
            while (more > 0 && length < sizeof(got) - 1) {
                more = recv(client, got + length, sizeof(got) - 1 - length, 0);
                length += more > 0 ? (size_t)more : 0;
            }
        }
    }
    close(client);
    got[length] = '\0';
    if (answer)
        snprintf(answer, size, "%s", got);
    return length > 12 ? (int)strtol(got + 9, NULL, 10) : 0;
}

static int lines_with(struct child *child, const char *text)
{
    FILE *log = fopen(child->log, "r");
    char line[4096];
    int count = 0;

    while (log && fgets(line, sizeof(line), log))
        count += strstr(line, text) != NULL;
    if (log)
        fclose(log);
    return count;
}

/* ---- */

static void it_serves_until_sigterm_then_drains_and_stops(void **state)
{
    struct child *child = *state;
    char answer[8192];

    run(child, NULL, NULL);
    WAIT_FOR(get(child, "/readyz", NULL, 0) == 200);
    assert_int_equal(get(child, "/livez", NULL, 0), 200);
    assert_int_equal(get(child, "/other", NULL, 0), 404);
    assert_int_equal(get(child, "/metrics", answer, sizeof(answer)), 200);
    assert_non_null(strstr(answer, "\na_total 0\n"));
    assert_non_null(strstr(answer, "referral_build_info{service=\"tester\",version=\""));
    assert_non_null(strstr(answer, "\nreferral_service_ready 1\n"));
    assert_true(child->script->hardened);
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 0);
    assert_int_equal(child->script->starts, 1);
    assert_int_equal(child->script->drains, 1);
    assert_int_equal(child->script->stops, 1);
    assert_true(child->script->saw_draining);
}

static void a_start_that_says_try_again_is_repeated_while_health_answers(void **state)
{
    struct child *child = *state;
    char answer[8192];

    child->script->start = TRY_AGAIN;
    run(child, NULL, NULL);
    WAIT_FOR(child->script->starts >= 3);
    assert_int_equal(get(child, "/livez", NULL, 0), 200);
    assert_int_equal(get(child, "/readyz", answer, sizeof(answer)), 503);
    assert_non_null(strstr(answer, "starting"));
    assert_int_equal(child->script->steps, 0);
    assert_int_equal(lines_with(child, "start-waits"), 1);
    child->script->start = DONE;
    WAIT_FOR(get(child, "/readyz", NULL, 0) == 200);
    kill(child->pid, SIGINT);
    assert_int_equal(exit_code(child), 0);
}

static void it_can_be_stopped_before_it_has_started(void **state)
{
    struct child *child = *state;

    child->script->start = TRY_AGAIN;
    run(child, NULL, NULL);
    WAIT_FOR(child->script->starts >= 1);
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 0);
    assert_int_equal(child->script->drains, 0);
    assert_int_equal(child->script->stops, 1);
}

static void broken_ends_it_with_1_and_one_line(void **state)
{
    struct child *child = *state;

    run(child, NULL, NULL);
    WAIT_FOR(child->script->steps >= 1);
    child->script->step = BROKEN;
    assert_int_equal(exit_code(child), 1);
    assert_int_equal(child->script->drains, 0);
    assert_int_equal(child->script->stops, 1);
    assert_int_equal(lines_with(child, "step says broken"), 1);
    assert_int_equal(lines_with(child, "/a/pointer"), 1);
    child->script->start = BROKEN;
    run(child, NULL, NULL);
    assert_int_equal(exit_code(child), 1);
    assert_int_equal(child->script->stops, 2);
}

static void a_start_that_fails_where_the_check_does_ends_with_78(void **state)
{
    struct child *child = *state;

    child->script->start = child->script->check = BROKEN;
    run(child, NULL, NULL);
    assert_int_equal(exit_code(child), 78);
    assert_int_equal(child->script->stops, 1);
    assert_int_equal(lines_with(child, "start says broken"), 1);
    assert_int_equal(lines_with(child, "check says"), 0);
}

static void a_turn_that_fails_is_slowed_down_and_logged_once(void **state)
{
    struct child *child = *state;
    int steps;

    child->script->step = TRY_AGAIN;
    run(child, NULL, NULL);
    WAIT_FOR(child->script->steps >= 4); /* 100 + 200 + 400 ms later */
    assert_int_equal(lines_with(child, "turn-failed"), 1);
    child->script->step = DONE;
    WAIT_FOR(lines_with(child, "well-again") == 1);
    steps = child->script->steps;
    WAIT_FOR(child->script->steps > steps + 10);
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 0);
}

static void a_signal_cuts_the_back_off_short(void **state)
{
    struct child *child = *state;
    int64_t began;

    child->script->step = TRY_AGAIN;
    run(child, NULL, NULL);
    WAIT_FOR(child->script->steps >= 6); /* the next wait is 3.2 s */
    began = clock_monotonic_ms();
    kill(child->pid, SIGTERM);
    WAIT_FOR(child->script->drains >= 1);
    assert_true(clock_monotonic_ms() - began < 3000);
    assert_int_equal(exit_code(child), 0);
}

static void draining_has_a_time_limit(void **state)
{
    struct child *child = *state;
    int64_t began;

    child->script->drain = TRY_AGAIN;
    run(child, "--drain-timeout-ms", "300");
    WAIT_FOR(child->script->steps >= 1);
    began = clock_monotonic_ms();
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 70);
    assert_true(clock_monotonic_ms() - began >= 300);
    assert_int_equal(child->script->stops, 1);
}

static void a_second_signal_ends_the_draining(void **state)
{
    struct child *child = *state;

    child->script->drain = TRY_AGAIN;
    run(child, "--drain-timeout-ms", "600000");
    WAIT_FOR(child->script->steps >= 1);
    kill(child->pid, SIGTERM);
    WAIT_FOR(child->script->drains >= 2);
    assert_int_equal(get(child, "/readyz", NULL, 0), 503);
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 70);
}

static void sighup_reloads_and_a_refusal_is_logged_and_survived(void **state)
{
    struct child *child = *state;

    run(child, NULL, NULL);
    WAIT_FOR(child->script->steps >= 1);
    kill(child->pid, SIGHUP);
    WAIT_FOR(lines_with(child, "reloaded") == 1);
    child->script->reload = REFUSED;
    kill(child->pid, SIGHUP);
    WAIT_FOR(lines_with(child, "reload-kept-the-old") == 1);
    assert_int_equal(child->script->reloads, 2);
    assert_int_equal(get(child, "/readyz", NULL, 0), 200);
    kill(child->pid, SIGTERM);
    assert_int_equal(exit_code(child), 0);
}

static void what_needs_no_service_exits_at_once(void **state)
{
    static const struct {
        const char *flag, *value, *printed;
        int code;
    } cases[] = {
        {"--version", NULL, "tester ", 0},
        {"--help", NULL, "TESTER_NUMBER", 0},
        {"--options-json", NULL, "\"environment\":\"TESTER_NUMBER\"", 0},
        {"--check", NULL, "tester: ok", 0},
        {"--number", "10", "from 0 to 9", 78},
        {"--wrong", NULL, "--wrong", 78},
        {"--health-listen", "nowhere", "HOST:PORT", 78},
    };
    struct child *child = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(child, cases[i].flag, cases[i].value);
        assert_int_equal(exit_code(child), cases[i].code);
        if (lines_with(child, cases[i].printed) < 1)
            fail_msg("%s does not print %s", cases[i].flag, cases[i].printed);
    }
    assert_int_equal(child->script->starts, 0);
    child->script->check = REFUSED;
    run(child, "--check", NULL);
    assert_int_equal(exit_code(child), 78);
    assert_int_equal(lines_with(child, "check says refused"), 1);
    assert_int_equal(lines_with(child, "\"level\":\"error\""), 1);
}

static void systemd_is_told_of_ready_and_stopping(void **state)
{
    struct child *child = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    int listener = socket(AF_UNIX, SOCK_DGRAM, 0);
    char got[64] = "";

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/service_test_%d.sock", getpid());
    unlink(address.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    run(child, NULL, NULL);
    unsetenv("NOTIFY_SOCKET");
    assert_true(recv(listener, got, sizeof(got) - 1, 0) > 0);
    assert_string_equal(got, "READY=1");
    kill(child->pid, SIGTERM);
    memset(got, 0, sizeof(got));
    assert_true(recv(listener, got, sizeof(got) - 1, 0) > 0);
    assert_string_equal(got, "STOPPING=1");
    assert_int_equal(exit_code(child), 0);
    close(listener);
    unlink(address.sun_path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_serves_until_sigterm_then_drains_and_stops),
        TEST(a_start_that_says_try_again_is_repeated_while_health_answers),
        TEST(it_can_be_stopped_before_it_has_started),
        TEST(broken_ends_it_with_1_and_one_line),
        TEST(a_start_that_fails_where_the_check_does_ends_with_78),
        TEST(a_turn_that_fails_is_slowed_down_and_logged_once),
        TEST(a_signal_cuts_the_back_off_short),
        TEST(draining_has_a_time_limit),
        TEST(a_second_signal_ends_the_draining),
        TEST(sighup_reloads_and_a_refusal_is_logged_and_survived),
        TEST(what_needs_no_service_exits_at_once),
        TEST(systemd_is_told_of_ready_and_stopping),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
