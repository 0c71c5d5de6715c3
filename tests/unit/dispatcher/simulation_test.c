// SPDX-License-Identifier: Apache-2.0
// The core in a simulated world: a log with partitions and transactions that abort, providers of
// every temper, crashes in the middle of sends, rebalances, a virtual clock; everything from one
// seed. The promises are checked at every commit: each referral is in exactly one place, ends
// exactly once and before its deadline, and a provider that gets something twice is told so.
// SIMULATION_SEED=n replays one seed.
#include "deliver.h"
#include "base/random.h"
#include "base/text.h"
#include "ids/formats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PARTITIONS 4
#define DESTINATIONS 16
#define REFERRALS 120
#define LOG_MAX 60000
#define FLIGHTS_MAX 64
#define SEEDS 60
#define HOPS_MAX 6
#define CATCH_UP_MS 5000
#define HOST_SIZE 4 /* destinations */

enum temper { HEALTHY, SLOW, DEAD, FLAPPING, BUSY, REFUSING, GONE, REDIRECTING, TEMPERS };

struct place { /* a Delivery, as bytes on the log */
    uint8_t id[16];
    int32_t referral, hop, destination, attempts;
    int32_t intent;
    uint32_t tried; /* bits */
    int64_t created_at, deadline_at, next_attempt_at;
};

#define INTENTS_MAX REFERRALS

struct entry {
    uint8_t id[16];
    bool tombstone;
    struct place place;
    struct uuid *intents; /* a list of intents instead of a place */
    size_t intents_count;
};

struct partition_log {
    struct entry *entries;
    int64_t count;
    int64_t read_to, restore_to;
    bool assigned, restoring;
};

struct referral {
    int places; /* deliveries on the log without a tombstone */
    int finals;
    int64_t deadline_at;
    uint32_t has_it; /* destinations that answered 2xx, or may have: bits */
    bool returned;
};

struct air {
    bool used, counts;
    uint32_t flight;
    int64_t ends_at;
    struct answer answer;
    char retry_after[24];
};

struct world {
    uint64_t seed;
    struct random random;
    struct deliverer *core;
    int64_t now;
    int64_t restored_at; /* some partition, last */
    struct partition_log logs[PARTITIONS];
    struct entry transaction[LOG_MAX / 10];
    int32_t transaction_partition[LOG_MAX / 10];
    int finals[LOG_MAX / 10]; /* referral, or -1 - referral for a return */
    size_t transaction_count, finals_count;
    struct referral referrals[REFERRALS];
    enum temper tempers[DESTINATIONS];
    bool paused[DESTINATIONS];
    struct air air[FLIGHTS_MAX];
    int created;
    int attempts_dead, crashes, aborts;
    bool intent;
    size_t pending_max;
    long read_again, left;
};

#define CHECK(world, condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("seed %lu at %ld: %s", (unsigned long)(world)->seed, (long)(world)->now,      \
                     #condition);                                                                  \
    } while (0)

static void endpoint(void *self, const char *destination, struct endpoint_state *ret_state)
{
    const struct world *world = self;
    ret_state->usable = !world->paused[strtol(destination + 1, NULL, 10)];
    ret_state->hash = 1;
    ret_state->host = 1 + (uint64_t)strtol(destination + 1, NULL, 10) / HOST_SIZE;
}

static bool chance(struct world *world, uint64_t one_in)
{
    return random_below(&world->random, one_in) == 0;
}

static void id_of(int32_t referral, int32_t hop, uint8_t id[16])
{
    memset(id, 0, 16);
    memcpy(id, &referral, sizeof(referral));
    memcpy(id + 4, &hop, sizeof(hop));
}

static void begin_core(struct world *world)
{
    struct deliver_options options = {.pending_max = world->pending_max,
                                      .in_flight_max = 16,
                                      .intent = world->intent,
                                      .attempt_timeout_ms = 30000,
                                      .probe_first_ms = 15000,
                                      .probe_most_ms = 300000,
                                      .seed = random_next(&world->random),
                                      .self = world,
                                      .endpoint = endpoint};
    world->core = deliver_new(&options);
    CHECK(world, world->core);
}

