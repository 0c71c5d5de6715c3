/* SPDX-License-Identifier: Apache-2.0 */
/* Only events that say "routed" in their header are decoded: they are one in four or five of what
 * is on the topic. One whose schema is not to be had just now is kept and tried again, since no
 * start and no decision waits for a registry; one that can't be read at all is left out. */
#include "directory/follow_load.h"

#include "base/calendar.h"
#include "base/clock.h"
#include "lifecycle/event.h"

#include <stdlib.h>
#include <string.h>

#define CATCH_UP_MS 30000
#define STEP_RECORDS_MAX 2000
#define WAITING_MAX 1000 /* events of at most EVENT_BYTES_MAX */
#define EVENT_BYTES_MAX 16384
#define WAITING_AGAIN_MS 1000
#define RECORDED_LATER_MS 60000 /* than decided: Kafka's time of a record is taken for its own */

struct waiting {
    void *bytes;
    size_t size;
};

struct load_follower {
    struct kafka_reader *reader;
    struct codec *codec; /* of the caller, at each call */
    struct load *load;
    int64_t before_ms;       /* later events don't count */
    const char *referral_id; /* nor do those of this one; may be NULL */
    struct waiting *waiting;
    size_t waiting_count;
    int64_t waiting_due_ms;
};

static bool is_routed(const struct kafka_message *message)
{
    static const char type[] = EVENT_TYPE_PREFIX "routed";
    size_t size = 0;
    const void *value = kafka_message_header(message, "ce_type", &size);
    return value != NULL && size == sizeof type - 1 && memcmp(value, type, size) == 0;
}

/* TRY_AGAIN: not to be read just now. */
static enum verdict count(struct load_follower *follower, const void *bytes, size_t size)
{
    struct referral_event event;
    struct reason reason = {0};
    char id_text[UUID_TEXT_SIZE];
    struct uuid id;
    enum verdict verdict = event_decode(follower->codec, bytes, size, &event, id_text, &reason);
    if (verdict == TRY_AGAIN)
        return TRY_AGAIN;
    if (verdict != DONE || !uuid_parse(id_text, &id))
        load_leave_out(follower->load);
    else if (event.kind == EVENT_ROUTED && event.occurred_at_ms < follower->before_ms &&
             !(follower->referral_id && strcmp(event.referral_id, follower->referral_id) == 0))
        load_read(follower->load, &id, (int32_t)date_to_days(london_date(event.occurred_at_ms)),
                  event.destination, event.service);
    return DONE;
}

static bool keep(struct load_follower *follower, const void *bytes, size_t size)
{
    if (follower->waiting == NULL)
        follower->waiting = calloc(WAITING_MAX, sizeof *follower->waiting);
    if (follower->waiting == NULL || follower->waiting_count == WAITING_MAX ||
        size > EVENT_BYTES_MAX)
        return false;
    struct waiting *waiting = &follower->waiting[follower->waiting_count];
    waiting->size = size;
    waiting->bytes = malloc(size);
    if (waiting->bytes == NULL)
        return false;
    memcpy(waiting->bytes, bytes, size);
    follower->waiting_count++;
    return true;
}

static enum verdict take(void *self, const struct kafka_message *message, struct reason *reason)
{
    struct load_follower *follower = self;
    (void)reason;
    if (message->value != NULL && is_routed(message) &&
        count(follower, message->value, message->value_size) == TRY_AGAIN &&
        !keep(follower, message->value, message->value_size))
        load_leave_out(follower->load);
    return DONE;
}

static void try_those_waiting(struct load_follower *follower)
{
    int64_t now_ms = clock_monotonic_ms();
    if (follower->waiting_count == 0 || now_ms < follower->waiting_due_ms)
        return;
    follower->waiting_due_ms = now_ms + WAITING_AGAIN_MS;
    size_t left = 0;
    for (size_t i = 0; i < follower->waiting_count; i++) {
        struct waiting *waiting = &follower->waiting[i];
        if (count(follower, waiting->bytes, waiting->size) == TRY_AGAIN)
            follower->waiting[left++] = *waiting;
        else
            free(waiting->bytes);
    }
    follower->waiting_count = left;
}

/* The whole of the day, and a record may be stamped a little before it was decided. */
static int64_t since_ms(int64_t now_ms)
{
    return london_to_ms(london_date(now_ms), 0) - 60000;
}

