/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no broker: the environment's properties, and Java's partitioner. */
#include "kafka/internal.h"
#include "kafka/kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int clean(void **state)
{
    char *name;

    (void)state;
    for (char **entry = environ; *entry;) {
        if (strncmp(*entry, "KAFKA_", 6) != 0) {
            entry++;
            continue;
        }
        name = strndup(*entry, strcspn(*entry, "="));
        unsetenv(name);
        free(name);
        entry = environ;
    }
    return 0;
}

static void the_partition_of_a_key_is_javas(void **state)
{
    /* The hashes are those of the tests of Kafka's Java client (UtilsTest.testMurmur2). */
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t positive = (uint32_t)cases[i].hash & 0x7fffffff;

        for (int32_t count = 1; count < 50; count++)
            assert_int_equal(kafka_partition_of(cases[i].key, strlen(cases[i].key), count),
                             positive % (uint32_t)count);
    }
    assert_int_equal(kafka_partition_of("a", 1, 0), 0);
    assert_in_range(kafka_partition_of("", 0, 7), 0, 6);
}

static void properties_of_the_environment_are_taken(void **state)
{
    static const struct {
        const char *variable, *value;
    } cases[] = {
        {"KAFKA_BOOTSTRAP_SERVERS", "a:1,b:2"},
        {"KAFKA_SECURITY_PROTOCOL", "sasl_ssl"},
        {"KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"},
        {"KAFKA_SASL_PASSWORD", "hush"},
        {"KAFKA_SSL_CA_LOCATION", "/ca.pem"},
        {"KAFKA_DEBUG", "eos,cgrp"},
        {"KAFKA_LINGER_MS", "2"},
        {"KAFKA_COMPRESSION_TYPE", "zstd"},
        {"KAFKA_SERVICE_HOST", "10.0.0.1"},    /* Kubernetes */
        {"KAFKA_PORT", "tcp://10.0.0.1:9092"}, /* Kubernetes */
        {"KAFKA_HEAP_OPTS", "-Xmx1g"},         /* Kafka's scripts */
        {"KAFKA_DEBUG", ""},                   /* as good as unset */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reason reason = {0};
        struct kafka_settings *settings;

        clean(state);
        setenv(cases[i].variable, cases[i].value, 1);
        settings = kafka_settings_from_environment("test", &reason);
        if (!settings)
            fail_msg("%s: %s", cases[i].variable, reason.detail);
        kafka_settings_free(settings);
    }
    kafka_settings_free(NULL);
}

static void a_services_own_default_gives_way_to_the_environment(void **state)
{
    static const char *const said[] = {NULL, "7"};
    struct reason reason;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct kafka_settings *settings;
        rd_kafka_conf_t *conf;
        char value[16];
        size_t size = sizeof(value);

        if (said[i])
            setenv("KAFKA_FETCH_WAIT_MAX_MS", said[i], 1);
        settings = kafka_settings_from_environment("test", &reason);
        assert_non_null(settings);
        assert_true(kafka_settings_otherwise(settings, "fetch.wait.max.ms", 30));
        conf = kafka_conf_new(settings, KAFKA_MEMBER, &reason);
        assert_non_null(conf);
        assert_int_equal(rd_kafka_conf_get(conf, "fetch.wait.max.ms", value, &size),
                         RD_KAFKA_CONF_OK);
        assert_string_equal(value, said[i] ? said[i] : "30");
        rd_kafka_conf_destroy(conf);
        kafka_settings_free(settings);
    }
    unsetenv("KAFKA_FETCH_WAIT_MAX_MS");
}

static void what_carries_a_promise_or_is_unknown_is_refused_by_name(void **state)
{
    static const struct {
        const char *variable, *value, *code;
    } cases[] = {
        {"KAFKA_ACKS", "1", "locked-kafka-setting"},
        {"KAFKA_REQUEST_REQUIRED_ACKS", "1", "locked-kafka-setting"},
        {"KAFKA_ENABLE_IDEMPOTENCE", "false", "locked-kafka-setting"},
        {"KAFKA_ENABLE_AUTO_COMMIT", "true", "locked-kafka-setting"},
        {"KAFKA_AUTO_OFFSET_RESET", "latest", "locked-kafka-setting"},
        {"KAFKA_ISOLATION_LEVEL", "read_uncommitted", "locked-kafka-setting"},
        {"KAFKA_PARTITIONER", "random", "locked-kafka-setting"},
        {"KAFKA_TRANSACTIONAL_ID", "x", "locked-kafka-setting"},
        {"KAFKA_GROUP_ID", "x", "locked-kafka-setting"},
        {"KAFKA_PLUGIN_LIBRARY_PATHS", "/x.so", "locked-kafka-setting"},
        {"KAFKA_BOOTSTRAP_SERVRES", "a:1", "bad-kafka-setting"},
        {"KAFKA_LINGER_MS", "soon", "bad-kafka-setting"},
        {"KAFKA_SASL_PASSWORD_FILE", "/no/such/file", "bad-kafka-setting"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct reason reason = {0};

        clean(state);
        setenv(cases[i].variable, cases[i].value, 1);
        assert_null(kafka_settings_from_environment("test", &reason));
        assert_string_equal(reason.code, cases[i].code);
        if (!strstr(reason.detail, cases[i].variable))
            fail_msg("%s is not named in: %s", cases[i].variable, reason.detail);
    }
}

static void a_secret_may_stand_in_a_file(void **state)
{
    char path[] = "/tmp/kafka_test_XXXXXX";
    int file = mkstemp(path);
    struct reason reason = {0};
    struct kafka_settings *settings;

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, "12\n", 3), 3);
    close(file);
    /* A number, so that a line end left in it would be refused. */
    setenv("KAFKA_LINGER_MS_FILE", path, 1);
    settings = kafka_settings_from_environment("test", &reason);
    if (!settings)
        fail_msg("%s", reason.detail);
    kafka_settings_free(settings);
    unlink(path);
}

static void without_a_broker_every_call_ends_in_time(void **state)
{
#ifdef __SANITIZE_THREAD__
    /* librdkafka makes its threads with C11's thrd_create, which GCC 12's thread sanitizer does not
     * know: a client crashes under it. */
    skip();
#endif
    struct reason reason = {0};
    struct kafka_settings *settings;
    struct kafka_admin *admin;
    const char *topics[] = {"t"};
    int count;

    (void)state;
    setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1);
    settings = kafka_settings_from_environment("test", &reason);
    assert_non_null(settings);
    admin = kafka_admin_open(settings, &reason);
    assert_non_null(admin);
    assert_int_equal(kafka_admin_partitions(admin, "t", &count, &reason), TRY_AGAIN);
    kafka_admin_close(admin);
    assert_null(kafka_reader_open(settings, topics, 1, &reason));
    assert_string_not_equal(reason.code, "");
    kafka_settings_free(settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_partition_of_a_key_is_javas),
        TEST(properties_of_the_environment_are_taken),
        TEST(a_services_own_default_gives_way_to_the_environment),
        TEST(what_carries_a_promise_or_is_unknown_is_refused_by_name),
        TEST(a_secret_may_stand_in_a_file),
        TEST(without_a_broker_every_call_ends_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
