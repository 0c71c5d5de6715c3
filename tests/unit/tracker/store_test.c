/* SPDX-License-Identifier: Apache-2.0 */
/* The same tests for both databases: SQLite in a file and in memory always, PostgreSQL where
 * TEST_DATABASE_URL names an empty database (tests/fault/tracker_store_test.py makes one). */
#include "sql.h"
#include "store.h"
#include "store_schema.h"

#include "base/clock.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka.h needs the four above
#include <cmocka.h>

#define ID_A "aaaaaaaa-aaaa-5aaa-8aaa-aaaaaaaaaaaa"
/* PostgreSQL lets go of a writer's lock a little after its connection was closed. */
#define LEFT_BEHIND_MS 10000
#define ID_B "bbbbbbbb-bbbb-5bbb-8bbb-bbbbbbbbbbbb"

static struct store_options options;
static char path[64];

static struct store *open_store(bool writer)
{
    struct store *store = NULL;
    struct reason reason = {.code = ""};
    const int64_t until_ms = clock_monotonic_ms() + LEFT_BEHIND_MS;
    enum verdict verdict;
    do
        verdict = store_open(&options, writer, &store, &reason);
    while (verdict != DONE && text_equal(reason.code, "another-tracker") &&
           clock_monotonic_ms() < until_ms);
    if (verdict != DONE)
        fail_msg("%s: %s", reason.code, reason.detail);
    return store;
}

static struct reason told; /* by the last call */

static void well(int line, enum verdict verdict)
{
    if (verdict != DONE)
        fail_msg("line %d: %s: %s", line, told.code, told.detail);
}

static struct referral_event some_event(const char *id)
{
    struct referral_event event = {
        .kind = EVENT_ROUTED, .occurred_at_ms = 1000, .recorded_at_ms = 1001};
    text_copy(event.referral_id, sizeof(event.referral_id), id);
    text_copy(event.pathway, sizeof(event.pathway), "msk");
    text_copy(event.destination, sizeof(event.destination), "RPG");
    text_copy(event.result, sizeof(event.result), "nearest");
    event.explanation = "{\"rule\":\"it's 'quoted' \\u00e9\"}";
    event.hop = 1;
    event.attempt = 2;
    return event;
}

static bool count_rows(void *self, const struct stored_event *event)
{
    (void)event;
    (*(int *)self)++;
    return true;
}

static bool copy_event(void *self, const struct stored_event *event)
{
    char *text = self;
    text_format(text, 512, "%s %s %s %s %s %lld %lld %lld %lld", event->kind, event->destination,
                event->reason, event->result, event->explanation, (long long)event->occurred_at_ms,
                (long long)event->recorded_at_ms, (long long)event->hop, (long long)event->attempt);
    return true;
}

static void a_known_event_is_not_new_again(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    struct referral_event event = some_event(ID_A);
    bool is_new = false;
    well(__LINE__, store_begin(store, &told));
    well(__LINE__,
         store_add_event(store, "e0000000-0000-5000-8000-000000000001", 7, &event, &is_new, &told));
    assert_true(is_new);
    well(__LINE__, store_commit(store, &told));
    well(__LINE__, store_begin(store, &told));
    well(__LINE__,
         store_add_event(store, "e0000000-0000-5000-8000-000000000001", 7, &event, &is_new, &told));
    assert_false(is_new);
    well(__LINE__, store_commit(store, &told));
    struct store *reader = open_store(false);
    int rows = 0;
    well(__LINE__, store_history(reader, ID_A, 10, count_rows, &rows, &told));
    assert_int_equal(rows, 1);
    char text[512] = "";
    well(__LINE__, store_history(reader, ID_A, 10, copy_event, text, &told));
    assert_string_equal(text,
                        "routed RPG  nearest {\"rule\":\"it's 'quoted' \\u00e9\"} 1000 1001 1 2");
    store_close(reader);
    store_close(store);
}

static bool collect_offsets(void *self, const struct stored_event *event)
{
    char *text = self;
    size_t length = strlen(text);
    text_format(text + length, 64 - length, "%lld ", (long long)event->attempt);
    return true;
}

