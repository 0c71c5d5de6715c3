// SPDX-License-Identifier: Apache-2.0
// deliveries list|show|retry|release|reroute. What is pending is read from the topic; how a
// destination is seen, and all that is to be done, is asked of the dispatchers.
#include "deliveries.h"

#include "base/clock.h"
#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON_LEAST 8
#define DIGITS_MAX 5 // in a row, of a reason: more may be a patient's number
#define NHS_DIGITS 10

const char *or_dash(const char *text)
{
    return text[0] ? text : "-";
}

const char *instant_or_dash(int64_t ms, char text[INSTANT_TEXT_SIZE])
{
    if (ms == 0) {
        return "-";
    }
    instant_format(ms, text);
    return text;
}

bool set_instant(struct json *object, const char *name, int64_t ms)
{
    char text[INSTANT_TEXT_SIZE];
    instant_format(ms, text);
    return ms == 0 ? json_set_take(object, name, json_new_null())
                   : json_set_text(object, name, text);
}

// ---- who asks, and why

static void operator_name(const struct command_values *values, char name[OPERATOR_SIZE])
{
    const char *user = values->by ? values->by : getenv("USER");
    if (!user || !user[0] || !text_copy(name, OPERATOR_SIZE, user)) {
        text_format(name, OPERATOR_SIZE, "user %u", (unsigned)getuid());
    }
}

// Six digits in a row, or an NHS number however it is grouped.
static bool has_number(const char *text)
{
    char digits[NHS_DIGITS + 1] = "", number[NHS_NUMBER_SIZE];
    size_t in_row = 0, count = 0;
    for (const char *at = text; *at; at++) {
        const bool digit = isdigit((unsigned char)*at) != 0;
        in_row = digit ? in_row + 1 : 0;
        if (digit && count == NHS_DIGITS) {
            memmove(digits, digits + 1, --count);
        }
        if (digit) {
            digits[count++] = *at;
        } else if (*at != ' ' && *at != '-') {
            count = 0;
        }
        digits[count] = '\0';
        if (in_row > DIGITS_MAX || (count == NHS_DIGITS && nhs_number_parse(digits, number))) {
            return true;
        }
    }
    return false;
}

bool deliveries_check_reason(const char *why, struct reason *reason)
{
    if (!why || strlen(why) < REASON_LEAST || strlen(why) >= OPERATION_REASON_SIZE ||
        !text_is_utf8(why, strlen(why))) {
        reason_set(reason, why ? "bad-option" : "usage", NULL,
                   "--reason is needed, with %d to %d bytes of UTF-8", REASON_LEAST,
                   (int)OPERATION_REASON_SIZE - 1);
        return false;
    }
    if (has_number(why)) {
        reason_set(reason, "bad-option", NULL,
                   "--reason is kept for years: no number of a patient in it");
        return false;
    }
    return true;
}

bool begin_question(const struct command_values *values, enum operation_kind kind,
                    struct delivery_operation *ret_said, struct reason *reason)
{
    struct uuid id;
    *ret_said = (struct delivery_operation){.asked_at_ms = clock_now_ms()};
    if (!uuid_random(&id)) {
        reason_set(reason, "no-randomness", NULL, "the system's generator fails");
        return false;
    }
    uuid_format(&id, ret_said->id);
    text_copy(ret_said->kind, sizeof ret_said->kind, operation_word(kind));
    text_copy(ret_said->stage, sizeof ret_said->stage, "asked");
    operator_name(values, ret_said->asked_by);
    text_copy(ret_said->reason, sizeof ret_said->reason, values->reason);
    return true;
}

// ---- retry, release, reroute

struct doing {
    const struct command *command;
    enum operation_kind kind;
    struct deliveries deliveries;
    struct asking asking;
    struct json *list; /* of a dry run */
    size_t touched;    /* by a dry run */
};

static bool show_touched(struct doing *doing, const struct held_delivery *held)
{
    char deadline[INSTANT_TEXT_SIZE], next[INSTANT_TEXT_SIZE];
    if (doing->touched++ >= (size_t)doing->command->values->list_max) {
        return true;
    }
    if (!doing->command->values->json) {
        return printf("%s  %s  %-12s  attempts %d  next %s  deadline %s  %s\n", held->id,
                      held->referral_id, held->destination, (int)held->attempts,
                      instant_or_dash(held->next_attempt_at_ms, next),
                      instant_or_dash(held->deadline_at_ms, deadline),
                      or_dash(held->last_result)) > 0;
    }
    struct json *object = json_new_object();
    bool done = object && json_set_text(object, "id", held->id) &&
                json_set_text(object, "referral_id", held->referral_id) &&
                json_set_text(object, "destination", held->destination) &&
                json_set_whole(object, "attempts", held->attempts) &&
                set_instant(object, "next_attempt_at", held->next_attempt_at_ms) &&
                set_instant(object, "deadline_at", held->deadline_at_ms) &&
                json_set_text(object, "last_result", held->last_result);
    if (!done) {
        json_free(object);
        return false;
    }
    return json_array_add_take(doing->list, object);
}

