/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision costs with England's pharmacies in the directory: 12,000 of them in towns, with
 * hours of the usual shapes, and 100 services. Decisions are made at every hour of a week, nights
 * and Sundays included, because few are open then and more have to be passed over. One thread, no
 * Kafka. Prints one JSON line; ratios are medians of rounds that take turns.
 *
 *   bench_directory SCHEMAS-DIR [DECISIONS [nominated|nearest|bare|full|all|reload]]
 *
 * With a part named only that one is run, once, for a profiler. */
#include "base/calendar.h"
#include "base/random.h"
#include "base/text.h"
#include "directory/route.h"
#include "lifecycle/delivery.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PHARMACIES 12000
#define TOWNS 900
#define SERVICES 100
#define PATIENTS                                                                                   \
    8 /* a router decides on what it has just decoded: few, so that they stay cached               \
       */
#define CODES 4096
#define ROUNDS 7
#define HOUR_MS INT64_C(3600000)
#define WEEK_HOURS 168
#define MONDAY_MS INT64_C(1795392000000) /* 2026-11-23T00:00Z */
#define BODY_BYTES 900
#define PATHWAY "pharmacy-first"

struct bench {
    struct contract *contract;
    struct pathway_set *pathways;
    struct places *places;
    struct directory *directory;
    struct codec *codec;
    struct route_world world;
    struct record *patients[PATIENTS]; /* alike but for the district */
    char codes[CODES][ODS_CODE_SIZE];  /* of pharmacies to nominate */
    struct buffer framed;              /* the referral of about BODY_BYTES */
    char explanation[EXPLANATION_SIZE];
    struct random random;
};

static void check(bool well, const char *what)
{
    if (!well) {
        fprintf(stderr, "bench_directory: %s\n", what);
        exit(1);
    }
}

static void check_reason(bool well, const struct reason *reason)
{
    if (!well)
        fprintf(stderr, "%s: %s\n", reason->code, reason->detail);
    check(well, "could not be set up");
}

