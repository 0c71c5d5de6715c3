// SPDX-License-Identifier: Apache-2.0
// send FILE posts a referral to the gateway; status ID asks the tracker what became of it.
#include "command.h"

#include "exchange.h"

#include "base/text.h"
#include "ids/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SIZE_MAX ((size_t)1 << 20)
#define ANSWER_SIZE_MAX ((size_t)16 << 20)
#define URL_SIZE 600

// The answer's problem (RFC 9457), in one line on standard error.
static int fail_status(long status, const struct json *answer)
{
    const char *title = json_member_text(answer, "title");
    const char *detail = json_member_text(answer, "detail");
    const char *pointer = json_member_text(answer, "pointer");
    struct reason reason = {0};
    char code[16];
    text_format(code, sizeof code, "http-%ld", status);
    reason_set(&reason, code, pointer, "%s%s%s", title ? title : "no explanation",
               detail && detail[0] ? ": " : "", detail ? detail : "");
    return command_fail(status >= 500 ? EXIT_UNAVAILABLE : EXIT_FINDINGS, &reason);
}

// Takes the answer as JSON; NULL if it is none.
static struct json *answer_json(struct buffer *body)
{
    struct reason ignored;
    return json_parse((const char *)body->data, body->length, ANSWER_SIZE_MAX, &ignored);
}

static int print_sent(const struct command_values *values, struct json *answer)
{
    if (values->json) {
        return command_print_json_take(json_copy_deep(answer), JSON_INDENTED) ? EXIT_WELL
                                                                              : EXIT_FINDINGS;
    }
    const char *id = json_member_text(answer, "id");
    const char *url = json_member_text(answer, "status_url");
    return printf("%s\n%s\n", id ? id : "", url ? url : "") > 0 ? EXIT_WELL : EXIT_FINDINGS;
}

static bool url_of(char url[URL_SIZE], const char *base, const char *path, const char *rest)
{
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/') {
        length--;
    }
    return length < URL_SIZE - 100 &&
           text_format(url, URL_SIZE, "%.*s%s%s", (int)length, base, path, rest);
}

static int run_send(const struct command *command)
{
    char url[URL_SIZE], key_header[320];
    const char *key = command->values->key;
    const char *path = command->arguments[0];
    struct reason reason = {0};
    size_t length = 0;
    long status = 0;
    struct buffer body;
    char *text = text_read_file(path, BODY_SIZE_MAX, &length);
    if (!text) {
        reason_set(&reason, "unreadable-file", path, "%s", strerror(errno));
        return command_fail(EXIT_FINDINGS, &reason);
    }
    struct exchange request = {
        .url = url,
        .body = text,
        .body_length = length,
        .headers = {"Content-Type: application/json", "Expect:"},
    };
    if (!url_of(url, command->values->gateway_url, "/v1/referrals", "") ||
        (key && !text_format(key_header, sizeof key_header, "Idempotency-Key: %s", key))) {
        free(text);
        reason_set(&reason, "bad-option", NULL, "--gateway-url or --key is too long");
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    request.headers[2] = key ? key_header : NULL;
    buffer_init(&body, ANSWER_SIZE_MAX);
    enum verdict verdict = exchange(&request, &status, &body, &reason);
    struct json *answer = verdict == DONE ? answer_json(&body) : NULL;
    int exit_code = verdict != DONE ? command_fail_as(verdict, &reason)
                    : status == 202 ? print_sent(command->values, answer)
                                    : fail_status(status, answer);
    json_free(answer);
    buffer_clear(&body);
    free(text);
    return exit_code;
}

static const char *or_dash(const char *text)
{
    return text && text[0] ? text : "-";
}

static void print_history(const struct json *answer)
{
    const struct json *history = json_member(answer, "history");
    for (size_t index = 0; index < json_count(history); index++) {
        const struct json *event = json_item(history, index);
        const char *reason = json_member_text(event, "reason");
        const char *result = json_member_text(event, "result");
        printf("  %s  %-10s  %-8s  %s%s%s\n", or_dash(json_member_text(event, "occurred_at")),
               or_dash(json_member_text(event, "kind")),
               or_dash(json_member_text(event, "destination")), or_dash(reason ? reason : result),
               reason && result ? ", " : "", reason && result ? result : "");
        const char *words = json_member_text(json_member(event, "explanation"), "words");
        if (words) {
            printf("      %s\n", words);
        }
    }
}

static int print_status(const struct command_values *values, const struct json *answer)
{
    if (values->json) {
        return command_print_json_take(json_copy_deep(answer), JSON_INDENTED) ? EXIT_WELL
                                                                              : EXIT_FINDINGS;
    }
    static const char *const FIELDS[] = {
        "id",     "state",       "pathway",    "service",     "destination",
        "reason", "accepted_at", "updated_at", "deadline_at", "correlation_id"};
    for (size_t index = 0; index < sizeof FIELDS / sizeof *FIELDS; index++) {
        const char *text = json_member_text(answer, FIELDS[index]);
        if (text) {
            printf("%-15s %s\n", FIELDS[index], text);
        }
    }
    print_history(answer);
    return EXIT_WELL;
}

static int run_status(const struct command *command)
{
    char url[URL_SIZE], id[UUID_TEXT_SIZE];
    struct uuid uuid;
    struct reason reason = {0};
    struct buffer body;
    long status = 0;
    if (!uuid_parse(command->arguments[0], &uuid)) {
        reason_set(&reason, "usage", NULL, "the id of a referral is a UUID");
        return command_fail(EXIT_USAGE, &reason);
    }
    uuid_format(&uuid, id);
    if (!url_of(url, command->values->tracker_url, "/v1/referrals/", id)) {
        reason_set(&reason, "bad-option", NULL, "--tracker-url is too long");
        return command_fail(EXIT_CONFIGURATION, &reason);
    }
    const struct exchange request = {.url = url, .headers = {"Accept: application/json"}};
    buffer_init(&body, ANSWER_SIZE_MAX);
    enum verdict verdict = exchange(&request, &status, &body, &reason);
    struct json *answer = verdict == DONE ? answer_json(&body) : NULL;
    int exit_code = verdict != DONE ? command_fail_as(verdict, &reason)
                    : status == 200 ? print_status(command->values, answer)
                                    : fail_status(status, answer);
    json_free(answer);
    buffer_clear(&body);
    return exit_code;
}

const struct verb VERBS_SEND[] = {
    {"send", "FILE.json", 1, 1, "post a referral to the gateway; prints its id and status URL",
     "json gateway-url key ", run_send},
    {"status", "ID", 1, 1, "ask the tracker what became of a referral", "json tracker-url ",
     run_status},
    {0},
};
