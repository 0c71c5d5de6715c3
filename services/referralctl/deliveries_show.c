// SPDX-License-Identifier: Apache-2.0
// deliveries show: what the events say of one referral, with the details of each attempt, and where
// it stands if it is on its way. Only the one partition of the events that its key leads to is
// read.
#include "deliveries.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 200
#define EVENTS_MAX 1000 // of one referral: more than 16 hops with all their attempts have

struct shown_event {
    enum event_kind kind;
    int64_t occurred_at_ms;
    char destination[ODS_CODE_SIZE];
    int32_t hop, attempt, duration_ms;
    char reason[REASON_CODE_MAX], result[REASON_CODE_MAX];
    char address[EVENT_ADDRESS_SIZE], excerpt[EVENT_EXCERPT_SIZE];
};

struct history {
    struct deliveries *deliveries;
    char id[UUID_TEXT_SIZE]; /* of the referral */
    int64_t left;            /* records that may still be read */
    struct shown_event *events;
    size_t count;
};

static enum verdict take(struct history *history, const struct kafka_message *message,
                         struct reason *reason)
{
    struct referral_event event;
    if (message->key_size != strlen(history->id) ||
        memcmp(message->key, history->id, message->key_size) != 0 || !message->value ||
        history->count == EVENTS_MAX) {
        return DONE;
    }
    enum verdict verdict = event_decode(history->deliveries->topic.codec, message->value,
                                        message->value_size, &event, NULL, reason);
    if (verdict != DONE) {
        return verdict == TRY_AGAIN ? TRY_AGAIN : DONE;
    }
    struct shown_event *shown = &history->events[history->count++];
    *shown = (struct shown_event){.kind = event.kind,
                                  .occurred_at_ms = event.occurred_at_ms,
                                  .hop = event.hop,
                                  .attempt = event.attempt,
                                  .duration_ms = event.duration_ms};
    text_copy(shown->destination, sizeof shown->destination, event.destination);
    text_copy(shown->reason, sizeof shown->reason, event.reason);
    text_copy(shown->result, sizeof shown->result, event.result);
    text_copy(shown->address, sizeof shown->address, event.address);
    text_copy(shown->excerpt, sizeof shown->excerpt, event.excerpt);
    return DONE;
}

static enum verdict read_all(struct history *history, struct kafka_reader *reader,
                             struct reason *reason)
{
    enum verdict verdict = DONE;
    while (verdict == DONE && !kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(reader, WAIT_MS, &message, reason);
        if (verdict != DONE || !message) {
            continue;
        }
        if (history->left-- <= 0) {
            reason_set(reason, "too-many", NULL, "--records-max allows to read more");
            return REFUSED;
        }
        verdict = take(history, message, reason);
    }
    return verdict;
}

static enum verdict read_events(struct history *history, struct reason *reason)
{
    int partitions = 0;
    const struct deliveries *deliveries = history->deliveries;
    enum verdict verdict =
        kafka_admin_partitions(deliveries->admin, TOPIC_EVENTS, &partitions, reason);
    if (verdict != DONE || partitions == 0) {
        return verdict;
    }
    const int32_t partition = kafka_partition_of(history->id, strlen(history->id), partitions);
    struct kafka_reader *reader =
        kafka_reader_open_at(deliveries->topic.settings, TOPIC_EVENTS, partition, 0, reason);
    if (!reader) {
        return TRY_AGAIN;
    }
    verdict = read_all(history, reader, reason);
    kafka_reader_close(reader);
    return verdict;
}

// ---- printing

// What there is nothing to say of is left out, as in the status API.
static bool set_text(struct json *object, const char *name, const char *text)
{
    return text[0] == '\0' || json_set_text(object, name, text);
}

static bool set_whole(struct json *object, const char *name, int64_t number)
{
    return number == 0 || json_set_whole(object, name, number);
}

