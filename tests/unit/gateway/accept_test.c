// SPDX-License-Identifier: Apache-2.0
// Each problem of the table has a request that causes it, and no problem repeats a value of the
// request.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "accept.h"
#include "problem.h"

#include "base/digest.h"
#include "base/text.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1772442900000) /* 2026-03-02T09:15:00Z */
#define BODY_MAX 262144
#define GOOD_FILE                                                                                  \
    SOURCE_DIR "/schemas/pathways/blood-pressure/examples/valid-1-ambulatory-from-gp.json"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct contract *contract;
static struct codec *codec;
static char *good;

static int set_up(void **state)
{
    struct reason reason = {0};
    size_t length;
    (void)state;
    contract = contract_load(SOURCE_DIR "/schemas", &reason);
    if (!contract) {
        fail_msg("%s: %s", reason.pointer, reason.detail);
    }
    codec = codec_new(contract, NULL);
    good = text_read_file(GOOD_FILE, BODY_MAX, &length);
    return codec && good ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(good);
    codec_free(codec);
    contract_free(contract);
    return 0;
}

static struct accept_request request_of(const char *body)
{
    return (struct accept_request){
        .content_type = "application/json",
        .body = body,
        .body_length = strlen(body),
        .body_size_max = BODY_MAX,
        .now_ms = NOW_MS,
        .random_id = {{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}},
        .random_trace = {{0xa1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 0xff}},
    };
}

static enum verdict accept(const struct accept_request *request, struct accepted *accepted,
                           struct reason *problem)
{
    struct buffer value;
    buffer_init(&value, 65536);
    enum verdict verdict = accept_referral(request, contract, codec, &value, accepted, problem);
    buffer_clear(&value);
    return verdict;
}

