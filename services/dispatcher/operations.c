/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an operation. What it does in memory is done once, and not undone by an abort: only
 * its answer is written again then. A look is made anew each time, since it changes nothing. */
#include "dispatcher.h"

#include "base/log.h"
#include "base/text.h"

#include <string.h>

#define TELL_INTERVAL_MS 1000
#define TELL_AGAIN_MS 5000 /* nothing is new, but it goes on */

static struct operation *find(struct dispatcher *self, const char *id, int32_t partition)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &self->operations[i];
        if (operation->stage != OPERATION_NONE && operation->said.partition == partition &&
            strcmp(operation->said.id, id) == 0)
            return operation;
    }
    return NULL;
}

static struct operation *free_place(struct dispatcher *self)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++)
        if (self->operations[i].stage == OPERATION_NONE)
            return &self->operations[i];
    return NULL;
}

static bool is_sound(const struct delivery_operation *said, enum operation_kind *ret_kind)
{
    struct uuid id;
    return operation_kind_parse(said->kind, ret_kind) && uuid_parse(said->id, &id) &&
           (!said->delivery_id[0] || uuid_parse(said->delivery_id, &id)) &&
           (*ret_kind == OPERATION_LOOK || said->destination[0]);
}

static bool has_begun(const struct delivery_operation *said)
{
    return strcmp(said->stage, "going") == 0;
}

enum verdict operations_seen(struct dispatcher *self, const struct kafka_message *message,
                             struct reason *reason)
{
    const size_t prefix = strlen(OPERATION_KEY);
    char id[UUID_TEXT_SIZE];
    if (!text_copy_bytes(id, sizeof(id), (const char *)message->key + prefix,
                         message->key_size - prefix)) {
        reason_set(reason, "bad-key", NULL, "the key of an operation is not its id");
        return REFUSED;
    }
    struct operation *operation = find(self, id, message->partition);
    if (!message->value) {
        if (operation)
            *operation = (struct operation){0};
        return DONE;
    }
    if (operation && operation->stage != OPERATION_NEW) /* what we have noted ourselves */
        return DONE;
    struct operation new = {.stage = OPERATION_NEW, .noted = -1};
    enum verdict verdict =
        operation_decode(self->codec, message->value, message->value_size, &new.said, reason);
    if (verdict != DONE)
        return verdict;
    if (!is_sound(&new.said, &new.kind) || strcmp(new.said.id, id) != 0) {
        reason_set(reason, "bad-operation", NULL, "not an operation, or under another's key");
        return REFUSED;
    }
    new.said.partition = message->partition;
    if (!has_begun(&new.said))                        /* a note keeps what stood there */
        new.said.asked_at_ms = message->timestamp_ms; /* the broker's clock, not the operator's */
    if (!operation)
        operation = free_place(self);
    if (operation)
        *operation = new;
    else
        log_fact(LOG_LEVEL_WARNING, "operation-left", "operation", id, "detail", "too many at once",
                 NULL);
    return DONE;
}

void operations_forget(struct dispatcher *self, int32_t partition)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++)
        if (self->operations[i].said.partition == partition)
            self->operations[i] = (struct operation){0};
}

/* ---- looking */

static bool add_word(char *text, size_t size, bool holds, const char *word)
{
    const size_t used = strlen(text);
    return !holds || text_format(text + used, size - used, "%s%s", used ? " " : "", word);
}

