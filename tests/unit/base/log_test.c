/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines as another process would read them: through a pipe, from several threads at once. */
#include "base/json.h"
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int real_stderr;
static int pipe_end;

static int catch_lines(void **state)
{
    (void)state;
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    pipe_end = ends[0];
    return fcntl(pipe_end, F_SETFL, O_NONBLOCK);
}

static int let_lines_go(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    return close(pipe_end);
}

/* What has been written since the last call. */
static const char *caught(void)
{
    static char bytes[70000];
    ssize_t length = read(pipe_end, bytes, sizeof(bytes) - 1);
    bytes[length > 0 ? length : 0] = '\0';
    return bytes;
}

static void a_fact_is_one_line_of_json(void **state)
{
    (void)state;
    log_setup("router", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_fact(LOG_LEVEL_WARNING, "routed", "referral_id", "a\"b\\c\n\x7F", "left_out", NULL, "bad",
             "x\xFFy\xC3\xA9", NULL);
    const char *line = caught();
    struct json *json = json_parse(line, strlen(line), 4096, NULL);
    assert_non_null(json);
    assert_string_equal(json_member_text(json, "level"), "warning");
    assert_string_equal(json_member_text(json, "service"), "router");
    assert_string_equal(json_member_text(json, "fact"), "routed");
    assert_string_equal(json_member_text(json, "referral_id"), "a\"b\\c\n\x7F");
    assert_string_equal(json_member_text(json, "bad"), "x\xEF\xBF\xBDy\xC3\xA9");
    assert_int_equal(json_count(json), 6);
    assert_int_equal(strlen(json_member_text(json, "time")), 24);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_free(json);
}

static void facts_below_the_level_are_silent(void **state)
{
    (void)state;
    log_setup("router", LOG_LEVEL_WARNING, LOG_FORMAT_JSON);
    log_fact(LOG_LEVEL_INFO, "routed", NULL);
    assert_string_equal(caught(), "");
    enum log_level level = LOG_LEVEL_DEBUG;
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse(NULL, &level));
}

static void any_length_of_value_leaves_whole_json_of_at_most_4096_bytes(void **state)
{
    (void)state;
    log_setup("router", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    static char value[6000];
    for (size_t length = 3700; length < 4300; length++) {
        memset(value, '"', sizeof(value));
        memset(value, 'x', length / 2);
        value[length] = '\0';
        log_fact(LOG_LEVEL_INFO, "long", "a", value, "b", value, "c", "x", NULL);
        const char *line = caught();
        size_t written = strlen(line);
        struct json *json = json_parse(line, written, 4096, NULL);
        if (!json || written > 4096 || line[written - 1] != '\n')
            fail_msg("length %zu: %zu bytes", length, written);
        json_free(json);
    }
}

static void a_terminal_gets_names_and_values(void **state)
{
    (void)state;
    log_setup("router", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    log_fact(LOG_LEVEL_INFO, "routed", "id", "abc", "words", "two words", "empty", "", NULL);
    const char *line = caught();
    assert_non_null(strstr(line, "Z info router routed id=abc words=\"two words\" empty=\"\"\n"));
}

static void *write_many(void *name)
{
    for (int i = 0; i < 50; i++)
        log_fact(LOG_LEVEL_INFO, "turn", "thread", (const char *)name, NULL);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    static char names[4][200];
    pthread_t threads[4];
    log_setup("router", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (size_t i = 0; i < 4; i++) {
        memset(names[i], 'a' + (int)i, sizeof(names[i]) - 1);
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    int lines = 0;
    for (const char *line = caught(), *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
        struct json *json = json_parse(line, (size_t)(end - line), 4096, NULL);
        const char *name = json_member_text(json, "thread");
        if (!name || strspn(name, (char[]){name[0], '\0'}) != 199)
            fail_msg("line %d is mixed", lines);
        json_free(json);
    }
    assert_int_equal(lines, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fact_is_one_line_of_json, catch_lines, let_lines_go),
        cmocka_unit_test_setup_teardown(facts_below_the_level_are_silent, catch_lines,
                                        let_lines_go),
        cmocka_unit_test_setup_teardown(any_length_of_value_leaves_whole_json_of_at_most_4096_bytes,
                                        catch_lines, let_lines_go),
        cmocka_unit_test_setup_teardown(a_terminal_gets_names_and_values, catch_lines,
                                        let_lines_go),
        cmocka_unit_test_setup_teardown(lines_of_threads_do_not_mix, catch_lines, let_lines_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