static void a_history_is_in_the_order_of_the_log_and_bounded(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    static const int offsets[] = {30, 10, 20};
    well(__LINE__, store_begin(store, &told));
    for (int i = 0; i < 3; i++) {
        struct referral_event event = some_event(ID_B);
        char id[UUID_TEXT_SIZE];
        bool is_new;
        event.attempt = offsets[i];
        text_format(id, sizeof(id), "e1000000-0000-5000-8000-0000000000%d", offsets[i]);
        well(__LINE__, store_add_event(store, id, offsets[i], &event, &is_new, &told));
    }
    well(__LINE__, store_commit(store, &told));
    char text[64] = "";
    well(__LINE__, store_history(store, ID_B, 10, collect_offsets, text, &told));
    assert_string_equal(text, "10 20 30 ");
    text[0] = '\0';
    well(__LINE__, store_history(store, ID_B, 2, collect_offsets, text, &told));
    assert_string_equal(text, "10 20 ");
    store_close(store);
}

static void a_referral_is_read_back_as_it_was_put(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    struct referral_state referral, back;
    well(__LINE__,
         store_get_referral(store, "cccccccc-cccc-5ccc-8ccc-cccccccccccc", &referral, &told));
    assert_string_equal(referral.state, "");
    text_copy(referral.state, sizeof(referral.state), "routed");
    text_copy(referral.correlation_id, sizeof(referral.correlation_id), ID_B);
    text_copy(referral.pathway, sizeof(referral.pathway), "msk");
    text_copy(referral.service, sizeof(referral.service), "shoulder");
    text_copy(referral.source_kind, sizeof(referral.source_kind), "self");
    text_copy(referral.source_ods, sizeof(referral.source_ods), "G82001");
    text_copy(referral.hcp, sizeof(referral.hcp), "O'Kent");
    text_copy(referral.pcn, sizeof(referral.pcn), "\xc3\x89t\xc3\xa9");
    text_copy(referral.destination, sizeof(referral.destination), "RPG");
    text_copy(referral.reason, sizeof(referral.reason), "capacity");
    referral.hop = 3;
    referral.accepted_at_ms = 1;
    referral.updated_at_ms = INT64_C(253402300799999);
    referral.deadline_at_ms = 3;
    for (int i = 0; i < 2; i++) { /* new, then replaced */
        referral.hop = 3 + i;
        well(__LINE__, store_begin(store, &told));
        well(__LINE__, store_put_referral(store, &referral, &told));
        well(__LINE__, store_commit(store, &told));
        well(__LINE__, store_get_referral(store, referral.id, &back, &told));
        assert_memory_equal(&back, &referral, sizeof(back));
    }
    store_close(store);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    struct referral_event event = some_event(ID_A);
    bool is_new = false;
    int64_t next = 0;
    well(__LINE__, store_begin(store, &told));
    well(__LINE__,
         store_add_event(store, "e2000000-0000-5000-8000-000000000001", 7, &event, &is_new, &told));
    well(__LINE__, store_put_position(store, "rolled-back", 0, -1, 8, &told));
    store_rollback(store);
    store_rollback(store); /* harmless */
    well(__LINE__, store_get_position(store, "rolled-back", 0, &next, &told));
    assert_int_equal(next, -1);
    well(__LINE__, store_begin(store, &told));
    well(__LINE__,
         store_add_event(store, "e2000000-0000-5000-8000-000000000001", 7, &event, &is_new, &told));
    assert_true(is_new);
    well(__LINE__, store_commit(store, &told));
    store_close(store);
}

static void a_position_moves_on_only_from_where_it_was_left(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    int64_t next = 0;
    well(__LINE__, store_get_position(store, "topic", 3, &next, &told));
    assert_int_equal(next, -1);
    well(__LINE__, store_put_position(store, "topic", 3, -1, 100, &told));
    well(__LINE__, store_put_position(store, "topic", 3, 100, 200, &told));
    struct reason reason_;
    assert_int_equal(store_put_position(store, "topic", 3, 100, 150, &reason_), TRY_AGAIN);
    assert_string_equal(reason_.code, "another-tracker");
    well(__LINE__, store_get_position(store, "topic", 3, &next, &told));
    assert_int_equal(next, 200);
    well(__LINE__, store_get_position(store, "topic", 4, &next, &told));
    assert_int_equal(next, -1);
    store_close(store);
}

static bool collect_volume(void *self, const struct volume *volume)
{
    char *text = self;
    size_t length = strlen(text);
    text_format(text + length, 512 - length, "%s/%s/%s/%lld ", volume->period, volume->pathway,
                volume->stage, (long long)volume->count);
    return true;
}

