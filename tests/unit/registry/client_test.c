/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a registry of this process, scripted by a table of answers: what is asked for,
 * how often, and what readers and writers get meanwhile. */
#include "registry/client.h"

#include "base/clock.h"
#include "http/server.h"
#include "registry/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ABSENT "{\"error_code\":40403,\"message\":\"no such thing\"}"
#define THREADS 4

struct fixture {
    struct http_server *server;
    struct contract *contract;
    char url[64];
    struct registry_options options;
    atomic_int asked;    /* questions for ids */
    atomic_int status;   /* of answers to them; 0: as it should be */
    atomic_bool without; /* it has none of our schemas */
};

static void answer(struct http_request *request, int status, const char *text)
{
    const struct http_answer content = {.status = status,
                                        .content_type = "application/json",
                                        .body = text,
                                        .body_length = strlen(text)};
    http_answer(request, &content);
}

/* Its schemas: id 7 is an int; ours all have the id 5, which is as good as any for these tests. */
static void handle(void *self, struct http_request *request)
{
    struct fixture *fixture = self;
    const char *path = http_path(request);
    if (strncmp(path, "/schemas/ids/", 13) != 0) {
        bool without = atomic_load(&fixture->without);
        answer(request, without ? 404 : 200, without ? ABSENT : "{\"id\":5,\"version\":1}");
        return;
    }
    atomic_fetch_add(&fixture->asked, 1);
    int status = atomic_load(&fixture->status);
    if (status != 0)
        answer(request, status, "<html>");
    else if (strcmp(path + 13, "7") == 0)
        answer(request, 200, "{\"schema\":\"\\\"int\\\"\"}");
    else
        answer(request, 404, ABSENT);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct reason reason = {0};
    const struct http_options options = {.listen = "127.0.0.1:0",
                                         .body_size_max = 1 << 20,
                                         .connections_max = 8,
                                         .request_timeout_ms = 5000,
                                         .answer_timeout_ms = 5000,
                                         .retry_after_seconds = 1,
                                         .handler = handle,
                                         .self = &fixture};
    memset(&fixture, 0, sizeof(fixture));
    fixture.contract = contract_load(SOURCE_DIR "/schemas", &reason);
    fixture.server = http_server_start(&options, &reason);
    if (!fixture.contract || !fixture.server)
        return -1;
    snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%d/",
             http_server_port(fixture.server));
    fixture.options.url = fixture.url;
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_server_stop(fixture->server);
    contract_free(fixture->contract);
    return 0;
}

static struct registry_client *opened(struct fixture *fixture)
{
    struct registry_client *client = NULL;
    struct reason reason = {0};
    if (registry_open(&fixture->options, NULL, &client, &reason) != DONE || !client)
        fail_msg("%s: %s", reason.code, reason.detail);
    return client;
}

/* What a reader is told of a record of that id; its bytes are one small number. */
static enum verdict read_once(struct fixture *fixture, struct registry_client *client, uint8_t id,
                              struct reason *reason)
{
    const uint8_t bytes[] = {0, 0, 0, 0, id, 2};
    struct codec *codec = codec_new(fixture->contract, registry_table(client));
    struct record *record = NULL;
    enum verdict verdict = codec_read(codec, bytes, sizeof(bytes), NULL, &record, reason);
    codec_free(codec);
    return verdict;
}

/* The same, once there is an answer: a reader waits for a second, and a busy machine may take
 * longer. */
static enum verdict read_id(struct fixture *fixture, struct registry_client *client, uint8_t id,
                            struct reason *reason)
{
    const int64_t until_ms = clock_monotonic_ms() + 30000;
    enum verdict verdict = TRY_AGAIN;
    while (verdict == TRY_AGAIN && clock_monotonic_ms() < until_ms)
        verdict = read_once(fixture, client, id, reason);
    return verdict;
}

static uint8_t first_byte(struct fixture *fixture, struct registry_client *client)
{
    struct codec *codec = codec_new(fixture->contract, registry_table(client));
    struct buffer bytes;
    buffer_init(&bytes, 1000);
    const struct schema *volume = contract_message(fixture->contract, "Volume");
    assert_int_equal(codec_write(codec, codec_blank(codec, volume), &bytes, NULL), DONE);
    uint8_t first = bytes.data[0];
    buffer_clear(&bytes);
    codec_free(codec);
    return first;
}

struct reader {
    struct fixture *fixture;
    struct registry_client *client;
    enum verdict verdict;
};

static void *read_seven(void *self)
{
    struct reader *reader = self;
    reader->verdict = read_id(reader->fixture, reader->client, 7, NULL);
    return NULL;
}

static void an_id_is_asked_for_once_however_many_meet_it(void **state)
{
    struct fixture *fixture = *state;
    struct registry_client *client = opened(fixture);
    struct reader readers[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){fixture, client, BROKEN};
        assert_int_equal(pthread_create(&threads[i], NULL, read_seven, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].verdict, DONE);
    }
    assert_int_equal(atomic_load(&fixture->asked), 1);
    registry_close(client);
}

static void an_id_that_there_is_not_is_refused_and_not_asked_for_again_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct registry_client *client = opened(fixture);
    for (int i = 0; i < 3; i++) {
        struct reason reason = {0};
        assert_int_equal(read_id(fixture, client, 9, &reason), REFUSED);
        assert_string_equal(reason.code, "unknown-schema-id");
    }
    assert_int_equal(atomic_load(&fixture->asked), 1);
    registry_close(client);
}

