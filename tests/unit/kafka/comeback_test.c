/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that comes back says for a moment that partitions have no leader, and that there are no
 * brokers. What librdkafka made of it is repaired in tests/stack/librdkafka.patch: without that,
 * each of these fails. The cluster of the first is librdkafka's own, in this process; the broker of
 * the second is the few bytes of Kafka's protocol below, as no other can be made to say it. */
#include "kafka/internal.h"

#include <librdkafka/rdkafka_mock.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define IN_TIME_S 100
#define TRIES 50
#define TIMES 40 /* one of about six was lost for good */

static rd_kafka_t *reader_of(const char *bootstrap,
                             void log(const rd_kafka_t *, int, const char *, const char *))
{
    struct reason reason = {0};
    struct kafka_settings *settings;
    rd_kafka_conf_t *conf;
    rd_kafka_t *reader;

    setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap, 1);
    settings = kafka_settings_from_environment("test", &reason);
    assert_non_null(settings);
    conf = kafka_conf_new(settings, KAFKA_READER, &reason);
    assert_non_null(conf);
    assert_true(kafka_conf_set(conf, "group.id", "g", &reason));
    if (log)
        rd_kafka_conf_set_log_cb(conf, log);
    reader = kafka_client_new(conf, RD_KAFKA_CONSUMER, &reason);
    assert_non_null(reader);
    kafka_settings_free(settings);
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
    return reader;
}

/* ---- a partition without a leader, in the answer to a fetch */

static atomic_int updates_of_garbage;

static void listen_for_garbage(const rd_kafka_t *client, int level, const char *facility,
                               const char *text)
{
    (void)client, (void)level;
    if (strcmp(facility, "METADATAUPDATE") == 0 && strstr(text, "not found in cache"))
        atomic_fetch_add(&updates_of_garbage, 1);
}

