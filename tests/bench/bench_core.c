// SPDX-License-Identifier: Apache-2.0
// The dispatcher's core alone: nanoseconds per delivery, from the record read to its tombstone read
// back, while 1,000, 100,000 or 1,000,000 others are pending, and the bytes that each of these
// takes with a record of 900 bytes. `spread`: the backlog belongs to all destinations, and it is
// what is delivered; `one-dead`: it belongs to one that is away, beside healthy ones.
#include "base/clock.h"
#include "base/text.h"
#include "core/deliver.h"
#include "ids/formats.h"
#include "service/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DESTINATIONS 1000
#define PARTITIONS 64
#define RECORD_BYTES 900
#define BATCH 256
#define NOW 1795424400000
#define HOUR_MS INT64_C(3600000)

struct bench {
    struct deliverer *core;
    int64_t offsets[PARTITIONS], now;
    uint64_t made;
    bool one_dead;
};

static char codes[DESTINATIONS][ODS_CODE_SIZE];

static int64_t cpu_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static size_t resident(void)
{
    unsigned long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &all, &pages) != 2)
        pages = 0;
    if (file)
        fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_core: %s\n", what);
    exit(1);
}

static void endpoint(void *self, const char *destination, struct endpoint_state *ret_state)
{
    (void)self;
    *ret_state = (struct endpoint_state){.usable = strcmp(destination, "DEAD") != 0, .hash = 1};
}

static void read_one(struct bench *bench, const char *destination)
{
    static const uint8_t bytes[RECORD_BYTES];
    struct deliver_record record = {.destination = destination,
                                    .created_at_ms = bench->now,
                                    .next_attempt_at_ms = bench->now,
                                    .retry_first_ms = 5000,
                                    .retry_most_ms = 300000,
                                    .bytes = bytes,
                                    .size = sizeof(bytes)};
    uint64_t number = ++bench->made;
    uint64_t mixed = number * UINT64_C(0x9E3779B97F4A7C15);
    memcpy(record.id.bytes, &number, sizeof(number));
    memcpy(record.id.bytes + sizeof(number), &mixed, sizeof(mixed));
    record.deadline_at_ms = bench->now + HOUR_MS + (int64_t)(mixed % (72 * (uint64_t)HOUR_MS));
    int32_t partition = destination[0] == 'D' ? 0 : (int32_t)(number % DESTINATIONS % PARTITIONS);
    must(deliver_record_seen(bench->core, partition, bench->offsets[partition]++, &record,
                             bench->now) == DONE,
         "a record can't be held");
}

static void read_healthy(struct bench *bench)
{
    read_one(bench, codes[(bench->made + 1) % DESTINATIONS]);
}

static void write_all(struct bench *bench)
{
    struct {
        struct uuid id;
        int32_t partition;
    } finished[BATCH * 4];
    size_t count = 0;
    struct deliver_write write;
    while (deliver_next_write(bench->core, bench->now, &write)) {
        if (write.fact != FACT_DELIVERED)
            continue;
        must(count < sizeof(finished) / sizeof(*finished), "too many facts");
        finished[count].id = write.job->id;
        finished[count++].partition = write.job->partition;
    }
    deliver_committed(bench->core, bench->now);
    for (size_t i = 0; i < count; i++)
        deliver_tombstone_seen(bench->core, finished[i].partition,
                               bench->offsets[finished[i].partition]++, &finished[i].id,
                               bench->now);
}

/* A turn of the shell; returns how many were delivered. */
static int turn(struct bench *bench)
{
    uint32_t flights[BATCH];
    int count = 0;
    struct deliver_send send;
    const struct answer well = {.status = 200};
    deliver_tick(bench->core, bench->now);
    write_all(bench);
    while (count < BATCH && deliver_next_send(bench->core, bench->now, &send)) {
        deliver_begun(bench->core, send.flight, bench->now);
        flights[count++] = send.flight;
    }
    bench->now += 5;
    for (int i = 0; i < count; i++)
        deliver_answered(bench->core, flights[i], &well, bench->now);
    write_all(bench);
    return count;
}

static void run(bool first, bool one_dead, size_t pending, int deliveries)
{
    struct bench bench = {.now = NOW, .one_dead = one_dead};
    const size_t before = resident();
    struct deliver_options options = {.pending_max = 2000000,
                                      .in_flight_max = BATCH,
                                      .intent = true,
                                      .attempt_timeout_ms = 30000,
                                      .probe_first_ms = 15000,
                                      .probe_most_ms = 300000,
                                      .seed = 1,
                                      .endpoint = endpoint};
    bench.core = deliver_new(&options);
    must(bench.core, "no core");
    for (int32_t i = 0; i < PARTITIONS; i++)
        must(deliver_assigned(bench.core, i), "no partition");
    int64_t start = cpu_ns();
    for (size_t i = 0; i < pending; i++)
        one_dead ? read_one(&bench, "DEAD") : read_healthy(&bench);
    for (int32_t i = 0; i < PARTITIONS; i++)
        deliver_restored(bench.core, i, bench.now);
    const double restore_ns = (double)(cpu_ns() - start) / (double)pending;
    const size_t bytes = (resident() - before) / pending;
    if (one_dead)
        for (int i = 0; i < 2 * DESTINATIONS; i++)
            read_healthy(&bench);
    int delivered = 0;
    start = cpu_ns();
    while (delivered < deliveries) {
        int count = turn(&bench);
        delivered += count;
        for (int i = 0; i < count; i++)
            read_healthy(&bench);
    }
    printf("%s{\"backlog\":\"%s\",\"pending\":%zu,\"ns_per_delivery\":%.0f,"
           "\"ns_per_restored\":%.0f,\"bytes_per_pending\":%zu}",
           first ? "[" : ",\n", one_dead ? "one-dead" : "spread", pending,
           (double)(cpu_ns() - start) / (double)delivered, restore_ns, bytes);
    deliver_free(bench.core);
}

/* Each in a process of its own, so that none finds what another has left of its memory. */
static void run_alone(bool first, bool one_dead, size_t pending, int deliveries)
{
    int status;
    fflush(stdout);
    const pid_t child = fork();
    must(child >= 0, "no process");
    if (!child) {
        run(first, one_dead, pending, deliveries);
        exit(0);
    }
    must(waitpid(child, &status, 0) == child && status == 0, "a run has failed");
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {1000, 100000, 1000000};
    int64_t deliveries = 400000, pending = 0;
    if ((argc > 1 && !text_whole_number(argv[1], 1, 100000000, &deliveries)) ||
        (argc > 2 && !text_whole_number(argv[2], 1, 1900000, &pending))) {
        fprintf(stderr, "usage: bench_core [deliveries [pending, spread]]\n");
        return 1;
    }
    must(memory_prepare(), "not with the services' allocator");
    for (int i = 0; i < DESTINATIONS; i++)
        (void)text_format(codes[i], sizeof(codes[i]), "F%04d", i);
    if (pending) {
        run(true, false, (size_t)pending, (int)deliveries);
        puts("]");
        return 0;
    }
    for (int one_dead = 0; one_dead < 2; one_dead++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
            run_alone(!one_dead && !i, one_dead, sizes[i], (int)deliveries);
    puts("]");
    return 0;
}