static void assign(struct world *world, int32_t number)
{
    struct partition_log *log = &world->logs[number];
    CHECK(world, deliver_assigned(world->core, number));
    log->read_to = 0;
    log->restore_to = log->count;
    log->assigned = log->restoring = true;
}

static void put(struct world *world, const struct place *place, bool tombstone)
{
    CHECK(world, world->transaction_count < LOG_MAX / 10);
    struct entry *entry = &world->transaction[world->transaction_count];
    *entry = (struct entry){.tombstone = tombstone, .place = *place};
    memcpy(entry->id, place->id, 16);
    world->transaction_partition[world->transaction_count++] = place->destination % PARTITIONS;
}

static void put_intents(struct world *world, const struct deliver_write *write)
{
    CHECK(world, world->transaction_count < LOG_MAX / 10);
    CHECK(world, write->ids_count > 0 && write->ids_count <= INTENTS_MAX);
    struct uuid *copy = malloc(write->ids_count * sizeof(*copy));
    CHECK(world, copy);
    memcpy(copy, write->ids, write->ids_count * sizeof(*copy));
    world->transaction[world->transaction_count] =
        (struct entry){.intents = copy, .intents_count = write->ids_count};
    world->transaction_partition[world->transaction_count++] = write->partition;
}

static void abandon(struct world *world)
{
    for (size_t i = 0; i < world->transaction_count; i++)
        free(world->transaction[i].intents);
    world->transaction_count = world->finals_count = 0;
}

static void commit(struct world *world)
{
    for (size_t i = 0; i < world->transaction_count; i++) {
        struct partition_log *log = &world->logs[world->transaction_partition[i]];
        const struct entry *entry = &world->transaction[i];
        struct referral *referral = &world->referrals[entry->place.referral];
        if (entry->intents) {
            CHECK(world, log->count < LOG_MAX);
            log->entries[log->count++] = *entry;
            continue;
        }
        bool first = entry->place.attempts == 0 && !entry->place.intent;
        CHECK(world, log->count < LOG_MAX);
        log->entries[log->count++] = *entry;
        referral->places += entry->tombstone ? -1 : first ? 1 : 0;
    }
    for (size_t i = 0; i < world->finals_count; i++) {
        int number = world->finals[i] < 0 ? -1 - world->finals[i] : world->finals[i];
        world->referrals[number].finals++;
        world->referrals[number].returned |= world->finals[i] < 0;
        /* A deadline that falls into a restore is met as soon as the restore has ended. */
        CHECK(world, world->now <= world->referrals[number].deadline_at ||
                         world->now <= world->restored_at + CATCH_UP_MS);
    }
    world->transaction_count = world->finals_count = 0;
    for (int i = 0; i < world->created; i++) /* in one place, or ended: never both, never neither */
        CHECK(world, world->referrals[i].places + world->referrals[i].finals == 1);
}

/* The next provider: by turns, never one tried or paused; some referrals have few to choose from.
 */
static int32_t choose(struct world *world, const struct place *place)
{
    int choices = 1 + place->referral % HOPS_MAX;
    for (int i = 0; i < choices; i++) {
        int32_t next = (place->referral * 7 + i * 5) % DESTINATIONS;
        if (!(place->tried & (1U << next)) && !world->paused[next])
            return next;
    }
    return -1;
}

static void write_move(struct world *world, struct deliver_write *write, struct place *place)
{
    struct place next = *place;
    next.tried |= 1U << place->destination;
    next.destination = choose(world, &next);
    if (next.destination < 0 && !write->job->must_move) {
        if (deliver_stays(world->core, write->job, world->now)) {
            put(world, place, false);
            deliver_wrote(write->job, place, sizeof(*place));
        }
        return;
    }
    put(world, place, true);
    if (next.destination < 0 || next.hop + 1 >= HOPS_MAX || next.deadline_at - world->now < 3000) {
        world->finals[world->finals_count++] = -1 - place->referral;
        return;
    }
    next.hop++;
    id_of(next.referral, next.hop, next.id);
    next.attempts = next.intent = 0;
    next.created_at = next.next_attempt_at = world->now;
    put(world, &next, false);
}

