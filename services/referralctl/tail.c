// SPDX-License-Identifier: Apache-2.0
// tail: the records of a topic, decoded and masked. What can't be decoded is told by its code and
// size, never shown: a dead letter holds what somebody sent, whatever that was.
#include "command.h"

#include "mask.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "lifecycle/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_SIZE 360
#define WAIT_MS 200
#define REASON_LEAST 8

struct tail {
    const struct command_values *values;
    struct kafka_settings *settings;
    struct kafka_admin *admin;
    struct kafka_reader *reader;
    struct contract *contract;
    struct codec *codec;
    const char *topic;
    int64_t shown;
};

static bool set_header(struct json *object, const struct kafka_message *message, const char *name)
{
    char text[REASON_DETAIL_MAX];
    size_t size = 0;
    const void *value = kafka_message_header(message, name, &size);
    if (!value) {
        return true;
    }
    (void)text_copy_bytes(text, sizeof text, value, size);
    return json_set_text(object, name, text_is_utf8(text, strlen(text)) ? text : "not UTF-8");
}

// Instead of a value: how large it is, and what the router said of a dead letter. `code` NULL:
// there is none.
static struct json *undecoded(const struct kafka_message *message, const char *code)
{
    static const char *const HEADERS[] = {"reason", "detail", "origin_topic", "origin_partition",
                                          "origin_offset"};
    struct json *object = json_new_object();
    bool done = object && json_set_whole(object, "bytes", (int64_t)message->value_size) &&
                (!code || json_set_text(object, "not_shown", code));
    for (size_t index = 0; done && index < sizeof HEADERS / sizeof *HEADERS; index++) {
        done = set_header(object, message, HEADERS[index]);
    }
    if (!done) {
        json_free(object);
        return NULL;
    }
    return object;
}

// What a dispatcher keeps for itself between the deliveries; NULL: this is none of it.
static const char *bookkeeping(const struct kafka_message *message)
{
    static const char *const KEYS[][2] = {
        {"intent/", "intent"}, {"fence/", "fence"}, {"roll", "roll"}};
    for (size_t index = 0; index < sizeof KEYS / sizeof *KEYS; index++) {
        const size_t length = strlen(KEYS[index][0]);
        if (text_equal(message->topic, TOPIC_DELIVERIES) && message->key_size >= length &&
            memcmp(message->key, KEYS[index][0], length) == 0) {
            return KEYS[index][1];
        }
    }
    return NULL;
}

static bool is_time(const char *name, const struct json *value)
{
    const size_t length = strlen(name);
    return json_kind_of(value) == JSON_IS_WHOLE &&
           ((length > 3 && text_equal(name + length - 3, "_at")) || text_equal(name, "at") ||
            text_equal(name, "quiet_until"));
}

// Milliseconds as everything else here prints them. Adopts the record; NULL without memory.
static struct json *times_take(struct json *json)
{
    struct json *shown = json && json_kind_of(json) == JSON_IS_OBJECT ? json_new_object() : NULL;
    void *cursor = NULL;
    const char *name;
    const struct json *value;
    bool done = shown != NULL;
    while (done && json_next_member(json, &cursor, &name, &value)) {
        char instant[INSTANT_TEXT_SIZE];
        if (is_time(name, value)) {
            instant_format(json_whole(value, 0), instant);
            done = json_set_text(shown, name, instant);
        } else {
            done = json_set_take(shown, name, json_copy_deep(value));
        }
    }
    json_free(json);
    if (!done) {
        json_free(shown);
        return NULL;
    }
    return shown;
}

static struct json *value_json(struct tail *tail, const struct kafka_message *message,
                               const char **ret_schema)
{
    struct record *record = NULL;
    struct reason reason = {0};
    *ret_schema = "";
    const bool refused = text_equal(message->topic, TOPIC_REFUSED);
    if (!message->value) {
        return refused ? undecoded(message, NULL) : json_new_null();
    }
    if (refused && !tail->values->unmask) {
        return undecoded(message, "dead-letter");
    }
    if (codec_read(tail->codec, message->value, message->value_size, NULL, &record, &reason) !=
        DONE) {
        const char *own = bookkeeping(message);
        return undecoded(message, own ? own : reason.code);
    }
    const struct schema_node *node = schema_root(record_schema(record));
    struct json *plain = record_to_json(record);
    *ret_schema = node->name;
    if (tail->values->unmask || !plain) {
        return times_take(plain);
    }
    struct json *masked = mask_record(plain, node);
    json_free(plain);
    return times_take(masked);
}