static bool ask(struct doing *doing, struct delivery_operation *said, int32_t partition)
{
    for (size_t index = 0; index < doing->asking.count; index++) {
        const struct delivery_operation *other = &doing->asking.asked[index].said;
        if (strcmp(other->id, said->id) == 0 && other->partition == partition) {
            return true;
        }
    }
    said->partition = partition;
    return asking_add(&doing->asking, said);
}

// A destination's deliveries stand in its own partition, and in others only if the topic was
// given more of them.
static bool add_destination(struct doing *doing, struct delivery_operation *said, const char *code)
{
    const struct deliveries *deliveries = &doing->deliveries;
    size_t first = 0;
    size_t count = deliveries_of(deliveries, code, &first);
    text_copy(said->destination, sizeof said->destination, code);
    bool done =
        count > 0 || doing->kind == OPERATION_RELEASE
            ? ask(doing, said, kafka_partition_of(code, strlen(code), deliveries->partitions))
            : true;
    for (size_t index = first; done && index < first + count; index++) {
        done = ask(doing, said, deliveries->list[index]->partition) &&
               (!doing->command->values->dry_run || show_touched(doing, deliveries->list[index]));
    }
    return done;
}

static bool add_delivery(struct doing *doing, struct delivery_operation *said,
                         const struct held_delivery *held)
{
    text_copy(said->destination, sizeof said->destination, held->destination);
    text_copy(said->delivery_id, sizeof said->delivery_id, held->id);
    return ask(doing, said, held->partition) &&
           (!doing->command->values->dry_run || show_touched(doing, held));
}

// Turns the arguments into questions; nothing is put yet.
static enum verdict add_all(struct doing *doing, struct reason *reason)
{
    const struct command *command = doing->command;
    for (size_t index = 0; index < command->arguments_count; index++) {
        struct delivery_operation said;
        struct uuid uuid;
        char id[UUID_TEXT_SIZE];
        bool done = begin_question(command->values, doing->kind, &said, reason);
        if (!done) {
            return BROKEN;
        }
        if (uuid_parse(command->arguments[index], &uuid)) {
            uuid_format(&uuid, id);
            const struct held_delivery *held = deliveries_find(&doing->deliveries, id);
            if (!held) {
                reason_set(reason, "not-found", NULL, "%s is not on its way", id);
                return REFUSED;
            }
            done = add_delivery(doing, &said, held);
        } else if (!deliveries_check_known(&doing->deliveries, command->arguments[index], reason)) {
            return REFUSED;
        } else {
            done = add_destination(doing, &said, command->arguments[index]);
        }
        if (!done) {
            reason_set(reason, "no-memory", NULL, "no memory for what is to be done");
            return BROKEN;
        }
    }
    return DONE;
}

static bool check_arguments(const struct doing *doing, struct reason *reason)
{
    const struct command *command = doing->command;
    for (size_t index = 0; index < command->arguments_count; index++) {
        struct uuid uuid;
        const char *argument = command->arguments[index];
        const bool is_id = uuid_parse(argument, &uuid);
        if (is_id ? doing->kind == OPERATION_RELEASE : !ods_code_valid(argument)) {
            reason_set(reason, "usage", NULL, "\"%.80s\" is no %s", argument,
                       doing->kind == OPERATION_RELEASE
                           ? "ODS code of a destination"
                           : "id of a delivery or referral, nor an ODS code of a destination");
            return false;
        }
    }
    return command->values->dry_run || deliveries_check_reason(command->values->reason, reason);
}