static void write_all(struct world *world)
{
    struct deliver_write write;
    while (deliver_next_write(world->core, world->now, &write)) {
        if (write.fact == FACT_INTENT) {
            put_intents(world, &write);
            continue;
        }
        struct place place;
        CHECK(world, write.job->record_size == sizeof(place));
        memcpy(&place, write.job->record, sizeof(place));
        place.attempts = write.job->attempts;
        place.intent = 1;
        place.next_attempt_at = write.job->next_attempt_at_ms;
        if (write.fact == FACT_MOVE) {
            write_move(world, &write, &place);
        } else if (write.fact == FACT_DELIVERED) {
            put(world, &place, true);
            world->finals[world->finals_count++] = place.referral;
        } else {
            put(world, &place, false);
            deliver_wrote(write.job, &place, sizeof(place));
        }
    }
    if (chance(world, 12)) {
        world->aborts++;
        abandon(world);
        deliver_aborted(world->core);
        for (int32_t i = 0; i < PARTITIONS; i++) /* the input is rewound: some of it comes again */
            if (world->logs[i].read_to > 0)
                world->logs[i].read_to -=
                    (int64_t)random_below(&world->random, (uint64_t)world->logs[i].read_to + 1);
        return;
    }
    commit(world);
    deliver_committed(world->core, world->now);
}

static void read_entry(struct world *world, int32_t number, int64_t offset)
{
    const struct entry *entry = &world->logs[number].entries[offset];
    struct uuid id;
    memcpy(id.bytes, entry->id, sizeof(id.bytes));
    if (!deliver_is_new(world->core, number, offset))
        return;
    if (entry->intents) {
        CHECK(world, deliver_intents_seen(world->core, number, offset, entry->intents,
                                          entry->intents_count) == DONE);
        return;
    }
    if (entry->tombstone) {
        deliver_tombstone_seen(world->core, number, offset, &id, world->now);
        return;
    }
    if (deliver_echo_seen(world->core, number, offset, &id, &entry->place, sizeof(entry->place)))
        return;
    char code[ODS_CODE_SIZE];
    (void)text_format(code, sizeof(code), "D%d", entry->place.destination);
    struct deliver_record record = {.id = id,
                                    .destination = code,
                                    .created_at_ms = entry->place.created_at,
                                    .deadline_at_ms = entry->place.deadline_at,
                                    .next_attempt_at_ms = entry->place.next_attempt_at,
                                    .attempts = entry->place.attempts,
                                    .intent = entry->place.intent,
                                    .retry_first_ms = 5000,
                                    .retry_most_ms = 300000,
                                    .bytes = &entry->place,
                                    .size = sizeof(entry->place)};
    CHECK(world, deliver_record_seen(world->core, number, offset, &record, world->now) == DONE);
}

/* What there was no room for. */
static void read_again(struct world *world)
{
    int32_t number;
    int64_t offset;
    struct deliver_counts counts;
    deliver_count(world->core, &counts);
    CHECK(world, counts.pending <= world->pending_max + world->pending_max / 4);
    if ((long)counts.left > world->left)
        world->left = (long)counts.left;
    while (deliver_next_read_again(world->core, world->now, &number, &offset)) {
        struct partition_log *log = &world->logs[number];
        CHECK(world, log->assigned && !log->restoring && offset < log->count);
        log->read_to = offset;
        log->restore_to = log->count;
        log->restoring = true;
        world->read_again++;
    }
}