static bool print_message(struct tail *tail, const struct kafka_message *message)
{
    char key[KEY_SIZE], time[INSTANT_TEXT_SIZE];
    const char *schema;
    (void)text_copy_bytes(key, sizeof key, message->key ? message->key : "", message->key_size);
    bool key_shown = text_is_utf8(key, strlen(key));
    const char *shown_key = !key_shown             ? "not UTF-8"
                            : tail->values->unmask ? key
                                                   : mask_key(message->topic, key);
    instant_format(message->timestamp_ms, time);
    struct json *value = value_json(tail, message, &schema);
    if (!tail->values->json) {
        printf("%s/%d/%lld  %s  %s  %s  ", message->topic, (int)message->partition,
               (long long)message->offset, time, shown_key, schema);
        return command_print_json_take(value, JSON_COMPACT);
    }
    struct json *line = json_new_object();
    bool done = json_set_text(line, "topic", message->topic) &&
                json_set_whole(line, "partition", message->partition) &&
                json_set_whole(line, "offset", message->offset) &&
                json_set_text(line, "time", time) && json_set_text(line, "key", shown_key) &&
                json_set_text(line, "schema", schema);
    done = json_set_take(line, "value", value) && done;
    if (!done) {
        json_free(line);
        return false;
    }
    return command_print_json_take(line, JSON_COMPACT);
}

static enum verdict seek_end(struct tail *tail, int partitions, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        int64_t low = 0, end = 0;
        verdict = kafka_admin_watermarks(tail->admin, tail->topic, partition, &low, &end, reason);
        if (verdict == DONE &&
            !kafka_reader_seek(tail->reader, tail->topic, partition, end, reason)) {
            verdict = TRY_AGAIN;
        }
    }
    return verdict;
}

static enum verdict open_topic(struct tail *tail, struct reason *reason)
{
    int partitions = 0;
    enum verdict verdict = kafka_admin_partitions(tail->admin, tail->topic, &partitions, reason);
    if (verdict != DONE) {
        return verdict;
    }
    if (partitions == 0) {
        reason_set(reason, "topic-missing", NULL, "%.100s does not exist", tail->topic);
        return REFUSED;
    }
    tail->reader = kafka_reader_open(tail->settings, &tail->topic, 1, reason);
    if (!tail->reader) {
        return TRY_AGAIN;
    }
    return text_equal(tail->values->from, "end") ? seek_end(tail, partitions, reason) : DONE;
}

static bool is_enough(const struct tail *tail)
{
    if (tail->values->count > 0 && tail->shown >= tail->values->count) {
        return true;
    }
    return text_equal(tail->values->from, "beginning") && kafka_reader_at_end(tail->reader);
}

static enum verdict follow(struct tail *tail, struct reason *reason)
{
    while (!is_enough(tail)) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(tail->reader, WAIT_MS, &message, reason);
        if (verdict != DONE) {
            return verdict;
        }
        if (message) {
            tail->shown++;
            if (!print_message(tail, message) || fflush(stdout) != 0) {
                reason_set(reason, "no-output", NULL, "standard output takes no more");
                return BROKEN;
            }
        }
    }
    return DONE;
}

// Who looked at patient data, when and why, where the machine's log keeps it.
static bool note_unmasked(const struct command *command, struct reason *reason)
{
    char user[24];
    const char *why = command->values->reason;
    if (!command->values->unmask) {
        return true;
    }
    if (!why || strlen(why) < REASON_LEAST) {
        reason_set(reason, why ? "bad-option" : "usage", NULL,
                   "--unmask needs --reason with at least %d characters", REASON_LEAST);
        return false;
    }
    text_format(user, sizeof user, "%u", (unsigned)getuid());
    log_setup("referralctl", LOG_LEVEL_WARNING, LOG_FORMAT_AUTO);
    log_fact(LOG_LEVEL_WARNING, "unmasked", "topic", command->arguments[0], "user", user, "why",
             why, NULL);
    log_setup("referralctl", LOG_LEVEL_ERROR, LOG_FORMAT_AUTO);
    return true;
}

static int run_tail(const struct command *command)
{
    struct tail tail = {.values = command->values, .topic = command->arguments[0]};
    struct reason reason = {0};
    int exit_code = EXIT_CONFIGURATION;
    if (!note_unmasked(command, &reason)) {
        return command_fail_as(REFUSED, &reason);
    }
    tail.contract = contract_load(command->values->schemas_dir, &reason);
    tail.codec = tail.contract ? codec_new(tail.contract, registry_table(command->registry)) : NULL;
    tail.settings = tail.codec ? kafka_settings_from_environment("referralctl", &reason) : NULL;
    tail.admin = tail.settings ? kafka_admin_open(tail.settings, &reason) : NULL;
    if (!tail.admin) {
        command_fail(exit_code, &reason);
        goto out;
    }
    enum verdict verdict = open_topic(&tail, &reason);
    if (verdict == DONE) {
        verdict = follow(&tail, &reason);
    }
    exit_code = verdict == DONE ? EXIT_WELL : command_fail_as(verdict, &reason);
out:
    kafka_reader_close(tail.reader);
    kafka_admin_close(tail.admin);
    kafka_settings_free(tail.settings);
    codec_free(tail.codec);
    contract_free(tail.contract);
    return exit_code;
}

const struct verb VERBS_TAIL[] = {
    {"tail", "TOPIC", 1, 1, "show a topic's records, decoded, patient data masked",
     "json schemas-dir from count unmask reason " TAKES_REGISTRY, run_tail},
    {0},
};
