/* SPDX-License-Identifier: Apache-2.0 */
/* The router's yardstick: a bare librdkafka loop that consumes the same topics and, in transactions
 * of the same size, writes for each record what the router writes in number and size: one of its
 * own bytes plus DELIVERY-EXTRA, and two of EVENT bytes. No decoding, no checks, no decision, no
 * recovery. Prints one JSON line. */
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "bench_bare_copy: %s\n", error);
        exit(1);
    }
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error != NULL) {
        fprintf(stderr, "bench_bare_copy: %s: %s\n", what, rd_kafka_error_string(error));
        exit(1);
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *bootstrap, rd_kafka_conf_t *conf)
{
    char error[256];
    set(conf, "bootstrap.servers", bootstrap);
    rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof error);
    if (handle == NULL) {
        fprintf(stderr, "bench_bare_copy: %s\n", error);
        exit(1);
    }
    return handle;
}

static void send_one(rd_kafka_t *producer, const char *topic, const rd_kafka_message_t *like,
                     const void *value, size_t size)
{
    while (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic),
                             RD_KAFKA_V_KEY(like->key, like->key_len),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(producer, 10);
}

static void commit(rd_kafka_t *producer, rd_kafka_t *consumer)
{
    rd_kafka_topic_partition_list_t *offsets = NULL;
    rd_kafka_assignment(consumer, &offsets);
    rd_kafka_position(consumer, offsets);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);
    check(rd_kafka_send_offsets_to_transaction(producer, offsets, group, -1), "send offsets");
    check(rd_kafka_commit_transaction(producer, -1), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: bench_bare_copy BOOTSTRAP PATTERN DELIVERIES EVENTS BATCH COUNT "
                        "DELIVERY-EXTRA EVENT\n");
        return 2;
    }
    long batch_max = strtol(argv[5], NULL, 10), count = strtol(argv[6], NULL, 10);
    size_t extra = strtoul(argv[7], NULL, 10), event_size = strtoul(argv[8], NULL, 10);
    char group[64];
    snprintf(group, sizeof group, "bench-copy-%d", (int)time(NULL));
    rd_kafka_conf_t *consuming = rd_kafka_conf_new(), *producing = rd_kafka_conf_new();
    set(consuming, "group.id", group);
    set(consuming, "enable.auto.commit", "false");
    set(consuming, "auto.offset.reset", "earliest");
    set(consuming, "isolation.level", "read_committed");
    set(consuming, "check.crcs", "true");
    set(consuming, "topic.blacklist", "referrals\\.refused");
    set(producing, "transactional.id", group);
    set(producing, "acks", "all");
    set(producing, "compression.type", "lz4");
    set(producing, "partitioner", "murmur2_random");
    set(producing, "linger.ms", "5");
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, argv[1], consuming);
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, argv[1], producing);
    check(rd_kafka_init_transactions(producer, 30000), "init transactions");
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, argv[2], RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(consumer, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    static char event[4096], delivery[128 * 1024];
    long copied = 0, in_batch = 0;
    int64_t began = 0, batch_began = 0, give_up = now_us() + 120 * 1000000LL;
    while (copied < count && now_us() < give_up) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 50);
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            if (began == 0)
                began = now_us();
            if (in_batch++ == 0) {
                check(rd_kafka_begin_transaction(producer), "begin");
                batch_began = now_us();
            }
            memcpy(delivery, message->payload, message->len);
            send_one(producer, argv[3], message, delivery, message->len + extra);
            send_one(producer, argv[4], message, event, event_size);
            send_one(producer, argv[4], message, event, event_size);
            rd_kafka_poll(producer, 0);
            copied++;
        }
        if (message != NULL)
            rd_kafka_message_destroy(message);
        if (in_batch > 0 &&
            (in_batch == batch_max || copied == count || now_us() - batch_began > 100000)) {
            commit(producer, consumer);
            in_batch = 0;
        }
    }
    double seconds = (double)(now_us() - began) / 1e6;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"copied\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"cpu_seconds\": %.3f}\n",
           copied, seconds, (double)copied / seconds, cpu);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return copied == count ? 0 : 1;
}