static void read_some(struct world *world)
{
    read_again(world);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct partition_log *log = &world->logs[i];
        if (!log->assigned)
            continue;
        for (uint64_t n = random_below(&world->random, 60); n && log->read_to < log->count; n--)
            read_entry(world, i, log->read_to++);
        if (log->restoring && log->read_to >= log->restore_to) {
            log->restoring = false;
            world->restored_at = world->now;
            deliver_restored(world->core, i, world->now);
        }
    }
}

/* What the provider does with the request, and what is heard of it. */
static void answer_of(struct world *world, enum temper temper, struct air *air, int64_t timeout_ms,
                      bool *ret_has)
{
    struct random *random = &world->random;
    int64_t wait = 5 + (int64_t)random_below(random, 200);
    *ret_has = false;
    if (temper == FLAPPING)
        temper = (world->now / 240000) % 2 ? DEAD : HEALTHY;
    air->answer = (struct answer){.status = 200};
    switch (temper) {
    case SLOW:
        wait = (int64_t)random_below(random, 45000);
        *ret_has = true;
        break;
    case DEAD:
        air->answer = (struct answer){.error = "timeout"};
        wait = chance(world, 2) ? timeout_ms : 1;
        world->attempts_dead++;
        break;
    case BUSY:
        if (chance(world, 3)) {
            *ret_has = true;
            break;
        }
        (void)text_format(air->retry_after, sizeof(air->retry_after), "%d",
                          (int)random_below(random, 400));
        air->answer = (struct answer){.status = 429, .retry_after = air->retry_after};
        break;
    case REFUSING:
        air->answer.status = 404;
        break;
    case GONE:
        air->answer.status = 410;
        break;
    case REDIRECTING:
        air->answer.status = 302;
        break;
    default:
        *ret_has = true;
        if (chance(world, 20))
            air->answer = (struct answer){.error = "connection-lost"}; /* taken, but unheard */
        break;
    }
    if (wait >= timeout_ms) {
        wait = timeout_ms;
        air->answer = (struct answer){.error = "timeout"};
    }
    air->ends_at = world->now + wait;
}

/* The last host is away as a whole in every other quarter of an hour. */
static enum temper temper_of(const struct world *world, int32_t destination)
{
    bool away =
        destination / HOST_SIZE == DESTINATIONS / HOST_SIZE - 1 && (world->now / 900000) % 2;
    return away ? DEAD : world->tempers[destination];
}

static void send_all(struct world *world)
{
    struct deliver_send send;
    while (deliver_next_send(world->core, world->now, &send)) {
        struct air *air = world->air;
        while (air->used)
            air++;
        struct place place;
        memcpy(&place, send.job->record, sizeof(place));
        bool has = false;
        *air = (struct air){.used = true, .flight = send.flight};
        answer_of(world, temper_of(world, place.destination), air, send.timeout_ms, &has);
        struct referral *referral = &world->referrals[place.referral];
        CHECK(world, !referral->returned);
        CHECK(world, world->now < place.deadline_at);
        CHECK(world, air->ends_at <= place.deadline_at);
        if (referral->has_it & (1U << place.destination))
            CHECK(world, send.possible_duplicate);
        if (has)
            referral->has_it |= 1U << place.destination;
    }
}

static void hear_answers(struct world *world)
{
    for (size_t i = 0; i < FLIGHTS_MAX; i++) {
        struct air *air = &world->air[i];
        if (air->used && air->ends_at <= world->now) {
            air->used = false;
            deliver_answered(world->core, air->flight, &air->answer, world->now);
        }
    }
}

static void misfortune(struct world *world)
{
    if (chance(world, 1500)) { /* kill -9 in the middle of everything */
        world->crashes++;
        deliver_free(world->core);
        memset(world->air, 0, sizeof(world->air));
        abandon(world);
        begin_core(world);
        for (int32_t i = 0; i < PARTITIONS; i++)
            assign(world, i);
    }
    if (chance(world, 800)) { /* a partition goes away and comes back */
        int32_t number = (int32_t)random_below(&world->random, PARTITIONS);
        deliver_revoked(world->core, number);
        assign(world, number);
    }
    if (chance(world, 500)) {
        bool *paused = &world->paused[random_below(&world->random, DESTINATIONS)];
        *paused = !*paused;
        deliver_directory_changed(world->core, world->now);
    }
}

