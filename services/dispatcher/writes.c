/* SPDX-License-Identifier: Apache-2.0 */
/* What is written in a transaction. A delivery's own records go to the partition it was read from,
 * so that its tombstone meets it even where it had been put by another rule; a new hop goes to the
 * partition of its destination. */
#include "dispatcher.h"

#include "base/clock.h"
#include "base/text.h"
#include "base/uninitialized.h"
#include "directory/notice.h"
#include "move.h"

#include <string.h>

#define RESULTS_AT_ONCE 128 /* in a turn of the loop, which then has to look after its sends */

static enum verdict send_own(struct dispatcher *self, const struct delivery *delivery,
                             int32_t partition, const struct buffer *value, struct reason *reason)
{
    struct kafka_out out = {.topic = TOPIC_DELIVERIES,
                            .partition = partition,
                            .key = delivery->id,
                            .key_size = strlen(delivery->id),
                            .value = value ? value->data : NULL,
                            .value_size = value ? value->length : 0};
    return stream_send(self->stream, &out, reason);
}

static enum verdict send_event(struct dispatcher *self, const struct referral_event *event,
                               struct reason *reason)
{
    return event_send(self->stream, self->codec, self->contract, "dispatcher", event,
                      &self->scratch, reason);
}

_Static_assert(EVENT_EXCERPT_SIZE >= EXCERPT_SIZE && EVENT_ADDRESS_SIZE >= ADDRESS_SIZE,
               "what is told of an attempt is told whole");

/* The event of the job's attempt: times and result of when it happened. */
static enum verdict send_outcome(struct dispatcher *self, const struct delivery *delivery,
                                 const struct job *job, enum event_kind kind, const char *why,
                                 struct reason *reason)
{
    struct referral_event event;
    delivery_event(delivery, kind, job->fact_at_ms, &event);
    event.recorded_at_ms = clock_now_ms();
    (void)text_copy(event.reason, sizeof(event.reason), why);
    (void)text_copy(event.result, sizeof(event.result), delivery->last_result);
    if (job->last) {
        event.duration_ms = job->last->duration_ms;
        (void)text_copy(event.address, sizeof(event.address), job->last->address);
        (void)text_copy(event.excerpt, sizeof(event.excerpt), job->last->excerpt);
    }
    return send_event(self, &event, reason);
}

/* The Delivery as it stands now. */
static enum verdict write_record(struct dispatcher *self, struct delivery *delivery,
                                 struct job *job, struct reason *reason)
{
    delivery->intent = true;
    buffer_reset(&self->record);
    enum verdict verdict =
        delivery_encode(self->codec, self->contract, delivery, &self->record, reason);
    if (verdict == DONE)
        verdict = send_own(self, delivery, job->partition, &self->record, reason);
    if (verdict == DONE)
        deliver_wrote(job, self->record.data, self->record.length);
    return verdict;
}

static void note_moved(struct dispatcher *self, size_t row, const char *why)
{
    struct open_figures *open = &self->open;
    size_t i = 0;
    while (i < open->moved_count &&
           (open->moved[i].row != row || strcmp(open->moved[i].reason, why) != 0))
        i++;
    if (i == sizeof(open->moved) / sizeof(*open->moved))
        return;
    if (i == open->moved_count) {
        open->moved_count++;
        open->moved[i].row = row;
        open->moved[i].count = 0;
        (void)text_copy(open->moved[i].reason, sizeof(open->moved[i].reason), why);
    }
    open->moved[i].count++;
}

static enum verdict write_retry(struct dispatcher *self, struct delivery *delivery, struct job *job,
                                struct reason *reason)
{
    enum verdict verdict = write_record(self, delivery, job, reason);
    if (verdict != DONE || delivery->notice[0])
        return verdict;
    return send_outcome(self, delivery, job, EVENT_ATTEMPTED, "", reason);
}

/* How the telling of a return ended. */
static enum verdict write_noticed(struct dispatcher *self, const struct delivery *delivery,
                                  bool told, const char *result, int64_t now_ms,
                                  struct reason *reason)
{
    struct referral_event event;
    notice_event(delivery, told, result, now_ms, &event);
    note_moved(self, told ? METRIC_NOTICED : METRIC_HUMANS, result);
    return send_event(self, &event, reason);
}