static void volumes_are_replaced_filtered_summed_and_bounded(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    static const struct volume volumes[] = {
        {.period = "2026-03-01",
         .pathway = "msk",
         .hcp = "East Kent",
         .stage = "received",
         .count = 1},
        {.period = "2026-03-01",
         .pathway = "msk",
         .hcp = "East Kent",
         .stage = "received",
         .count = 4},
        {.period = "2026-03-02",
         .pathway = "msk",
         .hcp = "West Kent",
         .stage = "received",
         .count = 2},
        {.period = "2026-03-02",
         .pathway = "audiology",
         .hcp = "East Kent",
         .stage = "received",
         .count = 3},
        {.period = "2026-03-03",
         .pathway = "msk",
         .hcp = "East Kent",
         .stage = "delivered",
         .count = 5},
    };
    well(__LINE__, store_begin(store, &told));
    for (size_t i = 0; i < sizeof(volumes) / sizeof(volumes[0]); i++)
        well(__LINE__, store_put_volume(store, &volumes[i], &told));
    well(__LINE__, store_commit(store, &told));
    static const struct {
        int line;
        const char *expected;
        struct volume_filter filter;
        int64_t rows_max;
    } rows[] = {
        {__LINE__,
         "2026-03-01/msk/received/4 2026-03-02/audiology/received/3 2026-03-02/msk/received/2 "
         "2026-03-03/msk/delivered/5 ",
         {.from = "2026-03-01", .to = "2026-03-03"},
         9},
        {__LINE__,
         "2026-03-02/audiology/received/3 2026-03-02/msk/received/2 ",
         {.from = "2026-03-02", .to = "2026-03-02"},
         9},
        {__LINE__, "2026-03-01/msk/received/4 ", {.from = "2026-02-01", .to = "2026-03-03"}, 1},
        {__LINE__,
         "2026-03-02/audiology/received/3 ",
         {.from = "2026-03-01", .to = "2026-03-03", .pathway = "audiology"},
         9},
        {__LINE__,
         "2026-03-03/msk/delivered/5 ",
         {.from = "2026-03-01", .to = "2026-03-03", .stage = "delivered"},
         9},
        {__LINE__,
         "2026-03-02/msk/received/2 ",
         {.from = "2026-03-01", .to = "2026-03-03", .hcp = "West Kent"},
         9},
        {__LINE__, "", {.from = "2027-03-01", .to = "2027-03-03"}, 9},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512] = "";
        well(__LINE__,
             store_volumes(store, &rows[i].filter, rows[i].rows_max, collect_volume, text, &told));
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("line %d: %s", rows[i].line, text);
    }
    char sums[512] = "";
    well(__LINE__, store_volume_sums(store, &rows[0].filter, collect_volume, sums, &told));
    assert_string_equal(sums, "/audiology/received/3 /msk/delivered/5 /msk/received/6 ");
    store_close(store);
}

static bool collect_count(void *self, const struct stored_count *count)
{
    char *text = self;
    size_t length = strlen(text);
    text_format(text + length, 128 - length, "%s:%lld:%lld ", count->kind, (long long)count->count,
                (long long)count->newest_ms);
    return true;
}

static void counts_add_up_and_keep_the_newest_time(void **state)
{
    (void)state;
    struct store *store = open_store(true);
    well(__LINE__, store_add_count(store, EVENT_RECEIVED, 2, 500, &told));
    well(__LINE__, store_add_count(store, EVENT_RECEIVED, 3, 400, &told));
    well(__LINE__, store_add_count(store, EVENT_DELIVERED, 1, 600, &told));
    well(__LINE__, store_add_count(store, EVENT_DELIVERED, 1, 700, &told));
    char text[128] = "";
    well(__LINE__, store_counts(store, collect_count, text, &told));
    assert_string_equal(text, "delivered:2:700 received:5:500 ");
    store_close(store);
}

static bool add_name(void *to, const struct sql_value *columns, size_t count)
{
    assert_int_equal(count, 1);
    char *names = to;
    text_format(names + strlen(names), 200 - strlen(names), "%s ", columns[0].text);
    return true;
}

