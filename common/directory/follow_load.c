/* SPDX-License-Identifier: Apache-2.0 */
/* Only events that say "routed" in their header are decoded: they are one in four or five of what
 * is on the topic. One that can't be read counts nothing; the topic's other readers complain. */
#include "directory/follow_load.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "lifecycle/event.h"

#include <stdlib.h>
#include <string.h>

#define CATCH_UP_MS 30000
#define STEP_RECORDS_MAX 2000

struct load_follower {
    struct kafka_reader *reader;
    struct load *load;
};

static bool is_routed(const struct kafka_message *message)
{
    static const char type[] = EVENT_TYPE_PREFIX "routed";
    size_t size = 0;
    const void *value = kafka_message_header(message, "ce_type", &size);
    return value != NULL && size == sizeof type - 1 && memcmp(value, type, size) == 0;
}

static void count(struct load_follower *follower, struct codec *codec,
                  const struct kafka_message *message)
{
    struct referral_event event;
    struct reason reason = {0};
    char id_text[UUID_TEXT_SIZE];
    struct uuid id;
    if (message->value == NULL || !is_routed(message) ||
        event_decode(codec, message->value, message->value_size, &event, id_text, &reason) !=
            DONE ||
        event.kind != EVENT_ROUTED || !uuid_parse(id_text, &id))
        return;
    load_read(follower->load, &id, (int32_t)date_to_days(london_date(event.occurred_at_ms)),
              event.destination, event.service);
}

/* The whole of the day, and a record may be stamped a little before it was decided. */
static int64_t since_ms(int64_t now_ms)
{
    return london_to_ms(london_date(now_ms), 0) - 60000;
}

static enum verdict add_partitions(struct load_follower *follower, struct kafka_admin *admin,
                                   int64_t now_ms, struct reason *reason)
{
    int partitions = 0;
    enum verdict verdict = kafka_admin_partitions(admin, TOPIC_EVENTS, &partitions, reason);
    if (verdict == DONE && partitions == 0) {
        reason_set(reason, "topic-missing", NULL, "%s does not exist", TOPIC_EVENTS);
        return TRY_AGAIN;
    }
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++) {
        int64_t from = 0, low = 0, end = 0;
        verdict =
            kafka_admin_offset_at(admin, TOPIC_EVENTS, partition, since_ms(now_ms), &from, reason);
        if (verdict == DONE)
            verdict = kafka_admin_watermarks(admin, TOPIC_EVENTS, partition, &low, &end, reason);
        if (verdict == DONE &&
            !kafka_reader_add(follower->reader, TOPIC_EVENTS, partition, from, end, reason))
            verdict = TRY_AGAIN;
    }
    return verdict;
}

static enum verdict read_to_end(struct load_follower *follower, struct codec *codec,
                                struct reason *reason)
{
    int64_t give_up_ms = clock_monotonic_ms() + CATCH_UP_MS;
    while (!kafka_reader_at_end(follower->reader)) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(follower->reader, 100, &message, reason);
        if (verdict != DONE)
            return verdict;
        if (message != NULL)
            count(follower, codec, message);
        if (clock_monotonic_ms() > give_up_ms) {
            reason_set(reason, "load-slow", NULL, "%s of today was not read in %d s", TOPIC_EVENTS,
                       CATCH_UP_MS / 1000);
            return TRY_AGAIN;
        }
    }
    return DONE;
}

enum verdict load_follow(const struct kafka_settings *settings, struct load *load, int64_t now_ms,
                         struct codec *codec, struct load_follower **ret_follower,
                         struct reason *reason)
{
    struct load_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    follower->load = load;
    enum verdict verdict = TRY_AGAIN;
    struct kafka_admin *admin = kafka_admin_open(settings, reason);
    follower->reader = admin == NULL ? NULL : kafka_reader_open(settings, NULL, 0, reason);
    if (follower->reader != NULL)
        verdict = add_partitions(follower, admin, now_ms, reason);
    if (verdict == DONE)
        verdict = read_to_end(follower, codec, reason);
    if (admin != NULL)
        kafka_admin_close(admin);
    if (verdict != DONE) {
        load_follow_stop(follower);
        return verdict;
    }
    *ret_follower = follower;
    return DONE;
}

enum verdict load_follow_step(struct load_follower *follower, struct codec *codec,
                              struct reason *reason)
{
    for (int i = 0; i < STEP_RECORDS_MAX; i++) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(follower->reader, 0, &message, reason);
        if (verdict != DONE || message == NULL)
            return verdict;
        count(follower, codec, message);
    }
    return DONE;
}

void load_follow_stop(struct load_follower *follower)
{
    if (follower == NULL)
        return;
    if (follower->reader != NULL)
        kafka_reader_close(follower->reader);
    free(follower);
}