static struct json *event_json(const struct shown_event *event)
{
    struct json *object = json_new_object();
    bool done =
        object && set_instant(object, "occurred_at", event->occurred_at_ms) &&
        json_set_text(object, "kind", event_word(event->kind)->name) &&
        set_text(object, "destination", event->destination) &&
        json_set_whole(object, "hop", event->hop) &&
        json_set_whole(object, "attempt", event->attempt) &&
        set_text(object, "result", event->result) && set_text(object, "reason", event->reason) &&
        set_whole(object, "duration_ms", event->duration_ms) &&
        set_text(object, "address", event->address) && set_text(object, "excerpt", event->excerpt);
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

static struct json *held_json(const struct held_delivery *held)
{
    struct json *object = json_new_object();
    bool done = object && json_set_text(object, "id", held->id) &&
                json_set_text(object, "destination", held->destination) &&
                json_set_text(object, "pathway", held->pathway) &&
                json_set_whole(object, "hop", held->hop) &&
                json_set_whole(object, "attempts", held->attempts) &&
                json_set_whole(object, "partition", held->partition) &&
                set_instant(object, "accepted_at", held->accepted_at_ms) &&
                set_instant(object, "deadline_at", held->deadline_at_ms) &&
                set_instant(object, "next_attempt_at", held->next_attempt_at_ms) &&
                set_text(object, "last_result", held->last_result);
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

static bool print_json(const struct history *history, const struct held_delivery *held)
{
    struct json *list = json_new_array();
    struct json *answer = json_new_object();
    bool done = list && answer;
    for (size_t index = 0; done && index < history->count; index++) {
        done = json_array_add_take(list, event_json(&history->events[index]));
    }
    done = json_set_take(answer, "history", list) && done;
    done = done && json_set_text(answer, "referral_id", history->id) &&
           json_set_take(answer, "delivery", held ? held_json(held) : json_new_null());
    if (!done) {
        json_free(answer);
        return false;
    }
    return command_print_json_take(answer, JSON_INDENTED);
}

static void print_text(const struct history *history, const struct held_delivery *held)
{
    char time[INSTANT_TEXT_SIZE], deadline[INSTANT_TEXT_SIZE];
    printf("referral %s\n", history->id);
    if (held) {
        printf("delivery %s  to %s, hop %d, %d attempts, next try %s, deadline %s\n", held->id,
               held->destination, (int)held->hop, (int)held->attempts,
               instant_or_dash(held->next_attempt_at_ms, time),
               instant_or_dash(held->deadline_at_ms, deadline));
    } else {
        printf("not on its way\n");
    }
    for (size_t index = 0; index < history->count; index++) {
        const struct shown_event *event = &history->events[index];
        printf("  %s  %-10s  %-12s  %-18s  %s", instant_or_dash(event->occurred_at_ms, time),
               event_word(event->kind)->name, or_dash(event->destination), or_dash(event->result),
               or_dash(event->reason));
        if (event->duration_ms > 0) {
            printf("  %d ms  %s  %s", (int)event->duration_ms, or_dash(event->address),
                   event->excerpt);
        }
        printf("\n");
    }
}

static int show(struct history *history, const char *id, const struct command *command)
{
    struct reason reason = {0};
    struct deliveries *deliveries = history->deliveries;
    enum verdict verdict = deliveries_open(deliveries, command, &reason);
    if (verdict == DONE) {
        verdict = deliveries_read(deliveries, (size_t)command->values->ids_max, &reason);
    }
    const struct held_delivery *held = verdict == DONE ? deliveries_find(deliveries, id) : NULL;
    text_copy(history->id, sizeof history->id, held ? held->referral_id : id);
    if (verdict == DONE) {
        verdict = read_events(history, &reason);
    }
    if (verdict == DONE && !held && history->count == 0) {
        reason_set(&reason, "not-found", NULL,
                   "no event of a referral with this id, and no delivery that is on its way");
        verdict = REFUSED;
    }
    if (verdict != DONE) {
        return command_fail_as(verdict, &reason);
    }
    if (command->values->json) {
        return print_json(history, held) ? EXIT_WELL : EXIT_FINDINGS;
    }
    print_text(history, held);
    return EXIT_WELL;
}

int run_deliveries_show(const struct command *command)
{
    struct deliveries deliveries = {0};
    struct history history = {.deliveries = &deliveries, .left = command->values->records_max};
    struct reason reason = {0};
    struct uuid uuid;
    char id[UUID_TEXT_SIZE];
    if (!uuid_parse(command->arguments[0], &uuid)) {
        reason_set(&reason, "usage", NULL, "the id of a referral or delivery is a UUID");
        return command_fail(EXIT_USAGE, &reason);
    }
    uuid_format(&uuid, id);
    history.events = calloc(EVENTS_MAX, sizeof *history.events);
    if (!history.events) {
        reason_set(&reason, "no-memory", NULL, "no memory for the events");
        return command_fail(EXIT_FINDINGS, &reason);
    }
    const int exit_code = show(&history, id, command);
    free(history.events);
    deliveries_close(&deliveries);
    return exit_code;
}