static enum verdict write_delivered(struct dispatcher *self, const struct delivery *delivery,
                                    const struct job *job, struct reason *reason)
{
    enum verdict verdict = send_own(self, delivery, job->partition, NULL, reason);
    if (verdict == DONE && delivery->notice[0])
        return write_noticed(self, delivery, true, delivery->last_result, job->fact_at_ms, reason);
    if (verdict == DONE)
        verdict = send_outcome(self, delivery, job, EVENT_DELIVERED, "", reason);
    if (verdict != DONE)
        return verdict;
    if (self->open.delivered < DELIVERED_MS_MAX)
        self->open.delivered_ms[self->open.delivered] = job->fact_at_ms - delivery->accepted_at_ms;
    self->open.delivered++;
    return DONE;
}

static enum verdict write_next_hop(struct dispatcher *self, const struct move *move,
                                   const char *why, int64_t now_ms, struct reason *reason)
{
    struct referral_event event;
    enum verdict verdict = delivery_send(self->stream, self->codec, self->contract, &move->next,
                                         &self->scratch, reason);
    if (verdict != DONE)
        return verdict;
    delivery_event(&move->next, EVENT_ROUTED, now_ms, &event);
    (void)text_copy(event.reason, sizeof(event.reason), why);
    (void)text_copy(event.result, sizeof(event.result), move->how);
    event.explanation = move->explanation[0] ? move->explanation : NULL;
    note_moved(self, METRIC_REROUTED, why);
    return send_event(self, &event, reason);
}

/* And its referrer is told, by its own callback or by a person. */
static enum verdict write_returned(struct dispatcher *self, const struct delivery *delivery,
                                   const struct move *move, int64_t now_ms, struct reason *reason)
{
    struct referral_event event;
    struct delivery notice;
    note_moved(self, METRIC_RETURNED, move->reason);
    delivery_event(delivery, EVENT_RETURNED, now_ms, &event);
    (void)text_copy(event.reason, sizeof(event.reason), move->reason);
    (void)text_copy(event.result, sizeof(event.result), delivery->last_result);
    event.explanation = move->explanation[0] ? move->explanation : NULL;
    enum verdict verdict = send_event(self, &event, reason);
    if (verdict != DONE)
        return verdict;
    const enum notice_way way = notice_of(self->directory, delivery, move->reason, now_ms, &notice);
    if (way == NOTICE_BY_PERSON)
        return write_noticed(self, delivery, false, "no-callback", now_ms, reason);
    if (way == NOTICE_BY_NOBODY)
        return DONE;
    return delivery_send(self->stream, self->codec, self->contract, &notice, &self->scratch,
                         reason);
}

/* There is nobody else whom a notice could go to. */
static enum verdict write_notice_move(struct dispatcher *self, struct delivery *notice,
                                      struct job *job, int64_t now_ms, struct reason *reason)
{
    if (text_equal(job->why, "operator"))
        operations_count(self, notice->destination, notice->id,
                         job->must_move ? MOVE_RETURN : MOVE_STAY);
    if (!job->must_move)
        return deliver_stays(self->core, job, now_ms) ? write_retry(self, notice, job, reason)
                                                      : DONE;
    enum verdict verdict = send_own(self, notice, job->partition, NULL, reason);
    if (verdict != DONE)
        return verdict;
    return write_noticed(self, notice, false,
                         notice->last_result[0] ? notice->last_result : "not-sent", now_ms, reason);
}