static int32_t number_of(int64_t value)
{
    return value < 0 ? 0 : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

static enum verdict tell_state(struct dispatcher *self, const struct operation *operation,
                               const struct deliver_destination *seen, int64_t now_ms,
                               struct reason *reason)
{
    struct destination_state state = {.at_ms = now_ms,
                                      .held = number_of((int64_t)seen->held),
                                      .ready = number_of((int64_t)seen->ready),
                                      .waiting = number_of((int64_t)seen->waiting),
                                      .in_flight = number_of((int64_t)seen->in_flight),
                                      .window = seen->window,
                                      .mean_ms = number_of(seen->mean_ms),
                                      .left = number_of((int64_t)seen->left),
                                      .probe_at_ms = seen->probe_at_ms,
                                      .quiet_until_ms =
                                          seen->quiet_until_ms > now_ms ? seen->quiet_until_ms : 0};
    const bool whole =
        add_word(state.state, sizeof(state.state), !seen->usable, "unusable") &&
        add_word(state.state, sizeof(state.state), seen->retired, "gone") &&
        add_word(state.state, sizeof(state.state), seen->open, "broken") &&
        add_word(state.state, sizeof(state.state), seen->host_open, "host-broken") &&
        add_word(state.state, sizeof(state.state), state.quiet_until_ms, "quiet") &&
        add_word(state.state, sizeof(state.state), seen->slow, "slow") &&
        text_copy(state.operation_id, sizeof(state.operation_id), operation->said.id) &&
        text_copy(state.destination, sizeof(state.destination), seen->code);
    (void)text_copy(state.instance, sizeof(state.instance), self->settings.service.instance);
    if (!whole || (!state.held && !state.left && !state.state[0]))
        return DONE;
    buffer_reset(&self->scratch);
    enum verdict verdict =
        destination_state_encode(self->codec, self->contract, &state, &self->scratch, reason);
    const struct kafka_out out = {.topic = TOPIC_STATES,
                                  .partition = KAFKA_BY_KEY,
                                  .key = state.destination,
                                  .key_size = strlen(state.destination),
                                  .value = self->scratch.data,
                                  .value_size = self->scratch.length};
    return verdict == DONE ? stream_send(self->stream, &out, reason) : verdict;
}

/* One look asks all partitions; whoever owns several of them tells what it sees once. */
static bool told_already(const struct dispatcher *self, const struct operation *operation)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++) {
        const struct operation *other = &self->operations[i];
        if (other != operation && (other->open || other->stage == OPERATION_ANSWERED) &&
            strcmp(other->said.id, operation->said.id) == 0)
            return true;
    }
    return false;
}

static enum verdict look(struct dispatcher *self, struct operation *operation, int64_t now_ms,
                         struct reason *reason)
{
    struct deliver_destination seen;
    enum verdict verdict = DONE;
    size_t cursor = 0;
    if (told_already(self, operation))
        return DONE;
    if (operation->said.destination[0])
        return deliver_look(self->core, operation->said.destination, &seen)
                   ? tell_state(self, operation, &seen, now_ms, reason)
                   : DONE;
    while (verdict == DONE && deliver_next_destination(self->core, &cursor, &seen))
        verdict = tell_state(self, operation, &seen, now_ms, reason);
    return verdict;
}

/* ---- doing */

static size_t act(struct dispatcher *self, const struct operation *operation, int64_t now_ms)
{
    const struct delivery_operation *said = &operation->said;
    struct uuid id;
    const bool one = said->delivery_id[0] && uuid_parse(said->delivery_id, &id);
    switch (operation->kind) {
    case OPERATION_RELEASE:
        return deliver_release(self->core, said->destination, now_ms);
    case OPERATION_RETRY:
        return one ? deliver_retry_now(self->core, &id, now_ms)
                   : deliver_retry_all(self->core, said->destination, now_ms);
    case OPERATION_REROUTE:
        return one ? deliver_reroute(self->core, &id, now_ms)
                   : deliver_reroute_all(self->core, said->destination, now_ms);
    case OPERATION_LOOK:
        break;
    }
    return 0;
}