/* A database of the first version gains the indexes, and keeps what is in it. */
static void an_older_database_is_brought_up_to_date(void **state)
{
    (void)state;
    static const struct sql_statement questions[] = {
        {"SELECT name FROM sqlite_master WHERE name IN ('referral_under_way', 'event_noticed') "
         "UNION ALL SELECT kind FROM event_count "
         "UNION ALL SELECT CAST(MAX(version) AS TEXT) FROM schema_version",
         0}};
    struct reason reason = {.code = ""};
    char names[200] = "";
    void *raw = NULL;
    assert_int_equal(sql_sqlite.open(path, true, questions, 1, &raw, &reason), DONE);
    assert_int_equal(sql_sqlite.script(raw, store_schema_steps[0], &reason), DONE);
    assert_int_equal(sql_sqlite.script(raw,
                                       "CREATE TABLE schema_version (version BIGINT PRIMARY KEY);"
                                       "INSERT INTO schema_version VALUES (1);"
                                       "INSERT INTO event_count VALUES ('routed', 3, 7)",
                                       &reason),
                     DONE);
    sql_sqlite.close(raw);
    store_close(open_store(true));
    assert_int_equal(sql_sqlite.open(path, false, questions, 1, &raw, &reason), DONE);
    assert_int_equal(sql_sqlite.run(raw, 0, NULL, add_name, names, NULL, &reason), DONE);
    assert_string_equal(names, "referral_under_way event_noticed routed 2 ");
    sql_sqlite.close(raw);
}

static void what_is_under_way_has_no_end_yet(void **state)
{
    static const char *const states[] = {"received", "routed",   "delivered",
                                         "returned", "recorded", "refused"};
    (void)state;
    struct store *store = open_store(true);
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct referral_state referral = {.pathway = "podiatry"};
        text_format(referral.id, sizeof(referral.id), "eeeeeeee-eeee-5eee-8eee-eeeeeeeeee0%zu", i);
        text_copy(referral.state, sizeof(referral.state), states[i]);
        well(__LINE__, store_put_referral(store, &referral, &told));
    }
    char text[512] = "";
    well(__LINE__, store_under_way(store, collect_volume, text, &told));
    assert_non_null(strstr(text, "/podiatry/under-way/2 "));
    store_close(store);
}

static void notices_are_counted_by_what_became_of_them(void **state)
{
    static const char *const reasons[] = {"", "needs-human", "needs-human"};
    (void)state;
    struct store *store = open_store(true);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        struct referral_event event = some_event(ID_B);
        char id[UUID_TEXT_SIZE];
        bool is_new;
        event.kind = EVENT_NOTICED;
        event.occurred_at_ms = 5000 + (int64_t)i;
        text_copy(event.reason, sizeof(event.reason), reasons[i]);
        text_format(id, sizeof(id), "e5000000-0000-5000-8000-00000000000%zu", i);
        well(__LINE__, store_add_event(store, id, 90, &event, &is_new, &told));
    }
    char text[128] = "";
    well(__LINE__, store_notices(store, collect_count, text, &told));
    assert_string_equal(text, ":1:5000 needs-human:2:5002 ");
    store_close(store);
}

static void a_reader_sees_committed_rows_while_a_batch_is_being_written(void **state)
{
    (void)state;
    if (!options.url && strcmp(options.path, ":memory:") == 0)
        return; /* the one kind of database that waits; see store_sqlite.c */
    struct store *store = open_store(true);
    struct store *reader = open_store(false);
    struct referral_state referral = {.id = "dddddddd-dddd-5ddd-8ddd-dddddddddddd",
                                      .state = "routed"};
    struct referral_state seen;
    well(__LINE__, store_begin(store, &told));
    well(__LINE__, store_put_referral(store, &referral, &told));
    well(__LINE__, store_get_referral(reader, referral.id, &seen, &told));
    assert_string_equal(seen.state, "");
    well(__LINE__, store_commit(store, &told));
    well(__LINE__, store_get_referral(reader, referral.id, &seen, &told));
    assert_string_equal(seen.state, "routed");
    store_close(reader);
    store_close(store);
}

static void a_reader_changes_nothing(void **state)
{
    (void)state;
    if (options.url)
        return; /* rights are the database's there */
    struct store *store = open_store(true);
    struct store *reader = open_store(false);
    assert_int_not_equal(store_add_count(reader, EVENT_RECEIVED, 1, 1, NULL), DONE);
    store_close(reader);
    store_close(store);
}