static enum verdict write_move(struct dispatcher *self, struct delivery *delivery, struct job *job,
                               int64_t now_ms, struct reason *reason)
{
    static struct move move; /* large; one thread */
    struct reason ignored;
    struct record *referral = NULL;
    const struct route_world world = {self->pathways, self->directory, self->places};
    const char *why = job->why ? job->why : "";
    enum verdict read = codec_read(self->codec, delivery->payload, delivery->payload_size, NULL,
                                   &referral, &ignored);
    if (read != DONE)
        referral = NULL;
    move_on(&world, delivery, referral, why, job->must_move, now_ms, &move);
    if (read == TRY_AGAIN && !job->must_move)
        move.to = MOVE_STAY; /* the registry that knows the payload's schema may be back in time */
    if (strcmp(why, "operator") == 0)
        operations_count(self, delivery->destination, delivery->id, move.to);
    if (move.to == MOVE_STAY)
        return deliver_stays(self->core, job, now_ms) ? write_retry(self, delivery, job, reason)
                                                      : DONE;
    enum verdict verdict = send_own(self, delivery, job->partition, NULL, reason);
    if (verdict == DONE && job->attempted)
        verdict = send_outcome(self, delivery, job, EVENT_ATTEMPTED, "", reason);
    if (verdict != DONE)
        return verdict;
    if (move.to == MOVE_NEXT)
        return write_next_hop(self, &move, why, now_ms, reason);
    return write_returned(self, delivery, &move, now_ms, reason);
}

static enum verdict write_intents(struct dispatcher *self, const struct deliver_write *write,
                                  struct reason *reason)
{
    char key[INTENT_KEY_SIZE];
    struct buffer *list = &self->record;
    buffer_reset(list);
    if (!text_format(key, sizeof(key), INTENT_KEY "%d", write->partition) ||
        !buffer_append_text(list, INTENT_MARK) ||
        !buffer_append(list, write->ids, write->ids_count * sizeof(*write->ids))) {
        reason_set(reason, "no-memory", NULL, "a list of %zu intents can't be held",
                   write->ids_count);
        return TRY_AGAIN;
    }
    struct kafka_out out = {.topic = TOPIC_DELIVERIES,
                            .partition = write->partition,
                            .key = key,
                            .key_size = strlen(key),
                            .value = list->data,
                            .value_size = list->length};
    return stream_send(self->stream, &out, reason);
}

/* The patient's data is no longer held once it has arrived; if the transaction fails, what is left
 * is enough to write it anew. */
static void let_go(struct dispatcher *self, const struct delivery *delivery, struct job *job)
{
    buffer_reset(&self->record);
    if (delivery_without_payload(delivery, job->record, job->record_size, &self->record))
        deliver_keep_only(self->core, job, self->record.data, self->record.length);
}

static enum verdict carry_out(struct dispatcher *self, const struct deliver_write *write,
                              int64_t now_ms, struct reason *reason)
{
    struct delivery delivery UNINITIALIZED;
    struct job *job = write->job;
    if (write->fact == FACT_INTENT)
        return write_intents(self, write, reason);
    enum verdict verdict =
        delivery_decode_again(self->codec, job->record, job->record_size, &delivery, reason);
    if (verdict != DONE)
        return BROKEN; /* it was decoded when it came */
    delivery.attempts = job->attempts;
    delivery.next_attempt_at_ms = job->next_attempt_at_ms;
    if (job->status || job->error)
        classify_result(job->status, job->error, delivery.last_result);
    switch (write->fact) {
    case FACT_RETRY:
        return write_retry(self, &delivery, job, reason);
    case FACT_DELIVERED:
        verdict = write_delivered(self, &delivery, job, reason);
        if (verdict == DONE)
            let_go(self, &delivery, job);
        return verdict;
    default:
        if (delivery.notice[0])
            return write_notice_move(self, &delivery, job, now_ms, reason);
        return write_move(self, &delivery, job, now_ms, reason);
    }
}

static enum verdict write_fences(struct dispatcher *self, struct reason *reason)
{
    for (int32_t i = 0; self->fences_count && i < FENCES_MAX; i++) {
        struct fence *fence = &self->fences[i];
        if (!fence->nonce || fence->written)
            continue;
        char key[80];
        (void)text_format(key, sizeof(key), "fence/%s", self->settings.service.instance);
        struct kafka_out out = {.topic = TOPIC_DELIVERIES,
                                .partition = i,
                                .key = key,
                                .key_size = strlen(key),
                                .headers = {{"fence", &fence->nonce, sizeof(fence->nonce)}},
                                .headers_count = 1};
        enum verdict verdict = stream_send(self->stream, &out, reason);
        if (verdict != DONE)
            return verdict;
        fence->written = true;
        self->fences_open = true;
    }
    return DONE;
}