/* Its record as it stands now, in `scratch`. */
static enum verdict encode(struct dispatcher *self, const struct operation *operation,
                           const char *stage, int64_t now_ms, struct reason *reason)
{
    struct deliver_destination seen;
    struct delivery_operation record = operation->said;
    (void)text_copy(record.stage, sizeof(record.stage), stage);
    (void)text_copy(record.answered_by, sizeof(record.answered_by),
                    self->settings.service.instance);
    if (record.destination[0] && deliver_look(self->core, record.destination, &seen)) {
        record.held = number_of((int64_t)seen.held);
        record.left = number_of((int64_t)seen.left);
    }
    record.moved += operation->open_moved;
    record.returned += operation->open_returned;
    record.answered_at_ms = now_ms;
    buffer_reset(&self->scratch);
    return operation_encode(self->codec, self->contract, &record, &self->scratch, reason);
}

static enum verdict tell(struct dispatcher *self, const struct operation *operation,
                         const char *stage, int64_t now_ms, struct reason *reason)
{
    enum verdict verdict = encode(self, operation, stage, now_ms, reason);
    const bool changes = operation->kind != OPERATION_LOOK;
    const struct kafka_out out = {.topic = changes ? TOPIC_OPERATIONS : TOPIC_STATES,
                                  .partition = KAFKA_BY_KEY,
                                  .key = operation->said.id,
                                  .key_size = strlen(operation->said.id),
                                  .value = self->scratch.data,
                                  .value_size = self->scratch.length};
    return verdict == DONE ? stream_send(self->stream, &out, reason) : verdict;
}

/* Beside the deliveries that it is about; `value` NULL = its tombstone. */
static enum verdict put(struct dispatcher *self, const struct operation *operation,
                        const struct buffer *value, struct reason *reason)
{
    char key[OPERATION_KEY_SIZE];
    operation_key(&operation->said, key);
    const struct kafka_out out = {.topic = TOPIC_DELIVERIES,
                                  .partition = operation->said.partition,
                                  .key = key,
                                  .key_size = strlen(key),
                                  .value = value ? value->data : NULL,
                                  .value_size = value ? value->length : 0};
    return stream_send(self->stream, &out, reason);
}

static enum verdict answer(struct dispatcher *self, struct operation *operation, int64_t now_ms,
                           struct reason *reason)
{
    const bool expired = strcmp(operation->said.stage, "expired") == 0;
    enum verdict verdict = tell(self, operation, expired ? "expired" : "done", now_ms, reason);
    if (verdict == DONE)
        verdict = put(self, operation, NULL, reason);
    operation->open = verdict == DONE;
    return verdict;
}

/* Of those that it asked to be re-routed, how many are decided, and committed. */
static int32_t decided_of(const struct delivery_operation *said)
{
    return said->moved + said->returned + said->stayed;
}

static bool undecided(const struct dispatcher *self, const struct operation *operation)
{
    struct deliver_destination seen;
    const bool takes_time =
        operation->kind == OPERATION_REROUTE
            ? decided_of(&operation->said) < operation->said.touched
            : operation->kind == OPERATION_RETRY && operation->said.delivery_id[0];
    return takes_time && deliver_look(self->core, operation->said.destination, &seen) && seen.asked;
}

static enum verdict go_on(struct dispatcher *self, struct operation *operation, int64_t now_ms,
                          struct reason *reason)
{
    struct delivery_operation *said = &operation->said;
    if (operation->stage == OPERATION_NEW && !has_begun(said) &&
        now_ms - said->asked_at_ms > self->settings.operation_valid_ms) {
        (void)text_copy(said->stage, sizeof(said->stage), "expired");
        operation->stage = OPERATION_BEGUN;
    }
    if (operation->stage == OPERATION_NEW && operation->kind == OPERATION_LOOK) {
        enum verdict verdict = look(self, operation, now_ms, reason);
        return verdict == DONE ? answer(self, operation, now_ms, reason) : verdict;
    }
    if (operation->stage == OPERATION_NEW) {
        said->stayed = 0; /* they are asked for anew */
        said->touched =
            said->moved + said->returned + number_of((int64_t)act(self, operation, now_ms));
        operation->stage = OPERATION_BEGUN;
        operation->told_at_ms = now_ms;
    }
    if (!undecided(self, operation))
        return answer(self, operation, now_ms, reason);
    const int32_t decided = decided_of(said);
    if (now_ms - operation->told_at_ms <
        (decided == operation->told ? TELL_AGAIN_MS : TELL_INTERVAL_MS))
        return DONE;
    operation->told = decided;
    operation->told_at_ms = now_ms;
    return tell(self, operation, "going", now_ms, reason);
}

