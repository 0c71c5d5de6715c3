/* SPDX-License-Identifier: Apache-2.0 */
/* Runs worlds, one per seed, in as many processes as there are processors. A world that breaks a
 * promise is printed with the promise and how to see it again, and so is one in which the core
 * crashes or never comes back; exit 1. */
#include "seed.h"
#include "service/options.h"

#include <stddef.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_BROKEN 1
#define EXIT_USAGE 2
#define WORKERS_MAX 256
#define CPU_SECONDS_MAX 300 /* for one seed; only a core that hangs takes them */

struct values {
    int64_t seed, seeds, first, workers, findings, referral;
    struct sizes sizes;
};

#define ROW(row_name, member, value, from, to, text)                                               \
    {                                                                                              \
        .name = row_name, .kind = OPTION_WHOLE, .offset = offsetof(struct values, member),         \
        .otherwise = value, .least = from, .most = to, .help = text                                \
    }

static const struct option options[] = {
    ROW("seeds", seeds, "100", 1, 100000000, "how many seeds to run"),
    ROW("first", first, "1", 1, INT64_MAX / 2, "the first of them"),
    ROW("seed", seed, "0", 0, INT64_MAX / 2, "this one alone, exactly as ever, and tell about it"),
    ROW("referral", referral, "-1", -1, 1000000, "with --seed: tell what happens to this one"),
    ROW("findings", findings, "10", 1, 1000000, "stop after so many seeds that break a promise"),
    ROW("workers", workers, "0", 0, WORKERS_MAX, "processes; 0 = one per processor"),
    ROW("destinations", sizes.destinations, "0", 0, 9999,
        "providers; 0 = by the seed, 1,000 in every fifth"),
    ROW("referrals", sizes.referrals, "0", 0, 1000000,
        "referrals; 0 = by the seed, 10,000 in every fifth"),
    ROW("partitions", sizes.partitions, "0", 0, PARTITIONS_MOST, "of the topic; 0 = by the seed"),
    ROW("processes", sizes.processes, "0", 0, PROCESSES_MAX, "dispatchers; 0 = by the seed"),
    ROW("in-flight-max", sizes.in_flight_max, "0", 0, 10000,
        "sends under way per dispatcher; 0 = by the seed"),
};
#define OPTIONS_COUNT (sizeof(options) / sizeof(*options))

struct shared { /* by all workers */
    _Atomic int64_t next, findings;
    struct worker {
        int64_t seed; /* being run; 0 = none */
        struct tally tally;
    } workers[WORKERS_MAX];
};

static void watch_the_time(void)
{
    const struct itimerval limit = {.it_value = {.tv_sec = CPU_SECONDS_MAX}};
    if (setitimer(ITIMER_VIRTUAL, &limit, NULL) != 0)
        perror(SEED_PROGRAM ": setitimer");
}

static void work(const struct values *values, struct shared *shared, struct worker *worker)
{
    int64_t number;
    while (shared->findings < values->findings && (number = shared->next++) < values->seeds) {
        worker->seed = values->first + number;
        watch_the_time();
        if (!seed_run((uint64_t)worker->seed, &values->sizes, false, -1, &worker->tally))
            shared->findings++;
        worker->seed = 0;
        fflush(stdout); /* a seed's lines stay together */
    }
}

static pid_t start_worker(const struct values *values, struct shared *shared, struct worker *worker)
{
    worker->seed = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        work(values, shared, worker);
        _exit(0);
    }
    return pid;
}

/* Whoever dies names its seed, and another takes its place. */
static bool run_all(const struct values *values, struct shared *shared, int64_t workers)
{
    pid_t pids[WORKERS_MAX];
    int64_t running = 0;
    for (int64_t i = 0; i < workers; i++)
        running += (pids[i] = start_worker(values, shared, &shared->workers[i])) > 0;
    while (running > 0) {
        int status = 0;
        const pid_t pid = wait(&status);
        int64_t i = 0;
        if (pid < 0)
            return false;
        while (i < workers && pids[i] != pid)
            i++;
        running--;
        if (i == workers || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
            continue;
        shared->findings++;
        printf("seed %" PRId64 " ended by %s %d\n  replay: " SEED_PROGRAM " --seed %" PRId64 "\n",
               shared->workers[i].seed, WIFSIGNALED(status) ? "signal" : "exit code",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
               shared->workers[i].seed);
        fflush(stdout);
        running += (pids[i] = start_worker(values, shared, &shared->workers[i])) > 0;
    }
    return shared->findings == 0 && shared->next >= values->seeds;
}

static bool run_many(const struct values *values)
{
    struct tally tally = {0};
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t workers = values->workers ? values->workers : sysconf(_SC_NPROCESSORS_ONLN);
    if (shared == MAP_FAILED)
        return false;
    if (workers < 1 || workers > WORKERS_MAX)
        workers = 1;
    if (workers > values->seeds)
        workers = values->seeds;
    const bool well = run_all(values, shared, workers);
    for (int64_t i = 0; i < workers; i++)
        tally_join(&tally, &shared->workers[i].tally);
    tally_print(&tally);
    (void)munmap(shared, sizeof(*shared));
    return well;
}

int main(int argc, char **argv)
{
    static struct values values;
    struct reason reason = {0};
    struct tally tally = {0};
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        options_print_help(SEED_PROGRAM, "runs the dispatcher's core in simulated worlds", options,
                           OPTIONS_COUNT);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--options-json") == 0) {
        options_print_json(SEED_PROGRAM, options, OPTIONS_COUNT);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf(SEED_PROGRAM " " PROJECT_VERSION "\n");
        return 0;
    }
    const bool check = argc == 2 && strcmp(argv[1], "--check") == 0;
    if (check)
        argc--;
    if (!options_read(SEED_PROGRAM, options, OPTIONS_COUNT, argc, argv, &values, &reason)) {
        fprintf(stderr, SEED_PROGRAM ": %s\n", reason.detail);
        return EXIT_USAGE;
    }
    if (check)
        return 0;
    (void)setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    if (!values.seed)
        return run_many(&values) ? 0 : EXIT_BROKEN;
    const bool well =
        seed_run((uint64_t)values.seed, &values.sizes, true, (int32_t)values.referral, &tally);
    tally_print(&tally);
    return well ? 0 : EXIT_BROKEN;
}