// The good body with the first `from` replaced by `to`. To be freed.
static char *with(const char *from, const char *to)
{
    char *at = strstr(good, from);
    size_t size = strlen(good) + strlen(to) + 1;
    char *body = malloc(size);
    assert_non_null(at);
    assert_non_null(body);
    snprintf(body, size, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return body;
}

// expected code, expected pointer, what is replaced in a good body, by what
static const struct {
    int line;
    const char *code, *pointer, *from, *to;
} BODIES[] = {
    {__LINE__, "not-json", "", "{", "["},
    {__LINE__, "not-json", "", "\"details\":", "\"details\" "},
    {__LINE__, "not-utf8", "", "Mocktavia", "Mock\xfftavia"},
    {__LINE__, "duplicate-member", "", "\"sex\": \"female\"",
     "\"sex\": \"female\", \"sex\": \"male\""},
    {__LINE__, "missing-field", "/pathway", "\"pathway\": \"blood-pressure\",", ""},
    {__LINE__, "missing-field", "/pathway", "\"blood-pressure\"", "null"},
    {__LINE__, "wrong-type", "/pathway", "\"blood-pressure\"", "7"},
    {__LINE__, "unknown-pathway", "/pathway", "\"blood-pressure\"", "\"blood-letting\""},
    {__LINE__, "unknown-pathway", "/pathway", "\"blood-pressure\"", "\"../blood-pressure\""},
    {__LINE__, "unknown-field", "/id", "{", "{\"id\": \"6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d\","},
    {__LINE__, "unknown-field", "/accepted_at", "{", "{\"accepted_at\": 5,"},
    {__LINE__, "unknown-field", "/body_digest", "{", "{\"body_digest\": \"x\","},
    {__LINE__, "unknown-field", "/traceparent", "{", "{\"traceparent\": \"" TRACE "\","},
    {__LINE__, "unknown-field", "/colour", "{", "{\"colour\": \"red\","},
    {__LINE__, "unknown-field", "/patient/shoe_size", "\"sex\":", "\"shoe_size\": 7, \"sex\":"},
    {__LINE__, "unknown-field", "", "{", "{\"9992000015\": 1,"},
    {__LINE__, "unknown-field", "/patient", "\"sex\":", "\"Mocktavia Unreal\": 7, \"sex\":"},
    {__LINE__, "missing-field", "/patient/date_of_birth", "\"date_of_birth\": \"1968-04-12\",", ""},
    {__LINE__, "missing-field", "/details/request", "\"request\": \"ambulatory-monitoring\",", ""},
    {__LINE__, "wrong-type", "/patient/postcode", "\"ME15 9ZZ\"", "15"},
    {__LINE__, "wrong-type", "/details/reading/systolic", "152", "\"152\""},
    {__LINE__, "bad-format", "/patient/nhs_number", "9992000015", "9992000016"},
    {__LINE__, "bad-format", "/patient/date_of_birth", "1968-04-12", "1968-02-30"},
    {__LINE__, "bad-format", "/patient/postcode", "ME15 9ZZ", "KENT"},
    {__LINE__, "bad-format", "/source/ods_code", "\"G82999\"", "\"g8\""},
    {__LINE__, "bad-format", "/correlation_id", "{", "{\"correlation_id\": \"no-uuid\","},
    {__LINE__, "out-of-range", "/details/reading/systolic", "152", "9152"},
    {__LINE__, "not-allowed", "/patient/sex", "\"female\"", "\"feminine\""},
    {__LINE__, "not-allowed", "/source/kind", "\"gp-practice\"", "\"dentist\""},
};

static void a_bad_body_is_a_problem_that_names_the_field_and_repeats_no_value(void **state)
{
    static const char *const VALUES[] = {"Mocktavia", "Unreal",   "9992000015", "1968",      "ME15",
                                         "KENT",      "feminine", "dentist",    "700 900211"};
    (void)state;
    for (size_t index = 0; index < sizeof BODIES / sizeof *BODIES; index++) {
        char *body = with(BODIES[index].from, BODIES[index].to);
        struct accept_request request = request_of(body);
        struct accepted accepted;
        struct reason problem = {0};
        enum verdict verdict = accept(&request, &accepted, &problem);
        if (verdict != REFUSED || strcmp(problem.code, BODIES[index].code) != 0 ||
            strcmp(problem.pointer, BODIES[index].pointer) != 0) {
            fail_msg("line %d: %s %s at \"%s\": %s", BODIES[index].line, verdict_name(verdict),
                     problem.code, problem.pointer, problem.detail);
        }
        for (size_t value = 0; value < sizeof VALUES / sizeof *VALUES; value++) {
            if (strstr(problem.detail, VALUES[value]) || strstr(problem.pointer, VALUES[value])) {
                fail_msg("line %d repeats a value: %s", BODIES[index].line, problem.detail);
            }
        }
        assert_int_not_equal(problem_find(problem.code)->status, 500);
        free(body);
    }
}

static void other_shapes_are_refused_before_they_cost_anything(void **state)
{
    char deep[81];
    memset(deep, '[', 40);
    memset(deep + 40, ']', 40);
    deep[80] = '\0';
    const struct {
        int line;
        const char *code;
        const char *body;
        size_t size_max;
    } table[] = {
        {__LINE__, "not-json", "", BODY_MAX},
        {__LINE__, "not-an-object", "[]", BODY_MAX},
        {__LINE__, "not-an-object", "\"text\"", BODY_MAX},
        {__LINE__, "not-an-object", "null", BODY_MAX},
        {__LINE__, "too-deep", deep, BODY_MAX},
        {__LINE__, "too-large", good, 100},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct accept_request request = request_of(table[index].body);
        struct accepted accepted;
        struct reason problem = {0};
        request.body_size_max = table[index].size_max;
        enum verdict verdict = accept(&request, &accepted, &problem);
        if (verdict != REFUSED || strcmp(problem.code, table[index].code) != 0) {
            fail_msg("line %d: %s %s", table[index].line, verdict_name(verdict), problem.code);
        }
    }
}

static void a_text_that_is_too_long_and_a_list_with_too_many_items_are_named(void **state)
{
    char letters[4200], notes[4300];
    (void)state;
    memset(letters, 'n', sizeof letters);
    snprintf(notes, sizeof notes, "{\"notes\": \"%.4100s\",", letters);
    static const char many[] =
        "\"access_needs\": [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"], \"sex\":";
    char *bodies[] = {with("{", notes), with("\"sex\":", many)};
    static const char *const expected[][2] = {{"too-long", "/notes"},
                                              {"too-many", "/patient/access_needs"}};
    for (size_t index = 0; index < 2; index++) {
        struct accept_request request = request_of(bodies[index]);
        struct accepted accepted;
        struct reason problem = {0};
        assert_int_equal(accept(&request, &accepted, &problem), REFUSED);
        assert_string_equal(problem.code, expected[index][0]);
        assert_string_equal(problem.pointer, expected[index][1]);
        free(bodies[index]);
    }
}

