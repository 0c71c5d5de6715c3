// SPDX-License-Identifier: Apache-2.0
// Questions go onto `deliveries`, each into the partition of what it is about, so that they reach
// whichever dispatcher owns that, now or after a rebalance; the answers come on topics of their
// own, which are read from where they ended before the first question.
#include "deliveries.h"

#include "progress.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 20000
#define WAIT_MS 100
#define RECORD_SIZE_MAX 4096

static enum verdict begin_at_end(struct asking *asking, const char *topic, struct reason *reason)
{
    int partitions = 0;
    struct kafka_admin *admin = asking->deliveries->admin;
    enum verdict verdict = kafka_admin_partitions(admin, topic, &partitions, reason);
    if (verdict == DONE && partitions == 0) {
        reason_set(reason, "topic-missing", NULL, "%s does not exist: referralctl topics create",
                   topic);
        return TRY_AGAIN;
    }
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        int64_t low = 0, end = 0;
        verdict = kafka_admin_watermarks(admin, topic, partition, &low, &end, reason);
        if (verdict == DONE &&
            !kafka_reader_add(asking->reader, topic, partition, end, INT64_MAX, reason)) {
            verdict = TRY_AGAIN;
        }
    }
    return verdict;
}

enum verdict asking_open(struct asking *asking, struct deliveries *deliveries,
                         struct reason *reason)
{
    *asking = (struct asking){.deliveries = deliveries};
    asking->reader = kafka_reader_open(deliveries->topic.settings, NULL, 0, reason);
    if (!asking->reader) {
        return TRY_AGAIN;
    }
    enum verdict verdict = begin_at_end(asking, TOPIC_OPERATIONS, reason);
    return verdict == DONE ? begin_at_end(asking, TOPIC_STATES, reason) : verdict;
}

void asking_close(struct asking *asking)
{
    kafka_reader_close(asking->reader);
    free(asking->asked);
    free(asking->states);
}

bool asking_add(struct asking *asking, const struct delivery_operation *said)
{
    if (asking->count == asking->room) {
        size_t room = asking->room ? asking->room * 2 : 16;
        struct asked *asked = realloc(asking->asked, room * sizeof *asked);
        if (!asked) {
            return false;
        }
        asking->asked = asked;
        asking->room = room;
    }
    asking->asked[asking->count++] = (struct asked){.said = *said};
    return true;
}

static enum verdict put(struct asking *asking, struct kafka_producer *producer,
                        struct buffer *buffer, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t index = 0; verdict == DONE && index < asking->count; index++) {
        char key[OPERATION_KEY_SIZE];
        const struct delivery_operation *said = &asking->asked[index].said;
        operation_key(said, key);
        buffer_reset(buffer);
        verdict = operation_encode(asking->deliveries->topic.codec,
                                   asking->deliveries->topic.contract, said, buffer, reason);
        const struct kafka_out out = {.topic = TOPIC_DELIVERIES,
                                      .partition = said->partition,
                                      .key = key,
                                      .key_size = strlen(key),
                                      .value = buffer->data,
                                      .value_size = buffer->length};
        if (verdict == DONE) {
            verdict = kafka_producer_send(producer, &out, reason);
        }
    }
    return verdict;
}

static enum verdict put_all(struct asking *asking, struct reason *reason)
{
    atomic_size_t failed = 0;
    struct buffer buffer;
    struct kafka_producer *producer =
        kafka_producer_open(asking->deliveries->topic.settings, STORE_TIMEOUT_MS,
                            kafka_count_undelivered, &failed, reason);
    if (!producer) {
        return BROKEN;
    }
    buffer_init(&buffer, RECORD_SIZE_MAX);
    enum verdict verdict = put(asking, producer, &buffer, reason);
    if (!kafka_producer_flush(producer, STORE_TIMEOUT_MS) || atomic_load(&failed) > 0) {
        reason_set(reason, "kafka-unavailable", NULL,
                   "not all of it was stored, or possibly; nothing of it is done twice if you run "
                   "the same again");
        verdict = verdict == DONE ? TRY_AGAIN : verdict;
    }
    kafka_producer_close(producer);
    buffer_clear(&buffer);
    return verdict;
}

static bool is_ours(const struct asking *asking, const char *id)
{
    for (size_t index = 0; index < asking->count; index++) {
        if (strcmp(asking->asked[index].said.id, id) == 0) {
            return true;
        }
    }
    return false;
}

