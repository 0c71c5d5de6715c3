/* SPDX-License-Identifier: Apache-2.0 */
/* One call of common/kafka a run, for the tests against a real broker: `kafka_calls VERB …`; prints
 * what came of it, exits 0 (DONE), 1 (BROKEN), 2 (REFUSED) or 3 (TRY_AGAIN). */
#include "base/clock.h"
#include "kafka/kafka.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int codes[] = {[DONE] = 0, [BROKEN] = 1, [REFUSED] = 2, [TRY_AGAIN] = 3};

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

static void print_message(const struct kafka_message *message)
{
    size_t size = 0;
    const char *header = kafka_message_header(message, "h", &size);

    printf("%d %lld %.*s %.*s %.*s\n", (int)message->partition, (long long)message->offset,
           (int)message->key_size, message->key ? (const char *)message->key : "",
           message->value ? (int)message->value_size : 1,
           message->value ? (const char *)message->value : "-", header ? (int)size : 1,
           header ? header : "-");
}

/* Reads to the end; `marks`: then marks the end anew and reads on, as often. */
static enum verdict read_to_end(struct kafka_reader *reader, int64_t marks, struct reason *reason)
{
    int64_t until_ms = clock_monotonic_ms() + 20000;
    enum verdict verdict = DONE;

    for (int64_t i = 0; i <= marks && verdict == DONE; i++) {
        if (i > 0 && !kafka_reader_mark_end(reader, reason))
            return TRY_AGAIN;
        while (verdict == DONE && !kafka_reader_at_end(reader)) {
            const struct kafka_message *message;

            if (clock_monotonic_ms() > until_ms) {
                reason_set(reason, "no-end", NULL, "not at the end within 20 s");
                return TRY_AGAIN;
            }
            verdict = kafka_reader_next(reader, 500, &message, reason);
            if (verdict == DONE && message)
                print_message(message);
        }
    }
    return verdict;
}

/* Reads on beyond the end, until `count` records have come. */
static enum verdict read_on(struct kafka_reader *reader, int64_t count, struct reason *reason)
{
    const int64_t until_ms = clock_monotonic_ms() + 300000;
    enum verdict verdict = DONE;

    while (verdict == DONE && count > 0) {
        const struct kafka_message *message;

        if (clock_monotonic_ms() > until_ms) {
            reason_set(reason, "too-few", NULL, "%lld records have not come", (long long)count);
            return TRY_AGAIN;
        }
        verdict = kafka_reader_next(reader, 100, &message, reason);
        if (verdict != DONE || !message)
            continue;
        print_message(message);
        fflush(stdout);
        count--;
    }
    return verdict;
}

static enum verdict run_reader(const struct kafka_settings *settings, int argc, char **argv,
                               struct reason *reason)
{
    const char *topics[] = {argv[2]};
    struct kafka_reader *reader;
    enum verdict verdict = TRY_AGAIN;

    if (strcmp(argv[1], "read-at") == 0 && argc > 4)
        reader = kafka_reader_open_at(settings, argv[2], (int32_t)number(argv[3]), number(argv[4]),
                                      reason);
    else
        reader = kafka_reader_open(settings, topics, 1, reason);
    if (!reader)
        return TRY_AGAIN;
    if (strcmp(argv[1], "read-on") == 0 && argc > 3) {
        verdict = read_on(reader, number(argv[3]), reason);
        kafka_reader_close(reader);
        return verdict;
    }
    verdict =
        read_to_end(reader, argc > 3 && strcmp(argv[1], "read") == 0 ? number(argv[3]) : 0, reason);
    if (verdict == DONE && strcmp(argv[1], "seek") == 0 && argc > 4) {
        printf("again\n");
        if (kafka_reader_seek(reader, argv[2], (int32_t)number(argv[3]), number(argv[4]), reason))
            verdict = read_to_end(reader, 0, reason);
    }
    kafka_reader_close(reader);
    return verdict;
}

static enum verdict run_admin(const struct kafka_settings *settings, int argc, char **argv,
                              struct reason *reason)
{
    struct kafka_admin *admin = kafka_admin_open(settings, reason);
    enum verdict verdict = BROKEN;
    int64_t low = 0, end = 0, offset = 0;
    int count = 0;