static void content_types_are_json_in_utf8_or_refused(void **state)
{
    static const struct {
        int line;
        bool taken;
        const char *type;
    } table[] = {
        {__LINE__, true, "application/json"},
        {__LINE__, true, "Application/JSON"},
        {__LINE__, true, "application/json;charset=utf-8"},
        {__LINE__, true, "application/json ; charset=\"UTF-8\" "},
        {__LINE__, false, NULL},
        {__LINE__, false, ""},
        {__LINE__, false, "text/json"},
        {__LINE__, false, "application/jsonx"},
        {__LINE__, false, "application/json; charset=latin1"},
        {__LINE__, false, "application/json; charset=\"utf-8"},
        {__LINE__, false, "application/json; charset=utf-8; x=y"},
        {__LINE__, false, "application/x-www-form-urlencoded"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct accept_request request = request_of(good);
        struct accepted accepted;
        struct reason problem = {0};
        request.content_type = table[index].type;
        enum verdict verdict = accept(&request, &accepted, &problem);
        if ((verdict == DONE) != table[index].taken ||
            (verdict != DONE && strcmp(problem.code, "wrong-content-type") != 0)) {
            fail_msg("line %d: %s %s", table[index].line, verdict_name(verdict), problem.code);
        }
    }
}

static void a_compressed_body_is_refused(void **state)
{
    struct accept_request request = request_of(good);
    struct accepted accepted;
    struct reason problem = {0};
    (void)state;
    request.content_encoding = "gzip";
    assert_int_equal(accept(&request, &accepted, &problem), REFUSED);
    assert_string_equal(problem.code, "wrong-content-encoding");
}

static void an_idempotency_key_is_1_to_255_visible_ascii_characters(void **state)
{
    char longest[257];
    memset(longest, 'k', 256);
    longest[256] = '\0';
    const struct {
        int line;
        bool taken;
        const char *key;
    } table[] = {
        {__LINE__, true, "k"},      {__LINE__, true, longest + 1}, {__LINE__, false, ""},
        {__LINE__, false, longest}, {__LINE__, false, "a b"},      {__LINE__, false, "caf\xc3\xa9"},
        {__LINE__, false, "a\x7f"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct accept_request request = request_of(good);
        struct accepted accepted;
        struct reason problem = {0};
        request.idempotency_key = table[index].key;
        enum verdict verdict = accept(&request, &accepted, &problem);
        if ((verdict == DONE) != table[index].taken ||
            (verdict != DONE && strcmp(problem.code, "bad-idempotency-key") != 0)) {
            fail_msg("line %d: %s %s", table[index].line, verdict_name(verdict), problem.code);
        }
    }
}

static void the_id_is_that_of_submitter_pathway_and_key_or_else_random(void **state)
{
    struct accept_request request = request_of(good);
    struct accepted first, again, other;
    struct reason problem;
    char expected[UUID_TEXT_SIZE];
    (void)state;
    assert_int_equal(accept(&request, &first, &problem), DONE);
    assert_string_equal(first.id, "01020304-0506-4708-890a-0b0c0d0e0f10");
    assert_false(first.keyed);

    request.idempotency_key = "key-1";
    assert_int_equal(accept(&request, &first, &problem), DONE);
    struct uuid uuid =
        uuid_of("referral", "gp-practice", "G82999", "blood-pressure", "key-1", NULL);
    uuid_format(&uuid, expected);
    assert_string_equal(first.id, expected);
    assert_true(first.keyed);
    request.random_id.bytes[0] = 9;
    request.now_ms += 1000;
    assert_int_equal(accept(&request, &again, &problem), DONE);
    assert_string_equal(again.id, first.id);
    assert_string_equal(again.digest, first.digest);

    char *body = with("\"G82999\"", "\"G82998\"");
    struct accept_request elsewhere = request_of(body);
    elsewhere.idempotency_key = "key-1";
    assert_int_equal(accept(&elsewhere, &other, &problem), DONE);
    assert_string_not_equal(other.id, first.id);
    assert_string_not_equal(other.digest, first.digest);
    free(body);
}

/* Once it was: one id on two topics, of which each went its own way. */
static void the_same_key_on_two_pathways_is_two_referrals(void **state)
{
    static const char OTHER_FILE[] =
        SOURCE_DIR "/schemas/pathways/contraception/examples/valid-1-ongoing-from-gp.json";
    char *other_body = text_read_file(OTHER_FILE, BODY_MAX, NULL);
    struct accepted first, other;
    struct reason problem = {0};
    (void)state;
    assert_non_null(other_body);
    struct json *good_json = json_parse(good, strlen(good), BODY_MAX, &problem);
    struct json *other_json = json_parse(other_body, strlen(other_body), BODY_MAX, &problem);
    assert_true(
        json_set_take(other_json, "source",
                      json_copy_deep(json_member(good_json, "source")))); /* same submitter */
    char *printed = json_print(other_json, JSON_COMPACT);
    struct accept_request requests[] = {request_of(good), request_of(printed)};
    requests[0].idempotency_key = requests[1].idempotency_key = "key-1";
    assert_int_equal(accept(&requests[0], &first, &problem), DONE);
    assert_int_equal(accept(&requests[1], &other, &problem), DONE);
    assert_string_not_equal(first.topic, other.topic);
    assert_string_not_equal(first.id, other.id);
    free(printed);
    json_free(other_json);
    json_free(good_json);
    free(other_body);
}

static void the_record_carries_what_was_posted_and_the_gateways_own_fields(void **state)
{
    struct accept_request request = request_of(good);
    struct accepted accepted;
    struct reason reason = {0};
    struct buffer value;
    struct record *record = NULL;
    uint8_t digest[SHA256_SIZE];
    char hex[DIGEST_TEXT_SIZE];
    (void)state;
    request.traceparent = TRACE;
    buffer_init(&value, 65536);
    assert_int_equal(accept_referral(&request, contract, codec, &value, &accepted, &reason), DONE);
    assert_int_equal(codec_read(codec, value.data, value.length, "Referral", &record, &reason),
                     DONE);
    assert_string_equal(record_text(record, "id"), accepted.id);
    assert_string_equal(record_text(record, "correlation_id"), accepted.id);
    assert_string_equal(record_text(record, "traceparent"), TRACE);
    assert_string_equal(record_text(record, "patient.given_name"), "Mocktavia");
    assert_string_equal(record_text(record, "details.arm"), "LEFT");
    assert_int_equal(record_whole_or(record, "details.reading.systolic", 0), 152);
    assert_int_equal(record_whole_or(record, "accepted_at", 0), NOW_MS);
    assert_string_equal(accepted.topic, "referrals.blood-pressure");

    struct json *posted = json_parse(good, strlen(good), BODY_MAX, &reason);
    char *canonical = json_print(posted, JSON_SORTED);
    assert_true(digest_sha256(canonical, strlen(canonical), digest));
    assert_true(hex_encode(digest, sizeof digest, hex, sizeof hex));
    assert_string_equal(record_text(record, "body_digest"), hex);
    free(canonical);
    json_free(posted);
    buffer_clear(&value);
}

static void the_digest_does_not_depend_on_order_and_blanks(void **state)
{
    struct reason reason = {0};
    struct accepted plain, compact;
    (void)state;
    struct json *posted = json_parse(good, strlen(good), BODY_MAX, &reason);
    char *sorted = json_print(posted, JSON_SORTED);
    struct accept_request first = request_of(good), second = request_of(sorted);
    assert_int_equal(accept(&first, &plain, &reason), DONE);
    assert_int_equal(accept(&second, &compact, &reason), DONE);
    assert_string_equal(plain.digest, compact.digest);
    free(sorted);
    json_free(posted);
}

/* DOMAIN: accept the spacing, store ten digits. Once it went out to providers as it was typed. */
static void a_number_and_a_postcode_are_kept_in_one_form_and_are_one_body(void **state)
{
    struct reason reason = {0};
    struct accepted tidy, typed;
    struct buffer value;
    struct record *record = NULL;
    (void)state;
    char *spaced = with("9992000015", "999 200 0015");
    struct accept_request first = request_of(good), second = request_of(spaced);
    char *postcode = strstr(spaced, "ME15 9ZZ");
    assert_non_null(postcode);
    memcpy(postcode, "me159zz ", 8);
    buffer_init(&value, 65536);
    assert_int_equal(accept(&first, &tidy, &reason), DONE);
    assert_int_equal(accept_referral(&second, contract, codec, &value, &typed, &reason), DONE);
    assert_int_equal(codec_read(codec, value.data, value.length, "Referral", &record, &reason),
                     DONE);
    assert_string_equal(record_text(record, "patient.nhs_number"), "9992000015");
    assert_string_equal(record_text(record, "patient.postcode"), "ME15 9ZZ");
    assert_string_equal(typed.digest, tidy.digest);
    buffer_clear(&value);
    free(spaced);
}

static void the_conversation_is_the_posted_one_else_the_headers_else_the_referral(void **state)
{
    static const char POSTED[] = "6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d";
    static const char HEADER[] = "7E2B5C62-6A3A-4C53-9B8C-1D8A1D1B2C3D";
    char *body = with("{", "{\"correlation_id\": \"6d2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d\",");
    struct accepted accepted;
    struct reason problem = {0};
    (void)state;
    struct accept_request request = request_of(body);
    request.correlation_id = HEADER;
    assert_int_equal(accept(&request, &accepted, &problem), DONE);
    assert_string_equal(accepted.correlation_id, POSTED);
    request = request_of(good);
    request.correlation_id = HEADER;
    assert_int_equal(accept(&request, &accepted, &problem), DONE);
    assert_string_equal(accepted.correlation_id, "7e2b5c62-6a3a-4c53-9b8c-1d8a1d1b2c3d");
    request.correlation_id = "9992000015";
    assert_int_equal(accept(&request, &accepted, &problem), DONE);
    assert_string_equal(accepted.correlation_id, accepted.id);
    free(body);
}

static void a_trace_is_taken_if_it_is_sound_and_made_if_not(void **state)
{
    static const struct {
        int line;
        bool sound;
        const char *trace;
    } table[] = {
        {__LINE__, true, TRACE},
        {__LINE__, false, NULL},
        {__LINE__, false, ""},
        {__LINE__, false, "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {__LINE__, false, "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {__LINE__, false, "00-00000000000000000000000000000000-b7ad6b7169203331-01"},
        {__LINE__, false, "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"},
        {__LINE__, false, TRACE "-extra"},
    };
    (void)state;
    for (size_t index = 0; index < sizeof table / sizeof *table; index++) {
        struct accept_request request = request_of(good);
        struct accepted accepted;
        struct reason problem = {0};
        request.traceparent = table[index].trace;
        assert_int_equal(accept(&request, &accepted, &problem), DONE);
        bool taken = text_equal(accepted.traceparent, table[index].trace);
        if (taken != table[index].sound || !traceparent_valid(accepted.traceparent)) {
            fail_msg("line %d: %s", table[index].line, accepted.traceparent);
        }
    }
}

// Returns how many examples of one pathway were judged.
static size_t judge_examples(const char *folder)
{
    char path[512];
    struct dirent *entry;
    size_t count = 0;
    text_format(path, sizeof path, "%s/schemas/pathways/%s/examples", SOURCE_DIR, folder);
    DIR *directory = opendir(path);
    while (directory && (entry = readdir(directory)) != NULL) {
        char file[1024];
        size_t length;
        struct accepted accepted;
        struct reason problem = {0};
        size_t name_length = strlen(entry->d_name);
        if (name_length < 5 || strcmp(entry->d_name + name_length - 5, ".json") != 0) {
            continue;
        }
        text_format(file, sizeof file, "%s/%s", path, entry->d_name);
        char *body = text_read_file(file, BODY_MAX, &length);
        assert_non_null(body);
        struct accept_request request = request_of(body);
        enum verdict verdict = accept(&request, &accepted, &problem);
        enum verdict expected = strncmp(entry->d_name, "valid", 5) == 0 ? DONE : REFUSED;
        if (verdict != expected) {
            fail_msg("%s/%s: %s %s at %s: %s", folder, entry->d_name, verdict_name(verdict),
                     problem.code, problem.pointer, problem.detail);
        }
        count++;
        free(body);
    }
    if (directory) {
        closedir(directory);
    }
    return count;
}

static void every_pathways_valid_examples_are_accepted_and_invalid_ones_refused(void **state)
{
    (void)state;
    assert_true(contract_pathway_count(contract) >= 10);
    for (size_t index = 0; index < contract_pathway_count(contract); index++) {
        assert_true(judge_examples(contract_pathway_name(contract, index)) >= 4);
    }
}

static void each_problem_has_a_status_of_its_kind_and_a_title(void **state)
{
    size_t count = 0;
    (void)state;
    for (const struct problem *problem; (problem = problem_at(count)) != NULL; count++) {
        assert_true(problem->status >= 400 && problem->status < 600 && problem->status != 500);
        assert_true(strlen(problem->title) > 10);
        assert_ptr_equal(problem_find(problem->code), problem);
    }
    assert_true(count > 20);
    assert_int_equal(problem_find("never heard of")->status, 500);
}

static void every_problem_stands_in_the_openapi_page(void **state)
{
    size_t length;
    char *page = text_read_file(SOURCE_DIR "/docs/openapi.yaml", (size_t)1 << 20, &length);
    (void)state;
    assert_non_null(page);
    for (size_t index = 0; problem_at(index); index++) {
        if (!strstr(page, problem_at(index)->code)) {
            fail_msg("docs/openapi.yaml does not name %s", problem_at(index)->code);
        }
    }
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_body_is_a_problem_that_names_the_field_and_repeats_no_value),
        cmocka_unit_test(other_shapes_are_refused_before_they_cost_anything),
        cmocka_unit_test(a_text_that_is_too_long_and_a_list_with_too_many_items_are_named),
        cmocka_unit_test(content_types_are_json_in_utf8_or_refused),
        cmocka_unit_test(a_compressed_body_is_refused),
        cmocka_unit_test(an_idempotency_key_is_1_to_255_visible_ascii_characters),
        cmocka_unit_test(the_id_is_that_of_submitter_pathway_and_key_or_else_random),
        cmocka_unit_test(the_same_key_on_two_pathways_is_two_referrals),
        cmocka_unit_test(the_record_carries_what_was_posted_and_the_gateways_own_fields),
        cmocka_unit_test(the_digest_does_not_depend_on_order_and_blanks),
        cmocka_unit_test(a_number_and_a_postcode_are_kept_in_one_form_and_are_one_body),
        cmocka_unit_test(the_conversation_is_the_posted_one_else_the_headers_else_the_referral),
        cmocka_unit_test(a_trace_is_taken_if_it_is_sound_and_made_if_not),
        cmocka_unit_test(every_pathways_valid_examples_are_accepted_and_invalid_ones_refused),
        cmocka_unit_test(each_problem_has_a_status_of_its_kind_and_a_title),
        cmocka_unit_test(every_problem_stands_in_the_openapi_page),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