static double cpu_seconds(void)
{
    struct timespec now;
    check(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0, "no clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double resident_mib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/status", "r");
    check(file != NULL, "no /proc/self/status");
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    fclose(file);
    return (double)kib / 1024;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

/* ---- a directory like England's */

/* Most close at lunch or not, on Saturdays or not; one in ten opens on Sundays; one in forty is a
 * 100-hour pharmacy. */
static size_t shape_hours(struct random *random, struct session *hours)
{
    size_t count = 0;
    uint64_t shape = random_below(random, 40);
    if (shape == 0) {
        for (int8_t day = 0; day < 7; day++)
            hours[count++] = (struct session){day, 7 * 60, day == 6 ? 21 * 60 : 23 * 60};
        return count;
    }
    int16_t opens = (int16_t)(shape % 2 == 0 ? 9 * 60 : 8 * 60 + 30);
    int16_t closes = (int16_t)(17 * 60 + 30 + 30 * (int16_t)(shape % 3));
    for (int8_t day = 0; day < 5; day++) {
        if (shape % 3 == 0) {
            hours[count++] = (struct session){day, opens, 13 * 60};
            hours[count++] = (struct session){day, 14 * 60, closes};
        } else {
            hours[count++] = (struct session){day, opens, closes};
        }
    }
    if (shape % 5 < 3)
        hours[count++] = (struct session){5, 9 * 60, (int16_t)(shape % 5 == 0 ? 17 * 60 : 13 * 60)};
    if (shape % 10 == 0)
        hours[count++] = (struct session){6, 10 * 60, 16 * 60};
    return count;
}

static const char *const PHARMACY_SERVICES[] = {
    "clinical-pathway",         "minor-illness",          "urgent-supply",
    "blood-pressure-check",     "ambulatory-monitoring",  "contraception-ongoing",
    "contraception-initiation", "emergency-contraception"};
#define PHARMACY_SERVICES_COUNT (sizeof PHARMACY_SERVICES / sizeof *PHARMACY_SERVICES)

static struct provider *make_pharmacy(struct random *random, size_t number, int32_t easting,
                                      int32_t northing)
{
    char name[48], hcp[32], pcn[32], postcode[] = "ME14 1AA", url[64], secret[] = "pharmacies";
    struct provider_service services[PHARMACY_SERVICES_COUNT + 2];
    struct session hours[16];
    struct provider provider = {
        .kind = "pharmacy",
        .has_place = true,
        .easting = easting,
        .northing = northing,
        .distance_selling = number % 60 == 59,
        .name = name,
        .hcp = hcp,
        .pcn = pcn,
        .postcode = postcode,
        .url = url,
        .format = "json",
        .secret = secret,
        .services = services,
        .hours = hours,
        .hours_count = shape_hours(random, hours),
    };
    text_format(provider.ods_code, sizeof provider.ods_code, "F%c%c%02zu",
                (char)('A' + number / 2600), (char)('A' + number / 100 % 26), number % 100);
    text_format(name, sizeof name, "Invented Pharmacy of a Town %zu", number);
    text_format(hcp, sizeof hcp, "Partnership %zu", number % 42);
    text_format(pcn, sizeof pcn, "Network %zu", number % 1250);
    text_format(url, sizeof url, "https://provider.example/%s", provider.ods_code);
    for (size_t i = 0; i < PHARMACY_SERVICES_COUNT; i++) {
        struct provider_service *service = &services[provider.services_count];
        *service = (struct provider_service){"", true, -1, -1, -1};
        text_copy(service->service, sizeof service->service, PHARMACY_SERVICES[i]);
        provider.services_count += random_below(random, 100) < 93 ? 1 : 0;
    }
    for (int i = 0; i < 2; i++) { /* the other services, rare ones */
        struct provider_service *service = &services[provider.services_count++];
        *service = (struct provider_service){"", true, 16, -1, -1};
        text_format(service->service, sizeof service->service, "local-service-%d",
                    (int)random_below(random, SERVICES - PHARMACY_SERVICES_COUNT));
    }
    return provider_copy(&provider);
}

/* Towns of very different size; pharmacies stand within three kilometres of a town's middle. */
static void fill_directory(struct bench *bench)
{
    struct random *random = &bench->random;
    int32_t towns[TOWNS][2];
    for (size_t i = 0; i < TOWNS; i++) {
        towns[i][0] = 300000 + (int32_t)random_below(random, 350000);
        towns[i][1] = 60000 + (int32_t)random_below(random, 500000);
    }
    towns[0][0] = 576000; /* Maidstone, where the patients of the table that ships are */
    towns[0][1] = 155500;
    for (size_t i = 0; i < PHARMACIES; i++) {
        uint64_t a = random_below(random, TOWNS), b = random_below(random, TOWNS);
        const int32_t *town = towns[a * b / TOWNS];
        struct provider *provider =
            make_pharmacy(random, i, town[0] + (int32_t)random_below(random, 6000) - 3000,
                          town[1] + (int32_t)random_below(random, 6000) - 3000);
        check(provider != NULL && directory_put_take(bench->directory, provider),
              "no memory for a pharmacy");
    }
    directory_set_version(bench->directory, "p12000");
}

/* ---- referrals */

static const char *const DISTRICTS[] = {"ME14 2BB", "ME1 1AA",  "CT1 2AB",  "TN9 1AA",
                                        "DA1 1AA",  "CT20 1AA", "ME10 3AA", "TN23 1AA"};
#define DISTRICTS_COUNT (sizeof DISTRICTS / sizeof *DISTRICTS)

static void fill_referral(struct bench *bench, struct record *record, size_t number,
                          size_t notes_size)
{
    char id[UUID_TEXT_SIZE], notes[2048], path[64];
    text_format(id, sizeof id, "7d444840-9dc0-51d1-b245-%012zu", number);
    memset(notes, 'n', notes_size);
    notes[notes_size] = '\0';
    record_set_text(record, "id", id);
    record_set_text(record, "correlation_id", id);
    record_set_text(record, "pathway", PATHWAY);
    record_set_whole(record, "accepted_at", MONDAY_MS);
    record_set_text(record, "body_digest",
                    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    record_set_text(record, "traceparent",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    record_set_text(record, "source.kind", "gp-practice");
    record_set_text(record, "source.ods_code", "G82999");
    record_set_text(record, "source.organisation", "Made-up Lane Surgery");
    record_set_text(record, "source.person", "Dr Invented");
    record_set_text(record, "source.pcn", "Maidstone Central");
    record_set_text(record, "source.hcp", "West Kent");
    record_set_text(record, "patient.nhs_number", "9991000011");
    record_set_text(record, "patient.given_name", "Testina");
    record_set_text(record, "patient.family_name", "Fictional");
    record_set_text(record, "patient.date_of_birth", "1990-05-14");
    record_set_text(record, "patient.sex", "female");
    record_set_text(record, "patient.pregnancy", "not-pregnant");
    record_set_text(record, "patient.postcode", DISTRICTS[number % DISTRICTS_COUNT]);
    record_set_text(record, "patient.gp_practice", "G82999");
    record_add(record, "patient.contacts");
    text_format(path, sizeof path, "patient.contacts.0.phone");
    record_set_text(record, path, "07700900101");
    record_set_boolean(record, "consent.direct_care", true);
    record_set_text(record, "details.strand", "clinical-pathway");
    record_set_text(record, "details.condition", "uncomplicated-uti");
    record_set_text(record, "details.condition_code", "1090711000000102");
    record_set_text(record, "details.presenting_complaint",
                    "Pain on passing urine since yesterday");
    record_set_whole(record, "details.duration_days", 1);
    record_set_whole(record, "details.episodes_6_months", 0);
    record_set_whole(record, "details.episodes_12_months", 1);
    record_set_text(record, "notes", notes_size > 0 ? notes : NULL);
    check(!record_failed(record), "the referral's schema is another one");
    (void)bench;
}

static void make_referrals(struct bench *bench)
{
    const struct schema *schema = contract_referral(bench->contract, PATHWAY);
    struct reason reason = {0};
    buffer_init(&bench->framed, 65536);
    struct record *record = codec_blank(bench->codec, schema);
    check(record != NULL, "no memory");
    fill_referral(bench, record, 1, 1);
    check_reason(codec_write(bench->codec, record, &bench->framed, &reason) == DONE, &reason);
    size_t filler = bench->framed.length < BODY_BYTES ? BODY_BYTES - bench->framed.length : 1;
    record_reset(record);
    fill_referral(bench, record, 1, filler);
    buffer_reset(&bench->framed);
    check_reason(codec_write(bench->codec, record, &bench->framed, &reason) == DONE, &reason);
    for (size_t i = 0; i < PATIENTS; i++) {
        bench->patients[i] = record_new(schema);
        check(bench->patients[i] != NULL, "no memory");
        fill_referral(bench, bench->patients[i], i, filler);
    }
}

/* Pharmacies in no order that the directory would know. */
static void pick_codes(struct bench *bench)
{
    const struct provider *provider = NULL;
    size_t cursor = 0;
    for (size_t i = 0; i < CODES; i++) {
        for (int skip = 0; skip < 5; skip++)
            if (!directory_next(bench->directory, &cursor, &provider))
                cursor = 0;
        check(provider != NULL, "the directory is empty");
        text_copy(bench->codes[i], ODS_CODE_SIZE, provider->ods_code);
    }
}

/* ---- measuring */

struct decided {
    double per_second;
    size_t nominated, nearest, returned;
};

/* `count` decisions, spread over every hour of a week. Setting id and nomination is part of the
 * time. */
static struct decided decide(struct bench *bench, bool nominated, size_t count)
{
    struct decided decided = {0};
    double began = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        int64_t now_ms = MONDAY_MS + (int64_t)(i * WEEK_HOURS / count) * HOUR_MS;
        struct record *patient = bench->patients[i % PATIENTS];
        struct route_decision decision;
        char id[] = "7d444840-9dc0-51d1-b245-000000000000";
        for (size_t rest = i, at = sizeof id - 2; rest > 0; rest /= 10)
            id[at--] = (char)('0' + rest % 10);
        check(record_set_text(patient, "id", id) &&
                  record_set_text(patient, "nominated_provider",
                                  nominated ? bench->codes[i % CODES] : NULL) &&
                  route_decide(&bench->world, PATHWAY, patient, now_ms - 1000, now_ms, NULL, 0,
                               &decision),
              "no decision");
        decided.returned += decision.choice.provider == NULL;
        decided.nominated += strcmp(decision.choice.how, "nominated") == 0;
        decided.nearest += strcmp(decision.choice.how, "nearest") == 0;
    }
    decided.per_second = (double)count / (cpu_seconds() - began);
    return decided;
}

static double bare_decode(const struct bench *bench, size_t count)
{
    const struct schema *schema = contract_referral(bench->contract, PATHWAY);
    const char *bytes = (const char *)bench->framed.data + 10; /* behind C3 01 and fingerprint */
    avro_schema_t avro = NULL;
    avro_value_t value;
    check(avro_schema_from_json_length(schema_text(schema), strlen(schema_text(schema)), &avro) ==
              0,
          "avro-c refuses the schema");
    avro_value_iface_t *class = avro_generic_class_from_schema(avro);
    avro_reader_t reader = avro_reader_memory(bytes, (int64_t)bench->framed.length - 10);
    check(class != NULL && reader != NULL && avro_generic_value_new(class, &value) == 0,
          "avro-c without memory");
    double began = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        avro_reader_memory_set_source(reader, bytes, (int64_t)bench->framed.length - 10);
        check(avro_value_reset(&value) == 0 && avro_value_read(reader, &value) == 0,
              "avro-c can't read the referral");
    }
    double seconds = cpu_seconds() - began;
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_reader_free(reader);
    avro_schema_decref(avro);
    return seconds / (double)count;
}

static void encode(struct bench *bench, const struct record *record,
                   const struct route_decision *decision, bool events, struct buffer *buffer)
{
    struct reason reason = {0};
    struct delivery delivery = {.accepted_at_ms = MONDAY_MS,
                                .created_at_ms = MONDAY_MS,
                                .deadline_at_ms = decision->deadline_at_ms,
                                .payload = bench->framed.data,
                                .payload_size = bench->framed.length};
    text_copy(delivery.referral_id, sizeof delivery.referral_id, record_text(record, "id"));
    delivery_id_of(PATHWAY, delivery.referral_id, 0, delivery.id);
    text_copy(delivery.pathway, sizeof delivery.pathway, PATHWAY);
    text_copy(delivery.service, sizeof delivery.service, decision->rules.service);
    text_copy(delivery.source_kind, sizeof delivery.source_kind, "gp-practice");
    if (decision->choice.provider != NULL)
        text_copy(delivery.destination, sizeof delivery.destination,
                  decision->choice.provider->ods_code);
    struct referral_event event;
    buffer_reset(buffer);
    check_reason(delivery_encode(bench->codec, bench->contract, &delivery, buffer, &reason) == DONE,
                 &reason);
    if (!events)
        return;
    check(route_explain(&bench->world, decision, "1.0.0", bench->explanation,
                        sizeof bench->explanation),
          "no explanation");
    delivery_event(&delivery, EVENT_RECEIVED, MONDAY_MS, &event);
    check_reason(event_encode(bench->codec, bench->contract, &event, buffer, &reason) == DONE,
                 &reason);
    delivery_event(&delivery, EVENT_ROUTED, MONDAY_MS, &event);
    event.explanation = bench->explanation;
    check_reason(event_encode(bench->codec, bench->contract, &event, buffer, &reason) == DONE,
                 &reason);
}

/* Decode, validate, decide, encode the delivery with the referral in it. With `events` also the
 * explanation and both events: all that the router does between two calls of Kafka's client. */
static double full_turn(struct bench *bench, bool events, size_t count)
{
    struct buffer buffer;
    buffer_init(&buffer, 65536);
    double began = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        int64_t now_ms = MONDAY_MS + 10 * HOUR_MS;
        struct record *record = NULL;
        struct route_decision decision;
        struct reason reason = {0};
        check_reason(codec_read(bench->codec, bench->framed.data, bench->framed.length, "Referral",
                                &record, &reason) == DONE &&
                         record_check(record, &reason) == DONE,
                     &reason);
        check(
            route_decide(&bench->world, PATHWAY, record, now_ms - 1000, now_ms, NULL, 0, &decision),
            "no decision");
        encode(bench, record, &decision, events, &buffer);
    }
    double seconds = cpu_seconds() - began;
    buffer_clear(&buffer);
    return seconds / (double)count;
}