static bool print_dry_run(struct doing *doing)
{
    if (!doing->command->values->json) {
        return printf("%zu would be touched; nothing was changed\n", doing->touched) > 0;
    }
    struct json *answer = json_new_object();
    bool done = json_set_boolean(answer, "dry_run", true) &&
                json_set_whole(answer, "touched", (int64_t)doing->touched) &&
                json_set_take(answer, "deliveries", json_copy_deep(doing->list));
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static struct json *answer_json(const struct asked *asked)
{
    const struct delivery_operation *answer = &asked->answer;
    const struct delivery_operation *said = &asked->said;
    struct json *object = json_new_object();
    bool done = object && json_set_text(object, "id", said->id) &&
                json_set_text(object, "kind", said->kind) &&
                json_set_text(object, "destination", said->destination) &&
                json_set_text(object, "delivery_id", said->delivery_id) &&
                json_set_whole(object, "partition", said->partition) &&
                json_set_text(object, "stage", answer->stage[0] ? answer->stage : said->stage) &&
                json_set_text(object, "answered_by", answer->answered_by) &&
                json_set_whole(object, "touched", answer->touched) &&
                json_set_whole(object, "moved", answer->moved) &&
                json_set_whole(object, "returned", answer->returned) &&
                json_set_whole(object, "stayed", answer->stayed) &&
                json_set_whole(object, "held", answer->held) &&
                json_set_whole(object, "left", answer->left);
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

static void print_answer(const struct doing *doing, const struct asked *asked)
{
    const struct delivery_operation *answer = &asked->answer;
    printf("%s %s%s%s: %s", asked->said.kind, asked->said.destination,
           asked->said.delivery_id[0] ? " " : "", asked->said.delivery_id,
           answer->stage[0] ? answer->stage : "no answer yet");
    if (doing->kind == OPERATION_REROUTE) {
        printf(", %d asked for: %d moved, %d returned, %d have no other provider",
               (int)answer->touched, (int)answer->moved, (int)answer->returned,
               (int)answer->stayed);
    } else {
        printf(", %d no longer wait", (int)answer->touched);
    }
    printf("; %d held there, %d more on the topic\n", (int)answer->held, (int)answer->left);
}

static bool print_answers(const struct doing *doing)
{
    struct json *list = json_new_array();
    bool done = list != NULL;
    for (size_t index = 0; done && index < doing->asking.count; index++) {
        if (doing->command->values->json) {
            done = json_array_add_take(list, answer_json(&doing->asking.asked[index]));
        } else {
            print_answer(doing, &doing->asking.asked[index]);
        }
    }
    if (!done || !doing->command->values->json) {
        json_free(list);
        return done;
    }
    struct json *answer = json_new_object();
    if (!json_set_take(answer, "operations", list)) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static bool all_done(const struct asking *asking)
{
    for (size_t index = 0; index < asking->count; index++) {
        if (strcmp(asking->asked[index].answer.stage, "done") != 0) {
            return false;
        }
    }
    return true;
}

static int put_and_print(struct doing *doing, struct reason *reason)
{
    const struct command_values *values = doing->command->values;
    if (values->dry_run) {
        return print_dry_run(doing) ? EXIT_WELL : EXIT_FINDINGS;
    }
    enum verdict verdict = doing->asking.count > 0
                               ? asking_go(&doing->asking, values->wait_seconds * 1000, reason)
                               : DONE;
    if (!values->json && doing->asking.count == 0) {
        printf("nothing is pending there\n");
    }
    if (!print_answers(doing)) {
        return EXIT_FINDINGS;
    }
    if (verdict != DONE) {
        return command_fail_as(verdict, reason);
    }
    return all_done(&doing->asking) ? EXIT_WELL : EXIT_FINDINGS;
}

static int run_doing(const struct command *command, enum operation_kind kind)
{
    struct doing doing = {.command = command, .kind = kind};
    struct reason reason = {0};
    if (!check_arguments(&doing, &reason)) {
        return command_fail_as(REFUSED, &reason);
    }
    doing.list = json_new_array();
    enum verdict verdict = deliveries_open(&doing.deliveries, command, &reason);
    if (verdict == DONE) {
        verdict = deliveries_read(&doing.deliveries, (size_t)command->values->ids_max, &reason);
    }
    if (verdict == DONE) {
        verdict = asking_open(&doing.asking, &doing.deliveries, &reason);
    }
    if (verdict == DONE) {
        verdict = add_all(&doing, &reason);
    }
    int exit_code =
        verdict == DONE ? put_and_print(&doing, &reason) : command_fail_as(verdict, &reason);
    asking_close(&doing.asking);
    deliveries_close(&doing.deliveries);
    json_free(doing.list);
    return exit_code;
}

static int run_retry(const struct command *command)
{
    return run_doing(command, OPERATION_RETRY);
}

static int run_release(const struct command *command)
{
    return run_doing(command, OPERATION_RELEASE);
}

static int run_reroute(const struct command *command)
{
    return run_doing(command, OPERATION_REROUTE);
}

#define TAKES_DOING                                                                                \
    "json schemas-dir dry-run reason by wait-seconds ids-max list-max " TAKES_REGISTRY

const struct verb VERBS_DELIVERIES[] = {
    {"deliveries list", "[CODE]", 0, 1, "what is pending, and how its destinations do",
     "json schemas-dir topic-only by wait-seconds ids-max " TAKES_REGISTRY, run_deliveries_list},
    {"deliveries show", "ID", 1, 1, "a referral's history with every attempt",
     "json schemas-dir ids-max records-max " TAKES_REGISTRY, run_deliveries_show},
    {"deliveries retry", "ID|CODE...", 1, 9, "end waits: try again now", TAKES_DOING, run_retry},
    {"deliveries release", "CODE...", 1, 9, "give destinations a new start, and end all waits",
     TAKES_DOING, run_release},
    {"deliveries reroute", "ID|CODE...", 1, 9, "ask for another provider", TAKES_DOING,
     run_reroute},
    {0},
};