static void create_referral(struct world *world)
{
    int32_t number = world->created++;
    int64_t minutes = 10 + (int64_t)random_below(&world->random, 120);
    struct place place = {.referral = number,
                          .destination = (number * 7) % DESTINATIONS,
                          .created_at = world->now,
                          .next_attempt_at = world->now,
                          .deadline_at = world->now + minutes * 60000};
    id_of(number, 0, place.id);
    world->referrals[number].deadline_at = place.deadline_at;
    put(world, &place, false);
    commit(world);
}

static bool finished(const struct world *world)
{
    if (world->created < REFERRALS)
        return false;
    for (int i = 0; i < REFERRALS; i++)
        if (!world->referrals[i].finals)
            return false;
    return true;
}

static void run(struct world *world)
{
    begin_core(world);
    for (int32_t i = 0; i < PARTITIONS; i++)
        assign(world, i);
    for (size_t i = 0; i < DESTINATIONS; i++)
        world->tempers[i] =
            chance(world, 3) ? HEALTHY : (enum temper)random_below(&world->random, TEMPERS);
    int64_t end = world->now + 4 * 3600000;
    while (!finished(world)) {
        CHECK(world, world->now < end);
        bool moving = world->created < REFERRALS;
        if (moving && chance(world, 4))
            create_referral(world);
        misfortune(world);
        read_some(world);
        hear_answers(world);
        deliver_tick(world->core, world->now);
        write_all(world);
        send_all(world);
        world->now += 1 + (int64_t)random_below(&world->random, 400);
    }
    struct deliver_counts counts;
    deliver_count(world->core, &counts);
    CHECK(world, counts.facts == 0);
    deliver_free(world->core);
}

static void every_seed_keeps_the_promises(void **state)
{
    (void)state;
    const char *one = getenv("SIMULATION_SEED");
    const char *many = getenv("SIMULATION_SEEDS");
    uint64_t first = one ? strtoull(one, NULL, 10) : 1;
    uint64_t last = one ? first : many ? strtoull(many, NULL, 10) : SEEDS;
    long crashes = 0, aborts = 0, returned = 0, dead = 0, again = 0, left = 0;
    for (uint64_t seed = first; seed <= last; seed++) {
        struct world *world = calloc(1, sizeof(*world));
        assert_non_null(world);
        world->seed = seed;
        world->random.state = seed;
        world->intent = seed % 4 != 0;
        world->pending_max = seed % 3 ? 10000 : 6;
        world->now = 1795424400000;
        for (size_t i = 0; i < PARTITIONS; i++) {
            world->logs[i].entries = calloc(LOG_MAX, sizeof(struct entry));
            assert_non_null(world->logs[i].entries);
        }
        run(world);
        crashes += world->crashes;
        aborts += world->aborts;
        dead += world->attempts_dead;
        again += world->read_again;
        left = world->left > left ? world->left : left;
        for (int i = 0; i < REFERRALS; i++)
            returned += world->referrals[i].returned;
        for (size_t i = 0; i < PARTITIONS; i++) {
            for (int64_t j = 0; j < world->logs[i].count; j++)
                free(world->logs[i].entries[j].intents);
            free(world->logs[i].entries);
        }
        free(world);
    }
    print_message(
        "%lu seeds: %ld crashes, %ld aborts, %ld returned of %ld, %ld sends to the dead, up to %ld "
        "left on the topic, %ld times read again\n",
        (unsigned long)(last - first + 1), crashes, aborts, returned,
        (long)(last - first + 1) * REFERRALS, dead, left, again);
    if (!one) { /* the world was bad enough to prove something */
        assert_true(crashes > 0 && aborts > 0 && returned > 0 && again > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_seed_keeps_the_promises)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