static void a_second_writer_waits_or_is_noticed(void **state)
{
    (void)state;
    struct store *first = open_store(true);
    struct reason reason = {.code = ""};
    if (options.url) {
        struct store *second = NULL;
        assert_int_equal(store_open(&options, true, &second, &reason), TRY_AGAIN);
        assert_string_equal(reason.code, "another-tracker");
        assert_null(second);
        store_close(first);
        second = open_store(true);
        store_close(second);
        return;
    }
    struct store *second = open_store(true);
    well(__LINE__, store_begin(first, &told));
    assert_int_equal(store_begin(second, &reason), TRY_AGAIN); /* busy, after a bounded wait */
    assert_string_equal(reason.code, "sqlite");
    store_rollback(first);
    well(__LINE__, store_begin(second, &told));
    store_rollback(second);
    store_close(second);
    store_close(first);
}

static void an_impossible_place_is_broken_or_tried_again(void **state)
{
    static const struct {
        int line;
        enum verdict expected;
        const char *path, *url, *secret;
    } rows[] = {
        {__LINE__, BROKEN, "/nonexistent/folder/tracker.db", NULL, "no secret"},
        {__LINE__, BROKEN, "/dev/null/tracker.db", NULL, "no secret"},
        {__LINE__, TRY_AGAIN, NULL, "postgres://user:hunter2@127.0.0.1:1/none", "hunter2"},
        {__LINE__, BROKEN, NULL, "postgres://user:hunter2@[::1/none", "hunter2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct store_options place = {.path = rows[i].path, .url = rows[i].url};
        struct store *store = NULL;
        struct reason reason = {.code = ""};
        enum verdict verdict = store_open(&place, true, &store, &reason);
        if (verdict != rows[i].expected || store || reason.detail[0] == '\0' ||
            strstr(reason.detail, rows[i].secret))
            fail_msg("line %d: %s: %s", rows[i].line, verdict_name(verdict), reason.detail);
    }
}

static int empty_place(void **state)
{
    (void)state;
    if (path[0] != '\0') {
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        for (size_t i = 0; i < 3; i++) {
            char file[80];
            text_format(file, sizeof(file), "%s%s", path, suffixes[i]);
            unlink(file);
        }
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_event_is_not_new_again),
        cmocka_unit_test(a_history_is_in_the_order_of_the_log_and_bounded),
        cmocka_unit_test(a_referral_is_read_back_as_it_was_put),
        cmocka_unit_test(what_is_rolled_back_was_never_there),
        cmocka_unit_test(a_position_moves_on_only_from_where_it_was_left),
        cmocka_unit_test(volumes_are_replaced_filtered_summed_and_bounded),
        cmocka_unit_test(counts_add_up_and_keep_the_newest_time),
        cmocka_unit_test(what_is_under_way_has_no_end_yet),
        cmocka_unit_test(notices_are_counted_by_what_became_of_them),
        cmocka_unit_test(a_reader_sees_committed_rows_while_a_batch_is_being_written),
        cmocka_unit_test(a_reader_changes_nothing),
        cmocka_unit_test(a_second_writer_waits_or_is_noticed),
        cmocka_unit_test(an_impossible_place_is_broken_or_tried_again),
    };
    const struct CMUnitTest of_an_older_file[] = {
        cmocka_unit_test(an_older_database_is_brought_up_to_date),
    };
    int failed = 0;
    const char *url = getenv("TEST_DATABASE_URL");
    if (url) {
        options = (struct store_options){.url = url};
        return cmocka_run_group_tests_name("PostgreSQL", tests, NULL, NULL);
    }
    char folder[] = "/tmp/tracker-store-XXXXXX";
    if (!mkdtemp(folder))
        return 1;
    text_format(path, sizeof(path), "%s/tracker.db", folder);
    options = (struct store_options){.path = path};
    failed += cmocka_run_group_tests_name("SQLite file", tests, empty_place, empty_place);
    failed += cmocka_run_group_tests_name("SQLite file of an older version", of_an_older_file,
                                          empty_place, empty_place);
    rmdir(folder);
    path[0] = '\0';
    options = (struct store_options){.path = ":memory:"};
    failed += cmocka_run_group_tests_name("SQLite memory", tests, NULL, NULL);
    return failed;
}
