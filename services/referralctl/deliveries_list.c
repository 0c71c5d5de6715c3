// SPDX-License-Identifier: Apache-2.0
// deliveries list: a line for each destination with something pending, or of which a dispatcher has
// something to tell. The topic and the directory are true without any dispatcher; windows and
// breakers are known to their owners alone, which are asked.
#include "deliveries.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    char destination[ODS_CODE_SIZE];
    size_t pending;
    int64_t oldest_ms, deadline_ms, next_ms; /* accepted; the soonest; the soonest */
    int32_t attempts;                        /* the most */
    const char *directory;
    const struct destination_state *seen; /* NULL = no dispatcher told of it */
};

// How the directory has it; "" = well.
static const char *directory_word(const struct deliveries *deliveries, const char *destination)
{
    const struct provider *provider = directory_find(deliveries->topic.directory, destination);
    return !provider          ? "not-listed"
           : provider->paused ? "paused"
           : !provider->url   ? "no-endpoint"
                              : "";
}

static void gather(const struct deliveries *deliveries, const struct asking *asking,
                   const char *destination, struct row *row)
{
    size_t first = 0;
    *row = (struct row){.pending = deliveries_of(deliveries, destination, &first),
                        .directory = directory_word(deliveries, destination)};
    text_copy(row->destination, sizeof row->destination, destination);
    for (size_t index = first; index < first + row->pending; index++) {
        const struct held_delivery *held = deliveries->list[index];
        if (index == first || held->accepted_at_ms < row->oldest_ms) {
            row->oldest_ms = held->accepted_at_ms;
        }
        if (index == first || held->deadline_at_ms < row->deadline_ms) {
            row->deadline_ms = held->deadline_at_ms;
        }
        if (index == first || held->next_attempt_at_ms < row->next_ms) {
            row->next_ms = held->next_attempt_at_ms;
        }
        row->attempts = held->attempts > row->attempts ? held->attempts : row->attempts;
    }
    for (size_t index = 0; index < asking->states_count; index++) {
        if (text_equal(asking->states[index].destination, destination)) {
            row->seen = &asking->states[index];
        }
    }
}

static struct json *row_json(const struct row *row)
{
    const struct destination_state *seen = row->seen;
    struct json *object = json_new_object();
    bool done = object && json_set_text(object, "destination", row->destination) &&
                json_set_whole(object, "pending", (int64_t)row->pending) &&
                set_instant(object, "oldest_at", row->oldest_ms) &&
                set_instant(object, "deadline_at", row->deadline_ms) &&
                set_instant(object, "next_attempt_at", row->next_ms) &&
                json_set_whole(object, "attempts", row->attempts) &&
                json_set_text(object, "directory", row->directory);
    struct json *inner = seen ? json_new_object() : json_new_null();
    if (done && seen) {
        done = json_set_text(inner, "state", seen->state) &&
               json_set_text(inner, "instance", seen->instance) &&
               json_set_whole(inner, "held", seen->held) &&
               json_set_whole(inner, "left", seen->left) &&
               json_set_whole(inner, "ready", seen->ready) &&
               json_set_whole(inner, "waiting", seen->waiting) &&
               json_set_whole(inner, "in_flight", seen->in_flight) &&
               json_set_whole(inner, "window", seen->window) &&
               json_set_whole(inner, "mean_ms", seen->mean_ms) &&
               set_instant(inner, "probe_at", seen->probe_at_ms) &&
               set_instant(inner, "quiet_until", seen->quiet_until_ms);
    }
    if (!done) {
        json_free(inner);
        json_free(object);
        return NULL;
    }
    if (!json_set_take(object, "dispatcher", inner)) {
        json_free(object);
        return NULL;
    }
    return object;
}

static void print_row(const struct row *row)
{
    char oldest[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE], next[INSTANT_TEXT_SIZE];
    char state[96];
    const struct destination_state *seen = row->seen;
    text_format(state, sizeof state, "%s%s%s", row->directory,
                row->directory[0] && seen && seen->state[0] ? " " : "", seen ? seen->state : "");
    printf("%-12s %8zu %-24s %-24s %-24s %8d", row->destination, row->pending,
           instant_or_dash(row->oldest_ms, oldest), instant_or_dash(row->deadline_ms, deadline),
           instant_or_dash(row->next_ms, next), (int)row->attempts);
    if (seen) {
        printf(" %6d %6d %7d %6d %6d %6d", (int)seen->window, (int)seen->ready, (int)seen->waiting,
               (int)seen->left, (int)seen->in_flight, (int)seen->mean_ms);
    } else {
        printf(" %6s %6s %7s %6s %6s %6s", "-", "-", "-", "-", "-", "-");
    }
    printf("  %s\n", or_dash(state));
}

static int compare_codes(const void *a, const void *b)
{
    return strcmp(a, b);
}