/* Every provider written as the topic has it, read again and put into the living directory. */
static double reload(struct bench *bench)
{
    const struct schema *schema = contract_message(bench->contract, "Provider");
    struct buffer *framed = calloc(PHARMACIES, sizeof *framed);
    const struct provider *provider = NULL;
    struct reason reason = {0};
    size_t count = 0;
    check(framed != NULL, "no memory");
    for (size_t cursor = 0; directory_next(bench->directory, &cursor, &provider); count++) {
        buffer_init(&framed[count], 65536);
        struct record *record = codec_blank(bench->codec, schema);
        check(record != NULL && provider_to_record(provider, record), "no memory");
        check_reason(codec_write(bench->codec, record, &framed[count], &reason) == DONE, &reason);
    }
    double began = cpu_seconds();
    for (size_t i = 0; i < count; i++) {
        struct record *record = NULL;
        check_reason(codec_read(bench->codec, framed[i].data, framed[i].length, "Provider", &record,
                                &reason) == DONE,
                     &reason);
        struct provider *fresh = provider_from_record(record, &reason);
        check_reason(fresh != NULL && directory_put_take(bench->directory, fresh), &reason);
    }
    double seconds = cpu_seconds() - began;
    for (size_t i = 0; i < count; i++)
        buffer_clear(&framed[i]);
    free(framed);
    check(directory_count(bench->directory) == PHARMACIES, "the reload lost some");
    return seconds;
}

