/* SPDX-License-Identifier: Apache-2.0 */
/* A compacted topic may still hold several records of a key; they come in their order, so the last
 * one stays. Tombstones are nobody's, and records of other keys that cannot be read are passed over
 * and counted: refusing to start would stop all counting for one bad record that this service never
 * wrote. */
#include "restore.h"

#include "base/calendar.h"
#include "base/clock.h"

#define RESTORE_SILENCE_MS 15000

static bool is_day(const struct volume *volume, int64_t day)
{
    struct date date;
    return date_parse(volume->period, &date) && date_to_days(date) == day;
}

static enum verdict take_record(struct codec *codec, struct window *window, const int64_t *only_day,
                                const struct kafka_message *message, struct restore_result *result,
                                struct reason *reason)
{
    if (!message->value)
        return DONE;
    result->records++;
    struct volume volume;
    enum verdict verdict =
        volume_decode(codec, message->value, message->value_size, &volume, reason);
    if (verdict == DONE && only_day && !is_day(&volume, *only_day))
        return DONE;
    if (verdict == DONE)
        verdict = window_restore(window, &volume, reason);
    if (verdict != REFUSED)
        return verdict;
    result->unreadable++;
    return DONE;
}

enum verdict restore_window(const struct kafka_settings *settings, struct codec *codec,
                            struct window *window, const int64_t *only_day,
                            struct restore_result *ret_result, struct reason *reason)
{
    static const char *const topics[] = {TOPIC_VOLUMES_DAILY};
    struct kafka_reader *reader = kafka_reader_open(settings, topics, 1, reason);
    if (!reader)
        return TRY_AGAIN;
    struct restore_result result = {0};
    enum verdict verdict = DONE;
    int64_t heard_ms = clock_monotonic_ms();
    while (verdict == DONE && !kafka_reader_at_end(reader)) {
        const struct kafka_message *message = NULL;
        verdict = kafka_reader_next(reader, 100, &message, reason);
        if (verdict == DONE && message) {
            heard_ms = clock_monotonic_ms();
            verdict = take_record(codec, window, only_day, message, &result, reason);
        } else if (verdict == DONE && clock_monotonic_ms() - heard_ms > RESTORE_SILENCE_MS) {
            reason_set(reason, "restore-silent", NULL, "%s: no record for %d s, and not at its end",
                       TOPIC_VOLUMES_DAILY, RESTORE_SILENCE_MS / 1000);
            verdict = TRY_AGAIN;
        }
    }
    kafka_reader_close(reader);
    if (verdict == DONE)
        *ret_result = result;
    return verdict;
}