enum verdict operations_tick(struct dispatcher *self, int64_t now_ms, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t i = 0; verdict == DONE && i < OPERATIONS_MAX && !self->drain_by_ms; i++) {
        struct operation *operation = &self->operations[i];
        const bool to_do = operation->stage == OPERATION_NEW || operation->stage == OPERATION_BEGUN;
        const struct fence *fence = &self->fences[operation->said.partition];
        /* A partition that is being read may hold the tombstone, too; that of what we have begun
         * is ours to write. */
        const bool known = !fence->nonce || (fence->again && operation->stage == OPERATION_BEGUN);
        if (to_do && known && !operation->open)
            verdict = go_on(self, operation, now_ms, reason);
    }
    return verdict;
}

enum verdict operations_note(struct dispatcher *self, int64_t now_ms, struct reason *reason)
{
    enum verdict verdict = DONE;
    for (size_t i = 0; verdict == DONE && i < OPERATIONS_MAX; i++) {
        struct operation *operation = &self->operations[i];
        const int32_t ended = operation->said.moved + operation->said.returned +
                              operation->open_moved + operation->open_returned;
        if (operation->stage != OPERATION_BEGUN || operation->open || operation->noted == ended)
            continue;
        verdict = encode(self, operation, "going", now_ms, reason);
        if (verdict == DONE)
            verdict = put(self, operation, &self->scratch, reason);
        operation->noted = ended;
    }
    return verdict;
}

/* Each delivery is asked for once, by whoever asked first. So of several operations on one
 * destination none gets more counted than it touched: first who asked for that very delivery. */
static struct operation *asker_of(struct dispatcher *self, const char *destination, const char *id)
{
    struct operation *first = NULL;
    for (size_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &self->operations[i];
        const struct delivery_operation *said = &operation->said;
        if (operation->kind != OPERATION_REROUTE || operation->stage != OPERATION_BEGUN ||
            operation->open || strcmp(said->destination, destination) != 0 ||
            decided_of(said) + operation->open_moved + operation->open_returned >= said->touched)
            continue;
        if (strcmp(said->delivery_id, id) == 0)
            return operation;
        if (!said->delivery_id[0] && (!first || said->asked_at_ms < first->said.asked_at_ms))
            first = operation;
    }
    return first;
}

void operations_count(struct dispatcher *self, const char *destination, const char *id,
                      enum move_to to)
{
    struct operation *operation = asker_of(self, destination, id);
    if (!operation)
        return;
    operation->open_moved += to == MOVE_NEXT;
    operation->open_returned += to == MOVE_RETURN;
    operation->said.stayed += to == MOVE_STAY; /* which is decided at once, and not written */
}

static void log_answered(const struct delivery_operation *said)
{
    char touched[12];
    (void)text_format(touched, sizeof(touched), "%d", said->touched);
    log_fact(LOG_LEVEL_INFO, "operation", "operation", said->id, "kind", said->kind, "destination",
             said->destination, "by", said->asked_by, "touched", touched, NULL);
}

void operations_committed(struct dispatcher *self)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &self->operations[i];
        operation->said.moved += operation->open_moved;
        operation->said.returned += operation->open_returned;
        operation->open_moved = operation->open_returned = 0;
        if (!operation->open)
            continue;
        operation->open = false;
        operation->stage = OPERATION_ANSWERED;
        if (operation->kind != OPERATION_LOOK)
            log_answered(&operation->said);
    }
}

void operations_aborted(struct dispatcher *self)
{
    for (size_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &self->operations[i];
        operation->open_moved = operation->open_returned = 0;
        operation->noted = -1;
        operation->open = false;
    }
}