static enum verdict add_partition(struct load_follower *follower, struct kafka_admin *admin,
                                  int32_t partition, int64_t from_ms, struct reason *reason)
{
    int64_t from = 0, low = 0, end = 0, later = INT64_MAX;
    enum verdict verdict =
        kafka_admin_offset_at(admin, TOPIC_EVENTS, partition, from_ms, &from, reason);
    if (verdict == DONE)
        verdict = kafka_admin_watermarks(admin, TOPIC_EVENTS, partition, &low, &end, reason);
    if (verdict == DONE && follower->before_ms < INT64_MAX - RECORDED_LATER_MS)
        verdict = kafka_admin_offset_at(admin, TOPIC_EVENTS, partition,
                                        follower->before_ms + RECORDED_LATER_MS, &later, reason);
    if (verdict == DONE && !kafka_reader_add(follower->reader, TOPIC_EVENTS, partition, from,
                                             later < end ? later : end, reason))
        verdict = TRY_AGAIN;
    return verdict;
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
    for (int32_t partition = 0; verdict == DONE && partition < partitions; partition++)
        verdict = add_partition(follower, admin, partition, since_ms(now_ms), reason);
    return verdict;
}

/* Reads the day of `now_ms` to its end. */
static enum verdict start(const struct kafka_settings *settings, const struct load_follower *first,
                          int64_t now_ms, struct load_follower **ret_follower,
                          struct reason *reason)
{
    struct load_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        reason_set(reason, "no-memory", NULL, "memory ran out");
        return BROKEN;
    }
    *follower = *first;
    enum verdict verdict = TRY_AGAIN;
    struct kafka_admin *admin = kafka_admin_open(settings, reason);
    follower->reader = admin == NULL ? NULL : kafka_reader_open(settings, NULL, 0, reason);
    if (follower->reader != NULL)
        verdict = add_partitions(follower, admin, now_ms, reason);
    if (verdict == DONE)
        verdict = kafka_reader_to_end(follower->reader, CATCH_UP_MS, take, follower, reason);
    if (admin != NULL)
        kafka_admin_close(admin);
    if (verdict != DONE) {
        load_follow_stop(follower);
        return verdict;
    }
    *ret_follower = follower;
    return DONE;
}

enum verdict load_follow(const struct kafka_settings *settings, struct load *load, int64_t now_ms,
                         struct codec *codec, struct load_follower **ret_follower,
                         struct reason *reason)
{
    const struct load_follower first = {.codec = codec, .load = load, .before_ms = INT64_MAX};
    return start(settings, &first, now_ms, ret_follower, reason);
}

enum verdict load_count_before(const struct kafka_settings *settings, struct load *load,
                               int64_t before_ms, const char *referral_id, struct codec *codec,
                               struct reason *reason)
{
    const struct load_follower first = {
        .codec = codec, .load = load, .before_ms = before_ms, .referral_id = referral_id};
    struct load_follower *follower = NULL;
    load_restart(load);
    enum verdict verdict = start(settings, &first, before_ms, &follower, reason);
    if (verdict == DONE && follower->waiting_count > 0) {
        reason_set(reason, "registry-away", NULL, "%zu events need a schema that is not known here",
                   follower->waiting_count);
        verdict = TRY_AGAIN;
    }
    load_follow_stop(follower);
    return verdict;
}

enum verdict load_follow_step(struct load_follower *follower, struct codec *codec,
                              struct reason *reason)
{
    follower->codec = codec;
    try_those_waiting(follower);
    for (int i = 0; i < STEP_RECORDS_MAX; i++) {
        const struct kafka_message *message = NULL;
        enum verdict verdict = kafka_reader_next(follower->reader, 0, &message, reason);
        if (verdict != DONE || message == NULL)
            return verdict;
        (void)take(follower, message, reason);
    }
    return DONE;
}

size_t load_follow_waiting(const struct load_follower *follower)
{
    return follower == NULL ? 0 : follower->waiting_count;
}

void load_follow_stop(struct load_follower *follower)
{
    if (follower == NULL)
        return;
    if (follower->reader != NULL)
        kafka_reader_close(follower->reader);
    for (size_t i = 0; i < follower->waiting_count; i++)
        free(follower->waiting[i].bytes);
    free(follower->waiting);
    free(follower);
}
