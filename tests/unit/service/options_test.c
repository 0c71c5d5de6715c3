/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value comes from, and that a wrong one is refused with the name of the flag or variable,
 * the value, and what was expected. */
#include "service/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SIXTY "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX"

struct values {
    const char *listen;
    const char *secret;
    const char *format;
    int64_t size;
    bool loud;
    const char *nothing;
    const char *at, *folder, *file, *name;
};

static const struct option table[] = {
    {.name = "listen", .offset = offsetof(struct values, listen), .otherwise = "here", .help = "a"},
    {.name = "web-secret", .offset = offsetof(struct values, secret), .secret = true, .help = "b"},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct values, format),
     .otherwise = "auto",
     .choices = "auto|json|text",
     .shared = true,
     .help = "c"},
    {.name = "size",
     .kind = OPTION_WHOLE,
     .offset = offsetof(struct values, size),
     .otherwise = "10",
     .least = -5,
     .most = 100,
     .help = "d"},
    {.name = "loud",
     .kind = OPTION_BOOLEAN,
     .offset = offsetof(struct values, loud),
     .otherwise = "false",
     .help = "e"},
    {.name = "nothing", .offset = offsetof(struct values, nothing), .shared = true, .help = "f"},
    {.name = "at", .offset = offsetof(struct values, at), .shape = OPTION_ADDRESS, .help = "g"},
    {.name = "folder",
     .offset = offsetof(struct values, folder),
     .shape = OPTION_FOLDER,
     .help = "h"},
    {.name = "file", .offset = offsetof(struct values, file), .shape = OPTION_FILE, .help = "i"},
    {.name = "name", .offset = offsetof(struct values, name), .shape = OPTION_NAME, .help = "j"},
};
#define ROWS (sizeof(table) / sizeof(table[0]))

static const char *const variables[] = {"GATEWAY_LISTEN",
                                        "GATEWAY_WEB_SECRET",
                                        "GATEWAY_WEB_SECRET_FILE",
                                        "GATEWAY_LOG_FORMAT",
                                        "LOG_FORMAT",
                                        "GATEWAY_SIZE",
                                        "GATEWAY_LOUD",
                                        "NOTHING",
                                        "NOTHING_FILE",
                                        "GATEWAY_LISTN",
                                        "GATEWAY_SERVICE_HOST",
                                        "GATEWAY_PORT",
                                        "SIZE",
                                        "GATEWAY_PORT_8080_TCP",
                                        "GATEWAY_SIZE_FILE",
                                        "GATEWAY_NOTHING"};

static int clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    return 0;
}

/* `flags`: words with blanks between. */
static bool read_with(const char *flags, struct values *values, struct reason *reason)
{
    char text[256], *argv[16] = {(char[]){"gateway"}};
    int argc = 1;

    snprintf(text, sizeof(text), "%s", flags);
    for (char *save = NULL, *at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save))
        argv[argc++] = at;
    *values = (struct values){0};
    *reason = (struct reason){0};
    return options_read("gateway", table, ROWS, argc, argv, values, reason);
}

static void a_flag_wins_over_its_variable_over_the_shared_one_over_the_default(void **state)
{
    struct values values;
    struct reason reason;

    (void)state;
    assert_true(read_with("", &values, &reason));
    assert_string_equal(values.listen, "here");
    assert_string_equal(values.format, "auto");
    assert_int_equal(values.size, 10);
    assert_false(values.loud);
    assert_null(values.secret);
    options_clear(table, ROWS, &values);

    setenv("LOG_FORMAT", "json", 1);
    setenv("SIZE", "11", 1); /* not shared: not ours */
    assert_true(read_with("", &values, &reason));
    assert_string_equal(values.format, "json");
    assert_int_equal(values.size, 10);
    options_clear(table, ROWS, &values);

    setenv("GATEWAY_LOG_FORMAT", "text", 1);
    setenv("GATEWAY_LISTEN", "there", 1);
    assert_true(read_with("--listen=elsewhere --size -5 --loud", &values, &reason));
    assert_string_equal(values.format, "text");
    assert_string_equal(values.listen, "elsewhere");
    assert_int_equal(values.size, -5);
    assert_true(values.loud);
    options_clear(table, ROWS, &values);
}