static void open_bench(struct bench *bench, const char *schemas_dir)
{
    struct reason reason = {0};
    bench->random.state = 20261123;
    bench->contract = contract_load(schemas_dir, &reason);
    check_reason(bench->contract != NULL, &reason);
    bench->pathways = pathway_set_load(bench->contract, &reason);
    check_reason(bench->pathways != NULL, &reason);
    bench->places = places_load(schemas_dir, &reason);
    check_reason(bench->places != NULL, &reason);
    bench->codec = codec_new(bench->contract, NULL);
    check(bench->codec != NULL, "no memory");
}

static void close_bench(struct bench *bench)
{
    for (size_t i = 0; i < PATIENTS; i++)
        record_free(bench->patients[i]);
    buffer_clear(&bench->framed);
    directory_free(bench->directory);
    codec_free(bench->codec);
    places_free(bench->places);
    pathway_set_free(bench->pathways);
    contract_free(bench->contract);
}

static void run_part(struct bench *bench, const char *part, size_t count)
{
    double figure = 0;
    if (text_equal(part, "bare"))
        figure = bare_decode(bench, count);
    else if (text_equal(part, "full") || text_equal(part, "all"))
        figure = full_turn(bench, text_equal(part, "all"), count);
    else if (text_equal(part, "reload"))
        figure = reload(bench);
    else
        figure = decide(bench, text_equal(part, "nominated"), count).per_second;
    printf("{\"%s\": %g}\n", part, figure);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    check(argc >= 2, "needs the schemas folder");
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 168000;
    check(count >= WEEK_HOURS, "at least 168 decisions");
    open_bench(&bench, argv[1]);
    double before_mib = resident_mib();
    bench.directory = directory_new();
    check(bench.directory != NULL, "no memory");
    fill_directory(&bench);
    double directory_mib = resident_mib() - before_mib;
    bench.world = (struct route_world){bench.pathways, bench.directory, bench.places};
    make_referrals(&bench);
    pick_codes(&bench);
    if (argc > 3) {
        run_part(&bench, argv[3], count);
        close_bench(&bench);
        return 0;
    }
    double nominated[ROUNDS], nearest[ROUNDS], full[ROUNDS], all[ROUNDS], bare[ROUNDS],
        reloads[ROUNDS];
    struct decided named = {0}, near = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        named = decide(&bench, true, count);
        nominated[round] = named.per_second;
        near = decide(&bench, false, count);
        nearest[round] = near.per_second;
        bare[round] = bare_decode(&bench, count / 8);
        full[round] = full_turn(&bench, false, count / 8) / bare[round];
        all[round] = full_turn(&bench, true, count / 8) / bare[round];
        reloads[round] = reload(&bench);
    }
    printf("{\"nominated_per_second\": %.0f, \"nearest_per_second\": %.0f, "
           "\"full_ratio\": %.2f, \"all_ratio\": %.2f, \"bare_decode_us\": %.2f, "
           "\"referral_bytes\": %zu, \"reload_seconds\": %.3f, \"directory_mib\": %.1f, "
           "\"share_nominated\": %.3f, \"share_nearest\": %.3f, \"peak_mib\": %.1f}\n",
           median(nominated, ROUNDS), median(nearest, ROUNDS), median(full, ROUNDS),
           median(all, ROUNDS), median(bare, ROUNDS) * 1e6, bench.framed.length,
           median(reloads, ROUNDS), directory_mib, (double)named.nominated / (double)count,
           (double)near.nearest / (double)count, resident_mib());
    close_bench(&bench);
    return 0;
}