static void while_it_is_out_of_its_mind_nothing_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const int statuses[] = {500, 404, 200, 401, 302};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct reason reason = {0};
        struct registry_client *client = opened(fixture);
        atomic_store(&fixture->status, statuses[i]);
        assert_int_equal(read_once(fixture, client, 9, &reason), TRY_AGAIN);
        assert_string_equal(reason.code, "registry-away");
        atomic_store(&fixture->status, 0);
        /* it is asked again by itself */
        assert_int_equal(read_id(fixture, client, 7, &reason), DONE);
        registry_close(client);
    }
}

static void our_schemas_are_written_with_their_ids_once_those_are_known(void **state)
{
    struct fixture *fixture = *state;
    struct registry_client *client = opened(fixture);
    atomic_store(&fixture->without, true);
    assert_int_equal(first_byte(fixture, client), 0xC3);
    assert_true(registry_use(client, fixture->contract));
    assert_int_equal(first_byte(fixture, client), 0xC3);
    atomic_store(&fixture->without, false);
    assert_true(registry_use(client, fixture->contract));  /* a reload asks at once */
    const int64_t until_ms = clock_monotonic_ms() + 30000; /* it has waited for two seconds */
    while (first_byte(fixture, client) != 0x00)
        assert_true(clock_monotonic_ms() < until_ms);
    registry_close(client);
}

static void nobody_there_is_no_bar_to_a_start_and_the_cache_knows_what_was_known(void **state)
{
    struct fixture *fixture = *state;
    char cache[] = "/tmp/registry_client_test_XXXXXX";
    int file = mkstemp(cache);
    assert_true(file >= 0);
    close(file);
    fixture->options.cache = cache;
    struct registry_client *client = opened(fixture);
    assert_true(registry_use(client, fixture->contract));
    assert_int_equal(read_id(fixture, client, 7, NULL), DONE);
    registry_close(client); /* what was learnt is in the file by now */

    fixture->options.url = "http://127.0.0.1:1";
    client = opened(fixture);
    assert_true(registry_use(client, fixture->contract));
    assert_int_equal(read_id(fixture, client, 7, NULL), DONE);
    struct reason reason = {0};
    assert_int_equal(read_once(fixture, client, 9, &reason), TRY_AGAIN);
    registry_close(client);

    FILE *broken = fopen(cache, "w");
    assert_non_null(broken);
    assert_true(
        fputs("{\"id\":1}\nnonsense\n{\"id\":3,\"schema\":\"\\\"int\\\"\"}\n{\"id\":", broken) > 0);
    assert_int_equal(fclose(broken), 0);
    struct registry *table = registry_new();
    assert_int_equal(registry_cache_load(cache, table), 1);
    assert_non_null(registry_schema(table, 3));
    assert_int_equal(registry_cache_load("/nowhere/cache", table), 0);
    assert_int_equal(registry_cache_save("/nowhere/cache", table, &reason), REFUSED);
    assert_string_equal(reason.code, "unwritable-file");
    registry_free(table);
    unlink(cache);
}

/* All of ours get the same id here, one after the other: the number of ids stays 1. */
static void an_id_that_gets_another_schema_gets_it_in_the_cache_too(void **state)
{
    struct fixture *fixture = *state;
    char cache[] = "/tmp/registry_client_test_XXXXXX";
    int file = mkstemp(cache);
    assert_true(file >= 0);
    close(file);
    fixture->options.cache = cache;
    struct registry_client *client = opened(fixture);
    assert_true(registry_use(client, fixture->contract));
    uint64_t last = schema_fingerprint(registry_schema(registry_table(client), 5));
    registry_close(client);

    struct registry *table = registry_new();
    assert_int_equal(registry_cache_load(cache, table), 1);
    assert_true(schema_fingerprint(registry_schema(table, 5)) == last);
    registry_free(table);
    unlink(cache);
}

static void without_a_url_there_is_no_client(void **state)
{
    struct fixture *fixture = *state;
    struct registry_client *client = (struct registry_client *)fixture;
    fixture->options.url = NULL;
    assert_int_equal(registry_open(&fixture->options, NULL, &client, NULL), DONE);
    assert_null(client);
    assert_null(registry_table(client));
    assert_true(registry_use(client, fixture->contract));
    registry_close(client);
}

static void every_schema_has_a_subject(void **state)
{
    struct fixture *fixture = *state;
    char subject[REGISTRY_SUBJECT_SIZE];
    const struct schema *schema;
    const char *pathway;
    for (size_t i = 0; (schema = contract_at(fixture->contract, i, &pathway)) != NULL; i++)
        if (!registry_subject(schema_short_name(schema), pathway, 0, subject))
            fail_msg("%s is on no topic", schema_name(schema));
    assert_true(registry_subject("Referral", "falls", 0, subject));
    assert_string_equal(subject, "referrals.falls-value");
    assert_false(registry_subject("Referral", "falls", 1, subject));
    assert_false(registry_subject("Stranger", NULL, 0, subject));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_id_is_asked_for_once_however_many_meet_it),
        TEST(an_id_that_there_is_not_is_refused_and_not_asked_for_again_at_once),
        TEST(while_it_is_out_of_its_mind_nothing_is_refused),
        TEST(our_schemas_are_written_with_their_ids_once_those_are_known),
        TEST(nobody_there_is_no_bar_to_a_start_and_the_cache_knows_what_was_known),
        TEST(an_id_that_gets_another_schema_gets_it_in_the_cache_too),
        TEST(without_a_url_there_is_no_client),
        TEST(every_schema_has_a_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
