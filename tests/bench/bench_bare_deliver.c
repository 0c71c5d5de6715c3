/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher's yardstick for a single delivery: a librdkafka consumer that POSTs each record as
 * it comes, by libcurl, on a kept connection: no queue, no transaction, nothing decoded or signed.
 * It prints `ready` when it has its partitions, and ends with SIGTERM.
 * With COUNT instead of a URL it only reads that many records and prints one JSON line: how fast a
 * topic can be read at all. */
#include <curl/curl.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define READ_LIMIT_US (120 * 1000000LL)

static volatile sig_atomic_t ended;

static void on_end(int number)
{
    (void)number;
    ended = 1;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t swallow(char *bytes, size_t size, size_t count, void *self)
{
    (void)bytes;
    (void)self;
    return size * count;
}

static void must(int well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_bare_deliver: %s\n", what);
    exit(1);
}

static rd_kafka_t *consumer_of(const char *bootstrap, const char *topic)
{
    char group[64], error[256];
    snprintf(group, sizeof group, "bench-deliver-%lld", (long long)now_us());
    const char *const settings[][2] = {{"bootstrap.servers", bootstrap},
                                       {"group.id", group},
                                       {"auto.offset.reset", "earliest"},
                                       {"isolation.level", "read_committed"},
                                       {"check.crcs", "true"}};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        must(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error) ==
                 RD_KAFKA_CONF_OK,
             error);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
    must(consumer != NULL, error);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    must(rd_kafka_subscribe(consumer, topics) == RD_KAFKA_RESP_ERR_NO_ERROR, "subscribe");
    rd_kafka_topic_partition_list_destroy(topics);
    return consumer;
}

static void read_only(rd_kafka_t *consumer, long count)
{
    long records = 0;
    int64_t began = now_us(), first = 0, bytes = 0;
    while (records < count && now_us() - began < READ_LIMIT_US && !ended) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            first = first ? first : now_us();
            bytes += (int64_t)message->len;
            records++;
        }
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    must(records == count, "the topic could not be read in time");
    double seconds = (double)(now_us() - first) / 1e6;
    printf("{\"records\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"bytes\": %lld}\n",
           records, seconds, (double)records / seconds, (long long)bytes);
}

static void deliver(rd_kafka_t *consumer, const char *url)
{
    CURL *easy = curl_easy_init();
    must(easy != NULL, "no easy handle");
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/octet-stream");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 10000L);
    int told = 0;
    while (!ended) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        rd_kafka_topic_partition_list_t *parts = NULL;
        if (!told && rd_kafka_assignment(consumer, &parts) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            told = parts->cnt > 0;
            rd_kafka_topic_partition_list_destroy(parts);
            if (told)
                puts("ready");
            fflush(stdout);
        }
        if (message != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            curl_easy_setopt(easy, CURLOPT_POSTFIELDS, message->payload);
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)message->len);
            must(curl_easy_perform(easy) == CURLE_OK, "a POST failed");
        }
        if (message != NULL)
            rd_kafka_message_destroy(message);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: bench_bare_deliver BOOTSTRAP TOPIC URL|COUNT\n");
        return 2;
    }
    struct sigaction action = {.sa_handler = on_end};
    sigaction(SIGTERM, &action, NULL);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    rd_kafka_t *consumer = consumer_of(argv[1], argv[2]);
    long count = strtol(argv[3], NULL, 10);
    if (count > 0)
        read_only(consumer, count);
    else
        deliver(consumer, argv[3]);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    curl_global_cleanup();
    return 0;
}