static void an_empty_variable_counts_as_unset(void **state)
{
    struct values values;
    struct reason reason;

    (void)state;
    setenv("GATEWAY_LISTEN", "", 1);
    setenv("GATEWAY_SIZE", "", 1);
    assert_true(read_with("", &values, &reason));
    assert_string_equal(values.listen, "here");
    assert_int_equal(values.size, 10);
    options_clear(table, ROWS, &values);
}

static void a_text_may_stand_in_a_file_of_which_the_first_line_counts(void **state)
{
    char path[] = "/tmp/options_test_XXXXXX";
    int file = mkstemp(path);
    struct values values;
    struct reason reason;

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, "hush\nmore\n", 10), 10);
    close(file);
    setenv("GATEWAY_WEB_SECRET_FILE", path, 1);
    setenv("NOTHING_FILE", path, 1);
    assert_true(read_with("", &values, &reason));
    assert_string_equal(values.secret, "hush");
    assert_string_equal(values.nothing, "hush");
    options_clear(table, ROWS, &values);
    setenv("GATEWAY_WEB_SECRET", "louder", 1);
    assert_true(read_with("", &values, &reason));
    assert_string_equal(values.secret, "louder");
    options_clear(table, ROWS, &values);
    unlink(path);
    unsetenv("GATEWAY_WEB_SECRET");
    assert_false(read_with("", &values, &reason));
    assert_string_equal(reason.code, "bad-option");
    assert_non_null(strstr(reason.detail, "GATEWAY_WEB_SECRET_FILE"));
    assert_non_null(strstr(reason.detail, path));
}

static void a_wrong_value_is_named_with_what_was_expected(void **state)
{
    static const struct {
        const char *variable, *value, *flags, *code, *words[3];
    } cases[] = {
        {"GATEWAY_SIZE", "101", "", "bad-option", {"GATEWAY_SIZE", "101", "from -5 to 100"}},
        {"GATEWAY_SIZE", "+1", "", "bad-option", {"GATEWAY_SIZE", "+1", "whole number"}},
        {"GATEWAY_LOUD", "maybe", "", "bad-option", {"GATEWAY_LOUD", "maybe", "true or false"}},
        {"LOG_FORMAT", "xml", "", "bad-option", {"LOG_FORMAT", "xml", "auto|json|text"}},
        {"LOG_FORMAT", "json|text", "", "bad-option", {"LOG_FORMAT", "json|text", "one of"}},
        {"LOG_FORMAT", "jso", "", "bad-option", {"LOG_FORMAT", "jso", "one of"}},
        {"GATEWAY_LISTN", "x", "", "unknown-option", {"GATEWAY_LISTN", "gateway", "--help"}},
        {"GATEWAY_SIZE_FILE", "x", "", "unknown-option", {"GATEWAY_SIZE_FILE", "", ""}},
        {NULL, NULL, "--size", "bad-option", {"--size", "value", ""}},
        {NULL, NULL, "--listen --loud", "bad-option", {"--listen", "value", ""}},
        {NULL, NULL, "--sizes 1", "unknown-option", {"--sizes", "--help", ""}},
        {NULL, NULL, "--size=x", "bad-option", {"--size", "x", "whole number"}},
        {NULL, NULL, "--at 8080", "bad-option", {"--at", "8080", "HOST:PORT"}},
        {NULL, NULL, "--at ::1:8080", "bad-option", {"--at", "::1:8080", "[IPV6]:PORT"}},
        {NULL, NULL, "--at [::1]:65536", "bad-option", {"--at", "65536", "HOST:PORT"}},
        {NULL, NULL, "--folder /nope", "bad-option", {"--folder", "/nope", "folder"}},
        {NULL, NULL, "--folder /etc/passwd", "bad-option", {"--folder", "passwd", "folder"}},
        {NULL, NULL, "--file /nope/x", "bad-option", {"--file", "/nope/x", "in a folder"}},
        {NULL, NULL, "--file=", "bad-option", {"--file", "", "in a folder"}},
        {NULL, NULL, "--name=", "bad-option", {"--name", "", "1 to 60"}},
        {NULL, NULL, "--name router/0", "bad-option", {"--name", "router/0", "letters"}},
        {NULL, NULL, "--name " SIXTY "1", "bad-option", {"--name", SIXTY, "1 to 60"}},
        {NULL, NULL, "size", "unknown-option", {"size", "", ""}},
        {NULL, NULL, "-h", "unknown-option", {"-h", "", ""}},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct values values;
        struct reason reason;

        clean(state);
        if (cases[i].variable)
            setenv(cases[i].variable, cases[i].value, 1);
        if (read_with(cases[i].flags, &values, &reason) || strcmp(reason.code, cases[i].code) != 0)
            fail_msg("case %zu: %s", i, reason.code);
        for (int k = 0; k < 3; k++) {
            if (!strstr(reason.detail, cases[i].words[k]))
                fail_msg("case %zu: \"%s\" is not in: %s", i, cases[i].words[k], reason.detail);
        }
    }
}