/* Kafka closes a segment only when something is appended after its time, and compacts closed ones
 * only: on a partition that fell silent what was delivered would stay for ever. A record that is
 * passed over like an old fence is appended to each. */
static enum verdict write_rolls(struct dispatcher *self, int64_t now_ms, struct reason *reason)
{
    const uint64_t none = 0;
    const struct kafka_out roll = {.topic = TOPIC_DELIVERIES,
                                   .key = ROLL_KEY,
                                   .key_size = strlen(ROLL_KEY),
                                   .headers = {{"fence", &none, sizeof(none)}},
                                   .headers_count = 1};
    if (!self->partitions_count || !roll_due(&self->roll, now_ms, self->settings.roll_interval_ms))
        return DONE;
    enum verdict verdict = DONE;
    for (int32_t i = 0; verdict == DONE && i < FENCES_MAX; i++) {
        struct kafka_out out = roll;
        out.partition = i;
        if (self->fences[i].ours)
            verdict = stream_send(self->stream, &out, reason);
    }
    return verdict;
}

enum verdict writes_tick(void *context, int64_t now_ms, struct reason *reason)
{
    struct dispatcher *self = context;
    struct deliver_write write;
    self->commit_began_ms = clock_monotonic_ms();
    enum verdict verdict = write_fences(self, reason);
    if (verdict == DONE)
        verdict = write_rolls(self, now_ms, reason);
    deliver_tick(self->core, now_ms);
    if (verdict == DONE)
        verdict = operations_tick(self, now_ms, reason);
    while (verdict == DONE && deliver_next_write(self->core, now_ms, &write))
        verdict = carry_out(self, &write, now_ms, reason);
    if (verdict == DONE)
        verdict = operations_note(self, now_ms, reason);
    if (verdict != DONE)
        writes_aborted(self);
    return verdict;
}

enum verdict writes_results(void *context, int64_t now_ms, struct reason *reason)
{
    struct dispatcher *self = context;
    struct deliver_write write;
    enum verdict verdict = DONE;
    for (int i = 0; verdict == DONE && i < RESULTS_AT_ONCE; i++) {
        if (!deliver_next_result(self->core, &write))
            break;
        verdict = carry_out(self, &write, now_ms, reason);
    }
    if (verdict != DONE)
        writes_aborted(self);
    return verdict;
}

void writes_committed(void *context)
{
    struct dispatcher *self = context;
    deliver_committed(self->core, clock_now_ms());
    operations_committed(self);
    roll_committed(&self->roll);
    self->committed_at_ms = clock_monotonic_ms();
    const int64_t took_ms = self->committed_at_ms - self->commit_began_ms;
    self->commit_took_ms = (3 * self->commit_took_ms + took_ms) / 4;
    if (self->commit_took_ms < took_ms)
        self->commit_took_ms = took_ms;
    self->fences_open = false;
    if (self->open.delivered)
        metrics_add(self->metrics, METRIC_DELIVERED, NULL, (double)self->open.delivered);
    for (size_t i = 0; i < self->open.delivered && i < DELIVERED_MS_MAX; i++)
        metrics_observe(self->metrics, METRIC_SECONDS, NULL,
                        (double)self->open.delivered_ms[i] / 1000.0);
    for (size_t i = 0; i < self->open.moved_count; i++)
        metrics_add(self->metrics, self->open.moved[i].row, self->open.moved[i].reason,
                    (double)self->open.moved[i].count);
    self->open.delivered = self->open.moved_count = 0;
}

void writes_aborted(void *context)
{
    struct dispatcher *self = context;
    deliver_aborted(self->core);
    operations_aborted(self);
    roll_aborted(&self->roll);
    if (self->fences_open)
        for (size_t i = 0; i < FENCES_MAX; i++)
            self->fences[i].written = false; /* those committed earlier come once more: harmless */
    self->fences_open = false;
    self->open.delivered = self->open.moved_count = 0;
}