static bool take_state(struct asking *asking, const struct destination_state *state)
{
    for (size_t index = 0; index < asking->states_count; index++) {
        if (strcmp(asking->states[index].destination, state->destination) == 0) {
            asking->states[index] = *state;
            return true;
        }
    }
    if (asking->states_count == asking->states_room) {
        size_t room = asking->states_room ? asking->states_room * 2 : 64;
        struct destination_state *states = realloc(asking->states, room * sizeof *states);
        if (!states) {
            return false;
        }
        asking->states = states;
        asking->states_room = room;
    }
    asking->states[asking->states_count++] = *state;
    return true;
}

static void take_answer(struct asking *asking, const struct delivery_operation *answer)
{
    for (size_t index = 0; index < asking->count; index++) {
        struct asked *asked = &asking->asked[index];
        if (strcmp(asked->said.id, answer->id) == 0 && asked->said.partition == answer->partition) {
            asked->answer = *answer;
            asking->heard++;
        }
    }
}

// Others' answers, and what can't be read, are none of ours.
static enum verdict take(struct asking *asking, const struct kafka_message *message,
                         struct reason *reason)
{
    struct delivery_operation answer;
    struct destination_state state;
    struct codec *codec = asking->deliveries->topic.codec;
    const void *value = message->value;
    if (!value) {
        return DONE;
    }
    if (operation_decode(codec, value, message->value_size, &answer, reason) == DONE) {
        take_answer(asking, &answer);
        return DONE;
    }
    if (destination_state_decode(codec, value, message->value_size, &state, reason) == DONE &&
        is_ours(asking, state.operation_id) && !take_state(asking, &state)) {
        reason_set(reason, "no-memory", NULL, "no memory for what the dispatchers say");
        return BROKEN;
    }
    return DONE;
}

static bool is_over(const struct asked *asked)
{
    return strcmp(asked->answer.stage, "done") == 0 || strcmp(asked->answer.stage, "expired") == 0;
}

// How many have their last answer, and how far the moves are.
static size_t answered(const struct asking *asking, size_t *ret_decided, size_t *ret_touched)
{
    size_t over = 0;
    *ret_decided = *ret_touched = 0;
    for (size_t index = 0; index < asking->count; index++) {
        const struct asked *asked = &asking->asked[index];
        over += is_over(asked) ? 1 : 0;
        *ret_touched += (size_t)asked->answer.touched;
        *ret_decided +=
            (size_t)(asked->answer.moved + asked->answer.returned + asked->answer.stayed);
    }
    return over;
}

// Should somebody have given the topic several partitions, what looks have seen may come behind the
// last answer.
static enum verdict read_the_rest(struct asking *asking, struct reason *reason)
{
    enum verdict verdict = kafka_reader_mark_end(asking->reader, reason) ? DONE : TRY_AGAIN;
    while (verdict == DONE && !kafka_reader_at_end(asking->reader)) {
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(asking->reader, WAIT_MS, &message, reason);
        if (verdict == DONE && message) {
            verdict = take(asking, message, reason);
        }
    }
    return verdict;
}

static enum verdict wait_for_answers(struct asking *asking, int64_t wait_ms, struct reason *reason)
{
    struct progress progress;
    size_t decided = 0, touched = 0, over = 0, heard = 0;
    enum verdict verdict = DONE;
    int64_t heard_ms = clock_monotonic_ms();
    progress_start(&progress, "deliveries decided");
    while (verdict == DONE && (over = answered(asking, &decided, &touched)) < asking->count) {
        const struct kafka_message *message = NULL;
        if (asking->heard != heard) {
            heard = asking->heard;
            heard_ms = clock_monotonic_ms();
        }
        progress_show(&progress, decided, touched);
        verdict = kafka_reader_next(asking->reader, WAIT_MS, &message, reason);
        if (verdict == DONE && message) {
            verdict = take(asking, message, reason);
        } else if (verdict == DONE && clock_monotonic_ms() - heard_ms > wait_ms) {
            reason_set(reason, "no-answer", NULL,
                       "%zu of %zu partitions had no answer from a dispatcher within %lld s",
                       asking->count - over, asking->count, (long long)(wait_ms / 1000));
            verdict = TRY_AGAIN;
        }
    }
    progress_end(&progress);
    return verdict;
}

enum verdict asking_go(struct asking *asking, int64_t wait_ms, struct reason *reason)
{
    enum verdict verdict = put_all(asking, reason);
    if (verdict == DONE) {
        verdict = wait_for_answers(asking, wait_ms, reason);
    }
    return verdict == DONE ? read_the_rest(asking, reason) : verdict;
}
