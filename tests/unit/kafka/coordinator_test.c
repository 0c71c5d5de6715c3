/* SPDX-License-Identifier: Apache-2.0 */
/* The brokers here are librdkafka's own, in this process: only they can be taken out of a cluster
 * in the middle of a transaction, at the moment that matters. */
#include "kafka/internal.h"

#include "base/clock.h"

#include <librdkafka/rdkafka_mock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define IN_TIME_S 100

struct cluster {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *mock;
    struct kafka_settings *settings;
    rd_kafka_t *producer;
};

static void start(struct cluster *cluster)
{
    struct reason reason = {0};
    rd_kafka_conf_t *conf;
    char words[256];

    cluster->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), words, sizeof(words));
    assert_non_null(cluster->host);
    cluster->mock = rd_kafka_mock_cluster_new(cluster->host, 2);
    assert_non_null(cluster->mock);
    rd_kafka_mock_topic_create(cluster->mock, "out", 1, 2);
    rd_kafka_mock_partition_set_leader(cluster->mock, "out", 0, 1);
    rd_kafka_mock_coordinator_set(cluster->mock, "transaction", "t", 1);
    rd_kafka_mock_coordinator_set(cluster->mock, "group", "g", 2);
    setenv("KAFKA_BOOTSTRAP_SERVERS", rd_kafka_mock_cluster_bootstraps(cluster->mock), 1);
    cluster->settings = kafka_settings_from_environment("test", &reason);
    assert_non_null(cluster->settings);
    conf = kafka_conf_new(cluster->settings, KAFKA_TRANSACTIONAL, &reason);
    assert_non_null(conf);
    assert_true(kafka_conf_set(conf, "transactional.id", "t", &reason));
    cluster->producer = kafka_client_new(conf, RD_KAFKA_PRODUCER, &reason);
    assert_non_null(cluster->producer);
    assert_null(rd_kafka_init_transactions(cluster->producer, 10000));
}

static void stop(struct cluster *cluster)
{
    rd_kafka_destroy(cluster->producer);
    kafka_settings_free(cluster->settings);
    rd_kafka_mock_cluster_destroy(cluster->mock);
    rd_kafka_destroy(cluster->host);
    unsetenv("KAFKA_BOOTSTRAP_SERVERS");
}

/* Begins a transaction and sends the group's offsets to it. */
static rd_kafka_error_t *send_offsets(struct cluster *cluster)
{
    rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata_new("g");
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error;

    assert_null(rd_kafka_begin_transaction(cluster->producer));
    assert_int_equal(rd_kafka_producev(cluster->producer, RD_KAFKA_V_TOPIC("out"),
                                       RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_flush(cluster->producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_add(offsets, "out", 0)->offset = 1;
    error = rd_kafka_send_offsets_to_transaction(cluster->producer, offsets, member, 1000);
    rd_kafka_topic_partition_list_destroy(offsets);
    rd_kafka_consumer_group_metadata_destroy(member);
    return error;
}

/* The library waited for that coordinator's connection, whose thread it had ended, and did not look
 * at the time: repaired in tests/stack/librdkafka.patch. */
static void a_coordinator_that_left_the_cluster_stops_no_transaction_for_ever(void **state)
{
#ifdef __SANITIZE_THREAD__
    skip(); /* as in kafka_test.c: librdkafka's threads are not known to it */
#endif
    const struct rd_kafka_metadata *metadata = NULL;
    struct cluster cluster = {0};
    rd_kafka_error_t *error;

    (void)state;
    alarm(IN_TIME_S); /* the call can't be left in another way */
    start(&cluster);
    assert_null(send_offsets(&cluster));
    assert_null(rd_kafka_commit_transaction(cluster.producer, 10000));

    assert_int_equal(rd_kafka_mock_broker_decommission(cluster.mock, 2),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_coordinator_set(cluster.mock, "group", "g", 1);
    assert_int_equal(rd_kafka_metadata(cluster.producer, 0, NULL, &metadata, 10000),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(metadata->broker_cnt, 1); /* the producer has seen it go */
    rd_kafka_metadata_destroy(metadata);

    error = send_offsets(&cluster);
    if (error) { /* it gave up, and has learnt from it */
        rd_kafka_error_destroy(error);
        assert_null(rd_kafka_abort_transaction(cluster.producer, 10000));
        assert_null(send_offsets(&cluster));
    }
    assert_null(rd_kafka_commit_transaction(cluster.producer, 10000));
    alarm(0);
    stop(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coordinator_that_left_the_cluster_stops_no_transaction_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