    if (!admin)
        return BROKEN;
    if (strcmp(argv[1], "create") == 0 && argc > 4) {
        const char *config[] = {"cleanup.policy", argv[4], NULL};
        struct kafka_topic topic = {
            .name = argv[2], .partitions = (int)number(argv[3]), .settings = config};
        bool created = false;

        verdict = kafka_admin_create(admin, &topic, &created, reason);
        if (verdict == DONE)
            printf("%s\n", created ? "created" : "there");
    } else if (strcmp(argv[1], "partitions") == 0) {
        verdict = kafka_admin_partitions(admin, argv[2], &count, reason);
        if (verdict == DONE)
            printf("%d\n", count);
    } else if (strcmp(argv[1], "watermarks") == 0 && argc > 3) {
        verdict =
            kafka_admin_watermarks(admin, argv[2], (int32_t)number(argv[3]), &low, &end, reason);
        if (verdict == DONE)
            printf("%lld %lld\n", (long long)low, (long long)end);
    } else if (strcmp(argv[1], "committed") == 0 && argc > 4) {
        int64_t offsets[64];
        int partition = (int)number(argv[4]);

        verdict =
            partition >= 0 && partition < 64
                ? kafka_admin_committed(admin, argv[2], argv[3], partition + 1, offsets, reason)
                : BROKEN;
        if (verdict == DONE)
            printf("%lld\n", (long long)offsets[partition]);
    } else if (strcmp(argv[1], "offset-at") == 0 && argc > 4) {
        verdict = kafka_admin_offset_at(admin, argv[2], (int32_t)number(argv[3]), number(argv[4]),
                                        &offset, reason);
        if (verdict == DONE)
            printf("%lld\n", (long long)offset);
    }
    kafka_admin_close(admin);
    return verdict;
}

struct deliveries {
    atomic_int done, failed;
};

static void on_delivered(void *self, void *opaque, enum verdict verdict,
                         const struct reason *reason)
{
    struct deliveries *deliveries = self;

    (void)opaque, (void)reason;
    atomic_fetch_add(verdict == DONE ? &deliveries->done : &deliveries->failed, 1);
}

/* produce TOPIC COUNT [PARTITION-KEY]; each record has TIMEOUT_MS of the environment, 4 s without
 */
static enum verdict run_producer(const struct kafka_settings *settings, int argc, char **argv,
                                 struct reason *reason)
{
    struct deliveries deliveries = {0};
    const char *timeout = getenv("TIMEOUT_MS");
    int64_t timeout_ms = timeout ? number(timeout) : 4000;
    struct kafka_producer *producer =
        kafka_producer_open(settings, (int)timeout_ms, on_delivered, &deliveries, reason);
    int64_t count = argc > 3 ? number(argv[3]) : 1;
    enum verdict verdict = DONE;
    int64_t sent = 0;

    if (!producer)
        return BROKEN;
    for (int64_t i = 0; i < count && verdict == DONE; i++) {
        char key[32];
        struct kafka_out out = {.topic = argv[2],
                                .partition = KAFKA_BY_KEY,
                                .key = key,
                                .value = i % 10 == 9 ? NULL : "value",
                                .value_size = i % 10 == 9 ? 0 : 5,
                                .headers = {{"h", "1", 1}, {"h", "2", 1}},
                                .headers_count = 2};

        out.key_size = (size_t)snprintf(key, sizeof(key), "k%lld", (long long)i);
        if (argc > 4) {
            out.partition_key = argv[4];
            out.partition_key_size = strlen(argv[4]);
        }
        verdict = kafka_producer_send(producer, &out, reason);
        sent += verdict == DONE;
    }
    kafka_producer_flush(producer, (int)timeout_ms + 6000);
    printf("connected %d\n", kafka_producer_connected(producer));
    kafka_producer_close(producer);
    printf("sent %lld delivered %d failed %d\n", (long long)sent, atomic_load(&deliveries.done),
           atomic_load(&deliveries.failed));
    return verdict;
}

int main(int argc, char **argv)
{
    struct reason reason = {0};
    struct kafka_settings *settings = kafka_settings_from_environment("kafka-calls", &reason);
    enum verdict verdict = BROKEN;

    if (settings && argc > 2) {
        if (strcmp(argv[1], "produce") == 0)
            verdict = run_producer(settings, argc, argv, &reason);
        else if (strcmp(argv[1], "read") == 0 || strcmp(argv[1], "read-at") == 0 ||
                 strcmp(argv[1], "read-on") == 0 || strcmp(argv[1], "seek") == 0)
            verdict = run_reader(settings, argc, argv, &reason);
        else
            verdict = run_admin(settings, argc, argv, &reason);
    }
    if (verdict != DONE)
        printf("%s %s %s\n", verdict_name(verdict), reason.code, reason.detail);
    kafka_settings_free(settings);
    return codes[verdict];
}