// Every destination with something pending, or of which a dispatcher had something to tell.
static char (*destinations_new(const struct deliveries *deliveries, const struct asking *asking,
                               size_t *ret_count))[ODS_CODE_SIZE]
{
    char(*codes)[ODS_CODE_SIZE] =
        calloc(deliveries->count + asking->states_count + 1, sizeof *codes);
    size_t count = 0, kept = 0;
    if (!codes) {
        return NULL;
    }
    for (size_t index = 0; index < deliveries->count; index++) {
        if (index == 0 || !text_equal(deliveries->list[index]->destination,
                                      deliveries->list[index - 1]->destination)) {
            text_copy(codes[count++], ODS_CODE_SIZE, deliveries->list[index]->destination);
        }
    }
    for (size_t index = 0; index < asking->states_count; index++) {
        text_copy(codes[count++], ODS_CODE_SIZE, asking->states[index].destination);
    }
    qsort(codes, count, sizeof *codes, compare_codes);
    for (size_t index = 0; index < count; index++) {
        if (kept == 0 || !text_equal(codes[kept - 1], codes[index])) {
            memmove(codes[kept++], codes[index], sizeof *codes);
        }
    }
    *ret_count = kept;
    return codes;
}

static bool print_list(const struct command *command, const struct deliveries *deliveries,
                       const struct asking *asking, bool answered)
{
    size_t count = 0;
    struct json *list = json_new_array();
    char(*codes)[ODS_CODE_SIZE] = destinations_new(deliveries, asking, &count);
    bool done = codes && list;
    if (done && !command->values->json) {
        printf("%-12s %8s %-24s %-24s %-24s %8s %6s %6s %7s %6s %6s %6s  %s\n", "destination",
               "pending", "oldest", "deadline", "next try", "attempts", "window", "ready",
               "waiting", "left", "flying", "ms", "state");
    }
    for (size_t index = 0; done && index < count; index++) {
        struct row row;
        if (command->arguments_count > 0 && !text_equal(command->arguments[0], codes[index])) {
            continue;
        }
        gather(deliveries, asking, codes[index], &row);
        if (command->values->json) {
            done = json_array_add_take(list, row_json(&row));
        } else {
            print_row(&row);
        }
    }
    free(codes);
    if (!done || !command->values->json) {
        json_free(list);
        return done;
    }
    struct json *answer = json_new_object();
    done = json_set_take(answer, "destinations", list) &&
           json_set_whole(answer, "pending", (int64_t)deliveries->count) &&
           json_set_whole(answer, "unreadable", (int64_t)deliveries->unreadable) &&
           json_set_boolean(answer, "answered", answered);
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static enum verdict look(struct asking *asking, const struct command *command,
                         struct reason *reason)
{
    struct delivery_operation said;
    enum verdict verdict = asking_open(asking, asking->deliveries, reason);
    if (verdict != DONE || !begin_question(command->values, OPERATION_LOOK, &said, reason)) {
        return verdict != DONE ? verdict : BROKEN;
    }
    said.reason[0] = '\0';
    text_copy(said.destination, sizeof said.destination, command->arguments[0]);
    for (said.partition = 0; said.partition < asking->deliveries->partitions; said.partition++) {
        if (!asking_add(asking, &said)) {
            reason_set(reason, "no-memory", NULL, "no memory for the questions");
            return BROKEN;
        }
    }
    return asking_go(asking, command->values->wait_seconds * 1000, reason);
}

int run_deliveries_list(const struct command *command)
{
    struct deliveries deliveries;
    struct asking asking = {.deliveries = &deliveries};
    struct reason reason = {0};
    if (command->arguments_count > 0 && !ods_code_valid(command->arguments[0])) {
        reason_set(&reason, "usage", NULL, "\"%.80s\" is no ODS code", command->arguments[0]);
        return command_fail(EXIT_USAGE, &reason);
    }
    enum verdict verdict = deliveries_open(&deliveries, command, &reason);
    enum verdict seen = DONE;
    if (verdict == DONE && !command->values->topic_only) {
        struct reason why = {0};
        seen = look(&asking, command, &why);
        if (seen != DONE) {
            command_fail_as(seen, &why);
        }
    }
    if (verdict == DONE) {
        verdict = deliveries_read(&deliveries, (size_t)command->values->ids_max, &reason);
    }
    if (verdict == DONE && command->arguments_count > 0 &&
        !deliveries_check_known(&deliveries, command->arguments[0], &reason)) {
        verdict = REFUSED;
    }
    int exit_code = verdict != DONE ? command_fail_as(verdict, &reason)
                    : seen != DONE  ? EXIT_UNAVAILABLE
                                    : EXIT_WELL;
    if (verdict == DONE &&
        !print_list(command, &deliveries, &asking, seen == DONE && !command->values->topic_only)) {
        exit_code = EXIT_FINDINGS;
    }
    asking_close(&asking);
    deliveries_close(&deliveries);
    return exit_code;
}