static void produce(rd_kafka_t *producer, int partition)
{
    assert_int_equal(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("t"),
                                       RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_VALUE("x", 1),
                                       RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void read_one(rd_kafka_t *reader, int partition)
{
    bool read = false;

    for (int i = 0; i < TRIES && !read; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 200);

        if (!message)
            continue;
        read = message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->partition == partition;
        rd_kafka_message_destroy(message);
    }
    assert_true(read);
}

static void a_fetch_that_tells_of_no_leader_leaves_the_metadata_whole(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* as in kafka_test.c: librdkafka's threads are not known to it */
#endif
    rd_kafka_topic_partition_list_t *both = rd_kafka_topic_partition_list_new(2);
    rd_kafka_mock_cluster_t *cluster;
    rd_kafka_t *producer, *reader;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char words[256];

    (void)state;
    alarm(IN_TIME_S);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof(words));
    assert_non_null(producer);
    cluster = rd_kafka_mock_cluster_new(producer, 2);
    assert_non_null(cluster);
    rd_kafka_brokers_add(producer, rd_kafka_mock_cluster_bootstraps(cluster));
    rd_kafka_mock_topic_create(cluster, "t", 2, 2);
    for (int i = 0; i < 2; i++) {
        rd_kafka_mock_partition_set_leader(cluster, "t", i, 1);
        rd_kafka_topic_partition_list_add(both, "t", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
        produce(producer, i);
    }
    reader = reader_of(rd_kafka_mock_cluster_bootstraps(cluster), listen_for_garbage);
    assert_int_equal(rd_kafka_assign(reader, both), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(both);
    read_one(reader, 1);

    /* broker 1 knows of no leader for the second, and where the first has gone */
    rd_kafka_mock_partition_push_leader_response(cluster, "t", 1, -1, 1);
    for (int i = 0; i < 2; i++)
        rd_kafka_mock_partition_set_leader(cluster, "t", i, 2);
    produce(producer, 1);
    read_one(reader, 1);
    assert_int_equal(atomic_load(&updates_of_garbage), 0);

    rd_kafka_destroy(reader);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(producer);
    alarm(0);
}

/* ---- a broker that knows of no broker */

#define LIST_OFFSETS 2
#define METADATA 3
#define API_VERSIONS 18
#define UNSUPPORTED_VERSION 35
#define LEADER_NOT_AVAILABLE 5
#define CONNECTIONS 16
#define OFFSET 7

struct broker {
    struct pollfd sockets[CONNECTIONS]; /* the first one listens */
    nfds_t count;
    uint16_t port;
    pthread_t thread;
    atomic_bool fenced, stopping;
};

struct answer {
    unsigned char bytes[256];
    size_t length;
};

static void put(struct answer *answer, int bytes, int64_t value)
{
    for (int i = bytes - 1; i >= 0; i--)
        answer->bytes[answer->length++] = (unsigned char)((uint64_t)value >> (8 * i));
}

static void put_text(struct answer *answer, const char *text)
{
    put(answer, 2, (int64_t)strlen(text));
    memcpy(answer->bytes + answer->length, text, strlen(text));
    answer->length += strlen(text);
}

static void put_versions(struct answer *answer, int asked_version)
{
    put(answer, 2, asked_version > 0 ? UNSUPPORTED_VERSION : 0);
    put(answer, 4, 3);
    put(answer, 2, LIST_OFFSETS), put(answer, 2, 0), put(answer, 2, 1);
    put(answer, 2, METADATA), put(answer, 2, 0), put(answer, 2, 1);
    put(answer, 2, API_VERSIONS), put(answer, 2, 0), put(answer, 2, 0);
}

/* Version 1. A broker whose controller takes it for dead leaves itself out. */
static void put_metadata(struct answer *answer, uint16_t port, bool fenced)
{
    put(answer, 4, fenced ? 0 : 1); /* brokers */
    if (!fenced) {
        put(answer, 4, 1);
        put_text(answer, "127.0.0.1");
        put(answer, 4, port);
        put(answer, 2, -1); /* no rack */
    }
    put(answer, 4, fenced ? -1 : 1); /* controller */
    put(answer, 4, 1);               /* topics */
    put(answer, 2, 0);
    put_text(answer, "t");
    put(answer, 1, 0);
    put(answer, 4, 1); /* partitions */
    put(answer, 2, fenced ? LEADER_NOT_AVAILABLE : 0);
    put(answer, 4, 0);
    put(answer, 4, fenced ? -1 : 1); /* leader */
    put(answer, 4, 1), put(answer, 4, 1);
    put(answer, 4, 1), put(answer, 4, 1);
}

/* Version 1, of the one partition. */
static void put_offsets(struct answer *answer)
{
    put(answer, 4, 1);
    put_text(answer, "t");
    put(answer, 4, 1);
    put(answer, 4, 0);
    put(answer, 2, 0);
    put(answer, 8, -1); /* no time */
    put(answer, 8, OFFSET);
}

static bool read_all(int from, void *bytes, size_t count)
{
    return recv(from, bytes, count, MSG_WAITALL) == (ssize_t)count;
}

/* Answers one request; false: the connection has ended. */
static bool answer_one(struct broker *broker, int socket)
{
    unsigned char request[4096];
    struct answer answer = {.length = 4};
    uint32_t length;
    int api, version;

    if (!read_all(socket, &length, 4) || ntohl(length) < 8 || ntohl(length) > sizeof(request) ||
        !read_all(socket, request, ntohl(length)))
        return false;
    api = request[0] << 8 | request[1];
    version = request[2] << 8 | request[3];
    memcpy(answer.bytes + answer.length, request + 4, 4); /* whose answer it is */
    answer.length += 4;
    if (api == API_VERSIONS)
        put_versions(&answer, version);
    else if (api == LIST_OFFSETS)
        put_offsets(&answer);
    else if (api == METADATA)
        put_metadata(&answer, broker->port, atomic_load(&broker->fenced));
    else
        return false;
    length = htonl((uint32_t)answer.length - 4);
    memcpy(answer.bytes, &length, 4);
    return send(socket, answer.bytes, answer.length, MSG_NOSIGNAL) == (ssize_t)answer.length;
}

static void *serve(void *self)
{
    struct broker *broker = self;

    while (!atomic_load(&broker->stopping)) {
        if (poll(broker->sockets, broker->count, 50) <= 0)
            continue;
        for (nfds_t i = broker->count; i-- > 1;) {
            if (!broker->sockets[i].revents || answer_one(broker, broker->sockets[i].fd))
                continue;
            close(broker->sockets[i].fd);
            broker->sockets[i] = broker->sockets[--broker->count];
        }
        if (broker->sockets[0].revents && broker->count < CONNECTIONS)
            broker->sockets[broker->count++] =
                (struct pollfd){.fd = accept(broker->sockets[0].fd, NULL, NULL), .events = POLLIN};
    }
    for (nfds_t i = 0; i < broker->count; i++)
        close(broker->sockets[i].fd);
    return NULL;
}

static void broker_start(struct broker *broker, char bootstrap[32])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, CONNECTIONS), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
    broker->sockets[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    broker->count = 1;
    broker->port = ntohs(at.sin_port);
    snprintf(bootstrap, 32, "127.0.0.1:%u", broker->port);
    assert_int_equal(pthread_create(&broker->thread, NULL, serve, broker), 0);
}

/* How many brokers the client hears of; -1: it has nobody to ask. */
static int brokers_heard_of(rd_kafka_t *client)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int count;

    if (rd_kafka_metadata(client, 1, NULL, &metadata, 500) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    count = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static void hear_of(rd_kafka_t *client, int count)
{
    int heard = -1;

    for (int i = 0; i < TRIES && heard != count; i++) {
        heard = brokers_heard_of(client);
        if (heard != count)
            rd_kafka_poll(client, 100);
    }
    assert_int_equal(heard, count);
}

/* Who has heard of it. */
static rd_kafka_t *meet(struct broker *broker)
{
    char bootstrap[32];
    rd_kafka_t *reader;

    alarm(IN_TIME_S);
    broker_start(broker, bootstrap);
    reader = reader_of(bootstrap, NULL);
    hear_of(reader, 1);
    return reader;
}

static void part(struct broker *broker, rd_kafka_t *reader)
{
    rd_kafka_destroy(reader);
    atomic_store(&broker->stopping, true);
    pthread_join(broker->thread, NULL);
    alarm(0);
}

static void a_broker_that_is_fenced_for_a_moment_is_found_again(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip();
#endif
    struct broker broker = {0};
    rd_kafka_t *reader;

    (void)state;
    reader = meet(&broker);
    for (int i = 0; i < TIMES; i++) {
        atomic_store(&broker.fenced, true);
        hear_of(reader, 0);
        atomic_store(&broker.fenced, false);
        hear_of(reader, 1);
    }
    part(&broker, reader);
}

/* Whatever was asked of the partition found no leader for 15 s, in which nobody was asked. */
static void a_partition_that_had_no_leader_for_a_moment_has_bounds_again(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip();
#endif
    struct broker broker = {0};
    struct reason reason = {0};
    int64_t low = 0, end = 0;
    rd_kafka_t *reader;

    (void)state;
    reader = meet(&broker);
    atomic_store(&broker.fenced, true);
    hear_of(reader, 0);
    atomic_store(&broker.fenced, false);
    if (kafka_watermarks(reader, "t", 0, &low, &end, &reason) != DONE)
        fail_msg("%s: %s", reason.code, reason.detail);
    assert_int_equal(low, OFFSET);
    assert_int_equal(end, OFFSET);
    part(&broker, reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fetch_that_tells_of_no_leader_leaves_the_metadata_whole),
        cmocka_unit_test(a_broker_that_is_fenced_for_a_moment_is_found_again),
        cmocka_unit_test(a_partition_that_had_no_leader_for_a_moment_has_bounds_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