static void a_text_has_the_shape_of_its_row(void **state)
{
    static const char *const fine[] = {
        "--at 127.0.0.1:0",     "--at [::1]:8080", "--at :80",         "--at localhost:65535",
        "--folder /tmp",        "--folder .",      "--file :memory:",  "--file x.db",
        "--file /not-made-yet", "--file /tmp/x",   "--name pod-A.0_1", "--name " SIXTY,
    };

    (void)state;
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        struct values values;
        struct reason reason;

        if (!read_with(fine[i], &values, &reason))
            fail_msg("%s: %s", fine[i], reason.detail);
        options_clear(table, ROWS, &values);
    }
}

static void a_secret_is_never_shown(void **state)
{
    static const struct option secret[] = {{.name = "code",
                                            .kind = OPTION_WHOLE,
                                            .offset = offsetof(struct values, size),
                                            .most = 9,
                                            .secret = true,
                                            .help = "a"}};
    char *argv[] = {(char[]){"gateway"}, (char[]){"--code"}, (char[]){"4711"}};
    struct values values = {0};
    struct reason reason = {0};

    (void)state;
    assert_false(options_read("gateway", secret, 1, 3, argv, &values, &reason));
    assert_non_null(strstr(reason.detail, "--code"));
    assert_null(strstr(reason.detail, "4711"));
}

static void what_kubernetes_injects_is_left_alone(void **state)
{
    struct values values;
    struct reason reason;

    (void)state;
    setenv("GATEWAY_SERVICE_HOST", "10.0.0.1", 1);
    setenv("GATEWAY_PORT", "tcp://10.0.0.1:8080", 1);
    setenv("GATEWAY_PORT_8080_TCP", "tcp://10.0.0.1:8080", 1);
    assert_true(read_with("", &values, &reason));
    options_clear(table, ROWS, &values);
    setenv("GATEWAY_PORT", "8080", 1); /* but this is somebody's mistake */
    assert_false(read_with("", &values, &reason));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, clean)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flag_wins_over_its_variable_over_the_shared_one_over_the_default),
        TEST(an_empty_variable_counts_as_unset),
        TEST(a_text_may_stand_in_a_file_of_which_the_first_line_counts),
        TEST(a_wrong_value_is_named_with_what_was_expected),
        TEST(a_text_has_the_shape_of_its_row),
        TEST(a_secret_is_never_shown),
        TEST(what_kubernetes_injects_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
